import { describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import { readConfig } from '../../src/config/settings.ts';
import { isBackgroundPriority } from '../../src/http/priority.ts';
import type { GraphQLResponse } from '../support/gateway.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth, token } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { wireChat } from '../support/recordingUpstream.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startRouter } from '../support/router.ts';
import { openSocket } from '../support/socket.ts';
import { startTwoCustomers } from '../support/twoCustomers.ts';
import { chatData, deliver, webhookSecret } from '../support/webhooks.ts';

const { quotas, cacheTtlsMs, maxUpstreamCalls, maxReferenceCalls } = readConfig({});
const routerSecret = 'the secret of the router: 32 bytes';
const fromRouter = { 'x-router-secret': routerSecret };
const worker = { role: 'agent', agentId: 12 };
const other = { role: 'agent', agentId: 13 };
const ada = { role: 'customer', customerId: 7001 };
const adaByUserId = { role: 'customer', userId: 'u-ada' };

/** An account with any chats, and the quotas of the defaults. */
async function startAccount(config: Partial<Config> = {}) {
  const upstream = await startTwoCustomers();
  upstream.respond('*', ({ path }) => ({ body: wireChat({ id: Number(path.split('/')[2]) }) }));
  const clock = createManualClock();
  const start = () =>
    startTestGateway({
      upstream,
      clock,
      config: { auth: jwtAuth(), rateLimit: 120, quotas, ...config },
    });
  const gateway = await start();
  return {
    ...gateway,
    start,
    upstream,
    clock,
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

type Account = Awaited<ReturnType<typeof startAccount>>;

/** One upstream call for each chat. */
const chats = (count: number, from = 100) =>
  `{ ${Array.from({ length: count }, (_, index) => `c${index}: chat(id: ${from + index}) { status }`).join(' ')} }`;

const reasonsOf = ({ errors }: Pick<GraphQLResponse, 'errors'>) =>
  errors.flatMap(({ extensions }) => extensions['reason'] ?? []);

const chatReferences = (count: number, from = 1_000) =>
  Array.from({ length: count }, (_, index) => ({ __typename: 'Chat', id: from + index }));

/** Resolves references as a router does. */
const resolve = async (
  { query }: Pick<Account, 'query'>,
  representations: readonly object[],
  headers: Readonly<Record<string, string>> = fromRouter,
) =>
  query(
    'query($r: [_Any!]!) { _entities(representations: $r) { ... on Chat { id status } } }',
    { r: representations },
    { ...(await bearer(worker)), ...headers },
  );

describe('MAX_REFERENCE_CALLS', () => {
  const limits = { maxUpstreamCalls, maxReferenceCalls };

  test('applies to the references of a router that sends its secret', async () => {
    await using account = await startAccount({ ...limits, subgraph: true, routerSecret });

    const allowed = await resolve(account, chatReferences(60));
    const rejected = await resolve(account, chatReferences(61));

    expect(allowed.errors).toEqual([]);
    expect(allowed.extensions.upstream.calls).toBe(60);
    expect(rejected.errors).toMatchObject([{ extensions: { code: 'OPERATION_TOO_EXPENSIVE' } }]);
    expect(rejected.errors[0]?.message).toContain(
      'could cost 61 calls to HelpCrunch; the limit is 60',
    );
  });

  test('does not apply to other operations of the router', async () => {
    await using account = await startAccount({ ...limits, subgraph: true, routerSecret });

    const { errors } = await account.query(
      chats(31),
      {},
      { ...(await bearer(worker)), ...fromRouter },
    );

    expect(errors).toMatchObject([{ extensions: { code: 'OPERATION_TOO_EXPENSIVE' } }]);
  });

  test('does not apply to other clients, whose references have MAX_UPSTREAM_CALLS', async () => {
    await using account = await startAccount({ ...limits, subgraph: true });

    const allowed = await resolve(account, chatReferences(30));
    const rejected = await resolve(account, chatReferences(31));

    expect(allowed.errors).toEqual([]);
    expect(rejected.errors).toMatchObject([{ extensions: { code: 'OPERATION_TOO_EXPENSIVE' } }]);
  });
});

describe('references that the rate limit does not admit in time', () => {
  const config = { subgraph: true, routerSecret, maxReferenceCalls };

  /** A worker that has made calls. */
  async function startBusy(calls: number, changes: Partial<Config> = {}) {
    const account = await startAccount({ ...config, ...changes });
    const headers = { ...(await bearer(worker)), ...fromRouter };
    for (let made = 0; made < calls; made += 20)
      await account.query(chats(20, 100 + made), {}, headers);
    account.upstream.clearCalls();
    return account;
  }

  test('are rejected before the first call', async () => {
    await using account = await startBusy(60);
    account.clock.advance(20_000);

    const response = await resolve(account, chatReferences(37));

    expect(response.errors).toMatchObject([
      {
        message:
          'These references need 37 calls to HelpCrunch, of which 36 are available before the deadline. Retry after retryAfterMs, or request fewer.',
        extensions: { code: 'RATE_LIMITED', reason: 'ACCOUNT_LIMIT', retryAfterMs: 40_000 },
      },
    ]);
    expect(response.headers.get('retry-after')).toBe('40');
    expect(account.upstream.calls).toEqual([]);
  });

  test('are served after retryAfterMs', async () => {
    await using account = await startBusy(60);
    const { errors } = await resolve(account, chatReferences(37));
    account.clock.advance(errors[0]?.extensions['retryAfterMs']);

    const response = await resolve(account, chatReferences(37));

    expect(response.errors).toEqual([]);
  });

  test('are served if exactly that many calls are available', async () => {
    await using account = await startBusy(60);

    const { errors, extensions } = await resolve(account, chatReferences(36));

    expect(errors).toEqual([]);
    expect(extensions.upstream.calls).toBe(36);
  });

  test('are served if calls leave the window before the deadline', async () => {
    await using account = await startBusy(60);
    account.clock.advance(57_000);

    const response = resolve(account, chatReferences(60));
    await account.waitForQueuedCalls(24);
    account.clock.advance(3_000);

    expect((await response).errors).toEqual([]);
  });

  test('are served if enough of them are cached', async () => {
    await using account = await startBusy(40, { cacheTtlsMs });
    await resolve(account, chatReferences(30));
    account.upstream.clearCalls();

    const { errors, extensions } = await resolve(account, chatReferences(50));

    expect(errors).toEqual([]);
    expect(extensions.upstream).toMatchObject({ calls: 20, cacheHits: 30 });
  });

  test('are not rejected because of malformed ids, which cost no call', async () => {
    await using account = await startBusy(60);
    const malformed = Array.from({ length: 20 }, (_, index) => ({
      __typename: 'Chat',
      id: `0${index}`,
    }));

    const { data } = await resolve(account, [...malformed, ...chatReferences(30)]);

    expect(data._entities.slice(0, 20)).toEqual(Array(20).fill(null));
    expect(data._entities.slice(20)).not.toContain(null);
  });

  test('have errors of their own if no call is available, beside those that are cached', async () => {
    await using account = await startBusy(80, { cacheTtlsMs });
    await resolve(account, chatReferences(16));
    account.upstream.clearCalls();

    const { data, errors } = await resolve(account, chatReferences(18));

    expect(data._entities.slice(0, 16)).not.toContain(null);
    expect(errors.map(({ path = [] }) => path[1])).toEqual([16, 17]);
    expect(reasonsOf({ errors })).toEqual(['ACCOUNT_LIMIT', 'ACCOUNT_LIMIT']);
    expect(account.upstream.calls).toEqual([]);
  });

  test('are rejected without a call for a customer that may make fewer', async () => {
    await using account = await startBusy(0);

    const response = await resolve(account, chatReferences(13), {
      ...fromRouter,
      ...(await bearer(ada)),
    });

    expect(reasonsOf(response)).toEqual(['VIEWER_LIMIT']);
    expect(account.upstream.calls).toEqual([]);
  });

  (hasRedis ? test : test.skip)(
    'are served if another instance has cached them (needs Redis)',
    async () => {
      await using redis = await startRedis();
      const changes = { cacheTtlsMs: { ...cacheTtlsMs, chats: 3_600_000 }, redisUrl: redis.url };
      await using account = await startAccount({ ...config, ...changes });
      await using second = await account.start();
      const isShared = async ({ url }: { readonly url: string }) =>
        (await (await fetch(`${url}/metrics`)).text()).includes('helpcrunch_rate_limit_shared 1');
      while (!(await isShared(account)) || !(await isShared(second))) account.clock.advance(1_000);
      await resolve(account, chatReferences(60));
      await resolve(account, chatReferences(20, 2_000));
      account.upstream.clearCalls();

      const { errors, extensions } = await resolve(second, chatReferences(60));

      expect(errors).toEqual([]);
      expect(extensions.upstream.calls).toBe(0);
    },
  );
});

describe('the quota of a customer', () => {
  test('is the same for a token with its id and for one with its userId', async () => {
    await using account = await startAccount();
    await account.query(chats(6), {}, await bearer(adaByUserId));
    await account.query(chats(6), {}, await bearer(ada));

    const byId = await account.query(chats(1), {}, await bearer(ada));
    const byUserId = await account.query(chats(1), {}, await bearer(adaByUserId));

    expect([byId, byUserId].map(reasonsOf)).toEqual([['VIEWER_LIMIT'], ['VIEWER_LIMIT']]);
  });

  test('is the same for POST, GET, WebSockets and event streams', async () => {
    await using account = await startAccount();
    const headers = await bearer(ada);
    await account.query(chats(12), {}, headers);
    const query = chats(1);

    await using socket = await openSocket(account.url);
    await socket.initialize(headers);
    socket.send({ type: 'subscribe', id: '1', payload: { query } });
    const message = await socket.nextMessage();
    const address = `query=${encodeURIComponent(query)}`;
    const got: any = await (
      await fetch(`${account.url}/graphql?${address}`, {
        headers: { ...headers, 'apollo-require-preflight': '1' },
      })
    ).json();
    const stream = await fetch(`${account.url}/graphql/stream?${address}`, {
      headers: { ...headers, accept: 'text/event-stream' },
    });

    expect(reasonsOf(await account.query(query, {}, headers))).toEqual(['VIEWER_LIMIT']);
    expect(reasonsOf(message.payload)).toEqual(['VIEWER_LIMIT']);
    expect(reasonsOf(got)).toEqual(['VIEWER_LIMIT']);
    expect(await stream.text()).toContain('"reason":"VIEWER_LIMIT"');
  });

  test('is counted by class in the metrics, with the reason of rejections', async () => {
    await using account = await startAccount();
    await account.query(chats(13), {}, await bearer(ada));
    await account.query(chats(2), {}, { ...(await bearer(worker)), priority: 'u=7' });

    const metrics = await (await fetch(`${account.url}/metrics`)).text();

    for (const line of [
      'helpcrunch_upstream_queue_seconds_count{priority="read",viewer="customer"} 12',
      'helpcrunch_upstream_queue_seconds_count{priority="background",viewer="agent"} 2',
      'helpcrunch_upstream_calls_rejected_total{priority="read",viewer="customer",reason="VIEWER_LIMIT"} 1',
    ])
      expect(metrics).toContain(`${line}\n`);
  });
});

describe('background priority', () => {
  /** Nothing but the reserve for agents with few calls is left. */
  async function startFull(config: Partial<Config> = {}) {
    const account = await startAccount(config);
    for (let index = 0; index < 4; index += 1)
      await account.query(chats(24), {}, await bearer(worker));
    return account;
  }

  test.each([
    ['u=7', ['ACCOUNT_LIMIT']],
    ['u=6, i', ['ACCOUNT_LIMIT']],
    ['u=5', []],
    [undefined, []],
  ])('of a WebSocket is the priority of its connection_init: %s', async (priority, reasons) => {
    await using account = await startFull();
    await using socket = await openSocket(account.url);
    await socket.initialize({ authorization: `Bearer ${await token(other)}`, priority });

    socket.send({ type: 'subscribe', id: '1', payload: { query: chats(1) } });
    const { payload } = await socket.nextMessage();

    expect(reasonsOf({ errors: payload.errors ?? [] })).toEqual(reasons);
  });

  test('of a WebSocket applies to the reads that events cause', async () => {
    await using account = await startFull({ webhookSecret });
    const subscribe = async (id: number, priority: string) => {
      const socket = await openSocket(account.url);
      await socket.initialize({ authorization: `Bearer ${await token(other)}`, priority });
      const query = `subscription { chatUpdated(id: ${id}) { chat { status } } }`;
      socket.send({ type: 'subscribe', id: '1', payload: { query } });
      return socket;
    };
    await using background = await subscribe(1, 'u=7');
    await using foreground = await subscribe(2, 'u=3');
    await account.waitForSubscriptions(2);

    for (const id of [1, 2]) {
      const eventData = chatData({ id, customer: { id: 7000 + id } });
      await deliver(account, { event: 'chat.rated', eventData, atMs: account.clock.now() });
    }
    const [first, second] = [await background.nextMessage(), await foreground.nextMessage()];

    expect(reasonsOf({ errors: first.payload.errors ?? [] })).toEqual(['ACCOUNT_LIMIT']);
    expect(second.payload).toMatchObject({ data: { chatUpdated: { chat: { status: 'OPENED' } } } });
  });

  test('of a callback subscription is the Priority header of its request', async () => {
    await using router = await startRouter();
    const subscriptions = { ...readConfig({}).subscriptions, callbackHosts: [router.origin] };
    await using account = await startFull({ webhookSecret, subscriptions });
    await fetch(`${account.url}/graphql`, {
      method: 'POST',
      headers: {
        ...(await bearer(other)),
        accept: 'application/json;callbackSpec=1.0',
        'content-type': 'application/json',
        priority: 'u=7',
      },
      body: JSON.stringify({
        query: 'subscription { chatUpdated(id: 1) { chat { status } } }',
        extensions: { subscription: { ...router.subscription, heartbeatIntervalMs: 0 } },
      }),
    });
    router.heard();

    const eventData = chatData({ id: 1, customer: { id: 7001 } });
    await deliver(account, { event: 'chat.rated', eventData, atMs: account.clock.now() });
    const message = await router.hear();

    expect(message).toMatchObject({ action: 'next' });
    expect(reasonsOf({ errors: message.payload.errors ?? [] })).toEqual(['ACCOUNT_LIMIT']);
  });

  test('of an event stream is the Priority header of its request', async () => {
    await using account = await startFull();
    const read = async (priority: string) => {
      const response = await fetch(
        `${account.url}/graphql/stream?query=${encodeURIComponent(chats(1))}`,
        { headers: { ...(await bearer(other)), accept: 'text/event-stream', priority } },
      );
      return (await response.text()).includes('"reason":"ACCOUNT_LIMIT"');
    };

    expect([await read('u=7'), await read('u=3')]).toEqual([true, false]);
  });

  test.each([
    ['u=6', true],
    ['i, u=7', true],
    ['u=7;x=1, i', true],
    ['u=7, u=1', false],
    ['u=1, u=7', true],
    ['u=8', false],
    ['u=-7', false],
    ['u=5', false],
    ['xu=7', false],
    ['', false],
    [undefined, false],
    [7, false],
  ])('is the urgency 6 or 7 of RFC 9218: %j is %s', (priority, isBackground) => {
    expect(isBackgroundPriority(priority)).toBe(isBackground);
  });
});

describe('the headers RateLimit and RateLimit-Policy', () => {
  const policy = '"helpcrunch";q=120;qu="upstream-calls";w=60';

  const limitOf = ({ headers }: Pick<GraphQLResponse, 'headers'>) => {
    const [, remaining, seconds] =
      /^"helpcrunch";r=(\d+);t=(\d+)$/.exec(headers.get('ratelimit') ?? '') ?? [];
    return {
      policy: headers.get('ratelimit-policy'),
      remaining: Number(remaining),
      seconds: Number(seconds),
    };
  };

  test('have the calls that remain for an agent, as Query.rateLimit reports them', async () => {
    await using account = await startAccount();
    const agent = await bearer(worker);
    await account.query(chats(20), {}, agent);
    account.clock.advance(15_000);

    const response = await account.query(chats(1), {}, agent);
    const { data } = await account.query('{ rateLimit { viewerRemaining } }', {}, agent);

    const remaining = data.rateLimit.viewerRemaining;
    expect(limitOf(response)).toEqual({ policy, remaining, seconds: 60 });
    expect(remaining).toBeGreaterThan(0);
    expect(remaining).toBeLessThan(100);
  });

  test('have the time until the next call of a viewer without remaining calls', async () => {
    await using account = await startAccount({ quotas: { ...quotas, writeReservePercent: 0 } });
    const agent = await bearer(worker);
    for (let index = 0; index < 6; index += 1) await account.query(chats(20), {}, agent);
    account.clock.advance(20_000);

    const response = await account.query(chats(1), {}, agent);

    expect(limitOf(response)).toEqual({ policy, remaining: 0, seconds: 40 });
  });

  test('are sent without authentication and with cached responses, whose body is the same', async () => {
    await using account = await startAccount({ auth: { mode: 'none' }, cacheTtlsMs });
    const query = '{ chat(id: 1) { status } }';
    for (let index = 0; index < 3; index += 1) await account.query(query);

    const before = await account.query(query);
    await account.query(chats(10));
    account.clock.advance(1_000);
    const after = await account.query(query);

    expect(before.extensions.upstream).toMatchObject({ calls: 0, cacheHits: 1 });
    expect({ ...after, headers: null }).toEqual({ ...before, headers: null });
    expect(limitOf(after).remaining).toBeLessThanOrEqual(limitOf(before).remaining - 10);
    expect([limitOf(before).seconds, limitOf(after).seconds]).toEqual([60, 59]);
  });

  test('are not sent to customers, nor without a limit', async () => {
    await using account = await startAccount();
    await using unlimited = await startAccount({ rateLimit: 0 });

    const toCustomer = await account.query(chats(1), {}, await bearer(ada));
    const toAgent = await unlimited.query(chats(1), {}, await bearer(worker));

    for (const { headers } of [toCustomer, toAgent])
      expect([headers.get('ratelimit'), headers.get('ratelimit-policy')]).toEqual([null, null]);
  });
});
