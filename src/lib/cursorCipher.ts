import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import type { CursorFormat, Position } from './cursors.ts';
import { decodeAnchor, encodeAnchor, invalidCursorError } from './cursors.ts';

const ivBytes = 16;
const offsetBytes = 6;
/** Equal for all rows with ids of usual length. */
const anchorBytes = 48;
/** Of a cursor with the longest id. */
const maxBytes = 256;

export type CursorCipher = ReturnType<typeof createCursorCipher>;

/** The neighbours of a row, whose number would show in the length of the cursor, are left out. */
const textOf = ({ anchor }: Position): string =>
  anchor === undefined
    ? ''
    : encodeAnchor({ ...anchor, previous: [], next: [], rankInSecond: 0 }).padEnd(anchorBytes);

/**
 * Encrypts positions into opaque cursors, which do not reveal the distance between rows. Encryption is deterministic: all instances with the
 * secret produce the same cursor.
 */
export function createCursorCipher(secret: string) {
  const deriveKey = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));
  const positionKey = deriveKey('helpcrunch-graphql cursor place');
  const listKey = deriveKey('helpcrunch-graphql cursor list');

  function encode(list: string, position: Position): string {
    const { offset } = position;
    const text = textOf(position);
    const name = `${list}:${offset}${text === '' ? '' : `:${text}`}`;
    const iv = createHmac('sha256', listKey).update(name).digest().subarray(0, ivBytes);
    const bytes = Buffer.alloc(offsetBytes + text.length);
    bytes.writeUIntBE(offset, 0, offsetBytes);
    bytes.write(text, offsetBytes);
    const encrypted = createCipheriv('aes-256-ctr', positionKey, iv).update(bytes);
    return Buffer.concat([iv, encrypted]).toString('base64url');
  }

  function decrypt(bytes: Buffer): Position {
    const decipher = createDecipheriv('aes-256-ctr', positionKey, bytes.subarray(0, ivBytes));
    const decrypted = decipher.update(bytes.subarray(ivBytes));
    const anchor = decodeAnchor(decrypted.subarray(offsetBytes).toString('latin1').trimEnd());
    return { offset: decrypted.readUIntBE(0, offsetBytes), ...(anchor && { anchor }) };
  }

  return {
    cursorsOf: (list: string): CursorFormat => ({
      encode: (position) => encode(list, position),
      decode(argument, cursor) {
        const bytes = Buffer.from(cursor, 'base64url');
        if (bytes.length >= ivBytes + offsetBytes && bytes.length <= maxBytes) {
          const position = decrypt(bytes);
          if (encode(list, position) === cursor) return position;
        }
        throw invalidCursorError(argument);
      },
    }),
  };
}
