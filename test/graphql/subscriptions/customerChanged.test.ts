import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { openEventStream } from '../../support/eventStream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { hasRedis, startRedis } from '../../support/redis.ts';
import { openSocket } from '../../support/socket.ts';
import { startTwoCustomers } from '../../support/twoCustomers.ts';
import { deliver, webhookSecret } from '../../support/webhooks.ts';

const helpCrunch = await startTwoCustomers();

afterAll(() => helpCrunch[Symbol.asyncDispose]());

beforeEach(() => helpCrunch.clearCalls());

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;
type Claims = Parameters<typeof bearer>[0];

const agent: Claims = { role: 'agent', agentId: '12' };
const ada: Claims = { role: 'customer', customerId: '7001' };
const adaByUserId: Claims = { role: 'customer', userId: 'u-ada' };

function start({ redisUrl, isOpen = false }: { redisUrl?: string; isOpen?: boolean } = {}) {
  const clock = createManualClock();
  return startTestGateway({
    upstream: helpCrunch,
    clock,
    config: {
      rateLimit: 0,
      webhookSecret,
      mutations: 'all',
      redisUrl,
      ...(isOpen ? {} : { auth: jwtAuth() }),
    },
  }).then((gateway) => ({ ...gateway, clock }));
}

async function subscribe({ url }: Gateway, query: string, claims?: Claims) {
  const socket = await openSocket(url);
  await socket.initialize(claims === undefined ? undefined : await bearer(claims));
  socket.send({ id: 'a', type: 'subscribe', payload: { query: `subscription { ${query} }` } });
  const next = async () => {
    const { payload } = await socket.nextMessage();
    return payload.errors ?? payload.data.customerChanged;
  };
  return {
    next,
    send: socket.send,
    nextMessage: socket.nextMessage,
    /** The errors of a subscription that fails. */
    error: async () => (await socket.nextMessage()).payload,
    [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
  };
}

const selection = 'customerChanged { change customerId customer { id name } }';
const ofAda = 'customerChanged(id: 7001) { change customerId customer { id name } }';

const tell = (
  gateway: Gateway & { clock: { now(): number } },
  event: string,
  eventData: Readonly<Record<string, unknown>>,
) => deliver(gateway, { event, eventData, atMs: gateway.clock.now() });

async function write(gateway: Gateway, mutation: string, claims?: Claims) {
  const headers = claims === undefined ? {} : await bearer(claims);
  const { errors } = await gateway.query(`mutation { ${mutation} }`, {}, headers);
  expect(errors).toEqual([]);
}

const changeOf = (change: string, customerId: string, name: string | null) => ({
  change,
  customerId,
  customer: name === null ? null : { id: customerId, name },
});

describe('customerChanged', () => {
  test('reports webhooks and own writes of all customers without an id, DELETED without the customer', async () => {
    await using gateway = await start();
    await using stream = await subscribe(gateway, selection, agent);
    await gateway.waitForSubscriptions(1);

    await tell(gateway, 'customer.new', { id: 7002 });
    await tell(gateway, 'customer.tags_changed', { id: 7001 });
    await write(gateway, 'updateCustomer(id: 7001, input: { name: "Ada" }) { id }', agent);
    await write(gateway, 'createCustomer(input: { name: "Cleo" }) { id }', agent);
    await write(gateway, 'addCustomerTags(customerId: 7002, tags: [{ name: "x" }]) { id }', agent);
    await tell(gateway, 'customer.deleted', { id: 7002 });
    await write(gateway, 'deleteCustomer(id: 7001) { id }', agent);
    const changes: any[] = [];
    for (let received = 0; received < 7; received += 1) changes.push(await stream.next());

    expect(changes).toMatchObject([
      changeOf('CREATED', '7002', 'Bob'),
      changeOf('UPDATED', '7001', 'Ada'),
      changeOf('UPDATED', '7001', 'Ada'),
      { change: 'CREATED', customerId: '7003' },
      changeOf('UPDATED', '7002', 'Bob'),
      changeOf('DELETED', '7002', null),
      changeOf('DELETED', '7001', null),
    ]);
  });

  test('reports only the customer with the given id', async () => {
    await using gateway = await start();
    await using stream = await subscribe(gateway, ofAda, agent);
    await gateway.waitForSubscriptions(1);

    await tell(gateway, 'customer.tags_changed', { id: 7002 });
    await write(gateway, 'updateCustomer(id: 7002, input: { name: "Bob" }) { id }', agent);
    await tell(gateway, 'customer.tags_changed', { id: 7001 });

    expect(await stream.next()).toEqual(changeOf('UPDATED', '7001', 'Ada'));
  });

  test.each([
    ['id', ada],
    ['userId', adaByUserId],
  ])('reports to a customer known by its %s changes of itself only', async (_name, claims) => {
    await using gateway = await start();
    await using all = await subscribe(gateway, selection, claims);
    await using other = await subscribe(
      gateway,
      'customerChanged(id: 7002) { customerId }',
      claims,
    );
    await gateway.waitForSubscriptions(2);

    await tell(gateway, 'customer.unsubscribed', { id: 7002 });
    await tell(gateway, 'customer.deleted', { id: 7002 });
    await tell(gateway, 'customer.unsubscribed', { id: 7001 });

    expect(await all.next()).toEqual(changeOf('UPDATED', '7001', 'Ada'));
    // The socket would have received the changes of customer 7002 before the result of this query.
    other.send({ id: 'q', type: 'subscribe', payload: { query: '{ viewer { role } }' } });
    expect((await other.nextMessage()).payload.data).toEqual({ viewer: { role: 'CUSTOMER' } });
  });

  test('hides fields for the team from a customer', async () => {
    await using gateway = await start();
    await using stream = await subscribe(
      gateway,
      'customerChanged { customer { tags { name } } }',
      ada,
    );
    await gateway.waitForSubscriptions(1);

    await tell(gateway, 'customer.email_updated', { id: 7001 });

    expect(await stream.next()).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  });

  test('does not report to a customer that only fields for the team have changed', async () => {
    await using gateway = await start();
    const changes = 'customerChanged { change customerId }';
    await using own = await subscribe(gateway, changes, ada);
    await using team = await subscribe(gateway, changes, agent);
    await gateway.waitForSubscriptions(2);
    const updated = { change: 'UPDATED', customerId: '7001' };

    for (const event of ['customer.tags_changed', 'customer.blocked', 'customer.unblocked'])
      await tell(gateway, event, { id: 7001 });
    const forTeam = [await team.next(), await team.next(), await team.next()];
    await tell(gateway, 'customer.deleted', { id: 7001 });

    expect(forTeam).toEqual([updated, updated, updated]);
    expect(await own.next()).toEqual({ change: 'DELETED', customerId: '7001' });
  });

  test('needs credentials', async () => {
    await using gateway = await start();
    const socket = await openSocket(gateway.url);
    socket.send({ type: 'connection_init' });

    expect((await socket.closed).code).toBe(4403);
  });

  test('reports all customers without authentication', async () => {
    await using gateway = await start({ isOpen: true });
    await using stream = await subscribe(gateway, selection);
    await gateway.waitForSubscriptions(1);

    await tell(gateway, 'customer.tags_changed', { id: 7002 });

    expect(await stream.next()).toEqual(changeOf('UPDATED', '7002', 'Bob'));
  });

  test.each([['0x10'], ['-1'], ['']])('rejects the id %j', async (id) => {
    await using gateway = await start();
    await using stream = await subscribe(
      gateway,
      `customerChanged(id: ${JSON.stringify(id)}) { customerId }`,
      agent,
    );

    expect(await stream.error()).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });
});

const changes = 'subscription { customerChanged { change customerId } }';

/** The changes up to the first one of this customer. */
async function changesUntil(customerId: string, stream: { next(): Promise<any> }) {
  const received: any[] = [];
  do received.push((await stream.next()).data.customerChanged);
  while (received.at(-1).customerId !== customerId);
  return received;
}

/** Own writes with the webhooks by which HelpCrunch reports them. */
const repeated = [
  [
    'tags',
    'addCustomerTags(customerId: 7001, tags: [{ name: "x" }]) { id }',
    'customer.tags_changed',
    { id: 7001 },
  ],
  [
    'an e-mail address',
    'updateCustomer(id: 7001, input: { email: "ada@example.com" }) { id }',
    'customer.email_updated',
    { id: 7001, email: 'ada@example.com' },
  ],
  ['a creation', 'createCustomer(input: { name: "Cleo" }) { id }', 'customer.new', { id: 7003 }],
  ['a deletion', 'deleteCustomer(id: 7001) { id }', 'customer.deleted', { id: 7001 }],
] as const;

async function receiveRepetitions(
  writer: Awaited<ReturnType<typeof start>>,
  receiver: typeof writer,
  [, mutation, event, eventData]: (typeof repeated)[number],
) {
  await using stream = await openEventStream(receiver.url, changes, {
    headers: await bearer(agent),
  });
  await receiver.waitForSubscriptions(1);
  const atMs = writer.clock.now();
  await write(writer, mutation, agent);
  for (const { clock } of new Set([writer, receiver])) clock.advance(119_000);
  // The webhook of the write, late; then a real change, then another customer.
  await deliver(receiver, { event, eventData, atMs });
  await tell(receiver, event, eventData);
  await tell(receiver, 'customer.tags_changed', { id: 7002 });
  return (await changesUntil('7002', stream)).length - 1;
}

describe('the webhook of a customer write', () => {
  test.each(repeated)(
    'is not reported again within 120 s, but a later change is: %s',
    async (...write) => {
      await using gateway = await start();

      expect(await receiveRepetitions(gateway, gateway, write)).toBe(2);
    },
  );

  (hasRedis ? test.each(repeated) : test.skip.each(repeated))(
    'is not reported again if another instance receives it: %s (needs Redis)',
    async (...write) => {
      await using redis = await startRedis();
      await using a = await start({ redisUrl: redis.url });
      await using b = await start({ redisUrl: redis.url });
      await redis.listenedBy(2);

      expect(await receiveRepetitions(a, b, write)).toBe(2);
    },
  );

  test('is reported after more than 120 s', async () => {
    await using gateway = await start();
    await using stream = await openEventStream(gateway.url, changes, {
      headers: await bearer(agent),
    });
    await gateway.waitForSubscriptions(1);
    const atMs = gateway.clock.now();

    await write(gateway, repeated[0][1], agent);
    gateway.clock.advance(121_000);
    await deliver(gateway, { event: 'customer.tags_changed', eventData: { id: 7001 }, atMs });
    await tell(gateway, 'customer.tags_changed', { id: 7002 });

    expect(await changesUntil('7002', stream)).toHaveLength(3);
  });
});
