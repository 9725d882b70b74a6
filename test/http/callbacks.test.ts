import type { ServerResponse } from 'node:http';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { openSocket } from '../support/socket.ts';
import { startRouter } from '../support/router.ts';

const helpCrunch = await startControlledUpstream();

afterAll(() => helpCrunch[Symbol.asyncDispose]());

beforeEach(() => {
  helpCrunch.seed({ chats: [{ id: 1 }, { id: 2 }] });
  helpCrunch.clearCalls();
});

const query = 'subscription Changes { chatUpdated { change chat { id readByAgent } } }';
const markRead = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';

const limits = {
  maxConnections: 10,
  maxConnectionsPerViewer: 10,
  maxConnectionAgeMs: 0,
  maxPerConnection: 100,
  maxSubscriptionsPerViewer: 100,
  maxBuffered: 100,
};

interface Options {
  readonly clock?: ReturnType<typeof createManualClock>;
  readonly hosts?: readonly string[];
  readonly config?: Partial<Config>;
  readonly limits?: Partial<typeof limits>;
}

/** A router and a gateway that may call it. */
async function startBoth({ clock = createManualClock(), hosts, config, ...options }: Options = {}) {
  const router = await startRouter();
  const callbackHosts = hosts ?? [router.origin];
  const own = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { subscriptions: { ...limits, ...options.limits, callbackHosts }, ...config },
  });
  const subscribe = async (
    subscription: object = {},
    { text = query, headers = {} }: { text?: string; headers?: Record<string, string> } = {},
  ) => {
    const response = await fetch(`${own.url}/graphql`, {
      method: 'POST',
      headers: {
        accept: 'application/json;callbackSpec=1.0',
        'content-type': 'application/json',
        ...headers,
      },
      body: JSON.stringify({
        query: text,
        extensions: {
          subscription: { ...router.subscription, heartbeatIntervalMs: 2_000, ...subscription },
        },
      }),
    });
    const answer: any = await response.json();
    return { status: response.status, headers: response.headers, ...answer };
  };
  return {
    own,
    router,
    clock,
    subscribe,
    /** How many connections the gateway holds. */
    async connections() {
      const metrics = await (await fetch(`${own.url}/metrics`)).text();
      return Number(/^helpcrunch_live_connections (\d+)$/m.exec(metrics)?.[1]);
    },
    async [Symbol.asyncDispose]() {
      await own.stop();
      await router[Symbol.asyncDispose]();
    },
  };
}

const base = {
  kind: 'subscription',
  id: '7',
  verifier: 'secret',
  path: '/callback/7',
  protocol: 'callback/1.0',
};

