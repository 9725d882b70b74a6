import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import type {
  ChatsAPI,
  Condition,
  CustomersAPI,
  Search,
  TeamAPI,
  WireChat,
  WireCustomer,
  WireDepartment,
  WireList,
  WireMessage,
} from './stockSources.ts';

export interface StockContext {
  readonly dataSources: {
    readonly chatsAPI: ChatsAPI;
    readonly customersAPI: CustomersAPI;
    readonly teamAPI: TeamAPI;
  };
}

interface PageArguments {
  readonly first?: number;
  readonly after?: string;
}

interface OrderBy {
  readonly field: keyof typeof sortFields;
  readonly direction: 'ASC' | 'DESC';
}

interface ChatFilter {
  readonly status?: string;
  readonly statusNot?: string;
  readonly assigneeId?: string;
  readonly agentId?: string;
  readonly departmentId?: string;
  readonly customerId?: string;
}

interface TextFilter {
  readonly equals?: string;
  readonly contains?: string;
}

interface CustomerFilter {
  readonly name?: TextFilter;
  readonly email?: TextFilter;
  readonly company?: TextFilter;
  readonly phone?: TextFilter;
}

interface ListArguments<Filter> extends PageArguments {
  readonly filter?: Filter;
  readonly orderBy?: OrderBy;
}

const toCursor = (offset: number): string => Buffer.from(String(offset)).toString('base64');
const fromCursor = (cursor: string): number => Number(Buffer.from(cursor, 'base64').toString());

const pageOf = ({ first = 20, after }: PageArguments) => ({
  offset: after === undefined ? 0 : fromCursor(after) + 1,
  limit: first,
});

function connection<Row>({ data, total, meta }: WireList<Row>, offset: number) {
  const count = meta?.total ?? total ?? 0;
  const edges = data.map((node, index) => ({ node, cursor: toCursor(offset + index) }));
  return {
    edges,
    nodes: data,
    totalCount: count,
    pageInfo: {
      hasNextPage: offset + data.length < count,
      hasPreviousPage: offset > 0,
      startCursor: edges.at(0)?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? null,
    },
  };
}

/** The default values of the schema contain the names of enum values, so these are mapped here. */
const sortFields = {
  CREATED_AT: 'chats.createdAt',
  LAST_MESSAGE_AT: 'chats.lastMessageAt',
  LAST_CUSTOMER_MESSAGE_AT: 'chats.lastCustomerMessageAt',
  CLOSED_AT: 'chats.closedAt',
  FIRST_SEEN: 'customers.firstSeen',
  LAST_SEEN: 'customers.lastSeen',
} as const;

const newestChats: OrderBy = { field: 'CREATED_AT', direction: 'DESC' };
const newestCustomers: OrderBy = { field: 'FIRST_SEEN', direction: 'DESC' };

const searchOf = (
  filter: readonly Condition[],
  { field, direction }: OrderBy,
  page: Pick<Search, 'offset' | 'limit'>,
): Search => ({
  comparison: 'AND',
  filter,
  sort: sortFields[field],
  order: direction === 'ASC' ? 'asc' : 'desc',
  ...page,
});

const equal = (field: string, value: string | number | undefined): readonly Condition[] =>
  value === undefined ? [] : [{ field, operator: '=', value }];

const equalId = (field: string, id: string | undefined) =>
  equal(field, id === undefined ? undefined : Number(id));

const chatConditions = (filter: ChatFilter): readonly Condition[] => [
  ...equal('chats.status', filter.status),
  ...equal('chats.status', filter.statusNot).map((condition) => ({
    ...condition,
    operator: '!=' as const,
  })),
  ...equalId('chats.assignee', filter.assigneeId),
  ...equalId('chats.agents', filter.agentId),
  ...equalId('chats.department', filter.departmentId),
  ...equalId('chats.customer', filter.customerId),
];

const customerConditions = (filter: CustomerFilter): readonly Condition[] =>
  (['name', 'email', 'company', 'phone'] as const).flatMap((name) => {
    const field = `customers.${name}`;
    const contains = filter[name]?.contains;
    return [
      ...equal(field, filter[name]?.equals),
      ...(contains === undefined ? [] : [{ field, operator: '~' as const, value: contains }]),
    ];
  });

