import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { startDemo, startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { openSocket } from '../support/socket.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';

const clock = createManualClock();
const seconds = Math.floor(clock.now() / 1000);
const until = new Date((seconds + 60) * 1000 + 1).toISOString();

/** A message in the wire format of HelpCrunch. */
const wireMessage = (change: Readonly<Record<string, unknown>> = {}) => ({
  id: 90003,
  chat: 5208,
  from: 'agent',
  agent: { id: 12, name: 'Olena', email: 'olena@example.com', role: 'agent' },
  type: 'message',
  text: 'Hello',
  read: false,
  edited: false,
  createdAt: String(seconds),
  updatedAt: null,
  ...change,
});

interface Case {
  readonly field: string;
  readonly route: string;
  readonly body: unknown;
  readonly response: unknown;
  readonly data: unknown;
}

/** Each mutation with the request that HelpCrunch receives. */
const cases: Readonly<Record<string, Case>> = {
  markChatRead: {
    field: 'markChatRead(id: 5208, by: AGENT, read: true) { readByAgent }',
    route: 'PUT /chats/readByAgent',
    body: { id: 5208, read: true },
    response: wireChat(),
    data: { readByAgent: true },
  },
  setChatStatus: {
    field: 'setChatStatus(id: 5208, status: ON_HOLD) { status }',
    route: 'PUT /chats/status',
    body: { id: 5208, status: 'on hold' },
    response: wireChat({ status: 'on-hold' }),
    data: { status: 'ON_HOLD' },
  },
  assignChat: {
    field: 'assignChat(id: 5208, agentId: 12) { assignee { id } }',
    route: 'PUT /chats/assignee',
    body: { id: 5208, assignee: 12 },
    response: wireChat(),
    data: { assignee: { id: '12' } },
  },
  unassignChat: {
    field: 'unassignChat(id: 5208) { assignee { id } }',
    route: 'PUT /chats/assignee',
    body: { id: 5208, assignee: null },
    response: wireChat({ assignee: null }),
    data: { assignee: null },
  },
  moveChat: {
    field: 'moveChat(id: 5208, departmentId: 3) { department { id } }',
    route: 'PUT /chats/department',
    body: { id: 5208, department: 3 },
    response: wireChat(),
    data: { department: { id: '3' } },
  },
  snoozeChat: {
    field: `snoozeChat(id: 5208, until: "${until}") { snoozedUntil }`,
    route: 'PUT /chats/snooze',
    // Rounded up: the chat must not wake too early.
    body: { id: 5208, snoozedUntil: String(seconds + 61) },
    response: wireChat({ snoozedUntil: `${seconds + 61}.000` }),
    data: { snoozedUntil: new Date((seconds + 61) * 1000).toISOString() },
  },
  unsnoozeChat: {
    field: 'unsnoozeChat(id: 5208) { snoozedUntil }',
    route: 'PUT /chats/snooze',
    body: { id: 5208, snoozedUntil: null },
    response: wireChat(),
    data: { snoozedUntil: null },
  },
  rateChat: {
    field: 'rateChat(id: 5208, rating: VERY_POOR) { rating }',
    route: 'PUT /chats/rate',
    body: { id: 5208, rating: 'very poor' },
    response: wireChat({ rating: 'very poor' }),
    data: { rating: 'VERY_POOR' },
  },
  sendMessage: {
    field:
      'sendMessage(chatId: 5208, by: AGENT, agentId: 12, text: "Hi", markdown: "**Hi**") { id from text chat { id } }',
    route: 'POST /messages',
    body: { chat: 5208, text: 'Hi', type: 'message', agent: 12, markdownText: '**Hi**' },
    response: wireMessage({ text: '**Hi**' }),
    data: { id: '90003', from: 'AGENT', text: '**Hi**', chat: { id: '5208' } },
  },
  'sendMessage by the customer': {
    field: 'sendMessage(chatId: 5208, by: CUSTOMER, text: "Hi") { from agent { id } }',
    route: 'POST /messages',
    body: { chat: 5208, text: 'Hi', type: 'message' },
    response: wireMessage({ from: 'customer', agent: null }),
    data: { from: 'CUSTOMER', agent: null },
  },
  addChatNote: {
    field: 'addChatNote(chatId: 5208, text: "Careful") { type }',
    route: 'POST /messages',
    body: { chat: 5208, text: 'Careful', type: 'private' },
    response: wireMessage({ type: 'private', agent: null }),
    data: { type: 'PRIVATE' },
  },
  createChat: {
    field: 'createChat(input: { customerId: 7001, applicationId: 2 }) { id status }',
    route: 'POST /chats',
    body: { customer: 7001, application: 2 },
    response: wireChat({ id: 5300, status: 'empty' }),
    data: { id: '5300', status: 'EMPTY' },
  },
};

const nameOf = (field: string) => /^\w+/.exec(field)?.[0] ?? '';

let fake: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  fake = await startRecordingUpstream();
  gateway = await startTestGateway({ upstream: fake, clock, config: { rateLimit: 0 } });
});