describe('a callback subscription', () => {
  test('a callback subscription is checked before the response, sends events and heartbeats, and ends when the router rejects it', async () => {
    await using both = await startBoth();
    const { own, router, clock, subscribe } = both;

    const answer = await subscribe();
    await own.query(markRead);
    const heard = [await router.hear(), await router.hear()];
    clock.advance(1_500);
    heard.push(await router.hear());
    router.answerWith((_message, response) => void response.writeHead(404).end());
    await own.query(markRead);
    heard.push(await router.hear());
    await own.waitForSubscriptions(0);

    expect({ ...answer, headers: undefined }).toEqual({ status: 200, data: null });
    expect(heard).toMatchObject([
      { ...base, action: 'check' },
      {
        ...base,
        action: 'next',
        payload: {
          data: { chatUpdated: { change: 'READ', chat: { id: '1', readByAgent: true } } },
        },
      },
      { ...base, action: 'check' },
      { ...base, action: 'next' },
    ]);
  });

  describe.each([0, 1, 5_000])(
    'callback subscriptions with a heartbeat interval of %i ms',
    (heartbeatIntervalMs) => {
      test('a callback subscription completes with UNAUTHENTICATED when its token expires', async () => {
        await using both = await startBoth({ config: { auth: jwtAuth() } });
        const { own, router, clock, subscribe } = both;
        const headers = await bearer({ role: 'agent', exp: clock.now() / 1000 + 3 });
        await subscribe({ heartbeatIntervalMs }, { headers });
        await router.hear();

        clock.advance(8_000);
        const last = await router.hearComplete();
        await own.waitForSubscriptions(0);

        expect(last.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
        expect(await both.connections()).toBe(0);
        expect(own.logged).toEqual([]);
      });

      test('a callback subscription completes with UPSTREAM_UNAVAILABLE when the gateway stops', async () => {
        await using router = await startRouter();
        const own = await startTestGateway({
          upstream: helpCrunch,
          clock: createManualClock(),
          config: { subscriptions: { ...limits, callbackHosts: [router.origin] } },
        });
        await fetch(`${own.url}/graphql`, {
          method: 'POST',
          headers: {
            accept: 'application/json;callbackSpec=1.0',
            'content-type': 'application/json',
          },
          body: JSON.stringify({
            query,
            extensions: { subscription: { ...router.subscription, heartbeatIntervalMs } },
          }),
        });
        await router.hear();

        await own.stop();

        // The gateway waits until the router has taken its last message.
        expect(router.heard()).toMatchObject([
          {
            ...base,
            action: 'complete',
            errors: [{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }],
          },
        ]);
        expect(own.logged).toEqual([]);
      });

      test('a callback subscription ends silently and releases its connection when the router rejects a message', async () => {
        await using both = await startBoth();
        const { own, router, subscribe } = both;
        await subscribe({ heartbeatIntervalMs });
        await router.hear();
        router.answerWith((_message, response) => void response.writeHead(404).end());

        await own.query(markRead);
        await own.waitForSubscriptions(0);

        expect(await both.connections()).toBe(0);
        expect(own.logged).toEqual([]);
      });
    },
  );

  test('a callback subscription ends after three consecutive heartbeats that fail', async () => {
    await using both = await startBoth();
    const { own, router, clock, subscribe } = both;
    await subscribe();
    await router.hear();
    router.answerWith((_message, response) => void response.writeHead(503).end());

    while ((await both.connections()) > 0) clock.advance(1_500);
    await own.waitForSubscriptions(0);

    expect(router.heard()).toMatchObject(Array(3).fill({ ...base, action: 'check' }));
    expect(own.logged).toEqual([]);
  });

  test('a callback subscription counts as a connection of its viewer and of the process, like WebSockets and event streams', async () => {
    await using both = await startBoth({ limits: { maxConnectionsPerViewer: 2 } });
    const { own, router, subscribe } = both;
    await using line = await openSocket(own.url);
    await line.initialize();
    const at = (path: string) => ({ callbackUrl: `${router.origin}/${path}` });
    await subscribe(at('a'));

    const refused = await subscribe(at('b'));

    expect(refused).toMatchObject({
      status: 429,
      errors: [{ extensions: { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 5_000 } }],
      extensions: { upstream: { calls: 0, cacheHits: 0, shared: 0 } },
    });
    expect(refused.headers.get('retry-after')).toBe('5');
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(await both.connections()).toBe(2);
  });

  describe('callback subscriptions during shutdown', () => {
    const unavailable = {
      status: 503,
      errors: [{ extensions: { code: 'UPSTREAM_UNAVAILABLE', retryable: true } }],
      extensions: { upstream: { calls: 0, cacheHits: 0, shared: 0 } },
    };

    test('a callback subscription is rejected with 503 and UPSTREAM_UNAVAILABLE during shutdown', async () => {
      await using both = await startBoth();
      const { own, router, subscribe } = both;
      await subscribe();
      await router.hear();
      const held: ServerResponse[] = [];
      router.answerWith((_message, response) => void held.push(response));
      const stopped = own.stop();
      await router.hearComplete();

      const refused = await subscribe({ callbackUrl: `${router.origin}/late` });
      for (const response of held) response.writeHead(204).end();
      await stopped;

      expect(refused).toMatchObject(unavailable);
      expect(router.heard()).toEqual([]);
    });

    test('a callback subscription is rejected with 503 and UPSTREAM_UNAVAILABLE when shutdown begins during the check', async () => {
      await using both = await startBoth();
      const { own, router, subscribe } = both;
      await subscribe();
      await router.hear();
      const held: ServerResponse[] = [];
      router.answerWith((_message, response) => void held.push(response));
      const refused = subscribe({ callbackUrl: `${router.origin}/late` });
      expect(await router.hear()).toMatchObject({ action: 'check', path: '/late' });
      const stopped = own.stop();
      await router.hearComplete();

      for (const response of held) response.writeHead(204).end();

      expect(await refused).toMatchObject(unavailable);
      await stopped;
      expect(router.heard()).toEqual([]);
    });
  });

  test.each([
    ['an operation that is refused', { text: 'subscription { chatUpdated(id: "x") { change } }' }],
    ['a query', { text: '{ __typename }' }],
  ])('a callback request holds no connection after %s', async (_name, options) => {
    await using both = await startBoth();

    await both.subscribe({}, options);

    expect(await both.connections()).toBe(0);
  });

  test.each([
    ['by its id', { customerId: '7' }],
    ['by your own id', { userId: 'u-7' }],
  ])(
    'a callback subscription is FORBIDDEN for a customer identified %s, and nothing is sent',
    async (_name, claims) => {
      await using both = await startBoth({ config: { auth: jwtAuth() } });
      const headers = await bearer({ role: 'customer', ...claims });

      const answer = await both.subscribe({}, { headers });

      expect(answer).toMatchObject({
        status: 403,
        errors: [{ extensions: { code: 'FORBIDDEN' } }],
      });
      expect(both.router.heard()).toEqual([]);
      expect(await both.connections()).toBe(0);
    },
  );

  test.each([
    ['a host that is not listed', ['https://router.example.com'], {}],
    ['another port of a listed host', ['http://127.0.0.1:1', 'http://127.0.0.1'], {}],
    [
      'another scheme of a listed host',
      ['https://router.example.com'],
      { callbackUrl: 'http://router.example.com/' },
    ],
    [
      'another port of a host by https',
      ['https://router.example.com'],
      { callbackUrl: 'https://router.example.com:8443/' },
    ],
    [
      'a subdomain of a listed host',
      ['https://router.example.com'],
      { callbackUrl: 'https://a.router.example.com/' },
    ],
    ['a name and password', [], { callbackUrl: 'https://a:b@listed.example.com/' }],
    ['a file', [], { callbackUrl: 'file:///etc/passwd' }],
    ['an address that is none', [], { callbackUrl: 'here' }],
  ])('a callback subscription never calls %s', async (_name, hosts, subscription) => {
    await using both = await startBoth({ hosts: ['https://listed.example.com', ...hosts] });

    const answer = await both.subscribe(subscription);

    expect(answer).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'BAD_REQUEST' } }],
    });
    await both.own.waitForSubscriptions(0);
    expect(both.router.heard()).toEqual([]);
  });

  test.each([
    ['refuses the check', (response: ServerResponse) => response.writeHead(400)],
    [
      'sends it elsewhere',
      (response: ServerResponse) =>
        response.writeHead(307, { location: 'http://127.0.0.1:1/callback' }),
    ],
  ])('a callback subscription is rejected when the router %s', async (_name, refuse) => {
    await using both = await startBoth();
    both.router.answerWith((_message, response) => void refuse(response).end());

    const answer = await both.subscribe();

    expect(answer.status).toBe(400);
    await both.own.waitForSubscriptions(0);
    expect(await both.connections()).toBe(0);
  });

  test('a callback subscription is rejected while no host is allowed', async () => {
    await using both = await startBoth({ hosts: [] });

    const answer = await both.subscribe();

    expect(answer).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'BAD_REQUEST' } }],
    });
  });

  test('a callback subscription is rejected with the code of its operation', async () => {
    await using both = await startBoth();
    const text = 'subscription { chatUpdated(id: "x") { change } }';

    const answer = await both.subscribe({}, { text });

    expect(answer.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });
});