/** The chats of a customer, an agent or a department: a search each, since one search has one page for all its ids. */
const chatsOf =
  (field: string) =>
  async (
    { id }: { readonly id: number },
    args: ListArguments<ChatFilter>,
    { dataSources }: StockContext,
  ) => {
    const page = pageOf(args);
    const search = searchOf(equal(field, id), args.orderBy ?? newestChats, page);
    return connection(await dataSources.chatsAPI.getChats(search), page.offset);
  };

const date = (seconds: string | null): Date | null =>
  seconds === null ? null : new Date(Number(seconds) * 1000);

const nodeId =
  (type: string) =>
  ({ id }: { readonly id: number }): string =>
    Buffer.from(`${type}:${id}`).toString('base64url');

const byType: Readonly<
  Record<string, (id: number, sources: StockContext['dataSources']) => Promise<unknown>>
> = {
  Chat: (id, { chatsAPI }) => chatsAPI.getChat(id),
  Customer: (id, { customersAPI }) => customersAPI.getCustomer(id),
  Agent: (id, { teamAPI }) => teamAPI.getAgent(id),
  Department: (id, { teamAPI }) => teamAPI.getDepartment(id),
};

async function getNode(globalId: string, { dataSources }: StockContext): Promise<unknown> {
  const [type = '', id] = Buffer.from(globalId, 'base64url').toString().split(':');
  const found = await byType[type]?.(Number(id), dataSources);
  return found === undefined ? null : { __typename: type, ...(found as object) };
}

