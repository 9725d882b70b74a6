import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { getIntrospectionQuery } from 'graphql';
import type { Config } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config/settings.ts';
import { isLargerThan } from '../../src/graphql/limits/responseBytes.ts';
import { toNodeId } from '../../src/lib/ids.ts';
import { startLargeUpstream } from '../support/largeUpstream.ts';
import { executeQuery } from '../support/client.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { GraphQLResponse } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { openSocket } from '../support/socket.ts';
import { propertyParameters } from '../support/propertyRuns.ts';

const operationCaches = ['on', 'off'] as const;

/** What is read once stays good for the whole test. */
const longMs = 10_000_000;
const freshMs = { chats: longMs, customers: longMs, account: longMs, absent: longMs };

const { maxResponseNodes, maxResponseBytes } = readConfig({});

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startLargeUpstream({ agents: 300 });
});

afterAll(async () => {
  await helpCrunch[Symbol.asyncDispose]();
});

const start = (config: Partial<Config> = {}, clock = createManualClock()) =>
  startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { maxResponseNodes, cacheTtlsMs: freshMs, ...config },
  });

/** A clock on which each look at it takes a millisecond, once it ticks. */
function createTickingClock() {
  const clock = createManualClock();
  let ticks = 0;
  let tickMs = 0;
  return {
    ...clock,
    monotonic() {
      ticks += tickMs;
      return clock.monotonic() + ticks;
    },
    tick(ms: number) {
      tickMs = ms;
    },
  };
}

/** Messages within messages, `first` at each level. */
const messagesWithin = (levels: number, first: number, leaf = 'id text'): string =>
  levels === 0
    ? leaf
    : `messages(first: ${first}) { nodes { id ${levels === 1 ? leaf : `chat { ${messagesWithin(levels - 1, first, leaf)} }`} } }`;

const attack = `{ chat(id: 5100) { ${messagesWithin(3, 76)} } }`;

const codesOf = ({ errors }: Pick<GraphQLResponse, 'errors'>) =>
  errors.map(({ extensions }) => extensions['code']);

const tooExpensive = ['OPERATION_TOO_EXPENSIVE'];

