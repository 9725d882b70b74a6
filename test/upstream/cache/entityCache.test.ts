import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/settings.ts';
import type { FetchEntities } from '../../../src/upstream/cache/entityCache.ts';
import { createEntityCache } from '../../../src/upstream/cache/entityCache.ts';
import type { CacheType } from '../../../src/upstream/cache/cacheTypes.ts';
import { DependencyTracker } from '../../../src/lib/dependencyTracker.ts';
import { UpstreamError } from '../../../src/upstream/errors.ts';
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

let helpdesk: ControlledUpstream;
let gateway: Gateway;

beforeAll(async () => {
  helpdesk = await startControlledUpstream();
  gateway = await startTestGateway({ upstream: helpdesk, clock, config });
});

afterAll(async () => {
  await gateway.stop();
  await helpdesk[Symbol.asyncDispose]();
});

const customer = (id: number) => ({
  id,
  name: `Customer ${id}`,
  email: `c${id}@example.com`,
  userId: `u-${id}`,
});

beforeEach(() => {
  // Whatever an earlier test has left is too old by now.
  clock.advance(oneHour);
  helpdesk.chats.clear();
  helpdesk.customers.clear();
  helpdesk.seed({
    chats: [
      { id: 1, customer: customer(7) },
      { id: 2, customer: customer(8) },
    ],
    customers: [{ id: 7 }, { id: 8 }],
  });
  helpdesk.clearCalls();
});

const noCache = { 'cache-control': 'no-cache' };

const single = '{ chat(id: 1) { id lastMessageText readByAgent } }';
const list = '{ chats { nodes { id lastMessageText } } }';
const search = '{ chats(filter: { customerId: 7 }) { nodes { id lastMessageText } } }';
const own = `{ _entities(representations: [{ __typename: "Customer", id: 7 }]) {
  ... on Customer { chats { nodes { id lastMessageText } } }
} }`;
const mark = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id lastMessageText } }';

/** The four ways in which a chat is read, and the version of chat 1 in what they give. */
const reads = [
  {
    way: 'by its id',
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
    way: 'among the chats of its customer',
    document: own,
    route: 'POST /chats/search',
    versionIn: (data: any) => data._entities[0].chats.nodes[0].lastMessageText,
  },
];

/** The calls that an operation has caused, and that it says it has. */
async function callsOf(document: string, headers: Readonly<Record<string, string>> = {}) {
  const before = helpdesk.calls.length;
  const answer = await gateway.query(document, undefined, headers);
  const calls = helpdesk.calls.length - before;
  expect(answer.extensions.upstream.calls).toBe(calls);
  return calls;
}

/** What was asked of the gateway before has been taken up when this is done. */
async function settled() {
  await gateway.query('{ __typename }');
  await gateway.query('{ __typename }');
}

/** An operation whose client can leave. */
function ask(document: string, { url }: { readonly url: string } = gateway) {
  const controller = new AbortController();
  const answer = fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: document }),
    signal: controller.signal,
  }).then(
    (response): Promise<any> => response.json(),
    () => 'left' as const,
  );
  return { answer, leave: () => controller.abort() };
}

