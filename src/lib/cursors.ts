import { createHash } from 'node:crypto';
import { badUserInputError } from './clientError.ts';

/** A row by its sort key. It is found again although rows before it were added or removed. */
interface Anchor {
  /** In milliseconds since the epoch. */
  readonly sortTimeMs: number | null;
  readonly id: string;
  /** The nearest rows with the same key, the nearest first. They mark the place if the row itself has moved. */
  readonly previous: readonly string[];
  readonly next: readonly string[];
  /** The number of rows before it of the same second, by which HelpCrunch searches. */
  readonly rankInSecond: number;
}

/** The place of a row in a list. */
export interface Position {
  /** Where the row was when the cursor was issued. */
  readonly offset: number;
  /** Absent in cursors of earlier versions. */
  readonly anchor?: Anchor;
}

/** How the rows of a list are sorted. The order of rows with the same key is that of HelpCrunch, and is not known. */
export interface RowOrder<Row> {
  readonly keyOf: (row: Row) => number | null;
  readonly isDescending: boolean;
}

type SortedRow = { readonly id: string };

const maxNeighbours = 3;

const toSeconds = (key: number | null): number | null =>
  key === null ? null : Math.floor(key / 1000);

/** The ids of the rows from `start` in steps of `step`, as long as they have this key. */
function neighbours<Row extends SortedRow>(
  rows: readonly Row[],
  { keyOf }: RowOrder<Row>,
  { index, step }: { readonly index: number; readonly step: 1 | -1 },
): string[] {
  const [row] = rows.slice(index, index + 1);
  const ids: string[] = [];
  for (let at = index + step; ids.length < maxNeighbours; at += step) {
    const other = rows[at];
    if (row === undefined || other === undefined || keyOf(other) !== keyOf(row)) break;
    ids.push(other.id);
  }
  return ids;
}

/** The anchor of a row. `rankOfFirst` is the number of rows before the first one that have the same second as it. */
export function anchorOf<Row extends SortedRow>(
  rows: readonly Row[],
  order: RowOrder<Row>,
  { index, rankOfFirst }: { readonly index: number; readonly rankOfFirst: number },
): Anchor | undefined {
  const row = rows[index];
  if (row === undefined) return undefined;
  const second = toSeconds(order.keyOf(row));
  let first = index;
  while (first > 0 && toSeconds(keyAt(rows, first - 1, order)) === second) first -= 1;
  return {
    sortTimeMs: order.keyOf(row),
    id: row.id,
    previous: neighbours(rows, order, { index, step: -1 }),
    next: neighbours(rows, order, { index, step: 1 }),
    rankInSecond: index - first + (first === 0 ? rankOfFirst : 0),
  };
}

function keyAt<Row>(rows: readonly Row[], index: number, { keyOf }: RowOrder<Row>): number | null {
  const row = rows[index];
  return row === undefined ? null : keyOf(row);
}

const compareIds = (one: string, other: string): number =>
  one.length - other.length || (one === other ? 0 : one < other ? -1 : 1);

/** Whether HelpCrunch sorts rows with the same key by id: 1 ascending, -1 descending, 0 if these rows do not tell. */
function tieDirection<Row extends SortedRow>(
  rows: readonly Row[],
  { keyOf }: RowOrder<Row>,
): number {
  const directions = new Set<number>();
  for (const [index, row] of rows.entries()) {
    const next = rows[index + 1];
    if (next !== undefined && keyOf(next) === keyOf(row))
      directions.add(Math.sign(compareIds(next.id, row.id)));
  }
  const [direction = 0] = directions;
  return directions.size === 1 ? direction : 0;
}

/** Compares keys by the order of the rows: negative if `key` comes before `other`. */
function keyComparer<Row>(rows: readonly Row[], { keyOf, isDescending }: RowOrder<Row>) {
  // Where HelpCrunch puts rows without a time is only known from rows that show it. The end is assumed.
  const areNullsFirst = rows.some((row, index) => {
    const next = rows[index + 1];
    return next !== undefined && keyOf(row) === null && keyOf(next) !== null;
  });
  return (key: number | null, other: number | null): number => {
    if (key === other) return 0;
    if (key === null) return areNullsFirst ? -1 : 1;
    if (other === null) return areNullsFirst ? 1 : -1;
    return isDescending ? other - key : key - other;
  };
}

