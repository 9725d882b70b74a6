import { describe, expect, test } from '@jest/globals';
import { createDeferred } from '../../support/deferred.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { wireChat } from '../../support/recordingUpstream.ts';
import { openSocket } from '../../support/socket.ts';
import { startTwoCustomers } from '../../support/twoCustomers.ts';
import { chatData, deliver, webhookSecret } from '../../support/webhooks.ts';

interface Subscription {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

const agent = { role: 'agent', agentId: 12 };
const ada = { role: 'customer', customerId: '7001' };

async function start() {
  const upstream = await startTwoCustomers();
  const clock = createManualClock();
  const gateway = await startTestGateway({
    upstream,
    clock,
    config: { auth: jwtAuth(), webhookSecret, logLevel: 'info' },
  });
  let subscriptions = 0;
  return {
    upstream,
    async subscribe(claims: Parameters<typeof bearer>[0], ...payloads: readonly Subscription[]) {
      const socket = await openSocket(gateway.url);
      await socket.initialize(await bearer(claims));
      for (const [index, payload] of payloads.entries())
        socket.send({ id: String(index), type: 'subscribe', payload });
      subscriptions += payloads.length;
      await gateway.waitForSubscriptions(subscriptions);
      return socket;
    },
    rate: (id: number, customerId: number, chat: object = {}) =>
      deliver(gateway, {
        event: 'chat.rated',
        eventData: chatData(wireChat({ id, customer: { id: customerId, name: 'x' }, ...chat })),
        atMs: clock.now(),
      }),
    unsubscribe: (id: number) =>
      deliver(gateway, {
        event: 'customer.unsubscribed',
        eventData: { id },
        atMs: clock.now(),
      }),
    /** Of events: subscribing is logged as an operation too. */
    executions: () =>
      gateway.logged
        .map((line) => JSON.parse(line))
        .filter(({ msg, kind }) => msg === 'operation' && kind === 'subscription').length -
      subscriptions,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

type Connection = Awaited<ReturnType<typeof openSocket>>;

async function received(connection: Connection, count: number): Promise<any[]> {
  const messages = [];
  while (messages.length < count) messages.push(await connection.nextMessage());
  return messages;
}

const selection = '{ change chat { id } }';
const filtered = (argumentsText: string): Subscription => ({
  query: `subscription { chatUpdated${argumentsText} ${selection} }`,
});
const withVariable = (id: string): Subscription => ({
  query: `subscription ($chat: ID) { chatUpdated(id: $chat) ${selection} }`,
  variables: { chat: id },
});

describe('subscriptions that differ in filters of events only', () => {
  test('share the execution of an event that matches all of them', async () => {
    await using account = await start();
    const subscriptions = [
      filtered(''),
      filtered('(id: 1)'),
      filtered('(customerId: "7001")'),
      withVariable('1'),
      {
        query: `subscription { ...Root } fragment Root on Subscription { chatUpdated(id: 1) ${selection} }`,
      },
      {
        query: `subscription { ...Root } fragment Root on Subscription { chatUpdated ${selection} } # all`,
      },
    ];
    await using connection = await account.subscribe(agent, ...subscriptions);

    await account.rate(1, 7001);
    const results = await received(connection, 6);

    expect(results.map(({ id }) => id).toSorted()).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(results.map(({ payload }) => payload.data)).toEqual(
      Array(6).fill({ chatUpdated: { change: 'RATED', chat: { id: '1' } } }),
    );
    // One for each way to write the rest of the operation.
    expect(account.executions()).toBe(2);
  });

  test('receive the events that match their own filter, in their order', async () => {
    await using account = await start();
    await using connection = await account.subscribe(
      agent,
      filtered(''),
      withVariable('1'),
      withVariable('2'),
      filtered('(customerId: 7001)'),
    );

    for (const id of [1, 2, 3, 1]) await account.rate(id, id === 2 ? 7002 : 7001);
    const results = await received(connection, 4 + 2 + 1 + 3);

    const chatsOf = (subscription: string) =>
      results
        .filter(({ id }) => id === subscription)
        .map(({ payload }) => payload.data.chatUpdated.chat.id);
    expect(['0', '1', '2', '3'].map(chatsOf)).toEqual([
      ['1', '2', '3', '1'],
      ['1', '1'],
      ['2'],
      ['1', '3', '1'],
    ]);
    expect(account.executions()).toBe(4);
  });

  test('of customers share executions too', async () => {
    await using account = await start();
    await using connection = await account.subscribe(
      agent,
      { query: 'subscription { customerChanged { customerId } }' },
      { query: 'subscription { customerChanged(id: 7001) { customerId } }' },
    );

    await account.unsubscribe(7001);
    const results = await received(connection, 2);

    expect(results.map(({ payload }) => payload.data.customerChanged.customerId)).toEqual([
      '7001',
      '7001',
    ]);
    expect(account.executions()).toBe(1);
  });

  test('are executed apart if the event does not decide whether it matches', async () => {
    await using account = await start();
    await using connection = await account.subscribe(
      agent,
      filtered(''),
      filtered('(assigneeId: 12)'),
      filtered('(assigneeId: 13)'),
      filtered('(id: 1)'),
    );

    // HelpCrunch says that agent 12 is the assignee.
    await account.rate(1, 7001, { assignee: null });
    const first = await received(connection, 3);
    const executions = account.executions();
    await account.rate(2, 7002, { assignee: { id: 13, name: 'Taras', email: 't@example.com' } });
    const second = await received(connection, 2);

    const receiversOf = (results: readonly { readonly id: string }[]) =>
      results.map(({ id }) => id).toSorted();
    expect(receiversOf(first)).toEqual(['0', '1', '3']);
    expect(executions).toBe(2);
    expect(receiversOf(second)).toEqual(['0', '2']);
    expect(account.executions()).toBe(3);
  });

  test('share nothing with subscribers of another audience', async () => {
    await using account = await start();
    await using own = await account.subscribe(ada, filtered(''), filtered('(id: 1)'));
    await using team = await account.subscribe(agent, filtered(''), filtered('(id: 1)'));
    const sendersOf = async (connection: Connection) =>
      (await received(connection, 2)).map(({ id }) => id).toSorted();

    await account.rate(1, 7001);
    const receivers = [await sendersOf(own), await sendersOf(team)];
    const shared = account.executions();
    await account.rate(2, 7002);
    await account.rate(3, 7001);
    const [last] = await received(own, 1);

    expect(receivers).toEqual([
      ['0', '1'],
      ['0', '1'],
    ]);
    expect(shared).toBe(2);
    expect(last.payload.data.chatUpdated.chat.id).toBe('3');
  });

  test('continue when one of them ends during a shared execution', async () => {
    await using account = await start();
    const [requested, released] = [createDeferred(), createDeferred()];
    account.upstream.respond('GET /customers/7001', async () => {
      requested.resolve();
      await released.promise;
      return { body: { id: 7001, name: 'Ada', phone: '+1' } };
    });
    const phone = '{ chat { customer { phone } } }';
    const first = await account.subscribe(agent, {
      query: `subscription { chatUpdated(id: 1) ${phone} }`,
    });
    await using second = await account.subscribe(agent, {
      query: `subscription { chatUpdated ${phone} }`,
    });

    await account.rate(1, 7001);
    await requested.promise;
    first.socket.terminate();
    await first.closed;
    released.resolve();
    const [{ payload }] = await received(second, 1);

    expect(payload.data).toEqual({ chatUpdated: { chat: { customer: { phone: '+1' } } } });
    expect(account.executions()).toBe(1);
  });
});
