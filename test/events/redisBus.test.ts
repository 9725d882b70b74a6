import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import type { EventOrGap, EventBus, DomainEvent } from '../../src/events/bus.ts';
import { LocalEventBus } from '../../src/events/localBus.ts';
import { RedisEventBus } from '../../src/events/redisBus.ts';
import { silentLog } from '../../src/observability/log.ts';
import { RedisConnections } from '../../src/redis/connection.ts';
import { hashedName, redisKey } from '../../src/redis/keys.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { ManualClock } from '../support/manualClock.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startTcpProxy } from '../support/tcpProxy.ts';
import { chatData, deliver, webhookSecret } from '../support/webhooks.ts';

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

/** Lets all messages between this process and Redis arrive. */
async function turn(redis: TestRedis) {
  await redis.command('PING');
  return false;
}

describeWithRedis('the event bus of several instances (needs Redis)', () => {
  let redis: TestRedis;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
  });

  async function startBus(clock: ManualClock) {
    const wire = await startTcpProxy(redis.port);
    const connection = new RedisConnections({
      url: wire.url,
      timeoutMs: 20_000,
      account: 'own',
      clock,
      log: silentLog,
    });
    const bus = new RedisEventBus(
      new LocalEventBus({ ...clock, random: Math.random }, 1_000),
      connection,
    );
    const controller = new AbortController();
    const listening = bus.subscribe('a', () => true, controller.signal);
    return {
      bus,
      wire,
      /** The events that are received until the one with this name. */
      async until(name: string) {
        const heard: string[] = [];
        for (;;) {
          const { value, done } = await listening.next();
          if (done === true) throw new Error('The subscription ended.');
          if (nameOf(value) === name) return heard;
          heard.push(nameOf(value));
        }
      },
      async [Symbol.asyncDispose]() {
        bus.close();
        connection.close();
        await wire[Symbol.asyncDispose]();
      },
    };
  }

  async function startBuss() {
    const clock = createManualClock();
    const [a, b] = await Promise.all([startBus(clock), startBus(clock)]);
    await redis.listenedBy(2);
    return {
      clock,
      a,
      b,
      async [Symbol.asyncDispose]() {
        await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
        await redis.listenedBy(0);
      },
    };
  }

  /** Publishes the event until it is received, as connections to Redis are restored asynchronously. */
  async function publishUntilReceived(
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

  test('delivers each event to all subscribers once and in the same order', async () => {
    await using buses = await startBuss();
    const { a, b } = buses;

    for (let index = 0; index < 200; index += 1) {
      (index % 2 === 0 ? a : b).bus.publish('a', about(index));
      a.bus.publish('another account', about('foreign'));
      if (index % 20 === 0) await turn(redis);
    }
    await turn(redis);
    a.bus.publish('a', about('end'));
    const [heardByA, heardByB] = await Promise.all([a.until('end'), b.until('end')]);

    expect(heardByA).toEqual(heardByB);
    expect(heardByA.map(Number).toSorted((x, y) => x - y)).toEqual(
      Array.from({ length: 200 }, (_, index) => index),
    );
  });

  test('delivers local events without Redis, and a gap to all subscribers afterwards', async () => {
    await using buses = await startBuss();
    const { a, b, clock } = buses;

    b.wire.cut();
    await redis.listenedBy(1);
    a.bus.publish('a', about('only a'));
    b.bus.publish('a', about('only b'));
    a.bus.publish('a', about('end'));
    b.bus.publish('a', about('end'));
    const alone = await Promise.all([a.until('end'), b.until('end')]);
    b.wire.mend();
    const gaps = Promise.all([a.until('gap'), b.until('gap')]);
    await publishUntilReceived(b.bus, 'later', clock, gaps);
    const together = Promise.all([a.until('together'), b.until('together')]);
    await publishUntilReceived(b.bus, 'together', clock, together);

    expect(alone).toEqual([['only a'], ['only b']]);
  });

  test('keeps subscriptions when Redis restarts, and delivers a gap', async () => {
    await using buses = await startBuss();
    const { a, b, clock } = buses;

    await redis.restart();
    const gaps = Promise.all([a.until('gap'), b.until('gap')]);
    await publishUntilReceived(a.bus, 'later', clock, gaps);
    await redis.listenedBy(2);
    const together = Promise.all([a.until('together'), b.until('together')]);
    await publishUntilReceived(a.bus, 'together', clock, together);

    expect([a.bus.subscriberCount(), b.bus.subscriberCount()]).toEqual([1, 1]);
  });

  test('delivers an event locally when the connection is open but receives no messages', async () => {
    await using buses = await startBuss();
    const { a, clock } = buses;
    a.wire.holdPublished();

    a.bus.publish('a', about('held'));
    a.bus.publish('a', about('end'));
    const ended = a.until('end');
    const isOver = ended.then(() => true);
    // The timer of the fence starts asynchronously.
    while (!(await Promise.race([isOver, turn(redis)]))) clock.advance(250);
    const heard = await ended;
    a.wire.release();
    const gap = a.until('gap');
    await publishUntilReceived(a.bus, 'later', clock, gap);

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

  const remembered = (id: string) => {
    const { account } = readConfig({});
    return redis.command('KEYS', redisKey(account, 'delivery', hashedName(`${account}:${id}`)));
  };

  /** Resolves once the instance shares its cache and its deliveries. */
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

  test('are applied once, whichever instance receives them', async () => {
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

  test('are remembered by all instances as long as their events are published', async () => {
    await tell(a, 'customer.subscribed', { id: 98 }, 'remembered');

    const ttlMs = await redis.command('PTTL', (await remembered('remembered'))[0]);
    expect(ttlMs).toBeGreaterThan(86_690_000);
    expect(ttlMs).toBeLessThanOrEqual(86_700_000);
  });

  test('update the cache of every instance without an upstream call if they contain the new value', async () => {
    await see(a, chatQuery);
    clock.advance(10_000);
    await tell(b, 'chat.status_updated', change({ status: 'pending' }));

    expect(await see(a, chatQuery)).toEqual({ calls: 0, data: { chat: { status: 'PENDING' } } });
    expect(await see(b, chatQuery)).toEqual({ calls: 0, data: { chat: { status: 'PENDING' } } });
  });

  test('that two instances receive at the same time leave the newer value', async () => {
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

  test('invalidate all lists, also for an instance that starts later', async () => {
    await see(a, lists);
    await see(b, lists);
    upstream.seed({ chats: [{ id: 6, customer }] });
    await tell(a, 'chat.new', chatData({ id: 6 }));
    await using c = await start(redis.url);
    await isUp(c);

    for (const gateway of [c, b, a]) expect((await see(gateway, lists)).data).toEqual(totals(2));
  });

  test('invalidate all lists, also for an instance that was disconnected', async () => {
    await see(b, lists);
    wire.cut();
    upstream.seed({ chats: [{ id: 6, customer }] });
    await tell(a, 'chat.new', chatData({ id: 6 }));
    wire.mend();
    await isUp(b);

    expect((await see(b, lists)).data).toEqual(totals(2));
  });

  test('are applied locally during an outage of Redis and sent to other instances afterwards', async () => {
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
