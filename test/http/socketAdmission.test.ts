import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { metricOf } from '../support/metrics.ts';
import { openRawSocket } from '../support/rawSocket.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { openSocket } from '../support/socket.ts';

const helpCrunch = await startControlledUpstream();

afterAll(() => helpCrunch[Symbol.asyncDispose]());

beforeEach(() => {
  helpCrunch.seed({ chats: [{ id: 1 }] });
  helpCrunch.clearCalls();
});

const agent = { role: 'agent', agentId: '12' };
const init = { type: 'connection_init' };
const badInit = { ...init, payload: { authorization: 'Bearer nonsense' } };
const query = { id: 'a', type: 'subscribe', payload: { query: '{ __typename }' } };

const limits = {
  maxConnections: 10_000,
  maxConnectionsPerViewer: 100,
  maxConnectionAgeMs: 0,
  maxPerConnection: 100,
  maxSubscriptionsPerViewer: 1_000,
  maxBuffered: 100,
  callbackHosts: [],
};

const start = (config: Partial<Config> = {}) => {
  const clock = createManualClock();
  return startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { auth: jwtAuth(), ...config },
  }).then((gateway) => ({ ...gateway, clock }));
};

type Gateway = Awaited<ReturnType<typeof start>>;

const connectionsOf = (gateway: Gateway) => metricOf(gateway, 'helpcrunch_live_connections');

/** The code with which an init is answered; 0 for an acknowledgement. */
async function codeOfInit(
  { url }: Gateway,
  message: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  const line = await openSocket(url, { headers });
  line.send(message);
  const code = await Promise.race([
    line.closed.then((closed) => closed.code),
    line.nextMessage().then(() => 0),
  ]);
  await line[Symbol.asyncDispose]();
  return code;
}

const ask = async (
  { url }: Gateway,
  { path = '/graphql', ...headers }: Readonly<Record<string, string>> = {},
) =>
  (
    await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query: '{ __typename }' }),
    })
  ).status;

const from = (address: string) => ({ 'x-forwarded-for': address });
const bad = { authorization: 'Bearer nonsense' };
const stream = { path: '/graphql/stream', accept: 'text/event-stream' };
const callback = { accept: 'application/json;callbackSpec=1.0' };

const nestedText = `${'{"a":'.repeat(101)}1${'}'.repeat(101)}`;

