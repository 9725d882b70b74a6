import type { Random } from '../../src/simulator/random.ts';

/** Values that decoders and comparisons are likely to treat wrongly. */
export const oddValues: readonly unknown[] = [
  null,
  0,
  '',
  true,
  false,
  -0,
  1.5,
  -1,
  1e308,
  2 ** 53,
  ' ',
  '0',
  '5208',
  'null',
  '\u0000',
  '\ud800',
  '💬',
  '__proto__',
  'constructor',
  '1e3',
  '-1',
  [],
  [null],
  {},
  'x'.repeat(5_000),
  '{"a":1}',
  '/../..',
  '%00',
  "' OR 1=1 --",
  'NEW',
  'AGENT',
];

const oddKeys = [
  'id',
  'status',
  'anyOf',
  '__proto__',
  'constructor',
  'prototype',
  '__typename',
  'hasOwnProperty',
  'then',
  'createdAt',
  'equals',
  'userIds',
  'toJSON',
  'length',
];

export const oddKey = (random: Random): string => random.pick(oddKeys);

export function oddValue(random: Random, depth = 0): unknown {
  const choice = random.integer(0, 9);
  if (depth > 4 || choice < 5) return random.pick(oddValues);
  if (choice < 7) {
    return Array.from({ length: random.integer(0, 5) }, () => oddValue(random, depth + 1));
  }
  return Object.fromEntries(
    Array.from({ length: random.integer(0, 5) }, () => [
      random.pick(oddKeys),
      oddValue(random, depth + 1),
    ]),
  );
}

/** `JSON.stringify` would omit `__proto__`, and exceeds the stack. */
export const nest = (open: string, close: string, levels: number, core = '1'): string =>
  open.repeat(levels) + core + close.repeat(levels);

export const times = (count: number, write: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => write(index)).join(' ');

export const bytes = (random: Random, length: number): Buffer =>
  Buffer.from(Array.from({ length }, () => random.integer(0, 255)));

/** Small numbers often, large ones rarely. */
export const size = (random: Random, largest: number): number =>
  Math.floor(largest ** random.next());

/** A number near one of the limits that protocols have. */
export const boundary = (random: Random, limits: readonly number[]): number =>
  random.pick(limits) + random.pick([0, 1, -1, 0.5, -0.5]);

/** Text of JSON that is nested more deeply than a stack is high, or contains numbers that no double holds. */
const extremeJson = (random: Random): string =>
  random.pick([
    () => nest('[', ']', 10 ** random.integer(1, 5)),
    () => nest('{"a":', '}', 10 ** random.integer(1, 5)),
    () => `[${'0,'.repeat(10 ** random.integer(1, 4))}0]`,
    () => `"${'x'.repeat(10 ** random.integer(1, 5))}"`,
    () => '9'.repeat(10 ** random.integer(1, 4)),
    () => '1e999',
    () => '-1e999',
    () => `{${times(10 ** random.integer(1, 3), (index) => `"k${index}":1,`)}"k":1}`,
    () => '{"__proto__":{"isFuzzed":true}}',
  ])();

const mark = '"@@fuzz@@"';

/** Replaces, removes, renames or repeats some parts of a JSON document; the result may no longer be JSON. */
export function mutateJson(random: Random, text: string): string {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return mutateText(random, text);
  }
  const extremes: string[] = [];
  let rest = size(random, 5);
  function mutated(value: unknown, depth: number): unknown {
    if (rest > 0 && random.isLucky(depth === 0 ? 0.05 : 0.15)) {
      rest -= 1;
      const kind = random.integer(-1, 5);
      if (kind <= 0) return null;
      if (kind === 1) {
        extremes.push(extremeJson(random));
        return '@@fuzz@@';
      }
      if (kind === 2) return [value];
      if (kind === 3) return { [random.pick(oddKeys)]: value };
      if (kind === 4 && typeof value !== 'object') return wrongType(random, value);
      return oddValue(random);
    }
    if (Array.isArray(value)) {
      const items = value.map((item) => mutated(item, depth + 1));
      if (rest === 0 || !random.isLucky(0.2)) return items;
      rest -= 1;
      return random.pick([
        [],
        [...items, ...items],
        [...items, null],
        Object.fromEntries(items.entries()),
        items[0],
      ]);
    }
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, inner]) => {
        if (rest > 0 && random.isLucky(0.06)) {
          rest -= 1;
          return random.pick([[], [[random.pick(oddKeys), inner]]]);
        }
        return [[key, mutated(inner, depth + 1)]];
      }),
    );
  }
  let written: string;
  try {
    written = JSON.stringify(mutated(document, 0));
  } catch (error) {
    // Nested too deeply to be changed part by part.
    if (error instanceof RangeError) return mutateText(random, text);
    throw error;
  }
  for (const extreme of extremes) written = written.replace(mark, () => extreme);
  return random.isLucky(0.08) ? mutateText(random, written) : written;
}

function wrongType(random: Random, value: unknown): unknown {
  if (typeof value === 'number') {
    return random.pick([String(value), -value, value * 1e300, value + 0.5, value * 1000, NaN]);
  }
  if (typeof value === 'string') return random.pick([Number(value), value.split(''), `${value}.0`]);
  return random.pick([Number(value), String(value), null]);
}

/** Inserts, removes and repeats pieces. */
export function mutateText(
  random: Random,
  text: string,
  pieces: readonly string[] = ['{', '}', '[', ']', '"', ',', ':', '\\u', '\u0000', '\ud83d', '💬'],
): string {
  let mutated = text;
  for (let count = random.integer(1, 6); count > 0; count -= 1) {
    const at = random.integer(0, mutated.length);
    const own = mutated.slice(at, at + random.integer(0, 12));
    const insert = random.pick(['', ...pieces, own.repeat(3)]);
    mutated = mutated.slice(0, at) + insert + mutated.slice(at + random.integer(0, 6));
  }
  return mutated;
}

/** The text for a person to read: pieces that are repeated many times are counted. */
export function compact(text: string, longest = 1_000): string {
  const counted = text
    .slice(0, 200_000)
    .replace(
      /(.{1,12}?)\1{15,}/gs,
      (all: string, piece: string) => `⟨${piece} × ${all.length / piece.length}⟩`,
    );
  return counted.length > longest
    ? `${counted.slice(0, longest)}… (${text.length} characters)`
    : counted;
}
