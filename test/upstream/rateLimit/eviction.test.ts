import { describe, expect, test } from '@jest/globals';
import { hasRedis } from '../../support/redis.ts';
import { startSharedAccount } from '../../support/sharedAccount.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const minuteMs = 60_000;
const text = 'x'.repeat(1_000);

/** With `volatile-lru` and `allkeys-lru` it depends on the speed of the machine whether permits, which are used all the time, are evicted. */
const policies = [
  { policy: 'volatile-lru', alwaysEvicts: false },
  { policy: 'volatile-random', alwaysEvicts: true },
  { policy: 'volatile-ttl', alwaysEvicts: true },
  { policy: 'allkeys-lru', alwaysEvicts: false },
  { policy: 'allkeys-random', alwaysEvicts: true },
];

describeWithRedis('a Redis that evicts (needs Redis)', () => {
  test.each(policies)(
    'with $policy and another application that fills Redis, HelpCrunch rejects at most two calls, and the loss is reported within a minute',
    async ({ policy, alwaysEvicts }) => {
      await using account = await startSharedAccount(2, ['--maxmemory-policy', policy]);
      const { redis } = account;
      const memory = /used_memory:(\d+)/.exec((await redis?.info('memory')) ?? '')?.[1];
      // For about 400 further values.
      await redis?.config('SET', 'maxmemory', Number(memory) + 1_000_000);
      const sends = await Promise.all(
        [1, 2, 3].map((agentId) => account.client(`agent ${agentId}`, { role: 'agent', agentId })),
      );
      let reads = 0;
      let written = 0;
      let firstLossMs = Infinity;
      const read = (timeMs: number) => {
        if (timeMs % 500 !== 0) return;
        for (const send of sends) send(`{ chat(id: ${5_100 + ((reads += 1) % 300)}) { status } }`);
      };
      const fill = () => {
        const batch = redis?.pipeline();
        for (let index = 0; index < 40; index += 1)
          batch?.set(`other:${(written += 1)}`, text, 'PX', 2 * minuteMs);
        account.track(batch?.exec() ?? Promise.resolve());
      };
      const watch = () => {
        const isReported = account.gateways.some(({ logged }) =>
          logged.join('').includes('redis lost permits of the rate limit'),
        );
        if (isReported) firstLossMs = Math.min(firstLossMs, account.now());
      };

      await account.run(30, read, watch);
      await account.run(100, read, fill, watch);
      await account.finish();

      expect(firstLossMs).toBeGreaterThan(30_000);
      if (alwaysEvicts || firstLossMs < Infinity)
        expect(firstLossMs).toBeLessThanOrEqual(30_000 + minuteMs);
      expect(account.throttledCalls().length).toBeLessThanOrEqual(2);
      const succeeded = account.outcomes.filter(({ response }) => response.errors.length === 0);
      // More than in one window, also if Redis loses permits several times.
      expect(succeeded.length).toBeGreaterThan(120);
    },
  );
});
