import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { createManualClock } from '../../support/manualClock.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import { head, openConnection } from '../../support/rawHttp.ts';
import { openSubscriber } from '../../support/resumingSubscriber.ts';
import type { SubscriberTransport } from '../../support/resumingSubscriber.ts';
import { chatData, deliver, webhookSecret } from '../../support/webhooks.ts';

const upstream = await startControlledUpstream();

afterAll(() => upstream[Symbol.asyncDispose]());

const messages = [
  { id: 11, from: 'customer', type: 'message', text: 'edited later', createdAt: '2' },
  { id: 12, from: 'agent', type: 'private', text: 'a note', createdAt: '3' },
];

beforeEach(() => {
  upstream.seed({
    chats: [
      { id: 1, customer: { id: 7 }, messages },
      { id: 2, customer: { id: 8 } },
    ],
    customers: [{ id: 7 }, { id: 8 }],
  });
  upstream.clearCalls();
});

const transports: readonly SubscriberTransport[] = ['websocket', 'sse', 'sse-get', 'multipart'];
const customerOf = (id: number) => (id === 1 ? { id: 7 } : { id: 8 });
const unknownId = '01900000-0000-7000-8000-000000000000';
const team = { role: 'agent' };

async function start(rateLimit = 0) {
  const clock = createManualClock();
  const gateway = await startTestGateway({
    upstream,
    clock: { ...clock, random: Math.random },
    config: { auth: jwtAuth(), rateLimit, webhookSecret },
  });
  return {
    ...gateway,
    clock,
    change: (id: number, status: string) => {
      upstream.seed({ chats: [{ id, status, customer: customerOf(id) }] });
      return deliver(gateway, {
        event: 'chat.status_updated',
        eventData: chatData({ id, status, customer: customerOf(id) }),
        atMs: clock.now(),
      });
    },
  };
}

const query = 'subscription ($after: ID) { chatUpdated(after: $after) { chat { id status } } }';
const statusOf = ({ data }: any): unknown => data?.chatUpdated.chat.status;
const isMissed = ({ errors }: any): boolean => errors?.[0].extensions.missed === true;

test.each(transports)(
  'a subscriber over %s continues after its last event, with the current state of each object',
  async (transport) => {
    await using gateway = await start();
    const headers = await bearer(team);
    const subscribe = (after?: string) =>
      openSubscriber(gateway.url, {
        transport,
        query,
        headers,
        ...(after === undefined ? {} : { after }),
      });
    const first = await subscribe();
    await gateway.waitForSubscriptions(1);
    await gateway.change(1, 'pending');
    const seen = await first.next();
    await first.close();
    await gateway.waitForSubscriptions(0);
    await gateway.change(1, 'on hold');
    await gateway.change(2, 'closed');
    await gateway.change(1, 'opened');

    await using second = await subscribe(seen.extensions.eventId);
    const replayed = [await second.next(), await second.next(), await second.next()];
    await gateway.change(2, 'pending');
    const live = await second.next();

    expect(statusOf(seen)).toBe('PENDING');
    expect(replayed.map(statusOf)).toEqual(['OPENED', 'CLOSED', 'OPENED']);
    expect(statusOf(live)).toBe('PENDING');
    const ids = [seen, ...replayed, live].map(({ extensions }) => extensions.eventId);
    expect(new Set(ids).size).toBe(5);
  },
);

test('the calls of replayed events are shared by all subscribers that continue at the same time', async () => {
  await using gateway = await start();
  const headers = await bearer(team);
  const subscribe = (after?: string) =>
    openSubscriber(gateway.url, {
      transport: 'websocket',
      query,
      headers,
      ...(after === undefined ? {} : { after }),
    });
  const first = await subscribe();
  await gateway.waitForSubscriptions(1);
  await gateway.change(1, 'pending');
  const { eventId } = (await first.next()).extensions;
  await first.close();
  await gateway.waitForSubscriptions(0);
  for (const status of ['on hold', 'opened', 'closed']) {
    await gateway.change(1, status);
    await gateway.change(2, status);
  }
  upstream.clearCalls();

  const calls = upstream.calls.length;
  const subscribers = await Promise.all(Array.from({ length: 10 }, () => subscribe(eventId)));
  for (const subscriber of subscribers)
    for (let event = 0; event < 6; event += 1) await subscriber.next();

  expect(calls).toBe(0);
  expect(upstream.calls.length).toBeLessThanOrEqual(10);
  await Promise.all(subscribers.map((subscriber) => subscriber.close()));
});

