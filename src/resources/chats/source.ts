import type { OffsetRange, Page, ConnectionSelection } from '../../lib/paging.ts';
import { maxPageSize } from '../../lib/paging.ts';
import { isIdText } from '../../lib/shape.ts';
import { bisectBatches } from '../../upstream/batches.ts';
import type { SendCall } from '../../upstream/cache/entityCache.ts';
import type { Upstream } from '../../upstream/client.ts';
import {
  isNotFound,
  throwFirstExceptNotFound,
  UpstreamError,
  upstreamErrorAsValue,
} from '../../upstream/errors.ts';
import type { UpstreamListQuery, UpstreamSort } from '../../upstream/lists.ts';
import { filterFrom, pageCacheKey, readPage } from '../../upstream/lists.ts';
import { anyOf, idEquals } from '../../upstream/filters.ts';
import { refreshedSingly } from '../../upstream/refresh/refreshableType.ts';
import { refreshedPages } from '../../upstream/refresh/refreshedPages.ts';
import { expandOnHoldSpellings } from './filter.ts';
import {
  chatEndpoint,
  chatPageType,
  chatType,
  customerChatAliasType,
  ownedChatsType,
} from './descriptor.ts';
import type { Chat } from './model.ts';
import { chatCodec } from './model.ts';

const belongsTo =
  (customerId: string | undefined) =>
  ({ customer }: Chat): boolean =>
    customerId !== undefined && customer?.id === customerId;

const chatNotFoundError = () => new UpstreamError('notFound', 'There is no such chat.');

/** The owners of chats, with their filters. */
const ownerFilters = {
  customer: idEquals('chats.customer'),
  assignee: idEquals('chats.assignee'),
  department: idEquals('chats.department'),
} as const;

/** One page of the chats of one owner. */
export interface OwnedChats {
  readonly owner: keyof typeof ownerFilters;
  readonly id: string;
  readonly sort: UpstreamSort;
  readonly range: OffsetRange;
  readonly selection: ConnectionSelection;
}

const ownerFilter = ({ owner, id }: OwnedChats) => ownerFilters[owner]('id', id);

/** The part before the slash is equal for pages that one search can read. */
const ownedChatsKey = ({ owner, id, sort, range, selection }: OwnedChats): string =>
  [
    `${owner} ${sort.sort} ${sort.order}`,
    `${id} ${range.offset} ${range.limit} ${selection.total} ${selection.pageInfo}`,
  ].join('/');

const isOwnerKind = (word: string): word is OwnedChats['owner'] =>
  Object.hasOwn(ownerFilters, word);

/** The inverse of `ownedChatsKey`. */
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

const isOwnedChatsKey = (name: string): boolean =>
  parseOwnedChatsKey(name).some((owned) => isIdText(owned.id) && ownedChatsKey(owned) === name);

/** E-mail addresses, user ids and tags of customers. */
const isCustomerField = (field: string): boolean => field.startsWith('chats.customer.');

const uniqueOwners = (batch: readonly OwnedChats[]): OwnedChats[] => [
  ...new Map(batch.map((owned) => [owned.id, owned])).values(),
];

/** The page of one owner from a prefix of the sorted chats of several; null when the prefix is too short. */
function pageOfOwner(
  { owner, id, range, selection }: OwnedChats,
  rows: readonly Chat[],
  isComplete: boolean,
): Page<Chat> | null {
  const owned = rows.filter((chat) => chat[owner]?.id === id);
  const end = range.offset + range.limit;
  const page = owned.slice(range.offset, end);
  if (isComplete) return { rows: page, total: owned.length };
  // One row more than requested shows that there is a next page.
  const isEnough = !selection.total && owned.length >= (selection.pageInfo ? end + 1 : end);
  return isEnough ? { rows: page, total: null } : null;
}

const readOwnedPage = (send: SendCall, owned: OwnedChats) =>
  readPage(send, chatEndpoint, {
    filter: ownerFilter(owned),
    sort: owned.sort,
    range: owned.range,
  });

/**
 * The pages of several owners of one kind, in one order. One search reads the chats of all owners; when a page of 100 does not contain
 * enough, the rest is read by further pages of it or owner by owner, whichever takes fewer calls.
 */
