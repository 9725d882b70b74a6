import type {
  ChatChange,
  ChatCloser,
  ChatOrigin,
  ChatRating,
  ChatStatus,
} from '../../graphql/generated.ts';
import type { PartialEntity } from '../../lib/selection.ts';
import {
  isFlag,
  isIdText,
  isText,
  isTime,
  listOf,
  objectOf,
  oneOf as isOneOf,
  orNull,
} from '../../lib/shape.ts';
import {
  decodeBoolean,
  decodeId,
  decodeIdOrNull,
  decodeListOrEmpty,
  decodeEnum,
  decodeObject,
  decodeText,
  decodeTime,
} from '../../upstream/decode.ts';
import type { AgentPart } from '../agents/model.ts';
import { agentPartFromWire, isAgentPart } from '../agents/model.ts';
import type { CustomerPart } from '../customers/model.ts';
import { customerPartFromWire, isCustomerPart } from '../customers/model.ts';
import type { DepartmentPart } from '../departments/model.ts';
import { departmentPartFromWire, isDepartmentPart } from '../departments/model.ts';

export interface Chat {
  readonly __typename: 'Chat';
  readonly id: string;
  readonly status: ChatStatus;
  readonly closedBy: ChatCloser | null;
  readonly closedAt: number | null;
  readonly rating: ChatRating | null;
  readonly createdAt: number;
  readonly createdWith: ChatOrigin | null;
  readonly lastMessageAt: number | null;
  readonly lastCustomerMessageAt: number | null;
  readonly lastMessageText: string | null;
  readonly lastMessageId: string | null;
  readonly lastCommunicatedAgentId: string | null;
  readonly snoozedUntil: number | null;
  readonly applicationId: string | null;
  readonly readByAgent: boolean | null;
  readonly readByCustomer: boolean | null;
  readonly agents: readonly AgentPart[];
  readonly customer: CustomerPart | null;
  readonly assignee: AgentPart | null;
  readonly department: DepartmentPart | null;
}

export type ChatPart = PartialEntity<Chat> & Pick<Chat, 'id'>;

/** A change of a chat, of which no more than the id need be known. */
export interface ChatUpdate {
  readonly chat: ChatPart;
  readonly change: ChatChange;
  readonly at: number;
}

// The helpdesk's own pages spell on-hold in three ways.
const statuses = {
  new: 'NEW',
  opened: 'OPENED',
  pending: 'PENDING',
  'on hold': 'ON_HOLD',
  onhold: 'ON_HOLD',
  'on-hold': 'ON_HOLD',
  'no communication': 'NO_COMMUNICATION',
  closed: 'CLOSED',
  empty: 'EMPTY',
} as const;

const closers = { agent: 'AGENT', customer: 'CUSTOMER' } as const;

