import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/settings.ts';
import type { FetchEntities } from '../../../src/upstream/cache/entityCache.ts';
import { EntityCache } from '../../../src/upstream/cache/entityCache.ts';
import type { CacheType } from '../../../src/upstream/cache/cacheTypes.ts';
import { DependencyTracker } from '../../../src/lib/dependencyTracker.ts';
import { UpstreamError } from '../../../src/upstream/errors.ts';
import type { ScopedCache } from '../../../src/upstream/cache/scopedCache.ts';
import { createWriteServices } from '../../../src/upstream/writes/services.ts';
import type { ControlledUpstream } from '../../support/controlledUpstream.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { createDeferred } from '../../support/deferred.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { createManualClock } from '../../support/manualClock.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

const oneHour = 3_600_000;
const { cacheTtlsMs } = readConfig({});

const clock = createManualClock();
const config = {
  rateLimit: 0,
  cacheTtlsMs,
  upstreamTimeoutMs: 50_000,
  operationTimeoutMs: 10_000,
};

let upstream: ControlledUpstream;
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startControlledUpstream();
  gateway = await startTestGateway({ upstream, clock, config });
});

afterAll(async () => {
  await gateway.stop();
  await upstream[Symbol.asyncDispose]();
});

const customer = (id: number) => ({
  id,
  name: `Customer ${id}`,
  email: `c${id}@example.com`,
  userId: `u-${id}`,
});

beforeEach(() => {
  // Expires the entries of earlier tests.
  clock.advance(oneHour);
  upstream.chats.clear();
  upstream.customers.clear();
  upstream.seed({
    chats: [
      { id: 1, customer: customer(7) },
      { id: 2, customer: customer(8) },
    ],
    customers: [{ id: 7 }, { id: 8 }],
  });
  upstream.clearCalls();
});

const noCache = { 'cache-control': 'no-cache' };

const single = '{ chat(id: 1) { id lastMessageText readByAgent } }';
const list = '{ chats { nodes { id lastMessageText } } }';
const search = '{ chats(filter: { customerId: 7 }) { nodes { id lastMessageText } } }';
const own = `{ _entities(representations: [{ __typename: "Customer", id: 7 }]) {
  ... on Customer { chats { nodes { id lastMessageText } } }
} }`;
const mark = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id lastMessageText } }';

/** The four ways to read a chat, and the version of chat 1 in their responses. */
const reads = [
  {
    way: 'by id',
    document: single,
    route: 'GET /chats/1',
    versionIn: (data: any) => data.chat.lastMessageText,
  },
  {
    way: 'in a list',
    document: list,
    route: 'GET /chats',
    versionIn: (data: any) => data.chats.nodes.find(({ id }: any) => id === '1').lastMessageText,
  },
  {
    way: 'in a search',
    document: search,
    route: 'POST /chats/search',
    versionIn: (data: any) => data.chats.nodes[0].lastMessageText,
  },
  {
    way: 'through its customer',
    document: own,
    route: 'POST /chats/search',
    versionIn: (data: any) => data._entities[0].chats.nodes[0].lastMessageText,
  },
];

/** The calls of an operation, which its extensions report as well. */
async function callsOf(document: string, headers: Readonly<Record<string, string>> = {}) {
  const before = upstream.calls.length;
  const answer = await gateway.query(document, undefined, headers);
  const calls = upstream.calls.length - before;
  expect(answer.extensions.upstream.calls).toBe(calls);
  return calls;
}

/** Resolves when the gateway has started earlier requests. */
async function settled() {
  await gateway.query('{ __typename }');
  await gateway.query('{ __typename }');
}

/** Sends an operation whose client can disconnect. */
function sendOperation(document: string, { url }: { readonly url: string } = gateway) {
  const controller = new AbortController();
  const answer = fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: document }),
    signal: controller.signal,
  }).then(
    (response): Promise<any> => response.json(),
    () => 'disconnected' as const,
  );
  return { answer, disconnect: () => controller.abort() };
}

