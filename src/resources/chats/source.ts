import type { OffsetRange, Page, ConnectionSelection } from '../../lib/paging.ts';
import { maxPageSize } from '../../lib/paging.ts';
import { bisectBatches } from '../../upstream/batches.ts';
import type { SendCall } from '../../upstream/cache/entityCache.ts';
import { aliasType, entityType, pageType } from '../../upstream/cache/cacheTypes.ts';
import type { Upstream } from '../../upstream/client.ts';
import { isNotFound, UpstreamError } from '../../upstream/errors.ts';
import type { UpstreamListQuery, UpstreamSort } from '../../upstream/lists.ts';
import { pageCacheKey, readPage } from '../../upstream/lists.ts';
import { anyOf, idEquals } from '../../upstream/filters.ts';
import type { Chat } from './model.ts';
import { chatFromWire, isChat } from './model.ts';

const chatEndpoint = { path: '/chats', decodeRow: chatFromWire };

const chatType = entityType('Chat', isChat, { ttlClass: 'chats' });
const chatPageType = pageType(chatType, 'chats');

/**
 * Chats as one customer sees them: under `7001 5208` is chat 5208 if it is with customer 7001, or that there is no such chat.
 * What others have read is not known here, so that a chat of somebody else costs what one that is not there costs.
 */
const customerChatType = aliasType(
  'ChatOfCustomer',
  chatType,
  ({ customer }) => customer?.id ?? null,
);

const belongsTo =
  (customerId: string | undefined) =>
  ({ customer }: Chat): boolean =>
    customerId !== undefined && customer?.id === customerId;

const chatNotFoundError = () => new UpstreamError('notFound', 'There is no such chat.');

const readEndpoints = { AGENT: '/chats/readByAgent', CUSTOMER: '/chats/readByCustomer' } as const;

/** What a chat can belong to, and how the helpdesk calls that in a search. */
const ownerFilters = {
  customer: idEquals('chats.customer'),
  assignee: idEquals('chats.assignee'),
  department: idEquals('chats.department'),
} as const;

/** A part of the chats of one owner. */
export interface OwnedChats {
  readonly owner: keyof typeof ownerFilters;
  readonly id: string;
  readonly sort: UpstreamSort;
  readonly range: OffsetRange;
  readonly selection: ConnectionSelection;
}

const ownerFilter = ({ owner, id }: OwnedChats) => ownerFilters[owner]('id', id);

/** What can go in one search, then what tells it from others in there. */
const ownedChatsKey = ({ owner, id, sort, range, selection }: OwnedChats): string =>
  [
    `${owner} ${sort.sort} ${sort.order}`,
    `${id} ${range.offset} ${range.limit} ${selection.total} ${selection.pageInfo}`,
  ].join('/');

const isOwnerKind = (word: string): word is OwnedChats['owner'] =>
  Object.hasOwn(ownerFilters, word);

/** What `ownName` was given. */
function parseOwnedChatsKey(name: string): OwnedChats[] {
  const [group = '', owned = ''] = name.split('/');
  const [owner = '', sort = '', order = ''] = group.split(' ');
  const [id = '', offset, limit, total, pageInfo] = owned.split(' ');
  if (!isOwnerKind(owner)) return [];
  return [
    {
      owner,
      id,
      sort: { sort, order: order === 'asc' ? 'asc' : 'desc' },
      range: { offset: Number(offset), limit: Number(limit) },
      selection: { rows: true, total: total === 'true', pageInfo: pageInfo === 'true' },
    },
  ];
}

/** A customer has few chats, an agent many: those of several agents seldom fit a page, and would only wait for each other. */
const ownedChatsType = pageType(chatType, 'chats', {
  name: 'OwnedChats',
  collapseKey: (name) =>
    name.startsWith('customer ') ? name.slice(0, name.indexOf('/')) : undefined,
});

const uniqueOwners = (batch: readonly OwnedChats[]): OwnedChats[] => [
  ...new Map(batch.map((owned) => [owned.id, owned])).values(),
];

/** What a prefix of the sorted chats of many owners tells about one of them; null when it is not enough. */
function pageOfOwner(
  { owner, id, range, selection }: OwnedChats,
  rows: readonly Chat[],
  isComplete: boolean,
): Page<Chat> | null {
  const owned = rows.filter((chat) => chat[owner]?.id === id);
  const end = range.offset + range.limit;
  const page = owned.slice(range.offset, end);
  if (isComplete) return { rows: page, total: owned.length };
  // One row more than asked for tells that there is a next page.
  const isEnough = !selection.total && owned.length >= (selection.pageInfo ? end + 1 : end);
  return isEnough ? { rows: page, total: null } : null;
}