describe('an operation whose response could have more than MAX_RESPONSE_NODES objects', () => {
  const references = Array.from({ length: 60 }, (_, index) => ({
    __typename: 'Chat',
    id: String(index + 1),
  }));
  const nodeIds = Array.from({ length: 60 }, () => toNodeId('Chat', '7'));
  const item = 'id chat { messages(first: 50) { nodes { id } } }';
  let gateway: Awaited<ReturnType<typeof start>>;

  beforeAll(async () => {
    gateway = await start();
  });

  afterAll(() => gateway.stop());

  test.each<[string, string, string, object?]>([
    [
      'messages of the chat of messages',
      attack,
      'could contain 456,534 objects; the limit is 20000. Largest field: chat.messages.nodes.chat.messages.nodes.chat.messages.nodes (438,976).',
    ],
    [
      'many connections without items',
      `{ chat(id: 1) { ${messagesWithin(2, 90, 'chat { messages { pageInfo { hasNextPage } } }')} } }`,
      'chat.messages.nodes.chat.messages.nodes',
    ],
    [
      'aliases',
      `{ chat(id: 1) { a: messages(first: 100) { nodes { ${item} } } b: messages(first: 100) { nodes { ${item} } } c: messages(first: 100) { nodes { ${item} } } d: messages(first: 100) { nodes { ${item} } } } }`,
      'chat.a.nodes.chat.messages.nodes (5,000)',
    ],
    [
      'the same nodes under several aliases',
      `{ chat(id: 1) { messages(first: 70) { nodes { chat { messages(first: 70) { a: nodes { id } b: nodes { id } c: nodes { id } d: nodes { id } e: nodes { id } } } } } } }`,
      'chat.messages.nodes.chat.messages.a (4,900)',
    ],
    [
      'nodes and edges of one connection',
      `{ chat(id: 1) { messages(first: 90) { nodes { chat { messages(first: 90) { nodes { id } edges { node { id } } } } } } } }`,
      'chat.messages.nodes.chat.messages.nodes (8,100)',
    ],
    [
      'fragments within fragments',
      `{ chat(id: 1) { ...A } } fragment A on Chat { messages(first: 100) { nodes { chat { ...B } } } } fragment B on Chat { messages(first: 100) { edges { ... on ChatMessageEdge { node { agent { id } } } } } }`,
      'chat.messages.nodes.chat.messages.edges (10,000)',
    ],
    [
      'a variable for the length of lists',
      `query ($first: Int = 1) { chat(id: 1) { ${messagesWithin(2, 100).replaceAll('100', '$first')} b: messages(first: 100) { nodes { agent { name } chat { messages(first: $first) { nodes { agent { name } } } } } } } }`,
      'the limit is 20000',
      { first: 100 },
    ],
    [
      'objects by their ids',
      'query ($nodeIds: [ID!]!) { nodes(nodeIds: $nodeIds) { ... on Chat { messages(first: 100) { nodes { agent { name } chat { id } } } } } }',
      'nodes.messages.nodes (12,000)',
      { nodeIds: [...nodeIds, ...nodeIds] },
    ],
    [
      'references of a router',
      'query ($references: [_Any!]!) { _entities(representations: $references) { ... on Chat { messages(first: 100) { nodes { agent { name } chat { id } edited } pageInfo { hasNextPage } } a: messages(first: 100) { nodes { id } } } } }',
      '_entities.messages.nodes (6,000)',
      { references },
    ],
    [
      'lists of agents',
      '{ agents { chats(first: 100) { nodes { agents { name } } } } }',
      'agents.chats.nodes.agents (25,000)',
    ],
    [
      'departments and their agents',
      '{ departments { agents { chats(first: 100) { nodes { id customer { id } } } } } }',
      'departments.agents.chats.nodes (20,000)',
    ],
  ])(
    'an operation that could return more than MAX_RESPONSE_NODES objects is rejected before any upstream call: %s',
    async (_what, query, message, variables = {}) => {
      const before = helpCrunch.calls.length;

      const { status, data, errors, extensions } = await gateway.query(query, { ...variables });

      expect({ status, data, calls: extensions.upstream.calls }).toEqual({
        status: 400,
        data: undefined,
        calls: 0,
      });
      expect(errors).toEqual([
        {
          message: expect.stringContaining(message),
          extensions: expect.objectContaining({
            code: 'OPERATION_TOO_EXPENSIVE',
            retryable: false,
          }),
        },
      ]);
      expect(helpCrunch.calls).toHaveLength(before);
    },
  );

  test('an operation of a customer above MAX_RESPONSE_NODES is rejected even if all its data is cached', async () => {
    await using gateway = await start({ auth: jwtAuth(), isProduction: true });
    const headers = await bearer({ role: 'customer', customerId: '7001' });
    const page = '{ chat(id: 5100) { messages(first: 76) { nodes { id text } } } }';
    await gateway.query(page, {}, headers);
    const cached = await gateway.query(page, {}, headers);

    const answer = await gateway.query(attack, {}, headers);

    expect(cached.extensions.upstream.calls).toBe(0);
    expect(cached.data.chat.messages.nodes).toHaveLength(76);
    expect(answer.status).toBe(400);
    expect(codesOf(answer)).toEqual(tooExpensive);
  });

  test.each(operationCaches)(
    'an operation whose variables exceed MAX_RESPONSE_NODES is rejected on later executions, OPERATION_CACHE=%s',
    async (operationCache) => {
      await using gateway = await start({ operationCache });
      const query = `query Some($first: Int) { chat(id: 1) { ${messagesWithin(2, 7).replaceAll('7', '$first')} } }`;
      const statuses = [];
      for (const first of [2, 2, 2, 100, 2]) {
        const { status } = await gateway.query(`${query} # 20201`, { first });
        statuses.push(status);
      }
      const { status } = await gateway.query(
        query.replace('text', 'text agent { id } chat { id }'),
        { first: 90 },
      );

      expect(statuses).toEqual([200, 200, 200, 200, 200]);
      expect(status).toBe(400);
    },
  );

  test('an operation above MAX_RESPONSE_NODES is rejected over WebSocket, event streams, GET and callbacks', async () => {
    const { subscriptions } = readConfig({ SUBSCRIPTION_CALLBACK_HOSTS: 'http://127.0.0.1:1' });
    await using gateway = await start({ subscriptions });
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    const headers = { 'content-type': 'application/json', 'apollo-require-preflight': '1' };
    const subscription = {
      callbackUrl: 'http://127.0.0.1:1/callback',
      subscriptionId: '7',
      verifier: 'secret',
    };
    const post = (path: string, accept: string, body: object) =>
      fetch(gateway.url + path, {
        method: 'POST',
        headers: { ...headers, accept },
        body: JSON.stringify(body),
      });

    socket.send({ id: '1', type: 'subscribe', payload: { query: attack } });
    const heard = await socket.nextMessage();
    const answers = [
      await post('/graphql/stream', 'text/event-stream', { query: attack }),
      await fetch(`${gateway.url}/graphql?query=${encodeURIComponent(attack)}`, { headers }),
      await post('/graphql', 'application/json;callbackSpec=1.0', {
        query: attack,
        extensions: { subscription },
      }),
    ];

    expect(heard).toMatchObject({ type: 'error' });
    expect(codesOf({ errors: heard.payload })).toEqual(tooExpensive);
    for (const answer of answers) {
      const body: any = await answer.json();
      expect(answer.status).toBe(400);
      expect(codesOf(body)).toEqual(tooExpensive);
    }
  });

  test('a subscription is rejected when one event could have more than MAX_RESPONSE_NODES objects', async () => {
    await using gateway = await start();
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    const subscribe = (id: string, selection: string) =>
      socket.send({
        id,
        type: 'subscribe',
        payload: { query: `subscription { chatUpdated { chat { ${selection} } } }` },
      });

    subscribe('1', messagesWithin(3, 50));
    const error = await socket.nextMessage();
    subscribe('2', messagesWithin(2, 100));
    await gateway.waitForSubscriptions(1);

    expect(error).toMatchObject({ id: '1', type: 'error' });
    expect(codesOf({ errors: error.payload })).toEqual(tooExpensive);
  });

  test('a persisted operation above MAX_RESPONSE_NODES is rejected', async () => {
    await using gateway = await start({ persistedOperations: new Map([['deep', attack]]) });

    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id: 'deep' }),
    });
    const body: any = await response.json();

    expect(response.status).toBe(400);
    expect(codesOf(body)).toEqual(tooExpensive);
  });

  test('an operation is admitted when MAX_RESPONSE_NODES allows its objects', async () => {
    await using gateway = await start({ maxResponseNodes: 7 });
    const within = '{ chat(id: 1) { messages(first: 3) { nodes { agent { id } } } } }';
    const above = '{ chat(id: 1) { messages(first: 5) { nodes { agent { id } } } } }';
    await using larger = await start({ maxResponseNodes: 10 });

    const statuses = [
      (await gateway.query('{ chat(id: 1) { messages(first: 5) { nodes { id } } } }')).status,
      (await gateway.query(within)).status,
      (await larger.query(within)).status,
      (await larger.query(above)).status,
    ];

    expect(statuses).toEqual([200, 400, 200, 400]);
  });
});

