import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import type { GraphQLResponse } from '../support/gateway.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { rest } from '../support/rest.ts';
import { startTcpProxy } from '../support/tcpProxy.ts';
import { deliver, webhookSecret } from '../support/webhooks.ts';

const oneMinute = 60_000;

let simulator: Simulator;
let redis: TestRedis | undefined;

beforeAll(async () => {
  simulator = await startSimulator({ rateLimit: 0, customers: 30, chats: 60 });
  if (hasRedis) redis = await startRedis();
});

afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
  await simulator.close();
});

const start = (config: Partial<Config> = {}, clock: Clock = systemClock) =>
  startTestGateway({
    upstream: simulator,
    clock,
    config: {
      rateLimit: 0,
      mutations: 'all',
      cacheTtlsMs: {
        chats: oneMinute,
        customers: oneMinute,
        account: oneMinute,
        absent: oneMinute,
      },
      ...config,
    },
  });

type Gateway = Awaited<ReturnType<typeof start>>;

/** Two instances that share Redis. */
async function startPair(config: Partial<Config> = {}, clock: Clock = systemClock) {
  const shared = { ...config, ...(redis === undefined ? {} : { redisUrl: redis.url }) };
  const pair: readonly [Gateway, Gateway] = [
    await start(shared, clock),
    await start(shared, clock),
  ];
  for (const { url } of pair) {
    for (;;) {
      const state: any = await (await fetch(`${url}/readyz`)).json();
      if (state.redis === 'up') break;
    }
  }
  return {
    pair,
    async [Symbol.asyncDispose]() {
      await Promise.all(pair.map((gateway) => gateway.stop()));
    },
  };
}

const customers = async (): Promise<any[]> => (await rest(simulator, '/customers?limit=100')).data;
const customerOf = (id: string): Promise<any> => rest(simulator, `/customers/${id}`);

const upsert = `mutation ($userId: String!, $name: String!) {
  upsertCustomer(userId: $userId, input: { name: $name }) { id }
}`;
const setData = `mutation ($id: ID!, $data: JSONObject!) {
  updateCustomer(id: $id, input: { customData: $data }) { customData }
}`;
const create = 'mutation ($input: CreateCustomerInput!) { createCustomer(input: $input) { id } }';

const createdId = async (gateway: Gateway, input: object): Promise<string> =>
  (await gateway.query(create, { input })).data.createCustomer.id;

const codesOf = ({ errors }: GraphQLResponse) => errors.map(({ extensions }) => extensions['code']);

const numbers = Array.from({ length: 10 }, (_, index) => index);

describe('concurrent upserts of one userId', () => {
  const expectOne = async (userId: string, answers: readonly GraphQLResponse[]) => {
    const rows = (await customers()).filter((row) => row.userId === userId);
    expect(answers.flatMap(codesOf)).toEqual([]);
    expect(rows).toHaveLength(1);
    for (const { data } of answers) expect(data.upsertCustomer.id).toBe(String(rows[0].id));
  };

  test('ten in one instance create one customer', async () => {
    await using gateway = await start();
    const answers = await Promise.all(
      numbers.map((index) => gateway.query(upsert, { userId: 'ten', name: `Name ${index}` })),
    );

    await expectOne('ten', answers);
  });

  test('ten in two instances without Redis create one customer', async () => {
    await using first = await start();
    await using second = await start();
    const answers = await Promise.all(
      numbers.map((index) =>
        (index % 2 === 0 ? first : second).query(upsert, { userId: 'two', name: `Name ${index}` }),
      ),
    );

    await expectOne('two', answers);
  });
});

describe.each(['merge', 'replace'] as const)('customData when PATCH does %s', (customDataPatch) => {
  const values = (from: number) =>
    numbers.slice(0, 5).map((index) => ({ [`key${from + index}`]: index }));

  test('other values stay, and null removes one', async () => {
    simulator.behave({ customDataPatch });
    await using gateway = await start();
    const id = await createdId(gateway, { name: 'Cy', customData: { plan: 'pro', seats: 5 } });

    const answer = await gateway.query(setData, { id, data: { trial: true, seats: null } });

    expect(answer.data).toEqual({ updateCustomer: { customData: { plan: 'pro', trial: true } } });
    expect((await customerOf(id)).customData).toEqual({ plan: 'pro', trial: true });
  });

  (hasRedis ? test : test.skip)('no value is lost by updates in two instances', async () => {
    simulator.behave({ customDataPatch });
    await using shared = await startPair();
    const [first, second] = shared.pair;
    const id = await createdId(first, { name: 'Cy' });

    const answers = await Promise.all([
      ...values(0).map((data) => first.query(setData, { id, data })),
      ...values(5).map((data) => second.query(setData, { id, data })),
    ]);

    expect(answers.flatMap(codesOf)).toEqual([]);
    expect(Object.keys((await customerOf(id)).customData)).toHaveLength(10);
  });
});

