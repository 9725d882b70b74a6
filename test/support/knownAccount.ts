export type Values = Readonly<Record<string, unknown>>;

/** An entity or the part of it that another one embeds, as the gateway represents it. */
export interface Part {
  readonly type: EntityType;
  readonly id: string;
  readonly values: Values;
}

export type EntityType =
  'Chat' | 'ChatMessage' | 'Customer' | 'Agent' | 'Department' | 'ChatApplication';

export const agentIds = ['12', '13', '14'];
export const chatIds = ['1', '2', '3', '4', '5', '6'];
export const customerIds = ['7001', '7002', '7003', '7004'];

const agentOf = (id: string): Values => ({
  id,
  name: `Agent ${id}`,
  email: `a${id}@example.com`,
  role: 'ADMIN',
});

const customerOf = (id: string): Values => ({
  id,
  name: `Customer ${id}`,
  email: `c${id}@example.com`,
  userId: `u-${id}`,
  phone: `+380${id}`,
  company: 'Acme',
  customData: { plan: 'pro' },
  tags: [{ name: 'vip', color: '#fff' }],
  location: { city: 'Kyiv' },
});

const partOf = (type: EntityType, values: Values, names: readonly string[]): Part => ({
  type,
  id: String(values['id']),
  values: Object.fromEntries(['id', ...names].map((name) => [name, values[name]])),
});

const departmentOf = (id: string): Values => ({
  id,
  name: `Department ${id}`,
  agents: agentIds.slice(1).map((agent) => partOf('Agent', agentOf(agent), ['name'])),
});

const chatOf = (id: string): Values => {
  const number = Number(id);
  const customer = customerOf(customerIds[number % customerIds.length] ?? '');
  return {
    id,
    status: 'OPENED',
    rating: 'GREAT',
    readByAgent: true,
    lastMessageText: `Text ${id}`,
    lastCommunicatedAgentId: agentIds[number % 3],
    applicationId: '2',
    // The parts of even chats have fewer fields.
    agents: [
      partOf('Agent', agentOf('12'), number % 2 === 0 ? ['name'] : ['name', 'email', 'role']),
    ],
    assignee: partOf('Agent', agentOf('13'), ['name', 'email', 'role']),
    customer: partOf(
      'Customer',
      customer,
      number % 2 === 0 ? ['name'] : ['name', 'email', 'userId'],
    ),
    department: partOf('Department', departmentOf('3'), ['name']),
  };
};

/** The chat of the message is left out: its fields depend on what is known of it. */
const messageOf = (id: string): Values => ({
  id,
  text: `Message ${id}`,
  agent: partOf(
    'Agent',
    agentOf('14'),
    Number(id) % 2 === 0 ? ['name'] : ['name', 'email', 'role'],
  ),
});

export const messageIdsOf = (chatId: string): readonly string[] => [`${chatId}01`, `${chatId}02`];

const application: Values = { id: '2', name: 'web', displayName: 'Web', active: true };

export const entityOf: Readonly<Record<EntityType, (id: string) => Values>> = {
  Chat: chatOf,
  ChatMessage: messageOf,
  Customer: customerOf,
  Agent: agentOf,
  Department: departmentOf,
  ChatApplication: () => application,
};

export const isPart = (value: unknown): value is Part =>
  typeof value === 'object' && value !== null && 'values' in value;

const toWire = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(toWire);
  if (isPart(value)) return toWire(value.values);
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'string' && /^[A-Z]+$/.test(value) ? value.toLowerCase() : value;
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toWire(inner)]));
};

/** The bodies of HelpCrunch's responses by path. */
export const wireAccount: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ...chatIds.map((id) => [`/chats/${id}`, toWire(chatOf(id))] as const),
  ...customerIds.map((id) => [`/customers/${id}`, toWire(customerOf(id))] as const),
  ...chatIds.map((id) => {
    const data = messageIdsOf(id).map((message) => toWire(messageOf(message)));
    return [`/chats/${id}/messages`, { data, meta: { total: data.length } }] as const;
  }),
  ['/chats', { data: chatIds.map((id) => toWire(chatOf(id))), meta: { total: chatIds.length } }],
  ['/agents', { data: agentIds.map((id) => toWire(agentOf(id))) }],
  ['/departments', { data: ['3', '4'].map((id) => toWire(departmentOf(id))) }],
  ['/applications', { data: [application] }],
]);

/** The operations that fill the cache, by what they cache. */
export const warmingOperations: Readonly<Record<string, string>> = {
  ...Object.fromEntries(chatIds.map((id) => [`Chat ${id}`, `{ chat(id: ${id}) { id } }`])),
  ...Object.fromEntries(
    customerIds.map((id) => [`Customer ${id}`, `{ customer(id: ${id}) { id } }`]),
  ),
  ...Object.fromEntries(
    chatIds.map((id) => [
      `messages ${id}`,
      `{ _entities(representations: [{ __typename: "Chat", id: ${id} }]) { ... on Chat { messages { nodes { id } } } } }`,
    ]),
  ),
  chats: '{ chats { nodes { id } } }',
  Agent: '{ agents { id } }',
  Department: '{ departments { id } }',
  ChatApplication: '{ applications { id } }',
};
