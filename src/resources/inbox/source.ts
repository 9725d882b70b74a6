import { maxInboxPages, maxPageSize } from '../../lib/paging.ts';
import type { PutEntity } from '../../upstream/cache/cacheTypes.ts';
import type { FetchEntities, SendCall } from '../../upstream/cache/entityCache.ts';
import type { Upstream } from '../../upstream/client.ts';
import { isNotFound, UpstreamError, upstreamErrorAsValue } from '../../upstream/errors.ts';
import { anyOf, singleCondition } from '../../upstream/filters.ts';
import { readPage } from '../../upstream/lists.ts';
import type { RefreshableType } from '../../upstream/refresh/refreshableType.ts';
import type { Chat } from '../chats/model.ts';
import { chatCodec, chatStatuses } from '../chats/model.ts';
import { chatType, inboxChatType, inboxPageType } from './descriptor.ts';
import type { Inbox, InboxPage } from './model.ts';
import { isOpen, mergeOpenChats } from './model.ts';

const endpoint = { path: '/chats', decodeRow: chatCodec.fromWire };

/** It is unknown which spelling of on-hold HelpCrunch's search accepts, so the filter contains all of them. */
const openFilter = anyOf(
  'status',
  Object.entries(chatStatuses)
    .filter(([, status]) => isOpen({ status }))
    .map(([value]) => singleCondition({ field: 'chats.status', operator: '=', value })),
);

const newestFirst = { sort: 'chats.createdAt', order: 'desc' } as const;

const offsetOf = (index: number): string => String(index * maxPageSize);
const offsets: ReadonlySet<string> = new Set(
  Array.from({ length: maxInboxPages }, (_, index) => offsetOf(index)),
);

async function readInboxPage(send: SendCall, offset: string): Promise<InboxPage> {
  const range = { offset: Number(offset), limit: maxPageSize };
  const { rows, total } = await readPage(send, endpoint, {
    filter: openFilter,
    sort: newestFirst,
    range,
  });
  return { rows, total, missingIds: [], isFull: rows.length === maxPageSize };
}

/** The pages that one read of the inbox has fetched from HelpCrunch, by their offsets. */
type RequestedPages = Map<string, InboxPage>;

/** If one page cannot be read, the others are stored nevertheless. */
const readInboxPages =
  (requested: RequestedPages): FetchEntities<InboxPage> =>
  (send, offsets) =>
    Promise.all(
      offsets.map(async (offset) => {
        try {
          const page = await readInboxPage(send, offset);
          requested.set(offset, page);
          return page;
        } catch (error) {
          return upstreamErrorAsValue(error);
        }
      }),
    );

/** Throws the first error of the results. */
function requireValues<Value>(results: readonly (Value | UpstreamError)[]): readonly Value[] {
  return results.map((result) => {
    if (result instanceof UpstreamError) throw result;
    return result;
  });
}

/** Whether the pages contain all open chats. */
function areAllPages(pages: readonly InboxPage[]): boolean {
  const last = pages.at(-1);
  return last !== undefined && (!last.isFull || last.total === pages.length * maxPageSize);
}

async function readOne(send: SendCall, id: string, put: PutEntity): Promise<Chat> {
  const call = { effect: 'read', method: 'GET', path: `/chats/${id}` } as const;
  const chat = chatCodec.fromWire(await send(call));
  put(chatType, chat);
  return chat;
}

/** Fetches the pages that this read has not fetched yet. Returns their chats by id. */
async function readOtherPages(send: SendCall, put: PutEntity, requested: RequestedPages) {
  const first = requested.get(offsetOf(0)) ?? (await readInboxPage(send, offsetOf(0)));
  const count = Math.min(maxInboxPages, Math.ceil((first.total ?? Infinity) / maxPageSize));
  const offsets = Array.from({ length: count }, (_, index) => offsetOf(index)).slice(1);
  const others = offsets.filter((offset) => !requested.has(offset));
  const pages = await Promise.all(others.map((offset) => readInboxPage(send, offset)));
  const rows = [...(requested.has(offsetOf(0)) ? [] : [first]), ...pages].flatMap(
    (page) => page.rows,
  );
  for (const row of rows) {
    put(chatType, row);
    put(inboxChatType, row);
  }
  return new Map(rows.map((row) => [row.id, row]));
}

