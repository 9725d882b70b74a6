import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import type { ChainableCommander } from 'ioredis';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { redisKey, redisPattern } from '../../src/redis/keys.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { openSocket } from '../support/socket.ts';
import { chatData, post, webhookSecret, wireDelivery } from '../support/webhooks.ts';
import { propertyParameters, propertyRuns } from '../support/propertyRuns.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const oneHour = 3_600_000;

const people = 'id name email role';
const customerFields = `id userId name email company phone firstSeen lastSeen notes locale source
  location { countryCode city } device { ip } unsubscribed blocked tags { name color } customData`;
const chatFields = `id status closedBy closedAt rating createdAt createdWith lastMessageAt
  lastCustomerMessageAt lastMessageText lastMessageId snoozedUntil readByAgent readByCustomer
  lastCommunicatedAgent { id } agents { ${people} } assignee { ${people} }
  customer { id name email userId } department { id name } application { id }`;

/** Reads of every kind of entry. */
const documents = {
  chat: `{ chat(id: 1) { ${chatFields} } }`,
  'chat, of which a part must be fetched': '{ chat(id: 1) { id customer { phone } } }',
  chats: `{ chats { totalCount nodes { ${chatFields} } } }`,
  'the chats of customers': '{ customer(id: 7) { id chats { totalCount nodes { id status } } } }',
  messages:
    '{ chat(id: 1) { messages { totalCount nodes { id from type text createdAt agent { id name } } } } }',
  customer: `{ customer(id: 7) { ${customerFields} } }`,
  'customer by user id': `{ customerByUserId(userId: "u-7") { ${customerFields} } }`,
  customers: `{ customers { totalCount nodes { ${customerFields} } } }`,
  agents: `{ agents { ${people} } }`,
  departments: `{ departments { id name agents { ${people} } } }`,
  applications: '{ applications { id name displayName type active } }',
  organization: '{ organization { id domain teamOnline chatEnabled } }',
  'a customer that is absent': '{ customer(id: 404) { id } }',
};

type DocumentName = keyof typeof documents;
const documentNames = Object.keys(documents) as DocumentName[];

/** Some of the items, others for each offset; all of them with PROPERTY_RUNS=3. */
const someOf = <Item>(items: readonly Item[], offset: number): readonly Item[] => {
  const start = offset % items.length;
  const count = propertyRuns(Math.ceil(items.length / 3));
  return [...items.slice(start), ...items.slice(0, start)].slice(0, count);
};