describe('TTLs', () => {
  const fiveSeconds = 5_000;
  const oneMinute = 60_000;
  const fiveMinutes = 300_000;
  const messages = `{ _entities(representations: [{ __typename: "Chat", id: 1 }]) {
    ... on Chat { messages { nodes { id } } }
  } }`;
  const people = '{ customers { nodes { id phone } } }';
  const table: [string, string, number][] = [
    ['a chat', single, fiveSeconds],
    ['a list of chats', list, fiveSeconds],
    ['a search for chats', search, fiveSeconds],
    ['the chats of a customer', own, fiveSeconds],
    ['the count of a list', '{ chats { totalCount } }', fiveSeconds],
    ['the messages of a chat', messages, fiveSeconds],
    ['a list of customers', people, fiveSeconds],
    ['a customer', '{ customer(id: 7) { phone } }', oneMinute],
    ['a customer by its user id', '{ customerByUserId(userId: "u-7") { phone } }', oneMinute],
    ['the agents', '{ agents { name } }', fiveMinutes],
    ['an agent', '{ agent(id: 12) { name } }', fiveMinutes],
    ['the departments', '{ departments { name } }', fiveMinutes],
    ['the applications', '{ applications { name } }', fiveMinutes],
    ['the organization', '{ organization { domain } }', fiveMinutes],
    ['the NOT_FOUND of a chat', '{ chat(id: 404) { id } }', fiveSeconds],
    ['the NOT_FOUND of a customer', '{ customer(id: 404) { id } }', fiveSeconds],
    ['the NOT_FOUND of a user id', '{ customerByUserId(userId: "no") { id } }', fiveSeconds],
  ];

  test.each(table)('%s is read again after its TTL', async (_what, document, ms) => {
    const cold = await callsOf(document);

    clock.advance(ms - 1);
    const warm = await callsOf(document);
    clock.advance(1);
    const old = await callsOf(document);

    expect([cold, warm, old]).toEqual([1, 0, 1]);
  });

  test.each([
    ['CACHE_CHATS_TTL_MS', list],
    ['CACHE_CHATS_TTL_MS', messages],
    ['CACHE_CHATS_TTL_MS', people],
    ['CACHE_CUSTOMERS_TTL_MS', '{ customer(id: 7) { phone } }'],
    ['CACHE_ACCOUNT_TTL_MS', '{ agents { name } }'],
    ['CACHE_NEGATIVE_TTL_MS', '{ chat(id: 404) { id } }'],
  ])('%s sets the TTL of %s', async (variable, document) => {
    await using other = await startTestGateway({
      upstream,
      clock,
      config: { ...config, cacheTtlsMs: readConfig({ [variable]: '1234' }).cacheTtlsMs },
    });

    const calls: number[] = [];
    for (const ms of [0, 1233, 1]) {
      clock.advance(ms);
      calls.push((await other.query(document)).extensions.upstream.calls);
    }

    expect(calls).toEqual([1, 0, 1]);
  });

  test('the age of an entry counts from the start of its request', async () => {
    const held = upstream.hold('GET /chats/1');
    const slow = gateway.query(single);
    await held.arrived;
    held.apply();
    clock.advance(4_000);
    held.respond();
    await slow;

    const warm = await callsOf(single);
    clock.advance(1_000);
    const old = await callsOf(single);

    expect([warm, old]).toEqual([0, 1]);
  });

  test('a cached NOT_FOUND error equals the original error', async () => {
    const cold = await gateway.query('{ chat(id: 404) { id } }');
    const warm = await gateway.query('{ chat(id: 404) { id } }');

    const withoutId = ({ errors: [error] }: typeof cold) => ({
      ...error,
      extensions: { ...error?.extensions, requestId: '' },
    });
    expect(warm.extensions.upstream).toMatchObject({ calls: 0, cacheHits: 1 });
    expect(withoutId(warm)).toEqual(withoutId(cold));
    expect(warm.errors[0]?.extensions).toMatchObject({
      code: 'NOT_FOUND',
      upstream: { status: 404, errors: [{ code: 'not_found', message: 'Chat not found' }] },
    });
  });

  test('a chat replaces its cached NOT_FOUND as soon as a list contains it', async () => {
    await gateway.query('{ chat(id: 3) { id } }');
    upstream.seed({ chats: [{ id: 3 }] });

    await gateway.query(list);
    const { data, errors } = await gateway.query('{ chat(id: 3) { id } }');

    expect(errors).toEqual([]);
    expect(data).toEqual({ chat: { id: '3' } });
    expect(upstream.calls).toHaveLength(2);
  });
});

describe('Cache-Control: no-cache', () => {
  test.each(['no-cache', 'No-Cache', 'max-age=0, no-cache', 'no-cache, no-store'])(
    'Cache-Control: %j reads from HelpCrunch and refreshes the cache',
    async (value) => {
      await gateway.query(single);
      upstream.seed({ chats: [{ id: 1, lastMessageText: 'new' }] });

      const refreshed = await gateway.query(single, undefined, { 'cache-control': value });
      const after = await gateway.query(single);

      expect(refreshed.data.chat.lastMessageText).toBe('new');
      expect(after.data.chat.lastMessageText).toBe('new');
      expect([refreshed, after].map(({ extensions }) => extensions.upstream.calls)).toEqual([1, 0]);
    },
  );

  test.each(['max-age=0', 'only-if-cached', 'x-no-cache-x', 'no-cached'])(
    'Cache-Control: %j is ignored',
    async (value) => {
      await gateway.query(single);

      const calls = await callsOf(single, { 'cache-control': value });

      expect(calls).toBe(0);
    },
  );

  test('Cache-Control: no-cache refreshes a cached NOT_FOUND', async () => {
    await gateway.query('{ chat(id: 3) { id } }');
    upstream.seed({ chats: [{ id: 3 }] });

    const { data } = await gateway.query('{ chat(id: 3) { id } }', undefined, noCache);

    expect(data).toEqual({ chat: { id: '3' } });
  });

  test('an operation with Cache-Control: no-cache reads each entity once', async () => {
    const document = `{
      a: chat(id: 1) { status customer { phone } }
      b: chat(id: 1) { status customer { phone } }
      agents { name }
      agent(id: 12) { name }
    }`;
    await gateway.query(document);

    const calls = await callsOf(document, noCache);

    expect(calls).toBe(3);
  });

  test('an operation with Cache-Control: no-cache does not join earlier requests', async () => {
    const held = upstream.hold('GET /chats/1');
    const older = gateway.query(single);
    await held.arrived;
    held.apply();
    upstream.seed({ chats: [{ id: 1, lastMessageText: 'new' }] });

    const refreshed = await gateway.query(single, undefined, noCache);
    held.respond();
    await older;
    const after = await gateway.query(single);

    expect(refreshed.data.chat.lastMessageText).toBe('new');
    expect(after.data.chat.lastMessageText).toBe('new');
    expect(upstream.calls).toHaveLength(2);
  });
});

