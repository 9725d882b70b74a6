import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { redisKey } from '../../src/redis/keys.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { startTestGateway } from '../support/gateway.ts';
import { openSubscriber } from '../support/resumingSubscriber.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';

const ttlMs = 60_000;

(hasRedis ? describe : describe.skip)('two versions on one Redis', () => {
  let redis: TestRedis;
  let simulator: Simulator;

  beforeAll(async () => {
    [redis, simulator] = await Promise.all([startRedis(), startSimulator({ rateLimit: 0 })]);
  });
  afterAll(() => Promise.all([redis[Symbol.asyncDispose](), simulator.close()]));

  async function start() {
    const gateway = await startTestGateway({
      upstream: simulator,
      config: {
        redisUrl: redis.url,
        rateLimit: 1_000,
        cacheTtlsMs: { chats: ttlMs, customers: ttlMs, account: ttlMs, absent: ttlMs },
      },
    });
    while (!(await (await fetch(`${gateway.url}/readyz`)).text()).includes('"up"'));
    return gateway;
  }

  const read = '{ agents { name } }';
  const keys = async (pattern: string): Promise<string[]> => redis.command('KEYS', pattern);
  const otherVersionOf = (key: string) => key.replace(/^helpcrunch:(\d+):/, 'helpcrunch:3:');

  async function storedEntries(gateway: Awaited<ReturnType<typeof start>>) {
    for (;;) {
      await gateway.query(read);
      const entries = await keys(`${redisKey('default', 'entry')}:*`);
      if (entries.length > 0) return entries;
    }
  }

  test('entries of another version are neither read, changed nor deleted', async () => {
    await using first = await start();
    const entries = await storedEntries(first);
    const others: string[] = [];
    for (const key of [...entries, ...(await keys(`${redisKey('default', 'tag')}:*`))]) {
      const other = otherVersionOf(key);
      others.push(other);
      const value = String(await redis.command('GET', key));
      await redis.command(
        'SET',
        other,
        value.replaceAll(/"name":"[^"]*"/g, '"name":"OTHER VERSION"'),
        'PX',
        ttlMs,
      );
      await redis.command('DEL', key);
    }
    const before = await redis.command('MGET', ...others);

    await using second = await start();
    const { data, extensions } = await second.query(read);
    await second.query('mutation { markChatRead(id: 5208, by: AGENT, read: true) { id } }');

    expect(before.join()).toContain('OTHER VERSION');
    expect(JSON.stringify(data)).not.toContain('OTHER VERSION');
    expect(extensions.upstream.calls).toBe(1);
    expect(await redis.command('MGET', ...others)).toEqual(before);
  });

  test('entries of this layout whose content a newer build has written differently are dropped and read again', async () => {
    await using first = await start();
    const entries = await storedEntries(first);
    for (const key of entries) {
      const value = String(await redis.command('GET', key));
      await redis.command('SET', key, value.replace('"v":', '"value":'), 'PX', ttlMs);
    }

    await using second = await start();
    const { data, errors, extensions } = await second.query(read);
    const metrics = await (await fetch(`${second.url}/metrics`)).text();

    expect(errors).toEqual([]);
    expect(data.agents.length).toBeGreaterThan(0);
    expect(extensions.upstream.calls).toBe(1);
    expect(metrics).toMatch(/helpcrunch_redis_anomalies_total\{kind="entry"\} [1-9]/);
  });

  test('messages on the channels of another version are not received', async () => {
    await using gateway = await start();
    const channels: string[] = await redis.command('PUBSUB', 'CHANNELS', '*');
    const patterns = Number(await redis.command('PUBSUB', 'NUMPAT'));
    const { data } = await gateway.query(read);
    for (const kind of ['invalidation', 'event'] as const) {
      await redis.command('PUBLISH', otherVersionOf(redisKey('default', kind)), 'other text');
    }
    const again = await gateway.query(read);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();

    expect(channels.length + patterns).toBeGreaterThan(0);
    expect(again.data).toEqual(data);
    expect(again.extensions.upstream.calls).toBe(0);
    expect(metrics).toMatch(/helpcrunch_redis_anomalies_total\{kind="event"\} 0/);
  });

  test('events of a build without the log in Redis are delivered in one order and can be continued at another instance', async () => {
    await using first = await start();
    await using second = await start();
    const query = 'subscription ($after: ID) { chatUpdated(after: $after) { change } }';
    const open = ({ url }: typeof first, after?: string) =>
      openSubscriber(url, {
        ...{ transport: 'websocket', query },
        ...(after === undefined ? {} : { after }),
      });
    await using ofFirst = await open(first);
    await using ofSecond = await open(second);
    await Promise.all([first.waitForSubscriptions(1), second.waitForSubscriptions(1)]);
    const changes = ['READ', 'STATUS', 'CLOSED'];
    for (const [index, change] of changes.entries()) {
      const ids = { chatId: '5208', customerId: null, assigneeId: null, departmentId: null };
      const event = { kind: 'chat', change, atMs: 1, ...ids };
      const eventId = `01900000-0000-7000-8000-00000000000${index}`;
      const message = JSON.stringify({ from: 'older', sequence: index, event, eventId });
      await redis.command('PUBLISH', redisKey('default', 'event'), message);
    }
    const results = await Promise.all(
      [ofFirst, ofSecond].map(async (each) => [
        await each.next(),
        await each.next(),
        await each.next(),
      ]),
    );
    await second.query('mutation { markChatRead(id: 5208, by: AGENT, read: true) { id } }');
    await ofFirst.next();
    await using third = await start();
    await using resumed = await open(third, results[0]?.[0].extensions.eventId);
    const replayed = [await resumed.next(), await resumed.next(), await resumed.next()];

    const changesOf = (all: readonly any[] = []) => all.map(({ data }) => data.chatUpdated.change);
    expect(results.map(changesOf)).toEqual([changes, changes]);
    expect(changesOf(replayed)).toEqual(['STATUS', 'CLOSED', 'READ']);
  });
});
