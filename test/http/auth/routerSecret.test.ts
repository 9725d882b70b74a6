import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../../src/config/settings.ts';
import { readConfig } from '../../../src/config/settings.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import { openRawSocket } from '../../support/rawSocket.ts';
import { startRecordingUpstream, wireChat } from '../../support/recordingUpstream.ts';
import { startRouter } from '../../support/router.ts';
import { openSocket } from '../../support/socket.ts';

const secret = 'the-secret-of-the-router-and-ours';
const router = { 'x-router-secret': secret };
const wrong = { 'x-router-secret': secret.replace('the', 'eht') };
const badToken = { authorization: 'Bearer nonsense' };

const chat = '{ chat(id: 5208) { id } }';
const subscription = 'subscription { chatUpdated { change } }';
const sdl = '{ _service { sdl } }';

const helpCrunch = await startRecordingUpstream();

beforeEach(() => {
  helpCrunch.respond('GET /chats/5208', { body: wireChat() });
  helpCrunch.clearCalls();
});

const start = (config: Partial<Config> = {}) =>
  startTestGateway({
    upstream: helpCrunch,
    config: { subgraph: true, routerSecret: secret, ...config },
  });

type Gateway = Awaited<ReturnType<typeof start>>;

const plain = await start();
const routerOnly = await start({ isRouterOnly: true });
const byToken = await start({ auth: jwtAuth() });
const byKey = await start({ auth: { mode: 'forward' } });

afterAll(async () => {
  for (const gateway of [plain, routerOnly, byToken, byKey]) await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});
type Headers = Readonly<Record<string, string>>;

const toOutcome = async (response: Response) => {
  const text = await response.text();
  const body = text.startsWith('{') ? JSON.parse(text) : {};
  const code: unknown = body.errors?.[0].extensions.code;
  return { status: response.status, type: response.headers.get('content-type'), code, body, text };
};

const post = async (url: string, query: string, headers: Headers = {}) =>
  toOutcome(
    await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    }),
  );

const get = async (url: string, query: string, headers: Headers = {}) =>
  toOutcome(
    await fetch(`${url}?query=${encodeURIComponent(query)}`, {
      headers: { 'apollo-require-preflight': '1', ...headers },
    }),
  );

const events = { accept: 'text/event-stream' };
const multipart = { accept: 'multipart/mixed;subscriptionSpec=1.0' };
const callback = { accept: 'application/json;callbackSpec=1.0' };

/** Every way to send an operation over HTTP. */
const requests: Readonly<
  Record<string, (gateway: Gateway, headers: Headers) => ReturnType<typeof post>>
> = {
  POST: ({ url }, headers) => post(`${url}/graphql`, chat, headers),
  GET: ({ url }, headers) => get(`${url}/graphql`, chat, headers),
  'an event stream by POST': ({ url }, headers) =>
    post(`${url}/graphql/stream`, subscription, { ...events, ...headers }),
  'an event stream by GET': ({ url }, headers) =>
    get(`${url}/graphql/stream`, subscription, { ...events, ...headers }),
  'a multipart subscription': ({ url }, headers) =>
    post(`${url}/graphql`, subscription, { ...multipart, ...headers }),
  'a callback subscription': ({ url }, headers) =>
    post(`${url}/graphql`, subscription, { ...callback, ...headers }),
  PUT: async ({ url }, headers) =>
    toOutcome(await fetch(`${url}/graphql`, { method: 'PUT', headers })),
};

const transports = Object.entries(requests);

async function upgradeStatus({ url }: Gateway, headers: Headers): Promise<number> {
  const socket = await openRawSocket(url, headers);
  socket[Symbol.dispose]();
  return socket.status;
}

/** The close code and reason of a connection, or what the first operation returns. */
async function overWebSocket(
  { url }: Gateway,
  { upgrade = {}, init = {}, query = chat }: { upgrade?: Headers; init?: Headers; query?: string },
): Promise<any> {
  await using socket = await openSocket(url, { headers: upgrade });
  socket.send({ type: 'connection_init', payload: init });
  const first = await Promise.race([socket.closed, socket.nextMessage()]);
  if ('code' in first) return first;
  socket.send({ id: 'a', type: 'subscribe', payload: { query } });
  return (await socket.nextMessage()).payload;
}