describe('the normalized cache', () => {
  test.each(reads.slice(1))('a chat that was read $way is cached by id', async ({ document }) => {
    await gateway.query(document);

    const calls = await callsOf(`{
      chat(id: 1) { lastMessageText customer { name email userId } }
      node(nodeId: "${Buffer.from('Chat:1').toString('base64url')}") { ... on Chat { status } }
      _entities(representations: [{ __typename: "Chat", id: 1 }]) { ... on Chat { status } }
    }`);

    expect(calls).toBe(0);
  });

  test.each(reads.slice(1))(
    'a chat that is read $way has its latest cached version',
    async (read) => {
      await gateway.query(read.document);
      upstream.seed({ chats: [{ id: 1, customer: customer(7), lastMessageText: 'new' }] });
      await gateway.query(single, undefined, noCache);

      const { data, extensions } = await gateway.query(read.document);

      expect(read.versionIn(data)).toBe('new');
      expect(extensions.upstream).toMatchObject({ calls: 0, cacheHits: expect.any(Number) });
    },
  );

  test.each(reads)('a chat that is read $way has the version of a write', async (read) => {
    await gateway.query(read.document);
    await gateway.query(mark);

    const { data, extensions } = await gateway.query(read.document);

    expect(read.versionIn(data)).toBe('1');
    expect(extensions.upstream.calls).toBe(0);
  });

  test('the response of a write is cached', async () => {
    await gateway.query(mark);

    const { data, extensions } = await gateway.query(single);

    expect(data.chat).toEqual({ id: '1', lastMessageText: '1', readByAgent: true });
    expect(extensions.upstream.calls).toBe(0);
  });

  test('lists of the same operation contain the response of a write', async () => {
    await gateway.query(own);

    const { data } = await gateway.query(`mutation {
      first: markChatRead(id: 1, by: AGENT, read: true) {
        lastMessageText customer { chats { nodes { lastMessageText } } }
      }
      second: markChatRead(id: 1, by: AGENT, read: false) {
        lastMessageText customer { chats { nodes { lastMessageText } } }
      }
    }`);

    const versioned = (lastMessageText: string) => ({
      lastMessageText,
      customer: { chats: { nodes: [{ lastMessageText }] } },
    });
    expect(data).toEqual({ first: versioned('1'), second: versioned('2') });
  });

  test('a write of a chat invalidates its messages', async () => {
    const document = '{ chat(id: 1) { messages { nodes { read } } } }';
    upstream.seed({ chats: [{ id: 1, customer: customer(7), readByAgent: false }] });
    const before = await gateway.query(document);
    await gateway.query(mark);

    const after = await gateway.query(document);

    expect(before.data.chat.messages.nodes).toEqual([{ read: false }]);
    expect(after.data.chat.messages.nodes).toEqual([{ read: true }]);
  });

  test('customers of a list are cached by id and userId', async () => {
    await gateway.query('{ customers { nodes { id } } }');

    const byId = await callsOf('{ customer(id: 7) { phone tags { name } } }');
    const first = await callsOf('{ customerByUserId(userId: "u-8") { phone } }');
    const second = await callsOf('{ customerByUserId(userId: "u-8") { phone } }');

    expect([byId, first, second]).toEqual([0, 1, 0]);
  });

  test('a customer read by userId is cached by id', async () => {
    await gateway.query('{ customerByUserId(userId: "u-7") { phone } }');

    const calls = await callsOf('{ customer(id: 7) { phone } }');

    expect(calls).toBe(0);
  });

  test('the customer embedded in a chat is not cached as a customer', async () => {
    await gateway.query('{ chat(id: 1) { customer { id name email userId } } }');

    const { data, extensions } = await gateway.query('{ customer(id: 7) { name phone } }');

    expect(data).toEqual({ customer: { name: 'Customer 7', phone: '+3807' } });
    expect(extensions.upstream.calls).toBe(1);
  });

  test('a customer is not found by a userId that it no longer has', async () => {
    await gateway.query('{ customerByUserId(userId: "u-7") { id } }');
    upstream.seed({
      customers: [
        { id: 7, userId: 'renamed' },
        { id: 8, userId: 'u-7' },
      ],
    });
    await gateway.query('{ customers { nodes { id userId } } }');

    const { data } = await gateway.query('{ customerByUserId(userId: "u-7") { id userId } }');

    expect(data).toEqual({ customerByUserId: { id: '8', userId: 'u-7' } });
  });

  test('agents and departments of lists are cached by id', async () => {
    await gateway.query('{ agents { id } departments { id } }');

    const calls = await callsOf(
      '{ agent(id: 12) { role } department(id: 3) { name agents { email } } }',
    );

    expect(calls).toBe(0);
  });
});

