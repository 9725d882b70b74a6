import { describe, expect, jest, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import { createCertificates } from '../support/certificates.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { documentedPermissions } from '../support/permissions.ts';
import { freePort, hasRedis } from '../support/redis.ts';
import { openSubscriber } from '../support/resumingSubscriber.ts';
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
      const subscription = 'subscription ($after: ID) { chatUpdated(after: $after) { change } }';
      const open = ({ url }: typeof first, after?: string) =>
        openSubscriber(url, {
          ...{ transport: 'websocket', query: subscription },
          ...(after === undefined ? {} : { after }),
        });
      await using subscriber = await open(second);
      await second.waitForSubscriptions(1);
      await isShared();
      const { eventId } = (await subscriber.next()).extensions;

      await group.replacePrimaryAfter(500);
      if (failure === 'is killed') await group.primary.kill();
      else group.primary.pause();
      while (!(await areShared(false)));
      while (!(await areShared(true)));
      while (!(await isShared()));
      await using resumed = await open(first, eventId);
      const events = [await subscriber.next(), await resumed.next()];

      expect(events.map((event) => event.errors)).toEqual([undefined, undefined]);
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
  );

  test('instances share through TLS with certificates of clients, also after a failover', async () => {
    await using certificates = await createCertificates();
    await using group = await startSentinel([], { certificates });
    await using upstream = await startControlledUpstream();
    upstream.seed({ chats: [{ id: 1 }] });
    const { redis, redisUrl } = readConfig({
      ACCOUNT: 'acme',
      REDIS_URL: `rediss-sentinel://127.0.0.1:${group.port}/main`,
      REDIS_SENTINEL_PASSWORD: sentinelPassword,
      REDIS_TLS_CA_FILE: certificates.path('authority.pem'),
      REDIS_TLS_CERT_FILE: certificates.path('client.pem'),
      REDIS_TLS_KEY_FILE: certificates.path('client.key'),
    });
    const cacheTtlsMs = { chats: oneHour, customers: oneHour, account: oneHour, absent: oneHour };
    const config = { redis, redisUrl, redisTimeoutMs: 1_000, cacheTtlsMs, rateLimit: 0 };
    await using first = await startTestGateway({ upstream, config });
    await using second = await startTestGateway({ upstream, config });
    const readCalls = async () => {
      for (const gateway of [first, second]) {
        while (!(await (await fetch(`${gateway.url}/readyz`)).text()).includes('"up"'));
      }
      await first.query(query);
      return (await second.query(query)).extensions.upstream.calls;
    };

    while ((await readCalls()) !== 0);
    await group.replacePrimaryAfter(500);
    await group.primary.kill();
    while (!String(await group.replica.command('ROLE')).includes('master'));
    while ((await readCalls()) !== 0);

    const clients = String(await group.replica.command('CLIENT', 'LIST'));
    expect(clients.match(/name=helpcrunch:commands/g)).toHaveLength(2);
    const addresses = [...clients.matchAll(/laddr=127\.0\.0\.1:(\d+) .*name=helpcrunch/g)];
    expect(new Set(addresses.map(([, port]) => Number(port)))).toEqual(
      new Set([group.replica.announcedPort]),
    );
  });

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