describe('a wrong router secret', () => {
  test.each(transports)(
    'is FORBIDDEN with 403 and a message of its own: %s',
    async (_name, send) => {
      const gateway = plain;

      const { status, code, body } = await send(gateway, wrong);

      expect([status, code]).toEqual([403, 'FORBIDDEN']);
      expect(body.errors[0].message).toBe(
        'The header X-Router-Secret is wrong. Configure the router with the secret of the gateway.',
      );
      expect(helpCrunch.calls).toEqual([]);
    },
  );

  test.each([
    ['a part of the secret', secret.slice(0, -1)],
    ['the secret twice', `${secret}, ${secret}`],
    ['nothing', ''],
  ])('is rejected although it is %s', async (_what, value) => {
    const { status } = await post(`${plain.url}/graphql`, chat, { 'x-router-secret': value });

    expect(status).toBe(403);
  });

  test('is rejected beside valid credentials of a viewer', async () => {
    const token = await bearer({ role: 'agent' });

    const { code } = await post(`${byToken.url}/graphql`, chat, { ...token, ...wrong });

    expect(code).toBe('FORBIDDEN');
  });

  test('rejects the upgrade to a WebSocket with 403', async () => {
    expect(await upgradeStatus(plain, wrong)).toBe(403);
  });

  test('in the parameters of a WebSocket connection closes it with 4403', async () => {
    expect(await overWebSocket(plain, { init: wrong })).toEqual({
      code: 4403,
      reason: 'Wrong router secret',
    });
    expect(await overWebSocket(plain, { upgrade: router, init: wrong })).toMatchObject({
      code: 4403,
    });
  });

  test('counts as rejected credentials of its address, in the parameters of a WebSocket too', async () => {
    await using gateway = await start({ authFailureLimit: 2 });
    const url = `${gateway.url}/graphql`;

    const statuses = [
      (await overWebSocket(gateway, { init: wrong })).code,
      (await post(url, chat, wrong)).status,
      (await overWebSocket(gateway, { init: wrong })).code,
      (await overWebSocket(gateway, { upgrade: router, init: wrong })).code,
      (await post(url, chat, wrong)).status,
      (await post(url, chat, router)).status,
    ];

    expect(statuses).toEqual([4403, 403, 4429, 4429, 429, 200]);
  });
});