describe('the size of the cache', () => {
  test.each([0, 500, 5_000])(
    'responses are complete with a cache of %i bytes',
    async (cacheMaxBytes) => {
      await using small = await startTestGateway({
        upstream,
        clock,
        config: { ...config, cacheMaxBytes },
      });
      const ids = Array.from({ length: 50 }, (_, index) => index + 1);
      upstream.seed({
        chats: ids.map((id) => ({ id, customer: customer(id) })),
        customers: ids.map((id) => ({ id })),
      });
      const document = `{ chats(first: 50) { nodes {
      id lastMessageText customer { phone chats { nodes { id } } }
    } } }`;

      const answers = [await small.query(document), await small.query(document)];

      for (const { data, errors } of answers) {
        expect(errors).toEqual([]);
        expect(data.chats.nodes).toEqual(
          ids.toReversed().map((id) => ({
            id: String(id),
            lastMessageText: '0',
            customer: { phone: `+380${id}`, chats: { nodes: [{ id: String(id) }] } },
          })),
        );
      }
    },
  );

  test('the cache stays below its size limit, and /metrics reports its size', async () => {
    const cacheMaxBytes = 20_000;
    await using small = await startTestGateway({
      upstream,
      clock,
      config: { ...config, cacheMaxBytes },
    });
    const sizes: number[] = [];

    for (let id = 100; id < 140; id += 1) {
      upstream.seed({ chats: [{ id }] });
      await small.query(`{ chat(id: ${id}) { status } }`);
      const metrics = await (await fetch(`${small.url}/metrics`)).text();
      sizes.push(Number(/^helpcrunch_cache_bytes (\d+)$/m.exec(metrics)?.[1]));
    }

    expect(sizes[0]).toBeGreaterThan(200);
    expect(Math.max(...sizes)).toBeGreaterThan(cacheMaxBytes / 2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(cacheMaxBytes);
  });
});

describe('a read that starts before a write', () => {
  test.each(reads)(
    'a read $way that starts before a write is not cached after it',
    async ({ document, route, versionIn }) => {
      const held = upstream.hold(route);
      const older = gateway.query(document);
      await held.arrived;
      held.apply();
      await gateway.query(mark);
      held.respond();
      const before = await older;

      const answers = await Promise.all(reads.map((read) => gateway.query(read.document)));

      expect(before.errors).toEqual([]);
      expect(['0', '1']).toContain(versionIn(before.data));
      expect(answers.map(({ data }, index) => reads[index]?.versionIn(data))).toEqual(
        Array(4).fill('1'),
      );
    },
  );

  test.each(reads)(
    'a read $way that starts before a failed write is not cached after it',
    async ({ document, route }) => {
      const [held, write] = [upstream.hold(route), upstream.hold('PUT /chats/readByAgent')];
      const older = gateway.query(document);
      await held.arrived;
      held.apply();
      const failing = gateway.query(mark);
      await write.arrived;
      // Applied, but reported as a failure.
      write.respond({ status: 502 });
      expect((await failing).errors).toHaveLength(1);
      held.respond();
      await older;

      const { data } = await gateway.query(single);

      expect(data.chat.lastMessageText).toBe('1');
    },
  );

  test.each(reads)(
    'a read $way that starts before a write is not joined after it',
    async (read) => {
      const held = upstream.hold(read.route);
      const older = gateway.query(read.document);
      await held.arrived;
      held.apply();
      await gateway.query(mark);

      const { data } = await gateway.query(read.document);
      held.respond();
      await older;

      expect(read.versionIn(data)).toBe('1');
    },
  );

  test('a read of a list is complete when the list changes meanwhile', async () => {
    const held = upstream.hold('GET /chats');
    const older = gateway.query(list);
    await held.arrived;
    held.apply();
    upstream.seed({ chats: [{ id: 3, customer: customer(7) }] });
    await gateway.query(list, undefined, noCache);
    const write = upstream.hold('PUT /chats/readByAgent');
    const failing = gateway.query('mutation { markChatRead(id: 3, by: AGENT, read: true) { id } }');
    await write.arrived;
    write.respond({ status: 500 });
    await failing;
    held.respond();

    const { data, errors } = await older;

    expect(errors).toEqual([]);
    expect(data.chats.nodes.map(({ id }: any) => id).slice(-2)).toEqual(['2', '1']);
  });
});

describe('writes', () => {
  test('a failed write removes its chat from the cache', async () => {
    await gateway.query(list);
    const write = upstream.hold('PUT /chats/readByAgent');
    const failing = gateway.query(mark);
    await write.arrived;
    write.respond({ status: 500 });
    await failing;

    const { data, extensions } = await gateway.query(list);

    expect(data.chats.nodes).toContainEqual({ id: '1', lastMessageText: '1' });
    expect(extensions.upstream.calls).toBe(1);
  });

  test('writes of one chat are sent in order', async () => {
    const first = upstream.hold('PUT /chats/readByAgent');
    const second = upstream.hold('PUT /chats/readByAgent');
    const markAs = (read: boolean) =>
      `mutation { markChatRead(id: 1, by: AGENT, read: ${read}) { readByAgent } }`;
    const writes = [gateway.query(markAs(true)), gateway.query(markAs(false))];
    await first.arrived;
    await settled();
    const callsBefore = upstream.calls.length;
    first.respond();
    await second.arrived;
    second.respond();
    await Promise.all(writes);

    const { data } = await gateway.query(single);

    expect(callsBefore).toBe(1);
    expect(upstream.calls.map(({ body }) => body?.read)).toEqual([true, false]);
    expect(data.chat).toMatchObject({ lastMessageText: '2', readByAgent: false });
  });

  test('writes of different chats are sent concurrently', async () => {
    const first = upstream.hold('PUT /chats/readByAgent');
    const slow = gateway.query(mark);
    await first.arrived;

    const { data } = await gateway.query(
      'mutation { markChatRead(id: 2, by: AGENT, read: true) { id } }',
    );
    first.respond();
    await slow;

    expect(data).toEqual({ markChatRead: { id: '2' } });
  });

  test('a queued write whose client disconnects is sent in its turn', async () => {
    const held = upstream.hold('PUT /chats/readByAgent');
    const first = gateway.query(mark);
    await held.arrived;
    const second = sendOperation(
      'mutation { markChatRead(id: 1, by: CUSTOMER, read: true) { id } }',
    );
    await settled();
    second.disconnect();
    await second.answer;
    await settled();
    held.respond();
    await first;

    await gateway.query('mutation { markChatRead(id: 1, by: AGENT, read: false) { id } }');

    expect(upstream.calls.map(({ path }) => path)).toEqual([
      '/chats/readByAgent',
      '/chats/readByCustomer',
      '/chats/readByAgent',
    ]);
  });

  test('equal writes are not deduplicated', async () => {
    await Promise.all([gateway.query(mark), gateway.query(mark)]);

    expect(upstream.calls).toHaveLength(2);
  });
});

describe('a read in flight', () => {
  test('concurrent operations share one request', async () => {
    const held = upstream.hold('GET /chats/1');
    const first = gateway.query(single);
    await held.arrived;
    const others = [
      gateway.query('{ chat(id: 1) { status } }'),
      gateway.query('{ a: chat(id: 1) { rating } b: chat(id: 1) { status } }'),
      gateway.query(
        `{ node(nodeId: "${Buffer.from('Chat:1').toString('base64url')}") { nodeId } }`,
      ),
    ];
    await settled();
    held.respond();

    const answers = await Promise.all([first, ...others]);

    expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
    expect(
      answers.map(({ extensions: { upstream } }) => [upstream.calls, upstream['shared']]),
    ).toEqual([
      [1, 0],
      [0, 1],
      [0, 1],
      [0, 1],
    ]);
    expect(upstream.calls).toHaveLength(1);
  });

  test('an operation joins requests for some of its entities and reads the others', async () => {
    const entities = (ids: readonly number[]) => `{ _entities(representations: [
      ${ids.map((id) => `{ __typename: "Customer", id: ${id} }`).join(' ')}
    ]) { ... on Customer { id phone } } }`;
    upstream.seed({ customers: [{ id: 9 }] });
    const held = upstream.hold('POST /customers/search');
    const first = gateway.query(entities([7, 8]));
    await held.arrived;
    const second = gateway.query(entities([8, 9]));
    await settled();
    held.respond();

    const [, { data, extensions }] = await Promise.all([first, second]);

    expect(data._entities).toEqual([
      { id: '8', phone: '+3808' },
      { id: '9', phone: '+3809' },
    ]);
    expect(extensions.upstream).toMatchObject({ calls: 1, cacheHits: 0, shared: 1 });
    expect(upstream.calls.map(({ path }) => path)).toEqual(['/customers/search', '/customers/9']);
  });

  test.each([0, 1])('a request continues when client %i of two disconnects', async (leaving) => {
    const held = upstream.hold('GET /chats/1');
    const clients = [sendOperation(single)];
    await held.arrived;
    clients.push(sendOperation(single));
    await settled();
    clients[leaving]!.disconnect();
    await clients[leaving]!.answer;
    await settled();
    held.respond();

    const answers = await Promise.all(clients.map(({ answer }) => answer));

    expect(answers[leaving]).toBe('disconnected');
    expect(answers[1 - leaving]).toMatchObject({ data: { chat: { id: '1' } } });
    expect(answers[1 - leaving].errors).toBeUndefined();
    expect(upstream.calls).toHaveLength(1);
  });

  test('a request is aborted when all clients have disconnected, and restarted for the next', async () => {
    const held = upstream.hold('GET /chats/1');
    const clients = [sendOperation(single)];
    await held.arrived;
    clients.push(sendOperation(single), sendOperation(single));
    await settled();
    for (const { disconnect } of clients) disconnect();
    await held.aborted;

    const { data, extensions } = await gateway.query(single);

    expect(data.chat.id).toBe('1');
    expect(extensions.upstream).toMatchObject({ calls: 1, shared: 0 });
  });

  test('a request continues when the deadline of its first waiter passes', async () => {
    const held = upstream.hold('GET /chats/1');
    const first = gateway.query(single);
    await held.arrived;
    clock.advance(9_000);
    const second = gateway.query(single);
    await settled();
    clock.advance(1_000);

    const late = await first;
    held.respond();
    const answered = await second;

    expect(late.errors.map(({ extensions }) => extensions['code'])).toEqual(['UPSTREAM_TIMEOUT']);
    expect(answered.data.chat.id).toBe('1');
    expect(upstream.calls).toHaveLength(1);
  });

  test.each([500, 403, 503])(
    'a request that fails with %i fails its waiters and is not cached',
    async (status) => {
      const held = upstream.hold('GET /chats/1');
      const clients = [gateway.query(single)];
      await held.arrived;
      clients.push(gateway.query(single), gateway.query(single));
      await settled();
      held.respond({ status });

      const answers = await Promise.all(clients);
      const after = await gateway.query(single);

      expect(answers.map(({ errors }) => errors.length)).toEqual([1, 1, 1]);
      expect(after.errors).toEqual([]);
      expect(upstream.calls).toHaveLength(2);
    },
  );
});

describe('references to customers', () => {
  const entities = (keys: readonly string[]) =>
    gateway.query(
      `query ($keys: [_Any!]!) {
        _entities(representations: $keys) { ... on Customer { id userId phone } }
      }`,
      { keys: keys.map((key) => ({ __typename: 'Customer', ...JSON.parse(key) })) },
    );
  const byId = (id: number) => JSON.stringify({ id });
  const byUserId = (userId: string) => JSON.stringify({ userId });
  const searches = () => upstream.callsTo('POST /customers/search').map(({ body }) => body);
  const range = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => from + index);

  test('references to customers are read by 100 per call, in order, with null for unknown ids', async () => {
    const ids = range(1001, 250);
    upstream.seed({ customers: ids.filter((id) => id % 10 !== 0).map((id) => ({ id })) });
    const asked = [...ids, ...ids.slice(0, 30).toReversed()];

    const { data, errors, extensions } = await entities(asked.map(byId));

    expect(errors).toEqual([]);
    expect(data._entities).toEqual(
      asked.map((id) =>
        id % 10 === 0 ? null : { id: String(id), userId: `u-${id}`, phone: `+380${id}` },
      ),
    );
    expect(extensions.upstream.calls).toBe(3);
    expect(searches().map(({ filter }) => filter.length)).toEqual([100, 100, 50]);
    expect(searches().every(({ comparison }) => comparison === 'OR')).toBe(true);
    const values = searches().flatMap(({ filter }) => filter.map(({ value }: any) => value));
    expect(new Set(values).size).toBe(250);
  });

  test('references by userId are read by 100 per call', async () => {
    const ids = range(2001, 150);
    upstream.seed({ customers: ids.map((id) => ({ id })) });

    const { data, errors, extensions } = await entities(ids.map((id) => byUserId(`u-${id}`)));

    expect(errors).toEqual([]);
    expect(data._entities.map(({ id }: any) => Number(id))).toEqual(ids);
    expect(extensions.upstream.calls).toBe(2);
  });

  test('a reference by userId finds the exact match among several rows', async () => {
    upstream.seed({
      customers: [
        { id: 31, userId: 'ABC' },
        { id: 32, userId: 'abc' },
        { id: 33, userId: 'XYZ' },
      ],
    });

    const { data } = await entities(['abc', 'ABC', 'xyz'].map(byUserId));

    expect(data._entities.map((found: any) => found && [found.id, found.userId])).toEqual([
      ['32', 'abc'],
      ['31', 'ABC'],
      null,
    ]);
  });

  test('only references that are not cached are read', async () => {
    upstream.seed({ customers: range(41, 5).map((id) => ({ id })) });
    await entities(range(41, 3).map(byId));
    upstream.clearCalls();

    const { data, extensions } = await entities(range(41, 5).map(byId));

    expect(data._entities.map(({ id }: any) => id)).toEqual(['41', '42', '43', '44', '45']);
    expect(extensions.upstream).toMatchObject({ calls: 1, cacheHits: 3 });
    expect(searches()[0].filter.map(({ value }: any) => value)).toEqual([44, 45]);
  });
});

