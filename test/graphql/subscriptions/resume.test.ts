import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { createManualClock } from '../../support/manualClock.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
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

async function start(clock = createManualClock()) {
  const gateway = await startTestGateway({
    upstream,
    clock: { ...clock, random: Math.random },
    config: { auth: jwtAuth(), rateLimit: 0, webhookSecret },
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
  gateway.clock.advance(600_000);
  await using late = await subscribe(eventId);
  const expired = await late.next();

  expect([gap, later, expired].map(isMissed)).toEqual([true, true, true]);
  expect(later.extensions.eventId > eventId).toBe(true);
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
