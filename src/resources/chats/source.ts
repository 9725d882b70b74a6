import type { Range, Rows, Wanted } from '../../support/paging.ts';
import { maxPageSize } from '../../support/paging.ts';
import { inBatches } from '../../upstream/batches.ts';
import type { Send } from '../../upstream/cache/cache.ts';
import { aliasKind, entityKind, pageKind } from '../../upstream/cache/kinds.ts';
import type { Upstream } from '../../upstream/client.ts';
import { isNotFound, UpstreamError } from '../../upstream/errors.ts';
import type { ListQuery, Sort } from '../../upstream/lists.ts';
import { pageName, readPage } from '../../upstream/lists.ts';
import { anyOf, hasId } from '../../upstream/search.ts';
import type { Chat } from './model.ts';
import { chatFromWire, isChat } from './model.ts';

const chats = { path: '/chats', rowFromWire: chatFromWire };

const chatKind = entityKind('Chat', isChat, { freshness: 'chats' });
const chatPages = pageKind(chatKind, 'chats');

/**
 * Chats as one customer sees them: under `7001 5208` is chat 5208 if it is with customer 7001, or that there is no such chat.
 * What others have read is not known here, so that a chat of somebody else costs what one that is not there costs.
 */
const chatsOfCustomer = aliasKind(
  'ChatOfCustomer',
  chatKind,
  ({ customer }) => customer?.id ?? null,
);

const isWith =
  (customerId: string | undefined) =>
  ({ customer }: Chat): boolean =>
    customerId !== undefined && customer?.id === customerId;

const noSuchChat = () => new UpstreamError('notFound', 'There is no such chat.');

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

  const readOne = async (send: Send, id: string): Promise<Chat> =>
    chatFromWire(await send({ effect: 'read', method: 'GET', path: `/chats/${id}` }));

  return {
    isKnown: (id: string): boolean => cache.isKnown(chatKind, id),
    /** What is known of it, if that can be told at once. */
    known: (id: string): Chat | undefined => cache.findNow(chatKind, id),

    /** As `isKnown`, for one who may know of this customer's chats alone. */
    isKnownOf(customerId: string | undefined, id: string): boolean {
      const known = cache.peek(chatKind, id);
      return known !== undefined && isWith(customerId)(known);
    },

    page: (query: ListQuery): Promise<Rows<Chat>> =>
      cache.one(chatPages, pageName(query), (send) => readPage(send, chats, query)),

    /** A part of the chats of each owner, or a failure, in order. All owners are of one kind and all parts in one order. */
    pagesOf(batch: readonly OwnChats[]): Promise<(Rows<Chat> | UpstreamError)[]> {
      return cache.many(ownPages, batch.map(ownName), (send, missing) =>
        inBatches(batchSize, missing.flatMap(ownFromName), (part) => pagesOf(send, part)),
      );
    },

    byId: (id: string): Promise<Chat> => cache.one(chatKind, id, (send) => readOne(send, id)),

    /** The chat, if it is with this customer; whether there is another with this id cannot be told from the failure. */
    async byIdOf(customerId: string, id: string): Promise<Chat> {
      const known = await cache.find(chatKind, id, isWith(customerId));
      if (known !== undefined) return known;
      const asked = cache.one(chatsOfCustomer, `${customerId} ${id}`, async (send) => {
        const chat = await readOne(send, id);
        if (!isWith(customerId)(chat)) throw noSuchChat();
        return chat;
      });
      return asked.catch((error: unknown) => {
        throw isNotFound(error) ? noSuchChat() : error;
      });
    },

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