describe.each(['json', 'text'] as const)('deleteCustomer with %s', (okBody) => {
  test('the customer, its chats and its place in lists are gone at once', async () => {
    simulator.behave({ okBody });
    await using gateway = await start();
    const everything = `{
      customers(first: 100) { nodes { id } }
      chats(first: 100) { nodes { id customer { id } } }
    }`;
    const before = await gateway.query(everything);
    const chat = before.data.chats.nodes[0];
    const { id } = chat.customer;
    const read = `{ customer(id: ${id}) { name chats { nodes { id messages(first: 1) { nodes { text } } } } } }`;
    await gateway.query(read);

    const deleted = await gateway.query(`mutation { deleteCustomer(id: ${id}) { id } }`);
    const customer = await gateway.query(`{ customer(id: ${id}) { name } }`);
    const after = await gateway.query(everything);
    const gone = await gateway.query(`{ chat(id: ${chat.id}) { id } }`);

    expect(deleted.data).toEqual({ deleteCustomer: { id } });
    expect(codesOf(customer)).toEqual(['NOT_FOUND']);
    expect(customer.extensions.upstream.calls).toBe(0);
    expect(after.data.customers.nodes).not.toContainEqual({ id });
    expect(after.data.chats.nodes.map((each: any) => each.customer.id)).not.toContain(id);
    expect(codesOf(gone)).toEqual(['NOT_FOUND']);
  });

  test('a read in flight does not bring the customer back', async () => {
    simulator.behave({ okBody });
    await using gateway = await start();
    const id = await createdId(gateway, { name: 'In flight' });
    const read = `{ customer(id: ${id}) { name } }`;

    await Promise.all([
      gateway.query(read),
      gateway.query(`mutation { deleteCustomer(id: ${id}) { id } }`),
      gateway.query(read),
    ]);
    const after = await gateway.query(read);

    expect(codesOf(after)).toEqual(['NOT_FOUND']);
  });

  (hasRedis ? test : test.skip)('nothing about the customer stays in Redis', async () => {
    simulator.behave({ okBody });
    await using shared = await startPair();
    const [first, second] = shared.pair;
    const id = await createdId(first, { name: 'Secret Name', userId: `gone-${okBody}` });
    const read = `{ customer(id: ${id}) { name } }`;
    const known = await second.query(read);
    const entries = async (): Promise<string[]> => {
      const keys: string[] = await redis?.command('KEYS', 'helpcrunch:*:entry:*');
      return Promise.all(keys.map(async (key) => String(await redis?.command('GET', key))));
    };
    const before = await entries();

    await first.query(`mutation { deleteCustomer(id: ${id}) { id } }`);
    const after = await second.query(read);

    expect(known.data).toEqual({ customer: { name: 'Secret Name' } });
    expect(before.join()).toContain('Secret Name');
    expect((await entries()).join()).not.toContain('Secret Name');
    expect(codesOf(after)).toEqual(['NOT_FOUND']);
  });
});