afterAll(async () => {
  await gateway.stop();
  await fake[Symbol.asyncDispose]();
});

beforeEach(() => {
  fake.clearCalls();
  fake.respond('GET /chats/5208', { body: wireChat() });
});

const codesOf = ({ errors }: Awaited<ReturnType<typeof gateway.query>>) =>
  errors.map(({ extensions }) => extensions['code']);

describe('mutations of chats and messages', () => {
  test.each(Object.entries(cases))(
    '%s sends one call with exactly its request body',
    async (_name, { field, route, body, response, data }) => {
      for (const status of [200, 201]) {
        fake.clearCalls();
        fake.respond(route, { status, body: response });

        const answer = await gateway.query(`mutation { ${field} }`);

        expect(answer.errors).toEqual([]);
        expect(answer.data).toEqual({ [nameOf(field)]: data });
        expect(answer.extensions.upstream.calls).toBe(1);
        expect(fake.calls.map((call) => call.body)).toEqual([body]);
        expect(`${fake.calls[0]?.method} ${fake.calls[0]?.path}`).toBe(route);
      }
    },
  );

  const updates = Object.entries(cases).filter(([, { route }]) => route.startsWith('PUT'));

  test.each(
    updates.flatMap(([name, each]) =>
      ['Ok', '"Ok"', '', '[]', '{}'].map((text) => [name, text, each] as const),
    ),
  )(
    '%s is a success when HelpCrunch responds with the body %j',
    async (_name, text, { field, route, response, data }) => {
      fake.respond(route, { body: text });
      fake.respond('GET /chats/5208', { body: response });

      const answer = await gateway.query(`mutation { ${field} }`);

      expect(answer.errors).toEqual([]);
      expect(answer.data).toEqual({ [nameOf(field)]: data });
      expect(fake.calls.map(({ method }) => method)).toEqual(['PUT', 'GET']);
    },
  );

  test.each(updates)(
    '%s is a success with the written value when nothing can be read after it',
    async (_name, { field, route, data }) => {
      fake.respond(route, { body: 'Ok' });
      fake.respond('GET /chats/5208', { status: 503 });

      const answer = await gateway.query(`mutation { ${field} }`);

      expect(answer.errors).toEqual([]);
      expect(answer.data).toEqual({ [nameOf(field)]: data });
    },
  );

  test('what is not known of a chat that cannot be read fails at its field', async () => {
    fake.respond('PUT /chats/status', { body: 'Ok' });
    fake.respond('GET /chats/5208', { status: 503 });

    const answer = await gateway.query(
      'mutation { setChatStatus(id: 5208, status: CLOSED) { id nodeId status closedAt } }',
    );

    expect(answer.data.setChatStatus).toMatchObject({
      id: '5208',
      status: 'CLOSED',
      closedAt: null,
    });
    expect(answer.errors).toMatchObject([
      {
        message: 'The change was made, but its result could not be read. Refetch the object.',
        path: ['setChatStatus', 'closedAt'],
        extensions: { code: 'UPSTREAM_INVALID_RESPONSE', retryable: false },
      },
    ]);
  });

  test('a chat that was read before has what no write changes, and is read again by the next query', async () => {
    await using cached = await startTestGateway({
      upstream: fake,
      clock,
      config: {
        rateLimit: 0,
        cacheTtlsMs: { chats: 60_000, customers: 60_000, account: 60_000, absent: 60_000 },
      },
    });
    fake.respond('PUT /chats/status', { body: 'Ok' });
    const { data } = await cached.query('{ chat(id: 5208) { createdAt customer { id } rating } }');
    fake.respond('GET /chats/5208', { status: 503 });

    const answer = await cached.query(
      'mutation { setChatStatus(id: 5208, status: CLOSED) { status createdAt customer { id } rating } }',
    );
    fake.respond('GET /chats/5208', { body: wireChat({ status: 'closed', rating: 'great' }) });
    const next = await cached.query('{ chat(id: 5208) { status rating } }');

    expect(answer.data.setChatStatus).toEqual({ ...data.chat, status: 'CLOSED', rating: null });
    expect(answer.errors.map(({ path }) => path)).toEqual([['setChatStatus', 'rating']]);
    expect(next.data.chat).toEqual({ status: 'CLOSED', rating: 'GREAT' });
  });

  test('the change of a chat that cannot be read is published', async () => {
    fake.respond('PUT /chats/status', { body: 'Ok' });
    fake.respond('GET /chats/5208', { status: 503 });
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    const query = 'subscription { chatUpdated(id: 5208) { change chat { id } } }';
    socket.send({ id: '1', type: 'subscribe', payload: { query } });
    await gateway.waitForSubscriptions(1);

    await gateway.query('mutation { setChatStatus(id: 5208, status: OPENED) { id } }');

    const { payload } = await socket.nextMessage();
    expect(payload.data.chatUpdated).toEqual({ change: 'STATUS', chat: { id: '5208' } });
  });

  test.each(Object.entries(cases))(
    '%s reports an unknown chat, customer or agent as NOT_FOUND',
    async (_name, { field, route }) => {
      fake.respond(route, {
        status: 404,
        body: { errors: [{ code: 'not_found', message: 'No' }] },
      });

      const answer = await gateway.query(`mutation { ${field} }`);

      expect(answer.data).toEqual({ [nameOf(field)]: null });
      expect(codesOf(answer)).toEqual(['NOT_FOUND']);
    },
  );

  test('a 400 names the argument with the message of HelpCrunch', async () => {
    const [name, property, argument] = ['createChat', 'application', 'input.applicationId'];
    const { field, route } = cases[name] ?? { field: '', route: '' };
    const entries = [
      { code: 'invalid_request', message: 'Invalid request' },
      { code: property, message: 'This value is not valid.' },
    ];
    fake.respond(route, { status: 400, body: { errors: entries } });

    const { errors } = await gateway.query(`mutation { ${field} }`);

    expect(errors[0]).toMatchObject({
      message: `${argument}: This value is not valid.`,
      extensions: {
        code: 'BAD_USER_INPUT',
        fields: [{ path: argument, message: 'This value is not valid.' }],
        upstream: { status: 400, errors: entries },
      },
    });
  });

  test('an older 400 that names the property in its message names the argument as well', async () => {
    fake.respond('PUT /chats/assignee', {
      status: 400,
      body: { errors: [{ code: 'invalid_chat_value', message: 'assignee value is invalid' }] },
    });

    const { errors } = await gateway.query(`mutation { ${cases['assignChat']?.field} }`);

    expect(errors[0]?.extensions['fields']).toEqual([
      { path: 'agentId', message: 'assignee value is invalid' },
    ]);
  });

  test('a 400 of the rating is a CONFLICT, and so is a 409', async () => {
    for (const status of [400, 409]) {
      fake.respond('PUT /chats/rate', {
        status,
        body: { errors: [{ code: 'invalid_request', message: 'You must me closed' }] },
      });

      const answer = await gateway.query(`mutation { ${cases['rateChat']?.field} }`);

      expect(codesOf(answer)).toEqual(['CONFLICT']);
      expect(answer.errors[0]?.extensions['retryable']).toBe(false);
    }
  });

  test.each([
    ['setChatStatus(id: "x", status: NEW) { id }', 'id'],
    ['assignChat(id: 1, agentId: 0) { id }', 'agentId'],
    ['moveChat(id: 1, departmentId: "-1") { id }', 'departmentId'],
    [`snoozeChat(id: 1, until: "${new Date(clock.now()).toISOString()}") { id }`, 'until'],
    ['sendMessage(chatId: "1.5", by: CUSTOMER, text: "Hi") { id }', 'chatId'],
    ['sendMessage(chatId: 1, by: CUSTOMER, text: " \\n") { id }', 'text'],
    ['sendMessage(chatId: 1, by: CUSTOMER, text: "Hi", markdown: "") { id }', 'markdown'],
    ['sendMessage(chatId: 1, by: CUSTOMER, text: "Hi", agentId: 12) { id }', 'agentId'],
    ['sendMessage(chatId: 1, by: AGENT, text: "Hi") { id }', 'agentId'],
    [`sendMessage(chatId: 1, by: CUSTOMER, text: "${'é'.repeat(32_769)}") { id }`, 'text'],
    [
      'sendMessage(chatId: 1, by: CUSTOMER, text: "Hi", idempotencyKey: "") { id }',
      'idempotencyKey',
    ],
    [
      `sendMessage(chatId: 1, by: CUSTOMER, text: "Hi", idempotencyKey: "${'k'.repeat(256)}") { id }`,
      'idempotencyKey',
    ],
    ['addChatNote(chatId: 1, text: "") { id }', 'text'],
    ['createChat(input: { applicationId: 2 }) { id }', 'input.customerId'],
    ['createChat(input: { customerId: 1, applicationId: "a" }) { id }', 'input.applicationId'],
    [
      'createChat(input: { customerId: 1, applicationId: 2, message: { by: CUSTOMER, text: " " } }) { id }',
      'input.message.text',
    ],
    [
      'createChat(input: { customerId: 1, applicationId: 2, message: { by: AGENT, text: "Hi" } }) { id }',
      'input.message.agentId',
    ],
  ])('%.80s is rejected before any call and names %s', async (field, argument) => {
    const answer = await gateway.query(`mutation { ${field} }`);

    expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
    expect(answer.errors[0]?.message.startsWith(`${argument}: `)).toBe(true);
    expect(fake.calls).toEqual([]);
  });

  test('a text of 64 KiB is sent', async () => {
    fake.respond('POST /messages', { body: wireMessage() });

    const { errors } = await gateway.query(
      `mutation ($text: String!) { sendMessage(chatId: 1, by: CUSTOMER, text: $text) { id } }`,
      { text: 'é'.repeat(32_768) },
    );

    expect(errors).toEqual([]);
  });
});

