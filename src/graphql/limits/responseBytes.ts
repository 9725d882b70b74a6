/** Characters that JSON escapes. */
const escaped = /["\\\u0000-\u001f\ud800-\udfff]/;

const bytesOfText = (text: string): number =>
  escaped.test(text) ? Buffer.byteLength(JSON.stringify(text)) : Buffer.byteLength(text) + 2;

function bytesOfLeaf(value: unknown): number {
  if (typeof value === 'string') return bytesOfText(value);
  if (typeof value === 'number' && Number.isFinite(value)) return String(value).length;
  return value === false ? 5 : 4;
}

/** A character takes between one byte and six (`\u1234`). */
const maxBytesPerCharacter = 6;

const charactersOf = (value: unknown): number => (typeof value === 'string' ? value.length + 2 : 5);

type Nested = Readonly<Record<string, unknown>> | readonly unknown[];

const isNested = (value: unknown): value is Nested => typeof value === 'object' && value !== null;

const isList = (value: Nested): value is readonly unknown[] => Array.isArray(value);

type Measure = (value: unknown) => number;

/** Waits for the next turn of the event loop if the time of this one is used up. */
export type Pause = () => Promise<void> | undefined;

/** How many objects and lists are measured between two checks of the time. */
const atOnce = 256;

interface MeasureOptions {
  readonly limit: number;
  readonly sizeOf: Measure;
  readonly pause: Pause;
}

/** Measures JSON up to `limit` without serializing it. Omits `undefined` properties, as `JSON.stringify` does. */
async function measure(root: unknown, { limit, sizeOf, pause }: MeasureOptions): Promise<number> {
  if (!isNested(root)) return sizeOf(root);
  const nested: Nested[] = [root];
  let bytes = 0;
  let measured = 0;
  for (let next = nested.pop(); next !== undefined && bytes <= limit; next = nested.pop()) {
    bytes += 2;
    measured += 1;
    if (measured % atOnce === 0) await pause();
    if (isList(next)) {
      bytes += Math.max(0, next.length - 1);
      for (const item of next) {
        if (isNested(item)) nested.push(item);
        else bytes += sizeOf(item);
      }
      continue;
    }
    let separators = -1;
    // The objects of a result have no inherited properties, and `Object.keys` would allocate.
    for (const name in next) {
      const value = next[name];
      if (value === undefined) continue;
      separators += 2;
      bytes += sizeOf(name);
      if (isNested(value)) nested.push(value);
      else bytes += sizeOf(value);
    }
    bytes += Math.max(0, separators);
  }
  return bytes;
}

/** Whether `value` takes more than `maxBytes` as JSON. It is not serialized, as it may be far larger. */
export async function isLargerThan(
  maxBytes: number,
  value: unknown,
  pause: Pause,
): Promise<boolean> {
  // Counting characters is enough for most responses.
  const limit = maxBytes / maxBytesPerCharacter;
  if ((await measure(value, { limit, sizeOf: charactersOf, pause })) <= limit) return false;
  return (await measure(value, { limit: maxBytes, sizeOf: bytesOfLeaf, pause })) > maxBytes;
}
