import { describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { readConfig } from '../../src/config/settings.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { chatData, post, webhookSecret, wireDelivery } from '../support/webhooks.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

describeWithRedis('keys and channels in Redis (needs Redis)', () => {
  test('have the version, the account and the kind, and contain no customer data', async () => {
    await using redis = await startRedis();
    await using upstream = await startControlledUpstream();
    upstream.seed({
      chats: [{ id: 1, customer: { id: 7 } }],
      customers: [{ id: 7, name: 'Ada', email: 'ada@example.com', userId: '380671234567' }],
    });
    const hour = 3_600_000;
    const clock = createManualClock(Date.now());
    await using gateway = await startTestGateway({
      upstream,
      clock,
      config: {
        account: 'helpdesk',
        rateLimit: 120,
        requestRateLimit: 1_000,
        authFailureLimit: 1_000,
        cacheTtlsMs: { ...readConfig({}).cacheTtlsMs, chats: hour, customers: hour },
        redisUrl: redis.url,
        webhookSecret,
      },
    });
    const client = new Redis(redis.port, '127.0.0.1');
    const recorder = new Redis(redis.port, '127.0.0.1');
    const channels = new Set<string>();
    recorder.on('pmessage', (_pattern: string, channel: string) => channels.add(channel));
    await recorder.psubscribe('*');
    await redis.listenedBy(1);
    const isUp = async () => (await (await fetch(`${gateway.url}/readyz`)).text()).includes('"up"');
    while (!(await isUp())) clock.advance(1_000);
    const operations = [
      '{ chat(id: 1) { id customer { phone } messages { nodes { id text } } } }',
      '{ chats(filter: { customerId: 7 }) { totalCount nodes { id } } }',
      '{ customers(filter: { email: { equals: "ada@example.com" } }) { nodes { id name } } }',
      '{ customerByUserId(userId: "380671234567") { id name } }',
      '{ customer(id: 404) { id } agents { id } departments { id } }',
      'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }',
    ];
    const delivery = () =>
      wireDelivery({
        event: 'chat.rated',
        eventData: chatData({ id: 1 }),
        atMs: Date.now(),
        id: 'ada@example.com rated',
      });

    for (const operation of operations) await gateway.query(operation);
    await post(gateway, delivery());
    await post(gateway, delivery(), { 'x-helpcrunch-signature': 'f'.repeat(40) });
    const kinds = [
      'entry',
      'tag',
      'generation',
      'leases',
      'instances',
      'delivery',
      'requests',
      'failures',
    ];
    const keys = new Set<string>();
    while (!kinds.every((kind) => [...keys].some((key) => key.includes(`}:${kind}`))))
      for (const key of await client.keys('*')) keys.add(key);

    const layout = /^helpcrunch:4:\{helpdesk\}:[a-z]+(:[\w:-]+)?$/;
    const names = [...keys, ...channels];
    expect(names.filter((name) => !layout.test(name))).toEqual([]);
    expect(channels.size).toBeGreaterThanOrEqual(3);
    for (const text of ['ada', 'example', '380671234567', 'email', 'customerId'])
      expect(names.filter((name) => name.toLowerCase().includes(text))).toEqual([]);
    client.disconnect();
    recorder.disconnect();
  });
});
