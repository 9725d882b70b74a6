import type { ChatStatus, InboxView } from '../../graphql/generated.ts';
import type { AgentPart } from '../agents/model.ts';
import type { Chat } from '../chats/model.ts';
import type { DepartmentPart } from '../departments/model.ts';
import type { Message } from '../messages/model.ts';

const openStatuses = ['NEW', 'OPENED', 'PENDING', 'ON_HOLD'] as const;

export const isOpen = ({ status }: Pick<Chat, 'status'>): boolean =>
  openStatuses.some((open) => open === status);

/** Whether a webhook with this status may add the chat to the inbox. */
export const mayBeOpen = (status: ChatStatus | undefined): boolean =>
  status === undefined || isOpen({ status });

/** One page of the search for open chats. */
export interface InboxPage {
  readonly rows: readonly Chat[];
  /** Chats of which the current state has to be read. */
  readonly missingIds: readonly string[];
  readonly total: number | null;
  /** Whether there may be a next page. */
  readonly isFull: boolean;
}

/** The open chats of pages, newest state first: those of `current` replace those of the pages. */
export const mergeOpenChats = (
  pages: readonly InboxPage[],
  read: readonly Chat[],
  current: (id: string) => Chat | undefined,
): readonly Chat[] => {
  const byId = new Map<string, Chat>();
  for (const chat of [...pages.flatMap(({ rows }) => rows), ...read])
    byId.set(chat.id, current(chat.id) ?? chat);
  return [...byId.values()].filter(isOpen);
};

const isLaterId = (id: string, than: string | null): boolean =>
  than === null || BigInt(id) > BigInt(than);

/** The chat after a message; undefined if the message changes more than is known. A private note does not become the last message. */
export function chatAfterMessage(chat: Chat, message: Message): Chat | undefined {
  const { id, createdAt, text, from, agent, type } = message;
  if (type === 'PRIVATE' || !isLaterId(id, chat.lastMessageId)) return chat;
  if (createdAt === null) return undefined;
  const changed = {
    ...chat,
    lastMessageId: id,
    lastMessageAt: createdAt,
    lastMessageText: text,
  };
  if (from === 'CUSTOMER')
    return { ...changed, lastCustomerMessageAt: createdAt, readByAgent: false };
  return agent?.id === chat.lastCommunicatedAgentId
    ? { ...changed, readByCustomer: false }
    : undefined;
}

export interface AgentCount {
  readonly agent: AgentPart;
  readonly count: number;
}

export interface DepartmentCount {
  readonly department: DepartmentPart;
  readonly count: number;
}

export interface InboxSummary {
  readonly open: number;
  readonly unread: number;
  readonly unassigned: number;
  readonly snoozed: number;
  readonly oldestUnansweredAt: number | null;
  readonly isComplete: boolean;
  readonly byStatus: readonly { readonly status: ChatStatus; readonly count: number }[];
  readonly byAgent: readonly AgentCount[];
  readonly byDepartment: readonly DepartmentCount[];
}

/** All open chats, as far as they were read. */
export interface Inbox {
  readonly chats: readonly Chat[];
  readonly isComplete: boolean;
}

const isSnoozed = ({ snoozedUntil }: Chat, nowMs: number): boolean =>
  snoozedUntil !== null && snoozedUntil > nowMs;

export const viewConditions: Readonly<Record<InboxView, (chat: Chat, nowMs: number) => boolean>> = {
  UNASSIGNED: ({ assignee }) => assignee === null,
  // HelpCrunch marks a chat as unread when it wakes, without an event.
  UNREAD: (chat, nowMs) =>
    chat.readByAgent === false || (chat.snoozedUntil !== null && !isSnoozed(chat, nowMs)),
  SNOOZED: isSnoozed,
  WAITING: ({ lastMessageAt, lastCustomerMessageAt }) =>
    lastCustomerMessageAt !== null && lastCustomerMessageAt >= (lastMessageAt ?? 0),
};

/** Counts values by their ids, the most first. */
function countById<Value extends { readonly id: string }>(values: readonly (Value | null)[]) {
  const counts = new Map<string, { value: Value; count: number }>();
  for (const value of values) {
    if (value === null) continue;
    counts.set(value.id, { value, count: (counts.get(value.id)?.count ?? 0) + 1 });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count);
}

export function summarize({ chats, isComplete }: Inbox, nowMs: number): InboxSummary {
  const inView = (view: InboxView) => chats.filter((chat) => viewConditions[view](chat, nowMs));
  const unanswered = inView('WAITING').flatMap((chat) => chat.lastCustomerMessageAt ?? []);
  return {
    open: chats.length,
    unread: inView('UNREAD').length,
    unassigned: inView('UNASSIGNED').length,
    snoozed: inView('SNOOZED').length,
    oldestUnansweredAt: unanswered.length === 0 ? null : Math.min(...unanswered),
    isComplete,
    byStatus: openStatuses.map((status) => ({
      status,
      count: chats.filter((chat) => chat.status === status).length,
    })),
    byAgent: countById(chats.map(({ assignee }) => assignee)).map(({ value, count }) => ({
      agent: value,
      count,
    })),
    byDepartment: countById(chats.map(({ department }) => department)).map(({ value, count }) => ({
      department: value,
      count,
    })),
  };
}
