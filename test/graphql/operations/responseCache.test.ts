import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { parse, validate } from 'graphql';
import { readConfig } from '../../../src/config/settings.ts';
import type { Config } from '../../../src/config/settings.ts';
import { createSchema } from '../../../src/graphql/schema/build.ts';
import { resourceResolvers } from '../../../src/resources/resolvers.ts';
import { startSimulator } from '../../../src/simulator/simulator.ts';
import type { Simulator } from '../../../src/simulator/simulator.ts';
import { responseTo as ask, responseToGet } from '../../support/client.ts';
import type { ControlledUpstream } from '../../support/controlledUpstream.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { metricOf } from '../../support/metrics.ts';
import { propertyRuns } from '../../support/propertyRuns.ts';
import { createRandom, createRandomOperation } from '../../support/randomOperations.ts';
import { openSocket } from '../../support/socket.ts';
import { startTwoCustomers } from '../../support/twoCustomers.ts';

const { cacheTtlsMs } = readConfig({});
const clock = createManualClock();
const settings = { rateLimit: 0, cacheTtlsMs };

/** Number of executions before a response is cached: two until the operation is cached, one to create the response. */
const timesUntilKept = 3;

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

const readyCount = (gateway: Gateway) => metricOf(gateway, 'helpcrunch_response_cache_hits_total');

async function keep(
  gateway: Gateway,
  query: string,
  headers: Readonly<Record<string, string>> = {},
) {
  for (let time = 0; time < timesUntilKept; time += 1) await ask(gateway, { query }, headers);
}

const customer = (id: number) => ({ id, name: `Customer ${id}`, email: null, userId: `u-${id}` });

const query = '{ chat(id: 1) { id lastMessageText customer { id name phone } assignee { name } } }';

