import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import type { EventOrGap, EventBus, DomainEvent } from '../../src/events/bus.ts';
import { LocalEventBus } from '../../src/events/localBus.ts';
import { RedisEventBus } from '../../src/events/redisBus.ts';
import { RedisConnections } from '../../src/redis/connection.ts';
import { silentLog } from '../../src/observability/log.ts';
import { hashedName, redisKey } from '../../src/redis/keys.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { createDeferred } from '../support/deferred.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { ManualClock } from '../support/manualClock.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startPersistentRedis, startRedis } from '../support/redis.ts';
import { openSocket } from '../support/socket.ts';
import { startTcpProxy } from '../support/tcpProxy.ts';
import { untilDone } from '../support/untilDone.ts';
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

const isConnected = (connection: RedisConnections) =>
  connection.client.status === 'ready' && !connection.hasProblem('subscription');

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

  async function startBus(clock: ManualClock, { port } = redis) {
    const wire = await startTcpProxy(port);
    const logged: string[] = [];
    const note = (message: string) => void logged.push(message);
    const connection = new RedisConnections({
      url: wire.url,
      timeoutMs: 20_000,
      account: 'own',
      clock,
      log: { info: note, warn: note, error: note },
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
      logged,
      connection,
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
        await bus.close();
        connection.close();
        await wire[Symbol.asyncDispose]();
      },
    };
  }

  async function startBuses(server = redis) {
    const clock = createManualClock();
    const [a, b] = await Promise.all([startBus(clock, server), startBus(clock, server)]);
    await server.listenedBy(2);
    return {
      clock,
      a,
      b,
      async [Symbol.asyncDispose]() {
        await Promise.all([a[Symbol.asyncDispose](), b[Symbol.asyncDispose]()]);
        await server.listenedBy(0);
      },
    };
  }

  /** Resolves when both instances share the log. The clock is stopped while they connect: they hold events for ten seconds only. */
  async function untilShared(
    { a, b, clock }: Pick<Awaited<ReturnType<typeof startBuses>>, 'a' | 'b' | 'clock'>,
    server = redis,
    advanceMs = 10,
  ) {
    const connections = [a.connection, b.connection];
    while (!connections.every((each) => each.isAvailable())) {
      if (connections.every(isConnected)) clock.advance(advanceMs);
      await turn(server);
    }
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
    await using buses = await startBuses();
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

  test('holds the events of an instance during a short outage, and delivers them afterwards in one order', async () => {
    await using buses = await startBuses();
    const { a, b } = buses;
    await untilShared(buses);

    b.wire.cut();
    await redis.listenedBy(1);
    for (let index = 0; index < 300; index += 1) (index % 2 ? a : b).bus.publish('a', about(index));
    const heard = Promise.all([a.until('end'), b.until('end')]);
    b.wire.mend();
    await untilShared(buses);
    a.bus.publish('a', about('end'));
    const [heardByA, heardByB] = await heard;

    expect(heardByA).toEqual(heardByB);
    expect(heardByA.map(Number).toSorted((x, y) => x - y)).toEqual(
      Array.from({ length: 300 }, (_, index) => index),
    );
  });

  test('delivers local events after ten seconds without Redis, and a gap to all subscribers afterwards', async () => {
    await using buses = await startBuses();
    const { a, b, clock } = buses;
    await untilShared(buses);

    b.wire.cut();
    await redis.listenedBy(1);
    a.bus.publish('a', about('only a'));
    a.bus.publish('a', about('end'));
    const [onlyA] = await Promise.all([a.until('end')]);
    b.bus.publish('a', about('only b'));
    b.bus.publish('a', about('end'));
    clock.advance(10_000);
    const onlyB = await b.until('end');
    b.wire.mend();
    const gaps = Promise.all([a.until('gap'), b.until('gap')]);
    await publishUntilReceived(b.bus, 'later', clock, gaps);
    const together = Promise.all([a.until('together'), b.until('together')]);
    await publishUntilReceived(b.bus, 'together', clock, together);

    expect([onlyA, onlyB]).toEqual([['only a'], ['only b']]);
  });

  test('keeps subscriptions when Redis restarts, and delivers a gap', async () => {
    await using buses = await startBuses();
    const { a, b, clock } = buses;
    await untilShared(buses);

    await redis.restart();
    const gaps = Promise.all([a.until('gap'), b.until('gap')]);
    await publishUntilReceived(a.bus, 'later', clock, gaps);
    await redis.listenedBy(2);
    const together = Promise.all([a.until('together'), b.until('together')]);
    await publishUntilReceived(a.bus, 'together', clock, together);

    expect([a.bus.subscriberCount(), b.bus.subscriberCount()]).toEqual([1, 1]);
  });

  test('reads events from the log when the connection is open but receives no messages', async () => {
    await using buses = await startBuses();
    const { a, clock } = buses;
    await untilShared(buses);
    a.wire.holdPublished();

    a.bus.publish('a', about('held'));
    a.bus.publish('a', about('end'));
    const ended = a.until('end');
    const isOver = ended.then(() => true);
    // The timer of the fence starts asynchronously.
    while (!(await Promise.race([isOver, turn(redis)]))) clock.advance(250);
    a.wire.release();

    expect(await ended).toEqual(['held']);
  });

  test('a Redis with the arguments of compose.yaml that is killed loses no event, and an instance that starts later has the same log', async () => {
    await using persistent = await startPersistentRedis();
    await using buses = await startBuses(persistent);
    const { a, b, clock } = buses;
    await untilShared(buses, persistent);

    a.bus.publish('a', about('before'));
    await a.until('before');
    const first = a.bus.latestId('a') ?? '';
    await persistent.kill();
    b.bus.publish('a', about('during'));
    await persistent.restart();
    await untilShared(buses, persistent);
    a.bus.publish('a', about('end'));
    const heard = await Promise.all([a.until('end'), b.until('end')]);
    await using c = await startBus(clock, persistent);
    const position = await c.bus.positionOf('a', first);
    const { events } =
      c.bus.read('a', { after: position ?? 0, maxEvents: 9, accepts: () => true }) ?? {};
    const foreign = await c.bus.positionOf('another account', first);

    // Otherwise Redis replies before it has written an event if the disk is slow.
    expect(await persistent.command('CONFIG', 'GET', 'appendfsync')).toContain('always');
    expect(heard).toEqual([['during'], ['before', 'during']]);
    expect(events?.map(nameOf)).toEqual(['during', 'end']);
    expect(foreign).toBeUndefined();
  });

  /** Sets the log to the state after its first event. Returns the id of that. */
  async function restoreFirstEvent() {
    const [head, log] = [redisKey('a', 'position'), redisKey('a', 'log')];
    const [, , id = ''] = String(await redis.command('LINDEX', log, 0)).split(' ');
    await redis.command('LTRIM', log, 0, 0);
    await redis.command('SET', head, `1 ${id} 100`);
    return id;
  }

  test.each([
    ['is emptied', () => redis.command('FLUSHALL')],
    ['has an older state', restoreFirstEvent],
    [
      'has other events at the same positions',
      async () => {
        const log = redisKey('a', 'log');
        const id = '01900000-0000-7000-8000-000000000000';
        const last = String(await redis.command('LINDEX', log, -1)).replace(
          /^(\S+ \S+) \S+/,
          `$1 ${id}`,
        );
        await redis.command('LSET', log, -1, last);
        await redis.command('SET', redisKey('a', 'position'), `3 ${id} 300`);
      },
    ],
  ])('a log that %s is reported as a gap', async (_how, change) => {
    await redis.command('FLUSHALL');
    await using buses = await startBuses();
    const { a, b } = buses;
    for (const name of ['1', '2', 'end']) a.bus.publish('a', about(name));
    await Promise.all([a.until('end'), b.until('end')]);
    const head = a.bus.head('a');

    await change();
    b.bus.publish('a', about('later'));
    const heard = await Promise.all([a.until('gap'), b.until('gap')]);

    expect(heard).toEqual([[], []]);
    expect(a.bus.read('a', { after: head, maxEvents: 9, accepts: () => true })).toBeUndefined();
  });

  test('what a restored log has lost is reported to subscribers that continue at any instance', async () => {
    await redis.command('FLUSHALL');
    await using buses = await startBuses();
    const { a, b, clock } = buses;
    await untilShared(buses);
    for (const name of ['first', 'lost']) a.bus.publish('a', about(name));
    await Promise.all([a.until('lost'), b.until('lost')]);

    const first = await restoreFirstEvent();
    b.bus.publish('a', about('later'));
    await Promise.all([a.until('gap'), b.until('gap')]);
    a.bus.publish('a', about('last'));
    await Promise.all([a.until('last'), b.until('last')]);
    await using c = await startBus(clock);
    const positions = await Promise.all([a, b, c].map(({ bus }) => bus.positionOf('a', first)));

    expect(positions).toEqual([undefined, undefined, undefined]);
  });

  test('the first event after the head of an empty log has expired is delivered after a gap', async () => {
    await redis.command('FLUSHALL');
    await using buses = await startBuses();
    const { a, b } = buses;
    await untilShared(buses);
    const head = redisKey('a', 'position');
    const ttlMs = Number(await redis.command('PTTL', head));
    await redis.command('DEL', head);

    a.bus.publish('a', about('first'));
    const heard = await Promise.all([a.until('first'), b.until('first')]);

    expect(ttlMs).toBeGreaterThan(0);
    expect(ttlMs).toBeLessThanOrEqual(600_000);
    expect(heard).toEqual([['gap'], ['gap']]);
  });

  test('an instance that starts later continues after the latest event, which has expired in the log', async () => {
    await redis.command('FLUSHALL');
    await using buses = await startBuses();
    await untilShared(buses);
    buses.a.bus.publish('a', about('first'));
    buses.a.bus.publish('a', about('latest'));
    await buses.b.until('latest');
    const latest = buses.b.bus.latestId('a') ?? '';
    await redis.command('DEL', redisKey('a', 'log'), redisKey('a', 'logged'));

    await using later = await startBus(createManualClock());
    const after = (await later.bus.positionOf('a', latest)) ?? Number.NaN;
    buses.a.bus.publish('a', about('next'));
    const heard = await later.until('next');
    const { events } = later.bus.read('a', { after, maxEvents: 9, accepts: () => true }) ?? {};

    expect(heard).toEqual([]);
    expect(events?.map((event) => nameOf(event))).toEqual(['next']);
  });

  test('events that were delivered are not delivered again after a failover to a replica whose clock is slower', async () => {
    await redis.command('FLUSHALL');
    await using buses = await startBuses();
    const { a, b } = buses;
    for (const name of ['1', '2', 'lost']) a.bus.publish('a', about(name));
    await Promise.all([a.until('lost'), b.until('lost')]);
    const log = redisKey('a', 'log');
    let lastId = '';
    for (const index of [0, 1]) {
      const [position, at, id = '', ...rest] = String(
        await redis.command('LINDEX', log, index),
      ).split(' ');
      const later = [position, Number(at) + 60_000, id, ...rest].join(' ');
      await redis.command('LSET', log, index, later);
      lastId = id;
    }
    await redis.command('LTRIM', log, 0, 1);
    await redis.command('SET', redisKey('a', 'position'), `2 ${lastId} 400`);

    b.bus.publish('a', about('later'));
    const heard = await Promise.all([a.until('later'), b.until('later')]);

    expect(heard).toEqual([['gap'], ['gap']]);
  });

  test.each([
    {
      what: 'a damaged entry, whose age is unknown, is reported as a gap',
      last: 'damaged',
      isReported: true,
    },
    { what: 'a gap from before is not reported', last: 'gap', isReported: false },
  ])(
    '$what to subscribers that have joined before the log was read',
    async ({ last, isReported }) => {
      await redis.command('FLUSHALL');
      const [first, second] = ['1', '2'].map(
        (digit) => `0190000${digit}-0000-7000-8000-000000000000`,
      );
      const [log, atMs] = [redisKey('a', 'log'), Date.now() - 60_000];
      const event = JSON.stringify(about('restored'));
      await redis.command('RPUSH', log, `1 ${atMs} ${first} ${second} ${event}`);
      await redis.command('RPUSH', log, `2 ${atMs} ${second} ${first} ${last}`);
      await redis.command('SET', redisKey('a', 'position'), `2 ${second} 400`);

      const clock = createManualClock();
      await using a = await startBus(clock);
      await untilShared({ a, b: a, clock });
      a.bus.publish('a', about('end'));
      const heard = await a.until('end');

      expect(heard).toEqual(isReported ? ['gap'] : []);
      expect(await a.bus.positionOf('a', first ?? '')).toBeUndefined();
    },
  );

  test('damaged entries, heads and messages are dropped and logged, and damaged entries reported as a gap', async () => {
    await using buses = await startBuses();
    const { a, b } = buses;
    const log = redisKey('a', 'log');
    a.bus.publish('a', about('first'));
    await Promise.all([a.until('first'), b.until('first')]);
    const whole = String(await redis.command('LINDEX', log, -1));
    const [position = '', at = '', id = ''] = whole.split(' ');
    const damaged = [
      '',
      'text',
      '\u0000',
      `${Number(position) + 9} ${at} ${id} ${id} null`,
      `${position} ${at} ${id} ${id} {`,
      `${position} ${at} ${id} ${id} {"kind":"message","chatId":"__proto__"}`,
      '9'.repeat(5_000),
      '['.repeat(5_000),
    ];
    const messages = ['', 'null', '[]', '{', JSON.stringify({ from: 1 })];
    const claims = JSON.stringify({
      ...{ from: 'x', sequence: 1, event: about('claimed'), eventId: id.replace(/^./, 'f') },
      log: { position: Number(position) + 1, previousId: id.replace(/^./, 'e') },
    });
    for (const text of [...messages, claims])
      await redis.command('PUBLISH', redisKey('a', 'event'), text);
    for (const text of damaged) await redis.command('RPUSH', log, text);
    const size = Number(position) + damaged.length;
    await redis.command('SET', redisKey('a', 'position'), `${size} ${id} 10000`);
    b.bus.publish('a', about('end'));
    const heard = await Promise.all([a.until('end'), b.until('end')]);
    for (const key of [log, redisKey('a', 'position')]) {
      await redis.command('DEL', key);
      await redis.command('HSET', key, 'a', 'b');
      b.bus.publish('a', about('end'));
      await Promise.all([a.until('end'), b.until('end')]);
    }

    expect(heard.flat()).not.toContain('claimed');
    for (const each of heard) expect(each).toContain('gap');
    expect(a.logged).toContain('unexpected data in Redis dropped');
    expect(a.connection.anomalies.counts().event).toBeGreaterThan(damaged.length);
  });

  test('a full Redis passes events on to all instances without logging them', async () => {
    await using full = await startRedis();
    await using buses = await startBuses(full);
    const { a, b } = buses;
    await untilShared(buses, full);
    await full.command('CONFIG', 'SET', 'maxmemory', '1');

    for (const name of ['1', '2', 'end']) a.bus.publish('a', about(name));
    const heard = await Promise.all([a.until('end'), b.until('end')]);
    await full.command('CONFIG', 'SET', 'maxmemory', '0');
    await untilShared(buses, full, 1_000);
    b.bus.publish('a', about('later'));
    const later = await Promise.all([a.until('later'), b.until('later')]);

    for (const index of [0, 1]) {
      expect(heard[index]?.filter((name) => name !== 'gap')).toEqual(['1', '2']);
      expect([...(heard[index] ?? []), ...(later[index] ?? [])]).toContain('gap');
    }
  });

  test('subscribers of an account that was not followed for a while learn of events that have left the log', async () => {
    await using buses = await startBuses();
    const { a, b } = buses;
    await untilShared(buses);
    const log = redisKey('other', 'log');
    const follow = (account: string) => a.bus.positionOf(account, '');
    await follow('other');
    a.bus.publish('other', about('first'));
    while (a.bus.latestId('other') === undefined) await turn(redis);
    const first = a.bus.latestId('other') ?? '';

    await Promise.all(Array.from({ length: 1_000 }, (_, index) => follow(`other ${index}`)));
    for (const name of ['lost', 'kept']) b.bus.publish('other', about(name));
    while ((await redis.command('LLEN', log)) < 3);
    await redis.command('LTRIM', log, 2, -1);
    await follow('other');

    expect(await a.bus.positionOf('other', first)).toBeUndefined();
  });

  test('an unlogged event cannot be continued at an instance that did not follow its account', async () => {
    await using full = await startRedis();
    await using buses = await startBuses(full);
    const { a, b } = buses;
    await untilShared(buses, full);
    const publish = async (name: string) => {
      b.bus.publish('other', about(name));
      b.bus.publish('a', about('end'));
      await Promise.all([a.until('end'), b.until('end')]);
    };
    await b.bus.positionOf('other', '');
    await publish('logged');
    await full.command('CONFIG', 'SET', 'maxmemory', '1');
    await publish('unlogged');
    const unlogged = b.bus.latestId('other') ?? '';
    await full.command('CONFIG', 'SET', 'maxmemory', '0');
    await untilShared(buses, full, 1_000);
    await publish('missed');

    expect(unlogged).not.toBe('');
    expect(await a.bus.positionOf('other', unlogged)).toBeUndefined();
  });

  test('reads of the log that fail while others wait for them are repeated, and all subscribers continue', async () => {
    await using buses = await startBuses();
    const { a, b } = buses;
    await untilShared(buses);
    const unknownId = '01900000-0000-7000-8000-000000000000';
    const controller = new AbortController();

    const held = a.wire.hold((sent) => sent.includes('{stalled}'));
    const events = a.bus.subscribe('stalled', () => true, controller.signal);
    const resumed = Promise.all([1, 2].map(() => a.bus.positionOf('stalled', unknownId)));
    await held;
    const resynced = a.bus.resync();
    a.wire.cut();
    await resynced;
    const isSynced = a.bus.isSynced();
    a.wire.release();
    a.wire.mend();
    await untilShared(buses);
    b.bus.publish('stalled', about('later'));
    const { value } = await events.next();

    expect(isSynced).toBe(false);
    expect(await resumed).toEqual([undefined, undefined]);
    expect(nameOf(value ?? { kind: 'gap' })).toBe('later');
    controller.abort();
  });

  test('an event waits for what an instance has to resend to Redis before', async () => {
    const clock = createManualClock();
    const connection = new RedisConnections({
      ...{ url: redis.url, timeoutMs: 20_000, account: 'own', clock, log: silentLog },
    });
    const resent = createDeferred();
    const state = { isSynced: false };
    connection.register({
      isSynced: () => state.isSynced,
      resync: async () => {
        await resent.promise;
        state.isSynced = true;
      },
    });
    const local = new LocalEventBus({ ...clock, random: Math.random }, 1_000);
    const bus = new RedisEventBus(local, connection);
    const log = redisKey('resending', 'log');
    while (connection.hasProblem('commands')) {
      clock.advance(10);
      await turn(redis);
    }

    bus.publish('resending', about('held'));
    const published = bus.published('resending');
    for (let count = 0; count < 10; count += 1) await turn(redis);
    const lengthBefore = await redis.command('LLEN', log);
    resent.resolve();

    expect(await untilDone(published, clock, 10)).toBe(true);
    expect(lengthBefore).toBe(0);
    expect(await redis.command('LLEN', log)).toBe(1);
    await bus.close();
    connection.close();
  });

  test('a deleted customer is erased from the log, except that it was deleted', async () => {
    await using buses = await startBuses();
    const { a } = buses;
    const log = redisKey('erasing', 'log');
    const event: DomainEvent = { kind: 'customer', customerId: '77', change: 'UPDATED', atMs: 1 };
    a.bus.publish('erasing', event);
    a.bus.publish('erasing', { ...event, customerId: '777' });
    a.bus.publish('erasing', { ...event, change: 'DELETED' });
    while ((await redis.command('LLEN', log)) < 3);

    a.bus.erase('erasing', '77');
    while (!String(await redis.command('LINDEX', log, 0)).endsWith(' erased'));

    const texts: string[] = await redis.command('LRANGE', log, 0, -1);
    expect(texts.map((text) => /"customerId":"(\d+)"/.exec(text)?.[1])).toEqual([
      undefined,
      '777',
      '77',
    ]);
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
      const id = `${gateway.url} ${tries}`;
      // A webhook waits for Redis.
      await untilDone(tell(gateway, 'customer.subscribed', { id: 99 }, id), clock, 10);
      clock.advance(1_000);
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

  test('are applied locally during an outage of Redis, sent to other instances afterwards and then confirmed', async () => {
    await see(a, chatQuery);
    await see(b, chatQuery);
    wire.cut();
    const data = change({ status: 'pending' });
    const { status } = await untilDone(tell(b, 'message.chat.agent', data, 'outage'), clock, 10);
    const seenByB = await see(b, chatQuery);
    wire.mend();
    await isUp(b);

    expect(status).toBe(503);
    expect(seenByB.data.chat.status).toBe('PENDING');
    expect((await see(a, chatQuery)).data.chat.status).toBe('PENDING');
    expect(await tell(b, 'message.chat.agent', data, 'outage')).toMatchObject({
      status: 200,
      outcome: 'duplicate',
    });
  });

  test('are delivered again to another instance if the first one ends before it has sent their events to Redis', async () => {
    const c = await start(wire.url);
    await isUp(c);
    const subscriber = await openSocket(a.url);
    await subscriber.initialize();
    const query = 'subscription { chatUpdated { change chat { id } } }';
    subscriber.send({ type: 'subscribe', id: '1', payload: { query } });
    await a.waitForSubscriptions(1);
    wire.cut();
    const data = change({ rating: 'great' });

    const lost = await untilDone(tell(c, 'chat.rated', data, 'lost'), clock, 10);
    await untilDone(c.stop(), clock, 10);
    const repeated = await tell(a, 'chat.rated', data, 'lost');

    expect(lost.status).toBe(503);
    expect(repeated).toMatchObject({ status: 200, outcome: 'applied' });
    expect(await subscriber.nextMessage()).toMatchObject({
      payload: { data: { chatUpdated: { change: 'RATED', chat: { id: '5' } } } },
    });
    subscriber.socket.terminate();
    await subscriber.closed;
    wire.mend();
    await isUp(b);
  });
});
