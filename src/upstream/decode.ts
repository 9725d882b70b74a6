import type { Page } from '../lib/paging.ts';
import { isCount, isDictionary, isTime } from '../lib/shape.ts';
import { reportDrift, reportUnknownValue } from './drift.ts';
import { UpstreamError } from './errors.ts';

/**
 * Decoders of the wire format. Wrong structure (an array for an object, an object for a string) is an error; values that cannot be
 * interpreted become null, or `UNKNOWN` in a closed set.
 */
type WireObject = Readonly<Record<string, unknown>>;

const malformedError = (where: string, expected: string): UpstreamError =>
  new UpstreamError('malformed', `In a response of HelpCrunch, ${where} is not ${expected}.`);

export function decodeObject(value: unknown, where: string): WireObject {
  if (!isDictionary(value)) throw malformedError(where, 'an object');
  return value;
}

/** Null for absent values, strings and numbers; throws for an array. */
export const decodeObjectOrNull = (value: unknown, where: string): WireObject | null =>
  typeof value === 'object' && value !== null ? decodeObject(value, where) : null;

export function decodeList(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw malformedError(where, 'an array');
  return value;
}

/** Empty for absent values, strings and numbers; throws for an object. */
export const decodeListOrEmpty = (value: unknown, where: string): readonly unknown[] =>
  typeof value === 'object' && value !== null ? decodeList(value, where) : [];

export function decodeText(value: unknown, where: string): string | null {
  if (typeof value === 'string') return value;
  // It was rounded when the JSON was parsed.
  if (Number.isInteger(value) && !Number.isSafeInteger(value))
    return unreadable(String(value), where);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null || value === undefined) return null;
  throw malformedError(where, 'a string');
}

const booleansBySpelling: ReadonlyMap<string | undefined, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

/** Null for a value of another form, which is reported. */
function unreadable(given: string | null, where: string): null {
  if (given !== null && given !== '') reportDrift('unreadable', where);
  return null;
}

export function decodeBoolean(value: unknown, where: string): boolean | null {
  const given = decodeText(value, where);
  return booleansBySpelling.get(given?.toLowerCase()) ?? unreadable(given, where);
}

/** Longer texts are not ids. */
const maxIdLength = 100;

/**
 * An id as a string without leading zeros; null for anything but a non-negative integer, as a number or as PHP reads a numeric text. A
 * number from 2^53 on is null too: parsing has rounded it to the id of another object.
 */
export function decodeIdOrNull(value: unknown, where: string): string | null {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) return null;
  const given = decodeText(value, where);
  if (given === null || given.length > maxIdLength) return null;
  return /^\s*0*([0-9]+)(?:\.0+)?\s*$/.exec(given)?.[1] ?? null;
}

/** The id of an entity; throws if it is missing. */
export function decodeId(value: unknown, where: string): string {
  const found = decodeIdOrNull(value, where);
  if (found === null) throw malformedError(where, 'an id');
  return found;
}

/** Milliseconds since the epoch, from seconds as a number, `"digits"` or `"digits.fraction"`. */
export function decodeTime(value: unknown, where: string): number | null {
  const seconds = decodeText(value, where);
  if (seconds === null || !/^[0-9]{1,13}(\.[0-9]{1,9})?$/.test(seconds))
    return unreadable(seconds, where);
  const ms = Math.round(Number(seconds) * 1000);
  return isTime(ms) ? ms : unreadable(seconds, where);
}

/** The value of a closed set by its wire spelling, case-insensitively; `UNKNOWN` for any other string. */
export function decodeEnum<Name extends string>(
  valuesBySpelling: Readonly<Record<string, Name>>,
  value: unknown,
  where: string,
): Name | 'UNKNOWN' | null {
  const spelling = decodeText(value, where)?.toLowerCase();
  if (spelling === undefined) return null;
  const known = Object.hasOwn(valuesBySpelling, spelling) ? valuesBySpelling[spelling] : undefined;
  if (known === undefined && spelling !== '') reportUnknownValue(spelling, valuesBySpelling, where);
  return known ?? 'UNKNOWN';
}

/** The spelling to write: the first one of the value. Undefined for `UNKNOWN`. */
export const encodeEnum = <Name extends string>(
  valuesBySpelling: Readonly<Record<string, Name>>,
  name: Name | 'UNKNOWN',
): string | undefined => Object.entries(valuesBySpelling).find(([, value]) => value === name)?.[0];

/** The total, which chats, agents and departments return in `meta` and other lists beside `data`. */
function decodeTotal(body: WireObject): number | null {
  const { meta } = body;
  const total = (isDictionary(meta) ? meta['total'] : null) ?? body['total'];
  if (typeof total !== 'number' && typeof total !== 'string') return null;
  return /^[0-9]{1,10}$/.test(String(total)) && isCount(Number(total)) ? Number(total) : null;
}

/** A page of a list. Without a total, it is derived from a page that is not full. */
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

/** The number of rows of a list; throws if the response does not contain it. */
export function requireTotal({ total }: Page<unknown>): number {
  if (total === null) throw malformedError('total', 'given');
  return total;
}
