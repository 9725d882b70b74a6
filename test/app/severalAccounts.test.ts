import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { wireCustomer } from '../support/controlledUpstream.ts';
import { callTool } from '../support/mcp.ts';
import { openEventStream } from '../support/eventStream.ts';
import { bearer, jwtAuth, secret, startIssuer } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { accountOf, startForBoth, startTwoUpstreams } from '../support/severalAccounts.ts';
import { openSocket } from '../support/socket.ts';
import { chatData, wireDelivery } from '../support/webhooks.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const upstreams = await startTwoUpstreams();
afterAll(() => upstreams[Symbol.asyncDispose]());

beforeEach(() => {
  upstreams.shop.clearCalls();
  upstreams.bank.clearCalls();
});

const chat = '{ chat(id: 1) { customer { name } } }';
const customerOf = ({ data }: { readonly data: any }) => data.chat.customer.name;

const rated = (id: string) =>
  wireDelivery({ event: 'chat.rated', eventData: chatData({ id: 1 }), id });

describe('several accounts', () => {
  test('equal ids are different data in cache, response cache, references, persisted operations and tools', async () => {
    await using gateway = await startForBoth({
      upstreams,
      config: {
        persistedOperations: new Map([['a', chat]]),
        mcp: { isEnabled: true, operations: undefined, allowsWrites: false },
      },
    });
    const entities = `{ _entities(representations: [{ __typename: "Chat", id: 1 }]) { ... on Chat { customer { name } } } }`;

    for (const name of ['shop', 'bank', 'shop', 'bank']) {
      const expected = `Customer of ${name}`;
      expect(customerOf(await gateway.ask(name, chat))).toBe(expected);
      const { data } = await gateway.ask(name, entities);
      expect(data._entities).toEqual([{ customer: { name: expected } }]);
      const headers = { 'content-type': 'application/json', ...(await gateway.headersOf(name)) };
      const body = JSON.stringify({ documentId: 'a' });
      const persisted = await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body });
      expect(customerOf((await persisted.json()) as any)).toBe(expected);
      const tool = await callTool(gateway.url, 'readChat', { chatId: '1' }, headers);
      expect(tool.text).toContain(expected);
      expect(tool.text).not.toContain(`Customer of ${name === 'shop' ? 'bank' : 'shop'}`);
    }
    expect(upstreams.shop.callsTo('GET /chats/1')).toHaveLength(1);
    expect(upstreams.bank.callsTo('GET /chats/1')).toHaveLength(1);
    const [one, other] = [await gateway.headersOf('shop'), await gateway.headersOf('bank')];
    const tagOf = async (headers: Record<string, string>) => {
      const url = `${gateway.url}/graphql?query=${encodeURIComponent(chat)}`;
      const preflight = { 'apollo-require-preflight': '1' };
      return (await fetch(url, { headers: { ...headers, ...preflight } })).headers.get('etag');
    };
    expect(await tagOf(one)).not.toBe(await tagOf(other));
  });

  test('a customer of one account is a stranger to the other, and a write invalidates only its own account', async () => {
    await using gateway = await startForBoth({ upstreams });
    const customer = { role: 'customer', customerId: 7 };
    const own = await gateway.query(
      '{ viewer { role } chat(id: 1) { customer { name } } }',
      {},
      await gateway.headersOf('bank', customer),
    );
    await gateway.ask('shop', chat);
    await gateway.ask('bank', chat);

    await gateway.ask('shop', 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }');
    const { extensions } = await gateway.ask('bank', chat);

    expect(customerOf(own)).toBe('Customer of bank');
    expect(extensions.upstream.calls).toBe(0);
    expect(upstreams.shop.callsTo('PUT /chats/readByAgent')).toHaveLength(1);
    expect(upstreams.bank.callsTo('PUT /chats/readByAgent')).toHaveLength(0);
  });

  test.each([
    ['no account', {}],
    ['an unknown account', { account: 'other' }],
    ['an account that is no text', { account: ['shop'] }],
    ['the name of a property of objects', { account: 'constructor' }],
  ])('a token that names %s is rejected', async (_name, claims) => {
    await using gateway = await startForBoth({ upstreams });

    const { status, errors } = await gateway.query(
      chat,
      {},
      await bearer({ role: 'agent', ...claims }),
    );

    expect(status).toBe(401);
    expect(errors[0]).toMatchObject({
      message: "The token's claim account must name an account of this gateway.",
      extensions: { code: 'UNAUTHENTICATED' },
    });
  });

  test('a token without a valid signature does not tell which accounts exist', async () => {
    await using gateway = await startForBoth({ upstreams });
    const key = new TextEncoder().encode('a secret that nobody knows, 32 bytes');
    const messageFor = async (account: string) => {
      const { errors } = await gateway.query(
        chat,
        {},
        await bearer({ role: 'agent', account }, { key }),
      );
      return errors[0]?.message;
    };

    expect(await messageFor('shop')).toBe(await messageFor('other'));
  });

  test('one account uses up its rate limit, and the other is not affected', async () => {
    await using gateway = await startForBoth({
      upstreams,
      accounts: { shop: { rateLimit: 2 }, bank: { rateLimit: 50 } },
      clock: createManualClock(Date.now()),
      config: { operationTimeoutMs: 5_000 },
    });
    const missing = '{ a: chat(id: 91) { id } b: chat(id: 92) { id } }';
    await gateway.ask('shop', missing);

    const rejected = await gateway.ask('shop', '{ chat(id: 93) { id } }');
    const admitted = await gateway.ask('bank', missing);
    const { data } = await gateway.ask('bank', '{ rateLimit { limit remaining } }');

    expect(rejected.errors[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED' });
    expect(admitted.errors.map(({ extensions }) => extensions['code'])).toEqual([
      'NOT_FOUND',
      'NOT_FOUND',
    ]);
    expect(data.rateLimit).toEqual({ limit: 50, remaining: 48 });
    expect(await gateway.metric(/^helpcrunch_rate_limit_remaining/)).toEqual([
      'helpcrunch_rate_limit_remaining{account="shop"} 0',
      'helpcrunch_rate_limit_remaining{account="bank"} 48',
    ]);
  });

  test('agents with the same id in two accounts have limits of requests and connections of their own', async () => {
    await using gateway = await startForBoth({
      upstreams,
      config: {
        requestRateLimit: 2,
        subscriptions: {
          maxConnections: 10,
          maxConnectionsPerViewer: 1,
          maxConnectionAgeMs: 0,
          maxPerConnection: 10,
          maxSubscriptionsPerViewer: 10,
          maxBuffered: 10,
          callbackHosts: [],
        },
      },
    });
    const statusOf = async (account: string) =>
      (await gateway.ask(account, '{ __typename }')).status;
    const statuses = [];
    for (const account of ['shop', 'shop', 'shop', 'bank']) statuses.push(await statusOf(account));
    expect(statuses).toEqual([200, 200, 429, 200]);

    await using one = await openSocket(gateway.url);
    await one.initialize(await gateway.headersOf('shop'));
    await using other = await openSocket(gateway.url);
    await other.initialize(await gateway.headersOf('bank'));
    await using third = await openSocket(gateway.url);
    third.send({ type: 'connection_init', payload: await gateway.headersOf('bank') });
    expect(await third.closed).toMatchObject({ reason: 'Too many connections' });
  });

  test('a failing account opens only its own circuit breaker', async () => {
    await using gateway = await startForBoth({ upstreams });
    const calls = Array.from(
      { length: 12 },
      (_, index) => `c${index}: chat(id: ${900 + index}) { id }`,
    );
    upstreams.shop.onEveryCall((held) => held.respond({ status: 503 }));
    await gateway.ask('shop', `{ ${calls.join(' ')} }`);
    upstreams.shop.onEveryCall();

    const shop = await gateway.ask('shop', '{ chat(id: 950) { id } }');
    const bank = await gateway.ask('bank', chat);

    expect(shop.errors[0]?.extensions['code']).toBe('UPSTREAM_UNAVAILABLE');
    expect(bank.errors).toEqual([]);
    expect(await gateway.metric(/^helpcrunch_circuit_breakers_open/)).toEqual([
      'helpcrunch_circuit_breakers_open{account="shop"} 1',
      'helpcrunch_circuit_breakers_open{account="bank"} 0',
    ]);
  });

  test('webhooks arrive at the path of their account, are signed with one of its secrets, and reach only its subscribers', async () => {
    const clock = createManualClock(Date.now());
    await using gateway = await startForBoth({
      upstreams,
      clock,
      accounts: { shop: { webhookSecrets: ['the new secret of shop', 'the old secret of shop'] } },
    });
    const subscription = 'subscription { chatUpdated { change chat { customer { name } } } }';
    await using shop = await openSocket(gateway.url);
    await shop.initialize(await gateway.headersOf('shop'));
    shop.send({ type: 'subscribe', id: '1', payload: { query: subscription } });
    await using bank = await openEventStream(gateway.url, subscription, {
      headers: await gateway.headersOf('bank'),
    });
    await gateway.waitForSubscriptions(2);
    await gateway.ask('bank', chat);

    const outcomes = [
      await gateway.deliver('/shop', rated('1'), 'the new secret of shop'),
      await gateway.deliver('/shop', rated('2'), 'the old secret of shop'),
      await gateway.deliver('/shop', rated('3'), accountOf('bank').webhookSecrets[0]!),
      await gateway.deliver('/other', rated('4'), accountOf('bank').webhookSecrets[0]!),
      await gateway.deliver('', rated('5'), accountOf('bank').webhookSecrets[0]!),
    ];
    const cached = await gateway.ask('bank', chat);
    outcomes.push(await gateway.deliver('/bank', rated('1'), accountOf('bank').webhookSecrets[0]!));

    expect(outcomes).toEqual([
      { status: 200, outcome: 'applied' },
      { status: 200, outcome: 'applied' },
      { status: 401, outcome: undefined },
      { status: 404, outcome: undefined },
      { status: 404, outcome: undefined },
      { status: 200, outcome: 'applied' },
    ]);
    expect(cached.extensions.upstream.calls).toBe(0);
    const change = (name: string) => ({
      chatUpdated: { change: 'RATED', chat: { customer: { name: `Customer of ${name}` } } },
    });
    for (const each of ['first', 'second'])
      expect([each, (await shop.nextMessage()).payload.data]).toEqual([each, change('shop')]);
    expect((await bank.next()).data).toEqual(change('bank'));
    const counted = await gateway.metric(/^helpcrunch_webhooks_total\{.*[1-9]$/);
    expect(counted.toSorted()).toEqual([
      'helpcrunch_webhooks_total{account="bank",outcome="applied"} 1',
      'helpcrunch_webhooks_total{account="shop",outcome="applied"} 2',
      'helpcrunch_webhooks_total{account="shop",outcome="badSignature"} 1',
    ]);
  });

  test('events of each account are paced by its own rate limit', async () => {
    const clock = createManualClock(Date.now());
    await using gateway = await startForBoth({
      upstreams,
      clock,
      accounts: { shop: { rateLimit: 6 }, bank: { rateLimit: 120 } },
    });
    const subscription = 'subscription { customerChanged { customer { name } } }';
    const open = async (name: 'shop' | 'bank') =>
      openEventStream(gateway.url, subscription, { headers: await gateway.headersOf(name) });
    await using shop = await open('shop');
    await using bank = await open('bank');
    await gateway.waitForSubscriptions(2);

    for (const name of ['shop', 'bank'] as const) {
      for (const id of ['1', '2', '3']) {
        const delivery = { event: 'customer.unsubscribed', eventData: { id: 7 }, id };
        await gateway.deliver(
          `/${name}`,
          wireDelivery(delivery),
          accountOf(name).webhookSecrets[0]!,
        );
      }
    }
    await shop.next();
    for (let event = 0; event < 3; event += 1) await bank.next();
    const callsAtOnce = upstreams.shop.calls.length;
    clock.advance(20_000);
    await shop.next();

    expect(callsAtOnce).toBe(1);
    expect(upstreams.shop.calls).toHaveLength(2);
  });

  test('an idempotency key of one account is unknown in the other', async () => {
    await using gateway = await startForBoth({ upstreams });
    const create =
      'mutation { createCustomer(input: { name: "Ada" }, idempotencyKey: "k") { name } }';
    for (const [name, upstream] of [
      ['shop', upstreams.shop],
      ['bank', upstreams.bank],
    ] as const) {
      const created = { id: 8, name: `Ada of ${name}` };
      upstream.seed({ customers: [created] });
      const body = wireCustomer(created);
      upstream.hold('POST /customers').respond({ status: 201, body });
    }

    const names = [];
    for (const account of ['shop', 'bank', 'shop'])
      names.push((await gateway.ask(account, create)).data.createCustomer?.name);

    expect(names).toEqual(['Ada of shop', 'Ada of bank', 'Ada of shop']);
    expect(upstreams.shop.callsTo('POST /customers')).toHaveLength(1);
    expect(upstreams.bank.callsTo('POST /customers')).toHaveLength(1);
  });

  test('metrics and log lines of operations name the account, and errors of one do not show the other', async () => {
    await using gateway = await startForBoth({
      upstreams,
      config: {
        logLevel: 'info',
        mcp: { isEnabled: true, operations: undefined, allowsWrites: false },
      },
    });
    await gateway.ask('shop', '{ chat(id: 404) { id } }');
    await gateway.ask('bank', chat);

    expect(await gateway.metric(/^helpcrunch_(operations|upstream_calls)_total/)).toEqual([
      'helpcrunch_operations_total{account="shop",operation="anonymous",kind="query",code="NOT_FOUND"} 1',
      'helpcrunch_operations_total{account="bank",operation="anonymous",kind="query",code="OK"} 1',
      'helpcrunch_upstream_calls_total{account="shop",endpoint="GET /chats/{id}",outcome="notFound"} 1',
      'helpcrunch_upstream_calls_total{account="bank",endpoint="GET /chats/{id}",outcome="ok"} 1',
    ]);
    for (const name of ['shop', 'bank'])
      await callTool(gateway.url, 'readChat', { chatId: '1' }, await gateway.headersOf(name));
    const accountsOf = (message: string) =>
      gateway.logged.flatMap((line) => {
        const { msg, account } = JSON.parse(line);
        return msg === message ? [account] : [];
      });
    expect(accountsOf('operation').slice(0, 2)).toEqual(['shop', 'bank']);
    expect(accountsOf('tool call')).toEqual(['shop', 'bank']);
    expect(gateway.logged.join('')).not.toContain('key-of-');
  });
});

describe('accounts with their own issuers', () => {
  test('accept only tokens signed by their own keys, which open no other account', async () => {
    await using issuer = await startIssuer();
    const key = await issuer.addKey('k');
    const own = 'another secret that only tests know, 32 bytes';
    await using gateway = await startForBoth({
      upstreams,
      accounts: {
        shop: {
          tokens: {
            issuer: 'https://shop.example',
            audience: 'helpdesk',
            signedBy: { jwksUrl: issuer.url },
          },
        },
        bank: {
          tokens: {
            issuer: undefined,
            audience: undefined,
            signedBy: { secrets: [own, `${own}2`] },
          },
        },
      },
    });
    const statusOf = async (claims: object, signature?: Parameters<typeof bearer>[1]) =>
      (await gateway.query(chat, {}, await bearer({ role: 'agent', ...claims }, signature))).status;
    const shop = { account: 'shop', iss: 'https://shop.example', aud: 'helpdesk' };
    const bySecret = (text: string) => ({ key: new TextEncoder().encode(text) });

    expect(await statusOf(shop, key)).toBe(200);
    expect(await statusOf({ account: 'bank' }, bySecret(own))).toBe(200);
    expect(await statusOf({ account: 'bank' }, bySecret(`${own}2`))).toBe(200);
    for (const [claims, signature] of [
      [{ ...shop, iss: 'https://bank.example' }, key],
      [{ ...shop, aud: 'other' }, key],
      [{ ...shop, account: 'bank' }, key],
      [shop, bySecret(secret)],
      [shop, bySecret(own)],
      [{ account: 'bank' }, bySecret(secret)],
      [{}, key],
    ] as const)
      expect([claims, await statusOf(claims, signature)]).toEqual([claims, 401]);
  });

  test('tokens of the issuer of one account do not open another one that shares the keys', async () => {
    await using gateway = await startForBoth({
      upstreams,
      accounts: {
        shop: {
          tokens: { issuer: 'https://shop.example', audience: undefined, signedBy: undefined },
        },
      },
    });
    const statusOf = async (claims: object) =>
      (await gateway.query(chat, {}, await bearer({ role: 'agent', ...claims }))).status;

    expect(await statusOf({ account: 'shop', iss: 'https://shop.example' })).toBe(200);
    expect(await statusOf({ account: 'shop' })).toBe(401);
    expect(await statusOf({ account: 'bank' })).toBe(200);
    expect(await statusOf({ account: 'bank', iss: 'https://shop.example' })).toBe(401);
  });

  test('without shared keys no token opens an account, and an unsigned or empty signature never does', async () => {
    const own = 'another secret that only tests know, 32 bytes';
    await using gateway = await startForBoth({
      upstreams,
      config: { auth: jwtAuth({ signedBy: undefined }) },
      accounts: {
        shop: { tokens: { issuer: undefined, audience: undefined, signedBy: { secrets: [own] } } },
      },
    });
    const statusOf = async (account: string, text: string) => {
      const signature = { key: new TextEncoder().encode(text) };
      return (await gateway.query(chat, {}, await bearer({ role: 'agent', account }, signature)))
        .status;
    };

    expect(await statusOf('shop', own)).toBe(200);
    expect(await statusOf('bank', own)).toBe(401);
    expect(await statusOf('bank', secret)).toBe(401);
    expect(await statusOf('other', own)).toBe(401);
  });

  test('the gateway is ready although the keys of one account cannot be loaded', async () => {
    await using issuer = await startIssuer();
    issuer.breakDown();
    await using gateway = await startForBoth({
      upstreams,
      accounts: {
        shop: {
          tokens: { issuer: undefined, audience: undefined, signedBy: { jwksUrl: issuer.url } },
        },
        bank: {
          tokens: {
            issuer: undefined,
            audience: undefined,
            signedBy: { secrets: ['another secret that only tests know, 32 bytes'] },
          },
        },
      },
    });

    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
    expect(await gateway.metric(/^helpcrunch_jwks_up/)).toEqual([
      'helpcrunch_jwks_up{account="shop"} 0',
    ]);
  });
});

describeWithRedis('several accounts on one Redis (need Redis)', () => {
  test('instances share the data of each account, and no key belongs to both', async () => {
    await using redis = await startRedis();
    const clock = createManualClock(Date.now());
    const config = { redisUrl: redis.url };
    await using one = await startForBoth({ upstreams, clock, config });
    await using other = await startForBoth({ upstreams, clock, config });
    await redis.listenedBy(2);
    for (const { url } of [one, other])
      while (!(await (await fetch(`${url}/readyz`)).text()).includes('"up"'));

    const before = await one.ask('shop', chat);
    const shared = await other.ask('shop', chat);
    const separate = await other.ask('bank', chat);

    expect([before, shared, separate].map(({ extensions }) => extensions.upstream.calls)).toEqual([
      1, 0, 1,
    ]);
    expect([customerOf(shared), customerOf(separate)]).toEqual([
      'Customer of shop',
      'Customer of bank',
    ]);
    const client = new Redis(redis.port, '127.0.0.1');
    const keys = await client.keys('*:entry:*');
    client.disconnect();
    for (const name of ['shop', 'bank'])
      expect(keys.some((key) => key.includes(`:{${name}}:`))).toBe(true);
    const remaining = async (account: string) =>
      (await one.ask(account, '{ rateLimit { remaining } }')).data.rateLimit.remaining;
    expect([await remaining('shop'), await remaining('bank')]).toEqual([119, 119]);
  });
});