test('a hundred messages of each of a hundred chats are within the limit by default', async () => {
  await using gateway = await start();

  const { status, data } = await gateway.query(
    '{ chats(first: 100) { nodes { id messages(first: 100) { nodes { id from text createdAt } } } } }',
  );

  expect(status).toBe(200);
  expect(data.chats.nodes.flatMap(({ messages }: any) => messages.nodes)).toHaveLength(10_000);
});

test('an introspection query with more than MAX_RESPONSE_NODES objects is rejected', async () => {
  await using gateway = await start();
  const fields = Array.from(
    { length: 30 },
    (_, index) => `a${index}: fields { type { fields { args { name } type { name } } } }`,
  );

  const answer = await gateway.query(`{ __schema { types { ${fields.join(' ')} } } }`);
  const usual = await gateway.query(getIntrospectionQuery());

  expect(answer.status).toBe(400);
  expect(codesOf(answer)).toEqual(tooExpensive);
  expect(usual.status).toBe(200);
});

test('the trace of a large response has its first 2,000 fields', async () => {
  await using gateway = await start({ subgraph: true });
  const traced = async (first: number) => {
    const query = `{ chat(id: 1) { messages(first: 30) { nodes { id chat { messages(first: ${first}) { nodes { id text type from } } } } } } }`;
    const headers = { 'apollo-federation-include-trace': 'ftv1' };
    const { data, extensions }: any = await gateway.query(query, {}, headers);
    expect(data.chat.messages.nodes[29].chat.messages.nodes).toHaveLength(first);
    return extensions.ftv1.length;
  };

  const lengths = [await traced(1), await traced(2), await traced(90)];

  // A field takes some 60 characters.
  expect(lengths[0]).toBeGreaterThan(2_000);
  expect(lengths[1]).toBeGreaterThan(lengths[0]);
  expect(lengths[2]).toBeLessThan(2_000 * 70);
});