/** The open chats. One read costs at most five calls, and one more for each chat that changes during the read. */
export function createInboxSource({ cache }: Upstream) {
  const readPages = async (
    indexes: readonly number[],
    requested: RequestedPages,
  ): Promise<readonly InboxPage[]> =>
    requireValues(
      await cache.getOrLoadMany(inboxPageType, indexes.map(offsetOf), readInboxPages(requested)),
    );

  /** The total of the first page determines the number of pages. Without a total the pages are read one after the other. */
  async function allPages(requested: RequestedPages): Promise<readonly InboxPage[]> {
    const pages = [...(await readPages([0], requested))];
    const total = pages[0]?.total ?? null;
    if (total !== null) {
      const count = Math.min(maxInboxPages, Math.ceil(total / maxPageSize));
      const indexes = Array.from({ length: count }, (_, index) => index).slice(1);
      return [...pages, ...(await readPages(indexes, requested))];
    }
    while (pages.at(-1)?.isFull === true && pages.length < maxInboxPages)
      pages.push(...(await readPages([pages.length], requested)));
    return pages;
  }

  /**
   * Reads missing chats by id as long as the read makes at most five calls. If there are more, fetches the pages that were not fetched yet; a
   * missing chat that is not among the open chats is not open. A chat of a fetched page that was invalidated since is read by its id.
   */
  const readMissing =
    (requested: RequestedPages): FetchEntities<Chat> =>
    async (send, ids, put) => {
      const known = new Map(ids.map((id) => [id, cache.peek(chatType, id)]));
      const unknown = ids.filter((id) => known.get(id) === undefined);
      const isFew = requested.size + unknown.length <= maxInboxPages;
      const found = isFew ? undefined : await readOtherPages(send, put, requested);
      const changed = new Set(
        [...requested.values()].flatMap(({ rows }) => rows.map(({ id }) => id)),
      );
      return Promise.all(
        ids.map(async (id) => {
          const chat = known.get(id) ?? found?.get(id);
          if (chat !== undefined) return chat;
          if (isFew || changed.has(id)) return readOne(send, id, put).catch(upstreamErrorAsValue);
          return new UpstreamError('notFound', 'The chat is not among the open chats.');
        }),
      );
    };

  async function read(): Promise<Inbox> {
    const requested: RequestedPages = new Map();
    const pages = await allPages(requested);
    const missing = [...new Set(pages.flatMap(({ missingIds }) => missingIds))];
    const results = await cache.getOrLoadMany(inboxChatType, missing, readMissing(requested));
    const readChats = requireValues(results.filter((result) => !isNotFound(result)));
    return {
      chats: mergeOpenChats(pages, readChats, (id) => cache.peek(chatType, id)),
      isComplete: areAllPages(pages),
    };
  }

  return {
    /** Pages are refreshed together: chats move from one to the next. */
    refreshable: (): readonly RefreshableType[] => [
      {
        type: inboxPageType,
        isList: true,
        maxNames: maxInboxPages,
        accepts: (name) => offsets.has(name),
        mayStoreInRedis: () => true,
        refresh: read,
      },
    ],

    /** Whether the open chats can be returned without a call. */
    isCached(): boolean {
      const first = cache.peek(inboxPageType, offsetOf(0));
      if (first === undefined || first.total === null) return false;
      const count = Math.min(maxInboxPages, Math.ceil(first.total / maxPageSize));
      return Array.from({ length: Math.max(1, count) }).every((_, index) => {
        const page = cache.peek(inboxPageType, offsetOf(index));
        return (
          page?.missingIds.every(
            (id) => cache.has(inboxChatType, id) || cache.has(chatType, id),
          ) === true
        );
      });
    },

    read,
  };
}
