import type {
  ChatChange,
  ChatCloser,
  ChatOrigin,
  ChatRating,
  ChatStatus,
} from '../../graphql/generated.ts';
import type { EntityOf, EntityPart } from '../../upstream/codec.ts';
import {
  decodeReadable,
  entityCodec,
  enumOf,
  flag,
  id,
  idOrNull,
  idsOrNull,
  listOfPresent,
  text,
  time,
  withDefault,
} from '../../upstream/codec.ts';
import { decodeObject } from '../../upstream/decode.ts';
import { agentCodec } from '../agents/model.ts';
import { customerCodec } from '../customers/model.ts';
import { departmentCodec } from '../departments/model.ts';

// The first spelling of a value is the one that is written. HelpCrunch's documentation spells on-hold in three ways.
export const chatStatuses = {
  new: 'NEW',
  opened: 'OPENED',
  open: 'OPENED',
  pending: 'PENDING',
  'on hold': 'ON_HOLD',
  onhold: 'ON_HOLD',
  'on-hold': 'ON_HOLD',
  'no communication': 'NO_COMMUNICATION',
  closed: 'CLOSED',
  empty: 'EMPTY',
} as const;

const closers = { agent: 'AGENT', customer: 'CUSTOMER' } as const;

export const chatRatings = {
  perfect: 'PERFECT',
  great: 'GREAT',
  average: 'AVERAGE',
  poor: 'POOR',
  'very poor': 'VERY_POOR',
} as const;

const origins = {
  public_api: 'PUBLIC_API',
  broadcast_reply: 'BROADCAST_REPLY',
  agent_message: 'AGENT_MESSAGE',
  customer_message: 'CUSTOMER_MESSAGE',
} as const;

const status = enumOf<ChatStatus>(chatStatuses);

/** The fields that webhooks contain as well. */
const webhookFields = {
  closedBy: enumOf<ChatCloser>(closers),
  closedAt: time,
  rating: enumOf<ChatRating>(chatRatings),
  snoozedUntil: time,
  customer: customerCodec.part,
  assignee: agentCodec.part,
  department: departmentCodec.part,
};

export const chatCodec = entityCodec('Chat', {
  ...webhookFields,
  id,
  status: withDefault(status, 'UNKNOWN'),
  createdAt: time,
  createdWith: enumOf<ChatOrigin>(origins),
  lastMessageAt: time,
  lastCustomerMessageAt: time,
  lastMessageText: text,
  lastMessageId: idOrNull,
  lastCommunicatedAgentId: idOrNull,
  applicationId: idOrNull,
  readByAgent: flag,
  readByCustomer: flag,
  agents: listOfPresent(agentCodec.part),
});

export type Chat = EntityOf<typeof chatCodec>;
export type ChatPart = EntityPart<Chat>;

/** A change of a chat, of which only the id may be known. */
export interface ChatUpdate {
  readonly chat: ChatPart;
  readonly change: ChatChange;
  readonly at: number;
}

/** The ids by which subscriptions filter events. */
export const chatEventFields = ({ id, customer, assignee, department }: ChatPart) => ({
  chatId: id,
  customerId: customer?.id ?? null,
  assigneeId: assignee?.id ?? null,
  departmentId: department?.id ?? null,
});

/** The fields of a chat that a webhook contains. */
interface WebhookChat {
  readonly fields: Partial<Chat>;
  /** The agents that wrote in it; undefined when the event does not contain them. */
  readonly agentIds: readonly string[] | undefined;
  /** The fields whose values cannot be interpreted: the chat has to be read again. */
  readonly unreadable: readonly string[];
}

/** `createdAt` is left out because it never changes. */
export function webhookChatFromWire(value: unknown): WebhookChat {
  const wire = decodeObject(value, 'chat');
  const {
    fields: { status: newStatus = null, communicatedAgents = null, ...fields },
    unreadable,
  } = decodeReadable(wire, 'chat', { ...webhookFields, status, communicatedAgents: idsOrNull });
  return {
    fields: { ...(newStatus === null ? {} : { status: newStatus }), ...fields },
    agentIds: communicatedAgents ?? undefined,
    unreadable,
  };
}

const toSeconds = (ms: number | null): number | null =>
  ms === null ? null : Math.floor(ms / 1000);

/** Webhooks have milliseconds where responses have seconds. */
const mergeTime = (current: number | null, received: number | null | undefined): number | null =>
  received === undefined || toSeconds(current) === toSeconds(received) ? current : received;

/** The chat after the event; undefined when a field is unreadable or its agents changed, because the event contains only their ids. */
export function mergeWebhook(
  chat: Chat,
  { fields, agentIds, unreadable }: WebhookChat,
): Chat | undefined {
  if (unreadable.length > 0) return undefined;
  const currentAgentIds = chat.agents.map((agent) => agent.id).toSorted();
  if (agentIds !== undefined && agentIds.toSorted().join() !== currentAgentIds.join())
    return undefined;
  const customer = fields.customer ?? chat.customer;
  const isSameCustomer = customer !== null && customer.id === chat.customer?.id;
  return {
    ...chat,
    ...fields,
    closedAt: mergeTime(chat.closedAt, fields.closedAt),
    snoozedUntil: mergeTime(chat.snoozedUntil, fields.snoozedUntil),
    customer: isSameCustomer ? { ...chat.customer, ...customer } : customer,
  };
}
