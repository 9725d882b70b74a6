import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { GraphQLSchema } from 'graphql';
import {
  astFromValue,
  buildASTSchema,
  isInputObjectType,
  isNonNullType,
  isListType,
  isObjectType,
  parse,
  print,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startDemo, startTestGateway } from '../support/gateway.ts';
import type { ManualClock } from '../support/manualClock.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { WireRow } from '../support/rest.ts';
import { exampleValue, pathsOfIds, withValueAt } from '../support/exampleArguments.ts';
import { rest, restRows, shown } from '../support/rest.ts';

const agentFields = 'nodeId id name email role';
const applicationFields = 'id name displayName type active';
const customerFields = `
  nodeId id userId name email company phone firstSeen lastSeen
  location { regionCode countryCode city } device { id ip timezone platform userAgent }
  unsubscribed blocked source referer lastPage locale createdFrom integrationId notes
  tags { name color } customData
`;
const departmentFields = `nodeId id name agents { ${agentFields} }`;
const chatFields = `
  nodeId id status closedBy closedAt rating createdAt createdWith lastMessageAt lastCustomerMessageAt
  lastMessageText lastMessageId lastCommunicatedAgentId lastCommunicatedAgent { ${agentFields} }
  snoozedUntil applicationId application { ${applicationFields} } readByAgent readByCustomer
  agents { ${agentFields} } customer { ${customerFields} } assignee { ${agentFields} }
  department { ${departmentFields} }
`;
const pageInfo = 'pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';
const messageFields = `
  id chat { id status } from agent { ${agentFields} } type text read edited createdAt updatedAt broadcastType
`;
const messagePage = `messages(first: 100) { edges { cursor node { id } } nodes { ${messageFields} } ${pageInfo} totalCount }`;
const chatPage = `edges { cursor node { id } } nodes { ${chatFields} } ${pageInfo} totalCount`;
const nodeFields = `
  __typename nodeId
  ... on Chat { status } ... on Customer { phone } ... on Agent { role } ... on Department { agents { id } }
`;

const documents = {
  chat: `query ($id: ID!) { chat(id: $id) { ${chatFields} ${messagePage} } }`,
  chats: `query ($after: String) { chats(first: 100, after: $after) { ${chatPage} } }`,
  customer: `query ($id: ID!) { customer(id: $id) { ${customerFields} chats(first: 100) { ${chatPage} } } }`,
  customerByUserId: `query ($userId: String!) { customerByUserId(userId: $userId) { ${customerFields} } }`,
  customers: `query ($after: String) {
    customers(first: 100, after: $after) { edges { cursor node { id } } nodes { ${customerFields} } ${pageInfo} totalCount }
  }`,
  agent: `query ($id: ID!) { agent(id: $id) { ${agentFields} chats(first: 100) { nodes { id } totalCount } } }`,
  agents: `{ agents { ${agentFields} } }`,
  department: `query ($id: ID!) { department(id: $id) { ${departmentFields} chats(first: 100) { nodes { id } totalCount } } }`,
  departments: `{ departments { ${departmentFields} } }`,
  applications: `{ applications { ${applicationFields} } }`,
  chatUrls: '{ chats(first: 3) { nodes { id url } } }',
  inbox: `query ($view: InboxView!, $after: String) { inbox(view: $view, first: 100, after: $after) { ${chatPage} } }`,
  inboxSummary: `{ inboxSummary {
    open unread unassigned snoozed oldestUnansweredAt isComplete
    byStatus { status count } byAgent { agent { id } count } byDepartment { department { id } count }
  } }`,
  organization: '{ organization { id domain teamOnline chatEnabled } }',
  node: `query ($nodeId: ID!) { node(nodeId: $nodeId) { ${nodeFields} } }`,
  nodes: `query ($nodeIds: [ID!]!) { nodes(nodeIds: $nodeIds) { ${nodeFields} } }`,
  viewer: '{ viewer { role agent { id } customer { id } } }',
  rateLimit: '{ rateLimit { limit remaining viewerRemaining resetAt } }',
  markChatRead: `mutation ($id: ID!, $by: ReadBy!, $read: Boolean!) {
    markChatRead(id: $id, by: $by, read: $read) { ${chatFields} }
  }`,
} as const;

const schema: GraphQLSchema = buildASTSchema(
  parse(readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8')),
  { assumeValidSDL: true },
);

let clock: ManualClock;
let demo: Awaited<ReturnType<typeof startDemo>>;
let fake: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  clock = createManualClock();
  demo = await startDemo({ customers: 120, chats: 400, clock, config: { rateLimit: 0 } });
  fake = await startRecordingUpstream();
  gateway = await startTestGateway({
    upstream: fake,
    config: { rateLimit: 0, mutations: 'all' },
  });
});

afterAll(async () => {
  await demo[Symbol.asyncDispose]();
  await gateway.stop();
  await fake[Symbol.asyncDispose]();
});