describe('a rejected batch', () => {
  const references = (ids: readonly number[]) => ({
    keys: ids.map((id) => ({ __typename: 'Customer', id })),
  });
  const document =
    'query ($keys: [_Any!]!) { _entities(representations: $keys) { ... on Customer { phone } } }';
  const range = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => from + index);

  /** A separate gateway, because the accepted batch size is remembered. */
  async function startSeparateGateway(isRefused: (filter: any[]) => boolean, status: number) {
    const picky = await startControlledUpstream();
    const sizes: number[] = [];
    picky.seed({ customers: range(1, 400).map((id) => ({ id })) });
    picky.onSearch((filter) => {
      sizes.push(filter.length);
      return isRefused(filter) ? { status, body: { errors: [] } } : undefined;
    });
    const separate = await startTestGateway({ upstream: picky, clock, config });
    return {
      sizes,
      query: separate.query,
      async [Symbol.asyncDispose]() {
        await separate.stop();
        await picky[Symbol.asyncDispose]();
      },
    };
  }

  test.each([
    [400, 30],
    [413, 30],
    [400, 1],
    [413, 99],
  ])('a batch rejected with %i for more than %i conditions is bisected', async (status, most) => {
    await using separate = await startSeparateGateway((filter) => filter.length > most, status);

    const first = await separate.query(document, references(range(1, 100)));
    const tries = separate.sizes.splice(0);
    const second = await separate.query(document, references(range(101, 100)));

    expect(tries.some((size) => size > most)).toBe(true);
    for (const { data, errors } of [first, second]) {
      expect(errors).toEqual([]);
      expect(data._entities).toHaveLength(100);
      expect(data._entities).not.toContain(null);
    }
    expect(separate.sizes.filter((size) => size > most)).toEqual([]);
    expect(separate.sizes.reduce((sum, size) => sum + size, 0)).toBe(100);
    expect(Math.max(...separate.sizes)).toBeGreaterThan(most / 4);
  });

  test('a batch rejected because of one id does not lower the batch size', async () => {
    const bad = 77;
    await using separate = await startSeparateGateway(
      (filter) => filter.some(({ value }) => value === bad),
      400,
    );

    await separate.query(document, references(range(1, 100)));
    separate.sizes.length = 0;
    const { data } = await separate.query(document, references(range(101, 100)));

    expect(data._entities).toHaveLength(100);
    expect(separate.sizes).toEqual([100]);
  });

  test('a batch rejected because of one id returns the other ids', async () => {
    const bad = 77;
    await using separate = await startSeparateGateway(
      (filter) => filter.some(({ value }) => value === bad),
      400,
    );

    const { data, errors } = await separate.query(document, references(range(51, 50)));

    expect(data._entities.filter(({ phone }: any) => phone !== null)).toHaveLength(49);
    expect(errors.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
      [['_entities', 26, 'phone'], 'BAD_USER_INPUT'],
    ]);
  });

  test('a batch rejected for another reason is not bisected completely', async () => {
    await using separate = await startSeparateGateway(() => true, 400);

    const { errors } = await separate.query(document, references(range(1, 64)));

    expect(errors.length).toBeGreaterThan(0);
    expect(separate.sizes.length).toBeLessThanOrEqual(8);
  });
});