describe('the response cache', () => {
  let upstream: ControlledUpstream;
  let gateway: Gateway;

  const start = (config: Partial<Config> = {}) =>
    startTestGateway({ upstream, clock, config: { ...settings, ...config } });

  beforeEach(async () => {
    upstream = await startControlledUpstream();
    upstream.seed({
      chats: [
        { id: 1, customer: customer(7) },
        { id: 2, customer: customer(8) },
      ],
      customers: [{ id: 7 }, { id: 8 }],
    });
    gateway = await start();
  });

  afterEach(async () => {
    await gateway.stop();
    await upstream[Symbol.asyncDispose]();
  });

  test('a cached response is returned unchanged with the cache hits of its execution', async () => {
    await keep(gateway, query);
    await using careful = await start({ responseCacheMaxBytes: 0 });
    const made = await ask(careful, { query });
    const before = await readyCount(gateway);

    const answers = [await ask(gateway, { query }), await ask(gateway, { query })];

    expect(await readyCount(gateway)).toBe(before + 2);
    expect(answers[0]).toBe(answers[1]);
    const [ready, anew] = [String(answers[0]), made].map((text): any =>
      JSON.parse(text.slice(text.indexOf('{'))),
    );
    expect(ready.data).toEqual(anew.data);
    expect(ready.extensions.upstream).toMatchObject({ calls: 0, shared: 0 });
    expect(ready.extensions.upstream.cacheHits).toBeGreaterThan(0);
  });

  test('a write invalidates the cached responses that contain it', async () => {
    await keep(gateway, query);

    const { data } = await gateway.query(
      'mutation { markChatRead(id: 1, by: AGENT, read: true) { lastMessageText } }',
    );

    expect(await ask(gateway, { query })).toContain(
      `"lastMessageText":"${data.markChatRead.lastMessageText}"`,
    );
  });

  test('a write invalidates the cached responses that contain its parent', async () => {
    const messages = `{ _entities(representations: [{ __typename: "Chat", id: 1 }]) {
      ... on Chat { messages { nodes { read } } }
    } }`;
    upstream.seed({ chats: [{ id: 1, customer: customer(7), readByAgent: false }] });
    await keep(gateway, messages);
    const before = await ask(gateway, { query: messages });
    expect(await readyCount(gateway)).toBe(1);

    await gateway.query('mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }');

    expect(before).toContain('{"read":false}');
    expect(await ask(gateway, { query: messages })).toContain('{"read":true}');
  });

  test('a cached response is invalidated when another operation reads a newer value', async () => {
    await keep(gateway, query);
    const stored = upstream.chats.get(1);
    if (stored === undefined) throw new Error('There is a chat.');
    upstream.chats.set(1, { ...stored, lastMessageText: 'news' });

    await gateway.query('{ chats { nodes { id status } } }', undefined, {
      'cache-control': 'no-cache',
    });

    expect(await ask(gateway, { query })).toContain('"lastMessageText":"news"');
  });

  test('a cached response expires with the first of its dependencies', async () => {
    await keep(gateway, query);
    clock.advance(cacheTtlsMs.chats - 1);
    const before = upstream.calls.length;

    await ask(gateway, { query });
    expect(upstream.calls.length).toBe(before);

    clock.advance(1);
    await ask(gateway, { query });
    expect(upstream.calls.length).toBe(before + 1);
  });

  test('a request with no-cache bypasses the response cache', async () => {
    await keep(gateway, query);
    const before = upstream.calls.length;

    await ask(gateway, { query }, { 'cache-control': 'no-cache' });

    expect(upstream.calls.length).toBeGreaterThan(before);
  });

  test('cached responses are separate for each set of variables', async () => {
    const byId = 'query One($id: ID!) { chat(id: $id) { id customer { id } } }';
    for (const id of ['1', '2', '1', '2', '1', '2', '1', '2']) {
      const answer = await ask(gateway, { query: byId, variables: { id } });

      expect(answer).toContain(`{"id":"${id}","customer":{"id":"${Number(id) + 6}"}}`);
    }
    expect(await readyCount(gateway)).toBeGreaterThan(0);
  });

  test('a response with the rate limit is not cached', async () => {
    await using limited = await start({ rateLimit: 50 });
    const left = '{ rateLimit { remaining } }';
    await keep(limited, left);
    const before = await ask(limited, { query: left });

    await limited.query('{ chat(id: 2) { id status } }', undefined, {
      'cache-control': 'no-cache',
    });

    expect(await ask(limited, { query: left })).not.toBe(before);
    expect(await readyCount(limited)).toBe(0);
  });

  test('a response with stale data is not cached', async () => {
    await using patient = await start({ staleIfErrorMs: 60_000 });
    await keep(patient, query);
    clock.advance(cacheTtlsMs.chats);
    upstream.onEveryCall((held) => {
      held.respond({ status: 503, body: {} });
    });
    expect(await ask(patient, { query })).toContain('"stale":{"ageMs":5000}');
    const before = await readyCount(patient);

    expect(await ask(patient, { query })).toContain('"stale":{"ageMs":5000}');

    expect(await readyCount(patient)).toBe(before);
  });

  describe('a response that joined a shared read of several customers', () => {
    const byId = 'query One($id: ID!) { customer(id: $id) { id name } }';
    const one = (id: number) => ask(gateway, { query: byId, variables: { id } });
    const ids = [7, 8, 9];

    /** Done when the gateway has taken up the requests that were sent before. */
    const settled = async () => {
      for (let time = 0; time < 3; time += 1) await fetch(`${gateway.url}/healthz`);
    };

    /** Customer 7 is being read; 8 is queued for the next call, and 9 joins it. */
    async function readTogether(): Promise<string[]> {
      upstream.seed({ customers: ids.map((id) => ({ id })) });
      for (let time = 0; time < timesUntilKept; time += 1) await one(7);
      clock.advance(cacheTtlsMs.customers);
      const held = upstream.hold('GET /customers/7');
      const operations = [one(7)];
      await held.arrived;
      for (const id of [8, 9]) {
        clock.advance(12);
        operations.push(one(id));
        await settled();
      }
      held.respond();
      const answers = await Promise.all(operations);
      const searches = upstream.calls.filter(({ path }) => path === '/customers/search');
      expect(searches.map(({ body }) => body.filter.length)).toEqual([2]);
      return answers;
    }

    test.each(ids)(
      'a response from a shared read shows a change of customer %i after the TTL',
      async (id) => {
        await readTogether();
        upstream.seed({ customers: [{ id, name: 'new' }] });
        clock.advance(cacheTtlsMs.customers);

        expect(await one(id)).toContain('"name":"new"');
      },
    );

    test('a response from a shared read reports the call as shared', async () => {
      const answers = await readTogether();

      expect(answers.map((answer) => /"calls":\d.*"shared":\d/.exec(answer)?.[0])).toEqual([
        '"calls":1,"cacheHits":0,"shared":0',
        '"calls":1,"cacheHits":0,"shared":0',
        '"calls":0,"cacheHits":0,"shared":1',
      ]);
    });
  });

  test('the response cache stays within its size limit, and a limit of 0 disables it', async () => {
    const responseCacheMaxBytes = 20_000;
    await using small = await start({ responseCacheMaxBytes });
    await using none = await start({ responseCacheMaxBytes: 0 });
    const sizes: number[] = [];

    for (let alias = 0; alias < 20; alias += 1) {
      const longer = query.replace('{ chat', `{ a${alias}: chat`);
      await keep(small, longer);
      await keep(none, longer);
      await ask(none, { query: longer });
      const metrics = await (await fetch(`${small.url}/metrics`)).text();
      sizes.push(Number(/^helpcrunch_response_cache_bytes (\d+)$/m.exec(metrics)?.[1]));
    }

    expect(Math.max(...sizes)).toBeGreaterThan(responseCacheMaxBytes / 2);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(responseCacheMaxBytes);
    expect(await readyCount(none)).toBe(0);
  });

  test('cached responses are separate for each account', async () => {
    await using open = await start({ auth: { mode: 'forward' } });
    const own = { authorization: `Bearer ${upstream.key}` };
    await keep(open, query, own);
    expect(await ask(open, { query }, own)).toContain('"calls":0');

    const other = await ask(open, { query }, { authorization: 'Bearer another-key' });

    expect(other).toContain('"calls":2,"cacheHits":0');
    expect(await readyCount(open)).toBe(1);
  });
});

