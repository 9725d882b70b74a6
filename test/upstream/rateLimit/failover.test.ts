import { describe, expect, test } from '@jest/globals';
import { startInstances, windowMs } from '../../support/limiterInstances.ts';
import { hasRedis } from '../../support/redis.ts';
import { hasSentinel, sentinelPassword, startSentinel } from '../../support/sentinel.ts';

const names = ['one', 'two'];
const exactWithinMs = 5_000;

type Sentinel = Awaited<ReturnType<typeof startSentinel>>;

/** The replica receives nothing any more, so it lacks what is written from now on. */
async function stopReplication({ primary, replica }: Sentinel) {
  replica.pause();
  await primary.command('CLIENT', 'KILL', 'TYPE', 'REPLICA');
}

(hasRedis && hasSentinel ? describe : describe.skip)('a failover (needs Sentinel)', () => {
  test.each([
    ['has all permits', () => Promise.resolve()],
    ['lacks the last permits', stopReplication],
  ])(
    'a primary that is replaced by one that %s: the limit is never exceeded, and exact again within 5 s',
    async (_which, prepare) => {
      await using group = await startSentinel();
      const url = `redis-sentinel://127.0.0.1:${group.port}/main`;
      await using cluster = await startInstances(6, names, undefined, {
        redis: group.primary,
        settings: { url, sentinelPassword },
      });
      const refresh = () => Promise.all(names.map((name) => cluster.limiter(name).refresh('acme')));
      const make = async (name: string) => (await cluster.acquire(name)).complete();
      for (const name of names) await make(name);
      await group.primary.command('WAIT', 1, 0);
      await prepare(group);
      for (const name of names) await make(name);
      await refresh();

      await group.primary.kill();
      group.replica.resume();
      await cluster.allLocal();
      await group.replacePrimaryAfter(500);
      while (!String(await group.replica.command('ROLE')).includes('master'));
      await cluster.allConnected();
      const replacedAt = cluster.clock.monotonic();
      const calls = names.flatMap((name) => [1, 2, 3].map(() => cluster.acquire(name)));
      const released = Promise.all(calls.map(async (call) => (await call).complete()));
      await cluster.allShared();
      while (cluster.calls.length < 6) await cluster.advance(500);
      await refresh();

      expect(cluster.clock.monotonic() - replacedAt).toBeLessThanOrEqual(exactWithinMs);
      for (const name of names)
        expect(cluster.limiter(name).status('acme')).toMatchObject({ limit: 6, remaining: 0 });
      await cluster.advance(2 * windowMs);
      await released;
      expect(cluster.maxInWindow()).toBe(6);
    },
  );
});
