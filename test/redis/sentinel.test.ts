import { describe, expect, jest, test } from '@jest/globals';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { documentedPermissions } from '../support/permissions.ts';
import { freePort, hasRedis } from '../support/redis.ts';
import { redisSettings } from '../support/redisSettings.ts';
import {
  hasSentinel,
  sentinelPassword,
  sentinelUsername,
  startSentinel,
} from '../support/sentinel.ts';

const describeWithSentinel = hasRedis && hasSentinel ? describe : describe.skip;

const oneHour = 3_600_000;
const query = '{ chat(id: 1) { id readByAgent } }';

describeWithSentinel('Redis Sentinel (needs Sentinel)', () => {
  test.each(['is killed', 'no longer responds'] as const)(
    'a primary that %s is replaced without errors of clients, and instances share again',
    async (failure) => {
      const user = ['--user', 'gateway', 'on', '>pass/word', ...documentedPermissions()];
      await using group = await startSentinel(user);
      await using upstream = await startControlledUpstream();
      upstream.seed({ chats: [{ id: 1, status: 'new' }] });
      // The first sentinel does not exist.
      const sentinels = `127.0.0.1:${await freePort()},127.0.0.1:${group.port}`;
      const config = {
        redisUrl: `redis-sentinel://gateway:pass%2Fword@${sentinels}/main/0`,
        redis: redisSettings({ sentinelUsername, sentinelPassword }),
        redisTimeoutMs: 1_000,
        rateLimit: 1_000_000,
        cacheTtlsMs: { chats: oneHour, customers: oneHour, account: oneHour, absent: oneHour },
      };
      const printed = jest.spyOn(console, 'error');
      await using first = await startTestGateway({ upstream, config });
      await using second = await startTestGateway({ upstream, config });
      const gateways = [first, second];
      const errors: unknown[] = [];
      let isRead = false;
      const read = async (gateway: typeof first) => {
        const response = await gateway.query(query);
        errors.push(...response.errors);
        return response;
      };
      const areShared = async (isShared: boolean) => {
        const states = await Promise.all(
          gateways.map(async (gateway) => {
            await read(gateway);
            return (await fetch(`${gateway.url}/readyz`)).text();
          }),
        );
        return states.every((state) => state.includes(isShared ? '"up"' : '"down"'));
      };
      const isShared = async () => {
        isRead = !isRead;
        await first.query(`mutation { markChatRead(id: 1, by: AGENT, read: ${isRead}) { id } }`);
        await read(first);
        const { data, extensions } = await read(second);
        return data.chat.readByAgent === isRead && extensions.upstream.calls === 0;
      };
      while (!(await areShared(true)));

      await group.replacePrimaryAfter(500);
      if (failure === 'is killed') await group.primary.kill();
      else group.primary.pause();
      while (!(await areShared(false)));
      while (!(await areShared(true)));
      while (!(await isShared()));

      expect(errors).toEqual([]);
      expect(await group.replica.command('ROLE')).toContain('master');
      const clients = String(await group.replica.command('CLIENT', 'LIST'));
      expect(clients.match(/name=helpcrunch:commands/g)).toHaveLength(2);
      expect(clients.match(/name=helpcrunch:pubsub/g)).toHaveLength(2);
      expect(await group.replica.command('ACL', 'LOG')).toEqual([]);
      expect(await group.denied()).toEqual([]);
      expect(printed.mock.calls).toEqual([]);
      printed.mockRestore();
    },
    120_000,
  );

  test('a wrong password of the sentinels is reported as unavailable, without their addresses', async () => {
    await using group = await startSentinel();
    await using upstream = await startControlledUpstream();
    await using gateway = await startTestGateway({
      upstream,
      config: {
        redisUrl: `redis-sentinel://127.0.0.1:${group.port}/main`,
        redis: redisSettings({ sentinelPassword: 'wrong' }),
      },
    });

    while (!gateway.logged.join('').includes('redis unavailable')) await gateway.query(query);

    expect(await (await fetch(`${gateway.url}/healthz`)).json()).toMatchObject({ redis: 'down' });
    expect(gateway.logged.join('')).not.toContain(String(group.port));
  });
});