describe('a response that turns out to have more than MAX_RESPONSE_NODES objects', () => {
  const query = '{ agents { id name } rateLimit { limit } }';

  async function startSmall(operationCache: Config['operationCache'] = 'on') {
    return start({ operationCache, maxResponseNodes: 100, subgraph: true });
  }

  const expectStopped = ({ status, data, errors }: GraphQLResponse) => {
    expect({ status, data }).toEqual({ status: 200, data: null });
    expect(errors).toEqual([
      {
        message: 'The response has more than 100 objects, which is the limit.',
        path: ['agents'],
        locations: expect.anything(),
        extensions: expect.objectContaining({ code: 'OPERATION_TOO_EXPENSIVE', retryable: false }),
      },
    ]);
  };

  test.each(operationCaches)(
    'a response with more than MAX_RESPONSE_NODES objects ends with one error, OPERATION_CACHE=%s',
    async (operationCache) => {
      await using gateway = await startSmall(operationCache);

      for (let count = 0; count < 4; count += 1) expectStopped(await gateway.query(query));
      expect(gateway.logged).toEqual([]);
    },
  );

  test('a response with more than MAX_RESPONSE_NODES objects and a trace ends with one error', async () => {
    await using gateway = await startSmall();

    expectStopped(await gateway.query(query, {}, { 'apollo-federation-include-trace': 'ftv1' }));
  });

  test('an event with more than MAX_RESPONSE_NODES objects has one error, and its subscription continues', async () => {
    await using gateway = await startSmall();
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    // Within the limit by the agents that are assumed, and above it by those there are.
    const agents = Array.from({ length: 200 }, (_, index) => ({
      id: index + 1,
      name: 'A',
      email: 'a@example.com',
      role: 'agent',
    }));
    helpCrunch.respond('PUT /chats/readByAgent', ({ body: { id } }) => ({
      body: wireChat(Number(id) === 3 ? { id, agents } : { id }),
    }));
    const events = 'subscription { chatUpdated { chat { id agents { name } } } }';
    socket.send({ id: '1', type: 'subscribe', payload: { query: events } });
    await gateway.waitForSubscriptions(1);
    const mark = (id: number) =>
      gateway.query(`mutation { markChatRead(id: ${id}, by: AGENT, read: true) { id } }`);

    await mark(3);
    const large = await socket.nextMessage();
    await mark(4);
    const small = await socket.nextMessage();

    expect(large).toMatchObject({ type: 'next', payload: { data: null } });
    expect(codesOf(large.payload)).toEqual(tooExpensive);
    expect(small).toMatchObject({ payload: { data: { chatUpdated: { chat: { id: '4' } } } } });
  });
});