describe('assignChat with ifUnassigned', () => {
  const assign = 'mutation { assignChat(id: 5208, agentId: 12, ifUnassigned: true) { id } }';

  test('it costs two calls, and fails with CONFLICT if the chat has another assignee', async () => {
    fake.respond('PUT /chats/assignee', { body: wireChat() });
    fake.respond('GET /chats/5208', { body: wireChat({ assignee: null }) });
    const free = await gateway.query(assign);
    fake.respond('GET /chats/5208', { body: wireChat({ assignee: { id: 13 } }) });
    const taken = await gateway.query(assign);

    expect(free.errors).toEqual([]);
    expect(free.extensions.upstream.calls).toBe(2);
    expect(codesOf(taken)).toEqual(['CONFLICT']);
    expect(fake.callsTo('PUT /chats/assignee')).toHaveLength(1);
  });
});

describe('createChat with a message', () => {
  const create = `mutation {
    createChat(input: { customerId: 7001, applicationId: 2, assigneeId: 12, departmentId: 3, message: { by: AGENT, agentId: 12, text: "Hi" } }) { id status }
  }`;

  test('it creates the chat, sends the message, and returns the chat after it', async () => {
    fake.respond('POST /chats', { status: 201, body: wireChat({ id: 5300, status: 'empty' }) });
    fake.respond('POST /messages', { status: 201, body: wireMessage({ chat: 5300 }) });
    fake.respond('GET /chats/5300', { body: wireChat({ id: 5300, status: 'no communication' }) });

    const { data, errors } = await gateway.query(create);

    expect(errors).toEqual([]);
    expect(data).toEqual({ createChat: { id: '5300', status: 'NO_COMMUNICATION' } });
    expect(fake.calls.map(({ method, path, body }) => [`${method} ${path}`, body])).toEqual([
      ['POST /chats', { customer: 7001, application: 2, assignee: 12, department: 3 }],
      ['POST /messages', { chat: 5300, text: 'Hi', type: 'message', agent: 12 }],
      ['GET /chats/5300', undefined],
    ]);
  });

  test('an error of the message names the chat that exists', async () => {
    fake.respond('POST /chats', { status: 201, body: wireChat({ id: 5300, status: 'empty' }) });
    fake.respond('POST /messages', {
      status: 400,
      body: { errors: [{ code: 'text', message: 'This value is too long.' }] },
    });

    const { data, errors } = await gateway.query(create);

    expect(data).toEqual({ createChat: null });
    expect(errors[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      chatId: '5300',
      fields: [{ path: 'input.message.text', message: 'This value is too long.' }],
    });
  });
});