describe('EntityCache', () => {
  interface Note {
    readonly __typename: 'Note';
    readonly id: string;
    readonly text: string;
  }
  const type: CacheType<Note> = {
    name: 'Note',
    ttlClass: 'chats',
    accepts: () => true,
    serialize: (value) => value,
    deserialize: (kept) => kept as Note,
  };
  const note = (text: string): Note => ({ __typename: 'Note', id: '1', text });

  /** The responses to writes. */
  const responses: (() => Promise<Note>)[] = [];

  function createCache() {
    const cache = new EntityCache({
      maxBytes: 1_000_000,
      ttlsMs: cacheTtlsMs,
      staleIfErrorMs: 0,
      clock,
    });
    const { signal } = new AbortController();
    const open = (account: string, tracker = new DependencyTracker()) =>
      cache.forOperation(
        {
          apiKey: `key of ${account}`,
          account,
          signal: () => signal,
          usage: { calls: 0, cacheHits: 0, shared: 0 },
          bypassesCache: false,
          viewer: { key: 'viewer', class: 'agent' },
          readPriority: 'read',
          deadlineMs: Infinity,
          tracker,
        },
        {
          sendFor: () => () =>
            responses.shift()?.() ?? Promise.reject(new Error('Nothing is sent.')),
          writes: createWriteServices(clock),
          onFailure: () => undefined,
          mayJoin: () => true,
          onJoin: () => undefined,
          queueTimeoutError: () => new UpstreamError('rateLimited', 'No permit is available.'),
        },
      );
    return { open, cache };
  }
  /** Replaces an entry by the result of a write. */
  const write = (
    operation: ScopedCache,
    written: CacheType<Note>,
    id: string,
    send: () => Promise<Note>,
  ) => {
    responses.push(send);
    return operation.openWrite().update({
      type: written,
      id,
      call: { method: 'PUT', path: '/notes' },
      repeat: 'never',
      decode: (body) => body as Note,
      read: () => Promise.reject(new Error('Nothing is read.')),
    });
  };
  const loading =
    (value: Note | UpstreamError): FetchEntities<Note> =>
    () =>
      Promise.resolve([value]);

  test('accounts have separate entries', async () => {
    const { open } = createCache();
    await open('a').getOrLoadMany(type, ['1'], loading(note('a')));

    const [given] = await open('b').getOrLoadMany(type, ['1'], loading(note('b')));
    const [kept] = await open('a').getOrLoadMany(type, ['1'], loading(note('never read')));

    expect(given).toEqual(note('b'));
    expect(kept).toEqual(note('a'));
  });

  test('accounts have separate NOT_FOUND entries', async () => {
    const { open } = createCache();
    await open('a').getOrLoadMany(type, ['1'], loading(new UpstreamError('notFound', 'Gone.')));

    const [given] = await open('b').getOrLoadMany(type, ['1'], loading(note('b')));

    expect(given).toEqual(note('b'));
  });

  test('accounts do not share requests in flight', async () => {
    const { open } = createCache();
    const response = createDeferred<readonly Note[]>();
    const slow = open('a').getOrLoadMany(type, ['1'], () => response.promise);

    const [given] = await open('b').getOrLoadMany(type, ['1'], loading(note('b')));
    response.resolve([note('a')]);

    expect(given).toEqual(note('b'));
    expect(await slow).toEqual([note('a')]);
  });

  test('writes of an account do not affect other accounts', async () => {
    const { open } = createCache();
    await open('a').getOrLoadMany(type, ['1'], loading(note('a')));
    await open('b').getOrLoadMany(type, ['1'], loading(note('b')));
    await write(open('a'), type, '1', () => Promise.resolve(note('written')));

    const [ofB] = await open('b').getOrLoadMany(type, ['1'], loading(note('never read')));
    const [ofA] = await open('a').getOrLoadMany(type, ['1'], loading(note('never read')));

    expect([ofA, ofB]).toEqual([note('written'), note('b')]);
  });

  test('isValid detects a changed dependency, and an operation that reads two versions of an entry has no dependencies', async () => {
    const { open, cache } = createCache();
    await open('a').getOrLoadMany(type, ['1'], loading(note('read')));
    const [tracker, other] = [new DependencyTracker(), new DependencyTracker()];
    tracker.start();
    other.start();
    await open('a', tracker).getOrLoadMany(type, ['1'], loading(note('never read')));
    const reader = open('a', other);
    await reader.getOrLoadMany(type, ['1'], loading(note('never read')));

    const dependencies = tracker.finish();

    expect(dependencies && (await cache.isValid(dependencies))).toBe(true);
    await write(open('a'), type, '1', () => Promise.resolve(note('written')));
    expect(dependencies && (await cache.isValid(dependencies))).toBe(false);
    // The second operation has read two versions of one entry.
    await reader.getOrLoadMany(type, ['1'], loading(note('never read')));
    expect(other.finish()).toBeUndefined();
  });

  type Open = ReturnType<typeof createCache>['open'];
  type ReadSomething = (open: Open, tracker: DependencyTracker) => Promise<unknown>;

  const other = { ...type, name: 'Other' };
  const untracked: Readonly<Record<string, ReadSomething>> = {
    'that sent a request': (open, tracker) =>
      open('a', tracker).getOrLoadMany(other, ['2'], loading(note('read'))),
    'that joined a request of another operation': async (open, tracker) => {
      const response = createDeferred<readonly Note[]>();
      const first = open('a').getOrLoadMany(other, ['2'], () => response.promise);
      const second = open('a', tracker).getOrLoadMany(other, ['2'], loading(note('never read')));
      response.resolve([note('read')]);
      await Promise.all([first, second]);
    },
    'that joined a request before it was sent': async (open, tracker) => {
      const gathered = { ...other, collapseKey: () => 'all' };
      const response = createDeferred<readonly Note[]>();
      const loadAll: FetchEntities<Note> = (_send, names) => Promise.resolve(names.map(note));
      const reads = [
        open('a').getOrLoadMany(gathered, ['2'], () => response.promise),
        open('a').getOrLoadMany(gathered, ['3'], loadAll),
        open('a', tracker).getOrLoadMany(gathered, ['4'], loadAll),
      ];
      response.resolve([note('2')]);
      expect(await Promise.all(reads)).toEqual([[note('2')], [note('3')], [note('4')]]);
    },
    'with a failed read': (open, tracker) =>
      open('a', tracker).getOrLoadMany(
        other,
        ['2'],
        loading(new UpstreamError('malformed', 'Odd.')),
      ),
    'that wrote': (open, tracker) =>
      write(open('a', tracker), other, '2', () => Promise.resolve({ ...note('written'), id: '2' })),
  };

  test.each(Object.entries(untracked))(
    'an operation %s is not cacheable, whatever else it reads before',
    async (_what, read) => {
      const { open } = createCache();
      await open('a').getOrLoadMany(type, ['1'], loading(note('read')));
      const tracker = new DependencyTracker();
      tracker.start();
      open('a', tracker).peek(type, '1');

      await read(open, tracker);

      open('a', tracker).peek(type, '1');
      expect(tracker.finish()).toBeUndefined();
    },
  );

  test('an operation that reads before tracking starts, or reads nothing, has no dependencies', async () => {
    const { open } = createCache();
    await open('a').getOrLoadMany(type, ['1'], loading(note('read')));
    const [early, idle] = [new DependencyTracker(), new DependencyTracker()];

    open('a', early).peek(type, '1');
    early.start();
    open('a', early).peek(type, '1');
    idle.start();
    open('a', idle).peek(other, '2');

    expect([early.finish(), idle.finish()]).toEqual([undefined, undefined]);
  });

  test('isValid detects a new entry where none was found', async () => {
    const { open, cache } = createCache();
    await open('a').getOrLoadMany(type, ['1'], loading(note('read')));
    const tracker = new DependencyTracker();
    tracker.start();
    const reader = open('a', tracker);
    expect([reader.peek(other, '2'), reader.peek(type, '1')]).toEqual([undefined, note('read')]);
    const dependencies = tracker.finish();
    expect(dependencies && (await cache.isValid(dependencies))).toBe(true);

    await open('a').getOrLoadMany(other, ['2'], loading(note('read')));

    expect(dependencies && (await cache.isValid(dependencies))).toBe(false);
  });

  test('the TTL of a written value counts from the start of the write', async () => {
    const { open } = createCache();
    const response = createDeferred<Note>();
    const sent = createDeferred();
    const writing = write(open('a'), type, '1', () => {
      sent.resolve();
      return response.promise;
    });
    await sent.promise;
    clock.advance(cacheTtlsMs.chats - 1);
    response.resolve(note('written'));
    await writing;
    const [before] = await open('a').getOrLoadMany(type, ['1'], loading(note('read')));

    clock.advance(1);
    const [after] = await open('a').getOrLoadMany(type, ['1'], loading(note('read')));

    expect([before, after]).toEqual([note('written'), note('read')]);
  });

  test('a fetched value takes precedence over an expired entry that a webhook patches meanwhile', async () => {
    const { open, cache } = createCache();
    await open('a').getOrLoadMany(type, ['1'], loading(note('old')));
    clock.advance(oneHour);
    const response = createDeferred<readonly Note[]>();
    const reading = open('a').getOrLoadMany(type, ['1'], () => response.promise);
    const patch = () => note('old, and patched');
    await cache.applyChanges('a', [{ type, id: '1', changedAt: clock.now(), patch }]);
    response.resolve([note('new')]);

    expect(await reading).toEqual([note('new')]);
  });

  test('an entry read before an invalidation is not returned after ten thousand other invalidations', async () => {
    const { open, cache } = createCache();
    const part: CacheType<Note> = { ...other, dependsOn: () => ({ type, id: '1' }) };
    await open('a').getOrLoadMany(part, ['1 0'], loading(note('before')));
    await cache.applyChanges('a', [{ type, id: '1' }]);
    await cache.applyChanges(
      'a',
      Array.from({ length: 10_001 }, (_, index) => ({ type, id: String(index + 2) })),
    );

    const [shown] = await open('a').getOrLoadMany(part, ['1 0'], loading(note('after')));

    expect(shown).toEqual(note('after'));
  });
});
