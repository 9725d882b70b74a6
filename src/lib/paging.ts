import { createHash } from 'node:crypto';
import type { GraphQLResolveInfo } from 'graphql';
import { badUserInputError } from './clientError.ts';
import { selectedFields } from './selection.ts';

export const defaultPageSize = 20;
export const maxPageSize = 100;
/** Who wants the end of a list that does not tell its length pays for every page; as many fit in an operation's price. */
const maxPagesToEnd = 25;

export interface PageArguments {
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
  /** How many rows the whole list has; null when the helpdesk does not say. */
  readonly total: number | null;
}

export const emptyPage: Promise<Page<never>> = Promise.resolve({ rows: [], total: 0 });

/** A part of a list, in Relay's sense. `list` names the list: its cursors fit no other. */
export interface Connection<Row> extends Page<Row> {
  readonly list: string;
  readonly offset: number;
  readonly limit: number;
}

/** Ten bytes of a hash bind a cursor to its list; the rest is the row's place in it. */
const listDigest = (list: string): string =>
  createHash('sha256').update(list).digest('base64url').slice(0, 13);

const cursorAt = (sealed: string, offset: number): string =>
  Buffer.from(`${sealed}:${offset}`).toString('base64url');

export const toCursor = (list: string, offset: number): string =>
  cursorAt(listDigest(list), offset);

function fromCursor(argument: string, cursor: string, list: string): number {
  const offset = Number(Buffer.from(cursor, 'base64url').toString().split(':')[1]);
  if (!Number.isSafeInteger(offset) || offset < 0 || toCursor(list, offset) !== cursor) {
    throw badUserInputError(argument, 'Give a cursor of a list with the same filter and order.');
  }
  return offset;
}

export function validatePageSize(argument: string, size: number): number {
  if (size < 1 || size > maxPageSize) {
    throw badUserInputError(argument, `Ask for 1 to ${maxPageSize}.`);
  }
  return size;
}

/** The rows asked for as a half-open span; a missing end is the list's own. */
export interface PageRange {
  readonly start: number;
  readonly end: number | undefined;
  readonly last: number | undefined;
}

/** Refuses sizes out of range, both sizes at once, and cursors of other lists. */
export function pageRange(page: PageArguments, list: string): PageRange {
  const { first, after, last, before } = page;
  if (typeof first === 'number' && typeof last === 'number') {
    throw badUserInputError('last', 'Give either first or last.');
  }
  const start = typeof after === 'string' ? fromCursor('after', after, list) + 1 : 0;
  const end = typeof before === 'string' ? fromCursor('before', before, list) : undefined;
  if (typeof last === 'number') return { start, end, last: validatePageSize('last', last) };
  const size = typeof first === 'number' ? validatePageSize('first', first) : defaultPageSize;
  return { start, end: Math.min(start + size, end ?? Infinity), last: undefined };
}

const toOffsetRange = (
  { start, end }: { start: number; end: number },
  last: number | undefined,
): OffsetRange => {
  const offset = last === undefined ? start : Math.max(start, end - last);
  return { offset, limit: Math.max(0, end - offset) };
};

/** Which parts of a connection the operation asks for: they decide what is read. */
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
 * Reads the part of a list that was asked for, in the fewest calls: one, unless the last rows are wanted of a list
 * that is longer than a page. `read` gives the rows of a range of 1 to 100.
 */
export async function readConnection<Row extends { readonly id: string }>(
  {
    list,
    pageRange,
    selection,
  }: { list: string; pageRange: PageRange; selection: ConnectionSelection },
  read: (range: OffsetRange) => Promise<Page<Row>>,
): Promise<Connection<Row>> {
  const { start, end, last } = pageRange;
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
  // The end of the list is not known before its first page is.
  const firstPages = await readToEnd(read);
  const total = firstPages.total ?? firstPages.rows.length;
  const range = toOffsetRange({ start, end: Math.max(start, total) }, last);
  if (total <= firstPages.rows.length || range.limit === 0) {
    const rows = firstPages.rows.slice(range.offset, range.offset + range.limit);
    return { list, rows, total, ...range };
  }
  return { list, ...(await read(range)), ...range };
}

/** The first page, and where it does not tell the total, every other until one is not full. Refuses a list that goes on for ever. */
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
    // The same page again and again: no offset is known here.
    if (ids.size === idsBefore) break;
  }
  throw badUserInputError('last', 'The end of this list cannot be found. Ask from its beginning.');
}

/** The fields that every connection type resolves alike. */
export const connectionFields = {
  nodes: <Row>({ rows }: Connection<Row>): readonly Row[] => rows,
  edges<Row>({ list, offset, rows }: Connection<Row>) {
    const sealed = listDigest(list);
    return rows.map((node, index) => ({ node, cursor: cursorAt(sealed, offset + index) }));
  },
  pageInfo: <Row>({ list, offset, limit, rows, total }: Connection<Row>) => {
    const end = offset + rows.length;
    return {
      // A helpdesk that counts more rows than it gives must not make a client walk forever.
      hasNextPage:
        limit > 0 && rows.length === 0
          ? false
          : total === null
            ? rows.length === limit
            : end < total,
      hasPreviousPage: offset > 0 && (limit === 0 || rows.length > 0),
      startCursor: rows.length === 0 ? null : toCursor(list, offset),
      endCursor: rows.length === 0 ? null : toCursor(list, end - 1),
    };
  },
};