describe('rejected credentials', () => {
  test('rejected credentials close a WebSocket with 4403, and with 4429 once its address has too many', async () => {
    await using gateway = await start({ authFailureLimit: 3 });

    const codes = [];
    for (let count = 0; count < 5; count += 1) codes.push(await codeOfInit(gateway, badInit));

    expect(codes).toEqual([4403, 4403, 4403, 4429, 4429]);
  });

  test('rejected credentials are counted together for HTTP, event streams, callbacks and WebSockets', async () => {
    await using gateway = await start({ authFailureLimit: 4 });
    const allowed = [
      await ask(gateway, bad),
      await ask(gateway, { ...bad, ...stream }),
      await ask(gateway, { ...bad, ...callback }),
      await codeOfInit(gateway, badInit),
    ];

    const limited = [
      await ask(gateway, bad),
      await ask(gateway, { ...bad, ...stream }),
      await ask(gateway, { ...bad, ...callback }),
      await codeOfInit(gateway, badInit),
    ];

    expect(allowed).toEqual([401, 401, 401, 4403]);
    expect(limited).toEqual([429, 429, 429, 4429]);
  });

  test('rejected credentials do not block valid credentials of the same address', async () => {
    await using gateway = await start({ authFailureLimit: 1 });
    for (let count = 0; count < 3; count += 1) await codeOfInit(gateway, badInit);

    expect(await codeOfInit(gateway, { ...init, payload: await bearer(agent) })).toBe(0);
    expect(await ask(gateway, await bearer(agent))).toBe(200);
  });

  test('rejected credentials of a WebSocket are counted for the client behind a trusted proxy', async () => {
    await using gateway = await start({ authFailureLimit: 1, trustProxy: 1 });

    const codes = [
      await codeOfInit(gateway, badInit, from('192.0.2.1')),
      await codeOfInit(gateway, badInit, from('198.51.100.7, 192.0.2.1')),
      await ask(gateway, { ...bad, ...from('192.0.2.1') }),
      await codeOfInit(gateway, badInit, from('192.0.2.2')),
    ];

    expect(codes).toEqual([4403, 4429, 429, 4403]);
  });

  test('rejected credentials of a WebSocket cannot be spread over addresses by a header of an untrusted client', async () => {
    await using gateway = await start({ authFailureLimit: 1, trustProxy: ['192.0.2.0/24'] });

    const codes = [
      await codeOfInit(gateway, badInit, from('192.0.2.1')),
      await codeOfInit(gateway, badInit, from('192.0.2.2')),
    ];

    expect(codes).toEqual([4403, 4429]);
  });

  test('wrong router secrets count as rejected credentials for HTTP, event streams and WebSocket upgrades', async () => {
    await using gateway = await start({
      authFailureLimit: 3,
      subgraph: true,
      routerSecret: 'the-secret-of-the-router-and-ours',
    });
    const upgrade = await openRawSocket(gateway.url, { 'x-router-secret': 'guess' });
    upgrade[Symbol.dispose]();

    const statuses = [
      await ask(gateway, { 'x-router-secret': 'guess' }),
      await ask(gateway, { 'x-router-secret': 'guess', ...stream }),
      await ask(gateway, { 'x-router-secret': 'guess' }),
    ];

    const late = await openRawSocket(gateway.url, { 'x-router-secret': 'guess' });
    late[Symbol.dispose]();

    expect([upgrade.status, ...statuses, late.status]).toEqual([403, 403, 403, 429, 429]);
  });

  (hasRedis ? test : test.skip)(
    'of a WebSocket count for all instances that share a Redis (needs Redis)',
    async () => {
      await using redis = await startRedis();
      const config = { authFailureLimit: 1, redisUrl: redis.url };
      await using one = await start(config);
      await using two = await start(config);
      for (const { url } of [one, two]) {
        let text = '';
        while (!text.includes('"up"')) text = await (await fetch(`${url}/healthz`)).text();
      }

      const codes = [await codeOfInit(one, badInit), await codeOfInit(two, badInit)];

      expect(codes).toEqual([4403, 4429]);
    },
  );

  test('credentials that cannot be verified close a WebSocket with 1013 and are not counted', async () => {
    await using gateway = await start({
      authFailureLimit: 1,
      auth: jwtAuth({ signedBy: { jwksUrl: 'http://127.0.0.1:1/keys' } }),
    });
    const payload = await bearer(agent, { alg: 'HS256', kid: 'k' });
    const { authorization } = payload;
    const [, body = '', signature = ''] = authorization.split('.');
    const header = Buffer.from('{"alg":"ES256","kid":"k"}').toString('base64url');
    const unknown = { authorization: `Bearer ${header}.${body}.${signature}` };

    const codes = [
      await codeOfInit(gateway, { ...init, payload: unknown }),
      await codeOfInit(gateway, { ...init, payload: unknown }),
      await ask(gateway, unknown),
    ];

    expect(codes).toEqual([1013, 1013, 503]);
  });
});

describe('WebSockets without authentication', () => {
  test('WebSocket clients behind a trusted proxy are distinguished by their addresses without authentication', async () => {
    await using gateway = await start({
      auth: { mode: 'none' },
      trustProxy: 1,
      requestRateLimit: 1,
      subscriptions: { ...limits, maxConnectionsPerViewer: 1 },
    });
    await using one = await openSocket(gateway.url, { headers: from('192.0.2.1') });
    await using two = await openSocket(gateway.url, { headers: from('192.0.2.2') });
    await one.initialize();
    await two.initialize();

    const third = await codeOfInit(gateway, init, from('192.0.2.1'));
    const answers = [];
    for (const line of [one, two, one]) {
      line.send(query);
      answers.push((await line.nextMessage()).type);
      if (answers.at(-1) === 'next') await line.nextMessage();
    }

    expect(third).toBe(1013);
    expect(answers).toEqual(['next', 'next', 'error']);
  });
});