test('new events do not wait for the calls of replayed ones', async () => {
  const chatIds = [1, 2, 3, 4, 5];
  const messageOf = (id: number) => ({ id: id + 20, from: 'customer', type: 'message', text: 'a' });
  upstream.seed({
    chats: chatIds.map((id) => ({ id, messages: [{ ...messageOf(id), createdAt: '2' }] })),
  });
  // At most two calls at once.
  await using gateway = await start(12);
  const headers = await bearer(team);
  const document = 'subscription ($after: ID) { messageReceived(after: $after) { id text } }';
  const open = (after?: string) =>
    openSubscriber(gateway.url, {
      ...{ transport: 'websocket', query: document, headers },
      ...(after === undefined ? {} : { after }),
    });
  const receive = (id: number) =>
    deliver(gateway, {
      event: 'message.chat.customer',
      eventData: { chat_id: id, customer: { id: 7 }, message: messageOf(id) },
      atMs: gateway.clock.now(),
    });
  await using live = await open();
  await gateway.waitForSubscriptions(1);
  for (const id of chatIds) await receive(id);
  const { eventId } = (await live.next()).extensions;
  for (const id of chatIds.slice(1))
    expect((await live.next()).data.messageReceived.id).toBe(String(id + 20));
  await using resuming = await open(eventId);
  for (const id of chatIds.slice(1))
    expect((await resuming.next()).data.messageReceived.id).toBe(String(id + 20));

  const calls = upstream.calls.length;
  await receive(1);
  const [first, second] = [await live.next(), await resuming.next()];

  expect(calls).toBe(4);
  expect(first.data.messageReceived.text).toBe('a');
  expect(second).toEqual(first);
});

test('an event id that is unknown, of another account or older than ten minutes is reported as a gap, which can be continued', async () => {
  await using gateway = await start();
  const headers = await bearer(team);
  const subscribe = (after: string) =>
    openSubscriber(gateway.url, { transport: 'sse', query, headers, after });
  await using first = await subscribe(unknownId);
  const gap = await first.next();
  await gateway.change(1, 'pending');
  const { eventId } = (await first.next()).extensions;
  await gateway.change(1, 'on hold');
  await using again = await subscribe(unknownId);
  const later = await again.next();
  const latest = await first.next();
  gateway.clock.advance(600_000);
  await using late = await subscribe(eventId);
  const expired = await late.next();

  expect([gap, later, expired].map(isMissed)).toEqual([true, true, true]);
  const latestId = latest.extensions.eventId;
  expect([later, expired].map(({ extensions }) => extensions.eventId)).toEqual([
    latestId,
    latestId,
  ]);
});

test('the latest event of an account can be continued however old it is', async () => {
  await using gateway = await start();
  const headers = await bearer(team);
  const options = { transport: 'sse', query, headers } as const;
  await using first = await openSubscriber(gateway.url, options);
  await gateway.change(1, 'pending');
  const { eventId } = (await first.next()).extensions;
  gateway.clock.advance(86_400_000);

  await using late = await openSubscriber(gateway.url, { ...options, after: eventId });
  await gateway.change(1, 'on hold');

  expect(statusOf(await late.next())).toBe('ON_HOLD');
});

test.each([
  ['without the form of one', 'no id'],
  ['of five thousand digits', '1'.repeat(5_000)],
  ['with a suffix', `${unknownId}0`],
])('an event id %s is rejected with BAD_USER_INPUT over every transport', async (_how, after) => {
  await using gateway = await start();
  const headers = await bearer(team);
  for (const transport of transports) {
    const rejected = await openSubscriber(gateway.url, { transport, query, headers, after });
    expect((await rejected.next()).errors[0].extensions.code).toBe('BAD_USER_INPUT');
    await rejected.close();
  }
});

