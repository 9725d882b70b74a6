import { maxInboxPages, maxPageSize } from '../../lib/paging.ts';
import type { PutEntity } from '../../upstream/cache/cacheTypes.ts';
import type { FetchEntities, SendCall } from '../../upstream/cache/entityCache.ts';
import type { Upstream } from '../../upstream/client.ts';
import { isNotFound, UpstreamError, upstreamErrorAsValue } from '../../upstream/errors.ts';
import { anyOf, singleCondition } from '../../upstream/filters.ts';
import { readPage } from '../../upstream/lists.ts';
import type { Chat } from '../chats/model.ts';
import { chatCodec, chatStatuses } from '../chats/model.ts';
import { currentChatType, inboxChatType, inboxPageType } from './descriptor.ts';
import type { Inbox, InboxPage } from './model.ts';
import { isOpen, openChats } from './model.ts';

const endpoint = { path: '/chats', decodeRow: chatCodec.fromWire };

/** Which spelling of on-hold HelpCrunch accepts is unknown: all of them are searched for. */
const openFilter = anyOf(
  'status',
  Object.entries(chatStatuses)
    .filter(([, status]) => isOpen({ status }))
    .map(([value]) => singleCondition({ field: 'chats.status', operator: '=', value })),
);

const newestFirst = { sort: 'chats.createdAt', order: 'desc' } as const;

const offsetOf = (index: number): string => String(index * maxPageSize);

async function readInboxPage(send: SendCall, offset: string): Promise<InboxPage> {
  const range = { offset: Number(offset), limit: maxPageSize };
  const { rows, total } = await readPage(send, endpoint, {
    filter: openFilter,
    sort: newestFirst,
    range,
  });
  return { rows, total, missingIds: [], isFull: rows.length === maxPageSize };
}

/** The pages that one read of the inbox has requested itself, by their offsets. */
type RequestedPages = Map<string, InboxPage>;

/** A failed page does not discard the others. */
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

function requireValues<Value>(results: readonly (Value | UpstreamError)[]): readonly Value[] {
  return results.map((result) => {
    if (result instanceof UpstreamError) throw result;
    return result;
  });
}

/** Whether the pages contain all open chats. */
function isWhole(pages: readonly InboxPage[]): boolean {
  const last = pages.at(-1);
  return last !== undefined && (!last.isFull || last.total === pages.length * maxPageSize);
}

async function readOne(send: SendCall, id: string, put: PutEntity): Promise<Chat> {
  const call = { effect: 'read', method: 'GET', path: `/chats/${id}` } as const;
  const chat = chatCodec.fromWire(await send(call));
  put(currentChatType, chat);
  return chat;
}

/** The chats of the pages that this read has not requested yet, by their ids. */
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
    put(currentChatType, row);
    put(inboxChatType, row);
  }
  return new Map(rows.map((row) => [row.id, row]));
}

/** The open chats. Reading them costs at most five calls, and one for each chat that changes meanwhile. */
export function createInboxSource({ cache }: Upstream) {
  const readPages = async (
    indexes: readonly number[],
    requested: RequestedPages,
  ): Promise<readonly InboxPage[]> =>
    requireValues(
      await cache.getOrLoadMany(inboxPageType, indexes.map(offsetOf), readInboxPages(requested)),
    );

  /** The first page tells how many there are; if HelpCrunch returns no total, each is read after the other. */
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
   * A few chats are read one by one, many by the pages that were not requested yet: those that are not among the open chats are not open. A
   * chat of a page that was requested, which was invalidated since, is read by its id.
   */
  const readMissing =
    (requested: RequestedPages): FetchEntities<Chat> =>
    async (send, ids, put) => {
      const known = new Map(ids.map((id) => [id, cache.peek(currentChatType, id)]));
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

  return {
    /** Whether the open chats can be returned without a call. */
    isCached(): boolean {
      const first = cache.peek(inboxPageType, offsetOf(0));
      if (first === undefined || first.total === null) return false;
      const count = Math.min(maxInboxPages, Math.ceil(first.total / maxPageSize));
      return Array.from({ length: Math.max(1, count) }).every((_, index) => {
        const page = cache.peek(inboxPageType, offsetOf(index));
        return (
          page?.missingIds.every(
            (id) => cache.has(inboxChatType, id) || cache.has(currentChatType, id),
          ) === true
        );
      });
    },

    async read(): Promise<Inbox> {
      const requested: RequestedPages = new Map();
      const pages = await allPages(requested);
      const missing = [...new Set(pages.flatMap(({ missingIds }) => missingIds))];
      const results = await cache.getOrLoadMany(inboxChatType, missing, readMissing(requested));
      const read = requireValues(results.filter((result) => !isNotFound(result)));
      return {
        chats: openChats(pages, read, (id) => cache.peek(currentChatType, id)),
        isComplete: isWhole(pages),
      };
    },
  };
}
