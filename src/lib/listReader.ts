import type { Position, RowOrder, Side } from './cursors.ts';
import { anchorOf, countUpTo } from './cursors.ts';
import { badUserInputError } from './clientError.ts';

export const maxPageSize = 100;

export interface OffsetRange {
  readonly offset: number;
  readonly limit: number;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  /** The number of rows of the whole list; null if HelpCrunch does not return it. */
  readonly total: number | null;
}

type ReadRange<Row> = (range: OffsetRange) => Promise<Page<Row>>;

/** A sorted list that HelpCrunch returns by offset. */
export interface SortedList<Row> {
  readonly order: RowOrder<Row>;
  /** Reads 1 to 100 rows. */
  readonly read: ReadRange<Row>;
  /** As `read`, but of the rows from this time on, in the order of the list. Undefined if HelpCrunch cannot search for them. */
  readonly readFrom?: (timeMs: number) => ReadRange<Row> | undefined;
}

/** The calls that one operation may make in addition to find places in lists that have changed. */
export const maxSearchReads = 6;

export class SearchReadBudget {
  #remaining = maxSearchReads;

  take(): boolean {
    this.#remaining -= 1;
    return this.#remaining >= 0;
  }
}

/** Consecutive rows as they were read. */
export interface RowWindow<Row> extends Page<Row>, OffsetRange {
  /** Whether there are no rows after them. */
  readonly isEnd: boolean;
}

/** Rows on both sides of a place, so that it is found in one call although some rows have been added or removed. */
const overlap = 10;
/** Larger pages do not fit into one call with their overlap. */
export const maxOverlappedSize = maxPageSize - overlap;

export async function readWindow<Row>(
  read: ReadRange<Row>,
  range: OffsetRange,
): Promise<RowWindow<Row>> {
  const { rows, total } = await read(range);
  const end = range.offset + rows.length;
  // A total that is too high must not hide the end.
  const isEnd = rows.length === 0 || (total === null ? rows.length < range.limit : end >= total);
  return { ...range, rows, total, isEnd };
}

export interface Place {
  readonly position: Position;
  readonly side: Side;
}

/** The number of rows of the window up to the place. */
export function countInWindow<Row extends { readonly id: string }>(
  { rows, offset }: Pick<RowWindow<Row>, 'rows' | 'offset'>,
  order: RowOrder<Row>,
  { position, side }: Place,
): number {
  const { anchor } = position;
  if (anchor !== undefined) return countUpTo(rows, order, { anchor, side });
  const count = position.offset + (side === 'after' ? 1 : 0) - offset;
  return Math.min(Math.max(0, count), rows.length);
}

/** The rows on one side of a place. */
interface PageRequest {
  readonly place: Place;
  readonly count: number;
}

/** A page as a part of a window. */
interface WindowSlice<Row> {
  readonly window: RowWindow<Row>;
  readonly start: number;
  readonly end: number;
}

/** The first range to read for a page: the place is at the hint, and rows on both sides of it are read. */
function firstRange({ place, count }: PageRequest, hint: number): OffsetRange {
  const { side, position } = place;
  const index = side === 'after' ? hint + 1 : hint;
  const isExact = position.anchor === undefined;
  const back = isExact ? 0 : overlap;
  const ahead = isExact ? count : Math.min(maxOverlappedSize, count + overlap);
  const [start, end] =
    side === 'after' ? [index - back, index + ahead] : [index - ahead, index + back];
  const offset = Math.max(0, start);
  return { offset, limit: Math.max(1, end - offset) };
}

/** Between which offsets a place is. */
interface Bounds {
  readonly low: number;
  readonly high: number;
  /** The number of rows of the list, if it is known. */
  readonly total: number | null;
}

/** The next range to search: farther away in one direction until the place has been passed, then in the middle. */
function nextRange({ low, high, total }: Bounds, distance: number): OffsetRange {
  const limit = maxPageSize;
  const end = total ?? Infinity;
  const startOf = (): number => {
    if (high - low <= maxOverlappedSize) return low - overlap;
    if (high === Infinity)
      return Math.max(low - overlap, Math.min(low - overlap + distance, end - limit));
    if (low === 0) return Math.min(high, end) + overlap - limit - distance;
    return Math.floor((low + high - limit) / 2);
  };
  return { offset: Math.max(0, startOf()), limit };
}

/** Reads pages next to a row that may have moved. */
class PageFinder<Row extends { readonly id: string }> {
  readonly #read: ReadRange<Row>;
  readonly #order: RowOrder<Row>;
  readonly #searchReads: SearchReadBudget;

  constructor(read: ReadRange<Row>, order: RowOrder<Row>, searchReads: SearchReadBudget) {
    this.#read = read;
    this.#order = order;
    this.#searchReads = searchReads;
  }

  /** `hint` is the offset at which the row is expected. */
  async find(request: PageRequest, hint: number): Promise<WindowSlice<Row>> {
    const { window, index } = await this.#locate(request, hint);
    const page = await this.#fill(cut(window, index, request), request);
    // An empty page would be taken for the end of the list.
    if (page.start === page.end && !isAtEnd(page, request)) throw listChangedError(request.place);
    return page;
  }