async function readOwnedPages(
  send: SendCall,
  batch: readonly OwnedChats[],
): Promise<(Page<Chat> | UpstreamError)[]> {
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
    const pages = batch.map((owned) => pageOfOwner(owned, rows, remaining <= 0));
    const missing = pages.filter((page) => page === null).length;
    if (missing <= Math.ceil(remaining / maxPageSize)) {
      return Promise.all(
        pages.map(
          async (page, index) =>
            page ?? readOwnedPage(send, batch[index] ?? first).catch(upstreamErrorAsValue),
        ),
      );
    }
  }
}

const readOne = async (send: SendCall, id: string): Promise<Chat> =>
  chatCodec.fromWire(await send({ effect: 'read', method: 'GET', path: `/chats/${id}` }));

type ChatList = Pick<UpstreamListQuery, 'filter' | 'sort'>;

export type ChatSource = ReturnType<typeof createChatSource>;

/** HelpCrunch has no search by chat ids: each costs one call. */
export function createChatSource({ cache, batchSize, onHoldSpelling }: Upstream) {
  const readCachedPage = (query: UpstreamListQuery): Promise<Page<Chat>> =>
    cache.getOrLoad(chatPageType, pageCacheKey(query), (send) =>
      readPage(send, chatEndpoint, query),
    );
  const page = ({ filter, ...rest }: UpstreamListQuery): Promise<Page<Chat>> =>
    readCachedPage({ ...rest, filter: expandOnHoldSpellings(filter, onHoldSpelling) });

  const byId = (id: string): Promise<Chat> =>
    cache.getOrLoad(chatType, id, (send) => readOne(send, id));

  /** A page or an error for each owner, in order. All owners must be of one kind, and all pages have one sort order. */
  const ownedPages = (batch: readonly OwnedChats[]): Promise<(Page<Chat> | UpstreamError)[]> =>
    cache.getOrLoadMany(ownedChatsType, batch.map(ownedChatsKey), (send, missing) =>
      bisectBatches(batchSize, missing.flatMap(parseOwnedChatsKey), (part) =>
        readOwnedPages(send, part),
      ),
    );

  return {
    refreshable: () => [
      refreshedSingly({ type: chatType, accepts: isIdText }, byId),
      refreshedPages({ type: chatPageType, isPersonal: isCustomerField }, readCachedPage),
      refreshedSingly(
        { type: ownedChatsType, isList: true, accepts: isOwnedChatsKey },
        async (name) => throwFirstExceptNotFound(await ownedPages(parseOwnedChatsKey(name))),
      ),
    ],

    has: (id: string): boolean => cache.has(chatType, id),
    hydrate: (ids: readonly string[]) => cache.hydrate(chatType, ids),
    /** The cached chat; undefined if it is not cached, or Redis must be read first. */
    peek: (id: string): Chat | undefined => cache.getIfLocal(chatType, id),

    /** Whether the chat is cached and belongs to this customer. */
    hasForCustomer(customerId: string | undefined, id: string): boolean {
      const cached = cache.peek(chatType, id);
      return cached !== undefined && belongsTo(customerId)(cached);
    },

    page,

    /** Reads a list from this time on, in its order; undefined if HelpCrunch cannot search for that. */
    pagesFrom({ filter, sort }: ChatList, timeMs: number) {
      const rest = filterFrom(
        { filter: expandOnHoldSpellings(filter, onHoldSpelling), sort },
        timeMs,
      );
      return rest && ((range: OffsetRange) => readCachedPage({ filter: rest, sort, range }));
    },

    ownedPages,
    byId,

    /** The chat, if it belongs to this customer. The error does not reveal whether a chat of another customer has this id. */
    async byIdForCustomer(customerId: string, id: string): Promise<Chat> {
      const cached = await cache.get(chatType, id, belongsTo(customerId));
      if (cached !== undefined) return cached;
      const loading = cache.getOrLoad(
        customerChatAliasType,
        `${customerId} ${id}`,
        async (send) => {
          const chat = await readOne(send, id);
          if (!belongsTo(customerId)(chat)) throw chatNotFoundError();
          return chat;
        },
      );
      return loading.catch((error: unknown) => {
        throw isNotFound(error) ? chatNotFoundError() : error;
      });
    },
  };
}
