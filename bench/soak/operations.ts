/** An operation of the load, and the code of the error that it is there for. */
export interface Operation {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly meantCode?: string;
}

export const firstChat = 5_001;

/** Their `readBy…` belong to the writers alone. */
export const writtenChats = 100;

const chatFields = `id status createdAt lastMessageText readByAgent readByCustomer
  customer { id name email } assignee { id name role } department { id name } agents { id name }`;

const oneChat = `query OneChat($id: ID!) { chat(id: $id) { ${chatFields} } }`;

const anyChat = (random: number) => firstChat + Math.floor(random * 400);

interface Kind {
  readonly share: number;
  make(random: number, count: number): Operation;
}

const kinds: readonly Kind[] = [
  { share: 40, make: (random) => ({ query: oneChat, variables: { id: String(anyChat(random)) } }) },
  {
    share: 12,
    make: () => ({
      query: `query Inbox { chats(first: 20) { totalCount nodes { ${chatFields} } pageInfo { hasNextPage endCursor } } }`,
    }),
  },
  {
    share: 5,
    make: (random) => ({
      query: `query Waiting($status: ChatStatus) { chats(first: 10, filter: { status: $status }) { nodes { id status customer { company tags { name } } } } }`,
      variables: { status: random < 0.5 ? 'OPENED' : 'PENDING' },
    }),
  },
  {
    share: 10,
    make: (random) => ({
      query: `query Messages($id: ID!) { chat(id: $id) { id messages(first: 5) { nodes { id from type text createdAt agent { name } } } } }`,
      variables: { id: String(anyChat(random)) },
    }),
  },
  {
    share: 5,
    make: () => ({
      query: `{ customers(first: 20) { totalCount nodes { id name email tags { name } customData lastSeen } } }`,
    }),
  },
  {
    share: 10,
    make: () => ({
      query: `query Account { agents { id name email role } departments { id name agents { name } } applications { id name } organization { id domain } viewer { role } rateLimit { limit remaining resetAt } }`,
    }),
  },
  {
    // The same question in words that never come again.
    share: 10,
    make: (random, count) => ({
      query: `${oneChat} # ${count}`,
      variables: { id: String(anyChat(random)) },
    }),
  },
  {
    share: 4,
    make: (random) => ({
      query: oneChat,
      variables: { id: String(900_000 + Math.floor(random * 1_000)) },
      meantCode: 'NOT_FOUND',
    }),
  },
  {
    share: 2,
    make: () => ({
      query: oneChat,
      variables: { id: 'seven' },
      meantCode: 'BAD_USER_INPUT',
    }),
  },
  {
    share: 1,
    make: (_random, count) => ({
      query: `{ chat(id: 1) { nothing${count} } }`,
      meantCode: 'GRAPHQL_VALIDATION_FAILED',
    }),
  },
  { share: 1, make: () => ({ query: '{ chat(', meantCode: 'GRAPHQL_PARSE_FAILED' }) },
];

const wheel = kinds.flatMap((kind) => Array.from({ length: kind.share }, () => kind));

export function anyOperation(count: number): Operation {
  const kind = wheel[Math.floor(Math.random() * wheel.length)];
  if (kind === undefined) throw new Error('There are no operations.');
  return kind.make(Math.random(), count);
}

export const markRead = (id: string, read: boolean): Operation => ({
  query: `mutation MarkRead($id: ID!, $read: Boolean!) { markChatRead(id: $id, by: AGENT, read: $read) { id readByAgent } }`,
  variables: { id, read },
});

export const readOne = (id: string): Operation => ({ query: oneChat, variables: { id } });

export const subscriptions: readonly string[] = [
  `subscription { chatUpdated { change at chat { ${chatFields} } } }`,
  `subscription { chatUpdated { change chat { id status customer { name } } } }`,
  `subscription { messageReceived { id text type from chat { id status } } }`,
];