beforeEach(() => {
  fake.clearCalls();
});

/** The answer without an error. */
async function ask(document: string, variables: Record<string, unknown> = {}): Promise<any> {
  const { data, errors } = await demo.query(document, variables);
  expect(errors).toEqual([]);
  return data;
}

const codesOf = ({ errors }: { errors: readonly { extensions: Record<string, any> }[] }) =>
  errors.map(({ extensions }) => extensions['code'] as unknown);

const nodeId = (type: string, id: string | number) =>
  Buffer.from(`${type}:${id}`).toString('base64url');

const textOrNull = (value: number | string | null) => (value === null ? null : String(value));

const upper = (word: string | null): string | null =>
  word === null ? null : word.toUpperCase().replaceAll(' ', '_');

const roles: Readonly<Record<string, string>> = {
  agentChatOnly: 'AGENT_CHAT_ONLY',
  agent: 'AGENT',
  superviser: 'SUPERVISOR',
  admin: 'ADMIN',
};

const messageTypes: Readonly<Record<string, string>> = {
  message: 'MESSAGE',
  private: 'PRIVATE',
  tech: 'TECH',
  email: 'EMAIL',
  knowledgeBase: 'KNOWLEDGE_BASE',
};

/** The expected result for a row in wire format, computed independently of the gateway. */
const agentOf = ({ id, name, email, role }: WireRow) => ({
  nodeId: nodeId('Agent', id),
  id: String(id),
  name,
  email,
  role: roles[role],
});

const customerOf = (wire: WireRow) => ({
  ...wire,
  nodeId: nodeId('Customer', wire['id']),
  id: String(wire['id']),
  firstSeen: shown(wire['firstSeen']),
  lastSeen: shown(wire['lastSeen']),
  device: wire['device'] && { ...wire['device'], id: String(wire['device'].id) },
});

const departmentOf = ({ id, name, agents }: WireRow) => ({
  nodeId: nodeId('Department', id),
  id: String(id),
  name,
  agents: agents.map(agentOf),
});

interface Account {
  readonly agents: readonly WireRow[];
  readonly applications: readonly WireRow[];
  readonly chats: readonly WireRow[];
  readonly customers: readonly WireRow[];
  readonly departments: readonly WireRow[];
}

async function readAccount(): Promise<Account> {
  const { simulator } = demo;
  const { data: applications } = await rest(simulator, '/applications');
  const newest = { sort: 'chats.createdAt', order: 'desc' };
  return {
    agents: await restRows(simulator, '/agents'),
    applications,
    chats: await restRows(simulator, '/chats', newest),
    customers: await restRows(simulator, '/customers', {
      sort: 'customers.firstSeen',
      order: 'desc',
    }),
    departments: await restRows(simulator, '/departments'),
  };
}

const find = (rows: readonly WireRow[], wanted: number | undefined) =>
  rows.find(({ id }) => id === wanted);

const map = <Made>(row: WireRow | undefined, make: (row: WireRow) => Made) =>
  row === undefined ? null : make(row);

const applicationOf = (wire: WireRow) => ({ ...wire, id: String(wire['id']) });

const chatOf = (wire: WireRow, account: Account) => ({
  nodeId: nodeId('Chat', wire['id']),
  id: String(wire['id']),
  status: upper(wire['status']),
  closedBy: upper(wire['closedBy']),
  closedAt: shown(wire['closedAt']),
  rating: upper(wire['rating']),
  createdAt: shown(wire['createdAt']),
  createdWith: upper(wire['createdWith']),
  lastMessageAt: shown(wire['lastMessageAt']),
  lastCustomerMessageAt: shown(wire['lastCustomerMessageAt']),
  lastMessageText: wire['lastMessageText'],
  lastMessageId: textOrNull(wire['lastMessageId']),
  lastCommunicatedAgentId: textOrNull(wire['lastCommunicatedAgentId']),
  lastCommunicatedAgent: map(find(account.agents, wire['lastCommunicatedAgentId']), agentOf),
  snoozedUntil: shown(wire['snoozedUntil']),
  applicationId: textOrNull(wire['applicationId']),
  application: map(find(account.applications, wire['applicationId']), applicationOf),
  readByAgent: wire['readByAgent'],
  readByCustomer: wire['readByCustomer'],
  agents: wire['agents'].map(agentOf),
  customer: map(find(account.customers, wire['customer'].id), customerOf),
  assignee: wire['assignee'] === null ? null : agentOf(wire['assignee']),
  department: map(find(account.departments, wire['department']?.id), departmentOf),
});