const ratings = {
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

export function chatFromWire(value: unknown): Chat {
  const wire = decodeObject(value, 'chat');
  const timeOf = (field: string) => decodeTime(wire[field], `chat.${field}`);
  const idOf = (field: string) => decodeIdOrNull(wire[field], `chat.${field}`);
  return {
    __typename: 'Chat',
    id: decodeId(wire['id'], 'chat.id'),
    status: decodeEnum(statuses, wire['status'], 'chat.status') ?? 'UNKNOWN',
    closedBy: decodeEnum(closers, wire['closedBy'], 'chat.closedBy'),
    closedAt: timeOf('closedAt'),
    rating: decodeEnum(ratings, wire['rating'], 'chat.rating'),
    createdAt: timeOf('createdAt') ?? 0,
    createdWith: decodeEnum(origins, wire['createdWith'], 'chat.createdWith'),
    lastMessageAt: timeOf('lastMessageAt'),
    lastCustomerMessageAt: timeOf('lastCustomerMessageAt'),
    lastMessageText: decodeText(wire['lastMessageText'], 'chat.lastMessageText'),
    lastMessageId: idOf('lastMessageId'),
    lastCommunicatedAgentId: idOf('lastCommunicatedAgentId'),
    snoozedUntil: timeOf('snoozedUntil'),
    applicationId: idOf('applicationId'),
    readByAgent: decodeBoolean(wire['readByAgent'], 'chat.readByAgent'),
    readByCustomer: decodeBoolean(wire['readByCustomer'], 'chat.readByCustomer'),
    agents: decodeListOrEmpty(wire['agents'], 'chat.agents').flatMap(
      (agent) => agentPartFromWire(agent, 'chat.agents') ?? [],
    ),
    customer: customerPartFromWire(wire['customer'], 'chat.customer'),
    assignee: agentPartFromWire(wire['assignee'], 'chat.assignee'),
    department: departmentPartFromWire(wire['department'], 'chat.department'),
  };
}

/** The ids by which those who listen choose what they hear of. */
export const chatEventFields = ({ id, customer, assignee, department }: Chat) => ({
  chatId: id,
  customerId: customer?.id ?? null,
  assigneeId: assignee?.id ?? null,
  departmentId: department?.id ?? null,
});

/** As much of a chat as the helpdesk tells of its own accord. */
export interface WebhookChat {
  readonly fields: Partial<Chat>;
  /** Those who wrote in it; undefined when that is not told. */
  readonly agentIds: readonly string[] | undefined;
}

/** Reads what a webhook carries of a chat. `createdAt` never changes, so it is left out. */
export function webhookChatFromWire(value: unknown): WebhookChat {
  const wire = decodeObject(value, 'chat');
  const isPresent = (field: string) => wire[field] !== undefined;
  const status = decodeEnum(statuses, wire['status'], 'chat.status');
  const timeOf = (field: string) => decodeTime(wire[field], `chat.${field}`);
  const agents = wire['communicatedAgents'];
  return {
    fields: {
      ...(status === null ? {} : { status }),
      ...(isPresent('closedBy')
        ? { closedBy: decodeEnum(closers, wire['closedBy'], 'chat.closedBy') }
        : {}),
      ...(isPresent('closedAt') ? { closedAt: timeOf('closedAt') } : {}),
      ...(isPresent('rating')
        ? { rating: decodeEnum(ratings, wire['rating'], 'chat.rating') }
        : {}),
      ...(isPresent('snoozedUntil') ? { snoozedUntil: timeOf('snoozedUntil') } : {}),
      ...(isPresent('customer')
        ? { customer: customerPartFromWire(wire['customer'], 'chat.customer') }
        : {}),
      ...(isPresent('assignee')
        ? { assignee: agentPartFromWire(wire['assignee'], 'chat.assignee') }
        : {}),
      ...(isPresent('department')
        ? { department: departmentPartFromWire(wire['department'], 'chat.department') }
        : {}),
    },
    agentIds: Array.isArray(agents)
      ? agents.flatMap((agent) => decodeIdOrNull(agent, 'chat.communicatedAgents') ?? [])
      : undefined,
  };
}

const toSeconds = (ms: number | null): number | null =>
  ms === null ? null : Math.floor(ms / 1000);

/** A webhook knows milliseconds where a chat that was asked for has seconds. */
const mergeTime = (current: number | null, received: number | null | undefined): number | null =>
  received === undefined || toSeconds(current) === toSeconds(received) ? current : received;

/** The chat with what was told of it; undefined when somebody wrote in it of whom only the id is told. */
export function mergeWebhook(chat: Chat, { fields, agentIds }: WebhookChat): Chat | undefined {
  const currentAgentIds = chat.agents.map((agent) => agent.id).toSorted();
  if (agentIds !== undefined && agentIds.toSorted().join() !== currentAgentIds.join())
    return undefined;
  const { customer = chat.customer } = fields;
  const isSameCustomer = customer !== null && customer.id === chat.customer?.id;
  return {
    ...chat,
    ...fields,
    closedAt: mergeTime(chat.closedAt, fields.closedAt),
    snoozedUntil: mergeTime(chat.snoozedUntil, fields.snoozedUntil),
    customer: isSameCustomer ? { ...chat.customer, ...customer } : customer,
  };
}

export const isChat = objectOf<Chat>({
  __typename: isOneOf('Chat'),
  id: isIdText,
  status: isOneOf('UNKNOWN', ...Object.values(statuses)),
  closedBy: orNull(isOneOf('UNKNOWN', ...Object.values(closers))),
  closedAt: orNull(isTime),
  rating: orNull(isOneOf('UNKNOWN', ...Object.values(ratings))),
  createdAt: isTime,
  createdWith: orNull(isOneOf('UNKNOWN', ...Object.values(origins))),
  lastMessageAt: orNull(isTime),
  lastCustomerMessageAt: orNull(isTime),
  lastMessageText: orNull(isText),
  lastMessageId: orNull(isIdText),
  lastCommunicatedAgentId: orNull(isIdText),
  snoozedUntil: orNull(isTime),
  applicationId: orNull(isIdText),
  readByAgent: orNull(isFlag),
  readByCustomer: orNull(isFlag),
  agents: listOf(isAgentPart),
  customer: orNull(isCustomerPart),
  assignee: orNull(isAgentPart),
  department: orNull(isDepartmentPart),
});