describe('an execution over cached data', () => {
  const large = `{ chat(id: 1) { ${messagesWithin(2, 90, 'id agent { id }')} } }`;
  const page = '{ chat(id: 1) { messages(first: 90) { nodes { id } } } }';

  async function startTicking(config: Partial<Config> = {}) {
    const clock = createTickingClock();
    const gateway = await start({ maxResponseNodes: 100_000, ...config }, clock);
    await gateway.query(page);
    return Object.assign(gateway, { clock });
  }

  test.each(operationCaches)(
    'an execution over cached data ends at the deadline of its operation, OPERATION_CACHE=%s',
    async (operationCache) => {
      await using gateway = await startTicking({ operationCache, operationTimeoutMs: 2_000 });
      const whole = await gateway.query(large);
      gateway.clock.tick(1);

      const answers = [await gateway.query(large), await gateway.query(large)];

      expect(whole.errors).toEqual([]);
      for (const { status, data, errors } of answers) {
        expect({ status, data }).toEqual({ status: 200, data: null });
        expect(errors.map(({ extensions }) => extensions)).toEqual([
          expect.objectContaining({ code: 'UPSTREAM_TIMEOUT', retryable: true }),
        ]);
      }
    },
  );

  test.each(operationCaches)(
    'an execution whose deadline passes during an upstream call returns the completed fields, OPERATION_CACHE=%s',
    async (operationCache) => {
      const clock = createManualClock();
      await using slow = await startLargeUpstream();
      const isAsked = new Promise<void>((resolve) => {
        slow.respond('GET /customers/7001', () => {
          resolve();
          return undefined;
        });
      });
      const config = { operationCache, operationTimeoutMs: 2_000 };
      await using gateway = await startTestGateway({ upstream: slow, clock, config });

      const answering = gateway.query('{ chat(id: 1) { id customer { phone } agents { name } } }');
      await isAsked;
      clock.advance(2_000);
      const { status, data, errors } = await answering;

      expect(status).toBe(200);
      expect(data).toEqual({
        chat: { id: '1', customer: { phone: null }, agents: [{ name: 'Olena' }] },
      });
      expect(errors.map(({ path }) => path)).toEqual([['chat', 'customer', 'phone']]);
      expect(codesOf({ errors })).toEqual(['UPSTREAM_TIMEOUT']);
    },
  );

  test.each(operationCaches)(
    'a mutation whose upstream response arrives at the deadline returns its result, OPERATION_CACHE=%s',
    async (operationCache) => {
      const clock = createTickingClock();
      await using busy = await startLargeUpstream();
      busy.respond('PUT /chats/readByAgent', ({ body: { id } }) => {
        clock.tick(3_000);
        return { body: wireChat({ id }) };
      });
      const config = { operationCache, operationTimeoutMs: 2_000 };
      await using gateway = await startTestGateway({ upstream: busy, clock, config });

      const { data, errors } = await gateway.query(
        'mutation { markChatRead(id: 1, by: AGENT, read: true) { id agents { name } customer { name } } }',
      );

      expect(errors).toEqual([]);
      expect(data).toEqual({
        markChatRead: { id: '1', agents: [{ name: 'Olena' }], customer: { name: 'Taras' } },
      });
    },
  );

  test.each(operationCaches)(
    '1,000 references are returned in order with the errors of those that fail, OPERATION_CACHE=%s',
    async (operationCache) => {
      await using gateway = await startTicking({ operationCache, operationTimeoutMs: 1e9 });
      const references = Array.from({ length: 1_000 }, (_, index) =>
        index % 100 === 99
          ? { __typename: 'Ticket', id: 'x' }
          : { __typename: 'Chat', id: String((index % 50) + 1) },
      );
      const query =
        'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Chat { id assignee { id } } } }';
      const undivided = await gateway.query(query, { r: references });
      gateway.clock.tick(1);

      const { data, errors } = await gateway.query(query, { r: references });

      expect(data).toEqual(undivided.data);
      expect(data._entities.map((chat: any) => chat?.id ?? 'x')).toEqual(
        references.map(({ id }) => id),
      );
      const placesOf = (found: GraphQLResponse['errors']) =>
        found.map(({ path }) => Number(path?.[1])).toSorted((one, other) => one - other);
      expect(placesOf(errors)).toEqual(placesOf(undivided.errors));
      expect(gateway.logged).toEqual([]);
    },
  );

  test('an execution over cached data ends when its client disconnects', async () => {
    await using gateway = await startTicking({ operationTimeoutMs: 1e9, logLevel: 'info' });
    gateway.clock.tick(1);
    const before = gateway.logged.length;

    const { answer, leave } = executeQuery(gateway, large);
    const codes = () =>
      gateway.logged
        .slice(before)
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => msg === 'operation')
        .map(({ code }) => code);
    // It is under way as long as nothing is answered.
    await fetch(`${gateway.url}/healthz`);
    leave();
    while (codes().length === 0) await fetch(`${gateway.url}/healthz`);

    expect(await answer).toBe('left');
    expect(codes()).toEqual(['CLIENT_DISCONNECTED']);
  });

  test.each(operationCaches)(
    'a long execution yields to other requests, OPERATION_CACHE=%s',
    async (operationCache) => {
      await using gateway = await startTicking({ operationCache, operationTimeoutMs: 1e9 });
      gateway.clock.tick(1);
      const state = { isDone: false };
      let served = 0;

      const answering = gateway.query(large).finally(() => {
        state.isDone = true;
      });
      while (!state.isDone) {
        await fetch(`${gateway.url}/healthz`);
        served += 1;
      }
      const { data } = await answering;

      expect(data.chat.messages.nodes[89].chat.messages.nodes).toHaveLength(90);
      // One or two are served before it begins and when it is over.
      expect(served).toBeGreaterThan(10);
    },
  );

  test.each(operationCaches)(
    'an execution that yields to the event loop has the same result, OPERATION_CACHE=%s',
    async (operationCache) => {
      await using gateway = await startTicking({ operationCache, operationTimeoutMs: 1e9 });
      const query =
        '{ chats(first: 100) { nodes { id status customer { id name } agents { name } assignee { id role } department { name } } pageInfo { endCursor } } }';
      const undivided = await gateway.query(query);
      gateway.clock.tick(10);

      const divided = await gateway.query(query);

      expect(divided.data).toEqual(undivided.data);
      expect(undivided.errors).toEqual([]);
    },
  );
});

