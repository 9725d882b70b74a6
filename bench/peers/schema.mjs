/** The part of the gateway's schema that the workloads need, in the same words, for all peers alike. */
export const typeDefs = /* GraphQL */ `
  scalar DateTime
  scalar JSONObject
  type Query {
    chat(id: ID!): Chat
    chats(first: Int): ChatConnection!
  }
  type Mutation {
    markChatRead(id: ID!, by: ReadBy!, read: Boolean!): Chat!
  }
  enum ReadBy {
    AGENT
    CUSTOMER
  }
  enum ChatStatus {
    NEW
    OPENED
    PENDING
    ON_HOLD
    NO_COMMUNICATION
    CLOSED
    EMPTY
  }
  enum AgentRole {
    AGENT_CHAT_ONLY
    AGENT
    SUPERVISOR
    ADMIN
  }
  type ChatConnection {
    nodes: [Chat!]!
  }
  type Chat {
    id: ID!
    status: ChatStatus!
    createdAt: DateTime!
    lastMessageText: String
    readByAgent: Boolean
    agents: [Agent!]!
    customer: Customer
    assignee: Agent
    department: Department
  }
  type Agent {
    id: ID!
    name: String
    role: AgentRole
  }
  type Department {
    id: ID!
    name: String!
  }
  type Tag {
    name: String!
    color: String
  }
  type Location {
    countryCode: String
    city: String
  }
  type Customer {
    id: ID!
    userId: String
    name: String
    email: String
    company: String
    phone: String
    firstSeen: DateTime
    lastSeen: DateTime
    unsubscribed: Boolean
    blocked: Boolean
    locale: String
    location: Location
    tags: [Tag!]!
    customData: JSONObject!
  }
`;

export const enums = {
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
  AgentRole: {
    AGENT_CHAT_ONLY: 'agentChatOnly',
    AGENT: 'agent',
    SUPERVISOR: 'superviser',
    ADMIN: 'admin',
  },
};

const date = (seconds) => (seconds === null ? null : new Date(Number(seconds) * 1000));

/** Resolvers over `context.desk`: whatever a peer's own way of asking a REST API is. */
export const resolvers = {
  Query: {
    chat: (_root, { id }, { desk }) => desk.chat(id),
    chats: async (_root, { first = 20 }, { desk }) => ({ nodes: (await desk.chats(first)).data }),
  },
  Mutation: {
    markChatRead: (_root, { id, by, read }, { desk }) => desk.markRead(by, id, read),
  },
  Chat: {
    createdAt: ({ createdAt }) => date(createdAt),
    // A chat carries four fields of its customer; for the others it is fetched.
    customer: ({ customer }, _args, { desk }, info) => {
      if (customer === null) return null;
      const asked = info.fieldNodes[0].selectionSet.selections.map(({ name }) => name?.value);
      return asked.every((field) => field in customer) ? customer : desk.customer(customer.id);
    },
  },
  Customer: {
    firstSeen: ({ firstSeen }) => date(firstSeen),
    lastSeen: ({ lastSeen }) => date(lastSeen),
    tags: ({ tags }) => tags ?? [],
    customData: ({ customData }) => customData ?? {},
  },
};
