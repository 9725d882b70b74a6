import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../../src/config/settings.ts';
import { executeQuery } from '../../support/client.ts';
import type { ControlledUpstream } from '../../support/controlledUpstream.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import type { GraphQLResponse } from '../../support/gateway.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { createManualClock } from '../../support/manualClock.ts';
import type { TestRedis } from '../../support/redis.ts';
import { hasRedis, startRedis } from '../../support/redis.ts';
import { startTcpProxy } from '../../support/tcpProxy.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

const describeWithRedis = hasRedis ? describe : describe.skip;

const oneMinute = 60_000;
/** So long that in these tests nothing is asked for again because it has grown old. */
const freshMs = { ...readConfig({}).cacheTtlsMs, chats: oneMinute, absent: oneMinute };

const single = '{ chat(id: 1) { id lastMessageText readByAgent } }';
const list = '{ chats { nodes { id lastMessageText } } }';
const mark = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id lastMessageText } }';

/** For tests in which Redis answers late. */
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

  /** What an instance says of Redis. */
  async function told({ url }: Gateway) {
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

  /** Once an instance says so: the connections to Redis come and go by themselves. `meanwhile` moves a clock. */
  async function says(gateway: Gateway, state: 'up' | 'down', meanwhile?: () => void) {
    while ((await told(gateway)).ready !== state) meanwhile?.();
  }

  /** Two instances, the second one behind a wire that can be cut. */
  async function startPair(options: Partial<Parameters<typeof startTestGateway>[0]> = {}) {
    const wires = await Promise.all([startTcpProxy(redis.port), startTcpProxy(redis.port)]);
    const [a, b] = await Promise.all(wires.map(({ url }) => start(url, options)));
    await redis.listenedBy(2);
    await Promise.all([says(a!, 'up'), says(b!, 'up')]);
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

  test('say in /healthz, /readyz and /metrics that Redis is there', async () => {
    await using pair = await startPair();

    expect([await told(pair.a), await told(pair.b)]).toEqual([up, up]);
  });

  test('say nothing of Redis where none is set', async () => {
    await using alone = await startTestGateway({ upstream });

    const texts = await Promise.all(
      ['/healthz', '/readyz', '/metrics'].map(async (path) =>
        (await fetch(alone.url + path)).text(),
      ),
    );

    for (const text of texts) expect(text).not.toContain('redis');
  });

  test('give each other what they have read', async () => {
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

  test('give each other what is absent', async () => {
    await using pair = await startPair();
    const document = `{ _entities(representations: [
      { __typename: "Customer", id: 404 } { __typename: "Customer", id: 405 }
    ]) { ... on Customer { name } } }`;
    await pair.a.query(document);

    const { data, extensions } = await pair.b.query(document);

    expect(data).toEqual({ _entities: [null, null] });
    expect(extensions.upstream.calls).toBe(0);
  });

  test('take many things from Redis in one round trip', async () => {
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
    // The list, its customers, the lists of their chats, those chats, and as often what has changed since.
    expect(pair.wireOfB.requests() - before).toBeLessThanOrEqual(8);
  });

  test('see each write of another in their next read, 200 times', async () => {
    await using pair = await startPair();
    const versions: string[] = [];

    for (let count = 0; count < 200; count += 1) {
      const [writer, reader] = count % 2 === 0 ? [pair.a, pair.b] : [pair.b, pair.a];
      // Its own memory is warm.
      await reader.query(count % 4 < 2 ? single : list);
      await writer.query(mark);
      const { data } = await reader.query(count % 3 === 0 ? single : list);
      const chat = data.chat ?? data.chats.nodes.find(({ id }: any) => id === '1');
      versions.push(chat.lastMessageText);
    }

    expect(versions).toEqual(Array.from({ length: 200 }, (_, index) => String(index + 1)));
  }, 60_000);

  test('see a write of another even where word of it comes late', async () => {
    await using pair = await startPair();
    await pair.b.query(single);
    pair.wireOfB.holdPublished();
    await pair.a.query(mark);

    const { data } = await pair.b.query(single);
    pair.wireOfB.release();

    expect(data.chat.lastMessageText).toBe('1');
  });

  test('give no cached response that another has written to, even where word of it comes late', async () => {
    await using pair = await startPair();
    const cached = async () => {
      const metrics = await (await fetch(`${pair.b.url}/metrics`)).text();
      return Number(/^helpcrunch_ready_answers_total (\d+)$/m.exec(metrics)?.[1]);
    };
    while ((await cached()) === 0) await pair.b.query(single);
    pair.wireOfB.holdPublished();
    await pair.a.query(mark);

    const { data } = await pair.b.query(single);
    pair.wireOfB.release();

    expect(data.chat.lastMessageText).toBe('1');
  });

  test('take the written chat from each other', async () => {
    await using pair = await startPair();
    await pair.b.query(list);
    await pair.a.query(mark);
    upstream.clearCalls();

    const { data } = await pair.b.query(list);

    expect(data.chats.nodes).toContainEqual({ id: '1', lastMessageText: '1' });
    expect(upstream.calls).toEqual([]);
  });

  test('never keep what another has read before a write', async () => {
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

  test('never keep what another has read before a failed write', async () => {
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

  test('agree on the last of two writes whose answers cross', async () => {
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

  test('show what one has been told to read anew', async () => {
    await using pair = await startPair();
    await pair.a.query(single);
    upstream.seed({ chats: [{ id: 1, lastMessageText: 'new' }] });
    await pair.a.query(single, undefined, noCache);

    const { data, extensions } = await pair.b.query(single);

    expect(data.chat.lastMessageText).toBe('new');
    expect(extensions.upstream.calls).toBe(0);
  });

  test('never put what was shared before in the place of what has just been read', async () => {
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

  test('of other accounts see nothing of each other', async () => {
    await using other = await startControlledUpstream('another-key');
    other.seed({
      chats: [{ id: 1, lastMessageText: '100' }],
      customers: [{ id: 7, name: 'Zoe' }],
    });
    await using first = await start(redis.url);
    await using second = await start(redis.url, { upstream: other });
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

  describe('whose helpdesk fails', () => {
    const config = { staleIfErrorMs: 10 * oneMinute };
    const fail = () => upstream.onEveryCall((held) => held.respond({ status: 500 }));
    const seenIn = ({ data, errors, extensions }: GraphQLResponse) =>
      errors[0]?.extensions['code'] ?? [data.chats.nodes, extensions.upstream['stale']];
    const nodes = ['2', '1'].map((id) => ({ id, lastMessageText: '0' }));

    test('show what they knew, but not once another has written to it', async () => {
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

    test('show nothing old that one read before a write and another took over after it', async () => {
      const clock = createManualClock();
      await using pair = await startPair({ clock, config });
      await pair.a.query(list);
      await pair.b.query(mark);
      await pair.b.query(list);
      clock.advance(2 * oneMinute);
      fail();

      const after = await pair.b.query(list);
      upstream.onEveryCall();

      expect(seenIn(after)).toBe('UPSTREAM_UNAVAILABLE');
    });

    test('show nothing old while they cannot hear of each other', async () => {
      const clock = createManualClock();
      await using pair = await startPair({ clock, config });
      await pair.a.query(list);
      clock.advance(2 * oneMinute);
      pair.wireOfA.cut();
      await says(pair.a, 'down');
      fail();

      const after = await pair.a.query(list);
      upstream.onEveryCall();

      expect(seenIn(after)).toBe('UPSTREAM_UNAVAILABLE');
    });
  });

  test('leave no key of an account in Redis', async () => {
    await using gateway = await start(redis.url);
    await redis.listenedBy(1);
    await says(gateway, 'up');
    await gateway.query(single);
    await gateway.query(mark);

    const names: string[] = await redis.command('KEYS', '*');
    const values = await Promise.all(names.map((name) => redis.command('GET', name)));

    expect(names.length).toBeGreaterThan(0);
    expect(JSON.stringify([names, values])).not.toContain(upstream.key);
    for (const name of names) expect(await redis.command('PTTL', name)).toBeGreaterThan(0);
  });

  describe('without Redis', () => {
    test('start, answer and say so, and share as soon as it is there', async () => {
      await using late = await startRedis();
      await late.kill();
      await using gateway = await start(late.url);

      const alone = [await gateway.query(single), await gateway.query(single)];
      const state = await told(gateway);
      await late.restart();
      await late.listenedBy(1);
      await says(gateway, 'up');
      await gateway.query(list);

      expect(alone.flatMap(({ errors }) => errors)).toEqual([]);
      expect(alone.map(({ extensions }) => extensions.upstream.calls)).toEqual([1, 0]);
      expect(state).toEqual(down);
      expect(await told(gateway)).toEqual(up);
      expect(await late.command('DBSIZE')).toBeGreaterThan(0);
    }, 30_000);

    test('log its coming and going once each', async () => {
      await using own = await startRedis();
      await using gateway = await start(own.url, { config: { logLevel: 'info' } });
      await own.listenedBy(1);
      await gateway.query(single);
      await own.kill();
      await says(gateway, 'down');
      for (let count = 0; count < 20; count += 1) await gateway.query(single, undefined, noCache);
      await own.restart();
      await own.listenedBy(1);
      await says(gateway, 'up');
      for (let count = 0; count < 3; count += 1) await gateway.query(single, undefined, noCache);

      const lines = gateway.logged
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => /there|away/.test(msg));

      expect(lines.map(({ level, msg }) => [level, /there|away/.exec(msg)?.[0]])).toEqual([
        [30, 'there'],
        [40, 'away'],
        [30, 'there'],
      ]);
    }, 30_000);

    test('fail no client while it is killed and started again under load', async () => {
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
        await Promise.all([says(a, 'down'), says(b, 'down')]);
        await own.restart();
        await own.listenedBy(2);
        await Promise.all([says(a, 'up'), says(b, 'up')]);
      }
      isOver = true;
      await Promise.all(clients);

      expect(problems).toEqual([]);
      expect(answers).toBeGreaterThan(100);
    }, 60_000);
  });

  describe('that were apart', () => {
    test('are told afterwards what one wrote without Redis', async () => {
      await using pair = await startPair();
      await pair.b.query(single);
      pair.wireOfA.cut();
      await says(pair.a, 'down');
      await pair.a.query(mark);
      pair.wireOfA.mend();
      await redis.listenedBy(2);
      await says(pair.a, 'up');

      const versions = [
        versionIn(await pair.b.query(single)),
        versionIn(await pair.a.query(single)),
      ];

      expect(versions).toEqual(['1', '1']);
    }, 30_000);

    test('are told afterwards of a failed write as well', async () => {
      await using pair = await startPair();
      await pair.b.query(single);
      pair.wireOfA.cut();
      await says(pair.a, 'down');
      const write = upstream.hold('PUT /chats/readByAgent');
      const failing = pair.a.query(mark);
      await write.arrived;
      write.respond({ status: 502 });
      await failing;
      pair.wireOfA.mend();
      await redis.listenedBy(2);
      await says(pair.a, 'up');

      // Something else is read first, through the one that wrote.
      await pair.a.query('{ chat(id: 2) { id } }');

      expect(versionIn(await pair.b.query(single))).toBe('1');
    }, 30_000);

    test('forget what they knew, because they may have missed a write', async () => {
      await using pair = await startPair();
      await pair.b.query(single);
      pair.wireOfB.cut();
      await says(pair.b, 'down');
      await pair.a.query(mark);
      const apart = versionIn(await pair.b.query(single));
      pair.wireOfB.mend();
      await redis.listenedBy(2);
      await says(pair.b, 'up');

      const together = await pair.b.query(single);

      expect(apart).toBe('0');
      expect(versionIn(together)).toBe('1');
      expect(together.extensions.upstream.calls).toBe(0);
    }, 30_000);

    test('never share what one had read before a write that it did not hear of', async () => {
      await using pair = await startPair();
      const held = upstream.hold('GET /chats/1');
      const older = pair.b.query(single);
      await held.arrived;
      held.apply();
      pair.wireOfB.cut();
      await says(pair.b, 'down');
      await pair.a.query(mark);
      pair.wireOfB.mend();
      await redis.listenedBy(2);
      await says(pair.b, 'up');
      held.respond();
      await older;

      const versions = [
        versionIn(await pair.a.query(single)),
        versionIn(await pair.b.query(single)),
      ];

      expect(versions).toEqual(['1', '1']);
    }, 30_000);

    test('never share what one had read before a write of its own', async () => {
      await using pair = await startPair();
      const held = upstream.hold('GET /chats/1');
      const older = pair.a.query(single);
      await held.arrived;
      held.apply();
      pair.wireOfA.cut();
      await says(pair.a, 'down');
      await pair.a.query(mark);
      pair.wireOfA.mend();
      await redis.listenedBy(2);
      await says(pair.a, 'up');
      held.respond();
      await older;

      expect(versionIn(await pair.b.query(single))).toBe('1');
    }, 30_000);

    test('never share what was read before a write when Redis has lost its memory since', async () => {
      await using pair = await startPair();
      const held = upstream.hold('GET /chats/1');
      const older = pair.b.query(single);
      await held.arrived;
      held.apply();
      await pair.a.query(mark);
      await redis.command('FLUSHALL');
      held.respond();
      await older;
      // Another instance, which was not there.
      await using c = await start(redis.url);
      await redis.listenedBy(3);
      await says(c, 'up');

      expect(versionIn(await c.query(single))).toBe('1');
    }, 30_000);

    test('are not together before they listen again', async () => {
      await using pair = await startPair();
      await pair.b.query(single);
      pair.wireOfB.cut();
      await says(pair.b, 'down');
      const held = pair.wireOfB.hold((sent) => sent.includes('subscribe'));
      pair.wireOfB.mend();
      await held;
      await pair.b.query(single);
      const state = (await told(pair.b)).ready;
      await pair.a.query(mark);
      pair.wireOfB.release();
      await redis.listenedBy(2);
      await says(pair.b, 'up');

      const together = await pair.b.query(single);

      expect(state).toBe('down');
      expect(versionIn(together)).toBe('1');
    }, 30_000);

    test('forget what they read before they listened for the first time', async () => {
      await using a = await start(redis.url);
      await redis.listenedBy(1);
      await says(a, 'up');
      await using wire = await startTcpProxy(redis.port);
      const held = wire.hold((sent) => sent.includes('subscribe'));
      await using b = await start(wire.url);
      await held;
      await b.query(single);
      await a.query(mark);
      wire.release();
      await redis.listenedBy(2);
      await says(b, 'up');

      const { data } = await b.query(single);

      expect(data.chat.lastMessageText).toBe('1');
    }, 30_000);
  });

  describe('whose Redis', () => {
    test('is slow go on without it and say so until it answers again', async () => {
      const clock = createManualClock();
      await using own = await startRedis();
      await using gateway = await start(own.url, { clock, config: impatient });
      await own.listenedBy(1);
      await gateway.query(single);
      own.pause();

      const cold = await gateway.query(list);
      const warm = await gateway.query(single);
      const state = await told(gateway);
      clock.advance(5_000);
      const later = await told(gateway);
      own.resume();
      await says(gateway, 'up', () => clock.advance(1_000));

      expect([cold, warm].flatMap(({ errors }) => errors)).toEqual([]);
      expect(warm.extensions.upstream.calls).toBe(0);
      expect(state).toEqual(down);
      // It still answers nothing, so there is no reason to say anything else.
      expect(later).toEqual(down);
    }, 30_000);

    test('is slow tell of a write once it answers again', async () => {
      await using pair = await startPair({ config: impatient });
      await pair.b.query(single);
      const held = pair.wireOfA.hold(() => true);
      const writing = pair.a.query(mark);
      await held;
      const written = await writing;
      pair.wireOfA.release();
      await says(pair.a, 'up');
      await pair.a.query('{ chat(id: 2) { id } }');

      const { data } = await pair.b.query(single);

      expect(written.errors).toEqual([]);
      expect(data.chat.lastMessageText).toBe('1');
    }, 30_000);

    test('answers late to a subscription go on', async () => {
      await using pair = await startPair({ config: impatient });
      pair.wireOfB.cut();
      await says(pair.b, 'down');
      const held = pair.wireOfB.hold((sent) => sent.includes('subscribe'));
      pair.wireOfB.mend();
      await held;
      // A write takes as long as Redis is waited for, so this outlasts the patience for the subscription.
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
    }, 30_000);

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

      test('go on and say that nothing is shared', async () => {
        const answers = [
          await a.query(single),
          await b.query(list),
          await a.query(mark),
          await a.query(single),
          await b.query('{ customers { nodes { phone } } agents { name } }'),
        ];

        const words = [await told(a), await told(b)];

        expect(answers.flatMap(({ errors }) => errors)).toEqual([]);
        expect(versionIn(answers[3]!)).toBe('1');
        expect(answers[3]?.extensions.upstream.calls).toBe(0);
        expect(words).toEqual([down, down]);
      });

      test('still tell each other of writes', async () => {
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

    test('was full keep nothing old when there is room again', async () => {
      await using own = await startRedis(['--maxmemory-policy', 'noeviction']);
      await using a = await start(own.url);
      await using b = await start(own.url);
      await own.listenedBy(2);
      await says(a, 'up');
      await says(b, 'up');
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
      await says(c, 'up');

      expect(versionIn(await c.query(single))).toBe('1');
    }, 30_000);

    test('holds what is no entry read past it', async () => {
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

  describe('and whose clients leave', () => {
    test('answer those who had begun to wait before', async () => {
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
      // That it has left has been noticed when this is done.
      await pair.b.query('{ __typename }');
      await pair.b.query('{ __typename }');
      held.respond();
      pair.wireOfB.release();

      const { data, errors } = await second;

      expect(errors).toEqual([]);
      expect(data._entities).toEqual([{ phone: '+3807' }, { phone: '+3808' }]);
    }, 30_000);
  });
});
