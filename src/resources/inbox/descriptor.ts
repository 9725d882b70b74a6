import { maxPageSize } from '../../lib/paging.ts';
import { isCount, isIdText, listOf, objectOf, orNull } from '../../lib/shape.ts';
import type { CacheType } from '../../upstream/cache/cacheTypes.ts';
import type { CacheChange } from '../../upstream/cache/entityCache.ts';
import { agentDescriptor } from '../agents/descriptor.ts';
import { agentCodec } from '../agents/model.ts';
import { chatType } from '../chats/descriptor.ts';
import type { Chat } from '../chats/model.ts';
import type { CacheChanges, ResourceDescriptor } from '../declarations.ts';
import { staffField } from '../declarations.ts';
import { departmentDescriptor } from '../departments/descriptor.ts';
import { departmentCodec } from '../departments/model.ts';
import type { Message } from '../messages/model.ts';
import type { InboxPage } from './model.ts';
import { chatAfterMessage } from './model.ts';

/** A chat as the inbox was read, apart from `Chat` because it is kept longer and a message patches it. */
export const inboxChatType: CacheType<Chat> = {
  ...chatType,
  name: 'InboxChat',
  ttlClass: 'inbox',
};

interface StoredInboxPage {
  readonly ids: readonly string[];
  /** Chats that may have been opened since the page was read. */
  readonly addedIds: readonly string[];
  readonly total: number | null;
}

/** With more than this many, reading the page again is cheaper. */
const maxAdded = 100;

const isStoredPage = objectOf<StoredInboxPage>({
  ids: listOf(isIdText, maxPageSize),
  addedIds: listOf(isIdText, maxAdded),
  total: orNull(isCount),
});

/** The chats of all other reads, which can be newer. */
export { chatType };

/** Named by their offsets. Members that are not cached do not invalidate a page. */
export const inboxPageType: CacheType<InboxPage> = {
  name: 'InboxPages',
  ttlClass: 'inbox',
  accepts: isStoredPage,
  serialize({ rows, total }, put) {
    for (const row of rows) {
      put(chatType, row);
      put(inboxChatType, row);
    }
    return { ids: rows.map(({ id }) => id), addedIds: [], total };
  },
  deserialize(stored, find) {
    if (!isStoredPage(stored)) return undefined;
    const { ids, addedIds, total } = stored;
    const members = [...ids, ...addedIds].map((id) => ({ id, chat: find(inboxChatType, id) }));
    return {
      rows: members.flatMap(({ chat }) => chat ?? []),
      missingIds: members.flatMap(({ id, chat }) => (chat === undefined ? [id] : [])),
      total,
      isFull: ids.length === maxPageSize,
    };
  },
};

/** Chats are read newest first, so that new ones belong to the first page. */
export const firstInboxPageTag: CacheChanges[number] & { readonly id: string } = {
  type: inboxPageType,
  id: '0',
};

function withAddedId(stored: unknown, id: string): unknown {
  if (!isStoredPage(stored)) return undefined;
  const { ids, addedIds } = stored;
  if (ids.includes(id) || addedIds.includes(id)) return stored;
  return addedIds.length < maxAdded ? { ...stored, addedIds: [...addedIds, id] } : undefined;
}

/** The chat may have been opened. */
export const inboxAdditionPatch = (id: string): CacheChange => ({
  changedAt: null,
  patch: (stored) => withAddedId(stored, id),
  ...firstInboxPageTag,
});

/** What a write of the gateway changes: the chat is read again, from the cache if the response of the write is there. */
export const inboxChanges = (id: string): CacheChanges => [
  { type: inboxChatType, id },
  inboxAdditionPatch(id),
];

/** What a new message changes; ordered by the ids of messages, not by the time of the event. */
export const inboxMessagePatch = (chatId: string, message: Message | undefined): CacheChange => ({
  type: inboxChatType,
  id: chatId,
  changedAt: null,
  patch(stored) {
    const chat = inboxChatType.deserialize(stored, () => undefined);
    return chat === undefined || message === undefined
      ? undefined
      : chatAfterMessage(chat, message);
  },
});

/** Chats embed their customer. */
export const inboxChatTags: CacheChanges = [{ type: inboxChatType }];

export const inboxDescriptor = {
  idsPerCall: { inbox: Infinity },
  fields: {
    Query: {
      inboxSummary: { policy: 'staff', cost: { strategy: 'inbox' } },
      inbox: { policy: 'staff', cost: { strategy: 'inbox' } },
    },
    InboxSummary: {
      open: staffField,
      unread: staffField,
      unassigned: staffField,
      snoozed: staffField,
      oldestUnansweredAt: staffField,
      isComplete: staffField,
      byStatus: staffField,
      byAgent: {
        policy: 'staff',
        cost: {
          strategy: 'partial',
          embeds: ['agent', 'count'],
          length: agentDescriptor.entity.count,
        },
      },
      byDepartment: {
        policy: 'staff',
        cost: {
          strategy: 'partial',
          embeds: ['department', 'count'],
          length: departmentDescriptor.entity.count,
        },
      },
    },
    StatusCount: { status: staffField, count: staffField },
    AgentCount: {
      agent: {
        policy: 'staff',
        cost: { strategy: 'partial', embeds: agentCodec.embeddedFields },
      },
      count: staffField,
    },
    DepartmentCount: {
      department: {
        policy: 'staff',
        cost: { strategy: 'partial', embeds: departmentCodec.embeddedFields },
      },
      count: staffField,
    },
  },
} as const satisfies ResourceDescriptor;