describe('unauthenticated WebSockets', () => {
  const silentOnes = ({ url }: Gateway, count: number) =>
    Promise.all(Array.from({ length: count }, () => openRawSocket(url)));

  test('unauthenticated WebSockets do not use the connections of authenticated ones', async () => {
    await using gateway = await start({ subscriptions: { ...limits, maxConnections: 40 } });
    const silent = await silentOnes(gateway, 45);

    const code = await codeOfInit(gateway, { ...init, payload: await bearer(agent) });

    expect(silent.map(({ status }) => status)).toEqual(Array(45).fill(101));
    expect(code).toBe(0);
    expect(await connectionsOf(gateway)).toBe(0);
    for (const { socket } of silent) socket.destroy();
  });

  test('the oldest unauthenticated WebSocket of an address is evicted at its limit', async () => {
    await using gateway = await start();
    await using early = await openSocket(gateway.url);
    await early.initialize(await bearer(agent));
    const silent = [];
    for (let count = 0; count < 105; count += 1) silent.push(await openRawSocket(gateway.url));

    const codes = await Promise.all(silent.slice(0, 5).map(async (raw) => raw.closeCode()));
    await using agentNow = await openSocket(gateway.url);
    await agentNow.initialize(await bearer(agent));
    early.send(query);

    expect(codes).toEqual(Array(5).fill(1013));
    expect((await early.nextMessage()).type).toBe('next');
    for (const { socket } of silent) socket.destroy();
  });

  test('unauthenticated WebSockets of many addresses do not block a client that authenticates at once', async () => {
    await using gateway = await start({ trustProxy: 1 });
    const open = (index: number) =>
      openRawSocket(gateway.url, from(`198.51.${index >> 8}.${index & 255}`));
    const silent = [await open(0)];
    while (silent.length < 1_020) {
      const indexes = Array.from({ length: 60 }, (_, offset) => silent.length + offset);
      silent.push(...(await Promise.all(indexes.map(open))));
    }

    const [code] = await Promise.all([
      codeOfInit(gateway, { ...init, payload: await bearer(agent) }, from('192.0.2.1')),
      silent[0]!.closeCode(),
    ]);

    expect(code).toBe(0);
    for (const { socket } of silent) socket.destroy();
  });

  test('an unauthenticated WebSocket gets 4408 after 3 s and is disconnected 1 s later if it does not close', async () => {
    await using gateway = await start();
    const [silent] = await silentOnes(gateway, 1);

    gateway.clock.advance(3_000);
    const code = await silent!.closeCode();
    const wasOpen = silent!.isOpen();
    gateway.clock.advance(1_000);
    await silent!.closed;

    expect([code, wasOpen]).toEqual([4408, true]);
  });

  test('a WebSocket with rejected credentials gets 4403 and is disconnected 1 s later if it does not close', async () => {
    await using gateway = await start();
    const [raw] = await silentOnes(gateway, 1);
    raw!.say(badInit);

    const code = await raw!.closeCode();
    gateway.clock.advance(1_000);
    await raw!.closed;

    expect(code).toBe(4403);
  });

  test('messages on a WebSocket after its close code are ignored', async () => {
    await using gateway = await start();
    const [raw] = await silentOnes(gateway, 1);

    raw!.say({ ...init, payload: { authorization: 'Bearer nonsense' } });
    raw!.say(query);
    await raw!.closeCode();
    raw!.say({ ...init, payload: await bearer(agent) });
    for (let count = 0; count < 100; count += 1) raw!.say('{');
    gateway.clock.advance(1_000);
    await raw!.closed;

    expect(await connectionsOf(gateway)).toBe(0);
    expect(helpCrunch.calls).toEqual([]);
  });
});