describe('agents', () => {
  const audience = 'helpdesk';
  const olena = { role: 'agent', agentId: 12, aud: audience };

  test('an agent with an id acts as itself only, which is the default', async () => {
    await using secured = await startTestGateway({
      upstream: fake,
      clock,
      config: { rateLimit: 0, auth: jwtAuth() },
    });
    fake.respond('POST /messages', { body: wireMessage() });
    const headers = await bearer(olena);
    const own = await secured.query(
      'mutation { sendMessage(chatId: 1, by: AGENT, text: "Hi") { id } }',
      {},
      headers,
    );
    const foreign = await secured.query(
      `mutation {
        sendMessage(chatId: 1, by: AGENT, text: "Hi", agentId: 13) { id }
        addChatNote(chatId: 1, text: "Hi", agentId: 13) { id }
      }`,
      {},
      headers,
    );

    expect(own.errors).toEqual([]);
    expect(fake.callsTo('POST /messages').map(({ body }) => body.agent)).toEqual([12]);
    expect(codesOf(foreign)).toEqual(['FORBIDDEN', 'FORBIDDEN']);
  });

  test.each([
    ['a subject equals the agentId of the other', { agentId: 12 }, { sub: '12' }],
    ['long subjects begin alike', { sub: `${'x'.repeat(200)}a` }, { sub: `${'x'.repeat(200)}b` }],
    ['one has no subject', { sub: 'a' }, {}],
  ])('two agents do not share an idempotency key: %s', async (_name, first, second) => {
    await using secured = await startTestGateway({
      upstream: fake,
      clock,
      config: { rateLimit: 0, auth: jwtAuth() },
    });
    fake.respond('POST /messages', { body: wireMessage() });
    const addNote = async (claims: object) =>
      secured.query(
        'mutation { addChatNote(chatId: 1, text: "Hi", agentId: 12, idempotencyKey: "k") { id } }',
        {},
        await bearer({ role: 'agent', aud: audience, ...claims }),
      );

    const results = [await addNote(first), await addNote(second)];

    expect(results.flatMap(({ errors }) => errors)).toEqual([]);
    expect(fake.callsTo('POST /messages')).toHaveLength(2);
  });
});