test('cached responses are separate for each viewer', async () => {
  await using upstream = await startTwoCustomers();
  await using gateway = await startTestGateway({
    upstream,
    clock,
    config: { ...settings, auth: jwtAuth() },
  });
  const viewers = [
    { role: 'customer', customerId: '7001' },
    { role: 'customer', customerId: '7002' },
    { role: 'customer', userId: 'u-ada' },
    { role: 'agent', agentId: '12' },
    { role: 'agent', agentId: '13' },
  ];
  const everything = `{ viewer { role agent { id } customer { id } }
    chat(id: 1) { id customer { id } unreadCount: lastMessageText } }`;
  const first = new Map<object, string>();

  for (let time = 0; time < 5; time += 1) {
    for (const viewer of viewers) {
      const answer = await ask(gateway, { query: everything }, await bearer(viewer));
      const { data }: any = JSON.parse(answer.slice(answer.indexOf('{')));
      const seen = JSON.stringify(data ?? answer);
      expect(seen).toBe(first.get(viewer) ?? seen);
      first.set(viewer, seen);
    }
  }

  expect(new Set(first.values()).size).toBe(viewers.length - 1);
  expect(await readyCount(gateway)).toBeGreaterThan(0);
});

describe('forms of a request for a cached operation', () => {
  let simulator: Simulator;

  beforeAll(async () => {
    simulator = await startSimulator({ rateLimit: 0, clock, customers: 200, chats: 500 });
  });

  afterAll(() => simulator.close());

  const text = 'query Chat { chat(id: 5499) { id status } }';
  const sha256Hash = createHash('sha256').update(text).digest('hex');
  const persistedQuery = { version: 1, sha256Hash };
  const clientLibrary = { name: '@apollo/client', version: '4.0.0' };
  const forms = [
    { form: 'its text', body: { query: text } },
    {
      form: 'its text with the extensions of Apollo Client',
      body: { query: text, extensions: { clientLibrary } },
    },
    {
      form: 'its registered hash',
      body: { extensions: { persistedQuery, clientLibrary } },
    },
    {
      form: 'the hash of a persisted operation',
      body: { extensions: { persistedQuery } },
      isListed: true,
    },
    { form: 'the id of a persisted operation', body: { documentId: 'chat' }, isListed: true },
    { form: 'the text of a persisted operation', body: { query: text }, isListed: true },
    {
      form: 'its text with its registered hash',
      body: { query: text, extensions: { persistedQuery } },
    },
    { form: 'its text by GET', body: { query: text }, isGet: true },
    { form: 'its registered hash by GET', body: { extensions: { persistedQuery } }, isGet: true },
    {
      form: 'the id of a persisted operation by GET',
      body: { documentId: 'chat' },
      isListed: true,
      isGet: true,
    },
  ];

  test.each(forms)('a cached operation is found by $form', async (form) => {
    const { body, isListed = false, isGet = false } = form;
    const send = isGet ? responseToGet : ask;
    const listed = new Map([
      ['chat', text],
      [sha256Hash, text],
    ]);
    const config = {
      ...settings,
      ...(isListed ? { persistedOperations: listed, isPersistedOnly: true } : {}),
    };
    await using direct = await startTestGateway({ upstream: simulator, clock, config });
    await using viaApollo = await startTestGateway({
      upstream: simulator,
      clock,
      config: { ...config, operationCache: 'off' },
    });
    const operation = { operationName: 'Chat', variables: {}, ...body };
    const headers = isGet
      ? { 'x-apollo-operation-name': 'Chat' }
      : { 'content-type': 'application/json; charset=utf-8' };
    for (const gateway of [direct, viaApollo]) {
      await ask(gateway, { query: text, extensions: { persistedQuery } });
      for (let time = 0; time < timesUntilKept; time += 1) await send(gateway, operation, headers);
    }
    const before = await readyCount(direct);

    const answer = await send(direct, operation, headers);

    expect(answer).toBe(await send(viaApollo, operation, headers));
    expect(answer).toContain('"id":"5499"');
    expect(await readyCount(direct)).toBe(before + 1);
  });

  test('a cached operation is found over WebSocket', async () => {
    await using gateway = await startTestGateway({ upstream: simulator, clock, config: settings });
    for (let time = 0; time < timesUntilKept; time += 1) await ask(gateway, { query: text });
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    const before = await readyCount(gateway);

    socket.send({ id: 'a', type: 'subscribe', payload: { query: text } });
    const { payload } = await socket.nextMessage();

    expect(payload.data).toMatchObject({ chat: { id: '5499' } });
    expect(await readyCount(gateway)).toBe(before + 1);
  });

  test.each([
    { name: 'a cached query without a header that forces a preflight', headers: {}, query: text },
    {
      name: 'a cached query with another content type',
      headers: { 'content-type': 'text/plain', 'apollo-require-preflight': 'true' },
      query: text,
    },
    {
      name: 'a cached mutation',
      headers: { 'apollo-require-preflight': 'true' },
      query: 'mutation { markChatRead(id: 5499, by: AGENT, read: true) { id } }',
    },
  ])('a GET request is rejected for $name', async ({ headers, query }) => {
    await using gateway = await startTestGateway({ upstream: simulator, clock, config: settings });
    for (let time = 0; time < timesUntilKept; time += 1) await ask(gateway, { query });
    const calls = simulator.calls.length;

    const answer = await responseToGet(gateway, { query }, headers);

    expect(answer).toMatch(/^4.*"code":"BAD_REQUEST"/);
    expect(simulator.calls).toHaveLength(calls);
  });

  test('a cached operation is not found by the hash of another text', async () => {
    await using gateway = await startTestGateway({ upstream: simulator, clock, config: settings });
    const wrong = { query: '{ __typename }', extensions: { persistedQuery } };
    for (let time = 0; time < timesUntilKept; time += 1)
      await ask(gateway, { query: '{ __typename }' });

    for (const times of [1, 2, 3]) {
      expect([times, await ask(gateway, wrong)]).toEqual([
        times,
        expect.stringContaining('provided sha does not match query'),
      ]);
    }
    expect(await ask(gateway, { extensions: { persistedQuery } })).toContain(
      'PERSISTED_QUERY_NOT_FOUND',
    );
    expect(await ask(gateway, { query: '{ __typename }', extensions: 'text' })).toContain('400');
  });
});