test.each([
  ['with a byte of another encoding', 400, '\u00e9'.repeat(36)],
  ['of two values', 400, `${unknownId}\r\nLast-Event-ID: ${unknownId}`],
  ['of a tab and spaces', 200, ' \t '],
  ['that is empty', 200, ''],
  ['that is longer than all headers may be', 431, '1'.repeat(20_000)],
])('a header Last-Event-ID %s is responded to with %i', async (_how, status, value) => {
  await using gateway = await start();
  const { authorization } = await bearer(team);
  const { host } = new URL(gateway.url);
  const search = new URLSearchParams({ query: 'subscription { chatUpdated { change } }' });
  using connection = await openConnection(gateway.url);
  connection.write(
    head(
      `GET /graphql/stream?${search.toString()} HTTP/1.1`,
      ...[`Host: ${host}`, `Authorization: ${authorization}`, 'Accept: text/event-stream'],
      `Last-Event-ID: ${value}`,
    ),
  );

  expect(await connection.response()).toMatchObject({ status });
});

test.each([
  ['a variable', 413, { after: '1'.repeat(1_048_576) }],
  ['a variable that is a number', 400, { after: 5 }],
])('%s after is responded to with %i and not executed', async (_how, status, variables) => {
  await using gateway = await start();
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: {
      ...(await bearer(team)),
      ...{ accept: 'text/event-stream', 'content-type': 'application/json' },
    },
    body: JSON.stringify({ query, variables }),
  });
  const text = await response.text();

  expect(response.status).toBe(status);
  expect(text).toMatch(/BAD_USER_INPUT|BAD_REQUEST/);
  expect(text.length).toBeLessThan(1_000);
});

test.each(['sse', 'multipart'] as const)(
  'the header Last-Event-ID takes precedence over the argument over %s',
  async (transport) => {
    await using gateway = await start();
    const headers = await bearer(team);
    const first = await openSubscriber(gateway.url, { transport: 'sse', query, headers });
    await gateway.waitForSubscriptions(1);
    const ids: string[] = [];
    for (const status of ['pending', 'on hold', 'closed']) {
      await gateway.change(1, status);
      ids.push((await first.next()).extensions.eventId);
    }
    await first.close();
    const literal = query.replace('($after: ID)', '').replace('$after', JSON.stringify(ids[0]));
    await using second = await openSubscriber(gateway.url, {
      ...{ transport, query: literal },
      headers: { ...headers, 'last-event-id': ids[1] ?? '' },
    });

    expect((await second.next()).extensions.eventId).toBe(ids[2]);
  },
);

test('a customer that continues receives its own events only, also after an event of others', async () => {
  await using gateway = await start();
  const agent = await openSubscriber(gateway.url, {
    ...{ transport: 'websocket', query, headers: await bearer(team) },
  });
  await gateway.waitForSubscriptions(1);
  await gateway.change(2, 'pending');
  const { eventId: after } = (await agent.next()).extensions;
  await agent.close();
  await gateway.change(2, 'on hold');
  await gateway.change(1, 'pending');
  await gateway.change(2, 'closed');

  const headers = await bearer({ role: 'customer', customerId: '7' });
  await using customer = await openSubscriber(gateway.url, {
    ...{ transport: 'sse', query, headers, after },
  });
  const first = await customer.next();
  await gateway.change(1, 'closed');
  const second = await customer.next();

  expect([first, second].map(({ data }) => data.chatUpdated.chat)).toEqual([
    { id: '1', status: 'PENDING' },
    { id: '1', status: 'CLOSED' },
  ]);
});