test('an execution that yields to the event loop makes no additional upstream calls', async () => {
  const wired = await startLargeUpstream();
  const person = (id: number) => ({ id, name: `Person ${id}`, tags: [], customData: {} });
  wired.respond('POST /chats/search', ({ body }) => {
    const owners = body.filter.map(({ value }: any) => value);
    return {
      body: {
        data: owners.map((id: number) => wireChat({ id: 5_000 + id, customer: person(id) })),
        meta: { total: owners.length },
      },
    };
  });
  wired.respond('GET /customers', {
    body: {
      data: Array.from({ length: 40 }, (_, index) => person(index + 1)),
      meta: { total: 40 },
    },
  });
  wired.respond('GET /chats', {
    body: {
      data: Array.from({ length: 50 }, (_, index) =>
        wireChat({ id: index + 1, customer: { id: index + 1, name: 'A', email: 'b' } }),
      ),
      meta: { total: 50 },
    },
  });
  wired.respond('POST /customers/search', ({ body }) => ({
    body: {
      data: body.filter.map(({ value }: any) => ({ ...person(Number(value)), phone: '+1' })),
      meta: { total: body.filter.length },
    },
  }));
  const counts: Record<string, number[]> = {};
  for (const tickMs of [0, 1, 30]) {
    const clock = createTickingClock();
    await using gateway = await startTestGateway({
      upstream: wired,
      clock,
      config: { operationTimeoutMs: 1e9, rateLimit: 0 },
    });
    clock.tick(tickMs);
    for (const query of [
      '{ customers(first: 40) { nodes { id chats(first: 1) { nodes { status } } } } }',
      '{ chats(first: 50) { nodes { id customer { phone company } } } }',
    ]) {
      const { errors, extensions } = await gateway.query(query);
      expect(errors).toEqual([]);
      (counts[query] ??= []).push(extensions.upstream.calls);
    }
  }
  await wired[Symbol.asyncDispose]();

  for (const calls of Object.values(counts)) expect(calls).toEqual([2, 2, 2]);
});