test('an authenticated WebSocket releases its connection when its close code is sent, not when its peer closes', async () => {
  await using gateway = await start();
  const exp = gateway.clock.now() / 1000 + 10;
  const raw = await openRawSocket(gateway.url);
  raw.say({ ...init, payload: await bearer({ ...agent, exp }) });
  while ((await connectionsOf(gateway)) === 0);

  gateway.clock.advance(15_000);
  const code = await raw.closeCode();

  expect([code, raw.isOpen(), await connectionsOf(gateway)]).toEqual([4403, true, 0]);
  raw.socket.destroy();
});

describe('invalid WebSocket messages', () => {
  const next = { type: 'next', id: '1', payload: {} };
  const subscribe = (payload: object, id: unknown = 'a') => ({ id, type: 'subscribe', payload });

  test.each([
    ['no JSON', '{'],
    ['an empty one', ''],
    ['null', 'null'],
    ['a list', '[]'],
    ['100,000 nested lists', '['.repeat(100_000)],
    ['a type that is no text', { type: 5 }],
    ['an unknown type', { type: 'dance' }],
    ['a type of the server: next', next],
    ['a type of the server: error', { type: 'error', id: '1', payload: [] }],
    ['a type of the server: connection_ack', { type: 'connection_ack' }],
    ['an init with a list', { type: 'connection_init', payload: [] }],
    ['a ping with a text', { type: 'ping', payload: 'x' }],
    ['a ping that is nested deeply', { type: 'ping', payload: JSON.parse(nestedText) }],
    ['a completion without an id', { type: 'complete' }],
    ['an operation without an id', subscribe({ query: '{ a }' }, null)],
    ['an operation with a list of variables', subscribe({ query: '{ a }', variables: [] })],
    ['an operation with an odd documentId', subscribe({ query: '{ a }', documentId: 5 })],
    ['an operation with a name that is no text', subscribe({ query: '{ a }', operationName: 1 })],
  ])(
    'an invalid message closes the WebSocket with 4400, before and after the init: %s',
    async (_name, message) => {
      await using gateway = await start({ logLevel: 'info' });
      const early = await openSocket(gateway.url);
      const late = await openSocket(gateway.url);
      await late.initialize(await bearer(agent));

      early.send(message);
      late.send(message);
      const codes = [(await early.closed).code, (await late.closed).code];

      expect(codes).toEqual([4400, 4400]);
      expect(gateway.logged.map((line) => JSON.parse(line))).toEqual(
        Array(2).fill(
          expect.objectContaining({ level: 30, msg: 'websocket protocol violation', code: 4400 }),
        ),
      );
    },
  );

  test.each([
    ['before the init', false],
    ['after the init', true],
  ])(
    'invalid messages write one log line, however often a client sends %s',
    async (_name, isInit) => {
      await using gateway = await start({ logLevel: 'info' });
      const raw = await openRawSocket(gateway.url);
      if (isInit) raw.say({ ...init, payload: await bearer(agent) });
      const { length } = gateway.logged;

      for (let count = 0; count < 20_000; count += 1) raw.say(next);
      raw.say({ ...init, payload: await bearer(agent) });
      raw.say(
        subscribe({ query: 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }' }),
      );
      const code = await raw.closeCode();
      gateway.clock.advance(1_000);
      await raw.closed;

      expect(code).toBe(4400);
      expect(gateway.logged.slice(length)).toHaveLength(1);
      expect(gateway.logged.join('')).not.toContain('stack');
      expect(helpCrunch.calls).toEqual([]);
    },
  );

  test('a long operation id that is used twice closes the WebSocket with 4409', async () => {
    await using gateway = await start({ logLevel: 'info' });
    const line = await openSocket(gateway.url);
    await line.initialize(await bearer(agent));
    const text = 'subscription { chatUpdated { change } }';

    line.send(subscribe({ query: text }, 'я'.repeat(500)));
    line.send(subscribe({ query: text }, 'я'.repeat(500)));
    const { code, reason } = await line.closed;

    expect(code).toBe(4409);
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(gateway.logged.filter((logged) => logged.includes('"level":50'))).toEqual([]);
  });
});
