import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import type { Config } from '../../../src/config/settings.ts';
import { readConfig } from '../../../src/config/settings.ts';
import type { GraphQLResponse } from '../../support/gateway.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { createDeferred } from '../../support/deferred.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import type { ManualClock } from '../../support/manualClock.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { wireChat } from '../../support/recordingUpstream.ts';
import { openSocket } from '../../support/socket.ts';
import { startTwoCustomers } from '../../support/twoCustomers.ts';
import { chatData, deliver, webhookSecret } from '../../support/webhooks.ts';

type Claims = Parameters<typeof bearer>[0];

const { quotas } = readConfig({});
const ada = { role: 'customer', customerId: '7001' };
const agent = (agentId: number) => ({ role: 'agent', agentId });

/** One upstream call for each chat; most of them are unknown. */
const chats = (count: number, from = 100) =>
  `{ ${Array.from({ length: count }, (_, index) => `c${index}: chat(id: ${from + index}) { status }`).join(' ')} }`;

async function startAccount(config: Partial<Config> = {}) {
  const upstream = await startTwoCustomers();
  const clock = createManualClock();
  const gateway = await startTestGateway({
    upstream,
    clock,
    config: { auth: jwtAuth(), webhookSecret, rateLimit: 120, quotas, ...config },
  });
  let subscriptions = 0;

  return {
    ...gateway,
    upstream,
    clock,
    query: async (document: string, claims: Claims): Promise<GraphQLResponse> =>
      gateway.query(document, {}, await bearer(claims)),
    /** A WebSocket with these subscriptions, all of which have started. */
    async subscribe(claims: Claims, selections: readonly string[]) {
      const socket = await openSocket(gateway.url);
      await socket.initialize(await bearer(claims));
      for (const [index, selection] of selections.entries()) {
        const query = `subscription { ${selection} }`;
        socket.send({ id: String(index), type: 'subscribe', payload: { query } });
      }
      subscriptions += selections.length;
      return socket;
    },
    started: (shared = subscriptions) => gateway.waitForSubscriptions(shared),
    /** A change of Ada's chat 1. Without the customer its receivers are not known. */
    rateChat: (customer: object | null = { id: 7001, name: 'Ada' }) =>
      deliver(gateway, {
        event: 'chat.rated',
        eventData: chatData(wireChat({ id: 1, customer })),
        atMs: clock.now(),
      }),
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

type Connection = Awaited<ReturnType<typeof openSocket>>;

async function results(connection: Connection, count: number): Promise<any[]> {
  const received = [];
  while (received.length < count) received.push((await connection.nextMessage()).payload);
  return received;
}

/** Lets time pass in which the client answers the pings of the gateway. */
async function pass(clock: ManualClock, { socket }: Connection, ms: number): Promise<void> {
  for (let leftMs = ms; leftMs > 0; leftMs -= 20_000) {
    clock.advance(Math.min(leftMs, 20_000));
    socket.ping();
    await once(socket, 'pong');
  }
}

/** One upstream call for each event and value of `first`, and one for the chat. */
const chatsOfCustomer = (first: number) =>
  `chatUpdated(id: 1) { change chat { id customer { chats(first: ${first}) { nodes { id } } } } }`;

describe('calls of subscription events', () => {
  test('are limited by the quota of the customer that subscribed, and leave those of others', async () => {
    await using account = await startAccount();
    const selections = Array.from({ length: 20 }, (_, index) => chatsOfCustomer(index + 1));
    await using connection = await account.subscribe(ada, selections);
    await account.started();
    const before = account.upstream.calls.length;

    await account.rateChat();
    const first = await results(connection, 20);
    await account.rateChat();
    const second = await results(connection, 20);
    const read = await account.query('{ agent(id: 12) { name } }', agent(12));
    const calls = account.upstream.calls.slice(before);

    expect(calls.filter(({ path }) => path !== '/agents').length).toBeLessThanOrEqual(12);
    expect([...first, ...second].filter(({ data }) => data === undefined)).toEqual([]);
    expect(second.map(({ errors }) => errors[0].extensions)).toEqual(
      Array(20).fill(
        expect.objectContaining({
          code: 'RATE_LIMITED',
          reason: 'VIEWER_LIMIT',
          retryAfterMs: expect.any(Number),
        }),
      ),
    );
    expect(read.errors).toEqual([]);
  });

  const chatStatus = 'chatUpdated { change chat { status } }';

  test('are made once for subscribers with the same selection', async () => {
    await using account = await startAccount();
    await using one = await account.subscribe(agent(12), [chatStatus]);
    await using other = await account.subscribe(agent(13), [chatStatus]);
    await account.started();
    for (let event = 0; event < 3; event += 1) {
      await account.rateChat();
      expect(await results(one, 1)).toEqual(await results(other, 1));
    }

    expect(account.upstream.calls).toHaveLength(3);
  });

  test('are charged to another subscriber when the one whose turn it is has no quota', async () => {
    await using account = await startAccount();
    for (let index = 0; index < 4; index += 1) await account.query(chats(24), agent(12));
    await using capped = await account.subscribe(agent(12), [chatStatus]);
    await account.started();

    await account.rateChat();
    const [alone] = await results(capped, 1);
    await using other = await account.subscribe(agent(13), [chatStatus]);
    await account.started();
    await account.rateChat();
    await account.rateChat();
    const shared = await results(capped, 2);

    expect(alone.errors).toMatchObject([{ extensions: { reason: 'ACCOUNT_LIMIT' } }]);
    expect(shared).toEqual(await results(other, 2));
    expect(shared.map(({ errors }) => errors)).toEqual([undefined, undefined]);
  });

  test('are charged to a subscriber with another filter when the one whose turn it is has no quota', async () => {
    await using account = await startAccount();
    for (let index = 0; index < 4; index += 1) await account.query(chats(24), agent(12));
    await using capped = await account.subscribe(agent(12), [
      'chatUpdated(id: 1) { change chat { status } }',
    ]);
    await account.started();
    await using other = await account.subscribe(agent(13), [
      'chatUpdated { change chat { status } }',
    ]);
    await account.started();

    await account.rateChat();
    await account.rateChat();
    const shared = await results(capped, 2);

    expect(shared).toEqual(await results(other, 2));
    expect(shared.map(({ errors }) => errors)).toEqual([undefined, undefined]);
  });

  test('are charged to the remaining subscribers after the first has left', async () => {
    await using account = await startAccount();
    const first = await account.subscribe(agent(12), [chatStatus]);
    await account.started();
    await using second = await account.subscribe(agent(13), [chatStatus]);
    await account.started();
    for (let index = 0; index < 4; index += 1) await account.query(chats(24), agent(12));
    first.socket.terminate();
    await account.started(1);

    await account.rateChat();
    const [result] = await results(second, 1);

    expect(result).toMatchObject({ data: { chatUpdated: { change: 'RATED' } } });
    expect(result.errors).toBeUndefined();
  });

  test('are charged to another subscriber that resumes at the same time when the first has no quota', async () => {
    const held = createDeferred();
    const requested = createDeferred();
    await using account = await startAccount();
    const chat = wireChat({ id: 1, customer: { id: 7001 } });
    account.upstream.respond('GET /chats/1', async () => {
      requested.resolve();
      await held.promise;
      return { body: chat };
    });
    await using first = await account.subscribe(agent(12), ['chatUpdated { change }']);
    await account.started();
    await account.rateChat();
    const [{ extensions }] = await results(first, 1);
    await account.rateChat();
    await results(first, 1);
    // One of its calls is left.
    for (const count of [24, 24, 24, 23]) await account.query(chats(count), agent(12));

    const selection = `chatUpdated(after: "${extensions.eventId}") { chat { status customer { phone } } }`;
    await using capped = await account.subscribe(agent(12), [selection]);
    await requested.promise;
    await using other = await account.subscribe(agent(13), [selection]);
    await account.started();
    held.resolve();
    const [[limited], [complete]] = [await results(capped, 1), await results(other, 1)];

    expect(limited.errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }]);
    expect(complete.errors).toBeUndefined();
    expect(complete.data.chatUpdated.chat.customer.phone).toBe('+1');
  });

  test('that decide whether a customer receives an event are charged to it, and the subscription continues', async () => {
    await using account = await startAccount();
    await using connection = await account.subscribe(ada, ['chatUpdated { change }']);
    await account.started();
    await account.query(chats(12), ada);

    await account.rateChat(null);
    const [undecided] = await results(connection, 1);
    await pass(account.clock, connection, 61_000);
    await account.rateChat(null);
    const [decided] = await results(connection, 1);

    expect(undecided).toMatchObject({
      data: null,
      errors: [
        {
          extensions: {
            code: 'RATE_LIMITED',
            reason: 'VIEWER_LIMIT',
            retryAfterMs: 60_000,
            missed: true,
          },
        },
      ],
    });
    expect(decided.data).toEqual({ chatUpdated: { change: 'RATED' } });
  });
});