(hasRedis ? describe : describe.skip)('erasure after a deletion', () => {
  const stored = async (): Promise<string> => {
    const keys: string[] = await redis?.command('KEYS', 'helpcrunch:*');
    const values = await Promise.all(
      keys
        .filter((key) => key.includes(':entry:'))
        .map(async (key) => String(await redis?.command('GET', key))),
    );
    return [...keys, ...values].join();
  };

  const isUp = async ({ url }: Gateway): Promise<void> => {
    for (;;) {
      const state: any = await (await fetch(`${url}/readyz`)).json();
      if (state.redis === 'up') return;
    }
  };

  beforeEach(() => simulator.behave({ okBody: 'json' }));

  test('a webhook erases Redis and the response caches of all instances', async () => {
    // A clock that stands still, so that a slow Redis does not exceed the time limit of the webhook.
    await using shared = await startPair({ webhookSecret }, createManualClock(Date.now()));
    const [first, second] = shared.pair;
    const id = await createdId(first, { name: 'Webhook Name' });
    const read = `{ customer(id: ${id}) { name } }`;
    for (const gateway of [first, second, first, second]) await gateway.query(read);
    const before = await stored();
    await rest(simulator, `/customers/${id}`, { method: 'DELETE' });

    const delivery = await deliver(first, {
      event: 'customer.deleted',
      eventData: { id: Number(id) },
    });
    const answers = [await first.query(read), await second.query(read)];

    expect(delivery).toEqual({ status: 200, outcome: 'applied', errors: undefined });
    expect(before).toContain('Webhook Name');
    expect(await stored()).not.toContain('Webhook Name');
    expect(answers.map(codesOf)).toEqual([['NOT_FOUND'], ['NOT_FOUND']]);
  });

  test.each(['mutation', 'webhook'])(
    'a deletion by %s removes the idempotency records of the customer from memory and Redis, and keeps others',
    async (how) => {
      await using shared = await startPair({ webhookSecret }, createManualClock(Date.now()));
      const [first, second] = shared.pair;
      const keyed = (key: string) =>
        `mutation { createCustomer(input: { name: "Keyed" }, idempotencyKey: "${how}-${key}") { id } }`;
      const idOf = async (gateway: Gateway, key: string): Promise<string> =>
        (await gateway.query(keyed(key))).data.createCustomer.id;
      const deleted = await idOf(first, 'a');
      const kept = await idOf(first, 'b');
      await first.query(
        `mutation { recordCustomerEvent(customerId: ${deleted}, name: "x", idempotencyKey: "${how}-c") { id } }`,
      );
      const records = async (): Promise<string> => {
        const keys: string[] = await redis?.command('KEYS', '*:idempotency:*');
        return String(await redis?.command('MGET', ...keys));
      };
      const before = await records();

      if (how === 'mutation') {
        await second.query(`mutation { deleteCustomer(id: ${deleted}) { id } }`);
      } else {
        await rest(simulator, `/customers/${deleted}`, { method: 'DELETE' });
        await deliver(second, { event: 'customer.deleted', eventData: { id: Number(deleted) } });
      }
      // The fence of a read makes sure that the other instance has received the erasure.
      await first.query(`{ customer(id: ${kept}) { id } }`);
      const after = await records();
      // Without its record, in Redis and in memory, the key creates another customer.
      const again = await idOf(first, 'a');

      expect(before.split(`"customerId":"${deleted}"`)).toHaveLength(3);
      expect(after).not.toContain(`"${deleted}"`);
      expect(again).not.toBe(deleted);
      expect(await idOf(first, 'b')).toBe(kept);
    },
  );

  test('a deletion while Redis is unreachable erases it when it is reachable again', async () => {
    await using proxy = await startTcpProxy(redis?.port ?? 0);
    await using first = await start({ redisUrl: proxy.url });
    await using second = await start({ redisUrl: redis?.url });
    await isUp(first);
    await isUp(second);
    const id = await createdId(first, { name: 'Unreachable Name' });
    const read = `{ customer(id: ${id}) { name } }`;
    for (const gateway of [first, second]) await gateway.query(read);
    const before = await stored();

    proxy.cut();
    const deleted = await first.query(`mutation { deleteCustomer(id: ${id}) { id } }`);
    const during = await first.query(read);
    proxy.mend();
    await isUp(first);
    const after = [await first.query(read), await second.query(read)];

    expect(before).toContain('Unreachable Name');
    expect(deleted.data).toEqual({ deleteCustomer: { id } });
    expect(codesOf(during)).toEqual(['NOT_FOUND']);
    expect(await stored()).not.toContain('Unreachable Name');
    expect(after.map(codesOf)).toEqual([['NOT_FOUND'], ['NOT_FOUND']]);
  });
});

describe('lists', () => {
  test('a created, renamed or tagged customer is in every list at once', async () => {
    await using gateway = await start();
    const named = (name: string) =>
      `{ customers(filter: { name: { equals: "${name}" } }) { nodes { id } } }`;
    await gateway.query(named('Listed'));
    await gateway.query(named('Renamed'));
    const id = await createdId(gateway, { name: 'Listed' });
    const created = await gateway.query(named('Listed'));
    await gateway.query(
      `mutation { updateCustomer(id: ${id}, input: { name: "Renamed" }) { id } }`,
    );
    const renamed = await gateway.query(named('Renamed'));
    const tagged = '{ customers(filter: { tags: ["raced"] }) { nodes { id } } }';
    await gateway.query(tagged);
    await gateway.query(
      `mutation { addCustomerTags(customerId: ${id}, tags: [{ name: "raced" }]) { id } }`,
    );
    const withTag = await gateway.query(tagged);
    await gateway.query(
      `mutation { removeCustomerTags(customerId: ${id}, names: ["raced"]) { id } }`,
    );
    const withoutTag = await gateway.query(tagged);

    for (const { data } of [created, renamed, withTag])
      expect(data).toEqual({ customers: { nodes: [{ id }] } });
    expect(withoutTag.data).toEqual({ customers: { nodes: [] } });
  });
});
