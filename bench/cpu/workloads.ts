/** A kind of request, and who is measured at it. */
export interface Workload {
  readonly name: string;
  readonly query: string;
  variablesOf(chatId: string): Readonly<Record<string, unknown>>;
  /** What the pass-through proxy is asked instead; undefined where there is no such single call. */
  readonly passThrough?: (chatId: string) => string;
  /** How many different chats are asked for in turn. */
  readonly chats: number;
  readonly lines: number;
  /** Whether what has been read may be answered from memory. */
  readonly isWarm: boolean;
  readonly peers: readonly string[];
  /** `peer` is to cost at least so many times what the gateway costs. */
  readonly goals: Readonly<Record<string, number>>;
}

const chatFields = `
  id status createdAt lastMessageText
  customer { id name email }
  assignee { id name role }
  department { id name }
  agents { id name role }
`;

const oneChat = `query OneChat($id: ID!) { chat(id: $id) { ${chatFields} } }`;

const hundredChats = `query HundredChats { chats(first: 100) { nodes {
  id status createdAt
  customer {
    id userId name email company phone firstSeen lastSeen unsubscribed blocked locale
    location { countryCode city } tags { name color } customData
  }
} } }`;

const markRead = `mutation MarkRead($id: ID!) {
  markChatRead(id: $id, by: AGENT, read: true) { readByAgent ${chatFields} }
}`;

const others = ['yoga', 'mercurius', 'mercuriusJit'];

export const workloads: readonly Workload[] = [
  {
    name: 'markChatRead',
    query: markRead,
    variablesOf: (id) => ({ id }),
    chats: 100,
    lines: 32,
    isWarm: false,
    peers: ['apollo', ...others],
    goals: { apollo: 1 / 0.8 },
  },
  {
    name: 'a chat through REST',
    query: oneChat,
    variablesOf: (id) => ({ id }),
    passThrough: (id) => `/chats/${id}`,
    chats: 100,
    lines: 32,
    isWarm: false,
    peers: ['proxy', 'apollo', ...others],
    goals: {},
  },
  {
    name: 'a chat from cache',
    query: oneChat,
    variablesOf: (id) => ({ id }),
    passThrough: (id) => `/chats/${id}`,
    chats: 100,
    lines: 32,
    isWarm: true,
    peers: ['proxy', 'apolloCached', ...others],
    goals: { proxy: 1, apolloCached: 1 / 0.4 },
  },
  {
    name: '100 chats with customers through REST',
    query: hundredChats,
    variablesOf: () => ({}),
    chats: 1,
    lines: 8,
    isWarm: false,
    peers: ['apollo', ...others],
    goals: {},
  },
  {
    name: '100 chats with customers, warm',
    query: hundredChats,
    variablesOf: () => ({}),
    chats: 1,
    lines: 8,
    isWarm: true,
    peers: ['apolloCached', ...others],
    goals: { apolloCached: 4, mercuriusJit: 1 },
  },
];
