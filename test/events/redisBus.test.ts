import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import type { EventOrGap, EventBus, DomainEvent } from '../../src/events/bus.ts';
import { createLocalEventBus } from '../../src/events/localBus.ts';
import { createEventsRedis } from '../../src/events/redisConnection.ts';
import { createRedisEventBus } from '../../src/events/redisBus.ts';
import { silentLog } from '../../src/observability/log.ts';
import { createUnexpected } from '../../src/redis/unexpectedData.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { ManualClock } from '../support/manualClock.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcpProxy.ts';
import { chatData, deliver, webhookSecret } from '../support/webhooks.ts';

jest.setTimeout(60_000);

const describeWithRedis = hasRedis ? describe : describe.skip;

/** Chats by the names that tests give them; a chat's id is a number. */
const names: string[] = [];

function idOf(name: string): string {
  if (!names.includes(name)) names.push(name);
  return String(1_000 + names.indexOf(name));
}

const about = (name: number | string): DomainEvent => ({
  kind: 'chat',
  chatId: idOf(String(name)),
  change: 'READ',
  atMs: 1,
  customerId: null,
  assigneeId: null,
  departmentId: null,
});

const nameOf = (announcement: EventOrGap) =>
  'chatId' in announcement ? (names[Number(announcement.chatId) - 1_000] ?? '') : announcement.kind;

/** Lets everything that is on its way between this process and Redis arrive. */
async function turn(redis: TestRedis) {
  await redis.command('PING');
  return false;
}

describeWithRedis('the feed of several instances (needs Redis)', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  async function listenedBy(count: number) {
    for (;;) {
      const [, listeners] = await redis.command('PUBSUB', 'NUMSUB', 'helpcrunch:events:2:changes');
      if (Number(listeners) === count) return;
    }
  }

  async function startFeed(clock: ManualClock) {
    const wire = await startTcpProxy(redis.port);
    const link = createEventsRedis({ url: wire.url, timeoutMs: 20_000, clock });
    const feed = createRedisEventBus(createLocalEventBus(1_000), {
      link,
      clock,
      log: silentLog,
      unexpected: createUnexpected(clock, silentLog),
    });
    const controller = new AbortController();
    const listening = feed.subscribe('a', () => true, controller.signal);
    return {
      feed,
      wire,
      /** What is heard until something bears this name. */
      async until(name: string) {
        const heard: string[] = [];
        for (;;) {
          const { value, done } = await listening.next();
          if (done === true) throw new Error('It ended.');
          if (nameOf(value) === name) return heard;
          heard.push(nameOf(value));
        }
      },
      async [Symbol.asyncDispose]() {
        feed.close();
        await wire[Symbol.asyncDispose]();
      },
    };
  }

  async function startFeeds() {
    const clock = createManualClock();
    const [a, b] = await Promise.all([startFeed(clock), startFeed(clock)]);
    await listenedBy(2);
    return {
      clock,
      a,
      b,
      async [Symbol.asyncDispose]() {
        await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
        await listenedBy(0);
      },
    };
  }

  /** Says it until both have heard it, as Redis comes and goes by itself. */
  async function sayUntilHeard(
    from: EventBus,
    name: string,
    clock: ManualClock,
    heard: Promise<unknown>,
  ) {
    const isHeard = heard.then(() => true);
    for (;;) {
      from.publish('a', about(name));
      clock.advance(1_000);
      if (await Promise.race([isHeard, turn(redis)])) return;
    }
  }

  test('tells everybody everything once and in one order', async () => {
    await using feeds = await startFeeds();
    const { a, b } = feeds;

    for (let index = 0; index < 200; index += 1) {
      (index % 2 === 0 ? a : b).feed.publish('a', about(index));
      a.feed.publish('another account', about('foreign'));
      if (index % 20 === 0) await turn(redis);
    }
    await turn(redis);
    a.feed.publish('a', about('end'));
    const [heardByA, heardByB] = await Promise.all([a.until('end'), b.until('end')]);

    expect(heardByA).toEqual(heardByB);
    expect(heardByA.map(Number).toSorted((x, y) => x - y)).toEqual(
      Array.from({ length: 200 }, (_, index) => index),
    );
  });

  test('goes on alone without Redis, and tells all of the gap afterwards', async () => {
    await using feeds = await startFeeds();
    const { a, b, clock } = feeds;

    b.wire.cut();
    await listenedBy(1);
    a.feed.publish('a', about('only a'));
    b.feed.publish('a', about('only b'));
    a.feed.publish('a', about('end'));
    b.feed.publish('a', about('end'));
    const alone = await Promise.all([a.until('end'), b.until('end')]);
    b.wire.mend();
    const gaps = Promise.all([a.until('gap'), b.until('gap')]);
    await sayUntilHeard(b.feed, 'later', clock, gaps);
    const together = Promise.all([a.until('together'), b.until('together')]);
    await sayUntilHeard(b.feed, 'together', clock, together);

    expect(alone).toEqual([['only a'], ['only b']]);
  });

  test('keeps those who listen when Redis is gone, and tells them of the gap', async () => {
    await using feeds = await startFeeds();
    const { a, b, clock } = feeds;

    await redis.restart();
    const gaps = Promise.all([a.until('gap'), b.until('gap')]);
    await sayUntilHeard(a.feed, 'later', clock, gaps);
    await listenedBy(2);
    const together = Promise.all([a.until('together'), b.until('together')]);
    await sayUntilHeard(a.feed, 'together', clock, together);

    expect([a.feed.subscriberCount(), b.feed.subscriberCount()]).toEqual([1, 1]);
  });

  test('does not wait for a line that carries nothing', async () => {
    await using feeds = await startFeeds();
    const { a, clock } = feeds;
    a.wire.holdPublished();

    a.feed.publish('a', about('held'));
    a.feed.publish('a', about('end'));
    const ended = a.until('end');
    const isOver = ended.then(() => true);
    // When it begins to wait for its echo is not known from here.
    while (!(await Promise.race([isOver, turn(redis)]))) clock.advance(250);
    const heard = await ended;
    a.wire.release();
    const gap = a.until('gap');
    await sayUntilHeard(a.feed, 'later', clock, gap);

    expect(heard).toEqual(['held']);
  });
});

