import type { OffsetRange, Page } from '../lib/paging.ts';
import { maxPageSize } from '../lib/paging.ts';
import type { SendCall } from './cache/entityCache.ts';
import type { UpstreamCall } from './client.ts';
import { decodePage } from './decode.ts';
import { isNotFound, UpstreamError } from './errors.ts';
import type { UpstreamFilter } from './filters.ts';

/** An order as the helpdesk spells it. */
export interface UpstreamSort {
  readonly sort: string;
  readonly order: 'asc' | 'desc';
}

export interface ListEndpoint<Row> {
  /** `/chats` or the like; its search is found below it. */
  readonly path: string;
  readonly decodeRow: (row: unknown) => Row;
}

export interface UpstreamListQuery {
  /** A search without conditions is the whole list. */
  readonly filter: UpstreamFilter;
  readonly sort: UpstreamSort | undefined;
  readonly range: OffsetRange;
}

/** One page of at most 100, in one call: a plain list, or a search when there is a condition. */
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
  const body = await send(call).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    // A list is always there: without it, its members are not known to be gone.
    throw new UpstreamError('notFound', error.message, { ...error.details, isUnknownRoute: true });
  });
  return decodePage(body, { where: path.slice(1), offset, limit }, decodeRow);
}

/** More rows than any account has agents or departments, or a search has ids. */
const maxPages = 100;

/** Every row, page by page. A page without any new row is the end: the helpdesk may know no offset and no total. */
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
  throw new UpstreamError('malformed', 'The list has no end.');
}

/** The name of a page in the cache. */
export const pageCacheKey = ({ filter, sort, range }: UpstreamListQuery): string =>
  JSON.stringify([filter, sort, range.offset, range.limit]);
