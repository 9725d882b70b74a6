import { createHash } from 'node:crypto';
import type { GraphQLResolveInfo } from 'graphql';
import { badUserInputError } from './clientError.ts';
import { selectedFields } from './selection.ts';

export const defaultPageSize = 20;
export const maxPageSize = 100;
/** The inbox is read in at most this many calls. */
export const maxInboxPages = 5;
/** Reading the end of a list without a total reads every page; this many fit in the cost limit of an operation. */
const maxPagesToEnd = 25;

interface PageArguments {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
}

export interface OffsetRange {
  readonly offset: number;
  readonly limit: number;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** The number of rows of the whole list; null if HelpCrunch does not return it. */
  readonly total: number | null;
}

export const emptyPage: Promise<Page<never>> = Promise.resolve({ rows: [], total: 0 });

/** A Relay connection. `list` identifies the list; cursors of other lists are rejected. */
export interface Connection<Row> extends Page<Row> {
  readonly list: string;
  readonly offset: number;
  readonly limit: number;
  /** The cursors of the rows, if they are not offsets. */
  readonly cursors?: readonly string[];
}

/** Binds a cursor to its list. */
const listDigest = (list: string): string =>
  createHash('sha256').update(list).digest('base64url').slice(0, 13);

const cursorAt = (digest: string, offset: number): string =>
  Buffer.from(`${digest}:${offset}`).toString('base64url');

const toCursor = (list: string, offset: number): string => cursorAt(listDigest(list), offset);

function fromCursor(argument: string, cursor: string, list: string): number {
  const offset = Number(Buffer.from(cursor, 'base64url').toString().split(':')[1]);
  if (!Number.isSafeInteger(offset) || offset < 0 || toCursor(list, offset) !== cursor) {
    throw badUserInputError(argument, 'must be a cursor of a list with the same filter and order.');
  }
  return offset;
}

function validatePageSize(argument: string, size: number): number {
  if (size < 1 || size > maxPageSize) {
    throw badUserInputError(argument, `must be between 1 and ${maxPageSize}.`);
  }
  return size;
}

/** The requested rows as a half-open range; without an end, up to the end of the list. */
interface PageRange {
  readonly start: number;
  readonly end: number | undefined;
  readonly last: number | undefined;
}

/** The first or last rows of a half-open range; without an end, up to the end of the list. */
export interface PageWindow {
  readonly start: number;
  readonly end: number | undefined;
  readonly count: number;
  readonly isFromEnd: boolean;
}

/** Throws `badInput` for sizes out of range, `first` together with `last`, and cursors of other lists. */
export function parsePageWindow(
  { first, after, last, before }: PageArguments,
  list: string,
  offsetOf = fromCursor,
): PageWindow {
  if (typeof first === 'number' && typeof last === 'number') {
    throw badUserInputError('last', 'must not be combined with first.');
  }
  const start = typeof after === 'string' ? offsetOf('after', after, list) + 1 : 0;
  const end = typeof before === 'string' ? offsetOf('before', before, list) : undefined;
  const isFromEnd = typeof last === 'number';
  const count = isFromEnd
    ? validatePageSize('last', last)
    : validatePageSize('first', first ?? defaultPageSize);
  return { start, end, count, isFromEnd };
}

/** As `parsePageWindow`. */
export function parsePageArguments(page: PageArguments, list: string): PageRange {
  const { start, end, count, isFromEnd } = parsePageWindow(page, list);
  if (isFromEnd) return { start, end, last: count };
  return { start, end: Math.min(start + count, end ?? Infinity), last: undefined };
}

const toOffsetRange = (
  { start, end }: { start: number; end: number },
  last: number | undefined,
): OffsetRange => {
  const offset = last === undefined ? start : Math.max(start, end - last);
  return { offset, limit: Math.max(0, end - offset) };
};