const messageOf = (wire: WireRow, chat: WireRow) => ({
  id: String(wire['id']),
  chat: { id: String(chat['id']), status: upper(chat['status']) },
  from: upper(wire['from']),
  agent: wire['agent'] === null ? null : agentOf(wire['agent']),
  type: messageTypes[wire['type']],
  text: wire['text'],
  read: wire['read'],
  edited: wire['edited'],
  createdAt: shown(wire['createdAt']),
  updatedAt: shown(wire['updatedAt']),
  broadcastType: upper(wire['broadcastType']),
});

async function askAll(document: string, field: string, variables = {}): Promise<any[]> {
  const nodes: any[] = [];
  let after: string | null = null;
  for (;;) {
    const { [field]: list } = await ask(document, { ...variables, after });
    nodes.push(...list.nodes);
    if (!list.pageInfo.hasNextPage) return nodes;
    after = list.pageInfo.endCursor;
  }
}

describe('reads', () => {
  test('every chat is returned with all its fields and related entities', async () => {
    const account = await readAccount();

    const chats = await askAll(documents.chats, 'chats');

    expect(chats).toHaveLength(400);
    expect(chats).toEqual(account.chats.map((chat) => chatOf(chat, account)));
  });

  test('the inbox and its summary are those of the open chats', async () => {
    const account = await readAccount();
    const isOpen = ({ status }: any) =>
      ['NEW', 'OPENED', 'PENDING', 'ON_HOLD'].includes(upper(status)!);
    const open = account.chats.filter(isOpen);
    const unassigned = open.filter((chat) => chat['assignee'] === null);

    const inbox = await askAll(documents.inbox, 'inbox', { view: 'UNASSIGNED' });
    const { inboxSummary } = await ask(documents.inboxSummary);

    expect(inbox.map(({ id }) => id).toSorted()).toEqual(
      unassigned.map(({ id }) => String(id)).toSorted(),
    );
    expect(inboxSummary).toMatchObject({
      open: open.length,
      unassigned: unassigned.length,
      isComplete: true,
    });
  });

  test('every customer is returned with all its fields', async () => {
    const { customers: held } = await readAccount();

    const customers = await askAll(documents.customers, 'customers');

    expect(customers).toHaveLength(120);
    expect(customers).toEqual(held.map(customerOf));
  });

  test('a chat is returned with its messages', async () => {
    const account = await readAccount();
    const chosen = account.chats.filter((_, index) => index % 25 === 0);

    for (const wire of chosen) {
      const held = await restRows(demo.simulator, `/chats/${wire['id']}/messages`);

      const { chat } = await ask(documents.chat, { id: wire['id'] });

      const { messages, ...rest } = chat;
      expect(rest).toEqual(chatOf(wire, account));
      expect(messages.nodes).toEqual(held.map((message) => messageOf(message, wire)));
      expect(messages.edges.map(({ node }: any) => node.id)).toEqual(
        held.map(({ id }) => String(id)),
      );
      expect(messages).toMatchObject({
        totalCount: held.length,
        pageInfo: { hasNextPage: false, hasPreviousPage: false },
      });
    }
  });

  test('messages of every kind are returned', async () => {
    const { chats } = await readAccount();
    const seen = { from: new Set(), type: new Set(), broadcastType: new Set() };

    for (const { id } of chats.slice(0, 40)) {
      const { chat } = await ask(documents.chat, { id });
      for (const message of chat.messages.nodes) {
        seen.from.add(message.from);
        seen.type.add(message.type);
        seen.broadcastType.add(message.broadcastType);
      }
    }

    expect(seen.from).toEqual(new Set(['AGENT', 'CUSTOMER']));
    for (const type of ['MESSAGE', 'PRIVATE', 'TECH']) expect(seen.type).toContain(type);
    for (const set of Object.values(seen)) expect(set).not.toContain('UNKNOWN');
  });

  test('a customer is returned with its chats', async () => {
    const account = await readAccount();
    const wire = find(account.customers, account.chats[0]!['customer'].id)!;
    const own = account.chats.filter(({ customer }) => customer.id === wire['id']);

    const { customer } = await ask(documents.customer, { id: String(wire['id']) });

    const { chats, ...rest } = customer;
    expect(rest).toEqual(customerOf(wire));
    expect(chats.nodes).toEqual(own.map((chat) => chatOf(chat, account)));
    expect(chats.totalCount).toBe(own.length);
  });

  test('a customer is returned by its userId', async () => {
    const { customers } = await readAccount();
    const wire = customers.find(({ userId }) => userId !== null)!;

    const { customerByUserId } = await ask(documents.customerByUserId, { userId: wire['userId'] });

    expect(customerByUserId).toEqual(customerOf(wire));
  });

  test('agents are returned as a list and by id', async () => {
    const { agents: held, chats } = await readAccount();

    const { agents } = await ask(documents.agents);
    const singles = await Promise.all(held.map(({ id }) => ask(documents.agent, { id })));

    expect(agents).toEqual(held.map(agentOf));
    for (const [index, wire] of held.entries()) {
      const own = chats.filter(({ assignee }) => assignee?.id === wire['id']);
      const nodes = own.map(({ id }) => ({ id: String(id) }));
      expect(singles[index]).toEqual({
        agent: { ...agentOf(wire), chats: { nodes: nodes.slice(0, 100), totalCount: own.length } },
      });
    }
  });

  test('departments are returned as a list and by id', async () => {
    const { departments: held, chats } = await readAccount();

    const { departments } = await ask(documents.departments);
    const singles = await Promise.all(held.map(({ id }) => ask(documents.department, { id })));

    expect(departments).toEqual(held.map(departmentOf));
    for (const [index, wire] of held.entries()) {
      const own = chats.filter(({ department }) => department?.id === wire['id']);
      const nodes = own.map(({ id }) => ({ id: String(id) }));
      expect(singles[index]).toEqual({
        department: {
          ...departmentOf(wire),
          chats: { nodes: nodes.slice(0, 100), totalCount: own.length },
        },
      });
    }
  });

  test('applications and the organization are returned', async () => {
    const { applications: held } = await readAccount();
    const { data: owner } = await rest(demo.simulator, '/organization');

    const { applications } = await ask(documents.applications);
    const { organization } = await ask(documents.organization);

    expect(applications).toEqual(held.map(applicationOf));
    expect(organization).toEqual({ ...owner, id: String(owner.id) });
  });

  test("a chat has its address in HelpCrunch's app", async () => {
    const { data: owner } = await rest(demo.simulator, '/organization');

    const { chats } = await ask(documents.chatUrls);

    expect(chats.nodes).toHaveLength(3);
    for (const { id, url } of chats.nodes) {
      expect(url).toBe(`https://${owner.domain}.helpcrunch.com/v2/chats/${id}`);
    }
  });

  test('every object is returned by node and nodes', async () => {
    const { chats, customers, agents, departments } = await readAccount();
    const [chat, customer, agent, department] = [
      chats[7]!,
      customers[7]!,
      agents[7]!,
      departments[2]!,
    ];
    const expected = [
      { __typename: 'Department', ...departmentOf(department) },
      { __typename: 'Chat', nodeId: nodeId('Chat', chat['id']), status: upper(chat['status']) },
      { __typename: 'Agent', nodeId: agentOf(agent).nodeId, role: agentOf(agent).role },
      {
        __typename: 'Customer',
        nodeId: nodeId('Customer', customer['id']),
        phone: customer['phone'],
      },
    ].map((node) =>
      'agents' in node
        ? {
            __typename: node.__typename,
            nodeId: node.nodeId,
            agents: node.agents.map(({ id }: { id: string }) => ({ id })),
          }
        : node,
    );
    const ids = expected.map((node) => node.nodeId);

    const { nodes } = await ask(documents.nodes, { nodeIds: [...ids, ids[1]] });
    const singles = await Promise.all(ids.map((id) => ask(documents.node, { nodeId: id })));

    expect(nodes).toEqual([...expected, expected[1]]);
    expect(singles).toEqual(expected.map((node) => ({ node })));
  });

  test('the viewer of AUTH=none has no agent and no customer', async () => {
    const { viewer } = await ask(documents.viewer);

    expect(viewer).toEqual({ role: 'ALL', agent: null, customer: null });
  });

  test.each(['number', 'milliseconds'] as const)('times are decoded from %s', async (times) => {
    const { chats } = await readAccount();
    demo.simulator.behave({ times });

    try {
      const { chats: page } = await ask('{ chats(first: 50) { nodes { id createdAt closedAt } } }');

      const seconds = (time: string | null) => (time === null ? null : Date.parse(time) / 1000);
      for (const [index, { createdAt, closedAt }] of page.nodes.entries()) {
        const wire = chats[index]!;
        expect(Math.floor(seconds(createdAt)!)).toBe(Number(wire['createdAt']));
        expect(closedAt === null).toBe(wire['closedAt'] === null);
        if (closedAt !== null) {
          expect(Math.floor(seconds(closedAt)!)).toBe(Number(wire['closedAt']));
        }
      }
    } finally {
      demo.simulator.behave({ times: 'seconds' });
    }
  });
});

