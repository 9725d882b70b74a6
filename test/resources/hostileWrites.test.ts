import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { GraphQLResponse } from '../support/gateway.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { openSocket } from '../support/socket.ts';

const clock = createManualClock();
const cacheTtlsMs = { chats: 60_000, customers: 60_000, account: 60_000, absent: 60_000 };

const customer = (change: Readonly<Record<string, unknown>> = {}) => ({
  id: 7001,
  name: 'Ada',
  tags: [],
  customData: {},
  ...change,
});

let fake: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

const start = (config: Parameters<typeof startTestGateway>[0]['config'] = {}) =>
  startTestGateway({
    upstream: fake,
    clock,
    config: { rateLimit: 0, cacheTtlsMs, mutations: 'all', ...config },
  });

beforeAll(async () => {
  fake = await startRecordingUpstream();
  gateway = await start();
});

afterAll(async () => {
  await gateway.stop();
  await fake[Symbol.asyncDispose]();
});

beforeEach(() => {
  fake.clearCalls();
  fake.respond('GET /chats/5208', { body: wireChat() });
  fake.respond('GET /customers/7001', { body: customer() });
});

const codesOf = ({ errors }: GraphQLResponse) => errors.map(({ extensions }) => extensions['code']);

const setData = (data: string) =>
  `mutation { updateCustomer(id: 7001, input: { customData: { ${data} } }) { customData } }`;

describe('names that every object inherits', () => {
  const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty'];

  test.each(names)(
    'custom data %s is sent, and an error if HelpCrunch ignores it',
    async (name) => {
      fake.respond('PATCH /customers/7001', { body: customer() });

      const answer = await gateway.query(setData(`${name}: "x"`));

      expect(fake.callsTo('PATCH /customers/7001')[0]?.body).toEqual({
        customData: [{ property: name, value: 'x' }],
      });
      expect(answer.errors[0]?.extensions).toMatchObject({
        code: 'BAD_USER_INPUT',
        fields: [{ path: `input.customData.${name}` }],
      });
    },
  );

  test.each(names)('custom data %s can be removed', async (name) => {
    fake.respond('PATCH /customers/7001', { body: customer() });

    const answer = await gateway.query(setData(`${name}: null`));

    expect(answer.errors).toEqual([]);
  });

  test.each(names)('data %s of an event is sent', async (name) => {
    fake.respond('POST /events', { body: { id: 5, name: 'order', data: {}, createdAt: 1 } });

    await gateway.query(
      `mutation { recordCustomerEvent(customerId: 7001, name: "order", data: { ${name}: 1 }) { id } }`,
    );

    expect(Object.entries(fake.calls[0]?.body.data)).toEqual([[name, 1]]);
  });
});

describe('numbers that JSON does not have', () => {
  test.each([
    [
      'updateCustomer(id: 7001, input: { customData: { seats: 1e999 } }) { id }',
      'input.customData.seats',
    ],
    ['createCustomer(input: { customData: { seats: -1e999 } }) { id }', 'input.customData.seats'],
    [
      'recordCustomerEvent(customerId: 7001, name: "order", data: { total: 1e999 }) { id }',
      'data.total',
    ],
  ])('%s is rejected instead of sent as null', async (field, argument) => {
    const answer = await gateway.query(`mutation { ${field} }`);

    expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
    expect(answer.errors[0]?.message).toBe(`${argument}: must be a finite number.`);
    expect(fake.calls).toEqual([]);
  });
});

describe('ids that Number would change', () => {
  test.each(['9007199254740993', '1e3', '0x10', ' 1', '01', '+1', '1.0', '١'])(
    'the id %j is rejected before any call',
    async (id) => {
      const answer = await gateway.query('mutation ($id: ID!) { unassignChat(id: $id) { id } }', {
        id,
      });

      expect(codesOf(answer)).toEqual(['BAD_USER_INPUT']);
      expect(fake.calls).toEqual([]);
    },
  );
});

describe('a response about another object', () => {
  test('it is not cached as the object that was written, which is read instead', async () => {
    fake.respond('PUT /chats/status', { body: wireChat({ id: 9999, lastMessageText: 'Secret' }) });
    fake.respond('GET /chats/5208', { body: wireChat({ status: 'closed' }) });

    const answer = await gateway.query(
      'mutation { setChatStatus(id: 5208, status: CLOSED) { id lastMessageText } }',
    );
    const later = await gateway.query('{ chat(id: 5208) { id lastMessageText } }');

    expect(answer.data).toEqual({ setChatStatus: { id: '5208', lastMessageText: 'Hello' } });
    expect(later.data).toEqual({ chat: { id: '5208', lastMessageText: 'Hello' } });
  });

  test('if the object cannot be read either, the written value is returned', async () => {
    fake.respond('PATCH /customers/7001', { body: customer({ id: 7002, name: 'Secret' }) });
    fake.respond('GET /customers/7001', { body: customer({ id: 7002, name: 'Secret' }) });

    const answer = await gateway.query(
      'mutation { updateCustomer(id: 7001, input: { name: "Bea" }) { id name } }',
    );

    expect(answer.data).toEqual({ updateCustomer: { id: '7001', name: 'Bea' } });
  });
});

