import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { badUserInput } from './clientError.ts';

const ivBytes = 16;
const placeBytes = 6;

export type Seal = ReturnType<typeof createSeal>;

/**
 * Cursors that do not tell how far apart two rows are. The same place always gives the same cursor, on every instance that has
 * the secret; without it none can be read or made.
 */
export function createSeal(secret: string) {
  const keyFor = (use: string): Buffer => Buffer.from(hkdfSync('sha256', secret, '', use, 32));
  const placeKey = keyFor('helpcrunch-graphql cursor place');
  const listKey = keyFor('helpcrunch-graphql cursor list');

  const ivOf = (list: string, place: number): Buffer =>
    createHmac('sha256', listKey).update(`${list}:${place}`).digest().subarray(0, ivBytes);

  function toCursor(list: string, place: number): string {
    const iv = ivOf(list, place);
    const bytes = Buffer.alloc(placeBytes);
    bytes.writeUIntBE(place, 0, placeBytes);
    const hidden = createCipheriv('aes-256-ctr', placeKey, iv).update(bytes);
    return Buffer.concat([iv, hidden]).toString('base64url');
  }

  return {
    toCursor,
    /** The place; a `badInput` for what `toCursor` did not make of this list. */
    fromCursor(argument: string, cursor: string, list: string): number {
      const bytes = Buffer.from(cursor, 'base64url');
      if (bytes.length === ivBytes + placeBytes) {
        const decipher = createDecipheriv('aes-256-ctr', placeKey, bytes.subarray(0, ivBytes));
        const place = decipher.update(bytes.subarray(ivBytes)).readUIntBE(0, placeBytes);
        if (toCursor(list, place) === cursor) return place;
      }
      throw badUserInput(argument, 'Give a cursor of a list with the same filter and order.');
    },
  };
}
