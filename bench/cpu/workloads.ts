interface PassThrough {
  readonly path: string;
  /** The body of a PUT; undefined for a GET. */
  readonly body?: Readonly<Record<string, unknown>>;
}

/** A kind of request, and who is measured at it. */
export interface Workload {
  readonly name: string;
  readonly query: string;
  variablesOf(chatId: string): Readonly<Record<string, unknown>>;
  /** The single call that the pass-through proxies are sent instead; undefined where there is none. */
  readonly passThrough?: (chatId: string) => PassThrough;
  /** How many different chats are asked for in turn. */
  readonly chats: number;
  readonly lines: number;
  /** Enough for V8 to optimize each server; measured: after 3,000 requests for one chat, the gateway is still being compiled. */
  readonly warmUpRequests: number;
  /** Whether what has been read may be answered from memory. */
  readonly isWarm: boolean;
  readonly peers: readonly string[];
  /** `peer` is to cost at least so many times what the gateway costs. */
  readonly goals: Readonly<Record<string, number>>;
  /** The same asked of Hive Gateway, whose schema is made of the OpenAPI description. */
  readonly hive: Pick<Workload, 'query' | 'variablesOf'>;
}

const chatFields = `
  id status createdAt lastMessageText
  customer { id name email }
  assignee { id name role }
  department { id name }
  agents { id name role }
`;

export const oneChat = `query OneChat($id: ID!) { chat(id: $id) { ${chatFields} } }`;

const wholeCustomer = `{
  id userId name email company phone firstSeen lastSeen unsubscribed blocked locale
  location { countryCode city } tags { name color } customData
}`;

export const chatsWithCustomers = (first: number): string =>
  `{ chats(first: ${first}) { nodes { id status createdAt customer ${wholeCustomer} } } }`;

const markRead = `mutation MarkRead($id: ID!) {
  markChatRead(id: $id, by: AGENT, read: true) { readByAgent ${chatFields} }
}`;

const chatOfHive: Workload['hive'] = {
  query: `query OneChat($id: Int!) { chat: getChat(chatId: $id) { ... on Chat { ${chatFields} } } }`,
  variablesOf: (id) => ({ id: Number(id) }),
};

const chatsOfHive: Workload['hive'] = {
  query: `query HundredChats {
    chats: listChats(sort: chats_createdAt, order: desc, offset: 0, limit: 100) { ... on ChatList {
      nodes: data { id status createdAt customer: wholeCustomer ${wholeCustomer} }
    } }
  }`,
  variablesOf: () => ({}),
};

const markReadOfHive: Workload['hive'] = {
  query: `mutation MarkRead($id: Int!) {
    markChatRead: setChatReadByAgent(input: { id: $id, read: true }) {
      ... on Chat { readByAgent ${chatFields} }
    }
  }`,
  variablesOf: (id) => ({ id: Number(id) }),
};

const others = ['yoga', 'mercurius', 'mercuriusJit'];

export const workloads: readonly Workload[] = [
  {
    name: 'markChatRead',
    query: markRead,
    variablesOf: (id) => ({ id }),
    passThrough: (id) => ({ path: '/chats/readByAgent', body: { id: Number(id), read: true } }),
    chats: 100,
    lines: 32,
    warmUpRequests: 10_000,
    isWarm: false,
    peers: ['proxyFetch', 'apolloFetch', 'apollo', ...others, 'hive'],
    goals: { proxyFetch: 1 / 2, apolloFetch: 1 },
    hive: markReadOfHive,
  },
  {
    name: 'one chat, uncached',
    query: oneChat,
    variablesOf: (id) => ({ id }),
    passThrough: (id) => ({ path: `/chats/${id}` }),
    chats: 100,
    lines: 32,
    warmUpRequests: 10_000,
    isWarm: false,
    peers: ['proxy', 'proxyFetch', 'apolloFetch', 'apollo', ...others, 'hive'],
    goals: {},
    hive: chatOfHive,
  },
  {
    name: 'one chat, cached',
    query: oneChat,
    variablesOf: (id) => ({ id }),
    passThrough: (id) => ({ path: `/chats/${id}` }),
    chats: 100,
    lines: 32,
    warmUpRequests: 10_000,
    isWarm: true,
    peers: ['gatewayAnew', 'proxy', 'apolloCached', ...others, 'hiveCached'],
    goals: { proxy: 1 / 1.15, mercuriusJit: 1, apolloCached: 1 / 0.4 },
    hive: chatOfHive,
  },
  {
    name: '100 chats with customers, uncached',
    query: chatsWithCustomers(100),
    variablesOf: () => ({}),
    chats: 1,
    lines: 8,
    warmUpRequests: 1_000,
    isWarm: false,
    peers: ['apollo', ...others, 'hive'],
    goals: {},
    hive: chatsOfHive,
  },
  {
    name: '100 chats with customers, cached',
    query: chatsWithCustomers(100),
    variablesOf: () => ({}),
    chats: 1,
    lines: 8,
    warmUpRequests: 1_000,
    isWarm: true,
    peers: ['gatewayAnew', 'apolloCached', ...others, 'hive', 'hiveCached'],
    goals: { apolloCached: 4, mercuriusJit: 1, hive: 5 },
    hive: chatsOfHive,
  },
];
