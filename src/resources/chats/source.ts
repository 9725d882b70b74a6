import type { Range, Rows, Wanted } from '../../support/paging.ts';
import { maxPageSize } from '../../support/paging.ts';
import { inBatches } from '../../upstream/batches.ts';
import type { Send } from '../../upstream/cache/cache.ts';
import { entityKind, pageKind } from '../../upstream/cache/kinds.ts';
import type { Upstream } from '../../upstream/client.ts';
import type { UpstreamError } from '../../upstream/errors.ts';
import type { ListQuery, Sort } from '../../upstream/lists.ts';
import { pageName, readPage } from '../../upstream/lists.ts';
import { anyOf, hasId } from '../../upstream/search.ts';
import type { Chat } from './model.ts';
import { chatFromWire } from './model.ts';

const chats = { path: '/chats', rowFromWire: chatFromWire };

const chatKind = entityKind<Chat>('Chat', 'chats');
const chatPages = pageKind(chatKind, 'chats');

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

/** What can go in one search, then what tells it from others in there. */
const ownName = ({ owner, id, sort, range, wanted }: OwnChats): string =>
  [
    `${owner} ${sort.sort} ${sort.order}`,
    `${id} ${range.offset} ${range.limit} ${wanted.total} ${wanted.pageInfo}`,
  ].join('/');

const isOwner = (word: string): word is OwnChats['owner'] => Object.hasOwn(hasOwner, word);

/** What `ownName` was given. */
function ownFromName(name: string): OwnChats[] {
  const [group = '', own = ''] = name.split('/');
  const [owner = '', sort = '', order = ''] = group.split(' ');
  const [id = '', offset, limit, total, pageInfo] = own.split(' ');
  if (!isOwner(owner)) return [];
  return [
    {
      owner,
      id,
      sort: { sort, order: order === 'asc' ? 'asc' : 'desc' },
      range: { offset: Number(offset), limit: Number(limit) },
      wanted: { rows: true, total: total === 'true', pageInfo: pageInfo === 'true' },
    },
  ];
}

/** A customer has few chats, an agent many: those of several agents seldom fit a page, and would only wait for each other. */
const ownPages = pageKind(chatKind, 'chats', {
  name: 'OwnChats',
  gathers: (name) => (name.startsWith('customer ') ? name.slice(0, name.indexOf('/')) : undefined),
});

const uniqueOwners = (batch: readonly OwnChats[]): OwnChats[] => [
  ...new Map(batch.map((own) => [own.id, own])).values(),
];

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
export function createChatSource({ cache, batchSize }: Upstream) {
  const pageOf = (send: Send, own: OwnChats) =>
    readPage(send, chats, { search: isOwnedBy(own), sort: own.sort, range: own.range });

  /**
   * The chats of each of several owners of one kind, in one order. All are searched for together; where a page of 100 does
   * not hold enough, the rest comes by more pages or one by one, whichever is fewer.
   */
  async function pagesOf(send: Send, batch: readonly OwnChats[]): Promise<Rows<Chat>[]> {
    const [first] = batch;
    if (first === undefined || new Set(batch.map(({ id }) => id)).size === 1) {
      return Promise.all(batch.map((own) => pageOf(send, own)));
    }
    const search = anyOf('ids', uniqueOwners(batch).map(isOwnedBy));
    const rows: Chat[] = [];
    for (;;) {
      const range = { offset: rows.length, limit: maxPageSize };
      const next = await readPage(send, chats, { search, sort: first.sort, range });
      rows.push(...next.rows);
      const left = next.rows.length === 0 ? 0 : (next.total ?? Infinity) - rows.length;
      const known = batch.map((own) => partOf(own, rows, left <= 0));
      const missing = known.filter((part) => part === null).length;
      if (missing <= Math.ceil(left / maxPageSize)) {
        return Promise.all(
          known.map(async (part, index) => part ?? pageOf(send, batch[index] ?? first)),
        );
      }
    }
  }

  return {
    isKnown: (id: string): boolean => cache.isKnown(chatKind, id),

    page: (query: ListQuery): Promise<Rows<Chat>> =>
      cache.one(chatPages, pageName(query), (send) => readPage(send, chats, query)),

    /** A part of the chats of each owner, or a failure, in order. All owners are of one kind and all parts in one order. */
    pagesOf(batch: readonly OwnChats[]): Promise<(Rows<Chat> | UpstreamError)[]> {
      return cache.many(ownPages, batch.map(ownName), (send, missing) =>
        inBatches(batchSize, missing.flatMap(ownFromName), (part) => pagesOf(send, part)),
      );
    },

    byId: (id: string): Promise<Chat> =>
      cache.one(chatKind, id, async (send) =>
        chatFromWire(await send({ effect: 'read', method: 'GET', path: `/chats/${id}` })),
      ),

    /** The chat as it is afterwards. */
    markRead: (id: string, by: keyof typeof readEndpoints, read: boolean): Promise<Chat> =>
      cache.write(chatKind, id, async (send) => {
        const path = readEndpoints[by];
        const body = { id: Number(id), read };
        return chatFromWire(
          await send({ effect: 'write', isIdempotent: true, method: 'PUT', path, body }),
        );
      }),
  };
}
