import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';

let fake: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  fake = await startRecordingUpstream();
  gateway = await startTestGateway({ upstream: fake, config: { rateLimit: 0 } });
});

afterAll(async () => {
  await gateway.stop();
  await fake[Symbol.asyncDispose]();
});

beforeEach(() => {
  fake.clearCalls();
  fake.respond('GET /agents', { body: { data: [] } });
});

/** Everything of a chat that its own answer carries. */
const carried = `
  __typename nodeId id status closedBy closedAt rating createdAt createdWith lastMessageAt lastCustomerMessageAt
  lastMessageText lastMessageId lastCommunicatedAgentId lastCommunicatedAgent { nodeId id name email role }
  snoozedUntil applicationId readByAgent readByCustomer
  agents { nodeId id name email role } customer { nodeId id name email userId }
  assignee { nodeId id name email role } department { nodeId id name }
`;

/** And what must be fetched besides. */
const fetched = `
  application { id name displayName type active }
  wholeCustomer: customer { id phone tags { name color } customData }
  wholeDepartment: department { id agents { id name } }
  messages { nodes { id text } totalCount }
`;

const markRead = `mutation { markChatRead(id: "5208", by: AGENT, read: true) { ${carried} } }`;

const documented = {
  id: 5208,
  closedBy: 'string',
  lastCustomerMessageAt: '1603885746',
  status: 'new',
  closedAt: '1603885746',
  rating: 'perfect',
  createdAt: '1603885746',
  lastMessageAt: '1603885746',
  createdWith: 'string',
  snoozedUntil: '1603885746',
  lastMessageText: 'string',
  lastMessageId: 0,
  applicationId: 0,
  readByAgent: true,
  readByCustomer: true,
  lastCommunicatedAgentId: 0,
  agents: [{ id: 0, name: 'string', email: 'string', role: 'string' }],
  customer: { id: 0, name: 'string', email: 'string', userId: 'string' },
  assignee: { id: 0, name: 'string', email: 'string', role: 'string' },
  department: { id: 0, name: 'string' },
};

/** The chat that `markChatRead` returns for an upstream response. */
async function read(body: unknown, document = markRead): Promise<any> {
  fake.respond('PUT /chats/readByAgent', { body });
  const { data, errors } = await gateway.query(document);
  expect(errors).toEqual([]);
  return data.markChatRead;
}

const nodeId = (type: string, id: string) => Buffer.from(`${type}:${id}`).toString('base64url');

const documentedMoment = '2020-10-28T11:49:06.000Z';

