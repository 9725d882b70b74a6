import { describe, expect, test } from '@jest/globals';
import { readConfig } from '../src/config/settings.ts';
import type { ControlledUpstream } from './support/controlledUpstream.ts';
import { startControlledUpstream } from './support/controlledUpstream.ts';
import { startTestGateway } from './support/gateway.ts';
import { bearer, jwtAuth } from './support/issuer.ts';
import type { ManualClock } from './support/manualClock.ts';
import { createManualClock } from './support/manualClock.ts';
import { hasRedis, startRedis } from './support/redis.ts';
import { openSocket } from './support/socket.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const second = 1_000;
const oneMinute = 60 * second;
const oneHour = 60 * oneMinute;
const agent = { role: 'agent', agentId: '12' };
const freshMs = { ...readConfig({}).cacheTtlsMs, chats: oneMinute };
const chat = '{ chat(id: 1) { id lastMessageText } }';

async function startWorld(config: Parameters<typeof startTestGateway>[0]['config'] = {}) {
  const clock = createManualClock();
  const upstream = await startControlledUpstream();
  upstream.seed({ chats: [{ id: 1, customer: { id: 7 } }], customers: [{ id: 7 }] });
  const gateway = await startTestGateway({
    upstream,
    clock,
    config: { rateLimit: 0, cacheTtlsMs: freshMs, ...config },
  });
  return {
    clock,
    helpCrunch: upstream,
    gateway,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

const secondsOf = (clock: ManualClock) => clock.now() / second;

describe('wall clock correction', () => {
  test('tokens are accepted and rejected by the corrected wall clock', async () => {
    await using world = await startWorld({ auth: jwtAuth() });
    const { gateway, clock } = world;
    const statusOf = async (claims: object) =>
      (await gateway.query('{ __typename }', {}, await bearer({ ...agent, ...claims }))).status;

    // It was an hour ahead.
    clock.setWallClock(-oneHour);
    const soon = secondsOf(clock) + 900;
    expect(await statusOf({ exp: soon })).toBe(200);
    // It was an hour behind.
    clock.setWallClock(oneHour);
    expect(await statusOf({ exp: secondsOf(clock) - 1_800 })).toBe(401);
    expect(await statusOf({ nbf: secondsOf(clock) })).toBe(200);
    expect(await statusOf({ exp: soon })).toBe(401);
  });

  test('a WebSocket and an SSE stream end within ten seconds when a clock correction expires their token', async () => {
    await using world = await startWorld({ auth: jwtAuth() });
    const { gateway, clock } = world;
    const headers = await bearer({ ...agent, exp: secondsOf(clock) + 3_600 });
    const line = await openSocket(gateway.url, { headers });
    await line.initialize();
    const stream = await fetch(
      `${gateway.url}/graphql/stream?query=subscription{chatUpdated{change}}`,
      { headers: { accept: 'text/event-stream', ...headers } },
    );
    await gateway.waitForSubscriptions(1);

    clock.setWallClock(2 * oneHour);
    clock.advance(10 * second);

    expect((await line.closed).code).toBe(4403);
    expect(await stream.text()).toMatch(/^(:\n\n)+$/);
    await gateway.waitForSubscriptions(0);
  });

  test('a WebSocket stays open after a clock correction until its token expires by the corrected time', async () => {
    await using world = await startWorld({ auth: jwtAuth() });
    const { gateway, clock } = world;
    const line = await openSocket(gateway.url, {
      headers: await bearer({ ...agent, exp: secondsOf(clock) + 5 }),
    });
    await line.initialize();

    clock.setWallClock(-10 * second);
    clock.advance(10 * second);
    line.send({ id: 'a', type: 'subscribe', payload: { query: '{ __typename }' } });
    expect(await line.nextMessage()).toMatchObject({ id: 'a', type: 'next' });
    clock.advance(10 * second);

    expect((await line.closed).code).toBe(4403);
  });

  test.each([oneHour, -oneHour])(
    'a wall clock correction by %d ms changes neither the rate limit window nor its reported reset',
    async (byMs) => {
      await using world = await startWorld({ rateLimit: 1 });
      const { gateway, clock } = world;
      const ask = () => gateway.query(chat, {}, { 'cache-control': 'no-cache' });
      await ask();

      clock.setWallClock(byMs);
      const { errors } = await ask();
      const { data } = await gateway.query('{ rateLimit { remaining resetAt } }');
      clock.advance(oneMinute);
      const later = await ask();

      expect(errors[0]!.extensions).toMatchObject({
        code: 'RATE_LIMITED',
        retryAfterMs: oneMinute,
      });
      expect(data.rateLimit).toEqual({
        remaining: 0,
        resetAt: new Date(clock.now()).toISOString(),
      });
      expect(later.errors).toEqual([]);
    },
  );

  test('a running operation keeps its deadline when the wall clock is corrected', async () => {
    await using world = await startWorld({ operationTimeoutMs: 5 * second });
    const { gateway, clock, helpCrunch } = world;
    const held = helpCrunch.hold('GET /chats/1');
    const answering = gateway.query(chat);
    await held.arrived;

    clock.setWallClock(oneHour);
    clock.advance(5 * second - 1);
    held.apply();
    held.respond();

    expect((await answering).data).toMatchObject({ chat: { id: '1' } });
  });
});

describe('the cache of a process', () => {
  /** Executes an operation until its whole response is cached. */
  async function warm({ gateway }: Awaited<ReturnType<typeof startWorld>>) {
    for (let count = 0; count < 4; count += 1) await gateway.query(chat);
  }
  const jumps = ({ gateway }: Awaited<ReturnType<typeof startWorld>>) =>
    gateway.logged.map((line) => JSON.parse(line)).filter(({ msg }) => /clock/.test(msg));

  test.each([6 * second, -6 * second, 3 * oneHour])(
    'the cache is cleared and logged once when wall clock and monotonic clock drift apart by %d ms',
    async (byMs) => {
      await using world = await startWorld();
      await warm(world);
      const before = world.helpCrunch.calls.length;

      world.clock.setWallClock(byMs);
      await warm(world);

      expect(before).toBe(1);
      expect(world.helpCrunch.calls).toHaveLength(2);
      expect(jumps(world)).toMatchObject([{ level: 40, msg: 'clock jump detected', jumpMs: byMs }]);
    },
  );

  test('cache entries keep their TTL when the wall clock is corrected by less than five seconds', async () => {
    await using world = await startWorld();
    await warm(world);

    world.clock.setWallClock(4 * second);
    await warm(world);
    world.clock.setWallClock(-4 * second);
    await warm(world);
    const within = world.helpCrunch.calls.length;
    world.clock.advance(oneMinute);
    await warm(world);

    expect(within).toBe(1);
    expect(world.helpCrunch.calls).toHaveLength(2);
    expect(jumps(world)).toEqual([]);
  });

  test('a value that is being read while the wall clock jumps is not cached', async () => {
    await using world = await startWorld();
    const held = world.helpCrunch.hold('GET /chats/1');
    const first = world.gateway.query(chat);
    await held.arrived;

    world.clock.setWallClock(oneHour);
    const second_ = await world.gateway.query(chat);
    held.apply();
    held.respond();
    await first;

    expect(second_.extensions.upstream.calls).toBe(1);
  });
});

describeWithRedis('instances with a shared cache and different clocks (needs Redis)', () => {
  /** Two instances, of which the first has read the chat before it changed. */
  async function startPair(aheadMs: number) {
    const redis = await startRedis();
    const upstream: ControlledUpstream = await startControlledUpstream();
    upstream.seed({ chats: [{ id: 1, customer: { id: 7 } }], customers: [{ id: 7 }] });
    const clocks = [createManualClock(), createManualClock()] as const;
    clocks[0].setWallClock(aheadMs);
    const [first, other] = await Promise.all(
      clocks.map((clock) =>
        startTestGateway({
          upstream,
          clock,
          config: { rateLimit: 0, cacheTtlsMs: freshMs, redisUrl: redis.url },
        }),
      ),
    );
    await redis.listenedBy(2);
    const isUp = async ({ url }: { readonly url: string }) =>
      (await (await fetch(`${url}/metrics`)).text()).includes('\nhelpcrunch_redis_up 1\n');
    for (const gateway of [first!, other!]) while (!(await isUp(gateway)));
    await first!.query(chat);
    return {
      clocks,
      first: first!,
      other: other!,
      async [Symbol.asyncDispose]() {
        await Promise.all([first!.stop(), other!.stop()]);
        await upstream[Symbol.asyncDispose]();
        await redis[Symbol.asyncDispose]();
      },
    };
  }
  const callsOf = async (gateway: Awaited<ReturnType<typeof startPair>>['other']) =>
    (await gateway.query(chat)).extensions.upstream.calls;

  test.each([0, 500, -500])(
    'instances use shared cache entries when their clocks differ by %d ms',
    async (aheadMs) => {
      await using pair = await startPair(aheadMs);

      expect(await callsOf(pair.other)).toBe(0);
    },
  );

  test.each([2 * second, 30 * second, 300 * second])(
    'instances ignore a shared cache entry from %d ms in the future',
    async (aheadMs) => {
      await using pair = await startPair(aheadMs);

      expect(await callsOf(pair.other)).toBe(1);
    },
  );

  test('the age of a shared cache entry is measured by the wall clock, not by process uptime', async () => {
    await using pair = await startPair(0);
    const [, clock] = pair.clocks;

    clock.advance(oneMinute - 1);
    const before = await callsOf(pair.other);
    clock.advance(1);
    const after = await callsOf(pair.other);

    expect([before, after]).toEqual([0, 1]);
  });

  test('entries written while a clock was ahead are not used after its correction', async () => {
    await using pair = await startPair(oneHour);
    const [clock] = pair.clocks;

    clock.setWallClock(-oneHour);

    expect(await callsOf(pair.first)).toBe(1);
    expect(await callsOf(pair.other)).toBe(0);
  });
});