/** Which side of the anchor's row a page ends or starts at. */
export type Side = 'after' | 'before';

/**
 * The number of consecutive rows of a list up to the anchor: including it for `after`, without it for `before`. By the row itself, by a
 * neighbour with the same key, by the key, and among equal keys by the order of ids.
 */
export function countUpTo<Row extends SortedRow>(
  rows: readonly Row[],
  order: RowOrder<Row>,
  { anchor, side }: { readonly anchor: Anchor; readonly side: Side },
): number {
  const ties = new Map(
    rows.flatMap(({ id }, index) =>
      keyAt(rows, index, order) === anchor.sortTimeMs ? [[id, index] as const] : [],
    ),
  );
  const own = ties.get(anchor.id);
  if (own !== undefined) return side === 'after' ? own + 1 : own;
  const indexes = (ids: readonly string[]) => ids.flatMap((id) => ties.get(id) ?? []);
  const [previous] = indexes(anchor.previous);
  if (previous !== undefined) return previous + 1;
  const [next] = indexes(anchor.next);
  if (next !== undefined) return next;
  const compare = keyComparer(rows, order);
  const relation = rows.map((row) => compare(order.keyOf(row), anchor.sortTimeMs));
  const start = indexOr(relation, (value) => value >= 0);
  const end = indexOr(relation, (value) => value > 0);
  const direction = tieDirection(rows, order);
  if (direction === 0) return side === 'after' ? start : end;
  const passed = rows
    .slice(start, end)
    .filter(({ id }) => direction * compareIds(id, anchor.id) < 0);
  return start + passed.length;
}

function indexOr(values: readonly number[], matches: (value: number) => boolean): number {
  const index = values.findIndex(matches);
  return index === -1 ? values.length : index;
}

/** Binds a cursor to its list. */
const listDigest = (list: string): string =>
  createHash('sha256').update(list).digest('base64url').slice(0, 13);

export const encodeAnchor = ({ sortTimeMs, id, previous, next, rankInSecond }: Anchor): string =>
  [sortTimeMs ?? '', id, previous.join(), next.join(), rankInSecond].join(':');

const anchorPattern = /^(\d{0,16}):(\d{1,100}):([\d,]{0,400}):([\d,]{0,400}):(\d{1,9})$/;

/** Undefined for a text that `encodeAnchor` does not return. */
export function decodeAnchor(text: string): Anchor | undefined {
  const [, key, id, previous = '', next = '', rank] = anchorPattern.exec(text) ?? [];
  if (key === undefined || id === undefined) return undefined;
  const idsOf = (ids: string) => (ids === '' ? [] : ids.split(','));
  return {
    sortTimeMs: key === '' ? null : Number(key),
    id,
    previous: idsOf(previous),
    next: idsOf(next),
    rankInSecond: Number(rank),
  };
}

/** The cursors of one list: opaque texts, which other lists reject. */
export interface CursorFormat {
  encode(position: Position): string;
  /** Throws `badInput` for a cursor of another list. */
  decode(argument: string, cursor: string): Position;
}

export const invalidCursorError = (argument: string) =>
  badUserInputError(argument, 'must be a cursor of a list with the same filter and order.');

export function cursorsOf(list: string): CursorFormat {
  const digest = listDigest(list);
  const encode = ({ offset, anchor }: Position): string =>
    Buffer.from(
      `${digest}:${offset}${anchor === undefined ? '' : `:${encodeAnchor(anchor)}`}`,
    ).toString('base64url');
  return {
    encode,
    decode(argument, cursor) {
      const text = Buffer.from(cursor, 'base64url').toString();
      const [, offset, anchorText] = /^[^:]*:(\d{1,16})(?::(.*))?$/.exec(text) ?? [];
      const anchor = anchorText === undefined ? undefined : decodeAnchor(anchorText);
      const position = { offset: Number(offset), ...(anchor && { anchor }) };
      if (!Number.isSafeInteger(position.offset) || encode(position) !== cursor)
        throw invalidCursorError(argument);
      return position;
    },
  };
}