export type ChatSource = ReturnType<typeof createChatSource>;

/** The chat endpoints. Chats cannot be asked for by id together. */
export function createChatSource({ cache, batchSize }: Upstream) {
  const readOwnedPage = (send: SendCall, owned: OwnedChats) =>
    readPage(send, chatEndpoint, {
      filter: ownerFilter(owned),
      sort: owned.sort,
      range: owned.range,
    });

  /**
   * The chats of each of several owners of one kind, in one order. All are searched for together; where a page of 100 does
   * not hold enough, the rest comes by more pages or one by one, whichever is fewer.
   */
  async function readOwnedPages(
    send: SendCall,
    batch: readonly OwnedChats[],
  ): Promise<Page<Chat>[]> {
    const [first] = batch;
    if (first === undefined || new Set(batch.map(({ id }) => id)).size === 1) {
      return Promise.all(batch.map((owned) => readOwnedPage(send, owned)));
    }
    const filter = anyOf('ids', uniqueOwners(batch).map(ownerFilter));
    const rows: Chat[] = [];
    for (;;) {
      const range = { offset: rows.length, limit: maxPageSize };
      const next = await readPage(send, chatEndpoint, { filter, sort: first.sort, range });
      rows.push(...next.rows);
      const remaining = next.rows.length === 0 ? 0 : (next.total ?? Infinity) - rows.length;
      const cached = batch.map((owned) => pageOfOwner(owned, rows, remaining <= 0));
      const missing = cached.filter((part) => part === null).length;
      if (missing <= Math.ceil(remaining / maxPageSize)) {
        return Promise.all(
          cached.map(async (part, index) => part ?? readOwnedPage(send, batch[index] ?? first)),
        );
      }
    }
  }

  const readOne = async (send: SendCall, id: string): Promise<Chat> =>
    chatFromWire(await send({ effect: 'read', method: 'GET', path: `/chats/${id}` }));

  return {
    has: (id: string): boolean => cache.has(chatType, id),
    /** What is known of it, if that can be told at once. */
    peek: (id: string): Chat | undefined => cache.getSync(chatType, id),

    /** As `isKnown`, for one who may know of this customer's chats alone. */
    hasForCustomer(customerId: string | undefined, id: string): boolean {
      const cached = cache.peek(chatType, id);
      return cached !== undefined && belongsTo(customerId)(cached);
    },

    page: (query: UpstreamListQuery): Promise<Page<Chat>> =>
      cache.getOrLoad(chatPageType, pageCacheKey(query), (send) =>
        readPage(send, chatEndpoint, query),
      ),

    /** A part of the chats of each owner, or a failure, in order. All owners are of one kind and all parts in one order. */
    ownedPages(batch: readonly OwnedChats[]): Promise<(Page<Chat> | UpstreamError)[]> {
      return cache.getOrLoadMany(ownedChatsType, batch.map(ownedChatsKey), (send, missing) =>
        bisectBatches(batchSize, missing.flatMap(parseOwnedChatsKey), (part) =>
          readOwnedPages(send, part),
        ),
      );
    },

    byId: (id: string): Promise<Chat> => cache.getOrLoad(chatType, id, (send) => readOne(send, id)),

    /** The chat, if it is with this customer; whether there is another with this id cannot be told from the failure. */
    async byIdForCustomer(customerId: string, id: string): Promise<Chat> {
      const cached = await cache.get(chatType, id, belongsTo(customerId));
      if (cached !== undefined) return cached;
      const loading = cache.getOrLoad(customerChatType, `${customerId} ${id}`, async (send) => {
        const chat = await readOne(send, id);
        if (!belongsTo(customerId)(chat)) throw chatNotFoundError();
        return chat;
      });
      return loading.catch((error: unknown) => {
        throw isNotFound(error) ? chatNotFoundError() : error;
      });
    },

    /** The chat as it is afterwards. */
    markRead: (id: string, by: keyof typeof readEndpoints, read: boolean): Promise<Chat> =>
      cache.write(chatType, id, async (send) => {
        const path = readEndpoints[by];
        const body = { id: Number(id), read };
        return chatFromWire(
          await send({ effect: 'write', isIdempotent: true, method: 'PUT', path, body }),
        );
      }),
  };
}
