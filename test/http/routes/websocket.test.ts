import { once } from 'node:events';
import { request } from 'node:http';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { readConfig } from '../../../src/config/settings.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { openSocket } from '../../support/socket.ts';
import { chatData, deliver, webhookSecret } from '../../support/webhooks.ts';

const helpCrunch = await startControlledUpstream();
const gateway = await startTestGateway({ upstream: helpCrunch, config: { webhookSecret } });

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

beforeEach(() => {
  helpCrunch.seed({ chats: [{ id: 1 }, { id: 2 }] });
  helpCrunch.clearCalls();
});

const init = { type: 'connection_init' };
const subscribe = (id: string, query = 'subscription { chatUpdated { change chat { id } } }') => ({
  id,
  type: 'subscribe',
  payload: { query },
});
const markRead = (id: number, read = true) =>
  gateway.query(`mutation { markChatRead(id: ${id}, by: AGENT, read: ${read}) { id } }`);

describe('subscriptions over WebSocket', () => {
  test('graphql-ws receives each change once, with the selected fields of the chat', async () => {
    const client = createClient({
      url: `${gateway.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
    });
    const events = client.iterate({
      query:
        'subscription ($id: ID) { chatUpdated(id: $id) { change at chat { id status readByAgent } } }',
      variables: { id: '1' },
    });
    const first = events.next();
    await gateway.waitForSubscriptions(1);

    await markRead(2);
    await markRead(1);
    await markRead(1, false);
    const answers = [(await first).value, (await events.next()).value];

    expect(answers).toEqual([
      {
        data: {
          chatUpdated: {
            change: 'READ',
            at: expect.any(String),
            chat: { id: '1', status: 'OPENED', readByAgent: expect.any(Boolean) },
          },
        },
        extensions: {
          upstream: expect.objectContaining({ calls: 1 }),
          eventId: expect.any(String),
        },
      },
      {
        data: {
          chatUpdated: {
            change: 'READ',
            at: expect.any(String),
            chat: { id: '1', status: 'OPENED', readByAgent: false },
          },
        },
        extensions: {
          upstream: expect.objectContaining({ calls: 1 }),
          eventId: expect.any(String),
        },
      },
    ]);
    await events.return?.();
    await gateway.waitForSubscriptions(0);
    await client.dispose();
  });

  test('a query and a mutation over WebSocket have the same results as over HTTP', async () => {
    const client = createClient({
      url: `${gateway.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
    });

    const answers = await Promise.all(
      ['{ chat(id: 1) { id } }', '{ chat(id: 9) { id } }', '{ chat(id: 1) { nothing } }'].map(
        async (query) => {
          const iterator = client.iterate({ query });
          return iterator.next().then(
            ({ value }) => value,
            (errors: unknown) => ({ errors }),
          );
        },
      ),
    );

    expect(answers).toMatchObject([
      { data: { chat: { id: '1' } }, extensions: { upstream: { calls: 1 } } },
      {
        data: { chat: null },
        errors: [
          { path: ['chat'], extensions: { code: 'NOT_FOUND', requestId: expect.any(String) } },
        ],
      },
      { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] },
    ]);
    await client.dispose();
  });

  test.each([1, 2])(
    'a subscription has started when a query sent after it on the same WebSocket has its result: %i',
    async () => {
      await using line = await openSocket(gateway.url);
      await line.initialize();
      line.send(subscribe('a'));
      line.send(subscribe('b', '{ __typename }'));
      const result = await line.nextMessage();
      const end = await line.nextMessage();

      await markRead(1);

      expect([result, end]).toMatchObject([
        { id: 'b', type: 'next' },
        { id: 'b', type: 'complete' },
      ]);
      expect(await line.nextMessage()).toMatchObject({
        id: 'a',
        payload: { data: { chatUpdated: { change: 'READ', chat: { id: '1' } } } },
      });
      line.send({ id: 'a', type: 'complete' });
      await gateway.waitForSubscriptions(0);
    },
  );

  test('an event costs no upstream call when only the id of its chat is selected', async () => {
    await using line = await openSocket(gateway.url);
    await line.initialize();
    line.send(subscribe('a'));
    await gateway.waitForSubscriptions(1);
    await markRead(1);
    helpCrunch.clearCalls();

    const heard = await line.nextMessage();

    expect(heard).toMatchObject({
      id: 'a',
      type: 'next',
      payload: { data: { chatUpdated: { chat: { id: '1' } } } },
    });
    expect(helpCrunch.calls).toHaveLength(0);
  });

  test('an event with many subscribers is resolved once', async () => {
    const query = 'subscription { chatUpdated { chat { status } } }';
    const lines = await Promise.all(Array.from({ length: 10 }, () => openSocket(gateway.url)));
    for (const line of lines) {
      await line.initialize();
      line.send(subscribe('a', query));
      line.send(subscribe('b', `${query} # in other words`));
    }
    await gateway.waitForSubscriptions(20);

    await markRead(1);
    for (const line of lines) {
      for (let heard = 0; heard < 2; heard += 1) await line.nextMessage();
    }

    expect(helpCrunch.callsTo('GET /chats/1')).toHaveLength(1);
    await Promise.all(lines.map((line) => line[Symbol.asyncDispose]()));
  });

  test.each([
    ['chatUpdated(id: "x") { change }', 'BAD_USER_INPUT'],
    ['chatUpdated(assigneeId: "0") { change }', 'BAD_USER_INPUT'],
    ['chatUpdated(departmentId: "1.5") { change }', 'BAD_USER_INPUT'],
    ['chatUpdated(customerId: "01") { change }', 'BAD_USER_INPUT'],
    ['customerUpdated(id: "-1") { id }', 'BAD_USER_INPUT'],
    ['messageReceived(chatId: "x") { id }', 'BAD_USER_INPUT'],
    ['chatUpdated { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['chatUpdated { change } messageReceived { id }', 'GRAPHQL_VALIDATION_FAILED'],
  ])('over WebSocket, %s gets %s', async (field, code) => {
    await using line = await openSocket(gateway.url);
    await line.initialize();
    line.send(subscribe('a', `subscription { ${field} }`));

    const heard = await line.nextMessage();

    expect(heard).toMatchObject({ id: 'a', type: 'error', payload: [{ extensions: { code } }] });
    await gateway.waitForSubscriptions(0);
  });
});

describe('request limits over WebSocket', () => {
  test('a WebSocket client above the request rate gets RATE_LIMITED', async () => {
    await using strict = await startTestGateway({
      upstream: helpCrunch,
      config: { requestRateLimit: 1 },
    });
    await using line = await openSocket(strict.url);
    await line.initialize();
    line.send({ ...subscribe('a', '{ __typename }') });
    const first = [await line.nextMessage(), await line.nextMessage()];
    line.send({ ...subscribe('b', '{ __typename }') });

    const second = await line.nextMessage();

    expect(first).toMatchObject([
      { id: 'a', type: 'next' },
      { id: 'a', type: 'complete' },
    ]);
    expect(second).toMatchObject({
      id: 'b',
      type: 'error',
      payload: [
        { extensions: { code: 'RATE_LIMITED', retryable: true, retryAfterMs: expect.any(Number) } },
      ],
    });
  });

  test('with PERSISTED_ONLY a WebSocket executes persisted operations only', async () => {
    const { persistedOperations } = readConfig({});
    await using strict = await startTestGateway({
      upstream: helpCrunch,
      config: { persistedOperations, persistedOnly: 'true' },
    });
    await using line = await openSocket(strict.url);
    await line.initialize();
    line.send(subscribe('a'));

    const heard = await line.nextMessage();

    expect(heard).toMatchObject({
      id: 'a',
      type: 'error',
      payload: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
    });
  });
});

describe('webhook events', () => {
  const customer = { id: 7, name: 'Ada', email: null, userId: null };
  const chat = (id: number, change: object = {}) =>
    chatData({ id, customer, assignee: null, department: null, status: 'closed', ...change });

  test('a message event is published to subscribers of its chat without an upstream call', async () => {
    await using line = await openSocket(gateway.url);
    await line.initialize();
    const query = `subscription { messageReceived(chatId: 1) { id text from type chat { id } } }`;
    line.send(subscribe('a', query));
    await gateway.waitForSubscriptions(1);
    const message = { id: 9_007_199_254_740, text: 'Hello?', createdAt: '1603885600' };

    for (const id of [2, 1]) {
      const eventData = { ...chat(id), message: { ...message, id: message.id + id } };
      await deliver(gateway, { event: 'message.chat.customer', eventData });
    }
    const { payload } = await line.nextMessage();

    expect(payload).toMatchObject({
      data: {
        messageReceived: {
          id: '9007199254741',
          text: 'Hello?',
          from: 'CUSTOMER',
          type: 'MESSAGE',
          chat: { id: '1' },
        },
      },
      extensions: { upstream: { calls: 0 } },
    });
  });

  test("a chat event is published to subscribers of the agent's chats even if it does not name the agent", async () => {
    helpCrunch.seed({
      chats: [
        { id: 1, assignee: { id: 12, name: 'Olena' } },
        { id: 2, assignee: null },
      ],
    });
    await using line = await openSocket(gateway.url);
    await line.initialize();
    line.send(
      subscribe('a', 'subscription { chatUpdated(assigneeId: 12) { change chat { id } } }'),
    );
    await gateway.waitForSubscriptions(1);

    const other = { id: 13, name: 'Petro' };
    const deliveries = [chat(2, { assignee: other }), chat(2), chat(1)];
    for (const eventData of deliveries)
      await deliver(gateway, { event: 'chat.status_updated', eventData });
    const { payload } = await line.nextMessage();

    expect(payload.data).toEqual({
      chatUpdated: { change: expect.any(String), chat: { id: '1' } },
    });
  });

  test('a customer event is published with the selected fields', async () => {
    helpCrunch.seed({ customers: [{ id: 7, company: 'Analytical Engines' }] });
    await using line = await openSocket(gateway.url);
    await line.initialize();
    line.send(subscribe('a', 'subscription { customerUpdated(id: 7) { id company } }'));
    await gateway.waitForSubscriptions(1);

    for (const id of [8, 7]) {
      await deliver(gateway, { event: 'customer.tags_changed', eventData: { id } });
    }
    const { payload } = await line.nextMessage();

    expect(payload.data).toEqual({ customerUpdated: { id: '7', company: 'Analytical Engines' } });
  });
});

describe('closing of WebSockets', () => {
  test.each([
    ['no subprotocol', { protocol: [] }, [], 4406],
    ['a message that is not JSON', {}, ['{'], 4400],
    ['a message without a type', {}, [{}], 4400],
    ['a message of an unknown type', {}, [init, { type: 'dance' }], 4400],
    ['a second init', {}, [init, init], 4429],
    ['a subscription before the init', {}, [subscribe('a')], 4401],
    ['a subscription with an id that is in use', {}, [init, subscribe('a'), subscribe('a')], 4409],
    [
      'a subscription without a text',
      {},
      [init, { id: 'a', type: 'subscribe', payload: {} }],
      4400,
    ],
    ['a message of 1 MB', {}, [init, 'x'.repeat(1_048_576)], 1009],
  ])('a WebSocket is closed for %s', async (_name, options, messages, code) => {
    const line = await openSocket(gateway.url, options);
    for (const message of messages) {
      line.send(message);
      if (message === init && messages[1] !== init) await line.nextMessage();
    }

    const closed = await line.closed;

    expect(closed.code).toBe(code);
    await gateway.waitForSubscriptions(0);
  });

  test('a WebSocket message may have MAX_BODY_BYTES', async () => {
    await using small = await startTestGateway({
      upstream: helpCrunch,
      config: { maxBodyBytes: 1_024 },
    });
    const accepted = await openSocket(small.url);
    const rejected = await openSocket(small.url);

    accepted.send(JSON.stringify({ type: 'ping' }).padEnd(1_024));
    rejected.send(JSON.stringify({ type: 'ping' }).padEnd(1_025));

    expect(await accepted.nextMessage()).toEqual({ type: 'pong' });
    expect(await rejected.closed).toMatchObject({ code: 1009 });
    accepted.socket.terminate();
    await accepted.closed;
  });

  test('a WebSocket with another subprotocol is closed, and the client stops', async () => {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/graphql`, 'graphql-ws');

    const [error] = await once(socket, 'error');

    expect(error).toMatchObject({ message: 'Server sent no subprotocol' });
  });

  test('a WebSocket is closed when the client does not authenticate in time', async () => {
    const clock = createManualClock();
    await using own = await startTestGateway({ upstream: helpCrunch, clock });
    const line = await openSocket(own.url);

    clock.advance(3_000);
    const closed = await line.closed;

    expect(closed.code).toBe(4408);
  });

  test('a WebSocket is closed when the client does not respond to a ping', async () => {
    const clock = createManualClock();
    await using own = await startTestGateway({ upstream: helpCrunch, clock });
    const line = await openSocket(own.url, { autoPong: false });
    await line.initialize();

    const pinged = once(line.socket, 'ping');
    clock.advance(25_000);
    await pinged;
    clock.advance(25_000);
    const closed = await line.closed;

    expect(closed.code).toBe(1006);
  });

  test('a WebSocket is closed with 1001 when the gateway stops', async () => {
    const own = await startTestGateway({ upstream: helpCrunch });
    const line = await openSocket(own.url);
    await line.initialize();
    line.send(subscribe('a'));
    await own.waitForSubscriptions(1);

    await own.stop();
    const closed = await line.closed;

    expect(closed.code).toBe(1001);
  });
});

const limits = {
  maxConnections: 3,
  maxConnectionsPerViewer: 2,
  maxConnectionAgeMs: 0,
  maxPerConnection: 100,
  maxSubscriptionsPerViewer: 150,
  maxBuffered: 100,
  callbackHosts: [],
};

describe('subscription limits', () => {
  test('subscriptions above the limit of a connection are rejected, and the others continue', async () => {
    const subscriptions = { ...limits, maxPerConnection: 20 };
    await using own = await startTestGateway({ upstream: helpCrunch, config: { subscriptions } });
    await using line = await openSocket(own.url);
    await line.initialize();
    for (let id = 0; id < 1_000; id += 1) line.send(subscribe(String(id)));

    const refused = new Set<string>();
    while (refused.size < 980) {
      const { id, type, payload } = await line.nextMessage();
      expect([type, payload[0].extensions.code]).toEqual(['error', 'OPERATION_TOO_EXPENSIVE']);
      refused.add(id);
    }
    await own.waitForSubscriptions(20);
    await own.query('mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }');
    const subscriptionIds = new Set<string>();
    while (subscriptionIds.size < 20) subscriptionIds.add((await line.nextMessage()).id);

    expect([...subscriptionIds].some((id) => refused.has(id))).toBe(false);
  });

  test('a router may have as many subscriptions on a connection as its viewer may have', async () => {
    const routerSecret = 'the-secret-of-the-router-and-ours';
    const subscriptions = { ...limits, maxPerConnection: 20 };
    await using own = await startTestGateway({
      upstream: helpCrunch,
      config: { subscriptions, routerSecret },
    });
    await using line = await openSocket(own.url, { headers: { 'x-router-secret': routerSecret } });
    await line.initialize();
    for (let id = 0; id < 151; id += 1) line.send(subscribe(String(id)));

    await own.waitForSubscriptions(150);
    const { type, payload } = await line.nextMessage();

    expect([type, payload[0].extensions.code]).toEqual(['error', 'OPERATION_TOO_EXPENSIVE']);
  });

  test('subscriptions above the limit of a viewer are rejected', async () => {
    await using own = await startTestGateway({
      upstream: helpCrunch,
      config: { subscriptions: limits },
    });
    await using first = await openSocket(own.url);
    await using second = await openSocket(own.url);
    for (const line of [first, second]) {
      await line.initialize();
      for (let id = 0; id < 100; id += 1) line.send(subscribe(String(id)));
    }

    await own.waitForSubscriptions(150);
    const { type } = await Promise.race([first.nextMessage(), second.nextMessage()]);

    expect(type).toBe('error');
  });

  test('a WebSocket above the connection limit of its viewer is closed with 1013', async () => {
    await using own = await startTestGateway({
      upstream: helpCrunch,
      config: { subscriptions: limits },
    });
    await using first = await openSocket(own.url);
    await using second = await openSocket(own.url);
    for (const line of [first, second]) await line.initialize();
    const third = await openSocket(own.url);

    third.send(init);
    const { code } = await third.closed;

    expect(code).toBe(1013);
  });

  test('an upgrade above the connection limit of the process gets 503', async () => {
    const subscriptions = { ...limits, maxConnections: 2 };
    await using own = await startTestGateway({ upstream: helpCrunch, config: { subscriptions } });
    await using first = await openSocket(own.url);
    await using second = await openSocket(own.url);
    const waiting = await openSocket(own.url);
    for (const line of [first, second]) await line.initialize();

    const refused = await refusal(own.url);
    waiting.send(init);

    expect(refused).toEqual({ status: 503, retryAfter: '5' });
    expect((await waiting.closed).code).toBe(1013);
  });
});

test('a slow consumer gets an error for lost events and does not delay others', async () => {
  const subscriptions = { ...limits, maxBuffered: 3 };
  await using own = await startTestGateway({ upstream: helpCrunch, config: { subscriptions } });
  const name = 'x'.repeat(500_000);
  helpCrunch.seed({ chats: [{ id: 1, customer: { id: 7, name, email: null, userId: null } }] });
  await using slow = await openSocket(own.url);
  await using fast = await openSocket(own.url);
  const query = 'subscription { chatUpdated { chat { lastMessageText customer { name } } } }';
  for (const line of [slow, fast]) {
    await line.initialize();
    line.send(subscribe('a', query));
  }
  await own.waitForSubscriptions(2);

  // Much more than the sockets' own buffers take.
  const versionOf = ({ payload }: any) => payload.data?.chatUpdated.chat.lastMessageText;
  slow.socket.pause();
  const versions: unknown[] = [];
  for (let event = 1; event <= 40; event += 1) {
    await own.query('mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }');
    versions.push(versionOf(await fast.nextMessage()));
  }
  slow.socket.resume();
  const late = [];
  while (versionOf(late.at(-1) ?? { payload: {} }) !== '40') late.push(await slow.nextMessage());

  expect(versions).toEqual(Array.from({ length: 40 }, (_, index) => String(index + 1)));
  expect(late.length).toBeLessThan(40);
  expect(late.filter(({ payload }) => payload.errors?.[0].extensions.missed)).toHaveLength(1);
});

test('a day of connecting and disconnecting leaks nothing', async () => {
  const clock = createManualClock();
  await using own = await startTestGateway({ upstream: helpCrunch, clock });
  const client = createClient({
    url: `${own.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    lazy: true,
  });

  for (let hour = 0; hour < 24; hour += 1) {
    const streams = ['1', '2'].map((id) =>
      client.iterate({
        query: 'subscription ($id: ID) { chatUpdated(id: $id) { at } }',
        variables: { id },
      }),
    );
    const first = streams.map((stream) => stream.next());
    await own.waitForSubscriptions(2);
    for (const id of [1, 2]) {
      await own.query(`mutation { markChatRead(id: ${id}, by: AGENT, read: true) { id } }`);
    }
    await Promise.all(first);
    await Promise.all(streams.map(async (stream) => stream.return?.()));
    await own.waitForSubscriptions(0);
    clock.advance(3_600_000);
  }

  const metrics = await (await fetch(`${own.url}/metrics`)).text();
  expect(metrics).toContain('\nhelpcrunch_distinct_subscriptions 0\n');
  expect(metrics).toContain('\nhelpcrunch_live_connections 0\n');
  await client.dispose();
});

/** What an upgrade is answered that is not carried out. */
async function refusal(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  path = '/graphql',
) {
  const call = request(`${url}${path}`, {
    headers: {
      connection: 'upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
      ...headers,
    },
  });
  call.end();
  const [response] = await Promise.race([once(call, 'response'), once(call, 'upgrade')]);
  response.destroy?.();
  call.destroy();
  return { status: response.statusCode, retryAfter: response.headers['retry-after'] };
}

describe('WebSocket admission', () => {
  test.each([
    ['for a client without an Origin', {}, 101],
    ['for a local page', { origin: 'http://localhost:3000' }, 101],
    ['for a page of a foreign origin', { origin: 'https://evil.example' }, 403],
    ['for a page with the origin null', { origin: 'null' }, 403],
  ])('a WebSocket is opened or rejected: %s', async (_name, headers, status) => {
    expect((await refusal(gateway.url, headers)).status).toBe(status);
  });

  test('a WebSocket is opened at the subscription path only', async () => {
    expect((await refusal(gateway.url, {}, '/else')).status).toBe(404);
  });
});

test('a subscription over plain HTTP gets an error that names the subscription transports', async () => {
  const answer = await gateway.query('subscription { chatUpdated { change } }');

  expect(answer.status).toBe(400);
  expect(answer.errors).toMatchObject([
    { message: expect.stringContaining('text/event-stream'), extensions: { code: 'BAD_REQUEST' } },
  ]);
});
