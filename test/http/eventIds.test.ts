import { randomUUID } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import { redisKey } from '../../src/redis/keys.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { openEventStream } from '../support/eventStream.ts';
import { createManualClock } from '../support/manualClock.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startRouter } from '../support/router.ts';
import { openSocket } from '../support/socket.ts';
import { webhookSecret } from '../support/webhooks.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const helpCrunch = await startControlledUpstream();

afterAll(() => helpCrunch[Symbol.asyncDispose]());

beforeEach(() => {
  helpCrunch.seed({ chats: [{ id: 1 }], customers: [{ id: 7001 }] });
});

const subscription = 'subscription { chatUpdated { change } }';
const markRead = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';
const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/;

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

async function listen({ url }: Gateway, query: string) {
  const socket = await openSocket(url);
  await socket.initialize();
  socket.send({ id: 'a', type: 'subscribe', payload: { query } });
  return socket;
}

test('an event has the same id over WebSocket, event streams, multipart and callbacks, and the next one a later id', async () => {
  await using router = await startRouter();
  await using gateway = await startTestGateway({
    upstream: helpCrunch,
    clock: { ...createManualClock(), random: Math.random },
    config: {
      subscriptions: {
        maxConnections: 10,
        maxConnectionsPerViewer: 10,
        maxConnectionAgeMs: 0,
        maxPerConnection: 10,
        maxSubscriptionsPerViewer: 10,
        maxBuffered: 10,
        callbackHosts: [router.origin],
      },
    },
  });
  await using socket = await listen(gateway, subscription);
  await using sse = await openEventStream(gateway.url, subscription);
  await using multipart = await openEventStream(gateway.url, subscription, {
    accept: 'multipart/mixed;subscriptionSpec=1.0',
  });
  await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: {
      accept: 'application/json;callbackSpec=1.0',
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      query: subscription,
      extensions: { subscription: { ...router.subscription, heartbeatIntervalMs: 0 } },
    }),
  });
  await router.hear();
  await gateway.waitForSubscriptions(4);

  await gateway.query(markRead);
  await gateway.query(markRead);
  const overSocket = [await socket.nextMessage(), await socket.nextMessage()].map(
    ({ payload }) => payload.extensions.eventId,
  );
  const overCallback: any[] = [await router.hear(), await router.hear()];
  const overStreams: any[][] = [];
  for (const { next } of [sse, multipart]) overStreams.push([await next(), await next()]);

  expect(overSocket[0]).toMatch(uuid7);
  expect(overSocket[1] > overSocket[0]).toBe(true);
  expect(overStreams.map((results) => results.map(({ extensions }) => extensions.eventId))).toEqual(
    [overSocket, overSocket],
  );
  expect(overCallback.map(({ payload }) => payload.extensions.eventId)).toEqual(overSocket);
});

test('a result that is too large still has the id of its event', async () => {
  await using gateway = await startTestGateway({
    upstream: helpCrunch,
    config: { maxResponseBytes: 250 },
  });
  const aliases = Array.from({ length: 14 }, (_, index) => `alias${index}: change`).join(' ');
  await using socket = await listen(gateway, `subscription { chatUpdated { ${aliases} } }`);
  await gateway.waitForSubscriptions(1);

  await gateway.query(markRead);
  const { payload } = await socket.nextMessage();

  expect(payload.errors).toMatchObject([{ extensions: { code: 'OPERATION_TOO_EXPENSIVE' } }]);
  expect(payload.extensions.eventId).toMatch(uuid7);
});

describeWithRedis('the events of several instances (need Redis)', () => {
  const customers = 'subscription { customerChanged { change customerId } }';

  async function startTwo() {
    const redis = await startRedis();
    const start = () =>
      startTestGateway({
        upstream: helpCrunch,
        config: { redisUrl: redis.url, webhookSecret },
      });
    const [a, b] = await Promise.all([start(), start()]);
    await redis.listenedBy(2);
    return {
      redis,
      a,
      b,
      async [Symbol.asyncDispose]() {
        await Promise.all([a.stop(), b.stop()]);
        await redis[Symbol.asyncDispose]();
      },
    };
  }

  test('an event has the same id at every instance', async () => {
    await using two = await startTwo();
    await using atA = await listen(two.a, subscription);
    await using atB = await listen(two.b, subscription);
    await Promise.all([two.a.waitForSubscriptions(1), two.b.waitForSubscriptions(1)]);

    await two.a.query(markRead);
    await two.b.query(markRead);
    const ids = await Promise.all(
      [atA, atB].map(async (socket) =>
        [await socket.nextMessage(), await socket.nextMessage()].map(
          ({ payload }) => payload.extensions.eventId,
        ),
      ),
    );

    expect(ids[0]?.[0]).toMatch(uuid7);
    expect(new Set(ids[0]).size).toBe(2);
    expect(ids[1]).toEqual(ids[0]);
  });

  test('an event of a build without event ids and kinds of changes is delivered with one id and as UPDATED', async () => {
    await using two = await startTwo();
    const { a, b, redis } = two;
    await using atA = await listen(a, customers);
    await using atB = await listen(b, customers);
    await Promise.all([a.waitForSubscriptions(1), b.waitForSubscriptions(1)]);
    const event = { kind: 'customer', customerId: '7001', atMs: Date.now() };

    await redis.command(
      'PUBLISH',
      redisKey(readConfig({}).account, 'event'),
      JSON.stringify({ from: randomUUID(), sequence: 1, event }),
    );
    const [first, second] = [await atA.nextMessage(), await atB.nextMessage()];

    expect(first.payload.data).toEqual({
      customerChanged: { change: 'UPDATED', customerId: '7001' },
    });
    expect(first.payload.extensions.eventId).toMatch(uuid7);
    expect(second.payload.extensions.eventId).toBe(first.payload.extensions.eventId);
    for (const { url } of [a, b]) {
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).not.toMatch(/^helpcrunch_redis_anomalies_total\{[^}]*\} [1-9]/m);
    }
  });
});
