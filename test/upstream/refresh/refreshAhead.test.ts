import { describe, expect, test } from '@jest/globals';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import type { RefreshScenario } from '../../support/refreshScenario.ts';
import { refreshesOf, startRefreshScenario, ttlsMs } from '../../support/refreshScenario.ts';
import { chatData, deliver } from '../../support/webhooks.ts';

const minute = 60_000;
const chat = '{ chat(id: 1) { id lastMessageText } }';

type Gateway = Awaited<ReturnType<RefreshScenario['startGateway']>>;

/** Requests the operation twice, five seconds apart. */
async function makePopular(
  scenario: RefreshScenario,
  gateway: Gateway,
  ...operations: readonly string[]
): Promise<void> {
  for (const operation of operations) await scenario.ask(gateway, operation);
  await scenario.pass(5_000);
  for (const operation of operations) await scenario.ask(gateway, operation);
}

describe('refresh-ahead', () => {
  test('keeps an inbox that is polled every second from waiting without webhooks', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway({
      cacheTtlsMs: { ...ttlsMs, chats: 5_000 },
      webhookSecret: undefined,
    });
    const waits: number[] = [];

    for (let poll = 0; poll < 60; poll += 1) {
      const { waitedMs } = await scenario.ask(
        gateway,
        '{ chats { nodes { id lastMessageText } } }',
      );
      waits.push(waitedMs);
      await scenario.pass(1_000 - (waitedMs % 1_000));
    }

    expect(waits.slice(1)).toEqual(Array.from({ length: 59 }, () => 0));
  });

  test('counts reads that the response cache answers', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway();
    await scenario.ask(gateway, chat);
    for (let read = 0; read < 20; read += 1) {
      await scenario.pass(10_000);
      expect((await scenario.ask(gateway, chat)).waitedMs).toBe(0);
    }
  });

  test('does not refresh what was requested once', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway();
    await scenario.ask(gateway, chat);

    await scenario.pass(5 * minute);

    expect(scenario.callTimes).toHaveLength(1);
  });

  test('stops when an entry is no longer requested', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway();
    await makePopular(scenario, gateway, chat, '{ agents { id } }');

    await scenario.pass(10 * minute);

    // Each entry was requested within the TTL before its first expiry, and not before the second one.
    expect(scenario.callTimes).toHaveLength(4);
    expect(Math.max(...scenario.callTimes)).toBeLessThan(5 * minute);
  });

  test('does not count reads of customers', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway({ auth: jwtAuth() });
    const customer = await bearer({ role: 'customer', customerId: '1' });
    for (const operation of [chat, '{ chats { nodes { id } } }', '{ agents { id } }']) {
      for (let read = 0; read < 4; read += 1) {
        await scenario.ask(gateway, operation, customer);
        await scenario.pass(1_000);
      }
    }
    const calls = scenario.callTimes.length;

    await scenario.pass(5 * minute);

    expect(scenario.callTimes).toHaveLength(calls);
  });

  test.each([
    ['with REFRESH_AHEAD=false', { refreshAhead: false }],
    ['with AUTH=forward', { auth: { mode: 'forward' } as const }],
  ])('does nothing %s', async (_case, config) => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway(config);
    const headers = { authorization: 'Bearer fake-key' };
    await scenario.ask(gateway, chat, headers);
    await scenario.pass(5_000);
    await scenario.ask(gateway, chat, headers);
    const calls = scenario.callTimes.length;

    await scenario.pass(2 * minute);

    expect(scenario.callTimes).toHaveLength(calls);
    expect(await refreshesOf(gateway)).toEqual({});
  });

  test('reads several customers in one call', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway();
    await makePopular(
      scenario,
      gateway,
      '{ nodes(nodeIds: []) { __typename } a: customer(id: 1) { phone } b: customer(id: 2) { phone } c: customer(id: 3) { phone } }',
    );
    const calls = scenario.callTimes.length;

    await scenario.pass(minute);

    expect(scenario.callTimes).toHaveLength(calls + 1);
    expect(await refreshesOf(gateway)).toMatchObject({ refreshed: 3 });
  });

  test('reads a list, and not the chats of the list as well', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway();
    const operations = [30, 29, 28].map((id) => `{ chat(id: ${id}) { id } }`);
    await makePopular(scenario, gateway, ...operations, '{ chats { nodes { id } } }');
    const calls = scenario.callTimes.length;

    await scenario.pass(minute);

    expect(scenario.callTimes).toHaveLength(calls + 1);
  });

  test('makes no call while the circuit breaker is open', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway();
    await makePopular(scenario, gateway, chat);
    await scenario.pass(40_000);
    scenario.upstream.onEveryCall((held) => held.respond({ status: 503, body: 'down' }));
    for (let id = 10; id < 22; id += 1) await scenario.ask(gateway, `{ chat(id: ${id}) { id } }`);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain('\nhelpcrunch_circuit_breakers_open 1\n');
    const calls = scenario.upstream.calls.length;

    await scenario.pass(15_000);

    expect(scenario.upstream.calls).toHaveLength(calls);
    const { circuitOpen, ...others } = await refreshesOf(gateway);
    expect(circuitOpen).toBeGreaterThan(0);
    expect(others).toMatchObject({ refreshed: 0, failed: 0 });
  });

  test('makes no call that leaves less than a fifth of the limit', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway({ rateLimit: 20 });
    await makePopular(scenario, gateway, chat);
    await scenario.pass(40_000);
    // With the first call 16 of 20: 4 are left.
    const ids = Array.from({ length: 15 }, (_, index) => index + 10);
    await scenario.ask(
      gateway,
      `{ ${ids.map((id) => `c${id}: chat(id: ${id}) { id }`).join(' ')} }`,
    );
    const calls = scenario.callTimes.length;
    expect(calls).toBe(16);

    await scenario.pass(14_000);

    expect(scenario.callTimes).toHaveLength(calls);
    const { quota, ...others } = await refreshesOf(gateway);
    expect(quota).toBeGreaterThan(0);
    expect(others).toMatchObject({ refreshed: 0, failed: 0 });
  });

  test('uses at most half of the idle calls', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway({ rateLimit: 30 });
    const ids = Array.from({ length: 12 }, (_, index) => index + 1);
    await makePopular(scenario, gateway, ...ids.map((id) => `{ chat(id: ${id}) { id } }`));
    expect(scenario.callTimes).toHaveLength(12);

    await scenario.pass(minute - scenario.now());

    // The calls of the clients count until a minute after their end: 18 of 30 are idle.
    expect(scenario.callTimes).toHaveLength(12 + 9);
    expect(await refreshesOf(gateway)).toMatchObject({ refreshed: 9, failed: 0 });
  });

  test('does not store what a webhook has invalidated during the refresh', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway();
    await makePopular(scenario, gateway, chat);
    const held = await holdRefresh(scenario);
    const row = scenario.upstream.chats.get(1);
    await deliver(gateway, {
      event: 'chat.status_updated',
      eventData: chatData({ ...row, id: 1, status: 'closed' }),
      atMs: scenario.clock.now(),
    });
    scenario.upstream.seed({ chats: [{ id: 1, status: 'closed' }] });
    held.respond();
    await scenario.pass(1_000);

    const { response } = await scenario.ask(gateway, '{ chat(id: 1) { status } }');

    expect(response.data).toEqual({ chat: { status: 'CLOSED' } });
  });

  test('does not store what a write has changed during the refresh', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway();
    await makePopular(scenario, gateway, chat);
    const held = await holdRefresh(scenario);
    const write = await scenario.ask(
      gateway,
      'mutation { markChatRead(id: 1, by: AGENT, read: false) { readByAgent } }',
    );
    expect(write.response.data).toEqual({ markChatRead: { readByAgent: false } });
    held.respond();
    await scenario.pass(1_000);

    const { response } = await scenario.ask(gateway, '{ chat(id: 1) { readByAgent } }');

    expect(response.data).toEqual({ chat: { readByAgent: false } });
  });

  test('publishes no event', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway();
    const stream = await fetch(`${gateway.url}/graphql/stream`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
      body: JSON.stringify({ query: 'subscription { chatUpdated { change } }' }),
    });
    await gateway.waitForSubscriptions(1);
    await makePopular(scenario, gateway, chat);
    scenario.upstream.seed({ chats: [{ id: 1, status: 'closed' }] });
    await scenario.pass(minute);
    expect(await refreshesOf(gateway)).toMatchObject({ refreshed: 1 });

    await gateway.stop();

    expect(await stream.text()).not.toContain('"change"');
  });

  test('stops during a refresh', async () => {
    await using scenario = await startRefreshScenario();
    const gateway = await scenario.startGateway();
    await makePopular(scenario, gateway, chat);
    const held = await holdRefresh(scenario);

    await gateway.stop();

    await held.aborted;
    expect(gateway.logged.filter((line) => line.includes('failed'))).toEqual([]);
  });
});

/** Lets time pass until the chat is refreshed, and holds the call. The state that it returns is read. */
async function holdRefresh(scenario: RefreshScenario) {
  let held: Parameters<RefreshScenario['respondLate']>[0] | undefined;
  scenario.upstream.onEveryCall((call) => {
    held = call;
    call.apply();
    scenario.upstream.onEveryCall(scenario.respondLate);
  });
  while (held === undefined) await scenario.pass(250);
  await held.arrived;
  return held;
}