describe('a response that is longer than MAX_RESPONSE_BYTES', () => {
  const page = (first: number) =>
    `{ chat(id: 1) { messages(first: ${first}) { nodes { id text } } } }`;
  const maxBytes = 3_000;

  const expectReplaced = (answer: Pick<GraphQLResponse, 'data' | 'errors'>) => {
    expect(answer.data).toBeNull();
    expect(answer.errors).toEqual([
      {
        message:
          'The response is longer than 3000 bytes, which is the limit. Request less data at once.',
        extensions: {
          code: 'OPERATION_TOO_EXPENSIVE',
          retryable: false,
          requestId: expect.any(String),
        },
      },
    ]);
  };

  test.each(operationCaches)(
    'a response longer than MAX_RESPONSE_BYTES is replaced by an error with status 200, OPERATION_CACHE=%s',
    async (operationCache) => {
      await using gateway = await start({ operationCache, maxResponseBytes: maxBytes });

      for (let count = 0; count < 4; count += 1) {
        const answer = await gateway.query(page(100));

        expect(answer.status).toBe(200);
        expectReplaced(answer);
        expect(answer.extensions).toHaveProperty('upstream.calls');
      }
      expect((await gateway.query(page(10))).data.chat.messages.nodes).toHaveLength(10);
    },
  );

  test.each(operationCaches)(
    'MAX_RESPONSE_BYTES is exact to the byte, OPERATION_CACHE=%s',
    async (operationCache) => {
      const config = {
        operationCache,
        maxResponseBytes: maxBytes,
        isProduction: true,
        rateLimit: 0,
      };
      await using gateway = await start(config);
      const lengthOf = async (length: number) => {
        const query = `{ ${'x'.repeat(length)}: chat(id: 1) { messages(first: 50) { nodes { id text } } } }`;
        const response = await fetch(`${gateway.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query }),
        });
        const body = await response.text();
        return body.includes('OPERATION_TOO_EXPENSIVE') ? 'replaced' : Buffer.byteLength(body);
      };
      await lengthOf(1);
      const least = await lengthOf(2);
      const fitting = 2 + maxBytes - Number(least);

      const lengths = [];
      for (const more of [-1, 0, 1, 2]) {
        // From the third time on the operation is known.
        for (let count = 0; count < 4; count += 1) lengths.push(await lengthOf(fitting + more));
      }

      const four = (length: number | string) => Array.from({ length: 4 }, () => length);
      expect(lengths).toEqual(
        [maxBytes - 1, maxBytes, 'replaced', 'replaced'].flatMap((length) => four(length)),
      );
    },
  );

  test('a response whose errors exceed MAX_RESPONSE_BYTES is replaced by one error', async () => {
    await using gateway = await start({ maxResponseBytes: 20_000 });
    const alias = 'x'.repeat(3_000);

    const { data, errors } = await gateway.query(
      `query ($ids: [ID!]!) { ${alias}: nodes(nodeIds: $ids) { nodeId } }`,
      {
        ids: Array.from({ length: 20 }, (_, index) => toNodeId('Customer', String(9_000 + index))),
      },
    );

    expect(data).toBeNull();
    expect(codesOf({ errors })).toEqual(tooExpensive);
  });

  test('a result longer than MAX_RESPONSE_BYTES is replaced over WebSockets and event streams', async () => {
    await using gateway = await start({ maxResponseBytes: maxBytes });
    await using socket = await openSocket(gateway.url);
    await socket.initialize();

    socket.send({ id: '1', type: 'subscribe', payload: { query: page(100) } });
    const { type, payload } = await socket.nextMessage();
    const stream = await fetch(`${gateway.url}/graphql/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: page(100) }),
    });
    const [, data = ''] = /event: next\ndata: (.*)\n/.exec(await stream.text()) ?? [];

    expect(type).toBe('next');
    expectReplaced(payload);
    expectReplaced(JSON.parse(data));
  });

  test('an event longer than MAX_RESPONSE_BYTES is replaced, also for a router', async () => {
    const messages: any[] = [];
    const router = createServer((request, response) => {
      void text(request).then((body) => {
        messages.push(JSON.parse(body));
        response.end();
      });
    });
    await new Promise<void>((resolve) => router.listen(0, '127.0.0.1', resolve));
    const { port } = router.address() as AddressInfo;
    const { subscriptions } = readConfig({
      SUBSCRIPTION_CALLBACK_HOSTS: `http://127.0.0.1:${port}`,
    });
    await using gateway = await start({ maxResponseBytes: maxBytes, subscriptions });
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    const query =
      'subscription { chatUpdated { chat { id messages(first: 100) { nodes { id text } } } } }';
    socket.send({ id: '1', type: 'subscribe', payload: { query } });
    await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: {
        accept: 'application/json;callbackSpec=1.0',
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        query,
        extensions: {
          subscription: {
            callbackUrl: `http://127.0.0.1:${port}/callback`,
            subscriptionId: '7',
            verifier: 'secret',
            heartbeatIntervalMs: 60_000,
          },
        },
      }),
    });
    await gateway.waitForSubscriptions(2);
    helpCrunch.respond('PUT /chats/readByAgent', ({ body: { id } }) => ({
      body: wireChat({ id }),
    }));

    await gateway.query('mutation { markChatRead(id: 5, by: AGENT, read: true) { id } }');
    const event = await socket.nextMessage();
    while (messages.length < 2) await fetch(`${gateway.url}/healthz`);
    router.closeAllConnections();
    router.close();

    expect(event.type).toBe('next');
    expectReplaced(event.payload);
    expect(messages.map(({ action }) => action)).toEqual(['check', 'next']);
    expectReplaced(messages[1].payload);
  });

  test('MAX_RESPONSE_BYTES counts the bytes of the JSON', async () => {
    const pause = () => undefined;
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.integer({ min: -8, max: 8 }), async (value, more) => {
        const length = Buffer.byteLength(JSON.stringify(value));
        const limit = Math.max(0, length + more);

        expect(await isLargerThan(limit, value, pause)).toBe(length > limit);
      }),
      propertyParameters(200),
    );
    expect(await isLargerThan(10, { a: undefined, b: 'é"\n\ud800' }, pause)).toBe(true);
    expect(maxResponseBytes).toBe(8_388_608);
  });
});
