import { whenSettled } from '../../lib/whenSettled.ts';

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
class Measurement {
  readonly #options: MeasureOptions;
  readonly #nested: Nested[];
  #bytes = 0;
  #measured = 0;

  constructor(root: Nested, options: MeasureOptions) {
    this.#options = options;
    this.#nested = [root];
  }

  /** Synchronous if there was no pause. */
  run(): number | Promise<number> {
    const { limit, pause } = this.#options;
    for (;;) {
      const next = this.#bytes <= limit ? this.#nested.pop() : undefined;
      if (next === undefined) return this.#bytes;
      this.#bytes += 2;
      if (isList(next)) this.#addItems(next);
      else this.#addProperties(next);
      this.#measured += 1;
      const paused = this.#measured % atOnce === 0 ? pause() : undefined;
      if (paused !== undefined) return paused.then(() => this.run());
    }
  }

  #addItems(items: readonly unknown[]): void {
    this.#bytes += Math.max(0, items.length - 1);
    for (const item of items) this.#add(item);
  }

  #addProperties(properties: Readonly<Record<string, unknown>>): void {
    let separators = -1;
    // The objects of a result have no inherited properties, and `Object.keys` would allocate.
    for (const name in properties) {
      const value = properties[name];
      if (value === undefined) continue;
      separators += 2;
      this.#bytes += this.#options.sizeOf(name);
      this.#add(value);
    }
    this.#bytes += Math.max(0, separators);
  }

  #add(value: unknown): void {
    if (isNested(value)) this.#nested.push(value);
    else this.#bytes += this.#options.sizeOf(value);
  }
}

const measure = (root: unknown, options: MeasureOptions): number | Promise<number> =>
  isNested(root) ? new Measurement(root, options).run() : options.sizeOf(root);

/** Whether `value` takes more than `maxBytes` as JSON. It is not serialized, as it may be far larger. */
export function isLargerThan(
  maxBytes: number,
  value: unknown,
  pause: Pause,
): boolean | Promise<boolean> {
  // Counting characters is enough for most responses.
  const limit = maxBytes / maxBytesPerCharacter;
  return whenSettled(measure(value, { limit, sizeOf: charactersOf, pause }), (characters) =>
    characters <= limit
      ? false
      : whenSettled(
          measure(value, { limit: maxBytes, sizeOf: bytesOfLeaf, pause }),
          (bytes) => bytes > maxBytes,
        ),
  );
}