/** The selected parts of a connection, which decide what is read. */
export interface ConnectionSelection {
  readonly rows: boolean;
  readonly pageInfo: boolean;
  readonly total: boolean;
}

export function connectionSelection(info: GraphQLResolveInfo, type: string): ConnectionSelection {
  const fields = selectedFields(info, type);
  return {
    rows: fields.has('nodes') || fields.has('edges'),
    pageInfo: fields.has('pageInfo'),
    total: fields.has('totalCount'),
  };
}

/**
 * Reads a connection in as few calls as possible: one, except for the last rows of a list that is longer than a page. `read` returns the
 * rows of a range of 1 to 100.
 */
export async function readConnection<Row extends { readonly id: string }>(
  {
    list,
    parsePageArguments,
    selection,
  }: { list: string; parsePageArguments: PageRange; selection: ConnectionSelection },
  read: (range: OffsetRange) => Promise<Page<Row>>,
): Promise<Connection<Row>> {
  const { start, end, last } = parsePageArguments;
  if (!selection.rows && !selection.pageInfo) {
    const { total } = selection.total ? await read({ offset: 0, limit: 1 }) : { total: null };
    return { list, rows: [], total, offset: start, limit: 0 };
  }
  if (end !== undefined) {
    const range = toOffsetRange({ start, end }, last);
    if (range.limit === 0) {
      const { total } = await read({ offset: 0, limit: 1 });
      return { list, rows: [], total, ...range };
    }
    return { list, ...(await read(range)), ...range };
  }
  // The end is only known after the first page.
  const firstPages = await readToEnd(read);
  const total = firstPages.total ?? firstPages.rows.length;
  const range = toOffsetRange({ start, end: Math.max(start, total) }, last);
  if (total <= firstPages.rows.length || range.limit === 0) {
    const rows = firstPages.rows.slice(range.offset, range.offset + range.limit);
    return { list, rows, total, ...range };
  }
  return { list, ...(await read(range)), ...range };
}

export const unknownEndError = () =>
  badUserInputError(
    'last',
    'is not supported for this list, whose end cannot be determined. Use first.',
  );

/** The first page, and without a total all others until one is not full. Throws if the list does not end. */
async function readToEnd<Row extends { readonly id: string }>(
  read: (range: OffsetRange) => Promise<Page<Row>>,
): Promise<Page<Row>> {
  const rows: Row[] = [];
  const ids = new Set<string>();
  for (let pages = 0; pages < maxPagesToEnd; pages += 1) {
    const page = await read({ offset: rows.length, limit: maxPageSize });
    const idsBefore = ids.size;
    for (const { id } of page.rows) ids.add(id);
    rows.push(...page.rows);
    if (page.total !== null || page.rows.length < maxPageSize) return { rows, total: page.total };
    // The same page again: HelpCrunch ignores the offset.
    if (ids.size === idsBefore) break;
  }
  throw unknownEndError();
}

/** The resolvers of every connection type. */
export const connectionFields = {
  nodes: <Row>({ rows }: Connection<Row>): readonly Row[] => rows,
  edges<Row>({ list, offset, rows, cursors }: Connection<Row>) {
    const digest = listDigest(list);
    return rows.map((node, index) => ({
      node,
      cursor: cursors?.[index] ?? cursorAt(digest, offset + index),
    }));
  },
  pageInfo: <Row>({ list, offset, limit, rows, total, cursors }: Connection<Row>) => {
    const end = offset + rows.length;
    const cursorOf = (index: number): string | null =>
      rows.length === 0 ? null : (cursors?.at(index) ?? toCursor(list, offset + index));
    return {
      // A total that is too high must not make a client request pages forever.
      hasNextPage:
        limit > 0 && rows.length === 0
          ? false
          : total === null
            ? rows.length === limit
            : end < total,
      hasPreviousPage: offset > 0 && (limit === 0 || rows.length > 0),
      startCursor: cursorOf(0),
      endCursor: cursorOf(rows.length - 1),
    };
  },
};
