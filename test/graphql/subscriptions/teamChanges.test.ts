import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openEventStream } from '../../support/eventStream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import { wireChat } from '../../support/recordingUpstream.ts';
import { hasRedis, startRedis } from '../../support/redis.ts';
import { openSocket } from '../../support/socket.ts';
import { startTwoCustomers } from '../../support/twoCustomers.ts';
import { chatData, deliver, webhookSecret } from '../../support/webhooks.ts';

const helpCrunch = await startTwoCustomers();

afterAll(() => helpCrunch[Symbol.asyncDispose]());

beforeEach(() => helpCrunch.clearCalls());

const document = 'subscription { chatUpdated { change } }';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

const start = (redisUrl?: string) =>
  startTestGateway({
    upstream: helpCrunch,
    config: { rateLimit: 0, auth: jwtAuth(), webhookSecret, redisUrl },
  });

async function overWebSocket({ url }: Gateway, headers: Readonly<Record<string, string>>) {
  const socket = await openSocket(url);
  await socket.initialize(headers);
  socket.send({ id: 'a', type: 'subscribe', payload: { query: document } });
  return {
    first: async () => (await socket.nextMessage()).payload.data.chatUpdated.change,
    close: () => socket[Symbol.asyncDispose](),
  };
}

const overHttp =
  (accept: string) =>
  async ({ url }: Gateway, headers: Readonly<Record<string, string>>) => {
    const stream = await openEventStream(url, document, { accept, headers });
    return {
      first: async () => (await stream.next()).data.chatUpdated.change,
      close: () => stream[Symbol.asyncDispose](),
    };
  };

const transports = [
  ['WebSocket', overWebSocket],
  ['event streams', overHttp('text/event-stream')],
  ['multipart', overHttp('multipart/mixed;subscriptionSpec=1.0')],
] as const;

const viewers = [
  ['id', { role: 'customer', customerId: '7001' }],
  ['userId', { role: 'customer', userId: 'u-ada' }],
] as const;

/** Snoozes and wakes the chat of customer 7001 by webhooks, with and without the customer, and by mutations; then it is closed. */
async function snoozeAndClose(gateway: Gateway) {
  for (const event of ['chat.snoozed', 'chat.unsnoozed']) {
    for (const customer of [{ id: 7001 }, null]) {
      await deliver(gateway, { event, eventData: chatData(wireChat({ id: 1, customer })) });
    }
  }
  const agent = await bearer({ role: 'agent', agentId: '12' });
  const mutations = `mutation {
    snoozeChat(id: 1, until: "2200-01-01T00:00:00Z") { id }
    unsnoozeChat(id: 1) { id }
  }`;
  const { errors } = await gateway.query(mutations, {}, agent);
  expect(errors).toEqual([]);
  await deliver(gateway, {
    event: 'chat.closed',
    eventData: chatData(wireChat({ id: 1, customer: { id: 7001 } })),
  });
}

const readCalls = () =>
  helpCrunch.calls.filter(({ method, path }) => `${method} ${path}` === 'GET /chats/1');

describe.each(transports)('a customer that subscribes over %s', (_transport, subscribe) => {
  test.each(viewers)(
    'and is known by its %s receives no snooze of its chat, which costs no call',
    async (_claim, claims) => {
      await using gateway = await start();
      const stream = await subscribe(gateway, await bearer(claims));
      await gateway.waitForSubscriptions(1);

      await snoozeAndClose(gateway);

      expect(await stream.first()).toBe('CLOSED');
      expect(readCalls()).toEqual([]);
      await stream.close();
    },
  );

  (hasRedis ? test : test.skip)(
    'receives no snooze of its chat from another instance (needs Redis)',
    async () => {
      await using redis = await startRedis();
      await using a = await start(redis.url);
      await using b = await start(redis.url);
      await redis.listenedBy(2);
      const stream = await subscribe(b, await bearer(viewers[0][1]));
      await b.waitForSubscriptions(1);

      await snoozeAndClose(a);

      expect(await stream.first()).toBe('CLOSED');
      expect(readCalls()).toEqual([]);
      await stream.close();
    },
  );
});

test('the team receives SNOOZED and UNSNOOZED', async () => {
  await using gateway = await start();
  const stream = await overWebSocket(gateway, await bearer({ role: 'agent', agentId: '12' }));
  await gateway.waitForSubscriptions(1);

  await snoozeAndClose(gateway);
  const changes: string[] = [];
  while (changes.at(-1) !== 'CLOSED') changes.push(await stream.first());

  expect(changes).toEqual([
    ...['SNOOZED', 'SNOOZED', 'UNSNOOZED', 'UNSNOOZED', 'SNOOZED', 'UNSNOOZED', 'CLOSED'],
  ]);
  await stream.close();
});