test('every field of every type is covered by the tests', () => {
  const read = new Set<string>();
  for (const document of Object.values(documents)) {
    const types = new TypeInfo(schema);
    visit(
      parse(document),
      visitWithTypeInfo(types, {
        Field({ name }) {
          read.add(`${String(types.getParentType())}.${name.value}`);
        },
      }),
    );
  }

  const fields = Object.values(schema.getTypeMap())
    .filter(isObjectType)
    // Mutations and subscriptions are covered by their own tests.
    .filter(
      ({ name }) =>
        !/^(__.*|Mutation|Subscription|ChatUpdate|Customer(Change|Event)|DeletedCustomer)$/.test(
          name,
        ),
    )
    .flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`));

  expect(fields.length).toBeGreaterThan(100);
  expect(fields.filter((field) => !read.has(field))).toEqual([]);
});

describe('unknown ids', () => {
  test.each([
    ['chat', { id: '999999' }],
    ['customer', { id: '999999' }],
    ['customerByUserId', { userId: 'unknown' }],
    ['agent', { id: '999999' }],
    ['department', { id: '999999' }],
    ['node', { nodeId: nodeId('Chat', 999999) }],
    ['node', { nodeId: nodeId('Customer', 999999) }],
    ['node', { nodeId: nodeId('Agent', 999999) }],
    ['node', { nodeId: nodeId('Department', 999999) }],
  ] as const)('%s is null with NOT_FOUND for an unknown id: %j', async (field, variables) => {
    const answer = await demo.query(documents[field], variables);

    expect(answer.status).toBe(200);
    expect(answer.data).toEqual({ [field]: null });
    expect(codesOf(answer)).toEqual(['NOT_FOUND']);
    expect(answer.errors[0]!.path).toEqual([field]);
    expect(answer.errors[0]!.extensions['retryable']).toBe(false);
  });

  test('each unknown id of nodes is null with its own error', async () => {
    const { chats, agents } = await readAccount();
    const nodeIds = [
      nodeId('Chat', 999999),
      nodeId('Chat', chats[0]!['id']),
      nodeId('Customer', 999999),
      nodeId('Customer', 888888),
      nodeId('Agent', agents[0]!['id']),
      nodeId('Department', 999999),
    ];

    const answer = await demo.query(documents.nodes, { nodeIds });

    expect(answer.data.nodes.map((node: any) => node?.nodeId ?? null)).toEqual([
      null,
      nodeIds[1],
      null,
      null,
      nodeIds[4],
      null,
    ]);
    expect(codesOf(answer)).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND']);
    expect(answer.errors.map(({ path }) => path?.[1]).toSorted()).toEqual([0, 2, 3, 5]);
  });

  test('a mutation of an unknown id fails with the message of HelpCrunch', async () => {
    const answer = await demo.query(documents.markChatRead, {
      id: '999999',
      by: 'AGENT',
      read: true,
    });

    expect(answer.data).toEqual({ markChatRead: null });
    expect(codesOf(answer)).toEqual(['NOT_FOUND']);
    expect(answer.errors[0]!.extensions['upstream']).toEqual({
      status: 404,
      errors: [{ code: 'not_fount', message: 'Chat for ID "999999" was not found' }],
    });
  });
});

const badIds = [
  '',
  'abc',
  '0',
  '-1',
  '1.5',
  '1e3',
  '9'.repeat(30),
  '9007199254740993',
  '../agents',
  '5208/messages',
  '5208?limit=1',
  '%35',
  ' 5',
  '5 ',
  '5\n',
  '05208',
  '+5',
  '0x10',
  'Infinity',
  'null',
  '５２０８',
  '٥',
  '5\u0000',
];

const idsOfMutations = Object.values(schema.getMutationType()!.getFields()).flatMap((field) =>
  field.args.flatMap((argument) =>
    pathsOfIds(argument.type).map((path) => {
      const others = field.args
        .filter((other) => other !== argument && exampleValue(other.type) !== undefined)
        .map(({ name, type }) => `${name}: ${print(astFromValue(exampleValue(type), type)!)}`);
      const values = [`${argument.name}: $id`, ...others].join(', ');
      return [
        ['Mutation', field.name, argument.name, ...path].join('.'),
        `mutation ($id: ${String(argument.type)}) { ${field.name}(${values}) { __typename } }`,
        (id: string) => withValueAt(exampleValue(argument.type), path, id),
      ] as const;
    }),
  ),
);

/** A document for each place of the schema that takes an id, and the variable's value of which the id is a part. */
const placesOfIds: readonly (readonly [
  place: string,
  document: string,
  wrap?: (id: string) => unknown,
])[] = [
  ['Query.chat.id', 'query ($id: ID!) { chat(id: $id) { id } }'],
  ['Query.customer.id', 'query ($id: ID!) { customer(id: $id) { id } }'],
  ['Query.agent.id', 'query ($id: ID!) { agent(id: $id) { id } }'],
  ['Query.department.id', 'query ($id: ID!) { department(id: $id) { id } }'],
  ['Query.node.nodeId', 'query ($id: ID!) { node(nodeId: $id) { nodeId } }'],
  ['Query.nodes.nodeIds', 'query ($id: [ID!]!) { nodes(nodeIds: $id) { nodeId } }', (id) => [id]],
  ...idsOfMutations,
  ...[
    'assigneeId',
    'assigneeIdNot',
    'agentId',
    'departmentId',
    'departmentIdNot',
    'customerId',
  ].map(
    (field) =>
      [
        `ChatFilter.${field}`,
        'query ($id: ChatFilter!) { chats(filter: $id) { nodes { id } } }',
        (id: string) => ({ anyOf: [{ status: 'NEW' }, { [field]: id }] }),
      ] as const,
  ),
  [
    'CustomerFilter.ids',
    'query ($id: [ID!]!) { customers(filter: { ids: $id }) { nodes { id } } }',
    (id) => ['5', id],
  ],
];

describe('invalid ids', () => {
  test.each(placesOfIds)(
    'an invalid id is rejected before any upstream call at %s',
    async (...place) => {
      const [name, document, wrap = (id: string) => id] = place;
      const bad = name.startsWith('Query.node')
        ? [
            ...badIds,
            '5208',
            nodeId('ChatMessage', 5),
            nodeId('ChatApplication', 1),
            nodeId('chat', 5),
            nodeId('__proto__', 5),
            ...badIds.map((id) => nodeId('Chat', id)),
            `${nodeId('Chat', 5208)}=`,
            `${nodeId('Chat', 5208)} `,
            nodeId('Chat', '5:5'),
            Buffer.from('Chat:52081').toString('base64'),
          ]
        : badIds;

      for (const id of bad) {
        const answer = await gateway.query(document, { id: wrap(id) });

        expect([id, ...codesOf(answer)]).toEqual([id, 'BAD_USER_INPUT']);
        expect(answer.errors[0]!.message).not.toMatch(/undefined|NaN|Error/);
      }
      expect(fake.calls).toEqual([]);
    },
  );

  test('an invalid id in nodes is a null entry, and costs no call', async () => {
    fake.respond('GET /chats/5', { body: wireChat({ id: 5 }) });

    const answer = await gateway.query(documents.nodes, {
      nodeIds: ['x', nodeId('Chat', 5), nodeId('ChatApplication', 2), nodeId('Chat', 0)],
    });

    const chat = { __typename: 'Chat', nodeId: nodeId('Chat', 5), status: 'OPENED' };
    expect(answer.data).toEqual({ nodes: [null, chat, null, null] });
    expect(answer.errors.map(({ path, message }) => [path, message])).toEqual(
      [0, 2, 3].map((index) => [
        ['nodes', index],
        `nodeIds[${index}]: must be the nodeId of an object.`,
      ]),
    );
    expect(fake.calls.map(({ path }) => path)).toEqual(['/chats/5']);
  });

  test('every argument of type ID is among these places', () => {
    const isId = (type: unknown): boolean =>
      isNonNullType(type) || isListType(type) ? isId(type.ofType) : String(type) === 'ID';
    const inFields = Object.values(schema.getTypeMap()).flatMap((type) => {
      if (isInputObjectType(type) && type.name.endsWith('Filter')) {
        return Object.values(type.getFields())
          .filter((field) => isId(field.type))
          .map((field) => `${type.name}.${field.name}`);
      }
      if (!isObjectType(type)) return [];
      return Object.values(type.getFields()).flatMap((field) =>
        field.args
          .filter((arg) => isId(arg.type))
          .map((arg) => `${type.name}.${field.name}.${arg.name}`),
      );
    });

    const places = placesOfIds
      .map(([place]) => place)
      .filter((place) => !place.startsWith('Mutation'));
    expect(places.toSorted()).toEqual(
      inFields.filter((place) => !/^(__|Subscription|Mutation)/.test(place)).toSorted(),
    );
  });

  test('an id that is neither text nor integer is invalid', async () => {
    for (const id of [1.5, true, null, [1, 2], {}]) {
      const answer = await gateway.query(documents.chat, { id });

      expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
    }
    expect(fake.calls).toEqual([]);
  });

  test.each(['""', ' ""'])('an empty userId is rejected: %s', async (userId) => {
    const answer = await gateway.query(`{ customerByUserId(userId: ${userId}) { id } }`);

    expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
    expect(fake.calls).toEqual([]);
  });

  test('more than a hundred ids are rejected', async () => {
    const nodeIds = Array.from({ length: 101 }, (_, index) => nodeId('Chat', index + 1));

    const answer = await gateway.query(documents.nodes, { nodeIds });

    expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
    expect(fake.calls).toEqual([]);
  });
});

describe('valid ids', () => {
  test.each([
    ['as a text', 'query { chat(id: "5208") { id } }', {}],
    ['as a number', 'query { chat(id: 5208) { id } }', {}],
    ['as a text in a variable', 'query ($id: ID!) { chat(id: $id) { id } }', { id: '5208' }],
    ['as a number in a variable', 'query ($id: ID!) { chat(id: $id) { id } }', { id: 5208 }],
  ])('a valid id is accepted %s', async (_how, document, variables) => {
    fake.respond('GET /chats/5208', { body: wireChat() });

    const { data, errors } = await gateway.query(document, variables);

    expect(errors).toEqual([]);
    expect(data).toEqual({ chat: { id: '5208' } });
    expect(fake.calls.map(({ method, path }) => `${method} ${path}`)).toEqual(['GET /chats/5208']);
  });

  test('the largest safe integer is a valid id', async () => {
    fake.respond('GET /chats/9007199254740991', { body: wireChat({ id: 9007199254740991 }) });

    const { data } = await gateway.query('{ chat(id: "9007199254740991") { id } }');

    expect(data).toEqual({ chat: { id: '9007199254740991' } });
  });
});

describe('lists beyond one upstream page', () => {
  const rows = (count: number, more: object = {}) =>
    Array.from({ length: count }, (_, index) => ({
      id: index + 1,
      name: `No ${index + 1}`,
      ...more,
    }));

  function hold(path: string, count: number, envelope: (total: number) => object) {
    fake.respond(`GET ${path}`, ({ query }) => {
      const [offset, limit] = [Number(query.get('offset')), Number(query.get('limit'))];
      return { body: { data: rows(count).slice(offset, offset + limit), ...envelope(count) } };
    });
  }

  const withTotal = (total: number) => ({ meta: { total } });
  const withoutTotal = () => ({});

  test.each([
    ['agents', 'agent', 250, withTotal, 3],
    ['agents', 'agent', 250, withoutTotal, 3],
    ['agents', 'agent', 200, withTotal, 2],
    ['agents', 'agent', 200, withoutTotal, 3],
    ['departments', 'department', 101, withTotal, 2],
    ['departments', 'department', 101, withoutTotal, 2],
    ['departments', 'department', 0, withoutTotal, 1],
  ] as const)(
    'all %s are returned: each %s of %i',
    async (field, single, count, envelope, calls) => {
      hold(`/${field}`, count, envelope);

      const all = await gateway.query(`{ ${field} { id name } }`);
      const pages = fake.calls.map(({ query }) => query.toString());
      const last = await gateway.query(`query ($id: ID!) { ${single}(id: $id) { name } }`, {
        id: Math.max(count, 1),
      });

      expect(all.data).toEqual({
        [field]: rows(count).map(({ id, name }) => ({ id: String(id), name })),
      });
      expect(pages).toEqual(
        Array.from({ length: calls }, (_, index) => `offset=${index * 100}&limit=100`),
      );
      expect(last.data).toEqual({ [single]: count === 0 ? null : { name: `No ${count}` } });
    },
  );

  test('all agents are returned even if the total is above their number', async () => {
    hold('/agents', 120, () => ({ meta: { total: 130 } }));

    const { data } = await gateway.query('{ agents { id } }');

    expect(data.agents).toHaveLength(120);
  });
});

describe('rateLimit', () => {
  const minute = 60_000;

  test('rateLimit reports the remaining calls and the time of its reset', async () => {
    const time = createManualClock();
    const start = time.now();
    await using limited = await startTestGateway({
      upstream: demo.simulator,
      clock: time,
      config: { rateLimit: 5 },
    });
    const spend = () => limited.query('{ organization { id } }');
    const read = async () => (await limited.query(documents.rateLimit)).data.rateLimit;
    const at = (ms: number) => new Date(start + ms).toISOString();

    const untouched = [await read(), await read()];
    await spend();
    time.advance(10_000);
    await spend();
    const afterTwo = await read();
    time.advance(minute - 10_000 - 1);
    const justBefore = await read();
    time.advance(1);
    const afterMinute = await read();
    time.advance(10_000);
    const inTheEnd = await read();

    expect(untouched).toEqual([
      { limit: 5, remaining: 5, viewerRemaining: 5, resetAt: null },
      { limit: 5, remaining: 5, viewerRemaining: 5, resetAt: null },
    ]);
    expect(afterTwo).toEqual({
      limit: 5,
      remaining: 3,
      viewerRemaining: 3,
      resetAt: at(10_000 + minute),
    });
    expect(justBefore).toEqual(afterTwo);
    expect(afterMinute).toEqual({
      limit: 5,
      remaining: 4,
      viewerRemaining: 4,
      resetAt: at(10_000 + minute),
    });
    expect(inTheEnd).toEqual({ limit: 5, remaining: 5, viewerRemaining: 5, resetAt: null });
  });

  test('a response reports the rate limit in its extensions if calls were made', async () => {
    await using limited = await startTestGateway({
      upstream: demo.simulator,
      clock: createManualClock(),
      config: { rateLimit: 7 },
    });

    const first = await limited.query('{ organization { id } applications { id } }');
    const second = await limited.query(documents.rateLimit);

    expect(first.extensions.upstream).toMatchObject({
      calls: 2,
      rateLimit: { limit: 7, remaining: 5 },
    });
    expect(second.extensions.upstream).toEqual({ calls: 0, cacheHits: 0, shared: 0 });
  });

  test('rateLimit has the limit 0 if no limit is configured', async () => {
    fake.respond('GET /organization', { body: { data: { id: 1 } } });

    await gateway.query('{ organization { id } }');
    const { data } = await gateway.query(documents.rateLimit);

    expect(data.rateLimit).toEqual({ limit: 0, remaining: 0, viewerRemaining: 0, resetAt: null });
  });
});

describe('markChatRead', () => {
  const markChatRead = `mutation ($id: ID!, $by: ReadBy!, $read: Boolean!) {
    markChatRead(id: $id, by: $by, read: $read) { id readByAgent readByCustomer }
  }`;

  const combinations = [
    { by: 'AGENT', read: true, path: '/chats/readByAgent' },
    { by: 'AGENT', read: false, path: '/chats/readByAgent' },
    { by: 'CUSTOMER', read: true, path: '/chats/readByCustomer' },
    { by: 'CUSTOMER', read: false, path: '/chats/readByCustomer' },
  ];

  test.each(combinations)(
    'markChatRead by $by with $read sends one PUT $path',
    async ({ by, read, path }) => {
      fake.respond(`PUT ${path}`, { body: wireChat() });

      const { errors } = await gateway.query(markChatRead, { id: '5208', by, read });

      expect(errors).toEqual([]);
      expect(fake.calls).toHaveLength(1);
      const [call] = fake.calls;
      expect(call).toMatchObject({ method: 'PUT', path, body: { id: 5208, read } });
      expect(Object.keys(call!.body)).toEqual(['id', 'read']);
      expect(call!.query.size).toBe(0);
      expect(call!.headers).toMatchObject({
        authorization: 'Bearer fake-key',
        'content-type': 'application/json',
        accept: 'application/json',
      });
    },
  );

  test.each(combinations)(
    'markChatRead by $by with $read is stored by HelpCrunch',
    async ({ by, read }) => {
      const field = by === 'AGENT' ? 'readByAgent' : 'readByCustomer';
      const other = by === 'AGENT' ? 'readByCustomer' : 'readByAgent';
      const before = await rest(demo.simulator, '/chats/5003');

      const first = await ask(markChatRead, { id: 5003, by, read });
      const second = await ask(markChatRead, { id: 5003, by, read });
      const after = await rest(demo.simulator, '/chats/5003');
      const { chat } = await ask('{ chat(id: 5003) { id readByAgent readByCustomer } }');

      expect(first.markChatRead).toEqual({ id: '5003', [field]: read, [other]: before[other] });
      expect(second).toEqual(first);
      expect(after).toEqual({ ...before, [field]: read });
      expect(chat).toEqual(first.markChatRead);
    },
  );

  test('markChatRead returns the whole updated chat', async () => {
    const { markChatRead: chat } = await ask(documents.markChatRead, {
      id: 5010,
      by: 'AGENT',
      read: true,
    });

    const account = await readAccount();
    expect(chat).toEqual(chatOf(find(account.chats, 5010)!, account));
    expect(chat.readByAgent).toBe(true);
  });

  test('several markChatRead are executed in the order of the document', async () => {
    const marks = [
      ['CUSTOMER', true],
      ['AGENT', true],
      ['CUSTOMER', false],
      ['AGENT', false],
    ] as const;
    const fields = marks.map(
      ([by, read], index) =>
        `m${index}: markChatRead(id: 5011, by: ${by}, read: ${read}) { readByAgent readByCustomer }`,
    );

    const data = await ask(`mutation { ${fields.join(' ')} }`);

    expect(data.m1).toEqual({ readByAgent: true, readByCustomer: true });
    expect(data.m2).toEqual({ readByAgent: true, readByCustomer: false });
    expect(data.m3).toEqual({ readByAgent: false, readByCustomer: false });
  });

  test('markChatRead with invalid arguments is rejected', async () => {
    const answers = [
      await gateway.query('mutation { markChatRead(id: 1, by: BOT, read: true) { id } }'),
      await gateway.query('mutation { markChatRead(id: 1, by: "AGENT", read: true) { id } }'),
      await gateway.query('mutation { markChatRead(id: 1, by: AGENT, read: "true") { id } }'),
      await gateway.query('mutation { markChatRead(id: 1, by: AGENT) { id } }'),
      await gateway.query('mutation { markChatRead(by: AGENT, read: true) { id } }'),
      await gateway.query('mutation { markChatRead(id: 1, by: AGENT, read: true) }'),
    ];
    const wrongVariable = await gateway.query(markChatRead, { id: 1, by: 'agent', read: true });

    for (const answer of answers) {
      expect(answer.status).toBe(400);
      expect(codesOf(answer)).toEqual(['GRAPHQL_VALIDATION_FAILED']);
    }
    expect(codesOf(wrongVariable)).toEqual(['BAD_USER_INPUT']);
    expect(fake.calls).toEqual([]);
  });
});
