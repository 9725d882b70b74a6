import type { Range, Rows } from '../support/paging.ts';
import { maxPageSize } from '../support/paging.ts';
import type { Send } from './cache/cache.ts';
import type { Call } from './client.ts';
import { page } from './decode.ts';
import { isNotFound, UpstreamError } from './errors.ts';
import type { Search } from './search.ts';

/** An order as the helpdesk spells it. */
export interface Sort {
  readonly sort: string;
  readonly order: 'asc' | 'desc';
}

export interface ListOptions<Row> {
  /** `/chats` or the like; its search is found below it. */
  readonly path: string;
  readonly rowFromWire: (row: unknown) => Row;
}

export interface ListQuery {
  /** A search without conditions is the whole list. */
  readonly search: Search;
  readonly sort: Sort | undefined;
  readonly range: Range;
}

/** One page of at most 100, in one call: a plain list, or a search when there is a condition. */
export async function readPage<Row>(
  send: Send,
  { path, rowFromWire }: ListOptions<Row>,
  { search, sort, range }: ListQuery,
): Promise<Rows<Row>> {
  const { offset, limit } = range;
  const options = { ...sort, offset, limit };
  const query = new URLSearchParams(
    Object.entries(options).map(([name, value]): [string, string] => [name, String(value)]),
  );
  const call: Call =
    search.filter.length === 0
      ? { effect: 'read', method: 'GET', path: `${path}?${query.toString()}` }
      : { effect: 'read', method: 'POST', path: `${path}/search`, body: { ...search, ...options } };
  const body = await send(call).catch((error: unknown) => {
    if (!isNotFound(error)) throw error;
    // A list is always there: without it, its members are not known to be gone.
    throw new UpstreamError('notFound', error.message, { ...error.details, isAddress: true });
  });
  return page(body, { where: path.slice(1), offset, limit }, rowFromWire);
}

/** More rows than any account has agents or departments, or a search has ids. */
const maxPages = 100;

/** Every row, page by page. A page without any new row is the end: the helpdesk may know no offset and no total. */
export async function readAll<Row extends { readonly id: string }>(
  send: Send,
  options: ListOptions<Row>,
  search: Search = { comparison: 'AND', filter: [] },
): Promise<{ readonly rows: readonly Row[]; readonly total: number }> {
  const rows = new Map<string, Row>();
  let offset = 0;
  for (let pages = 0; pages < maxPages; pages += 1) {
    const before = rows.size;
    const range = { offset, limit: maxPageSize };
    const part = await readPage(send, options, { search, sort: undefined, range });
    for (const row of part.rows) rows.set(row.id, row);
    offset += part.rows.length;
    if (rows.size === before || offset >= (part.total ?? Infinity)) {
      return { rows: [...rows.values()], total: rows.size };
    }
  }
  throw new UpstreamError('malformed', 'The list has no end.');
}

/** The name of a page in the cache. */
export const pageName = ({ search, sort, range }: ListQuery): string =>
  JSON.stringify([search, sort, range.offset, range.limit]);
