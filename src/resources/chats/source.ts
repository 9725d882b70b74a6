import type { Range, Rows, Wanted } from '../../support/paging.ts';
import { maxPageSize } from '../../support/paging.ts';
import type { Upstream } from '../../upstream/client.ts';
import type { ListQuery, Sort } from '../../upstream/lists.ts';
import { readPage } from '../../upstream/lists.ts';
import { anyOf, hasId } from '../../upstream/search.ts';
import type { Chat } from './model.ts';
import { chatFromWire } from './model.ts';

const chats = { path: '/chats', rowFromWire: chatFromWire };

const readEndpoints = { AGENT: '/chats/readByAgent', CUSTOMER: '/chats/readByCustomer' } as const;

/** What a chat can belong to, and how the helpdesk calls that in a search. */
const hasOwner = {
  customer: hasId('chats.customer'),
  assignee: hasId('chats.assignee'),
  department: hasId('chats.department'),
} as const;

/** A part of the chats of one owner. */
export interface OwnChats {
  readonly owner: keyof typeof hasOwner;
  readonly id: string;
  readonly sort: Sort;
  readonly range: Range;
  readonly wanted: Wanted;
}

const isOwnedBy = ({ owner, id }: OwnChats) => hasOwner[owner]('id', id);

/** What a prefix of the sorted chats of many owners tells about one of them; null when it is not enough. */
function partOf(
  { owner, id, range, wanted }: OwnChats,
  rows: readonly Chat[],
  isWhole: boolean,
): Rows<Chat> | null {
  const own = rows.filter((chat) => chat[owner]?.id === id);
  const end = range.offset + range.limit;
  const part = own.slice(range.offset, end);
  if (isWhole) return { rows: part, total: own.length };
  // One row more than asked for tells that there is a next page.
  const isEnough = !wanted.total && own.length >= (wanted.pageInfo ? end + 1 : end);
  return isEnough ? { rows: part, total: null } : null;
}

export type ChatSource = ReturnType<typeof createChatSource>;

/** The chat endpoints. Chats cannot be asked for by id together. */
export function createChatSource(upstream: Upstream) {
  const { send } = upstream;
  const page = (query: ListQuery): Promise<Rows<Chat>> => readPage(upstream, chats, query);
  const pageOf = (own: OwnChats) =>
    page({ search: isOwnedBy(own), sort: own.sort, range: own.range });

  return {
    page,

    /**
     * The chats of each of several owners of one kind, in one order, in order of the batch. All are searched for
     * together; where a page of 100 does not hold enough, the rest comes by more pages or one by one, whichever is fewer.
     */
    async pagesOf(batch: readonly OwnChats[]): Promise<Rows<Chat>[]> {
      const [first] = batch;
      if (first === undefined || new Set(batch.map(({ id }) => id)).size === 1) {
        return Promise.all(batch.map(pageOf));
      }
      const search = anyOf('ids', batch.map(isOwnedBy));
      const rows: Chat[] = [];
      for (;;) {
        const range = { offset: rows.length, limit: maxPageSize };
        const next = await page({ search, sort: first.sort, range });
        rows.push(...next.rows);
        const left = next.rows.length === 0 ? 0 : (next.total ?? Infinity) - rows.length;
        const known = batch.map((own) => partOf(own, rows, left <= 0));
        const missing = known.filter((part) => part === null).length;
        if (missing <= Math.ceil(left / maxPageSize)) {
          return Promise.all(
            known.map(async (part, index) => part ?? pageOf(batch[index] ?? first)),
          );
        }
      }
    },

    async byId(id: string): Promise<Chat> {
      return chatFromWire(await send({ effect: 'read', method: 'GET', path: `/chats/${id}` }));
    },

    /** The chat as it is afterwards. */
    async markRead(id: string, by: keyof typeof readEndpoints, read: boolean): Promise<Chat> {
      const path = readEndpoints[by];
      const body = { id: Number(id), read };
      return chatFromWire(await send({ effect: 'write', method: 'PUT', path, body }));
    },
  };
}