describe('the documented example response', () => {
  const agent = {
    nodeId: nodeId('Agent', '0'),
    id: '0',
    name: 'string',
    email: 'string',
    role: 'UNKNOWN',
  };

  test('the documented response is decoded with every field and no error', async () => {
    const chat = await read(documented);

    expect(chat).toEqual({
      __typename: 'Chat',
      nodeId: nodeId('Chat', '5208'),
      id: '5208',
      status: 'NEW',
      closedBy: 'UNKNOWN',
      closedAt: documentedMoment,
      rating: 'PERFECT',
      createdAt: documentedMoment,
      createdWith: 'UNKNOWN',
      lastMessageAt: documentedMoment,
      lastCustomerMessageAt: documentedMoment,
      lastMessageText: 'string',
      lastMessageId: '0',
      lastCommunicatedAgentId: '0',
      lastCommunicatedAgent: agent,
      snoozedUntil: documentedMoment,
      applicationId: '0',
      readByAgent: true,
      readByCustomer: true,
      agents: [agent],
      customer: {
        nodeId: nodeId('Customer', '0'),
        id: '0',
        name: 'string',
        email: 'string',
        userId: 'string',
      },
      assignee: agent,
      department: { nodeId: nodeId('Department', '0'), id: '0', name: 'string' },
    });
    expect(fake.calls.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['PUT', '/chats/readByAgent', { id: 5208, read: true }],
    ]);
  });

  test('the documented response is decoded wherever a response contains a chat', async () => {
    fake.respond('PUT /chats/readByCustomer', { body: documented });
    fake.respond('GET /chats/5208', { body: documented });
    fake.respond('GET /chats', { body: { data: [documented], meta: { total: 1 } } });
    fake.respond('POST /chats/search', { body: { data: [documented], meta: { total: 1 } } });
    const expected = await read(documented);

    const { errors, data } = await gateway.query(`{
      chat(id: 5208) { ${carried} }
      chats { nodes { ${carried} } }
      closed: chats(filter: { status: CLOSED }) { nodes { ${carried} } }
      node(nodeId: "${nodeId('Chat', '5208')}") { ... on Chat { ${carried} } }
      _entities(representations: [{ __typename: "Chat", id: "5208" }]) { ... on Chat { ${carried} } }
    }`);
    const byCustomer = await gateway.query(markRead.replace('AGENT', 'CUSTOMER'));

    expect(errors).toEqual([]);
    expect(data).toEqual({
      chat: expected,
      chats: { nodes: [expected] },
      closed: { nodes: [expected] },
      node: expected,
      _entities: [expected],
    });
    expect(byCustomer.data).toEqual({ markChatRead: expected });
  });

  test('the documented response is decoded if related entities are selected and missing', async () => {
    fake.respond('GET /applications', { body: { data: [] } });
    fake.respond('GET /customers/0', { status: 404, body: { errors: [] } });
    fake.respond('GET /departments', { body: { data: [] } });
    fake.respond('GET /chats/5208/messages', { body: { data: [], total: 0 } });

    const chat = await read(documented, markRead.replace(carried, fetched));

    expect(chat).toEqual({
      application: null,
      wholeCustomer: null,
      wholeDepartment: null,
      messages: { nodes: [], totalCount: 0 },
    });
  });

  test('the documented response is decoded with the text "string" for every id but its own', async () => {
    const chat = await read({
      ...documented,
      lastMessageId: 'string',
      applicationId: 'string',
      lastCommunicatedAgentId: 'string',
      agents: [{ ...documented.agents[0], id: 'string' }],
      customer: { ...documented.customer, id: 'string' },
      assignee: { ...documented.assignee, id: 'string' },
      department: { ...documented.department, id: 'string' },
    });

    expect(chat).toMatchObject({
      id: '5208',
      lastMessageId: null,
      applicationId: null,
      lastCommunicatedAgentId: null,
      lastCommunicatedAgent: null,
      agents: [],
      customer: null,
      assignee: null,
      department: null,
    });
  });

  test('the documented response is decoded with the text "string" for every value but its own id', async () => {
    const everything = Object.fromEntries(
      Object.entries(documented).map(([field, value]) => [
        field,
        typeof value === 'object' ? value : 'string',
      ]),
    );

    const chat = await read({ ...everything, id: 5208 });

    expect(chat).toMatchObject({
      status: 'UNKNOWN',
      closedBy: 'UNKNOWN',
      rating: 'UNKNOWN',
      createdWith: 'UNKNOWN',
      createdAt: null,
      closedAt: null,
      lastMessageAt: null,
      lastCustomerMessageAt: null,
      snoozedUntil: null,
      readByAgent: null,
      readByCustomer: null,
      lastMessageText: 'string',
    });
  });

  test('the documented response with the stray full stop of the documentation is malformed', async () => {
    const stray = JSON.stringify(documented).replace('"readByCustomer":true', '$&.');
    fake.respond('GET /chats/5208', {
      body: stray,
      headers: { 'content-type': 'application/json' },
    });

    const { errors } = await gateway.query('{ chat(id: 5208) { id } }');

    expect(errors.map(({ extensions }) => extensions['code'])).toEqual([
      'UPSTREAM_INVALID_RESPONSE',
    ]);
  });
});