describeWithRedis('unexpected data in Redis (needs Redis)', () => {
  const clock = createManualClock();
  const cacheTtlsMs = { chats: oneHour, customers: oneHour, account: oneHour, absent: oneHour };

  let redis: TestRedis;
  let client: Redis;
  let upstream: ControlledUpstream;
  let a: Awaited<ReturnType<typeof startTestGateway>>;
  let b: typeof a;

  const start = (config: Parameters<typeof startTestGateway>[0]['config'] = {}) =>
    startTestGateway({
      upstream,
      clock,
      config: { rateLimit: 0, cacheTtlsMs, redisUrl: redis.url, webhookSecret, ...config },
    });

  async function isUp({ url }: { readonly url: string }) {
    for (;;) {
      const { redis: state }: any = await (await fetch(`${url}/readyz`)).json();
      if (state === 'up') return;
      clock.advance(1_000);
    }
  }

  beforeAll(async () => {
    [redis, upstream] = await Promise.all([startRedis(), startControlledUpstream()]);
    client = new Redis(redis.port, '127.0.0.1');
    upstream.seed({
      chats: [
        { id: 1, customer: { id: 7, name: 'Ada', email: null, userId: 'u-7' } },
        { id: 2, customer: { id: 8 } },
      ],
      customers: [{ id: 7 }, { id: 8 }],
    });
    [a, b] = await Promise.all([start(), start()]);
    await redis.listenedBy(2);
    await Promise.all([isUp(a), isUp(b)]);
  });

  afterAll(async () => {
    client.disconnect();
    await Promise.all([a.stop(), b.stop()]);
    await Promise.all([redis[Symbol.asyncDispose](), upstream[Symbol.asyncDispose]()]);
  });

  beforeEach(() => {
    a.logged.length = 0;
    b.logged.length = 0;
  });

  const entriesOf = async () => client.keys(`${redisPattern('entry')}:*`);

  /** All entries that instance A stored in Redis for a document; the memory of B has expired. */
  async function fill(name: DocumentName) {
    clock.advance(2 * oneHour);
    await client.flushall();
    const { data, errors } = await a.query(documents[name]);
    // A stores entries in Redis asynchronously.
    for (;;) {
      upstream.clearCalls();
      const again = await a.query(documents[name], undefined);
      const keys = await entriesOf();
      if (again.extensions.upstream.calls === 0 && keys.length > 0) break;
    }
    let keys = await entriesOf();
    for (let count = -1; keys.length !== count; keys = await entriesOf()) count = keys.length;
    const stored = await Promise.all(
      keys.map(async (key) => {
        const [value, ttl] = await Promise.all([client.get(key), client.pttl(key)]);
        const text = String(value);
        const space = text.indexOf(' ');
        const json: any = JSON.parse(text.slice(space + 1));
        return [key, { mark: text.slice(0, space), json, ttl }] as const;
      }),
    );
    const entries = new Map(stored);
    return { data, codes: errors.map(({ extensions }) => extensions['code']), entries };
  }

  async function countOf({ url }: { readonly url: string }, kind: string) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    const pattern = new RegExp(
      `^helpcrunch_redis_anomalies_total\\{kind="${kind}"\\} (\\d+)$`,
      'm',
    );
    return Number(pattern.exec(metrics)?.[1]);
  }

  const internal = (codes: readonly unknown[]) =>
    codes.filter((code) => code === 'INTERNAL_SERVER_ERROR');

  const isError = (line: string) => /"level":(50|60)/.test(line);

  test.each(documentNames)('unchanged Redis entries are shared: %s', async (name) => {
    const { data, entries } = await fill(name);

    const seen = await b.query(documents[name]);

    expect(entries.size).toBeGreaterThan(0);
    expect(seen.data).toEqual(data);
    expect(seen.extensions.upstream.calls).toBe(0);
  });

  const wrongValues: readonly [string, (json: any) => unknown][] = [
    ['null', () => null],
    ['a number', () => 5],
    ['a list', () => []],
    ['an empty object', () => ({})],
    ['an entry without a value', ({ at }) => ({ at })],
    ['an entry without a time', ({ v }) => ({ v })],
    ['an entry of the year 30000', ({ v }) => ({ v, at: 884_541_340_800_000 })],
    ['an entry whose time is a text', ({ v, at }) => ({ v, at: String(at) })],
    ['a value of null', ({ at }) => ({ v: null, at })],
    ['a value that is absent for no reason', ({ at }) => ({ v: { notFound: null }, at })],
    ['a value that is absent with a list', ({ at }) => ({ v: { notFound: { entries: 'x' } }, at })],
    ['a value with its name alone', ({ v, at }) => ({ v: { __typename: v.__typename }, at })],
    ['rows that are null', ({ at }) => ({ v: { rows: [null], total: 1 }, at })],
    ['ids that are objects', ({ at }) => ({ v: { ids: [{}], total: 1 }, at })],
    [
      'a customer',
      ({ at }) => ({ v: { __typename: 'Customer', id: '7', name: 'x', tags: [] }, at }),
    ],
    ['a value nested 100,000 levels', ({ at }) => ({ v: 'deep', at })],
  ];

  test.each(wrongValues.map(([what, make], index) => [what, make, index] as const))(
    'a Redis entry that is %s is replaced by a read from HelpCrunch',
    async (_what, make, index) => {
      const names = someOf(documentNames, index);
      for (const name of names) {
        const { data, codes, entries } = await fill(name);
        const before = await countOf(b, 'entry');
        const nested = '['.repeat(100_000) + ']'.repeat(100_000);
        const planting = [...entries].map(([key, { mark, json, ttl }]) => {
          const text = JSON.stringify(make(json)).replace('"deep"', nested);
          return client.set(key, `${mark} ${text}`, 'PX', ttl);
        });
        await Promise.all(planting);

        const seen = await b.query(documents[name]);

        expect({ name, status: seen.status, data: seen.data }).toEqual({ name, status: 200, data });
        expect(seen.errors.map(({ extensions }) => extensions['code'])).toEqual(codes);
        expect(seen.extensions.upstream.calls).toBeGreaterThan(0);
        expect(await countOf(b, 'entry')).toBeGreaterThan(before);
      }
      expect(b.logged.filter(isError)).toEqual([]);
      // One line a minute, and hours have passed between the documents.
      const dropped = b.logged.filter((line) => line.includes('unexpected data in Redis dropped'));
      expect(dropped).toHaveLength(names.length);
    },
  );

  test('a Redis entry under the key of another kind is replaced by a read from HelpCrunch', async () => {
    const stored = new Map<string, any>();
    for (const name of documentNames) {
      for (const [key, { json }] of (await fill(name)).entries) {
        stored.set(key.split(':')[4] ?? '', json);
      }
    }
    const kinds = [...stored.keys()];
    expect(kinds.length).toBeGreaterThanOrEqual(11);
    const isListOf = (kind: string) => ['Chats', 'OwnedChats', 'Customers'].includes(kind);
    for (const [index, name] of documentNames.entries()) {
      for (const other of someOf(kinds, index)) {
        const { data, entries } = await fill(name);
        const planting = [...entries].map(([key, { mark, json, ttl }]) => {
          const kind = key.split(':')[4] ?? '';
          const alike = kind === other || (isListOf(kind) && isListOf(other));
          const planted = alike || other === 'ChatOfCustomer' ? {} : { ...stored.get(other) };
          const value = { ...planted, at: json.at };
          // What is absent may be absent under any name.
          if ('notFound' in Object(value.v)) delete value.v;
          return client.set(key, `${mark} ${JSON.stringify(value)}`, 'PX', ttl);
        });
        await Promise.all(planting);

        expect({ name, other, data: (await b.query(documents[name])).data }).toEqual({
          name,
          other,
          data,
        });
      }
    }
    expect(b.logged.filter(isError)).toEqual([]);
  });

  test('a Redis entry under the key of another id is replaced by a read from HelpCrunch', async () => {
    const { data, entries } = await fill('chat');
    const [key = '', { mark = '', json = {}, ttl = 1 } = {}] =
      [...entries].find(([each]) => each.includes(':Chat:')) ?? [];
    const foreign = { ...json, v: { ...json.v, id: '2' } };
    await client.set(key, `${mark} ${JSON.stringify(foreign)}`, 'PX', ttl);

    expect((await b.query(documents.chat)).data).toEqual(data);
  });

  interface Mutation {
    readonly picks: readonly number[];
    readonly value: unknown;
  }

  /** The value with another one somewhere inside. */
  function mutated(value: any, { picks: [pick = 0, ...rest], value: other }: Mutation): any {
    const names = Object.keys(Object(value));
    const name = names[pick % (names.length + 1)];
    if (name === undefined || typeof value === 'string') return other;
    const inside = mutated(value[name], { picks: rest, value: other });
    return Array.isArray(value) ? value.with(Number(name), inside) : { ...value, [name]: inside };
  }

  const mutations = fc.record({
    picks: fc.array(fc.nat(30), { minLength: 1, maxLength: 5 }),
    value: fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(null, {}, [], '', 0, -1, 1e300, '__proto__', 'UNKNOWN', true, [null], [[]]),
    ),
  });

  test('no corrupted Redis entry fails a read', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...documentNames),
        fc.array(mutations, { minLength: 1, maxLength: 6 }),
        async (name, changes) => {
          const { entries } = await fill(name);
          let index = 0;
          for (const [key, { mark, json, ttl }] of entries) {
            const change = changes[index % changes.length];
            index += 1;
            if (change === undefined) continue;
            const text = JSON.stringify({ ...json, v: mutated(json.v, change) });
            await client.set(key, `${mark} ${text}`, 'PX', ttl);
          }

          const { status, errors } = await b.query(documents[name]);

          expect(status).toBe(200);
          expect(internal(errors.map(({ extensions }) => extensions['code']))).toEqual([]);
        },
      ),
      { ...propertyParameters(15), endOnFailure: true },
    );
    expect(b.logged.filter(isError)).toEqual([]);
  });

  /** The account in keys. */
  let knownAccount: string | undefined;
  async function accountInKeys() {
    if (knownAccount === undefined) {
      await fill('chats');
      knownAccount = /\{(.*)\}/.exec((await entriesOf())[0] ?? '')?.[1] ?? '';
    }
    return knownAccount;
  }

  /** All channels: those of the fences, and those that instances receive by a pattern. */
  async function channels() {
    const account = await accountInKeys();
    const found = await client.pubsub('CHANNELS', 'helpcrunch:*');
    const shared = [redisKey(account, 'event'), redisKey(account, 'invalidation')];
    return [...found.map(String), ...shared].toSorted();
  }

  /** A subscriber of B, with events that mark the end of what it receives. */
  async function subscribe() {
    await redis.listenedBy(2);
    const socket = await openSocket(b.url);
    await socket.initialize();
    const queries = [
      'subscription { chatUpdated { change chat { id status } } }',
      'subscription { messageReceived(chatId: 1) { id from type text createdAt agent { name } } }',
      'subscription { customerUpdated(id: 7) { id phone } }',
    ];
    for (const [id, query] of queries.entries()) {
      socket.send({ type: 'subscribe', id: String(id), payload: { query } });
    }
    await b.waitForSubscriptions(3);
    const ends = {
      'chat.rated': chatData({ id: 1, status: 'opened' }),
      'message.chat.agent': { chat_id: 1, message: { id: 4_242, text: 'the end' } },
      'customer.tags_changed': { id: 7 },
    };
    return {
      socket,
      /** The messages of each subscription up to its last event, which is from A. */
      async all() {
        for (const [event, eventData] of Object.entries(ends)) {
          const { outcome } = await post(a, wireDelivery({ event, eventData, atMs: clock.now() }));
          expect(outcome).toBe('applied');
        }
        const heard: any[] = [];
        const isEnd = ({ id, payload }: any) =>
          JSON.stringify(payload).includes(['"RATED"', '"the end"', '"phone"'][Number(id)] ?? '');
        const over = new Set<string>();
        while (over.size < 3) {
          const message = await socket.nextMessage();
          heard.push(message);
          if (isEnd(message)) over.add(message.id);
        }
        return heard;
      },
    };
  }

  const at = 1_700_000_000_000;
  const event = {
    kind: 'chat',
    chatId: '1',
    change: 'CLOSED',
    atMs: at,
    customerId: null,
    assigneeId: null,
    departmentId: null,
  };
  const said = { from: 'x', sequence: 1, event };
  const message = { __typename: 'ChatMessage', id: '1', from: 'AGENT', type: 'MESSAGE' };

  test.each<[string, unknown]>([
    ['null', null],
    ['a number', 1],
    ['a list', [said]],
    ['an event of null', { ...said, event: null }],
    ['a message without an event', { from: 'x', sequence: 1 }],
    ['an event and a gap', { ...said, isGap: true }],
    ['an event of an unknown kind', { ...said, event: { ...event, kind: 'agent' } }],
    ['an event of an unknown change', { ...said, event: { ...event, change: 'MERGED' } }],
    ['an event of a chat without an id', { ...said, event: { ...event, chatId: null } }],
    ['an event of a path for a chat', { ...said, event: { ...event, chatId: '../agents' } }],
    ['an event at a text', { ...said, event: { ...event, atMs: 'now' } }],
    ['an event of the year 30000', { ...said, event: { ...event, atMs: 884_541_340_800_000 } }],
    [
      'an event of a message that is null',
      { ...said, event: { ...event, kind: 'message', message: null } },
    ],
    ['an event of half a message', { ...said, event: { ...event, kind: 'message', message } }],
    ['a gap that is a text', { from: 'x', sequence: 1, isGap: 'yes' }],
    ['a sender that is an object', { ...said, from: {} }],
    ['a sequence number that is a text', { ...said, sequence: '1' }],
    ['JSON nested 100,000 levels', 'deep'],
    ['no JSON', 'none'],
    ['nine megabytes', 'huge'],
  ])('a Redis event that is %s is dropped and counted', async (_what, value) => {
    const channel = redisKey(await accountInKeys(), 'event');
    const { socket, all } = await subscribe();
    const before = await countOf(b, 'event');
    const text =
      value === 'none'
        ? '{'
        : JSON.stringify(value)
            .replace('"deep"', '['.repeat(100_000) + ']'.repeat(100_000))
            .replace('"huge"', JSON.stringify('x'.repeat(9_000_000)));

    await client.publish(channel, text);
    const heard = await all();

    expect(await countOf(b, 'event')).toBe(before + 1);
    expect(heard.filter(({ payload }) => payload.errors !== undefined)).toEqual([]);
    expect(JSON.stringify(heard)).not.toContain('CLOSED');
    expect(b.logged.filter(isError)).toEqual([]);
    socket.socket.terminate();
    await socket.closed;
  });

  test.each([
    ['nothing', ''],
    ['one word', 'all'],
    ['a sender that is none', 'invalid all'],
    ['a key of another program', `${'0'.repeat(36)} session:1`],
    ['a key without a type', `${'0'.repeat(36)} x`],
    ['a megabyte', `${'0'.repeat(36)} Chat:${'1'.repeat(1_000_000)}`],
    ['JSON', '{"key":"all"}'],
  ])('a Redis invalidation that is %s is dropped and counted', async (_what, text) => {
    const before = await countOf(b, 'change');

    await client.publish(redisKey('any', 'invalidation'), text);
    while ((await countOf(b, 'change')) === before) await client.ping();

    expect(await countOf(b, 'change')).toBe(before + 1);
    expect(b.logged.filter(isError)).toEqual([]);
  });

  test('unexpected Redis data is logged once a minute with the number of suppressed lines', async () => {
    clock.advance(oneHour);
    await client.publish(redisKey('any', 'invalidation'), 'first');
    const before = await countOf(b, 'change');
    for (let index = 0; index < 20; index += 1)
      await client.publish(redisKey('any', 'invalidation'), 'x');
    while ((await countOf(b, 'change')) < before + 20) await client.ping();
    const lines = b.logged.filter((line) => line.includes('"kind":"change"'));
    clock.advance(60_000);
    await client.publish(redisKey('any', 'invalidation'), 'last');
    while ((await countOf(b, 'change')) < before + 21) await client.ping();
    const [, later = '{}'] = b.logged.filter((line) => line.includes('"kind":"change"'));

    expect(lines).toHaveLength(1);
    expect(JSON.parse(later)).toMatchObject({ level: 40, kind: 'change', suppressed: 20 });
  });

  test('no JSON on any Redis channel stops the reads and subscriptions of an instance', async () => {
    const names = await channels();
    expect(names.length).toBeGreaterThanOrEqual(4);
    const { socket, all } = await subscribe();
    const wholes = [
      said,
      { ...said, event: { ...event, kind: 'customer', customerId: '7' } },
      {
        ...said,
        event: {
          kind: 'message',
          chatId: '1',
          customerId: null,
          atMs: at,
          message: {
            ...message,
            agent: { __typename: 'Agent', id: '12' },
            text: null,
            read: null,
            edited: null,
            createdAt: at,
            updatedAt: null,
            broadcastType: null,
          },
        },
      },
    ];
    const parameters = propertyParameters(100);
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.oneof(
          fc.json(),
          fc.string(),
          fc
            .tuple(fc.constantFrom(...wholes), mutations)
            .map(([whole, mutation]) => JSON.stringify(mutated(whole, mutation))),
          fc.string().map((key) => `${'0'.repeat(36)} Chat:${key}`),
        ),
        async (channel, text) => {
          await client.publish(channel, text);
        },
      ),
      { ...parameters, endOnFailure: true },
    );
    const heard = await all();
    const codes = heard.flatMap(({ payload }) =>
      (payload.errors ?? []).map(({ extensions }: any) => extensions.code),
    );

    expect(internal(codes)).toEqual([]);
    expect(await countOf(b, 'event')).toBeGreaterThan(parameters.numRuns / 10);
    expect(b.logged.filter(isError)).toEqual([]);
    expect((await b.query(documents.chats)).errors).toEqual([]);
    socket.socket.terminate();
    await socket.closed;
  });

  const plants: Readonly<
    Record<string, (commands: ChainableCommander, key: string) => ChainableCommander>
  > = {
    'a text': (commands, key) => commands.set(key, 'garbage'),
    'JSON of another form': (commands, key) =>
      commands.set(key, '{"version":"x","closedUntil":[]}'),
    'numbers out of range': (commands, key) =>
      commands.set(
        key,
        '{"version":1,"closedUntil":1e300,"probeUntil":1e300,"pauseMs":1,"allowance":0,"floor":1,"since":1e300}',
      ),
    'a list': (commands, key) => commands.rpush(key, 'garbage'),
    'a hash': (commands, key) =>
      commands.hset(key, 'garbage', '{"till":1e300,"wants":[],"turns":"x"}'),
    'a sorted set': (commands, key) => commands.zadd(key, 'inf', 'garbage'),
    'a set': (commands, key) => commands.sadd(key, 'garbage'),
    'a stream': (commands, key) => commands.xadd(key, '*', 'garbage', '1'),
  };

  test.each(Object.entries(plants))(
    'reads, limits and webhooks work when every Redis key contains %s',
    async (_what, plant) => {
      const config = { rateLimit: 120, requestRateLimit: 1_000, authFailureLimit: 1_000 };
      await using c = await start(config);
      await isUp(c);
      const body = () =>
        wireDelivery({
          event: 'chat.rated',
          eventData: chatData({ id: 1 }),
          atMs: clock.now(),
          id: 'same',
        });
      const wrong = { 'x-helpcrunch-signature': 'f'.repeat(40) };
      clock.advance(2 * oneHour);
      await client.flushall();
      await c.query(documents.chat);
      await post(c, body());
      await post(c, body(), wrong);
      // Entries are stored in Redis asynchronously.
      const keys = new Set<string>();
      while (
        !['generation', 'delivery', 'leases', 'requests', 'failures'].every((kind) =>
          [...keys].some((key) => key.includes(`}:${kind}`)),
        )
      ) {
        for (const key of await client.keys('helpcrunch:*')) keys.add(key);
        for (const part of ['waiters', 'throttle']) {
          const slots = [...keys].find((key) => key.endsWith(':leases'));
          if (slots !== undefined) keys.add(slots.replace(/leases$/, part));
        }
      }
      for (const key of keys) {
        const results = await plant(client.multi().del(key), key).exec();
        expect(results?.filter(([error]) => error !== null)).toEqual([]);
      }
      clock.advance(2 * oneHour);

      for (const name of documentNames) {
        const { status, errors } = await c.query(documents[name]);
        const codes = errors.map(({ extensions }) => extensions['code']);
        expect({ name, status, codes: codes.filter((code) => code !== 'NOT_FOUND') }).toEqual({
          name,
          status: 200,
          codes: [],
        });
      }
      const rate = await c.query('{ rateLimit { limit remaining resetAt } }');
      const delivered = await post(
        c,
        wireDelivery({
          event: 'chat.rated',
          eventData: chatData({ id: 1 }),
          atMs: clock.now(),
          id: 'another',
        }),
      );
      const refused = await post(c, body(), wrong);

      expect(rate.errors).toEqual([]);
      expect(delivered.outcome).toBe('applied');
      expect(refused.status).toBe(401);
      expect(c.logged.filter(isError)).toEqual([]);
    },
  );
});