test('random operations between random reads and writes are answered byte for byte as by Apollo Server', async () => {
  const operationCount = propertyRuns(12);
  const rounds = 6;
  const simulator = await startSimulator({ rateLimit: 0, clock, customers: 200, chats: 500 });
  const schema = createSchema(resourceResolvers, { subgraph: { excludedRootFields: [] } });
  const gateways = [
    await startTestGateway({
      upstream: simulator,
      clock,
      config: { ...settings, operationCache: 'off' },
    }),
    await startTestGateway({ upstream: simulator, clock, config: settings }),
  ] as const;
  const random = createRandom(4711);
  const ids = { default: ['5499', '1', '7'], chat: ['5499', '5498'], customer: ['7001', '7002'] };
  const operations = [];
  for (let seed = 1; operations.length < operationCount; seed += 1) {
    const operation = createRandomOperation({ schema, random: createRandom(seed * 7_927), ids });
    const isRead = !operation.query.includes('mutation');
    if (isRead && validate(schema, parse(operation.query)).length === 0) operations.push(operation);
  }
  const odd: string[] = [];

  for (const operation of operations) {
    for (let round = 0; round < rounds; round += 1) {
      const chance = random();
      if (chance < 0.1) clock.advance(cacheTtlsMs.chats);
      if (chance > 0.9) {
        const mark = `mutation { markChatRead(id: 5499, by: AGENT, read: ${String(chance > 0.95)}) { id } }`;
        for (const gateway of gateways) await ask(gateway, { query: mark });
      }
      const [expected, answer] = await Promise.all(
        gateways.map((gateway) => ask(gateway, operation)),
      );
      const hasFailed = expected?.includes('"errors"') === true;
      if (!hasFailed && answer !== expected)
        odd.push([operation.query, expected, answer].join('\n'));
    }
  }
  const given = await readyCount(gateways[1]);
  for (const gateway of gateways) await gateway.stop();
  await simulator.close();

  expect(odd).toEqual([]);
  expect(given).toBeGreaterThan(operationCount / 4);
});