describe('AUTH=forward', () => {
  const keyA = { authorization: 'Bearer key-of-client-a' };
  const keyB = { authorization: 'Bearer key-of-client-b' };
  const startForward = () =>
    startTestGateway({
      upstream: fake,
      clock,
      config: { rateLimit: 0, apiKey: undefined, auth: { mode: 'forward' } },
    });

  test.each(Object.entries(cases))(
    '%s is sent with the key of the client',
    async (_name, { field, route, body, response, data }) => {
      await using gateway = await startForward();
      fake.respond(route, { body: response });

      const answer = await gateway.query(`mutation { ${field} }`, {}, keyA);

      expect(answer.errors).toEqual([]);
      expect(answer.data).toEqual({ [nameOf(field)]: data });
      expect(fake.calls.map((call) => [call.headers.authorization, call.body])).toEqual([
        [keyA.authorization, body],
      ]);
    },
  );

  test.each([
    [401, 'UNAUTHENTICATED'],
    [403, 'FORBIDDEN'],
  ])("a %i of HelpCrunch is %s, since the key is the client's", async (status, code) => {
    await using gateway = await startForward();
    fake.respond('PUT /chats/status', { status });

    const answer = await gateway.query(`mutation { ${cases['setChatStatus']?.field} }`, {}, keyA);

    expect(codesOf(answer)).toEqual([code]);
  });

  test('clients with different keys do not share idempotency keys', async () => {
    await using gateway = await startForward();
    fake.respond('POST /messages', { body: wireMessage() });
    fake.respond('GET /chats/1/messages', { body: { data: [wireMessage()], total: 1 } });
    const send =
      'mutation { sendMessage(chatId: 1, by: CUSTOMER, text: "Hi", idempotencyKey: "1") { id } }';

    for (const key of [keyA, keyB, keyA]) {
      const { errors } = await gateway.query(send, {}, key);
      expect(errors).toEqual([]);
    }

    expect(fake.callsTo('POST /messages').map(({ headers }) => headers.authorization)).toEqual([
      keyA.authorization,
      keyB.authorization,
    ]);
  });
});