  async #locate(request: PageRequest, hint: number) {
    const { place } = request;
    let [low, high] = [0, Infinity];
    let range = firstRange(request, hint);
    for (let distance = 0; ; distance = 2 * distance + maxPageSize) {
      const window = await readWindow(this.#read, range);
      const index = countInWindow(window, this.#order, place);
      if (index > 0) low = Math.max(low, window.offset + index);
      const isLast = window.isEnd || window.rows.length < range.limit;
      if (index < window.rows.length || isLast) high = Math.min(high, window.offset + index);
      if (place.position.anchor === undefined || low >= high) return { window, index };
      this.#takeSearchRead(request);
      range = nextRange({ low, high, total: window.total }, distance);
    }
  }

  #takeSearchRead({ place }: PageRequest): void {
    if (!this.#searchReads.take()) throw listChangedError(place);
  }

  /** Reads the rest of a page of which the overlap has left too little. */
  async #fill(page: WindowSlice<Row>, request: PageRequest): Promise<WindowSlice<Row>> {
    const { window, start, end } = page;
    const { count, place } = request;
    const missing = count - (end - start);
    const isLarge = count > maxOverlappedSize;
    if (missing === 0 || isAtEnd(page, request) || (!isLarge && 2 * missing <= count)) return page;
    if (!isLarge) this.#takeSearchRead(request);
    if (place.side === 'after') return cut(await this.#extend(window, missing), start, request);
    const extended = await this.#extendBack(window, missing);
    return cut(extended, end + extended.rows.length - window.rows.length, request);
  }

  /** The window with the rows that follow it. Without them, if its last row has moved meanwhile. */
  async #extend(window: RowWindow<Row>, missing: number): Promise<RowWindow<Row>> {
    const { rows, offset } = window;
    const start = Math.max(0, offset + rows.length - overlap);
    const limit = Math.min(maxPageSize, missing + overlap);
    const next = await readWindow(this.#read, { offset: start, limit });
    const known = this.#countUpTo(next, 'after', rows);
    if (known === 0) return window;
    const added = withoutRows(next.rows.slice(known), rows);
    return { ...next, offset, rows: [...rows, ...added], isEnd: next.isEnd || added.length === 0 };
  }

  /** The window with the rows before it. Without them, if its first row has moved meanwhile. */
  async #extendBack(window: RowWindow<Row>, missing: number): Promise<RowWindow<Row>> {
    const { rows } = window;
    const end = window.offset + overlap;
    const offset = Math.max(0, window.offset - missing, end - maxPageSize);
    const previous = await readWindow(this.#read, { offset, limit: end - offset });
    const count = this.#countUpTo(previous, 'before', rows);
    if (count === previous.rows.length) return window;
    const added = withoutRows(previous.rows.slice(0, count), rows);
    return { ...window, offset, rows: [...added, ...rows] };
  }

  /** The rows of another window up to the last or the first of these rows. */
  #countUpTo({ rows: others }: RowWindow<Row>, side: Side, rows: readonly Row[]): number {
    const index = side === 'after' ? rows.length - 1 : 0;
    const anchor = anchorOf(rows, this.#order, { index, rankOfFirst: 0 });
    return anchor === undefined ? 0 : countUpTo(others, this.#order, { anchor, side });
  }
}

function cut<Row>(
  window: RowWindow<Row>,
  index: number,
  { place, count }: PageRequest,
): WindowSlice<Row> {
  return place.side === 'after'
    ? { window, start: index, end: Math.min(window.rows.length, index + count) }
    : { window, start: Math.max(0, index - count), end: index };
}

const isAtEnd = <Row>({ window, start, end }: WindowSlice<Row>, { place }: PageRequest): boolean =>
  place.side === 'after' ? window.isEnd && end === window.rows.length : window.offset + start === 0;

function withoutRows<Row extends { readonly id: string }>(
  rows: readonly Row[],
  others: readonly Row[],
): readonly Row[] {
  const ids = new Set(others.map(({ id }) => id));
  return rows.filter(({ id }) => !ids.has(id));
}

export const listChangedError = ({ side }: Place) =>
  badUserInputError(
    side,
    'can no longer be found, because the list has changed too much. Start from its first page again.',
  );

/** A page of a list, and how its rows are counted. */
export interface LocatedPage<Row> extends WindowSlice<Row> {
  /** The offset of the window's first row in the whole list. An estimate if only a part of it was searched. */
  readonly offset: number;
  /** The number of rows before the first one of the window that have the same second; 0 if it is not known. */
  readonly rankOfFirst: number;
}

/**
 * The rows next to a place, which is found again in a list that has changed. With `needsTotal` the whole list is read; without it, from
 * the time of the row on if HelpCrunch can search for it.
 */
export async function readNextTo<Row extends { readonly id: string }>(
  { order, read, readFrom }: SortedList<Row>,
  request: PageRequest,
  {
    needsTotal,
    searchReads,
  }: { readonly needsTotal: boolean; readonly searchReads: SearchReadBudget },
): Promise<LocatedPage<Row>> {
  const { position, side } = request.place;
  const key = position.anchor?.sortTimeMs ?? null;
  const readRest = needsTotal || side === 'before' || key === null ? undefined : readFrom?.(key);
  const rank = position.anchor?.rankInSecond ?? 0;
  const rest = readRest && (await new PageFinder(readRest, order, searchReads).find(request, rank));
  // A search that does not find the row of the cursor nor any other one does not prove that the list ends here.
  if (rest !== undefined && rest.window.rows.length > 0)
    return { ...rest, offset: position.offset + 1 - rest.start, rankOfFirst: rest.window.offset };
  if (rest !== undefined && !searchReads.take()) throw listChangedError(request.place);
  const page = await new PageFinder(read, order, searchReads).find(request, position.offset);
  return { ...page, offset: page.window.offset, rankOfFirst: 0 };
}
