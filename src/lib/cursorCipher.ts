import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { badUserInputError } from './clientError.ts';

const ivBytes = 16;
const offsetBytes = 6;

export type CursorCipher = ReturnType<typeof createCursorCipher>;

/**
 * Encrypts offsets into opaque cursors, which do not reveal the distance between rows. Encryption is deterministic: all instances with the
 * secret produce the same cursor.
 */
export function createCursorCipher(secret: string) {
  const deriveKey = (purpose: string): Buffer =>
    Buffer.from(hkdfSync('sha256', secret, '', purpose, 32));
  const offsetKey = deriveKey('helpcrunch-graphql cursor place');
  const listKey = deriveKey('helpcrunch-graphql cursor list');

  const ivOf = (list: string, offset: number): Buffer =>
    createHmac('sha256', listKey).update(`${list}:${offset}`).digest().subarray(0, ivBytes);

  function toCursor(list: string, offset: number): string {
    const iv = ivOf(list, offset);
    const bytes = Buffer.alloc(offsetBytes);
    bytes.writeUIntBE(offset, 0, offsetBytes);
    const encrypted = createCipheriv('aes-256-ctr', offsetKey, iv).update(bytes);
    return Buffer.concat([iv, encrypted]).toString('base64url');
  }

  return {
    toCursor,
    /** The offset; throws `badInput` for a cursor of another list. */
    fromCursor(argument: string, cursor: string, list: string): number {
      const bytes = Buffer.from(cursor, 'base64url');
      if (bytes.length === ivBytes + offsetBytes) {
        const decipher = createDecipheriv('aes-256-ctr', offsetKey, bytes.subarray(0, ivBytes));
        const offset = decipher.update(bytes.subarray(ivBytes)).readUIntBE(0, offsetBytes);
        if (toCursor(list, offset) === cursor) return offset;
      }
      throw badUserInputError(
        argument,
        'must be a cursor of a list with the same filter and order.',
      );
    },
  };
}
