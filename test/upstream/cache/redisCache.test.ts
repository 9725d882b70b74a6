import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/settings.ts';
import { executeQuery } from '../../support/client.ts';
import type { ControlledUpstream } from '../../support/controlledUpstream.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import type { GraphQLResponse } from '../../support/gateway.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { propertyRuns } from '../../support/propertyRuns.ts';
import type { TestRedis } from '../../support/redis.ts';
import { hasRedis, startRedis } from '../../support/redis.ts';
import { startTcpProxy } from '../../support/tcpProxy.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

const describeWithRedis = hasRedis ? describe : describe.skip;

const oneMinute = 60_000;
/** So long that no entry expires in these tests. */
const freshMs = { ...readConfig({}).cacheTtlsMs, chats: oneMinute, absent: oneMinute };

const single = '{ chat(id: 1) { id lastMessageText readByAgent } }';
const list = '{ chats { nodes { id lastMessageText } } }';
const mark = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id lastMessageText } }';

/** For tests in which Redis replies late. */
const impatient = { redisTimeoutMs: 100 };

const noCache = { 'cache-control': 'no-cache' };

describeWithRedis('instances that share a cache (needs Redis)', () => {
  let redis: TestRedis;
  let upstream: ControlledUpstream;

  beforeAll(async () => {
    redis = await startRedis();
    upstream = await startControlledUpstream();
  });

  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    await redis.command('FLUSHALL');
    upstream.chats.clear();
    upstream.seed({
      chats: [
        { id: 1, customer: { id: 7 } },
        { id: 2, customer: { id: 8 } },
      ],
      customers: [{ id: 7 }, { id: 8 }],
    });
    upstream.clearCalls();
  });

  const start = (url: string, options: Partial<Parameters<typeof startTestGateway>[0]> = {}) => {
    const { config, ...rest } = options;
    return startTestGateway({
      upstream,
      ...rest,
      config: { rateLimit: 0, cacheTtlsMs: freshMs, redisUrl: url, ...config },
    });
  };

  /** What the endpoints of an instance report about Redis. */
  async function reportedBy({ url }: Gateway) {
    const [health, ready, metrics] = await Promise.all(
      ['/healthz', '/readyz', '/metrics'].map((path) => fetch(url + path)),
    );
    const up = /^helpcrunch_redis_up (\d)$/m.exec(await metrics!.text())?.[1];
    return {
      statuses: [health!.status, ready!.status],
      health: ((await health!.json()) as any).redis,
      ready: ((await ready!.json()) as any).redis,
      metric: Number(up),
    };
  }

  const up = { statuses: [200, 200], health: 'up', ready: 'up', metric: 1 };
  const down = { statuses: [200, 200], health: 'down', ready: 'down', metric: 0 };

  /** Resolves once an instance reports the state. `meanwhile` advances a clock. */
  async function untilReady(gateway: Gateway, state: 'up' | 'down', meanwhile?: () => void) {
    while ((await reportedBy(gateway)).ready !== state) meanwhile?.();
  }

  /** Two instances whose connections to Redis can be cut. */
  async function startPair(options: Partial<Parameters<typeof startTestGateway>[0]> = {}) {
    const wires = await Promise.all([startTcpProxy(redis.port), startTcpProxy(redis.port)]);
    const [a, b] = await Promise.all(wires.map(({ url }) => start(url, options)));
    await redis.listenedBy(2);
    await Promise.all([untilReady(a!, 'up'), untilReady(b!, 'up')]);
    return {
      a: a!,
      b: b!,
      wireOfA: wires[0],
      wireOfB: wires[1],
      async [Symbol.asyncDispose]() {
        await Promise.all([a!.stop(), b!.stop()]);
        await Promise.all(wires.map((wire) => wire[Symbol.asyncDispose]()));
      },
    };
  }

  const versionIn = (answer: { data: any }) => answer.data.chat.lastMessageText;

  test('report an available Redis in /healthz, /readyz and /metrics', async () => {
    await using pair = await startPair();

    expect([await reportedBy(pair.a), await reportedBy(pair.b)]).toEqual([up, up]);
  });

  test('report nothing about Redis without REDIS_URL', async () => {
    await using alone = await startTestGateway({ upstream });

    const texts = await Promise.all(
      ['/healthz', '/readyz', '/metrics'].map(async (path) =>
        (await fetch(alone.url + path)).text(),
      ),
    );

    for (const text of texts) expect(text).not.toContain('redis');
  });

  test('read entries of each other without an upstream call', async () => {
    await using pair = await startPair();
    const documents = [
      single,
      list,
      '{ customers { nodes { id phone } } }',
      '{ customerByUserId(userId: "u-7") { phone tags { name color } customData } }',
      '{ chat(id: 1) { messages { nodes { id text } } } }',
      '{ agents { name } departments { name agents { name } } applications { name } }',
      '{ organization { domain } }',
      `{ _entities(representations: [{ __typename: "Customer", id: 7 }, { __typename: "Customer", id: 8 }]) {
        ... on Customer { chats(first: 1) { nodes { id status } totalCount } }
      } }`,
    ];
    const read = [];
    for (const document of documents) read.push(await pair.a.query(document));

    const given = [];
    for (const document of documents) given.push(await pair.b.query(document));

    expect(given.map(({ data }) => data)).toEqual(read.map(({ data }) => data));
    expect(given.map(({ extensions }) => extensions.upstream.calls)).toEqual(Array(8).fill(0));
  });

  test('share negative entries', async () => {
    await using pair = await startPair();
    const document = `{ _entities(representations: [
      { __typename: "Customer", id: 404 } { __typename: "Customer", id: 405 }
    ]) { ... on Customer { name } } }`;
    await pair.a.query(document);

    const { data, extensions } = await pair.b.query(document);

    expect(data).toEqual({ _entities: [null, null] });
    expect(extensions.upstream.calls).toBe(0);
  });

  test('show nothing of a negative entry but its status and codes', async () => {
    await using pair = await startPair();
    const document = `{ customer(id: 404) { name } }`;
    await pair.a.query(document);
    const names: string[] = await redis.command('KEYS', '*:entry:*');
    for (const name of names) {
      if ((await redis.command('TYPE', name)) !== 'hash') continue;
      const fields: string[] = await redis.command('HGETALL', name);
      const at = fields.findIndex((text) => text.includes('notFound'));
      if (at < 0) continue;
      const entry = JSON.parse(fields[at] ?? '');
      Object.assign(entry.v.notFound, { publicMessage: 'Injected', fields: [], retryAfterMs: 5 });
      await redis.command('HSET', name, fields[at - 1] ?? '', JSON.stringify(entry));
    }

    const { errors, extensions } = await pair.b.query(document);

    expect(extensions.upstream.calls).toBe(0);
    expect(JSON.stringify(errors)).not.toMatch(/Injected|fields|retryAfterMs/);
  });

  test('read many entries from Redis in one round trip', async () => {
    await using pair = await startPair();
    const ids = Array.from({ length: 60 }, (_, index) => 100 + index);
    upstream.seed({
      chats: ids.map((id) => ({ id, customer: { id } })),
      customers: ids.map((id) => ({ id })),
    });
    const document = `{ customers(first: 50) { nodes { phone chats(first: 1) { nodes { id } } } } }`;
    await pair.a.query(document);
    const before = pair.wireOfB.requests();

    const { errors, extensions } = await pair.b.query(document);

    expect(errors).toEqual([]);
    expect(extensions.upstream.calls).toBe(0);
    // The list, its customers, the lists of their chats and those chats, each with a fence.
    expect(pair.wireOfB.requests() - before).toBeLessThanOrEqual(8);
  });

  test('see each write of another in the next read', async () => {
    await using pair = await startPair();
    const versions: string[] = [];
    const writes = propertyRuns(48);

    for (let count = 0; count < writes; count += 1) {
      const [writer, reader] = count % 2 === 0 ? [pair.a, pair.b] : [pair.b, pair.a];
      // The memory of the reader is warm.
      await reader.query(count % 4 < 2 ? single : list);
      await writer.query(mark);
      const { data } = await reader.query(count % 3 === 0 ? single : list);
      const chat = data.chat ?? data.chats.nodes.find(({ id }: any) => id === '1');
      versions.push(chat.lastMessageText);
    }

    expect(versions).toEqual(Array.from({ length: writes }, (_, index) => String(index + 1)));
  });

  test('see a write of another even if its invalidation is delayed', async () => {
    await using pair = await startPair();
    await pair.b.query(single);
    pair.wireOfB.holdPublished();
    await pair.a.query(mark);

    const { data } = await pair.b.query(single);
    pair.wireOfB.release();

    expect(data.chat.lastMessageText).toBe('1');
  });

  test('return no cached response that another invalidated, even if the invalidation is delayed', async () => {
    await using pair = await startPair();
    const cached = async () => {
      const metrics = await (await fetch(`${pair.b.url}/metrics`)).text();
      return Number(/^helpcrunch_response_cache_hits_total (\d+)$/m.exec(metrics)?.[1]);
    };
    while ((await cached()) === 0) await pair.b.query(single);
    pair.wireOfB.holdPublished();
    await pair.a.query(mark);

    const { data } = await pair.b.query(single);
    pair.wireOfB.release();

    expect(data.chat.lastMessageText).toBe('1');
  });

  test('read a written chat from Redis', async () => {
    await using pair = await startPair();
    await pair.b.query(list);
    await pair.a.query(mark);
    upstream.clearCalls();

    const { data } = await pair.b.query(list);

    expect(data.chats.nodes).toContainEqual({ id: '1', lastMessageText: '1' });
    expect(upstream.calls).toEqual([]);
  });

  test('never store a read that started before a write of another', async () => {
    await using pair = await startPair();
    const held = upstream.hold('GET /chats/1');
    const older = pair.b.query(single);
    await held.arrived;
    held.apply();
    await pair.a.query(mark);
    held.respond();
    await older;

    const versions = [versionIn(await pair.a.query(single)), versionIn(await pair.b.query(single))];

    expect(versions).toEqual(['1', '1']);
  });

  test('never store a read that started before a failed write of another', async () => {
    await using pair = await startPair();
    await pair.b.query(single);
    const write = upstream.hold('PUT /chats/readByAgent');
    const failing = pair.a.query(mark);
    await write.arrived;
    write.respond({ status: 502 });
    await failing;

    const versions = [versionIn(await pair.b.query(single)), versionIn(await pair.a.query(single))];

    expect(versions).toEqual(['1', '1']);
  });

  test('agree on the last of two concurrent writes', async () => {
    await using pair = await startPair();
    const held = upstream.hold('PUT /chats/readByAgent');
    const first = pair.a.query(mark);
    await held.arrived;
    held.apply();
    await pair.b.query(mark);
    held.respond();
    await first;

    const versions = [versionIn(await pair.a.query(single)), versionIn(await pair.b.query(single))];

    expect(versions).toEqual(['2', '2']);
  });

  test('read an entry that another refreshed with no-cache', async () => {
    await using pair = await startPair();
    await pair.a.query(single);
    upstream.seed({ chats: [{ id: 1, lastMessageText: 'new' }] });
    await pair.a.query(single, undefined, noCache);

    const { data, extensions } = await pair.b.query(single);

    expect(data.chat.lastMessageText).toBe('new');
    expect(extensions.upstream.calls).toBe(0);
  });

  test('never replace a newer read by an entry from Redis', async () => {
    await using pair = await startPair();
    await pair.a.query(single);
    upstream.seed({ chats: [{ id: 1, lastMessageText: 'new' }] });
    const held = upstream.hold('GET /chats');
    const refreshing = pair.b.query(list, undefined, noCache);
    await held.arrived;
    const recalling = pair.wireOfB.hold(() => true);
    const older = pair.b.query(single);
    await recalling;
    held.respond();
    await refreshing;
    pair.wireOfB.release();
    await older;

    expect(versionIn(await pair.b.query(single))).toBe('new');
  });

  test('of other accounts share nothing', async () => {
    await using other = await startControlledUpstream('another-key');
    other.seed({
      chats: [{ id: 1, lastMessageText: '100' }],
      customers: [{ id: 7, name: 'Zoe' }],
    });
    await using first = await start(redis.url);
    await using second = await start(redis.url, { upstream: other, config: { account: 'other' } });
    await redis.listenedBy(2);
    const card =
      '{ customer(id: 7) { name } customerByUserId(userId: "u-7") { name } agents { name } }';

    const read = [];
    for (const document of [single, list, card]) {
      read.push([(await first.query(document)).data, (await second.query(document)).data]);
    }
    await first.query(mark);
    const ofSecond = await second.query(single);
    await second.query(mark);
    const ofFirst = await first.query(single);

    expect(JSON.stringify(read.map(([mine]) => mine))).not.toMatch(/Zoe|100/);
    expect(read.map(([, theirs]) => theirs)).toMatchObject([
      { chat: { lastMessageText: '100' } },
      { chats: { nodes: [{ lastMessageText: '100' }] } },
      { customer: { name: 'Zoe' }, customerByUserId: { name: 'Zoe' } },
    ]);
    expect([versionIn(ofSecond), ofSecond.extensions.upstream.calls]).toEqual(['100', 0]);
    expect([versionIn(ofFirst), ofFirst.extensions.upstream.calls]).toEqual(['1', 0]);
  });

  describe('while HelpCrunch fails', () => {
    const config = { staleIfErrorMs: 10 * oneMinute };
    const fail = () => upstream.onEveryCall((held) => held.respond({ status: 500 }));
    const seenIn = ({ data, errors, extensions }: GraphQLResponse) =>
      errors[0]?.extensions['code'] ?? [data.chats.nodes, extensions.upstream['stale']];
    const nodes = ['2', '1'].map((id) => ({ id, lastMessageText: '0' }));
    const written = nodes.map((node) =>
      node.id === '1' ? { ...node, lastMessageText: '1' } : node,
    );

    test('return stale entries until another writes to them', async () => {
      const clock = createManualClock();
      await using pair = await startPair({ clock, config });
      await pair.a.query(list);
      clock.advance(2 * oneMinute);
      fail();

      const before = await pair.a.query(list);
      upstream.onEveryCall();
      await pair.b.query(mark);
      fail();
      const after = await pair.a.query(list);
      upstream.onEveryCall();

      expect(seenIn(before)).toEqual([nodes, { ageMs: 2 * oneMinute }]);
      expect(seenIn(after)).toBe('UPSTREAM_UNAVAILABLE');
    });

    test('return a chat of a stale list as another has written it', async () => {
      const clock = createManualClock();
      await using pair = await startPair({ clock, config });
      await pair.a.query(list);
      await pair.b.query(mark);
      await pair.b.query(list);
      clock.advance(2 * oneMinute);
      fail();

      const after = await pair.b.query(list);
      upstream.onEveryCall();

      expect(seenIn(after)).toEqual([written, { ageMs: 2 * oneMinute }]);
    });

    test('return no stale entries while Redis is unavailable', async () => {
      const clock = createManualClock();
      await using pair = await startPair({ clock, config });
      await pair.a.query(list);
      clock.advance(2 * oneMinute);
      pair.wireOfA.cut();
      await untilReady(pair.a, 'down');
      fail();

      const after = await pair.a.query(list);
      upstream.onEveryCall();

      expect(seenIn(after)).toBe('UPSTREAM_UNAVAILABLE');
    });
  });

  test('store no API key in Redis', async () => {
    await using gateway = await start(redis.url);
    await redis.listenedBy(1);
    await untilReady(gateway, 'up');
    await gateway.query(single);
    await gateway.query(mark);

    const names: string[] = await redis.command('KEYS', '*');
    const values = await Promise.all(names.map((name) => redis.textOf(name)));

    expect(names.length).toBeGreaterThan(0);
    expect(JSON.stringify([names, values])).not.toContain(upstream.key);
    for (const name of names) expect(await redis.command('PTTL', name)).toBeGreaterThan(0);
  });

  describe('without Redis', () => {
    test('start and respond, and share the cache once Redis is available', async () => {
      await using late = await startRedis();
      await late.kill();
      await using gateway = await start(late.url);

      const alone = [await gateway.query(single), await gateway.query(single)];
      const state = await reportedBy(gateway);
      await late.restart();
      await late.listenedBy(1);
      await untilReady(gateway, 'up');
      await gateway.query(list);

      expect(alone.flatMap(({ errors }) => errors)).toEqual([]);
      expect(alone.map(({ extensions }) => extensions.upstream.calls)).toEqual([1, 0]);
      expect(state).toEqual(down);
      expect(await reportedBy(gateway)).toEqual(up);
      expect(await late.command('DBSIZE')).toBeGreaterThan(0);
    });

    test('log an outage once when it starts and once when it ends', async () => {
      await using own = await startRedis();
      await using gateway = await start(own.url, { config: { logLevel: 'info' } });
      await own.listenedBy(1);
      await gateway.query(single);
      await own.kill();
      await untilReady(gateway, 'down');
      for (let count = 0; count < 20; count += 1) await gateway.query(single, undefined, noCache);
      await own.restart();
      await own.listenedBy(1);
      await untilReady(gateway, 'up');
      for (let count = 0; count < 3; count += 1) await gateway.query(single, undefined, noCache);

      const lines = gateway.logged
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => msg.startsWith('redis '));

      expect(lines).toMatchObject([
        { level: 30, msg: 'redis available' },
        {
          level: 40,
          msg: 'redis unavailable, degraded to local mode',
          reason: expect.stringMatching(/./),
        },
        { level: 30, msg: 'redis available' },
      ]);
    });

    test('fail no request while Redis is restarted under load', async () => {
      await using own = await startRedis();
      await using a = await start(own.url);
      await using b = await start(own.url);
      await own.listenedBy(2);
      let isOver = false;
      const problems: unknown[] = [];
      let answers = 0;
      const documents = [single, list, mark, '{ customers { nodes { phone } } }'];
      const clients = Array.from({ length: 8 }, async (_, number) => {
        for (let count = number; !isOver || answers <= 100; count += 1) {
          const gateway = count % 2 === 0 ? a : b;
          const headers = count % 5 === 0 ? noCache : {};
          const { errors, status } = await gateway.query(documents[count % 4]!, undefined, headers);
          if (errors.length > 0 || status !== 200) problems.push(errors);
          answers += 1;
        }
      });

      for (let round = 0; round < 3; round += 1) {
        await own.kill();
        await Promise.all([untilReady(a, 'down'), untilReady(b, 'down')]);
        await own.restart();
        await own.listenedBy(2);
        await Promise.all([untilReady(a, 'up'), untilReady(b, 'up')]);
      }
      isOver = true;
      await Promise.all(clients);

      expect(problems).toEqual([]);
      expect(answers).toBeGreaterThan(100);
    });
  });

  describe('after an outage', () => {
    test('receive invalidations of writes during the outage', async () => {
      await using pair = await startPair();
      await pair.b.query(single);
      pair.wireOfA.cut();
      await untilReady(pair.a, 'down');
      await pair.a.query(mark);
      pair.wireOfA.mend();
      await redis.listenedBy(2);
      await untilReady(pair.a, 'up');

      const versions = [
        versionIn(await pair.b.query(single)),
        versionIn(await pair.a.query(single)),
      ];

      expect(versions).toEqual(['1', '1']);
    });

    test('receive invalidations of failed writes during the outage', async () => {
      await using pair = await startPair();
      await pair.b.query(single);
      pair.wireOfA.cut();
      await untilReady(pair.a, 'down');
      const write = upstream.hold('PUT /chats/readByAgent');
      const failing = pair.a.query(mark);
      await write.arrived;
      write.respond({ status: 502 });
      await failing;
      pair.wireOfA.mend();
      await redis.listenedBy(2);
      await untilReady(pair.a, 'up');

      // The instance that wrote reads another chat first.
      await pair.a.query('{ chat(id: 2) { id } }');

      expect(versionIn(await pair.b.query(single))).toBe('1');
    });

    test('clear their memory, because they may have missed an invalidation', async () => {
      await using pair = await startPair();
      await pair.b.query(single);
      pair.wireOfB.cut();
      await untilReady(pair.b, 'down');
      await pair.a.query(mark);
      const apart = versionIn(await pair.b.query(single));
      pair.wireOfB.mend();
      await redis.listenedBy(2);
      await untilReady(pair.b, 'up');

      const together = await pair.b.query(single);

      expect(apart).toBe('0');
      expect(versionIn(together)).toBe('1');
      expect(together.extensions.upstream.calls).toBe(0);
    });

    test('never share a read that started before a write of another during the outage', async () => {
      await using pair = await startPair();
      const held = upstream.hold('GET /chats/1');
      const older = pair.b.query(single);
      await held.arrived;
      held.apply();
      pair.wireOfB.cut();
      await untilReady(pair.b, 'down');
      await pair.a.query(mark);
      pair.wireOfB.mend();
      await redis.listenedBy(2);
      await untilReady(pair.b, 'up');
      held.respond();
      await older;

      const versions = [
        versionIn(await pair.a.query(single)),
        versionIn(await pair.b.query(single)),
      ];

      expect(versions).toEqual(['1', '1']);
    });

    test('never share a read that started before a write during the outage', async () => {
      await using pair = await startPair();
      const held = upstream.hold('GET /chats/1');
      const older = pair.a.query(single);
      await held.arrived;
      held.apply();
      pair.wireOfA.cut();
      await untilReady(pair.a, 'down');
      await pair.a.query(mark);
      pair.wireOfA.mend();
      await redis.listenedBy(2);
      await untilReady(pair.a, 'up');
      held.respond();
      await older;

      expect(versionIn(await pair.b.query(single))).toBe('1');
    });

    test('never share a read that started before a write when Redis has lost its data', async () => {
      await using pair = await startPair();
      const held = upstream.hold('GET /chats/1');
      const older = pair.b.query(single);
      await held.arrived;
      held.apply();
      await pair.a.query(mark);
      await redis.command('FLUSHALL');
      held.respond();
      await older;
      // An instance that started later.
      await using c = await start(redis.url);
      await redis.listenedBy(3);
      await untilReady(c, 'up');

      expect(versionIn(await c.query(single))).toBe('1');
    });

    test('share nothing before they are subscribed again', async () => {
      await using pair = await startPair();
      await pair.b.query(single);
      pair.wireOfB.cut();
      await untilReady(pair.b, 'down');
      const held = pair.wireOfB.hold((sent) => sent.includes('subscribe'));
      pair.wireOfB.mend();
      await held;
      await pair.b.query(single);
      const state = (await reportedBy(pair.b)).ready;
      await pair.a.query(mark);
      pair.wireOfB.release();
      await redis.listenedBy(2);
      await untilReady(pair.b, 'up');

      const together = await pair.b.query(single);

      expect(state).toBe('down');
      expect(versionIn(together)).toBe('1');
    });

    test('clear reads from before their first subscription', async () => {
      await using a = await start(redis.url);
      await redis.listenedBy(1);
      await untilReady(a, 'up');
      await using wire = await startTcpProxy(redis.port);
      const held = wire.hold((sent) => sent.includes('subscribe'));
      await using b = await start(wire.url);
      await held;
      await b.query(single);
      await a.query(mark);
      wire.release();
      await redis.listenedBy(2);
      await untilReady(b, 'up');

      const { data } = await b.query(single);

      expect(data.chat.lastMessageText).toBe('1');
    });
  });

  describe('whose Redis', () => {
    test('is slow work in local mode until it replies again', async () => {
      const clock = createManualClock();
      await using own = await startRedis();
      await using gateway = await start(own.url, { clock, config: impatient });
      await own.listenedBy(1);
      await gateway.query(single);
      own.pause();

      const cold = await gateway.query(list);
      const warm = await gateway.query(single);
      const state = await reportedBy(gateway);
      clock.advance(5_000);
      const later = await reportedBy(gateway);
      own.resume();
      await untilReady(gateway, 'up', () => clock.advance(1_000));

      expect([cold, warm].flatMap(({ errors }) => errors)).toEqual([]);
      expect(warm.extensions.upstream.calls).toBe(0);
      expect(state).toEqual(down);
      // Redis still does not reply.
      expect(later).toEqual(down);
    });

    test('is slow send invalidations once it replies again', async () => {
      await using pair = await startPair({ config: impatient });
      await pair.b.query(single);
      const held = pair.wireOfA.hold(() => true);
      const writing = pair.a.query(mark);
      await held;
      const written = await writing;
      pair.wireOfA.release();
      await untilReady(pair.a, 'up');
      await pair.a.query('{ chat(id: 2) { id } }');

      const { data } = await pair.b.query(single);

      expect(written.errors).toEqual([]);
      expect(data.chat.lastMessageText).toBe('1');
    });

    test('replies late to a subscription continue to respond', async () => {
      await using pair = await startPair({ config: impatient });
      pair.wireOfB.cut();
      await untilReady(pair.b, 'down');
      const held = pair.wireOfB.hold((sent) => sent.includes('subscribe'));
      pair.wireOfB.mend();
      await held;
      // A write waits for the Redis timeout, which is longer than that of the subscription.
      const slow = pair.wireOfA.hold(() => true);
      const writing = pair.a.query(mark);
      await slow;
      await writing;
      await pair.b.query(single, undefined, noCache);
      pair.wireOfA.release();
      pair.wireOfB.release();
      await redis.listenedBy(2);

      const { errors } = await pair.b.query(single, undefined, noCache);

      expect(errors).toEqual([]);
    });

    describe('is full', () => {
      let own: TestRedis;
      let a: Gateway;
      let b: Gateway;

      beforeAll(async () => {
        own = await startRedis(['--maxmemory', '1', '--maxmemory-policy', 'noeviction']);
        [a, b] = await Promise.all([start(own.url), start(own.url)]);
        await own.listenedBy(2);
      });

      afterAll(async () => {
        await Promise.all([a.stop(), b.stop()]);
        await own[Symbol.asyncDispose]();
      });

      test('respond and report that nothing is shared', async () => {
        const answers = [
          await a.query(single),
          await b.query(list),
          await a.query(mark),
          await a.query(single),
          await b.query('{ customers { nodes { phone } } agents { name } }'),
        ];

        const words = [await reportedBy(a), await reportedBy(b)];

        expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
        expect(versionIn(answers[3]!)).toBe('1');
        expect(answers[3]?.extensions.upstream.calls).toBe(0);
        expect(words).toEqual([down, down]);
      });

      test('still receive invalidations of each other', async () => {
        const versions: string[] = [];

        for (let count = 0; count < 10; count += 1) {
          await b.query(single);
          await a.query(list);
          await a.query(mark);
          versions.push(versionIn(await b.query(single)));
        }

        expect(versions).toEqual(Array.from({ length: 10 }, (_, index) => String(index + 1)));
      });
    });

    test('was full use no outdated entry when memory is free again', async () => {
      await using own = await startRedis(['--maxmemory-policy', 'noeviction']);
      await using a = await start(own.url);
      await using b = await start(own.url);
      await own.listenedBy(2);
      await untilReady(a, 'up');
      await untilReady(b, 'up');
      const held = upstream.hold('GET /chats/1');
      const older = b.query(single);
      await held.arrived;
      held.apply();
      await own.command('CONFIG', 'SET', 'maxmemory', '1');
      await a.query(mark);
      await own.command('CONFIG', 'SET', 'maxmemory', '0');
      held.respond();
      await older;
      await using c = await start(own.url);
      await own.listenedBy(3);
      await untilReady(c, 'up');

      expect(versionIn(await c.query(single))).toBe('1');
    });

    test('contains invalid entries read from HelpCrunch', async () => {
      await using pair = await startPair();
      await pair.a.query(single);
      await pair.a.query(list);
      const names: string[] = await redis.command('KEYS', '*');
      for (const name of names)
        await redis.command('SET', name, '{"v":{"ids":["1","x"]},"at":9e15}');

      const answers = [await pair.b.query(single), await pair.b.query(list)];

      expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
      expect(answers[0]?.data.chat.id).toBe('1');
    });
  });

  describe('whose clients disconnect', () => {
    test('respond to requests that had joined a read before', async () => {
      await using pair = await startPair();
      const held = upstream.hold('GET /customers/7');
      const first = executeQuery(pair.b, '{ customer(id: 7) { phone } }');
      await held.arrived;
      const waiting = pair.wireOfB.hold(() => true);
      const second = pair.b.query(`{ _entities(representations: [
        { __typename: "Customer", id: 7 } { __typename: "Customer", id: 8 }
      ]) { ... on Customer { phone } } }`);
      await waiting;
      first.leave();
      await first.answer;
      // The disconnect has been processed when these are done.
      await pair.b.query('{ __typename }');
      await pair.b.query('{ __typename }');
      held.respond();
      pair.wireOfB.release();

      const { data, errors } = await second;

      expect(errors).toEqual([]);
      expect(data._entities).toEqual([{ phone: '+3807' }, { phone: '+3808' }]);
    });
  });
});