const bare = {
  __typename: 'Chat',
  nodeId: nodeId('Chat', '5208'),
  id: '5208',
  status: 'UNKNOWN',
  closedBy: null,
  closedAt: null,
  rating: null,
  createdAt: null,
  createdWith: null,
  lastMessageAt: null,
  lastCustomerMessageAt: null,
  lastMessageText: null,
  lastMessageId: null,
  lastCommunicatedAgentId: null,
  lastCommunicatedAgent: null,
  snoozedUntil: null,
  applicationId: null,
  readByAgent: null,
  readByCustomer: null,
  agents: [],
  customer: null,
  assignee: null,
  department: null,
};

describe('a chat', () => {
  test.each([null, '', 'evil.example/', 'a b', '-x'])(
    'a chat has no address if the subdomain of the organization is %j',
    async (domain) => {
      fake.respond('GET /organization', { body: { data: { id: 1, domain } } });
      fake.respond('PUT /chats/readByAgent', { body: { ...documented, id: 5208 } });

      const { data, errors } = await gateway.query(
        'mutation { markChatRead(id: 5208, by: AGENT, read: true) { url } }',
      );

      expect(errors).toEqual([]);
      expect(data.markChatRead).toEqual({ url: null });
    },
  );

  test('a chat with an id only is decoded', async () => {
    expect(await read({ id: 5208 })).toEqual(bare);
    expect(fake.calls).toHaveLength(1);
  });

  test('a chat with null for all fields but the id is decoded', async () => {
    const nulls = Object.fromEntries(Object.keys(documented).map((field) => [field, null]));

    expect(await read({ ...nulls, id: 5208 })).toEqual(bare);
  });

  test('a chat with unknown fields is decoded', async () => {
    const chat = await read({ ...documented, notes: [1], constructor: {}, subject: { a: 1 } });

    expect(chat).toEqual(await read(documented));
  });

  test.each(Object.keys(documented).filter((field) => field !== 'id'))(
    'a chat without %s is decoded',
    async (field) => {
      const rest = Object.fromEntries(
        Object.entries(documented).filter(([name]) => name !== field),
      );

      const chat = await read(rest);

      expect(chat).toMatchObject({ [field]: bare[field as keyof typeof bare] });
      expect(chat.id).toBe('5208');
    },
  );

  test('a chat with null fields of agents and customers is decoded', async () => {
    const agent = { id: 4, name: null, email: null, role: null };
    const chat = await read({
      ...documented,
      agents: [agent, null, { name: 'No id' }],
      customer: { id: 5, name: null, email: null, userId: null },
      assignee: agent,
      department: { id: 6, name: null },
    });

    const shownAgent = { ...agent, nodeId: nodeId('Agent', '4'), id: '4' };
    expect(chat).toMatchObject({
      agents: [shownAgent],
      assignee: shownAgent,
      customer: { id: '5', name: null, email: null, userId: null },
      department: { id: '6', name: '' },
    });
  });

  test.each([
    ['new', 'NEW'],
    ['opened', 'OPENED'],
    ['pending', 'PENDING'],
    ['on hold', 'ON_HOLD'],
    ['onhold', 'ON_HOLD'],
    ['on-hold', 'ON_HOLD'],
    ['On Hold', 'ON_HOLD'],
    ['no communication', 'NO_COMMUNICATION'],
    ['closed', 'CLOSED'],
    ['empty', 'EMPTY'],
    ['snoozed', 'UNKNOWN'],
    ['', 'UNKNOWN'],
    [3, 'UNKNOWN'],
    ['constructor', 'UNKNOWN'],
    ['__proto__', 'UNKNOWN'],
  ])('a chat with the status %j has the status %s', async (status, expected) => {
    expect(await read({ ...documented, status })).toMatchObject({ status: expected });
  });

  test.each([
    ['rating', 'perfect', 'PERFECT'],
    ['rating', 'great', 'GREAT'],
    ['rating', 'average', 'AVERAGE'],
    ['rating', 'poor', 'POOR'],
    ['rating', 'very poor', 'VERY_POOR'],
    ['rating', 5, 'UNKNOWN'],
    ['closedBy', 'agent', 'AGENT'],
    ['closedBy', 'customer', 'CUSTOMER'],
    ['closedBy', 12, 'UNKNOWN'],
    ['createdWith', 'public_api', 'PUBLIC_API'],
    ['createdWith', 'broadcast_reply', 'BROADCAST_REPLY'],
    ['createdWith', 'agent_message', 'AGENT_MESSAGE'],
    ['createdWith', 'customer_message', 'CUSTOMER_MESSAGE'],
    ['createdWith', false, 'UNKNOWN'],
  ])('a chat with the %s %j has the value %s', async (field, value, expected) => {
    expect(await read({ ...documented, [field]: value })).toMatchObject({ [field]: expected });
  });

  test.each([
    ['agentChatOnly', 'AGENT_CHAT_ONLY'],
    ['agent', 'AGENT'],
    ['superviser', 'SUPERVISOR'],
    ['supervisor', 'SUPERVISOR'],
    ['admin', 'ADMIN'],
    ['owner', 'UNKNOWN'],
    [null, null],
  ])('a chat whose agent has the role %j has the role %s', async (role, expected) => {
    const agent = { id: 1, name: 'A', email: 'a@example.com', role };

    const chat = await read({ ...documented, agents: [agent], assignee: agent });

    expect(chat).toMatchObject({ agents: [{ role: expected }], assignee: { role: expected } });
  });

  test.each([
    [true, true],
    [false, false],
    [1, true],
    [0, false],
    ['1', true],
    ['0', false],
    ['true', true],
    ['FALSE', false],
    [null, null],
    ['string', null],
    ['', null],
  ])('a chat marked as read by %j has the value %s', async (flag, expected) => {
    expect(await read({ ...documented, readByAgent: flag, readByCustomer: flag })).toMatchObject({
      readByAgent: expected,
      readByCustomer: expected,
    });
  });

  test.each([
    [1603885746, documentedMoment],
    ['1603885746', documentedMoment],
    [1603885746.5, '2020-10-28T11:49:06.500Z'],
    ['1603885746.913', '2020-10-28T11:49:06.913Z'],
    ['1594139170.9', '2020-07-07T16:26:10.900Z'],
    ['1603885746.000000', documentedMoment],
    ['0', '1970-01-01T00:00:00.000Z'],
    [0, '1970-01-01T00:00:00.000Z'],
    ['4102444800', '2100-01-01T00:00:00.000Z'],
    [null, null],
    ['', null],
    ['string', null],
    ['2020-10-28T11:49:06Z', null],
    ['-5', null],
    [-5, null],
    [' 1603885746 ', null],
    ['1e9', null],
    [1e300, null],
    [true, null],
  ])('a chat with the time %j has the time %s', async (wire, expected) => {
    const chat = await read({
      ...documented,
      closedAt: wire,
      createdAt: wire,
      lastMessageAt: wire,
      lastCustomerMessageAt: wire,
      snoozedUntil: wire,
    });

    expect(chat).toMatchObject({
      closedAt: expected === null ? null : expect.stringMatching(/Z$/),
      createdAt: expected,
      lastMessageAt: expected,
      lastCustomerMessageAt: expected,
      snoozedUntil: expected,
    });
    expect(chat.closedAt).toBe(expected);
  });

  test.each(['1603885746913', 9999999999999, '8640000000000', '8640000000001'])(
    'a chat with the extreme time %j is decoded',
    async (closedAt) => {
      const chat = await read({ ...documented, closedAt });

      expect(chat.id).toBe('5208');
    },
  );

  test('a chat with numbers as texts and texts as numbers is decoded', async () => {
    const chat = await read({
      ...documented,
      id: '5208',
      lastMessageId: '4294967301',
      applicationId: '2',
      lastCommunicatedAgentId: '12',
      lastMessageText: 42,
      agents: [{ id: '12', name: 7, email: 8, role: 9 }],
      customer: { id: '7001', name: 1, email: 2, userId: 3 },
      assignee: { id: '12', name: true, email: 1.5, role: 'admin' },
      department: { id: '3', name: 2026 },
    });

    expect(chat).toMatchObject({
      id: '5208',
      lastMessageId: '4294967301',
      applicationId: '2',
      lastCommunicatedAgent: { id: '12', name: '7' },
      lastMessageText: '42',
      agents: [{ id: '12', name: '7', email: '8', role: 'UNKNOWN' }],
      customer: { id: '7001', name: '1', email: '2', userId: '3' },
      assignee: { id: '12', name: 'true', email: '1.5', role: 'ADMIN' },
      department: { id: '3', name: '2026' },
    });
  });

  test.each([2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER])(
    'a chat with ids as large as %i is decoded exactly',
    async (id) => {
      const chat = await read({
        ...documented,
        lastMessageId: id,
        applicationId: id,
        customer: { ...documented.customer, id },
      });

      expect(chat).toMatchObject({
        lastMessageId: String(id),
        applicationId: String(id),
        customer: { id: String(id) },
      });
    },
  );

  test.each([-1, 1.5, '', '0x10', '7 8', '7.5', '12a', true, '٣'])(
    'a chat with the id %j of a related entity has no such entity',
    async (id) => {
      const chat = await read({ ...documented, lastMessageId: id, customer: { id, name: 'A' } });

      expect(chat).toMatchObject({ lastMessageId: null, customer: null });
    },
  );

  test.each([
    'Ґанок, їжак, єнот',
    '👩‍👩‍👧‍👦🇺🇦',
    'שלום \u202Eabc',
    '\uD800 alone',
    '"quoted" \\ \n\t\u0000\u2028',
    '<script>alert(1)</script>',
    'x'.repeat(60_000),
    '',
    '   ',
    'https://files.example.com/2f0c-uuid.png?a=1&b=2#c',
  ])('a chat with the text %p returns it unchanged', async (text) => {
    const chat = await read({
      ...documented,
      lastMessageText: text,
      customer: { id: 1, name: text, email: text, userId: text },
    });

    expect(chat.lastMessageText).toBe(text);
    expect(chat.customer).toMatchObject({ name: text, email: text, userId: text });
  });

  test.each([
    'no-at-sign',
    'a@b@c',
    ' spaces @example.com ',
    'Ім’я@приклад.укр',
    'mailto:a@example.com',
    'a@example.com, b@example.com',
    '@',
  ])('a chat with the email address %j returns it unchanged', async (email) => {
    const chat = await read({
      ...documented,
      agents: [{ id: 1, name: 'A', email, role: 'agent' }],
      customer: { id: 1, name: 'B', email, userId: null },
    });

    expect(chat).toMatchObject({ agents: [{ email }], customer: { email } });
  });

  test.each([
    ['a list', []],
    ['a text', '"Ok"'],
    ['null', 'null'],
    ['nothing', ''],
    ['a page', '<html></html>'],
    ['a chat without an id', { ...documented, id: null }],
    ['a chat whose id is a text', { ...documented, id: 'string' }],
    ['a chat in another wrapping', { data: documented }],
    ['a chat whose agents are one object', { ...documented, agents: { id: 1 } }],
    ['a chat whose customer is a list', { ...documented, customer: [1] }],
    ['a chat whose text is an object', { ...documented, lastMessageText: { a: 1 } }],
  ])(
    'a chat that is %s fails as UPSTREAM_INVALID_RESPONSE without its content',
    async (_what, body) => {
      fake.respond('GET /chats/5208', { body });

      const { errors } = await gateway.query('{ chat(id: 5208) { id } }');

      expect(errors).toHaveLength(1);
      expect(errors[0]).toMatchObject({
        message: 'The response of HelpCrunch could not be decoded.',
        path: ['chat'],
        extensions: { code: 'UPSTREAM_INVALID_RESPONSE', retryable: false },
      });
      expect(Object.keys(errors[0]!.extensions).toSorted()).toEqual([
        'code',
        'requestId',
        'retryable',
      ]);
    },
  );
});