describe('the response of a creation in any shape', () => {
  const shapes = [
    'null',
    '1',
    '"text"',
    '[]',
    '{}',
    '[1]',
    '{"id":null}',
    '{"id":-1}',
    '{"id":[]}',
    '{',
    '',
  ];
  const creations = [
    ['POST /messages', 'sendMessage(chatId: 5208, by: CUSTOMER, text: "Hi") { id }'],
    ['POST /chats', 'createChat(input: { customerId: 7001, applicationId: 2 }) { id }'],
    ['POST /customers', 'createCustomer(input: { userId: "u" }) { id }'],
    ['POST /events', 'recordCustomerEvent(customerId: 7001, name: "order") { id }'],
  ] as const;

  test.each(creations)(
    '%s is sent once, and its outcome is reported as unknown',
    async (route, field) => {
      fake.respond('*', { body: { data: [], total: 0 } });
      for (const body of shapes) {
        fake.clearCalls();
        fake.respond(route, { status: 201, body, headers: { 'content-type': 'application/json' } });

        const answer = await gateway.query(`mutation { ${field} }`);

        expect([body, ...codesOf(answer)]).toEqual([body, 'OUTCOME_UNKNOWN']);
        expect(fake.callsTo(route)).toHaveLength(1);
      }
    },
  );
});

describe('MUTATIONS at every entry point', () => {
  const document = 'mutation { unassignChat(id: 5208) { id } }';

  test('a mutation that is not allowed is FORBIDDEN over WebSocket and event streams, and no GET executes one', async () => {
    await using limited = await start({ mutations: 'none' });
    await using socket = await openSocket(limited.url);
    await socket.initialize();
    socket.send({ id: '1', type: 'subscribe', payload: { query: document } });
    const message = await socket.nextMessage();
    const stream = await fetch(`${limited.url}/graphql/stream`, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
      body: JSON.stringify({ query: document }),
    });
    const gets = await Promise.all(
      ['/graphql', '/graphql/stream'].map((path) =>
        fetch(`${gateway.url}${path}?query=${encodeURIComponent(document)}`, {
          headers: {
            accept: 'application/json, text/event-stream',
            'x-apollo-operation-name': 'a',
          },
        }),
      ),
    );

    expect(message.payload.errors[0].extensions.code).toBe('FORBIDDEN');
    expect(await stream.text()).toContain('"FORBIDDEN"');
    for (const response of gets) expect(await response.text()).not.toContain('"id":"5208"');
    expect(fake.calls).toEqual([]);
  });
});

describe('updateCustomers at an exhausted rate limit', () => {
  test('updates before it are reported, and none after it is sent', async () => {
    await using limited = await start({ rateLimit: 3 });
    for (const id of [1, 2, 3, 4, 5])
      fake.respond(
        `PATCH /customers/${id}`,
        id === 2 ? { status: 404, body: { errors: [] } } : { body: customer({ id }) },
      );
    const updates = [1, 2, 3, 4, 5].map((id) => `{ id: ${id}, input: { name: "Bea" } }`).join();

    const answer = await limited.query(
      `mutation { updateCustomers(updates: [${updates}]) { id } }`,
    );

    expect(answer.data).toEqual({
      updateCustomers: [{ id: '1' }, null, { id: '3' }, null, null],
    });
    expect(answer.errors.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
      [['updateCustomers', 1], 'NOT_FOUND'],
      [['updateCustomers', 3], 'RATE_LIMITED'],
      [['updateCustomers', 4], 'RATE_LIMITED'],
    ]);
    expect(fake.calls).toHaveLength(3);
  });
});

(hasRedis ? describe : describe.skip)('a Redis that dies during a mutation with a key', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis[Symbol.asyncDispose]());

  const send =
    'mutation { sendMessage(chatId: 5208, by: CUSTOMER, text: "Hi", idempotencyKey: "k") { id } }';

  async function isUp({ url }: { readonly url: string }) {
    for (;;) {
      const { redis: state }: any = await (await fetch(`${url}/readyz`)).json();
      if (state === 'up') return;
      clock.advance(1_000);
    }
  }

  test.each(['stays away', 'comes back empty'])(
    'the message is sent once in this instance if Redis %s',
    async (end) => {
      await redis.restart();
      await using shared = await start({ redisUrl: redis.url, redisTimeoutMs: 500 });
      await isUp(shared);
      const message = { id: 90003, chat: 5208, from: 'customer', type: 'message', text: 'Hi' };
      fake.respond('GET /chats/5208/messages', { body: { data: [message], total: 1 } });
      fake.respond('POST /messages', async () => {
        await redis.kill();
        return { status: 201, body: message };
      });

      const first = await shared.query(send);
      if (end === 'comes back empty') {
        await redis.restart();
        await isUp(shared);
      }
      const second = await shared.query(send);
      // So long, the event of the message waits for Redis, as does the end of the gateway.
      clock.advance(10_000);

      expect([first.errors, second.errors]).toEqual([[], []]);
      expect(second.data).toEqual(first.data);
      expect(fake.callsTo('POST /messages')).toHaveLength(1);
    },
  );
});
