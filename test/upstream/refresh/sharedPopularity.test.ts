import { describe, expect, test } from '@jest/globals';
import { hasRedis } from '../../support/redis.ts';
import { refreshesOf, startRefreshScenario } from '../../support/refreshScenario.ts';
import { deliver } from '../../support/webhooks.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const minute = 60_000;
const popularKey = 'helpcrunch:4:{default}:popular';
const operations = [
  ...Array.from({ length: 16 }, (_, index) => `{ chat(id: ${index + 1}) { id lastMessageText } }`),
  '{ chats(filter: { customerId: 1 }) { nodes { id } } }',
  '{ customer(id: 1) { id company } }',
  '{ customers { nodes { id company } } }',
  '{ agents { id name } }',
];

type Scenario = Awaited<ReturnType<typeof startRefreshScenario>>;
type Gateway = Awaited<ReturnType<Scenario['startGateway']>>;

async function requestTwice(scenario: Scenario, gateway: Gateway, queries = operations) {
  for (let read = 0; read < 2; read += 1) {
    for (const operation of queries) await scenario.ask(gateway, operation);
    await scenario.pass(6_000);
  }
}

describeWithRedis('refresh-ahead of instances that share Redis (needs Redis)', () => {
  test('starts with 95 % of the popular entries warm within 10 seconds', async () => {
    await using scenario = await startRefreshScenario({ withRedis: true });
    const before = await scenario.startGateway();
    await requestTwice(scenario, before);
    await scenario.stopGateway(before);
    // Everything in the cache expires.
    await scenario.pass(90_000);
    await scenario.redis?.del(...(await scenario.redis.keys('*}:entry:*')), 'none');
    const after = await scenario.startGateway();

    await scenario.pass(10_000);

    const waits = [];
    for (const operation of operations) waits.push((await scenario.ask(after, operation)).waitedMs);
    const warm = waits.filter((waitedMs) => waitedMs === 0).length;
    expect(warm / operations.length).toBeGreaterThanOrEqual(0.95);
  });

  test('starts with entries of Redis without calls while they are fresh', async () => {
    await using scenario = await startRefreshScenario({ withRedis: true });
    const before = await scenario.startGateway();
    await requestTwice(scenario, before);
    await scenario.stopGateway(before);
    const calls = scenario.callTimes.length;
    const after = await scenario.startGateway();

    await scenario.pass(5_000);

    expect(scenario.callTimes).toHaveLength(calls);
    const { otherInstance, refreshed } = await refreshesOf(after);
    expect(otherInstance).toBeGreaterThan(0);
    expect(refreshed).toBe(0);
  });

  test('does not refresh what was requested before the last five minutes', async () => {
    await using scenario = await startRefreshScenario({ withRedis: true });
    const before = await scenario.startGateway();
    await requestTwice(scenario, before);
    await scenario.stopGateway(before);
    await scenario.pass(5 * minute);
    const calls = scenario.callTimes.length;
    await scenario.startGateway();

    await scenario.pass(minute);

    expect(scenario.callTimes).toHaveLength(calls);
  });

  test('refreshes an entry once for two instances', async () => {
    await using scenario = await startRefreshScenario({ withRedis: true });
    const gateways = [await scenario.startGateway(), await scenario.startGateway()];
    const queries = ['{ chat(id: 1) { id lastMessageText } }', '{ agents { id } }'];
    for (const gateway of gateways) await requestTwice(scenario, gateway, queries);
    const calls = scenario.callTimes.length;
    expect(calls).toBe(2);

    for (let second = 0; second < 50; second += 10) {
      await scenario.pass(10_000);
      for (const gateway of gateways)
        expect((await scenario.ask(gateway, queries[0] ?? '')).waitedMs).toBe(0);
    }

    expect(scenario.callTimes).toHaveLength(calls + 1);
    const counts = await Promise.all(gateways.map(refreshesOf));
    expect(counts.map(({ refreshed }) => refreshed).toSorted()).toEqual([0, 1]);
  });

  test('erases the names of popular entries with a deleted customer', async () => {
    await using scenario = await startRefreshScenario({ withRedis: true });
    const gateways = [await scenario.startGateway(), await scenario.startGateway()];
    for (const gateway of gateways) await requestTwice(scenario, gateway);
    expect(await scenario.redis?.zcard(popularKey)).toBe(operations.length);
    const calls = scenario.callTimes.length;

    await deliver(gateways[0] ?? { url: '' }, {
      event: 'customer.deleted',
      eventData: { id: 1 },
      atMs: scenario.clock.now(),
    });
    await scenario.pass(2 * minute);

    expect(await scenario.redis?.exists(popularKey)).toBe(0);
    expect(scenario.callTimes).toHaveLength(calls);
  });

  test('stores no filters with data of customers, and no user ids', async () => {
    await using scenario = await startRefreshScenario({ withRedis: true });
    const gateway = await scenario.startGateway();
    await requestTwice(scenario, gateway, [
      '{ customerByUserId(userId: "u-2") { id } }',
      '{ customers(filter: { email: { equals: "c2@example.com" } }) { nodes { id } } }',
      '{ chats(filter: { customerEmail: "c2@example.com" }) { nodes { id } } }',
      '{ chats(filter: { customerTags: ["vip"] }) { nodes { id } } }',
      '{ chat(id: 1) { id } }',
    ]);

    expect(await scenario.redis?.zrange(popularKey, '0', '-1')).toEqual(['Chat 1']);
  });

  test('ignores unexpected data', async () => {
    await using scenario = await startRefreshScenario({ withRedis: true });
    const now = scenario.clock.now();
    const members = [
      'Chat ../agents',
      'Chats [{"comparison":"AND","filter":[{"field":1}]},null,0,20]',
      'ChatMessages 1 0',
      'OwnedChats nobody chats.createdAt desc/1 0 20 true true',
      'InboxPages 7',
      'Agents none',
      'Missing 1',
      'x',
    ];
    for (const member of members) await scenario.redis?.zadd(popularKey, now, member);
    const gateway = await scenario.startGateway();

    await scenario.pass(10_000);

    expect(scenario.callTimes).toEqual([]);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain(`helpcrunch_redis_anomalies_total{kind="popular"} ${members.length}`);
  });

  test('continues if another program has replaced the key', async () => {
    await using scenario = await startRefreshScenario({ withRedis: true });
    await scenario.redis?.set(popularKey, 'text');
    const gateway = await scenario.startGateway();

    await requestTwice(scenario, gateway, ['{ chat(id: 1) { id } }']);

    expect(await scenario.redis?.zrange(popularKey, '0', '-1')).toEqual(['Chat 1']);
  });
});