const wholeCustomer = `{
  customer(id: 7001) {
    nodeId id userId name email company phone firstSeen lastSeen
    location { regionCode countryCode city } device { id ip timezone platform userAgent }
    unsubscribed blocked source referer lastPage locale createdFrom integrationId notes
    tags { name color } customData
  }
}`;

async function readCustomer(body: unknown): Promise<any> {
  fake.respond('GET /customers/7001', { body });
  const { data, errors } = await gateway.query(wholeCustomer);
  expect(errors).toEqual([]);
  return data.customer;
}

const bareCustomer = {
  nodeId: nodeId('Customer', '7001'),
  id: '7001',
  userId: null,
  name: null,
  email: null,
  company: null,
  phone: null,
  firstSeen: null,
  lastSeen: null,
  location: null,
  device: null,
  unsubscribed: null,
  blocked: null,
  source: null,
  referer: null,
  lastPage: null,
  locale: null,
  createdFrom: null,
  integrationId: null,
  notes: null,
  tags: [],
  customData: {},
};

describe('a customer', () => {
  test('a customer with an id only, or null for all other fields, is decoded', async () => {
    const nulls = Object.fromEntries(Object.keys(bareCustomer).map((field) => [field, null]));

    expect(await readCustomer({ id: 7001 })).toEqual(bareCustomer);
    expect(await readCustomer({ ...nulls, id: 7001 })).toEqual(bareCustomer);
  });

  test('a customer with the text "string" for every value is decoded', async () => {
    const texts = Object.fromEntries(
      Object.entries(bareCustomer)
        .filter(([, value]) => value === null)
        .map(([field]) => [field, 'string']),
    );

    const customer = await readCustomer({
      ...texts,
      id: 7001,
      location: { regionCode: 'string', countryCode: 'string', city: 'string' },
      device: { id: 'string', ip: 'string', timezone: 'string', platform: 'string' },
      tags: [{ name: 'string', color: 'string' }],
      customData: { property: 'string' },
    });

    expect(customer).toMatchObject({
      firstSeen: null,
      lastSeen: null,
      unsubscribed: null,
      blocked: null,
      notes: 'string',
      device: { id: 'string', userAgent: null },
      tags: [{ name: 'string', color: 'string' }],
      customData: { property: 'string' },
    });
  });

  test('a customer with numbers as texts and texts as numbers is decoded', async () => {
    const customer = await readCustomer({
      id: '7001',
      userId: 42,
      phone: 380001234567,
      integrationId: 6999999999,
      firstSeen: 1603885746,
      lastSeen: '1603885746.25',
      unsubscribed: '0',
      blocked: 1,
      device: { id: 5, ip: 1, timezone: 2 },
      location: { regionCode: 30, countryCode: null },
    });

    expect(customer).toMatchObject({
      userId: '42',
      phone: '380001234567',
      integrationId: '6999999999',
      firstSeen: documentedMoment,
      lastSeen: '2020-10-28T11:49:06.250Z',
      unsubscribed: false,
      blocked: true,
      device: { id: '5', ip: '1', timezone: '2', platform: null, userAgent: null },
      location: { regionCode: '30', countryCode: null, city: null },
    });
  });

  test.each(['#c377e0', 'red', '#FFF', 'rgb(1, 2, 3)', 'no colour', '', '🔴', null])(
    'a customer with a tag of the colour %j is decoded',
    async (color) => {
      const customer = await readCustomer({ id: 7001, tags: [{ name: 'vip', color }] });

      expect(customer.tags).toEqual([{ name: 'vip', color }]);
    },
  );

  test('tags of a customer without a name are omitted', async () => {
    const customer = await readCustomer({
      id: 7001,
      tags: [{ name: 'a' }, { color: 'red' }, { name: null }, { name: 7, color: 5 }],
    });

    expect(customer.tags).toEqual([
      { name: 'a', color: null },
      { name: '7', color: '5' },
    ]);
  });

  test.each([
    [{}, {}],
    [[], {}],
    [null, {}],
    [
      { plan: 'pro', seats: 4, isLarge: true, none: null, when: '1603885746' },
      { plan: 'pro', seats: 4, isLarge: true, none: null, when: '1603885746' },
    ],
    [
      [
        { property: 'plan', value: 'pro' },
        { property: 'seats', value: 4 },
        { property: 'none', value: null },
        { property: 'nothing' },
      ],
      { plan: 'pro', seats: 4, none: null, nothing: null },
    ],
    [
      { 'з пробілом': '💬', '': 1 },
      { 'з пробілом': '💬', '': 1 },
    ],
    [{ nested: { a: [1, { b: 2 }] } }, { nested: { a: [1, { b: 2 }] } }],
  ])('a customer with the custom data %j has %j', async (customData, expected) => {
    const customer = await readCustomer({ id: 7001, customData });

    expect(customer.customData).toEqual(expected);
  });

  test('custom data with the names of JavaScript internals is returned', async () => {
    const text = '{"id":7001,"customData":{"__proto__":"a","constructor":"b","toString":"c"}}';
    fake.respond('GET /customers/7001', { body: text });

    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ customer(id: 7001) { customData } }' }),
    });

    expect(await response.text()).toContain(
      '"customData":{"__proto__":"a","constructor":"b","toString":"c"}',
    );
  });

  test.each([
    { device: [], location: [] },
    { device: {}, location: {} },
    { device: null },
    { device: 'string' },
    { tags: null },
  ])('a customer with the malformed parts %j is decoded', async (parts) => {
    const customer = await readCustomer({ id: 7001, name: 'Taras', ...parts });

    expect(customer.name).toBe('Taras');
  });

  test('a customer of a list or a search equals the customer read by id', async () => {
    const wire = { id: 7001, name: 'Тарас', customData: [], tags: [{ name: 'vip' }] };
    const body = { data: [wire], total: '1' };
    fake.respond('GET /customers', { body });
    fake.respond('POST /customers/search', { body });
    const alone = await readCustomer(wire);
    const fields = wholeCustomer.slice(wholeCustomer.indexOf(')') + 1, -1);

    const { data, errors } = await gateway.query(
      `{ customers { nodes ${fields} totalCount } found: customers(filter: { ids: [7001] }) { nodes ${fields} } }`,
    );

    expect(errors).toEqual([]);
    expect(data).toEqual({
      customers: { nodes: [alone], totalCount: 1 },
      found: { nodes: [alone] },
    });
  });
});