/** Nested resolvers as the documentation writes them. What is embedded whole is taken from where it is embedded. */
export const resolvers = {
  DateTime: GraphQLDateTime,
  JSONObject: GraphQLJSONObject,

  Query: {
    chat: (_: unknown, { id }: { id: string }, { dataSources }: StockContext) =>
      dataSources.chatsAPI.getChat(id),
    async chats(_: unknown, args: ListArguments<ChatFilter>, { dataSources }: StockContext) {
      const page = pageOf(args);
      const filter = chatConditions(args.filter ?? {});
      const search = searchOf(filter, args.orderBy ?? newestChats, page);
      return connection(await dataSources.chatsAPI.getChats(search), page.offset);
    },
    customer: (_: unknown, { id }: { id: string }, { dataSources }: StockContext) =>
      dataSources.customersAPI.getCustomer(id),
    customerByUserId: (_: unknown, { userId }: { userId: string }, { dataSources }: StockContext) =>
      dataSources.customersAPI.getCustomerByUserId(userId),
    async customers(
      _: unknown,
      args: ListArguments<CustomerFilter>,
      { dataSources }: StockContext,
    ) {
      const page = pageOf(args);
      const filter = customerConditions(args.filter ?? {});
      const search = searchOf(filter, args.orderBy ?? newestCustomers, page);
      return connection(await dataSources.customersAPI.getCustomers(search), page.offset);
    },
    agent: (_: unknown, { id }: { id: string }, { dataSources }: StockContext) =>
      dataSources.teamAPI.getAgent(Number(id)),
    agents: (_: unknown, _args: unknown, { dataSources }: StockContext) =>
      dataSources.teamAPI.getAgents(),
    department: (_: unknown, { id }: { id: string }, { dataSources }: StockContext) =>
      dataSources.teamAPI.getDepartment(Number(id)),
    departments: (_: unknown, _args: unknown, { dataSources }: StockContext) =>
      dataSources.teamAPI.getDepartments(),
    applications: (_: unknown, _args: unknown, { dataSources }: StockContext) =>
      dataSources.teamAPI.getApplications(),
    organization: (_: unknown, _args: unknown, { dataSources }: StockContext) =>
      dataSources.teamAPI.getOrganization(),
    node: (_: unknown, args: { nodeId: string }, context: StockContext) =>
      getNode(args.nodeId, context),
    nodes: (_: unknown, { nodeIds }: { nodeIds: readonly string[] }, context: StockContext) =>
      nodeIds.map((id) => getNode(id, context)),
  },

  Mutation: {
    markChatRead: (
      _: unknown,
      { id, by, read }: { id: string; by: string; read: boolean },
      { dataSources }: StockContext,
    ) => dataSources.chatsAPI.markRead(by, id, read),
  },

  Chat: {
    nodeId: nodeId('Chat'),
    closedAt: ({ closedAt }: WireChat) => date(closedAt),
    createdAt: ({ createdAt }: WireChat) => date(createdAt),
    lastMessageAt: ({ lastMessageAt }: WireChat) => date(lastMessageAt),
    lastCustomerMessageAt: (chat: WireChat) => date(chat.lastCustomerMessageAt),
    snoozedUntil: ({ snoozedUntil }: WireChat) => date(snoozedUntil),
    // A chat carries 4 of a customer's 22 fields, so the customer is fetched; agents are carried whole and are not.
    customer: ({ customer }: WireChat, _: unknown, { dataSources }: StockContext) =>
      customer === null ? null : dataSources.customersAPI.getCustomer(customer.id),
    application: ({ applicationId }: WireChat, _: unknown, { dataSources }: StockContext) =>
      applicationId === null ? null : dataSources.teamAPI.getApplication(applicationId),
    lastCommunicatedAgent: (
      { lastCommunicatedAgentId: id }: WireChat,
      _: unknown,
      { dataSources }: StockContext,
    ) => (id === null ? null : dataSources.teamAPI.getAgent(id)),
    async messages({ id }: WireChat, args: PageArguments, { dataSources }: StockContext) {
      const { offset, limit } = pageOf(args);
      return connection(await dataSources.chatsAPI.getMessages(id, offset, limit), offset);
    },
  },
  ChatMessage: {
    chat: ({ chat }: WireMessage, _: unknown, { dataSources }: StockContext) =>
      dataSources.chatsAPI.getChat(chat),
    createdAt: ({ createdAt }: WireMessage) => date(createdAt),
    updatedAt: ({ updatedAt }: WireMessage) => date(updatedAt),
  },
  Customer: {
    nodeId: nodeId('Customer'),
    firstSeen: ({ firstSeen }: WireCustomer) => date(firstSeen),
    lastSeen: ({ lastSeen }: WireCustomer) => date(lastSeen),
    chats: chatsOf('chats.customer'),
  },
  Agent: { nodeId: nodeId('Agent'), chats: chatsOf('chats.assignee') },
  Department: {
    nodeId: nodeId('Department'),
    // Of a department only this is not carried by a chat.
    agents: async ({ id, agents }: WireDepartment, _: unknown, { dataSources }: StockContext) =>
      agents ?? (await dataSources.teamAPI.getDepartment(id))?.agents ?? [],
    chats: chatsOf('chats.department'),
  },

  ReadBy: { AGENT: 'readByAgent', CUSTOMER: 'readByCustomer' },
  ChatStatus: {
    NEW: 'new',
    OPENED: 'opened',
    PENDING: 'pending',
    ON_HOLD: 'on hold',
    NO_COMMUNICATION: 'no communication',
    CLOSED: 'closed',
    EMPTY: 'empty',
  },
  ChatCloser: { AGENT: 'agent', CUSTOMER: 'customer' },
  ChatRating: {
    PERFECT: 'perfect',
    GREAT: 'great',
    AVERAGE: 'average',
    POOR: 'poor',
    VERY_POOR: 'very poor',
  },
  ChatOrigin: {
    PUBLIC_API: 'public_api',
    BROADCAST_REPLY: 'broadcast_reply',
    AGENT_MESSAGE: 'agent_message',
    CUSTOMER_MESSAGE: 'customer_message',
  },
  AgentRole: {
    AGENT_CHAT_ONLY: 'agentChatOnly',
    AGENT: 'agent',
    SUPERVISOR: 'superviser',
    ADMIN: 'admin',
  },
  ChatMessageSender: { AGENT: 'agent', CUSTOMER: 'customer' },
  ChatMessageType: {
    MESSAGE: 'message',
    PRIVATE: 'private',
    TECH: 'tech',
    EMAIL: 'email',
    KNOWLEDGE_BASE: 'knowledgeBase',
  },
  BroadcastType: {
    TRIGGER: 'trigger',
    AUTO_CHAT: 'auto chat',
    AUTO_EMAIL: 'auto email',
    MANUAL_CHAT: 'manual chat',
    MANUAL_EMAIL: 'manual email',
  },
};
