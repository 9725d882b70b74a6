import type { Rows } from '../support/paging.ts';
import { UpstreamError } from './errors.ts';

/**
 * Readers of the wire. They are strict about shape (an array is never an object, an object never a text) and mild about
 * values: what cannot be understood is null, or `UNKNOWN` in a closed set.
 */
type Wire = Readonly<Record<string, unknown>>;

const malformed = (where: string, expected: string): UpstreamError =>
  new UpstreamError('malformed', `The helpdesk's ${where} is not ${expected}.`);

const isRecord = (value: unknown): value is Wire =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function record(value: unknown, where: string): Wire {
  if (!isRecord(value)) throw malformed(where, 'an object');
  return value;
}

/** Null for what is absent, and for a text or a number where an object could be; an array is never one. */
export const recordOrNull = (value: unknown, where: string): Wire | null =>
  typeof value === 'object' && value !== null ? record(value, where) : null;

export function list(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformed(where, 'a list');
  return value;
}

/** Empty for what is absent, and for a text or a number where a list could be; an object is never one. */
export const listOrEmpty = (value: unknown, where: string): readonly unknown[] =>
  typeof value === 'object' && value !== null ? list(value, where) : [];

export function text(value: unknown, where: string): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return null;
  throw malformed(where, 'a text');
}

const words: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  false: false,
  '0': false,
};

export function flag(value: unknown, where: string): boolean | null {
  if (typeof value === 'boolean') return value;
  const word = text(value, where)?.toLowerCase();
  return word !== undefined && Object.hasOwn(words, word) ? (words[word] ?? null) : null;
}

/** An id as text; null for what is no whole number of zero or more. */
export function idOrNull(value: unknown, where: string): string | null {
  const id = text(value, where);
  return id !== null && /^(0|[1-9][0-9]*)$/.test(id) ? id : null;
}

/** The id that makes a thing what it is: without it the answer is unreadable. */
export function id(value: unknown, where: string): string {
  const found = idOrNull(value, where);
  if (found === null) throw malformed(where, 'an id');
  return found;
}

/** The end of the year 9999: a DateTime knows no fifth digit. */
const latestMs = 253_402_300_799_999;

/** Milliseconds since the epoch, from seconds that come as a number, as digits or as digits with a fraction. */
export function time(value: unknown, where: string): number | null {
  const seconds = text(value, where);
  if (seconds === null || !/^[0-9]{1,13}(\.[0-9]{1,9})?$/.test(seconds)) return null;
  const ms = Math.round(Number(seconds) * 1000);
  return ms <= latestMs ? ms : null;
}

/** The member of a closed set that `names` gives for the wire's spelling; `UNKNOWN` for any other text. */
export function oneOf<Name extends string>(
  names: Readonly<Record<string, Name>>,
  value: unknown,
  where: string,
): Name | 'UNKNOWN' | null {
  const spelling = text(value, where)?.toLowerCase();
  if (spelling === undefined) return null;
  return Object.hasOwn(names, spelling) ? (names[spelling] ?? 'UNKNOWN') : 'UNKNOWN';
}

/** The largest Int of GraphQL. */
const maxInt = 2_147_483_647;

/** The total, which chats, agents and departments keep in `meta` and the others beside `data`. */
function totalFromWire(body: Wire): number | null {
  const { meta } = body;
  const total = (isRecord(meta) ? meta['total'] : null) ?? body['total'];
  if (typeof total !== 'number' && typeof total !== 'string') return null;
  return /^[0-9]{1,10}$/.test(String(total)) && Number(total) <= maxInt ? Number(total) : null;
}

/** A list's page. Without a total from the helpdesk, a page that is not full tells it. */
export function page<Row>(
  value: unknown,
  { where, offset, limit }: { where: string; offset: number; limit: number },
  rowFromWire: (row: unknown) => Row,
): Rows<Row> {
  const body = record(value, where);
  const rows = list(body['data'], `${where}.data`).slice(0, limit).map(rowFromWire);
  const isLast = rows.length < limit && (rows.length > 0 || offset === 0);
  return { rows, total: totalFromWire(body) ?? (isLast ? offset + rows.length : null) };
}

/** How many rows a list has, where the schema promises a number. */
export function totalOf({ total }: Rows<unknown>): number {
  if (total === null) throw malformed('total', 'given');
  return total;
}