describe('ROUTER_ONLY', () => {
  test.each(transports)('rejects a client without the secret: %s', async (_name, send) => {
    const { status, code, body } = await send(routerOnly, {});

    expect([status, code]).toEqual([401, 'UNAUTHENTICATED']);
    expect(body.errors[0].message).toContain('Only the router may send requests');
    expect(helpCrunch.calls).toEqual([]);
  });

  test.each(transports)(
    'rejects a missing secret with 401 and a wrong one with 403: %s',
    async (_name, send) => {
      const missing = await send(routerOnly, {});
      const other = await send(routerOnly, wrong);

      expect([missing.status, missing.code]).toEqual([401, 'UNAUTHENTICATED']);
      expect([other.status, other.code]).toEqual([403, 'FORBIDDEN']);
    },
  );

  test('rejects a token instead of the secret, and the secret as a token', async () => {
    await using gateway = await start({ isRouterOnly: true, auth: jwtAuth() });
    const url = `${gateway.url}/graphql`;

    const outcomes = [
      await post(url, chat, await bearer({ role: 'agent' })),
      await post(url, chat, { authorization: `Bearer ${secret}` }),
    ];

    expect(outcomes.map(({ status }) => status)).toEqual([401, 401]);
  });

  test('rejects the upgrade to a WebSocket without the secret', async () => {
    expect(await upgradeStatus(routerOnly, {})).toBe(401);
    expect(await upgradeStatus(routerOnly, router)).toBe(101);
  });

  test('accepts the router', async () => {
    const posted = await post(`${routerOnly.url}/graphql`, chat, router);
    const got = await get(`${routerOnly.url}/graphql`, chat, router);
    const streamed = await post(`${routerOnly.url}/graphql/stream`, chat, { ...router, ...events });

    expect([posted.body.data, got.body.data]).toEqual(Array(2).fill({ chat: { id: '5208' } }));
    expect(streamed.text).toContain('{"chat":{"id":"5208"}}');
    expect(await overWebSocket(routerOnly, { upgrade: router })).toMatchObject({
      data: { chat: { id: '5208' } },
    });
  });

  test('does not apply to health checks and metrics', async () => {
    const statuses = await Promise.all(
      ['healthz', 'readyz', 'metrics'].map(
        async (path) => (await fetch(`${routerOnly.url}/${path}`)).status,
      ),
    );

    expect(statuses).toEqual([200, 200, 200]);
  });

  test('replaces ALLOW_UNAUTHENTICATED, which a router secret alone does not', () => {
    const settings = { HELPCRUNCH_API_KEY: 'key', HOST: '0.0.0.0', ROUTER_SECRET: secret };
    const joined = { ...settings, SUBGRAPH: 'true' };

    expect(readConfig({ ...joined, ROUTER_ONLY: 'true' }).isRouterOnly).toBe(true);
    expect(() => readConfig(joined)).toThrow('ROUTER_ONLY=true');
    expect(() => readConfig({ ...settings, ROUTER_ONLY: 'true' })).toThrow(
      'ROUTER_SECRET: needs SUBGRAPH=true',
    );
    expect(() => readConfig({ SUBGRAPH: 'true', ROUTER_SECRET: 'short' })).toThrow(
      'ROUTER_SECRET: must be at least 32 printable ASCII characters',
    );
  });
});