describe('a message', () => {
  const messages = `{
    chat(id: 5208) {
      messages { nodes { id chat { id status } from agent { id name email role } type text read edited createdAt updatedAt broadcastType } totalCount }
    }
  }`;

  async function readMessages(...wire: readonly unknown[]): Promise<any[]> {
    fake.respond('GET /chats/5208', { body: wireChat() });
    fake.respond('GET /agents', { body: { data: [{ id: 12, name: 'Olena', role: 'admin' }] } });
    fake.respond('GET /chats/5208/messages', { body: { data: wire, total: wire.length } });
    const { data, errors } = await gateway.query(messages);
    expect(errors).toEqual([]);
    expect(data.chat.messages.totalCount).toBe(wire.length);
    return data.chat.messages.nodes;
  }

  const chat = { id: '5208', status: 'OPENED' };

  test('a message with an id only, or null for all other fields, is decoded', async () => {
    const fields = ['chat', 'from', 'agent', 'type', 'text', 'read', 'edited', 'createdAt'];
    const nulls = Object.fromEntries(fields.map((field) => [field, null]));

    const nodes = await readMessages({ id: 1 }, { ...nulls, id: 1 });

    const bareMessage = {
      id: '1',
      chat,
      from: 'UNKNOWN',
      agent: null,
      type: 'UNKNOWN',
      text: null,
      read: null,
      edited: null,
      createdAt: null,
      updatedAt: null,
      broadcastType: null,
    };
    expect(nodes).toEqual([bareMessage, bareMessage]);
  });

  test('a message has an exact id beyond 2^31', async () => {
    const nodes = await readMessages({ id: 2 ** 31 }, { id: '9007199254740993' });

    expect(nodes.map(({ id }) => id)).toEqual(['2147483648', '9007199254740993']);
  });

  test.each([
    ['type', 'message', 'MESSAGE'],
    ['type', 'private', 'PRIVATE'],
    ['type', 'tech', 'TECH'],
    ['type', 'email', 'EMAIL'],
    ['type', 'knowledgeBase', 'KNOWLEDGE_BASE'],
    ['type', 'string', 'UNKNOWN'],
    ['from', 'agent', 'AGENT'],
    ['from', 'customer', 'CUSTOMER'],
    ['from', 'string', 'UNKNOWN'],
    ['broadcastType', 'trigger', 'TRIGGER'],
    ['broadcastType', 'auto chat', 'AUTO_CHAT'],
    ['broadcastType', 'auto email', 'AUTO_EMAIL'],
    ['broadcastType', 'manual chat', 'MANUAL_CHAT'],
    ['broadcastType', 'manual email', 'MANUAL_EMAIL'],
    ['broadcastType', 'string', 'UNKNOWN'],
    ['createdAt', '1594139170.913', '2020-07-07T16:26:10.913Z'],
    ['updatedAt', 1594139170, '2020-07-07T16:26:10.000Z'],
    ['text', 'chat_status_changed', 'chat_status_changed'],
  ])('a message with the %s %j has the value %s', async (field, value, expected) => {
    const [message] = await readMessages({ id: 1, [field]: value });

    expect(message[field]).toBe(expected);
  });

  test('an embedded agent without an email address, as in the oldest responses, is read from the list of agents', async () => {
    const [message] = await readMessages({ id: 1, from: 'agent', agent: { id: 12, name: 'O.' } });

    expect(message.agent).toEqual({ id: '12', name: 'Olena', email: null, role: 'ADMIN' });
    expect(fake.callsTo('GET /agents')).toHaveLength(1);
  });

  test('a message whose agent has no valid id has no agent', async () => {
    const [message] = await readMessages({ id: 1, agent: { id: 'string', name: 'string' } });

    expect(message.agent).toBeNull();
  });
});

