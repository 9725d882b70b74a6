import type { GraphQLResolveInfo } from 'graphql';
import { badUserInputError } from './clientError.ts';
import type { CursorFormat, Position } from './cursors.ts';
import { anchorOf, cursorsOf } from './cursors.ts';
import type {
  LocatedPage,
  OffsetRange,
  Page,
  Place,
  RowWindow,
  SearchReadBudget,
  SortedList,
} from './listReader.ts';
import { countInWindow, maxPageSize, readNextTo, readWindow } from './listReader.ts';
import { selectedFields } from './selection.ts';

export { maxPageSize } from './listReader.ts';
export type { OffsetRange, Page } from './listReader.ts';

export const defaultPageSize = 20;
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

export interface ConnectionPageInfo {
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
  readonly startCursor: string | null;
  readonly endCursor: string | null;
}

/** A Relay connection. */
export interface Connection<Row> extends Page<Row> {
  /** The cursor of a row of the page. */
  readonly cursorOf: (index: number) => string;
  readonly pageInfo: () => ConnectionPageInfo;
}

function validatePageSize(argument: string, size: number): number {
  if (size < 1 || size > maxPageSize) {
    throw badUserInputError(argument, `must be between 1 and ${maxPageSize}.`);
  }
  return size;
}

/** The first or last rows between two positions. Without them, from the start or up to the end of the list. */
export interface PageWindow {
  readonly after: Position | undefined;
  readonly before: Position | undefined;
  readonly count: number;
  readonly isFromEnd: boolean;
}

/** Throws `badInput` for sizes out of range, `first` together with `last`, and cursors of other lists. */
export function parsePageWindow(
  { first, after, last, before }: PageArguments,
  { decode }: Pick<CursorFormat, 'decode'>,
): PageWindow {
  if (typeof first === 'number' && typeof last === 'number') {
    throw badUserInputError('last', 'must not be combined with first.');
  }
  const isFromEnd = typeof last === 'number';
  return {
    after: typeof after === 'string' ? decode('after', after) : undefined,
    before: typeof before === 'string' ? decode('before', before) : undefined,
    isFromEnd,
    count: isFromEnd
      ? validatePageSize('last', last)
      : validatePageSize('first', first ?? defaultPageSize),
  };
}

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

const placeAfter = (position: Position): Place => ({ position, side: 'after' });
const placeBefore = (position: Position): Place => ({ position, side: 'before' });

/** A page at the start or at the end of the list. */
const located = <Row>(window: RowWindow<Row>): LocatedPage<Row> => ({
  window,
  start: 0,
  end: window.rows.length,
  offset: window.offset,
  rankOfFirst: 0,
});

export const emptyPage: Promise<Page<never>> = Promise.resolve({ rows: [], total: 0 });

export const connectionWithoutRows = (total: number | null): Connection<never> => ({
  rows: [],
  total,
  cursorOf: () => '',
  pageInfo: () => ({
    hasNextPage: false,
    hasPreviousPage: false,
    startCursor: null,
    endCursor: null,
  }),
});

export const pageInfoOf = <Row>(
  { rows, cursorOf }: Pick<Connection<Row>, 'rows' | 'cursorOf'>,
  more: Pick<ConnectionPageInfo, 'hasNextPage' | 'hasPreviousPage'>,
): ConnectionPageInfo => ({
  ...more,
  startCursor: rows.length === 0 ? null : cursorOf(0),
  endCursor: rows.length === 0 ? null : cursorOf(rows.length - 1),
});

/** One page of a list. `list` identifies the list; cursors of other lists are rejected. */
interface ConnectionRequest<Row> extends SortedList<Row> {
  readonly list: string;
  readonly args: PageArguments;
  readonly selection: ConnectionSelection;
  readonly searchReads: SearchReadBudget;
}

/**
 * Reads a connection in as few calls as possible: one, except for the last rows of a list that is longer than a page, for more than 90
 * rows next to a cursor, and for a cursor whose row has moved far.
 */
export async function readConnection<Row extends { readonly id: string }>({
  list,
  args,
  selection,
  ...source
}: ConnectionRequest<Row>): Promise<Connection<Row>> {
  const cursors = cursorsOf(list);
  const window = parsePageWindow(args, cursors);
  const { read, order } = source;
  if (!selection.rows && !selection.pageInfo) {
    const { total } = selection.total ? await read({ offset: 0, limit: 1 }) : { total: null };
    return connectionWithoutRows(total);
  }
  const page = await locatePage(source, window, selection.total);
  return toConnection(limitPage(page, window, order), order, cursors);
}

function locatePage<Row extends { readonly id: string }>(
  source: Omit<ConnectionRequest<Row>, 'list' | 'args' | 'selection'>,
  { after, before, count, isFromEnd }: PageWindow,
  needsTotal: boolean,
): Promise<LocatedPage<Row>> {
  const options = { needsTotal, searchReads: source.searchReads };
  if (isFromEnd && before !== undefined)
    return readNextTo(source, { place: placeBefore(before), count }, options);
  if (isFromEnd) return readLast(source, count);
  if (after !== undefined) return readNextTo(source, { place: placeAfter(after), count }, options);
  return readWindow(source.read, { offset: 0, limit: count }).then(located);
}

/** Removes the rows that are not between the positions. */
function limitPage<Row extends { readonly id: string }>(
  page: LocatedPage<Row>,
  { after, before }: PageWindow,
  order: SortedList<Row>['order'],
): LocatedPage<Row> {
  const { window, offset } = page;
  const indexOf = (place: Place) => countInWindow({ rows: window.rows, offset }, order, place);
  const start = after === undefined ? 0 : indexOf(placeAfter(after));
  const end = before === undefined ? Infinity : indexOf(placeBefore(before));
  const limited = { start: Math.max(page.start, start), end: Math.min(page.end, end) };
  return { ...page, ...limited, end: Math.max(limited.start, limited.end) };
}

function toConnection<Row extends { readonly id: string }>(
  { window, start, end, offset, rankOfFirst }: LocatedPage<Row>,
  order: SortedList<Row>['order'],
  { encode }: CursorFormat,
): Connection<Row> {
  const rows = window.rows.slice(start, end);
  const cursorOf = (index: number): string => {
    const anchor = anchorOf(window.rows, order, { index: start + index, rankOfFirst });
    return encode({ offset: offset + start + index, ...(anchor && { anchor }) });
  };
  return {
    rows,
    total: window.total,
    cursorOf,
    pageInfo: () =>
      pageInfoOf(
        { rows, cursorOf },
        {
          hasNextPage: end < window.rows.length || !window.isEnd,
          hasPreviousPage: offset + start > 0 && rows.length > 0,
        },
      ),
  };
}

/** The last rows of a list, whose end is only known after the first page. */
async function readLast<Row extends { readonly id: string }>(
  { read }: SortedList<Row>,
  count: number,
): Promise<LocatedPage<Row>> {
  const first = await readToEnd(read);
  const total = first.total ?? first.rows.length;
  const range = { offset: Math.max(0, total - count), limit: Math.min(count, total) };
  if (total > first.rows.length) return located(await readWindow(read, range));
  const whole = { ...first, offset: 0, limit: first.rows.length, isEnd: true };
  return { ...located(whole), start: range.offset, end: range.offset + range.limit };
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
  edges: <Row>({ rows, cursorOf }: Connection<Row>) =>
    rows.map((node, index) => ({
      node,
      get cursor() {
        return cursorOf(index);
      },
    })),
  pageInfo: <Row>({ pageInfo }: Connection<Row>): ConnectionPageInfo => pageInfo(),
};