describe('a client without the router secret', () => {
  test('is an ordinary client', async () => {
    const token = await bearer({ role: 'agent' });
    const url = `${byToken.url}/graphql`;

    const accepted = await post(url, chat, token);
    const rejected = await post(url, chat, badToken);

    expect(accepted.body.data).toEqual({ chat: { id: '5208' } });
    expect(rejected.status).toBe(401);
    expect(await overWebSocket(byToken, { init: token })).toMatchObject({
      data: { chat: { id: '5208' } },
    });
  });

  test('may not subscribe by callback', async () => {
    await using own = await startRouter();
    await using gateway = await start({
      subscriptions: { ...readConfig({ PORT: '0' }).subscriptions, callbackHosts: [own.origin] },
    });
    const subscribe = async (headers: Headers) =>
      toOutcome(
        await fetch(`${gateway.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...callback, ...headers },
          body: JSON.stringify({
            query: subscription,
            extensions: { subscription: { ...own.subscription, heartbeatIntervalMs: 0 } },
          }),
        }),
      );

    const rejected = await subscribe({});
    const accepted = await subscribe(router);

    expect([rejected.status, rejected.code]).toEqual([403, 'FORBIDDEN']);
    expect(accepted.body).toEqual({ data: null });
  });
});

describe.each([
  ['jwt', byToken],
  ['forward', byKey],
])('the router secret alone, with AUTH=%s,', (_mode, gateway) => {
  const hash = 'b4ccbec2e1d5ae0a0f9f2b1c1d5b0a4cf2f0dc8f6ac3ed0a1bd7b7a7a7a7a7a7';

  test.each([
    sdl,
    '{ __typename }',
    'query __ApolloServiceHealthCheck__ { __typename }',
    'query SubgraphIntrospectQuery { _service { sdl } alias: __typename }',
  ])('authorizes %s', async (query) => {
    const field = query.includes('sdl') ? '_service' : '__typename';

    const posted = await post(`${gateway.url}/graphql`, query, router);
    const repeated = await post(`${gateway.url}/graphql`, query, { ...router, authorization: '' });
    const got = await get(`${gateway.url}/graphql`, query, router);
    const streamed = await post(`${gateway.url}/graphql/stream`, query, { ...router, ...events });

    for (const { body } of [posted, repeated, got]) {
      expect(body.errors).toBeUndefined();
      expect(Object.keys(body.data)).toContain(field);
    }
    expect(streamed.text).toContain('event: next');
    expect(await overWebSocket(gateway, { upgrade: router, query })).not.toHaveProperty('errors');
    expect(await overWebSocket(gateway, { init: router, query })).toHaveProperty('data');
    expect(helpCrunch.calls).toEqual([]);
  });

  test.each([
    chat,
    '{ _service { sdl } chat(id: 5208) { id } }',
    '{ ... { chat(id: 5208) { id } } }',
    'query { ...Fields } fragment Fields on Query { chat(id: 5208) { id } }',
    'mutation { markChatRead(id: 5208, by: AGENT, read: true) { id } }',
    'mutation { __typename }',
    'query A { __typename } query B { chat(id: 5208) { id } }',
    '{ _entities(representations: [{ __typename: "Chat", id: "5208" }]) { __typename } }',
    '{ __schema { queryType { name } } }',
    '{',
  ])('does not authorize %s', async (query) => {
    const posted = await post(`${gateway.url}/graphql`, query, router);
    const got = await get(`${gateway.url}/graphql`, query, router);
    const streamed = await post(`${gateway.url}/graphql/stream`, query, { ...router, ...events });
    const socket = await overWebSocket(gateway, { upgrade: router, query });

    for (const { status, type, code } of [posted, got, streamed]) {
      expect([status, type, code]).toEqual([
        200,
        'application/json; charset=utf-8',
        'UNAUTHENTICATED',
      ]);
    }
    expect(socket[0].extensions.code).toBe('UNAUTHENTICATED');
    expect(helpCrunch.calls).toEqual([]);
  });

  test('does not authorize a long document', async () => {
    const query = `{ ${'__typename '.repeat(200)} }`;

    const { code } = await post(`${gateway.url}/graphql`, query, router);

    expect(code).toBe('UNAUTHENTICATED');
  });

  test('does not authorize an operation of several by its name', async () => {
    const query = 'query A { __typename } query B { chat(id: 5208) { id } }';
    const send = async (operationName: string) =>
      toOutcome(
        await fetch(`${gateway.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', ...router },
          body: JSON.stringify({ query, operationName }),
        }),
      );

    expect((await send('A')).body.data).toEqual({ __typename: 'Query' });
    expect((await send('B')).code).toBe('UNAUTHENTICATED');
  });

  test('does not authorize an operation that a hash names', async () => {
    const extensions = JSON.stringify({ persistedQuery: { version: 1, sha256Hash: hash } });
    const url = `${gateway.url}/graphql?extensions=${encodeURIComponent(extensions)}`;

    const response = await fetch(url, { headers: { 'apollo-require-preflight': '1', ...router } });

    expect((await toOutcome(response)).code).toBe('UNAUTHENTICATED');
  });

  test('does not authorize subscriptions', async () => {
    const streamed = await post(`${gateway.url}/graphql/stream`, subscription, {
      ...router,
      ...events,
    });
    const socket = await overWebSocket(gateway, { upgrade: router, query: subscription });

    expect(streamed.code).toBe('UNAUTHENTICATED');
    expect(socket[0].extensions.code).toBe('UNAUTHENTICATED');
  });

  test('is no authorization for another client', async () => {
    const { status, code } = await post(`${gateway.url}/graphql`, '{ __typename }');

    expect([status, code]).toEqual([401, 'UNAUTHENTICATED']);
  });
});

