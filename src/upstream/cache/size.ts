const objectBytes = 40;
const memberBytes = 8;
const textBytes = 24;
const numberBytes = 16;

const isLatin1 = (text: string): boolean => !/[^\0-\xff]/.test(text);

/** The approximate size of a JSON value in V8's heap. */
export function estimateBytes(value: unknown): number {
  if (typeof value === 'string') return textBytes + value.length * (isLatin1(value) ? 1 : 2);
  if (typeof value === 'number') return numberBytes;
  if (typeof value !== 'object' || value === null) return 0;
  const members: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  let bytes = objectBytes + memberBytes * members.length;
  for (const member of members) bytes += estimateBytes(member);
  return bytes;
}
