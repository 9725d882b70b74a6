import { afterAll, describe, expect, test } from '@jest/globals';
import { wireChat } from '../../support/recordingUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { openSocket } from '../../support/socket.ts';
import { startTwoCustomers } from '../../support/twoCustomers.ts';
import type { TestDelivery } from '../../support/webhooks.ts';
import { chatData, deliver as deliverTo, webhookSecret } from '../../support/webhooks.ts';

const helpCrunch = await startTwoCustomers();
const clock = createManualClock();
const gateway = await startTestGateway({
  upstream: helpCrunch,
  clock,
  config: { auth: jwtAuth(), webhookSecret },
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

const deliver = (delivery: TestDelivery) => deliverTo(gateway, { atMs: clock.now(), ...delivery });

const agent = { role: 'agent', agentId: '12' };
const ada = { role: 'customer', customerId: '7001' };
const adaByUserId = { role: 'customer', userId: 'u-ada' };
const bob = { role: 'customer', customerId: '7002' };

const chatOf = (id: number, customerId: number | null) =>
  chatData(wireChat({ id, customer: customerId === null ? null : { id: customerId, name: 'x' } }));

const message = (id: number, text: string) => ({ message: { id, text, createdAt: '1603885600' } });

async function subscribe(claims: Parameters<typeof bearer>[0], queries: readonly string[]) {
  const line = await openSocket(gateway.url);
  await line.initialize(await bearer(claims));
  for (const [index, query] of queries.entries()) {
    line.send({
      id: String(index),
      type: 'subscribe',
      payload: { query: `subscription { ${query} }` },
    });
  }
  return line;
}

/** The events of a subscription before the first one that all viewers receive. */
async function receivedBy(connection: Awaited<ReturnType<typeof subscribe>>) {
  const heard: unknown[] = [];
  for (;;) {
    const { payload } = await connection.nextMessage();
    const { data, errors } = payload;
    if (JSON.stringify(data).includes('"id":"3"')) return heard;
    heard.push(errors ?? data);
  }
}

describe('subscription authorization', () => {
  const queries = ['chatUpdated { change chat { id } }', 'messageReceived { text chat { id } }'];

  /** Things that happen, the last of which is in Ada's chat 3. */
  async function happen() {
    await deliver({ event: 'chat.rated', eventData: chatOf(1, 7001) });
    await deliver({ event: 'chat.rated', eventData: chatOf(2, 7002) });
    await deliver({ event: 'chat.assigned', eventData: chatOf(2, null) });
    await deliver({ event: 'chat.assigned', eventData: chatOf(1, null) });
    for (const [id, event] of ['message.private', 'message.chat.agent'].entries()) {
      await deliver({
        event,
        eventData: { ...chatOf(1, 7001), ...message(id + 1, event) },
      });
    }
    await deliver({ event: 'chat.closed', eventData: chatOf(3, 7001) });
  }

  test.each([
    ['id', ada],
    ['userId', adaByUserId],
  ])('a customer identified by %s receives events of its own chats only', async (_name, claims) => {
    await using line = await subscribe(claims, queries);
    await gateway.waitForSubscriptions(2);

    await happen();
    const heard = await receivedBy(line);

    expect(heard).toHaveLength(4);
    expect(heard).toEqual(
      expect.arrayContaining([
        { chatUpdated: { change: 'RATED', chat: { id: '1' } } },
        { chatUpdated: { change: 'ASSIGNEE', chat: { id: '1' } } },
        { chatUpdated: { change: 'MESSAGE', chat: { id: '1' } } },
        { messageReceived: { text: 'message.chat.agent', chat: { id: '1' } } },
      ]),
    );
  });

  test('an agent receives all events', async () => {
    await using line = await subscribe(agent, queries);
    await gateway.waitForSubscriptions(2);

    await happen();
    const heard = await receivedBy(line);

    expect(heard).toHaveLength(8);
  });

  test('a customer receives no events of another customer that it names', async () => {
    await using line = await subscribe(bob, [
      'chatUpdated(id: 1) { change }',
      'customerUpdated(id: 7001) { id name }',
      'chatUpdated(customerId: 7001) { change }',
      'customerUpdated(id: 7002) { id name }',
    ]);
    await gateway.waitForSubscriptions(4);

    await happen();
    for (const id of [7001, 7002]) {
      await deliver({ event: 'customer.unsubscribed', eventData: { id } });
    }
    const first = await line.nextMessage();

    expect(first.payload.data).toEqual({ customerUpdated: { id: '7002', name: 'Bob' } });
  });

  test('a customer receives no staff-only fields', async () => {
    await using line = await subscribe(ada, ['chatUpdated(id: 1) { chat { assignee { email } } }']);
    await gateway.waitForSubscriptions(1);

    await deliver({ event: 'chat.rated', eventData: chatOf(1, 7001) });
    const { payload } = await line.nextMessage();

    expect(payload.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    expect(payload.extensions.upstream).not.toHaveProperty('rateLimit');
  });
});

describe('subscription credentials', () => {
  test.each([
    ['none', undefined],
    ['no token', { authorization: 'Bearer x' }],
    ['no string', { authorization: 5 }],
  ])('a socket with these credentials is closed with 4403: %s', async (_name, payload) => {
    const line = await openSocket(gateway.url);
    line.send({ type: 'connection_init', payload });

    expect((await line.closed).code).toBe(4403);
  });

  test('a socket accepts credentials in the Authorization header', async () => {
    await using line = await openSocket(gateway.url, { headers: await bearer(agent) });

    await expect(line.initialize()).resolves.toBeUndefined();
  });

  test('a socket is closed with 4403 when its credentials expire', async () => {
    const line = await openSocket(gateway.url);
    await line.initialize(await bearer({ ...ada, exp: clock.now() / 1000 + 10 }));
    line.send({
      id: 'a',
      type: 'subscribe',
      payload: { query: 'subscription { chatUpdated { change } }' },
    });
    await gateway.waitForSubscriptions(1);

    clock.advance(10_000 + 5_000);
    const { code } = await line.closed;

    expect(code).toBe(4403);
    await gateway.waitForSubscriptions(0);
  });

  test('an event stream ends when its credentials expire, and needs credentials to start', async () => {
    const url = `${gateway.url}/graphql/stream?query=subscription{chatUpdated{change}}`;
    const accept = 'text/event-stream';
    const headers = await bearer({ ...agent, exp: clock.now() / 1000 + 10 });
    const stream = await fetch(url, { headers: { accept, ...headers } });
    await gateway.waitForSubscriptions(1);

    clock.advance(10_000 + 5_000);
    const text = await stream.text();
    const refused = await fetch(url, { headers: { accept } });

    expect(text).toMatch(/^(:\n\n)+$/);
    expect(refused.status).toBe(401);
    await gateway.waitForSubscriptions(0);
  });
});