describe('a subscription whose events could cost more than MAX_UPSTREAM_CALLS', () => {
  const expensive = 'chatUpdated { chat { status customer { phone } } }';

  async function rejectionOf(
    account: Awaited<ReturnType<typeof startAccount>>,
    claims: Claims,
    selection: string,
  ) {
    await using connection = await account.subscribe(claims, [selection]);
    const { type, payload } = await connection.nextMessage();
    return { type, code: payload[0].extensions.code, message: payload[0].message };
  }

  test('is rejected when the client subscribes, even if its data is cached', async () => {
    const cacheTtlsMs = { chats: 60_000, customers: 60_000, account: 60_000, absent: 0 };
    await using account = await startAccount({ maxUpstreamCalls: 1, cacheTtlsMs });
    await account.query('{ customer(id: 7001) { phone } }', agent(12));
    await account.query('{ chat(id: 1) { status } }', agent(12));

    expect(await rejectionOf(account, agent(12), expensive)).toEqual({
      type: 'error',
      code: 'OPERATION_TOO_EXPENSIVE',
      message: expect.stringContaining('could cost 2 calls to HelpCrunch; the limit is 1'),
    });
  });

  test('includes the call that decides whether a subscriber receives the event', async () => {
    await using account = await startAccount({ maxUpstreamCalls: 0 });
    const code = 'OPERATION_TOO_EXPENSIVE';

    for (const [claims, selection] of [
      [ada, 'chatUpdated { change }'],
      [ada, 'messageReceived { text }'],
      [agent(12), 'chatUpdated(assigneeId: 12) { change }'],
    ] as const)
      expect(await rejectionOf(account, claims, selection)).toMatchObject({ code });
    await using free = await account.subscribe(agent(12), ['chatUpdated { change }']);
    await account.started(1);

    await account.rateChat();
    expect((await results(free, 1))[0].errors).toBeUndefined();
  });
});