test('replayed messages are read again, and notes stay hidden from customers', async () => {
  await using gateway = await start();
  const document = 'subscription ($after: ID) { messageReceived(after: $after) { id text } }';
  const agentHeaders = await bearer(team);
  const open = (headers: Readonly<Record<string, string>>, after?: string) =>
    openSubscriber(gateway.url, {
      ...{ transport: 'sse', query: document, headers },
      ...(after === undefined ? {} : { after }),
    });
  const receive = (event: string, message: { readonly id: number; readonly text: string }) =>
    deliver(gateway, {
      event,
      eventData: { chat_id: 1, customer: { id: 7 }, message: { createdAt: '2', ...message } },
      atMs: gateway.clock.now(),
    });
  const first = await open(agentHeaders);
  await gateway.waitForSubscriptions(1);
  await receive('message.chat.customer', { id: 10, text: 'hello' });
  const seen = await first.next();
  const { eventId } = seen.extensions;
  await first.close();
  await receive('message.private', { id: 12, text: 'a note' });
  await receive('message.chat.customer', { id: 11, text: 'first version' });

  await using agent = await open(agentHeaders, eventId);
  const toAgent = [await agent.next(), await agent.next()];
  await using customer = await open(await bearer({ role: 'customer', customerId: '7' }), eventId);
  const toCustomer = await customer.next();

  expect(seen.data.messageReceived).toEqual({ id: '10', text: 'hello' });
  expect(toAgent.map(({ data }) => data.messageReceived)).toEqual([
    { id: '12', text: 'a note' },
    { id: '11', text: 'edited later' },
  ]);
  expect(toCustomer.data.messageReceived).toEqual({ id: '11', text: 'edited later' });
});

test('messages are not replayed to the former customer of a chat', async () => {
  upstream.seed({
    chats: [{ id: 3, customer: { id: 7 }, messages: [{ ...messages[0], id: 31 }] }],
  });
  await using gateway = await start();
  const document = 'subscription ($after: ID) { messageReceived(after: $after) { id text } }';
  const receive = (chatId: number, id: number) =>
    deliver(gateway, {
      event: 'message.chat.customer',
      eventData: { chat_id: chatId, customer: { id: 7 }, message: { id, text: 'a' } },
      atMs: gateway.clock.now(),
    });
  const open = async (viewer: Parameters<typeof bearer>[0], after?: string) =>
    openSubscriber(gateway.url, {
      ...{ transport: 'sse', query: document, headers: await bearer(viewer) },
      ...(after === undefined ? {} : { after }),
    });
  const agent = await open(team);
  await gateway.waitForSubscriptions(1);
  await receive(3, 30);
  const { eventId } = (await agent.next()).extensions;
  await agent.close();
  await receive(1, 11);
  await receive(3, 31);

  upstream.seed({ chats: [{ id: 1, customer: { id: 8 }, messages }] });
  await using former = await open({ role: 'customer', customerId: '7' }, eventId);
  const replayed = await former.next();

  expect(replayed.data.messageReceived).toMatchObject({ id: '31' });
});

test('subscribers share events however they continue: by a literal, a variable, a default or from now on', async () => {
  await using gateway = await start();
  const headers = await bearer(team);
  const documents = [
    'subscription ($after: ID) { chatUpdated(after: $after) { change } }',
    `subscription { chatUpdated(after: "${unknownId}") { change } }`,
    `subscription ($after: ID = "${unknownId}") { ...F } fragment F on Subscription { chatUpdated(after: $after) { change } }`,
  ];
  const subscribers = await Promise.all(
    documents.flatMap((document) =>
      [undefined, unknownId].map((after) =>
        openSubscriber(gateway.url, {
          ...{ transport: 'multipart', query: document, headers },
          ...(after === undefined || !document.includes('$after') ? {} : { after }),
        }),
      ),
    ),
  );
  await gateway.waitForSubscriptions(6);
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  await gateway.change(1, 'pending');
  const received: any[] = [];
  for (const subscriber of subscribers) {
    let result = await subscriber.next();
    if (isMissed(result)) result = await subscriber.next();
    received.push(result);
  }

  // The document with a fragment is another one.
  expect(metrics).toContain('\nhelpcrunch_distinct_subscriptions 2\n');
  expect(new Set(received.map(({ extensions }) => extensions.eventId)).size).toBe(1);
  await Promise.all(subscribers.map((subscriber) => subscriber.close()));
});