describe('the team', () => {
  test('agents and departments with ids only are decoded', async () => {
    fake.respond('GET /agents', { body: { data: [{ id: 1 }, { id: '2', role: 'string' }] } });
    fake.respond('GET /departments', {
      body: { data: [{ id: 3 }, { id: 4, agents: [{ id: 1 }] }] },
    });
    fake.respond('GET /applications', { body: { data: [{ id: 5, active: 'string' }] } });
    fake.respond('GET /organization', { body: { data: { id: 6, teamOnline: 0 } } });

    const { data, errors } = await gateway.query(`{
      agents { id name email role }
      departments { id name agents { id name } }
      applications { id name displayName type active }
      organization { id domain teamOnline chatEnabled }
    }`);

    expect(errors).toEqual([]);
    expect(data).toEqual({
      agents: [
        { id: '1', name: null, email: null, role: null },
        { id: '2', name: null, email: null, role: 'UNKNOWN' },
      ],
      departments: [
        { id: '3', name: '', agents: [] },
        { id: '4', name: '', agents: [{ id: '1', name: null }] },
      ],
      applications: [{ id: '5', name: null, displayName: null, type: null, active: null }],
      organization: { id: '6', domain: null, teamOnline: false, chatEnabled: null },
    });
  });

  test('deleted agents are omitted', async () => {
    fake.respond('GET /agents', { body: { data: [{ id: 1, name: 'Olena' }] } });
    fake.respond('GET /departments', {
      body: { data: [{ id: 3, agents: [{ id: 1 }, { id: 2 }] }] },
    });

    const { data, errors } = await gateway.query('{ departments { agents { name } } }');

    expect(errors).toEqual([]);
    expect(data).toEqual({ departments: [{ agents: [{ name: 'Olena' }] }] });
  });
});
