import type { Page } from '../lib/paging.ts';
import { UpstreamError } from './errors.ts';

/**
 * Readers of the wire. They are strict about shape (an array is never an object, an object never a text) and mild about
 * values: what cannot be understood is null, or `UNKNOWN` in a closed set.
 */
type WireObject = Readonly<Record<string, unknown>>;

const malformedError = (where: string, expected: string): UpstreamError =>
  new UpstreamError('malformed', `The helpdesk's ${where} is not ${expected}.`);

const isRecord = (value: unknown): value is WireObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function decodeObject(value: unknown, where: string): WireObject {
  if (!isRecord(value)) throw malformedError(where, 'an object');
  return value;
}

/** Null for what is absent, and for a text or a number where an object could be; an array is never one. */
export const decodeObjectOrNull = (value: unknown, where: string): WireObject | null =>
  typeof value === 'object' && value !== null ? decodeObject(value, where) : null;

export function decodeList(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformedError(where, 'a list');
  return value;
}

/** Empty for what is absent, and for a text or a number where a list could be; an object is never one. */
export const decodeListOrEmpty = (value: unknown, where: string): readonly unknown[] =>
  typeof value === 'object' && value !== null ? decodeList(value, where) : [];

export function decodeText(value: unknown, where: string): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return null;
  throw malformedError(where, 'a text');
}

const booleanSpellings: Readonly<Record<string, boolean>> = {
  true: true,
  '1': true,
  false: false,
  '0': false,
};

export function decodeBoolean(value: unknown, where: string): boolean | null {
  if (typeof value === 'boolean') return value;
  const word = decodeText(value, where)?.toLowerCase();
  return word !== undefined && Object.hasOwn(booleanSpellings, word)
    ? (booleanSpellings[word] ?? null)
    : null;
}

/** An id as text; null for what is no whole number of zero or more. */
export function decodeIdOrNull(value: unknown, where: string): string | null {
  const id = decodeText(value, where);
  return id !== null && /^(0|[1-9][0-9]*)$/.test(id) ? id : null;
}

/** The id that makes a thing what it is: without it the answer is unreadable. */
export function decodeId(value: unknown, where: string): string {
  const found = decodeIdOrNull(value, where);
  if (found === null) throw malformedError(where, 'an id');
  return found;
}

/** The end of the year 9999: a DateTime knows no fifth digit. */
const maxDateTimeMs = 253_402_300_799_999;

/** Milliseconds since the epoch, from seconds that come as a number, as digits or as digits with a fraction. */
export function decodeTime(value: unknown, where: string): number | null {
  const seconds = decodeText(value, where);
  if (seconds === null || !/^[0-9]{1,13}(\.[0-9]{1,9})?$/.test(seconds)) return null;
  const ms = Math.round(Number(seconds) * 1000);
  return ms <= maxDateTimeMs ? ms : null;
}

/** The member of a closed set that `names` gives for the wire's spelling; `UNKNOWN` for any other text. */
export function decodeEnum<Name extends string>(
  valuesBySpelling: Readonly<Record<string, Name>>,
  value: unknown,
  where: string,
): Name | 'UNKNOWN' | null {
  const spelling = decodeText(value, where)?.toLowerCase();
  if (spelling === undefined) return null;
  return Object.hasOwn(valuesBySpelling, spelling)
    ? (valuesBySpelling[spelling] ?? 'UNKNOWN')
    : 'UNKNOWN';
}

/** The largest Int of GraphQL. */
const maxInt = 2_147_483_647;

/** The total, which chats, agents and departments keep in `meta` and the others beside `data`. */
function decodeTotal(body: WireObject): number | null {
  const { meta } = body;
  const total = (isRecord(meta) ? meta['total'] : null) ?? body['total'];
  if (typeof total !== 'number' && typeof total !== 'string') return null;
  return /^[0-9]{1,10}$/.test(String(total)) && Number(total) <= maxInt ? Number(total) : null;
}

/** A list's page. Without a total from the helpdesk, a page that is not full tells it. */
export function decodePage<Row>(
  value: unknown,
  { where, offset, limit }: { where: string; offset: number; limit: number },
  decodeRow: (row: unknown) => Row,
): Page<Row> {
  const body = decodeObject(value, where);
  const rows = decodeList(body['data'], `${where}.data`).slice(0, limit).map(decodeRow);
  const isLast = rows.length < limit && (rows.length > 0 || offset === 0);
  return { rows, total: decodeTotal(body) ?? (isLast ? offset + rows.length : null) };
}

/** How many rows a list has, where the schema promises a number. */
export function requireTotal({ total }: Page<unknown>): number {
  if (total === null) throw malformedError('total', 'given');
  return total;
}
