import type { Behaviour } from './behaviour.ts';
import { statusOnWire } from './chatStatus.ts';
import type { Change } from './changes.ts';
import type { ChatRow, CustomerRow, MessageRow } from './entities.ts';
import type { Store } from './store.ts';

type Data = Readonly<Record<string, unknown>>;

const exactTime = (ms: number): string => (ms / 1000).toFixed(3);
const exactTimeOrNull = (ms: number | null): string | null => (ms === null ? null : exactTime(ms));

/** Writes what happened as webhooks carry it, which is not how the REST API writes it. */
export function createWebhookData(store: Store, behaviour: () => Behaviour) {
  const agentOrNull = (id: number | null) =>
    store.staff.agents.find((agent) => agent.id === id) ?? null;

  const objectOrAbsent = (value: object | null) =>
    value ?? (behaviour().absentObjects === 'array' ? [] : null);

  function stubOf({ customerId }: ChatRow): Data {
    const { id, name, email, userId } = store.customer(customerId);
    return { id, name, email, userId };
  }

  function chatData(chat: ChatRow): Data {
    const department = store.staff.departments.find(({ id }) => id === chat.departmentId);
    return {
      [behaviour().webhooks.chatIdKey]: chat.id,
      communicatedAgents: chat.agentIds,
      customer: stubOf(chat),
      assignee: objectOrAbsent(agentOrNull(chat.assigneeId)),
      department: objectOrAbsent(
        department === undefined ? null : { id: department.id, name: department.name },
      ),
      status: statusOnWire(chat.status, behaviour()),
      rating: chat.rating,
      closedBy: chat.closedBy,
      closedAt: exactTimeOrNull(chat.closedAt),
      createdAt: exactTime(chat.createdAt),
      snoozedUntil: exactTimeOrNull(chat.snoozedUntil),
      applicationId: chat.applicationId,
      applications: [],
    };
  }

  const messageData = (message: MessageRow, chat: ChatRow): Data => ({
    [behaviour().webhooks.chatIdKey]: chat.id,
    telegramBotUsername: null,
    instagramPageName: null,
    facebookPageLink: null,
    agent: objectOrAbsent(agentOrNull(message.agentId)),
    customer: stubOf(chat),
    message: {
      id: message.id,
      text: message.text,
      applicationId: chat.applicationId,
      broadcastType: message.broadcastType,
      createdAt: exactTime(message.createdAt),
      // Unlike in the REST API, a new message has both times.
      updatedAt: exactTime(message.updatedAt ?? message.createdAt),
      edited: message.edited,
      read: false,
    },
  });

  const customerData = ({
    id,
    name,
    userId,
    email,
    unsubscribed,
    customData,
  }: CustomerRow): Data => ({
    id,
    name,
    userId,
    email,
    unsubscribed,
    customData,
  });

  return (change: Change): Data => {
    if ('message' in change) return messageData(change.message, change.chat);
    return 'chat' in change ? chatData(change.chat) : customerData(change.customer);
  };
}

/** The same with every id as a text. */
export function withTextIds(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withTextIds);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, held]: [string, unknown]) => {
    const isId = /(^id|_id|Id)$/.test(name) && typeof held === 'number';
    return [name, isId ? String(held) : withTextIds(held)];
  });
  return Object.fromEntries(entries);
}