describe('freshness', () => {
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
    ['the absence of a chat', '{ chat(id: 404) { id } }', fiveSeconds],
    ['the absence of a customer', '{ customer(id: 404) { id } }', fiveSeconds],
    ['the absence of a user id', '{ customerByUserId(userId: "no") { id } }', fiveSeconds],
  ];

  test.each(table)('%s is asked for again when its time is over', async (_what, document, ms) => {
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
  ])('%s sets how long the answer to %s stays good', async (variable, document) => {
    await using other = await startTestGateway({
      upstream: helpdesk,
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

  test('an answer ages from the moment it was asked for', async () => {
    const held = helpdesk.hold('GET /chats/1');
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

  test('an absence is told with the same words from the cache', async () => {
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

  test('what was absent is there as soon as a list shows it', async () => {
    await gateway.query('{ chat(id: 3) { id } }');
    helpdesk.seed({ chats: [{ id: 3 }] });

    await gateway.query(list);
    const { data, errors } = await gateway.query('{ chat(id: 3) { id } }');

    expect(errors).toEqual([]);
    expect(data).toEqual({ chat: { id: '3' } });
    expect(helpdesk.calls).toHaveLength(2);
  });
});

describe('Cache-Control: no-cache', () => {
  test.each(['no-cache', 'No-Cache', 'max-age=0, no-cache', 'no-cache, no-store'])(
    'as %j goes to the helpdesk and renews what others are given',
    async (value) => {
      await gateway.query(single);
      helpdesk.seed({ chats: [{ id: 1, lastMessageText: 'new' }] });

      const refreshed = await gateway.query(single, undefined, { 'cache-control': value });
      const after = await gateway.query(single);

      expect(refreshed.data.chat.lastMessageText).toBe('new');
      expect(after.data.chat.lastMessageText).toBe('new');
      expect([refreshed, after].map(({ extensions }) => extensions.upstream.calls)).toEqual([1, 0]);
    },
  );

  test.each(['max-age=0', 'only-if-cached', 'x-no-cache-x', 'no-cached'])(
    'is not what %j says',
    async (value) => {
      await gateway.query(single);

      const calls = await callsOf(single, { 'cache-control': value });

      expect(calls).toBe(0);
    },
  );

  test('renews an absence', async () => {
    await gateway.query('{ chat(id: 3) { id } }');
    helpdesk.seed({ chats: [{ id: 3 }] });

    const { data } = await gateway.query('{ chat(id: 3) { id } }', undefined, noCache);

    expect(data).toEqual({ chat: { id: '3' } });
  });

  test('asks for each thing once in an operation', async () => {
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

  test('does not wait for a call that began before', async () => {
    const held = helpdesk.hold('GET /chats/1');
    const older = gateway.query(single);
    await held.arrived;
    held.apply();
    helpdesk.seed({ chats: [{ id: 1, lastMessageText: 'new' }] });

    const refreshed = await gateway.query(single, undefined, noCache);
    held.respond();
    await older;
    const after = await gateway.query(single);

    expect(refreshed.data.chat.lastMessageText).toBe('new');
    expect(after.data.chat.lastMessageText).toBe('new');
    expect(helpdesk.calls).toHaveLength(2);
  });
});

describe('an answer taken apart', () => {
  test.each(reads.slice(1))('gives its chats when $way', async ({ document }) => {
    await gateway.query(document);

    const calls = await callsOf(`{
      chat(id: 1) { lastMessageText customer { name email userId } }
      node(nodeId: "${Buffer.from('Chat:1').toString('base64url')}") { ... on Chat { status } }
      _entities(representations: [{ __typename: "Chat", id: 1 }]) { ... on Chat { status } }
    }`);

    expect(calls).toBe(0);
  });

  test.each(reads.slice(1))('shows a chat as last read when $way', async (read) => {
    await gateway.query(read.document);
    helpdesk.seed({ chats: [{ id: 1, customer: customer(7), lastMessageText: 'new' }] });
    await gateway.query(single, undefined, noCache);

    const { data, extensions } = await gateway.query(read.document);

    expect(read.versionIn(data)).toBe('new');
    expect(extensions.upstream).toMatchObject({ calls: 0, cacheHits: expect.any(Number) });
  });

  test.each(reads)('shows a chat as written when $way', async (read) => {
    await gateway.query(read.document);
    await gateway.query(mark);

    const { data, extensions } = await gateway.query(read.document);

    expect(read.versionIn(data)).toBe('1');
    expect(extensions.upstream.calls).toBe(0);
  });

  test('of a write is enough for a later read', async () => {
    await gateway.query(mark);

    const { data, extensions } = await gateway.query(single);

    expect(data.chat).toEqual({ id: '1', lastMessageText: '1', readByAgent: true });
    expect(extensions.upstream.calls).toBe(0);
  });

  test('of a write shows in lists of the same operation', async () => {
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

  test('whether a message is read follows a write of its chat', async () => {
    const document = '{ chat(id: 1) { messages { nodes { read } } } }';
    helpdesk.seed({ chats: [{ id: 1, customer: customer(7), readByAgent: false }] });
    const before = await gateway.query(document);
    await gateway.query(mark);

    const after = await gateway.query(document);

    expect(before.data.chat.messages.nodes).toEqual([{ read: false }]);
    expect(after.data.chat.messages.nodes).toEqual([{ read: true }]);
  });

  test('gives its customers by both their ids', async () => {
    await gateway.query('{ customers { nodes { id } } }');

    const byId = await callsOf('{ customer(id: 7) { phone tags { name } } }');
    const first = await callsOf('{ customerByUserId(userId: "u-8") { phone } }');
    const second = await callsOf('{ customerByUserId(userId: "u-8") { phone } }');

    expect([byId, first, second]).toEqual([0, 1, 0]);
  });

  test('by a user id gives the customer by id', async () => {
    await gateway.query('{ customerByUserId(userId: "u-7") { phone } }');

    const calls = await callsOf('{ customer(id: 7) { phone } }');

    expect(calls).toBe(0);
  });

  test('never passes off as a customer what a chat carries of one', async () => {
    await gateway.query('{ chat(id: 1) { customer { id name email userId } } }');

    const { data, extensions } = await gateway.query('{ customer(id: 7) { name phone } }');

    expect(data).toEqual({ customer: { name: 'Customer 7', phone: '+3807' } });
    expect(extensions.upstream.calls).toBe(1);
  });

  test('never gives a customer for a user id that it is seen to have lost', async () => {
    await gateway.query('{ customerByUserId(userId: "u-7") { id } }');
    helpdesk.seed({
      customers: [
        { id: 7, userId: 'renamed' },
        { id: 8, userId: 'u-7' },
      ],
    });
    await gateway.query('{ customers { nodes { id userId } } }');

    const { data } = await gateway.query('{ customerByUserId(userId: "u-7") { id userId } }');

    expect(data).toEqual({ customerByUserId: { id: '8', userId: 'u-7' } });
  });

  test('gives each agent and department by id', async () => {
    await gateway.query('{ agents { id } departments { id } }');

    const calls = await callsOf(
      '{ agent(id: 12) { role } department(id: 3) { name agents { email } } }',
    );

    expect(calls).toBe(0);
  });
});

describe('the size of the cache', () => {
  test.each([0, 500, 5_000])('of %i bytes leaves every answer whole', async (cacheMaxBytes) => {
    await using small = await startTestGateway({
      upstream: helpdesk,
      clock,
      config: { ...config, cacheMaxBytes },
    });
    const ids = Array.from({ length: 50 }, (_, index) => index + 1);
    helpdesk.seed({
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
  });

  test('is told by /metrics and never passed', async () => {
    const cacheMaxBytes = 20_000;
    await using small = await startTestGateway({
      upstream: helpdesk,
      clock,
      config: { ...config, cacheMaxBytes },
    });
    const sizes: number[] = [];

    for (let id = 100; id < 140; id += 1) {
      helpdesk.seed({ chats: [{ id }] });
      await small.query(`{ chat(id: ${id}) { status } }`);
      const metrics = await (await fetch(`${small.url}/metrics`)).text();
      sizes.push(Number(/^helpcrunch_cache_bytes (\d+)$/m.exec(metrics)?.[1]));
    }

    expect(sizes[0]).toBeGreaterThan(200);
    expect(Math.max(...sizes)).toBeGreaterThan(cacheMaxBytes / 2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(cacheMaxBytes);
  });
});

describe('a read that began before a write', () => {
  test.each(reads)('$way is not kept after it', async ({ document, route, versionIn }) => {
    const held = helpdesk.hold(route);
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
  });

  test.each(reads)('$way is not kept when the write failed', async ({ document, route }) => {
    const [held, write] = [helpdesk.hold(route), helpdesk.hold('PUT /chats/readByAgent')];
    const older = gateway.query(document);
    await held.arrived;
    held.apply();
    const failing = gateway.query(mark);
    await write.arrived;
    // It happens, but the helpdesk does not say so.
    write.respond({ status: 502 });
    expect((await failing).errors).toHaveLength(1);
    held.respond();
    await older;

    const { data } = await gateway.query(single);

    expect(data.chat.lastMessageText).toBe('1');
  });

  test.each(reads)('$way is not what a later operation waits for', async (read) => {
    const held = helpdesk.hold(read.route);
    const older = gateway.query(read.document);
    await held.arrived;
    held.apply();
    await gateway.query(mark);

    const { data } = await gateway.query(read.document);
    held.respond();
    await older;

    expect(read.versionIn(data)).toBe('1');
  });

  test('is answered whole when the list has moved on meanwhile', async () => {
    const held = helpdesk.hold('GET /chats');
    const older = gateway.query(list);
    await held.arrived;
    held.apply();
    helpdesk.seed({ chats: [{ id: 3, customer: customer(7) }] });
    await gateway.query(list, undefined, noCache);
    const write = helpdesk.hold('PUT /chats/readByAgent');
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
  test('that failed leave nothing of the chat to be believed', async () => {
    await gateway.query(list);
    const write = helpdesk.hold('PUT /chats/readByAgent');
    const failing = gateway.query(mark);
    await write.arrived;
    write.respond({ status: 500 });
    await failing;

    const { data, extensions } = await gateway.query(list);

    expect(data.chats.nodes).toContainEqual({ id: '1', lastMessageText: '1' });
    expect(extensions.upstream.calls).toBe(1);
  });

  test('of one chat leave in the order in which they came', async () => {
    const first = helpdesk.hold('PUT /chats/readByAgent');
    const second = helpdesk.hold('PUT /chats/readByAgent');
    const markAs = (read: boolean) =>
      `mutation { markChatRead(id: 1, by: AGENT, read: ${read}) { readByAgent } }`;
    const writes = [gateway.query(markAs(true)), gateway.query(markAs(false))];
    await first.arrived;
    await settled();
    const callsBefore = helpdesk.calls.length;
    first.respond();
    await second.arrived;
    second.respond();
    await Promise.all(writes);

    const { data } = await gateway.query(single);

    expect(callsBefore).toBe(1);
    expect(helpdesk.calls.map(({ body }) => body?.read)).toEqual([true, false]);
    expect(data.chat).toMatchObject({ lastMessageText: '2', readByAgent: false });
  });

  test('of other chats do not wait for each other', async () => {
    const first = helpdesk.hold('PUT /chats/readByAgent');
    const slow = gateway.query(mark);
    await first.arrived;

    const { data } = await gateway.query(
      'mutation { markChatRead(id: 2, by: AGENT, read: true) { id } }',
    );
    first.respond();
    await slow;

    expect(data).toEqual({ markChatRead: { id: '2' } });
  });

  test('whose client leaves before their turn are never made', async () => {
    const held = helpdesk.hold('PUT /chats/readByAgent');
    const first = gateway.query(mark);
    await held.arrived;
    const second = ask('mutation { markChatRead(id: 1, by: CUSTOMER, read: true) { id } }');
    await settled();
    second.leave();
    await second.answer;
    await settled();
    held.respond();
    await first;

    await gateway.query('mutation { markChatRead(id: 1, by: AGENT, read: false) { id } }');

    expect(helpdesk.calls.map(({ path }) => path)).toEqual([
      '/chats/readByAgent',
      '/chats/readByAgent',
    ]);
  });

  test('are never shared', async () => {
    await Promise.all([gateway.query(mark), gateway.query(mark)]);

    expect(helpdesk.calls).toHaveLength(2);
  });
});

describe('a read under way', () => {
  test('is shared by other operations and clients', async () => {
    const held = helpdesk.hold('GET /chats/1');
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
    expect(helpdesk.calls).toHaveLength(1);
  });

  test('is shared as far as it goes', async () => {
    const entities = (ids: readonly number[]) => `{ _entities(representations: [
      ${ids.map((id) => `{ __typename: "Customer", id: ${id} }`).join(' ')}
    ]) { ... on Customer { id phone } } }`;
    helpdesk.seed({ customers: [{ id: 9 }] });
    const held = helpdesk.hold('POST /customers/search');
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
    expect(helpdesk.calls.map(({ path }) => path)).toEqual(['/customers/search', '/customers/9']);
  });

  test.each([0, 1])('goes on when client %i of two leaves', async (leaving) => {
    const held = helpdesk.hold('GET /chats/1');
    const clients = [ask(single)];
    await held.arrived;
    clients.push(ask(single));
    await settled();
    clients[leaving]!.leave();
    await clients[leaving]!.answer;
    await settled();
    held.respond();

    const answers = await Promise.all(clients.map(({ answer }) => answer));

    expect(answers[leaving]).toBe('left');
    expect(answers[1 - leaving]).toMatchObject({ data: { chat: { id: '1' } } });
    expect(answers[1 - leaving].errors).toBeUndefined();
    expect(helpdesk.calls).toHaveLength(1);
  });

  test('is broken off when all have left, and begun anew for the next', async () => {
    const held = helpdesk.hold('GET /chats/1');
    const clients = [ask(single)];
    await held.arrived;
    clients.push(ask(single), ask(single));
    await settled();
    for (const { leave } of clients) leave();
    await held.aborted;

    const { data, extensions } = await gateway.query(single);

    expect(data.chat.id).toBe('1');
    expect(extensions.upstream).toMatchObject({ calls: 1, shared: 0 });
  });

  test('goes on when the first to wait has no more time', async () => {
    const held = helpdesk.hold('GET /chats/1');
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
    expect(helpdesk.calls).toHaveLength(1);
  });

  test.each([500, 403, 503])(
    'that is answered with %i fails all who wait, and nobody later',
    async (status) => {
      const held = helpdesk.hold('GET /chats/1');
      const clients = [gateway.query(single)];
      await held.arrived;
      clients.push(gateway.query(single), gateway.query(single));
      await settled();
      held.respond({ status });

      const answers = await Promise.all(clients);
      const after = await gateway.query(single);

      expect(answers.map(({ errors }) => errors.length)).toEqual([1, 1, 1]);
      expect(after.errors).toEqual([]);
      expect(helpdesk.calls).toHaveLength(2);
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
  const searches = () => helpdesk.callsTo('POST /customers/search').map(({ body }) => body);
  const range = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => from + index);

  test('go by 100 in a call, each once, in the order asked, null where there is none', async () => {
    const ids = range(1001, 250);
    helpdesk.seed({ customers: ids.filter((id) => id % 10 !== 0).map((id) => ({ id })) });
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

  test('by user ids go by 100 in a call as well', async () => {
    const ids = range(2001, 150);
    helpdesk.seed({ customers: ids.map((id) => ({ id })) });

    const { data, errors, extensions } = await entities(ids.map((id) => byUserId(`u-${id}`)));

    expect(errors).toEqual([]);
    expect(data._entities.map(({ id }: any) => Number(id))).toEqual(ids);
    expect(extensions.upstream.calls).toBe(2);
  });

  test('find the right one where the helpdesk gives several rows for one user id', async () => {
    helpdesk.seed({
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

  test('that are known in part are asked for in part', async () => {
    helpdesk.seed({ customers: range(41, 5).map((id) => ({ id })) });
    await entities(range(41, 3).map(byId));
    helpdesk.clearCalls();

    const { data, extensions } = await entities(range(41, 5).map(byId));

    expect(data._entities.map(({ id }: any) => id)).toEqual(['41', '42', '43', '44', '45']);
    expect(extensions.upstream).toMatchObject({ calls: 1, cacheHits: 3 });
    expect(searches()[0].filter.map(({ value }: any) => value)).toEqual([44, 45]);
  });
});

describe('a helpdesk that refuses a call', () => {
  const references = (ids: readonly number[]) => ({
    keys: ids.map((id) => ({ __typename: 'Customer', id })),
  });
  const document =
    'query ($keys: [_Any!]!) { _entities(representations: $keys) { ... on Customer { phone } } }';
  const range = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => from + index);

  /** A gateway of its own: what it learns about sizes it keeps. */
  async function startLearner(isRefused: (filter: any[]) => boolean, status: number) {
    const picky = await startControlledUpstream();
    const sizes: number[] = [];
    picky.seed({ customers: range(1, 400).map((id) => ({ id })) });
    picky.onSearch((filter) => {
      sizes.push(filter.length);
      return isRefused(filter) ? { status, body: { errors: [] } } : undefined;
    });
    const learner = await startTestGateway({ upstream: picky, clock, config });
    return {
      sizes,
      query: learner.query,
      async [Symbol.asyncDispose]() {
        await learner.stop();
        await picky[Symbol.asyncDispose]();
      },
    };
  }

  test.each([
    [400, 30],
    [413, 30],
    [400, 1],
    [413, 99],
  ])('with %i because it holds more than %i conditions is asked for less', async (status, most) => {
    await using learner = await startLearner((filter) => filter.length > most, status);

    const first = await learner.query(document, references(range(1, 100)));
    const tries = learner.sizes.splice(0);
    const second = await learner.query(document, references(range(101, 100)));

    expect(tries.some((size) => size > most)).toBe(true);
    for (const { data, errors } of [first, second]) {
      expect(errors).toEqual([]);
      expect(data._entities).toHaveLength(100);
      expect(data._entities).not.toContain(null);
    }
    expect(learner.sizes.filter((size) => size > most)).toEqual([]);
    expect(learner.sizes.reduce((sum, size) => sum + size, 0)).toBe(100);
    expect(Math.max(...learner.sizes)).toBeGreaterThan(most / 4);
  });

  test('because of one id is not asked for less ever after', async () => {
    const bad = 77;
    await using learner = await startLearner(
      (filter) => filter.some(({ value }) => value === bad),
      400,
    );

    await learner.query(document, references(range(1, 100)));
    learner.sizes.length = 0;
    const { data } = await learner.query(document, references(range(101, 100)));

    expect(data._entities).toHaveLength(100);
    expect(learner.sizes).toEqual([100]);
  });

  test('because of one id still gives the others', async () => {
    const bad = 77;
    await using learner = await startLearner(
      (filter) => filter.some(({ value }) => value === bad),
      400,
    );

    const { data, errors } = await learner.query(document, references(range(51, 50)));

    expect(data._entities.filter((found: unknown) => found !== null)).toHaveLength(49);
    expect(errors.map(({ path, extensions }) => [path, extensions['code']])).toEqual([
      [['_entities', 26], 'BAD_USER_INPUT'],
    ]);
  });

  test('for another reason is not asked over and over', async () => {
    await using learner = await startLearner(() => true, 400);

    const { errors } = await learner.query(document, references(range(1, 64)));

    expect(errors.length).toBeGreaterThan(0);
    expect(learner.sizes.length).toBeLessThanOrEqual(8);
  });
});

describe('one cache', () => {
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

  function createTenants() {
    const cache = createEntityCache({
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
          viewer: 'viewer',
          deadlineMs: Infinity,
          tracker,
        },
        {
          sendFor: () => () => Promise.reject(new Error('Nothing is sent.')),
          onFailure: () => undefined,
          onJoin: () => undefined,
          queueTimeoutError: () => new UpstreamError('rateLimited', 'There was no room.'),
        },
      );
    return { open, isValid: cache.isValid, learn: cache.applyChanges };
  }
  const loading =
    (value: Note | UpstreamError): FetchEntities<Note> =>
    () =>
      Promise.resolve([value]);

  test('gives two tenants each their own', async () => {
    const { open } = createTenants();
    await open('a').getOrLoadMany(type, ['1'], loading(note('a')));

    const [given] = await open('b').getOrLoadMany(type, ['1'], loading(note('b')));
    const [kept] = await open('a').getOrLoadMany(type, ['1'], loading(note('never read')));

    expect(given).toEqual(note('b'));
    expect(kept).toEqual(note('a'));
  });

  test('shares nothing that is absent between tenants', async () => {
    const { open } = createTenants();
    await open('a').getOrLoadMany(type, ['1'], loading(new UpstreamError('notFound', 'Gone.')));

    const [given] = await open('b').getOrLoadMany(type, ['1'], loading(note('b')));

    expect(given).toEqual(note('b'));
  });

  test('shares no call under way between tenants', async () => {
    const { open } = createTenants();
    const landing = createDeferred<readonly Note[]>();
    const slow = open('a').getOrLoadMany(type, ['1'], () => landing.promise);

    const [given] = await open('b').getOrLoadMany(type, ['1'], loading(note('b')));
    landing.resolve([note('a')]);

    expect(given).toEqual(note('b'));
    expect(await slow).toEqual([note('a')]);
  });

  test('shows no tenant the writes of another', async () => {
    const { open } = createTenants();
    await open('a').getOrLoadMany(type, ['1'], loading(note('a')));
    await open('b').getOrLoadMany(type, ['1'], loading(note('b')));
    await open('a').write(type, '1', () => Promise.resolve(note('written')));

    const [ofB] = await open('b').getOrLoadMany(type, ['1'], loading(note('never read')));
    const [ofA] = await open('a').getOrLoadMany(type, ['1'], loading(note('never read')));

    expect([ofA, ofB]).toEqual([note('written'), note('b')]);
  });

  test('tells that a dependency has changed, and never gives dependencies that contradict each other', async () => {
    const { open, isValid } = createTenants();
    await open('a').getOrLoadMany(type, ['1'], loading(note('read')));
    const [tracker, other] = [new DependencyTracker(), new DependencyTracker()];
    tracker.start();
    other.start();
    await open('a', tracker).getOrLoadMany(type, ['1'], loading(note('never read')));
    const reader = open('a', other);
    await reader.getOrLoadMany(type, ['1'], loading(note('never read')));

    const dependencies = tracker.finish();

    expect(dependencies && (await isValid(dependencies))).toBe(true);
    await open('a').write(type, '1', () => Promise.resolve(note('written')));
    expect(dependencies && (await isValid(dependencies))).toBe(false);
    // It has read one entry in two versions.
    await reader.getOrLoadMany(type, ['1'], loading(note('never read')));
    expect(other.finish()).toBeUndefined();
  });

  type Open = ReturnType<typeof createTenants>['open'];
  type ReadSomething = (open: Open, tracker: DependencyTracker) => Promise<unknown>;

  const other = { ...type, name: 'Other' };
  const untracked: Readonly<Record<string, ReadSomething>> = {
    'that made a call': (open, tracker) =>
      open('a', tracker).getOrLoadMany(other, ['2'], loading(note('read'))),
    'that joined the call of another operation': async (open, tracker) => {
      const landing = createDeferred<readonly Note[]>();
      const first = open('a').getOrLoadMany(other, ['2'], () => landing.promise);
      const second = open('a', tracker).getOrLoadMany(other, ['2'], loading(note('never read')));
      landing.resolve([note('read')]);
      await Promise.all([first, second]);
    },
    'that joined a call which was still to be made': async (open, tracker) => {
      const gathered = { ...other, collapseKey: () => 'all' };
      const landing = createDeferred<readonly Note[]>();
      const loadAll: FetchEntities<Note> = (_send, names) => Promise.resolve(names.map(note));
      const reads = [
        open('a').getOrLoadMany(gathered, ['2'], () => landing.promise),
        open('a').getOrLoadMany(gathered, ['3'], loadAll),
        open('a', tracker).getOrLoadMany(gathered, ['4'], loadAll),
      ];
      landing.resolve([note('2')]);
      expect(await Promise.all(reads)).toEqual([[note('2')], [note('3')], [note('4')]]);
    },
    'of which a read failed': (open, tracker) =>
      open('a', tracker).getOrLoadMany(
        other,
        ['2'],
        loading(new UpstreamError('malformed', 'Odd.')),
      ),
    'that wrote': (open, tracker) =>
      open('a', tracker).write(other, '2', () => Promise.resolve(note('written'))),
  };

  test.each(Object.entries(untracked))(
    'gives no dependencies of an operation %s, whatever else it read',
    async (_what, read) => {
      const { open } = createTenants();
      await open('a').getOrLoadMany(type, ['1'], loading(note('read')));
      const tracker = new DependencyTracker();
      tracker.start();
      open('a', tracker).peek(type, '1');

      await read(open, tracker);

      open('a', tracker).peek(type, '1');
      expect(tracker.finish()).toBeUndefined();
    },
  );

  test('gives no dependencies of an operation that read before tracking began, or that read nothing', async () => {
    const { open } = createTenants();
    await open('a').getOrLoadMany(type, ['1'], loading(note('read')));
    const [early, idle] = [new DependencyTracker(), new DependencyTracker()];

    open('a', early).peek(type, '1');
    early.start();
    open('a', early).peek(type, '1');
    idle.start();
    open('a', idle).peek(other, '2');

    expect([early.finish(), idle.finish()]).toEqual([undefined, undefined]);
  });

  test('tells that there is now an entry where none was found', async () => {
    const { open, isValid } = createTenants();
    await open('a').getOrLoadMany(type, ['1'], loading(note('read')));
    const tracker = new DependencyTracker();
    tracker.start();
    const reader = open('a', tracker);
    expect([reader.peek(other, '2'), reader.peek(type, '1')]).toEqual([undefined, note('read')]);
    const dependencies = tracker.finish();
    expect(dependencies && (await isValid(dependencies))).toBe(true);

    await open('a').getOrLoadMany(other, ['2'], loading(note('read')));

    expect(dependencies && (await isValid(dependencies))).toBe(false);
  });

  test('counts the TTL of a written value from when the write was sent', async () => {
    const { open } = createTenants();
    const landing = createDeferred<Note>();
    const sent = createDeferred();
    const writing = open('a').write(type, '1', () => {
      sent.resolve();
      return landing.promise;
    });
    await sent.promise;
    clock.advance(cacheTtlsMs.chats - 1);
    landing.resolve(note('written'));
    await writing;
    const [before] = await open('a').getOrLoadMany(type, ['1'], loading(note('read')));

    clock.advance(1);
    const [after] = await open('a').getOrLoadMany(type, ['1'], loading(note('read')));

    expect([before, after]).toEqual([note('written'), note('read')]);
  });

  test('shows what a call brought rather than an expired entry that a webhook has patched meanwhile', async () => {
    const { open, learn } = createTenants();
    await open('a').getOrLoadMany(type, ['1'], loading(note('old')));
    clock.advance(oneHour);
    const landing = createDeferred<readonly Note[]>();
    const reading = open('a').getOrLoadMany(type, ['1'], () => landing.promise);
    const patch = () => note('old, and patched');
    await learn('a', [{ type, id: '1', changedAt: clock.now(), patch }]);
    landing.resolve([note('new')]);

    expect(await reading).toEqual([note('new')]);
  });

  test('shows nothing that was read before a change, however many other changes came after it', async () => {
    const { open, learn } = createTenants();
    const part: CacheType<Note> = { ...other, dependsOn: () => ({ type, id: '1' }) };
    await open('a').getOrLoadMany(part, ['1 0'], loading(note('before')));
    await learn('a', [{ type, id: '1' }]);
    await learn(
      'a',
      Array.from({ length: 10_001 }, (_, index) => ({ type, id: String(index + 2) })),
    );

    const [shown] = await open('a').getOrLoadMany(part, ['1 0'], loading(note('after')));

    expect(shown).toEqual(note('after'));
  });
});
