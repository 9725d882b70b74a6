import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { createRedisScripts } from '../../src/redis/scripts.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';

const scripts = createRedisScripts("local now = tonumber(redis.call('GET', 'now'))\n");
const ttlMs = 600_000;
const headTtlMs = 6_000_000;

interface Event {
  readonly id: string;
  readonly text?: string;
  /** Empty: not published. */
  readonly message?: string;
}

interface Limits {
  readonly maxLength?: number;
  readonly maxBytes?: number;
}

(hasRedis ? describe : describe.skip)('scripts of the event log (needs Redis)', () => {
  let redis: TestRedis;
  let client: Redis;
  let subscription: Redis;
  let published: string[] = [];
  let logs = 0;

  beforeAll(async () => {
    redis = await startRedis();
    client = new Redis(redis.port, '127.0.0.1');
    subscription = new Redis(redis.port, '127.0.0.1');
    subscription.on('message', (_channel: string, text: string) => published.push(text));
    await subscription.subscribe('channel');
  });

  afterAll(async () => {
    client.disconnect();
    subscription.disconnect();
    await redis[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    await client.flushall();
    await client.set('now', 1_000_000);
    await untilPublished();
    published = [];
    logs = 0;
  });

  /** What was published so far. */
  async function untilPublished(): Promise<readonly string[]> {
    await subscription.ping();
    return published;
  }

  const newLog = () => `log${(logs += 1)}`;

  const append = (events: readonly Event[], { maxLength = 10, maxBytes = 10_000 }: Limits = {}) =>
    client.eval(
      scripts.appendEvents.text,
      ...[3, 'head', 'entries', 'ids', newLog(), headTtlMs, ttlMs, maxLength, maxBytes, 'channel'],
      ...events.flatMap(({ id, text = 'text', message = `{"id":"${id}"}` }) => [id, text, message]),
    );

  const read = async (after: number, max = 100) => {
    const reply: any = await client.eval(
      scripts.readEvents.text,
      ...[3, 'head', 'entries', 'ids', newLog(), ttlMs, headTtlMs, after, max],
    );
    const [, first, last, lastId, entries] = reply;
    const ids = entries.map((entry: string) => entry.split(' ')[2]);
    return { first, last, lastId, ids };
  };

  test('appendEvents gives each event the next position and publishes it with the id before', async () => {
    await append([{ id: 'a' }, { id: 'b' }]);
    const position = await append([{ id: 'c', message: '' }, { id: 'd' }]);

    const messages = (await untilPublished()).map((text) => JSON.parse(text));
    expect(position).toBe(4);
    expect(messages).toEqual([
      { id: 'a', log: { position: 1, previousId: 'log1' } },
      { id: 'b', log: { position: 2, previousId: 'a' } },
      { id: 'd', log: { position: 4, previousId: 'c' } },
    ]);
    expect(await read(1, 2)).toEqual({ first: 1, last: 4, lastId: 'd', ids: ['b', 'c'] });
    expect(await client.lindex('entries', 0)).toBe('1 1000000 a log1 text');
  });

  test('the head of a log without events expires as early as an event', async () => {
    const { lastId } = await read(0);
    const emptyTtlMs = await client.pttl('head');
    await append([{ id: 'a' }]);
    await read(0);

    expect(lastId).toBe('log1');
    expect(emptyTtlMs).toBeGreaterThan(0);
    expect(emptyTtlMs).toBeLessThanOrEqual(ttlMs);
    expect(await client.pttl('head')).toBeGreaterThan(ttlMs);
  });

  test('appendEvents removes the oldest entries above each limit', async () => {
    for (const id of ['a', 'b', 'c', 'd']) await append([{ id }], { maxLength: 3 });
    const byNumber = await read(0);
    const size = Number((await client.get('head'))?.split(' ')[2]);
    await append([{ id: 'e' }], { maxBytes: size });
    const bySize = await read(0);
    await client.set('now', 1_000_000 + ttlMs);
    await append([{ id: 'f' }]);

    expect(byNumber).toEqual({ first: 2, last: 4, lastId: 'd', ids: ['b', 'c', 'd'] });
    expect(bySize).toEqual({ first: 3, last: 5, lastId: 'e', ids: ['c', 'd', 'e'] });
    expect(await read(0)).toEqual({ first: 6, last: 6, lastId: 'f', ids: ['f'] });
    expect((await client.get('head'))?.split(' ')[2]).toBe(
      String((await client.lindex('entries', 0))?.length),
    );
    expect(await client.pttl('entries')).toBeLessThanOrEqual(ttlMs);
    expect(await client.pttl('head')).toBeGreaterThan(ttlMs);
  });

  test('appendEvents appends an event once, as long as it is in the log', async () => {
    await append([{ id: 'a' }, { id: 'b' }]);
    const position = await append([{ id: 'b' }, { id: 'c' }]);

    expect(position).toBe(3);
    expect((await read(0)).ids).toEqual(['a', 'b', 'c']);
    expect(await untilPublished()).toHaveLength(3);
    await append([{ id: 'd' }], { maxLength: 1 });
    expect(await client.smembers('ids')).toEqual(['d']);
  });

  test('appendEvents publishes events of a full Redis without a position, and deletes the log', async () => {
    await append([{ id: 'a' }]);
    await client.config('SET', 'maxmemory', '1');
    const position = await append([{ id: 'b' }, { id: 'c' }]);
    await client.config('SET', 'maxmemory', '0');

    const messages = (await untilPublished()).map((text) => JSON.parse(text));
    expect(position).toBe(0);
    expect(messages.slice(1)).toEqual([
      { id: 'b', isUnlogged: true },
      { id: 'c', isUnlogged: true },
    ]);
    expect(await client.exists('head', 'entries', 'ids')).toBe(0);
  });

  test('positions continue when all entries have expired, and a lost head begins another log', async () => {
    await append([{ id: 'a' }, { id: 'b' }]);
    await client.del('entries');
    const expired = await read(0);
    await append([{ id: 'c' }]);
    const continued = await read(0);
    await client.del('head');
    const lost = await read(0);

    expect(expired).toEqual({ first: 3, last: 2, lastId: 'b', ids: [] });
    expect(continued).toEqual({ first: 3, last: 3, lastId: 'c', ids: ['c'] });
    expect(lost).toEqual({ first: 1, last: 0, lastId: 'log5', ids: [] });
    expect((await read(0)).lastId).toBe('log5');
  });

  test.each([
    ['head', 1],
    ['entries', 3],
  ])('a log that has lost its %s appends events that were in it before', async (key, position) => {
    await append([{ id: 'a' }, { id: 'b' }]);
    await client.del(key);

    expect(await append([{ id: 'a' }])).toBe(position);
    expect((await read(0)).ids).toEqual(['a']);
    expect(await client.smembers('ids')).toEqual(['a']);
    expect(await untilPublished()).toHaveLength(3);
  });

  test.each([
    ['another type', () => client.hset('head', 'a', 'b'), () => client.set('entries', 'text')],
    ['other texts', () => client.set('head', 'text'), () => client.rpush('entries', '', 'a b c')],
    ['more entries', () => client.set('head', '1 a 5'), () => client.rpush('entries', 'a', 'b')],
    [
      'large numbers',
      () => client.set('head', `${'9'.repeat(30)} a 5`),
      () => client.rpush('entries', '9'.repeat(1_000)),
    ],
  ])('keys with %s are replaced by a new log', async (_what, setHead, setEntries) => {
    await setHead();
    await setEntries();
    const { last, ids } = await read(0);
    await client.del('head', 'entries');
    await setHead();
    await setEntries();

    expect([last, ids]).toEqual([0, []]);
    expect(await append([{ id: 'a' }])).toBe(1);
    expect((await read(0)).ids).toEqual(['a']);
  });

  test('eraseEvents replaces the texts that contain an id, except the exempt ones', async () => {
    const texts = ['"id":"7"', '"id":"77"', '"id":"7" DELETED', '"id":"7" again'];
    await append(texts.map((text, index) => ({ id: `e${index}`, text })));
    await client.eval(
      scripts.eraseEvents.text,
      ...[3, 'head', 'entries', 'ids', newLog(), headTtlMs, '"id":"7"', 'DELETED', 'erased'],
    );

    const entries = await client.lrange('entries', 0, -1);
    expect(entries.map((entry) => entry.split(' ').slice(4).join(' '))).toEqual([
      ...['erased', '"id":"77"', '"id":"7" DELETED', 'erased'],
    ]);
    expect((await read(0)).lastId).toBe('e3');
    expect((await client.get('head'))?.split(' ')[2]).toBe(String(entries.join('').length));
  });
});
