import type {
  ChatChange,
  ChatCloser,
  ChatOrigin,
  ChatRating,
  ChatStatus,
} from '../../graphql/generated.ts';
import type { Part } from '../../support/selection.ts';
import {
  isFlag,
  isIdText,
  isText,
  isTime,
  listOf,
  objectOf,
  oneOf as isOneOf,
  orNull,
} from '../../support/shape.ts';
import {
  flag,
  id,
  idOrNull,
  listOrEmpty,
  oneOf,
  record,
  text,
  time,
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

export type ChatPart = Part<Chat> & Pick<Chat, 'id'>;

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
  const wire = record(value, 'chat');
  const timeOf = (field: string) => time(wire[field], `chat.${field}`);
  const idOf = (field: string) => idOrNull(wire[field], `chat.${field}`);
  return {
    __typename: 'Chat',
    id: id(wire['id'], 'chat.id'),
    status: oneOf(statuses, wire['status'], 'chat.status') ?? 'UNKNOWN',
    closedBy: oneOf(closers, wire['closedBy'], 'chat.closedBy'),
    closedAt: timeOf('closedAt'),
    rating: oneOf(ratings, wire['rating'], 'chat.rating'),
    createdAt: timeOf('createdAt') ?? 0,
    createdWith: oneOf(origins, wire['createdWith'], 'chat.createdWith'),
    lastMessageAt: timeOf('lastMessageAt'),
    lastCustomerMessageAt: timeOf('lastCustomerMessageAt'),
    lastMessageText: text(wire['lastMessageText'], 'chat.lastMessageText'),
    lastMessageId: idOf('lastMessageId'),
    lastCommunicatedAgentId: idOf('lastCommunicatedAgentId'),
    snoozedUntil: timeOf('snoozedUntil'),
    applicationId: idOf('applicationId'),
    readByAgent: flag(wire['readByAgent'], 'chat.readByAgent'),
    readByCustomer: flag(wire['readByCustomer'], 'chat.readByCustomer'),
    agents: listOrEmpty(wire['agents'], 'chat.agents').flatMap(
      (agent) => agentPartFromWire(agent, 'chat.agents') ?? [],
    ),
    customer: customerPartFromWire(wire['customer'], 'chat.customer'),
    assignee: agentPartFromWire(wire['assignee'], 'chat.assignee'),
    department: departmentPartFromWire(wire['department'], 'chat.department'),
  };
}

/** The ids by which those who listen choose what they hear of. */
export const aboutChat = ({ id, customer, assignee, department }: Chat) => ({
  chatId: id,
  customerId: customer?.id ?? null,
  assigneeId: assignee?.id ?? null,
  departmentId: department?.id ?? null,
});

/** As much of a chat as the helpdesk tells of its own accord. */
export interface ToldChat {
  readonly part: Partial<Chat>;
  /** Those who wrote in it; undefined when that is not told. */
  readonly agentIds: readonly string[] | undefined;
}

/** Reads what a webhook carries of a chat. `createdAt` never changes, so it is left out. */
export function toldChatFromWire(value: unknown): ToldChat {
  const wire = record(value, 'chat');
  const isTold = (field: string) => wire[field] !== undefined;
  const status = oneOf(statuses, wire['status'], 'chat.status');
  const timeOf = (field: string) => time(wire[field], `chat.${field}`);
  const agents = wire['communicatedAgents'];
  return {
    part: {
      ...(status === null ? {} : { status }),
      ...(isTold('closedBy')
        ? { closedBy: oneOf(closers, wire['closedBy'], 'chat.closedBy') }
        : {}),
      ...(isTold('closedAt') ? { closedAt: timeOf('closedAt') } : {}),
      ...(isTold('rating') ? { rating: oneOf(ratings, wire['rating'], 'chat.rating') } : {}),
      ...(isTold('snoozedUntil') ? { snoozedUntil: timeOf('snoozedUntil') } : {}),
      ...(isTold('customer')
        ? { customer: customerPartFromWire(wire['customer'], 'chat.customer') }
        : {}),
      ...(isTold('assignee')
        ? { assignee: agentPartFromWire(wire['assignee'], 'chat.assignee') }
        : {}),
      ...(isTold('department')
        ? { department: departmentPartFromWire(wire['department'], 'chat.department') }
        : {}),
    },
    agentIds: Array.isArray(agents)
      ? agents.flatMap((agent) => idOrNull(agent, 'chat.communicatedAgents') ?? [])
      : undefined,
  };
}

const secondOf = (ms: number | null): number | null => (ms === null ? null : Math.floor(ms / 1000));

/** A webhook knows milliseconds where a chat that was asked for has seconds. */
const timeWith = (known: number | null, told: number | null | undefined): number | null =>
  told === undefined || secondOf(known) === secondOf(told) ? known : told;

/** The chat with what was told of it; undefined when somebody wrote in it of whom only the id is told. */
export function withTold(chat: Chat, { part, agentIds }: ToldChat): Chat | undefined {
  const known = chat.agents.map((agent) => agent.id).toSorted();
  if (agentIds !== undefined && agentIds.toSorted().join() !== known.join()) return undefined;
  const { customer = chat.customer } = part;
  const isSameCustomer = customer !== null && customer.id === chat.customer?.id;
  return {
    ...chat,
    ...part,
    closedAt: timeWith(chat.closedAt, part.closedAt),
    snoozedUntil: timeWith(chat.snoozedUntil, part.snoozedUntil),
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