describe('credentials that an authenticated router forwards', () => {
  test('are not counted against its address: HTTP, event streams and WebSockets', async () => {
    await using gateway = await start({ auth: jwtAuth(), authFailureLimit: 1 });
    const url = `${gateway.url}/graphql`;
    const forwarded = { ...router, ...badToken };
    const codes: unknown[] = [];
    for (let count = 0; count < 3; count += 1) {
      codes.push((await post(url, chat, forwarded)).code);
      codes.push((await get(url, chat, forwarded)).code);
      codes.push((await post(`${url}/stream`, chat, { ...forwarded, ...events })).code);
      codes.push((await post(url, chat, router)).code);
      codes.push((await overWebSocket(gateway, { upgrade: router, init: badToken })).code);
      codes.push((await overWebSocket(gateway, { init: { ...router, ...badToken } })).code);
    }

    const direct = [await post(url, chat, badToken), await post(url, chat, badToken)];

    const expected = [...Array<unknown>(4).fill('UNAUTHENTICATED'), 4403, 4403];
    expect(codes).toEqual([...expected, ...expected, ...expected]);
    expect(direct.map(({ status }) => status)).toEqual([401, 429]);
  });

  test('are reported in the audit log', async () => {
    await using gateway = await start({ auth: jwtAuth() });

    await post(`${gateway.url}/graphql`, chat, { ...router, ...badToken });

    expect(gateway.logged.join('')).toContain('"reason":"invalid"');
  });

  test('are not counted against its address when HelpCrunch rejects them', async () => {
    await using gateway = await start({ auth: { mode: 'forward' }, authFailureLimit: 1 });
    helpCrunch.respond('GET /chats/5208', { status: 401, body: { errors: [] } });
    const url = `${gateway.url}/graphql`;
    const codes: unknown[] = [];
    for (let count = 0; count < 3; count += 1) {
      codes.push((await post(url, chat, { ...router, ...badToken })).code);
    }
    const direct = [await post(url, chat, badToken), await post(url, chat, badToken)];

    const forwarded = await post(url, chat, { ...router, ...badToken });

    expect(codes).toEqual(Array(3).fill('UNAUTHENTICATED'));
    expect(direct.at(-1)?.code).toBe('RATE_LIMITED');
    expect(forwarded.code).toBe('UNAUTHENTICATED');
  });
});

describe('an authenticated router', () => {
  test.each<readonly [string, RequestInit, string]>([
    ['a method that is not allowed', { method: 'PUT' }, 'BAD_REQUEST'],
    [
      'a coding that is not supported',
      { headers: { 'accept-encoding': 'identity;q=0' } },
      'BAD_REQUEST',
    ],
    [
      'a media type of the body that is not supported',
      { headers: { 'content-type': 'text/plain' } },
      'BAD_REQUEST',
    ],
    [
      'a coding of the body that is not supported',
      { headers: { 'content-encoding': 'zstd' } },
      'BAD_REQUEST',
    ],
    [
      'a body that is too large',
      { body: JSON.stringify({ query: 'x'.repeat(300_000) }) },
      'BAD_REQUEST',
    ],
    [
      'an operation that is too expensive',
      {
        body: JSON.stringify({
          query: `{ ${Array.from({ length: 60 }, (_, index) => `a${index}: __typename`).join(' ')} }`,
        }),
      },
      'OPERATION_TOO_EXPENSIVE',
    ],
    [
      'an unknown hash',
      {
        body: JSON.stringify({
          extensions: { persistedQuery: { version: 1, sha256Hash: 'a'.repeat(64) } },
        }),
      },
      'PERSISTED_QUERY_NOT_FOUND',
    ],
    [
      'an unknown operation',
      { body: JSON.stringify({ query: 'query A { __typename }', operationName: 'B' }) },
      'OPERATION_RESOLUTION_FAILURE',
    ],
  ])('gets the error of %s with status 200 as application/json', async (_what, init, expected) => {
    const { status, type, code } = await toOutcome(
      await fetch(`${plain.url}/graphql`, {
        method: 'POST',
        body: JSON.stringify({ query: '{ __typename }' }),
        ...init,
        headers: {
          'content-type': 'application/json',
          accept: 'application/graphql-response+json',
          ...router,
          ...(init.headers as Headers | undefined),
        },
      }),
    );

    expect([status, type, code]).toEqual([200, 'application/json; charset=utf-8', expected]);
  });

  test('gets the error of too many requests with status 200 as application/json', async () => {
    await using gateway = await start({ requestRateLimit: 1 });
    const url = `${gateway.url}/graphql`;
    await post(url, '{ __typename }', router);

    const { status, type, code } = await post(url, '{ __typename }', router);

    expect([status, type, code]).toEqual([200, 'application/json; charset=utf-8', 'RATE_LIMITED']);
  });
});
