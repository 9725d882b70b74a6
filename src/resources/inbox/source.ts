import { maxInboxPages, maxPageSize } from '../../lib/paging.ts';
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

/** A failed page does not discard the others. */
const readInboxPages: FetchEntities<InboxPage> = (send, offsets) =>
  Promise.all(offsets.map((offset) => readInboxPage(send, offset).catch(upstreamErrorAsValue)));

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

/** The open chats. Reading them costs at most five calls. */
export function createInboxSource({ cache }: Upstream) {
  const readPages = async (indexes: readonly number[]): Promise<readonly InboxPage[]> =>
    requireValues(await cache.getOrLoadMany(inboxPageType, indexes.map(offsetOf), readInboxPages));

  /** The first page tells how many there are; if HelpCrunch returns no total, each is read after the other. */
  async function allPages(): Promise<readonly InboxPage[]> {
    const pages = [...(await readPages([0]))];
    const total = pages[0]?.total ?? null;
    if (total !== null) {
      const count = Math.min(maxInboxPages, Math.ceil(total / maxPageSize));
      const indexes = Array.from({ length: count }, (_, index) => index).slice(1);
      return [...pages, ...(await readPages(indexes))];
    }
    while (pages.at(-1)?.isFull === true && pages.length < maxInboxPages)
      pages.push(...(await readPages([pages.length])));
    return pages;
  }

  /** A few chats are read one by one, many by reading all open chats again: those that are not among them are not open. */
  const readMissing: FetchEntities<Chat> = async (send, ids, put) => {
    const known = new Map(ids.map((id) => [id, cache.peek(currentChatType, id)]));
    const unknown = ids.filter((id) => known.get(id) === undefined);
    const readOne = async (id: string): Promise<Chat> => {
      const chat = chatCodec.fromWire(
        await send({ effect: 'read', method: 'GET', path: `/chats/${id}` }),
      );
      put(currentChatType, chat);
      return chat;
    };
    if (unknown.length <= maxInboxPages)
      return Promise.all(
        ids.map(async (id) => known.get(id) ?? readOne(id).catch(upstreamErrorAsValue)),
      );
    const first = await readInboxPage(send, offsetOf(0));
    const count = Math.min(maxInboxPages, Math.ceil((first.total ?? Infinity) / maxPageSize));
    const others = await Promise.all(
      Array.from({ length: Math.max(0, count - 1) }, (_, index) =>
        readInboxPage(send, offsetOf(index + 1)),
      ),
    );
    const rows = [first, ...others].flatMap((page) => page.rows);
    for (const row of rows) {
      put(currentChatType, row);
      put(inboxChatType, row);
    }
    const found = new Map(rows.map((row) => [row.id, row]));
    return ids.map(
      (id) =>
        known.get(id) ??
        found.get(id) ??
        new UpstreamError('notFound', 'The chat is not among the open chats.'),
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
      const pages = await allPages();
      const missing = [...new Set(pages.flatMap(({ missingIds }) => missingIds))];
      const results = await cache.getOrLoadMany(inboxChatType, missing, readMissing);
      const read = requireValues(results.filter((result) => !isNotFound(result)));
      return {
        chats: openChats(pages, read, (id) => cache.peek(currentChatType, id)),
        isComplete: isWhole(pages),
      };
    },
  };
}
