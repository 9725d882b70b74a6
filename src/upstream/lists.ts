import { JsonError, parseJson } from '../lib/json.ts';
import type { OffsetRange, Page } from '../lib/paging.ts';
import { maxPageSize } from '../lib/paging.ts';
import { isCount, isNumber, isText, listOf, objectOf, oneOf, orNull } from '../lib/shape.ts';
import type { SendCall } from './cache/entityCache.ts';
import type { UpstreamCall } from './pipeline.ts';
import { decodePage } from './decode.ts';
import { rethrowNotFoundAsMalformed, UpstreamError } from './errors.ts';
import type { FilterCondition, UpstreamFilter } from './filters.ts';
import { addCondition, maxConditions } from './filters.ts';

/** A sort order as HelpCrunch spells it. */
export interface UpstreamSort {
  readonly sort: string;
  readonly order: 'asc' | 'desc';
}

interface ListEndpoint<Row> {
  /** Such as `/chats`; the search endpoint is `/chats/search`. */
  readonly path: string;
  readonly decodeRow: (row: unknown) => Row;
}

export interface UpstreamListQuery {
  /** Without conditions, the whole list. */
  readonly filter: UpstreamFilter;
  readonly sort: UpstreamSort | undefined;
  readonly range: OffsetRange;
}

/** Reads a page of at most 100 rows in one call: a GET of the list, or a search if there are conditions. */
export async function readPage<Row>(
  send: SendCall,
  { path, decodeRow }: ListEndpoint<Row>,
  { filter, sort, range }: UpstreamListQuery,
): Promise<Page<Row>> {
  const { offset, limit } = range;
  const parameters = { ...sort, offset, limit };
  const query = new URLSearchParams(
    Object.entries(parameters).map(([name, value]): [string, string] => [name, String(value)]),
  );
  const call: UpstreamCall =
    filter.filter.length === 0
      ? { effect: 'read', method: 'GET', path: `${path}?${query.toString()}` }
      : {
          effect: 'read',
          method: 'POST',
          path: `${path}/search`,
          body: { ...filter, ...parameters },
        };
  const body = await send(call).catch(rethrowNotFoundAsMalformed);
  return decodePage(body, { where: path.slice(1), offset, limit }, decodeRow);
}

/** No account has more agents or departments, and no search more ids. */
const maxPages = 100;

/** Reads all pages. Stops at a page without new rows: HelpCrunch may ignore the offset and omit the total. */
export async function readAll<Row extends { readonly id: string }>(
  send: SendCall,
  endpoint: ListEndpoint<Row>,
  filter: UpstreamFilter = { comparison: 'AND', filter: [] },
): Promise<{ readonly rows: readonly Row[]; readonly total: number }> {
  const rows = new Map<string, Row>();
  let offset = 0;
  for (let pages = 0; pages < maxPages; pages += 1) {
    const before = rows.size;
    const range = { offset, limit: maxPageSize };
    const page = await readPage(send, endpoint, { filter, sort: undefined, range });
    for (const row of page.rows) rows.set(row.id, row);
    offset += page.rows.length;
    if (rows.size === before || offset >= (page.total ?? Infinity)) {
      return { rows: [...rows.values()], total: rows.size };
    }
  }
  throw new UpstreamError('malformed', `The list has more than ${maxPages} pages.`);
}

/** Times by which HelpCrunch sorts and searches, and whether every row has one. */
const searchableTimes: Readonly<Record<string, { readonly isNeverNull: boolean }>> = {
  'chats.createdAt': { isNeverNull: true },
  'chats.closedAt': { isNeverNull: false },
  'customers.lastSeen': { isNeverNull: false },
};

/**
 * The filter of the rows of a list from this time on, in its order. Undefined if HelpCrunch cannot search for them, or if there may be rows
 * without a time, which no condition finds.
 */
export function filterFrom(
  { filter, sort }: Pick<UpstreamListQuery, 'filter' | 'sort'>,
  timeMs: number,
): UpstreamFilter | undefined {
  const field = sort?.sort ?? '';
  const time = searchableTimes[field];
  const hasTime = time?.isNeverNull ?? false;
  if (time === undefined || (!hasTime && !filter.filter.some((each) => each.field === field)))
    return undefined;
  // HelpCrunch compares whole seconds, whether it stores fractions of them or not.
  const second = Math.floor(timeMs / 1000);
  return addCondition(
    filter,
    sort?.order === 'asc'
      ? { field, operator: '>=', value: second }
      : { field, operator: '<', value: second + 1 },
  );
}

export const pageCacheKey = ({ filter, sort, range }: UpstreamListQuery): string =>
  JSON.stringify([filter, sort, range.offset, range.limit]);

const isFilter = objectOf<UpstreamFilter>({
  comparison: oneOf('AND', 'OR'),
  filter: listOf(
    objectOf<FilterCondition>({
      field: isText,
      operator: oneOf('=', '!=', '>', '<', '>=', '<=', '~', '!~'),
      value: (value): value is FilterCondition['value'] =>
        isText(value) || isNumber(value) || isTagList(value),
    }),
    maxConditions,
  ),
});
const isTagList = listOf(objectOf<{ readonly name: string }>({ name: isText }));
const isSort = orNull(objectOf<UpstreamSort>({ sort: isText, order: oneOf('asc', 'desc') }));
const maxKeyDepth = 8;

/** The inverse of `pageCacheKey`; undefined for other texts. */
export function parsePageCacheKey(key: string): UpstreamListQuery | undefined {
  const [filter, sort, offset, limit] = parseList(key);
  if (!isFilter(filter) || !isSort(sort) || !isCount(offset) || !isCount(limit)) return undefined;
  const query = { filter, sort: sort ?? undefined, range: { offset, limit } };
  return pageCacheKey(query) === key ? query : undefined;
}

function parseList(text: string): readonly unknown[] {
  try {
    const value = parseJson(text, maxKeyDepth);
    return Array.isArray(value) ? value : [];
  } catch (error) {
    if (error instanceof JsonError) return [];
    throw error;
  }
}