describeWithRedis('webhooks of several instances (needs Redis)', () => {
  const clock = createManualClock();
  const { cacheTtlsMs } = readConfig({
    HELPCRUNCH_API_KEY: 'key',
    HELPCRUNCH_WEBHOOK_SECRET: webhookSecret,
  });
  const customer = { id: 7 };
  const chatQuery = '{ chat(id: 5) { status } }';
  const lists =
    '{ chats { totalCount } open: chats(filter: { customerId: 7 }) { totalCount } customer(id: 7) { chats { totalCount } } }';

  let redis: TestRedis;
  let upstream: ControlledUpstream;
  let wire: Awaited<ReturnType<typeof startTcpProxy>>;
  let a: Awaited<ReturnType<typeof startTestGateway>>;
  let b: typeof a;

  const start = (redisUrl: string) =>
    startTestGateway({
      upstream,
      clock,
      config: { rateLimit: 0, cacheTtlsMs, redisUrl, webhookSecret },
    });

  const remembered = (id: string) => redis.command('KEYS', `helpcrunch:events:2:delivery:*:${id}`);

  /** Once the instance shares what it knows, and which deliveries it has applied. */
  async function isUp(gateway: { readonly url: string }) {
    for (let tries = 0; ; tries += 1) {
      clock.advance(1_000);
      const id = `${gateway.url} ${tries}`;
      await tell(gateway, 'customer.subscribed', { id: 99 }, id);
      const answer: any = await (await fetch(`${gateway.url}/readyz`)).json();
      if (answer.redis === 'up' && (await remembered(id)).length > 0) return;
    }
  }

  beforeAll(async () => {
    [redis, upstream] = await Promise.all([startRedis(), startControlledUpstream()]);
    wire = await startTcpProxy(redis.port);
    [a, b] = await Promise.all([start(redis.url), start(wire.url)]);
    await Promise.all([isUp(a), isUp(b)]);
  });

  afterAll(async () => {
    await Promise.all([a.stop(), b.stop()]);
    await wire[Symbol.asyncDispose]();
    await Promise.all([redis[Symbol.asyncDispose](), upstream[Symbol.asyncDispose]()]);
  });

  beforeEach(async () => {
    clock.advance(3_600_000);
    upstream.chats.clear();
    upstream.seed({ chats: [{ id: 5, customer }], customers: [customer] });
    await redis.command('FLUSHALL');
  });

  const see = async (gateway: typeof a, query: string) => {
    const { data, errors, extensions } = await gateway.query(query);
    expect(errors).toEqual([]);
    return { data, calls: extensions.upstream.calls };
  };

  function change(part: Readonly<Record<string, unknown>>) {
    const chat: any = { ...upstream.chats.get(5), ...part };
    upstream.chats.set(5, chat);
    return chatData(chat);
  }

  const tell = (
    gateway: { readonly url: string },
    event: string,
    eventData: unknown,
    id?: string,
  ) => deliver(gateway, { event, eventData, atMs: clock.now(), id });

  const totals = (number: number) => ({
    chats: { totalCount: number },
    open: { totalCount: number },
    customer: { chats: { totalCount: number } },
  });

  test('are applied once, wherever they come', async () => {
    const eventData = change({ status: 'pending' });

    const both = await Promise.all([
      tell(a, 'chat.status_updated', eventData, 'once'),
      tell(b, 'chat.status_updated', eventData, 'once'),
    ]);
    const later = await tell(b, 'chat.status_updated', eventData, 'once');

    const outcomes = both.map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'applied')).toHaveLength(1);
    expect(later).toMatchObject({ status: 200, outcome: 'duplicate' });
  });

  test('are remembered by all instances for as long as an event is current', async () => {
    await tell(a, 'customer.subscribed', { id: 98 }, 'remembered');

    const ttlMs = await redis.command('PTTL', (await remembered('remembered'))[0]);
    expect(ttlMs).toBeGreaterThan(86_690_000);
    expect(ttlMs).toBeLessThanOrEqual(86_700_000);
  });

  test('are seen through every instance, without a call where it is certain how things are', async () => {
    await see(a, chatQuery);
    clock.advance(10_000);
    await tell(b, 'chat.status_updated', change({ status: 'pending' }));

    expect(await see(a, chatQuery)).toEqual({ calls: 0, data: { chat: { status: 'PENDING' } } });
    expect(await see(b, chatQuery)).toEqual({ calls: 0, data: { chat: { status: 'PENDING' } } });
  });

  test('that come one to each and at once leave nothing older behind', async () => {
    for (let round = 0; round < 10; round += 1) {
      clock.advance(60_000);
      await see(a, chatQuery);
      clock.advance(10_000);
      const older = chatData({ ...upstream.chats.get(5), status: 'pending' });
      const newer = change({ status: 'on hold', rating: null });
      const at = clock.now();
      await Promise.all([
        deliver(a, { event: 'chat.status_updated', eventData: newer, atMs: at + 1_000 }),
        deliver(b, { event: 'chat.status_updated', eventData: older, atMs: at }),
      ]);

      for (const gateway of [a, b]) {
        expect((await see(gateway, chatQuery)).data.chat.status).toBe('ON_HOLD');
      }
    }
  });

  test('make all lists forgotten, also for an instance that comes later', async () => {
    await see(a, lists);
    await see(b, lists);
    upstream.seed({ chats: [{ id: 6, customer }] });
    await tell(a, 'chat.new', chatData({ id: 6 }));
    await using c = await start(redis.url);
    await isUp(c);

    for (const gateway of [c, b, a]) expect((await see(gateway, lists)).data).toEqual(totals(2));
  });

  test('make all lists forgotten, also for an instance that was apart', async () => {
    await see(b, lists);
    wire.cut();
    upstream.seed({ chats: [{ id: 6, customer }] });
    await tell(a, 'chat.new', chatData({ id: 6 }));
    wire.mend();
    await isUp(b);

    expect((await see(b, lists)).data).toEqual(totals(2));
  });

  test('are applied by each instance that they reach while Redis is away, and told afterwards', async () => {
    await see(a, chatQuery);
    await see(b, chatQuery);
    wire.cut();
    const { outcome } = await tell(b, 'message.chat.agent', change({ status: 'pending' }));
    const seenByB = await see(b, chatQuery);
    wire.mend();
    await isUp(b);

    expect(outcome).toBe('applied');
    expect(seenByB.data.chat.status).toBe('PENDING');
    expect((await see(a, chatQuery)).data.chat.status).toBe('PENDING');
  });
});