describe('MUTATIONS', () => {
  const two = `mutation {
    unassignChat(id: 5208) { id }
    unsnoozeChat(id: 5208) { id }
  }`;

  test.each([
    [undefined, []],
    ['all' as const, []],
    ['none' as const, ['FORBIDDEN', 'FORBIDDEN']],
    [['unassignChat'], ['FORBIDDEN']],
  ])('%j forbids the other mutations before any call', async (mutations, codes) => {
    await using limited = await startTestGateway({
      upstream: fake,
      clock,
      config: { rateLimit: 0, ...(mutations === undefined ? {} : { mutations }) },
    });
    fake.respond('PUT /chats/assignee', { body: wireChat() });
    fake.respond('PUT /chats/snooze', { body: wireChat() });

    const answer = await limited.query(two);

    expect(codesOf(answer)).toEqual(codes);
    expect(fake.calls).toHaveLength(2 - codes.length);
  });
});

describe('the simulator', () => {
  const unknown = 987_654_321;

  interface Ids {
    readonly id: string;
    readonly input: string;
  }

  // The gateway itself rejects what else the simulator would reject with 400.
  test.each([
    ['agentId', ({ id }: Ids) => `assignChat(id: ${id}, agentId: ${unknown}) { id }`],
    ['departmentId', ({ id }: Ids) => `moveChat(id: ${id}, departmentId: ${unknown}) { id }`],
    ['rating', ({ id }: Ids) => `rateChat(id: ${id}, rating: PERFECT) { id }`],
    [
      'input.applicationId',
      ({ input }: Ids) => `createChat(input: { ${input}, applicationId: ${unknown} }) { id }`,
    ],
    [
      'input.assigneeId',
      ({ input }: Ids) =>
        `createChat(input: { ${input}, applicationId: 1, assigneeId: ${unknown} }) { id }`,
    ],
    [
      'input.departmentId',
      ({ input }: Ids) =>
        `createChat(input: { ${input}, applicationId: 1, departmentId: ${unknown} }) { id }`,
    ],
  ])('its 400 about %s names the argument', async (argument, fieldOf) => {
    await using demo = await startDemo({
      customers: 5,
      chats: 10,
      clock,
      config: { rateLimit: 0 },
    });
    demo.simulator.behave({ ratingScale: 3 });
    const { data } = await demo.query(
      '{ chats(first: 1) { nodes { id customer { id } } } applications { id } }',
    );
    const [{ id, customer }] = data.chats.nodes;
    const field = fieldOf({ id, input: `customerId: ${customer.id}` });

    const { errors } = await demo.query(
      `mutation { ${field.replace('applicationId: 1,', `applicationId: ${data.applications[0].id},`)} }`,
    );

    expect(errors[0]?.extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      fields: [{ path: argument }],
      upstream: { status: 400 },
    });
  });

  test('every list and the chat show a write at once', async () => {
    const config = {
      rateLimit: 0,
      cacheTtlsMs: { chats: 60_000, customers: 60_000, account: 60_000, absent: 60_000 },
    };
    await using demo = await startDemo({ customers: 20, chats: 60, clock, config });
    const lists = '{ chats(first: 100, filter: { status: OPENED }) { nodes { id } } }';
    const before = await demo.query(lists);
    const [{ id }] = before.data.chats.nodes;

    const closed = await demo.query(
      'mutation ($id: ID!) { setChatStatus(id: $id, status: CLOSED) { status closedBy } }',
      { id },
    );
    const after = await demo.query(lists);
    const chat = await demo.query('query ($id: ID!) { chat(id: $id) { status } }', { id });

    expect(closed.data).toEqual({ setChatStatus: { status: 'CLOSED', closedBy: 'AGENT' } });
    expect(after.data.chats.nodes.map((each: { id: string }) => each.id)).not.toContain(id);
    expect(chat.data).toEqual({ chat: { status: 'CLOSED' } });
    expect(chat.extensions.upstream.calls).toBe(0);
  });

  test('a sent message is the first of its chat at once', async () => {
    const config = {
      rateLimit: 0,
      cacheTtlsMs: { chats: 60_000, customers: 60_000, account: 60_000, absent: 60_000 },
    };
    await using demo = await startDemo({ customers: 20, chats: 60, clock, config });
    const { data } = await demo.query(
      '{ chats(first: 1) { nodes { id messages(first: 1) { nodes { text } } } } }',
    );
    const [{ id }] = data.chats.nodes;

    const sent = await demo.query(
      `mutation ($id: ID!) {
        sendMessage(chatId: $id, by: CUSTOMER, text: "New") { text chat { lastMessageText messages(first: 1) { nodes { text } } } }
      }`,
      { id },
    );

    expect(sent.errors).toEqual([]);
    expect(sent.data.sendMessage).toEqual({
      text: 'New',
      chat: { lastMessageText: 'New', messages: { nodes: [{ text: 'New' }] } },
    });
  });
});
