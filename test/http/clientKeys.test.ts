import { describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import { createDeferred } from '../support/deferred.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { GraphQLResponse } from '../support/gateway.ts';
import { hasRedis, startRedis } from '../support/redis.ts';
import { startRouter } from '../support/router.ts';
import { openSocket } from '../support/socket.ts';

const testWithRedis = hasRedis ? test : test.skip;

const chat = '{ chat(id: 5208) { status } }';
const good: ReadonlySet<string> = new Set(['one', 'two', 'three']);

/** An upstream with three accounts. */
async function startAccounts() {
  const helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('*', ({ headers }) =>
    good.has(headers.authorization?.replace('Bearer ', '') ?? '')
      ? { body: wireChat({ status: 'new' }) }
      : { status: 401, body: { errors: [{ code: 'unauthorized', message: 'Unauthorized' }] } },
  );
  return helpCrunch;
}

async function startWorld(config: Partial<Config>) {
  const upstream = await startAccounts();
  // A number of proxies is believed, so that a test can ask from any address.
  const gateway = await startTestGateway({
    upstream,
    config: { auth: { mode: 'forward' }, trustProxy: 1, ...config },
  });
  const headersOf = (key: string, address: string) => ({
    authorization: `Bearer ${key}`,
    'x-forwarded-for': address,
  });
  return {
    helpCrunch: upstream,
    url: gateway.url,
    query: (document: string, headers: Record<string, string>) =>
      gateway.query(document, {}, headers),
    ask: (key: string, address = '192.0.2.1') => gateway.query(chat, {}, headersOf(key, address)),
    async askStream(key: string) {
      const response = await fetch(
        `${gateway.url}/graphql/stream?query=${encodeURIComponent(chat)}`,
        { headers: { accept: 'text/event-stream', authorization: `Bearer ${key}` } },
      );
      return { status: response.status, text: await response.text() };
    },
    /** A WebSocket from 127.0.0.1 that executes one operation at a time. */
    async open(key: string) {
      const line = await openSocket(gateway.url);
      await line.initialize({ authorization: `Bearer ${key}` });
      let id = 0;
      return {
        close: () => line[Symbol.asyncDispose](),
        async ask(): Promise<string> {
          id += 1;
          line.send({ id: String(id), type: 'subscribe', payload: { query: chat } });
          const { type, payload } = await line.nextMessage();
          if (type === 'next') await line.nextMessage();
          const errors = type === 'error' ? payload : payload.errors;
          return errors?.[0].extensions.code ?? 'OK';
        },
      };
    },
    async [Symbol.asyncDispose]() {
      await gateway.stop();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

const codeOf = ({ errors }: GraphQLResponse) => errors[0]?.extensions['code'] ?? 'OK';

describe('API keys of clients that HelpCrunch rejects', () => {
  test('rejected API keys count as failed credentials of the address, which must then wait without an upstream call', async () => {
    await using world = await startWorld({ authFailureLimit: 3 });

    const codes = [];
    for (const key of ['a', 'b', 'c', 'd', 'e']) codes.push(codeOf(await world.ask(key)));
    const limited = await world.ask('f');

    expect(codes).toEqual([...Array(3).fill('UNAUTHENTICATED'), ...Array(2).fill('RATE_LIMITED')]);
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(world.helpCrunch.calls).toHaveLength(3);
  });

  test('a rejected API key counts for each request, also while the gateway remembers the rejection', async () => {
    await using world = await startWorld({ authFailureLimit: 3 });

    const codes = [];
    for (let count = 0; count < 4; count += 1) codes.push(codeOf(await world.ask('a')));

    expect(codes).toEqual([...Array(3).fill('UNAUTHENTICATED'), 'RATE_LIMITED']);
    expect(world.helpCrunch.calls).toHaveLength(1);
  });

  test('a rejected API key counts for each operation that shares the rejected call', async () => {
    await using world = await startWorld({ authFailureLimit: 3 });
    const arrived = createDeferred();
    const answer = createDeferred();
    world.helpCrunch.respond('*', async () => {
      arrived.resolve();
      await answer.promise;
      return { status: 401, body: { errors: [{ code: 'unauthorized', message: 'No.' }] } };
    });

    const first = world.ask('a');
    await arrived.promise;
    const second = world.ask('a');
    // Once these are answered the second operation has joined the call.
    for (let count = 0; count < 3; count += 1) await fetch(`${world.url}/healthz`);
    answer.resolve();
    const codes = [codeOf(await first), codeOf(await second), codeOf(await world.ask('a'))];
    const limited = codeOf(await world.ask('a'));

    expect([...codes, limited]).toEqual([...Array(3).fill('UNAUTHENTICATED'), 'RATE_LIMITED']);
    expect(world.helpCrunch.calls).toHaveLength(1);
  });

  test('a rejected API key counts once per operation with several rejected calls', async () => {
    await using world = await startWorld({ authFailureLimit: 2 });
    const many = '{ a: chat(id: 1) { id } b: chat(id: 2) { id } c: chat(id: 3) { id } }';
    const ask = async (key: string) => {
      const response = await fetch(`${world.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ query: many }),
      });
      const { errors }: any = await response.json();
      return errors[0].extensions.code;
    };

    expect([await ask('a'), await ask('b'), await ask('c')]).toEqual([
      'UNAUTHENTICATED',
      'UNAUTHENTICATED',
      'RATE_LIMITED',
    ]);
  });

  test('rejected API keys do not count against other addresses or against a key that was accepted before', async () => {
    await using world = await startWorld({ authFailureLimit: 1 });
    await world.ask('one');

    await world.ask('a');

    expect(codeOf(await world.ask('b'))).toBe('RATE_LIMITED');
    expect(codeOf(await world.ask('one'))).toBe('OK');
    expect(codeOf(await world.ask('two', '192.0.2.2'))).toBe('OK');
    expect(codeOf(await world.ask('two'))).toBe('OK');
  });

  test('rejected API keys are counted together over HTTP, WebSockets and event streams', async () => {
    await using world = await startWorld({ authFailureLimit: 3, trustProxy: 0 });
    const line = await world.open('a');

    expect(await line.ask()).toBe('UNAUTHENTICATED');
    expect((await world.askStream('b')).text).toContain('UNAUTHENTICATED');
    expect(codeOf(await world.ask('c'))).toBe('UNAUTHENTICATED');
    expect(codeOf(await world.ask('d'))).toBe('RATE_LIMITED');
    expect(await line.ask()).toBe('RATE_LIMITED');
    expect(await world.askStream('e')).toMatchObject({ status: 429 });
    expect(world.helpCrunch.calls).toHaveLength(3);
    await line.close();
  });

  test('rejected API keys are not limited when the limit is off', async () => {
    await using world = await startWorld({ authFailureLimit: 0 });

    const codes = [];
    for (let count = 0; count < 5; count += 1) codes.push(codeOf(await world.ask(`a${count}`)));

    expect(new Set(codes)).toEqual(new Set(['UNAUTHENTICATED']));
  });

  testWithRedis('count together at all instances that share a Redis (needs Redis)', async () => {
    await using redis = await startRedis();
    const config = { authFailureLimit: 2, redisUrl: redis.url };
    await using first = await startWorld(config);
    await using other = await startWorld(config);

    for (const { url } of [first, other]) {
      let text = '';
      while (!text.includes('"up"')) text = await (await fetch(`${url}/healthz`)).text();
    }

    await first.ask('a');
    await other.ask('b');

    expect(codeOf(await first.ask('c'))).toBe('RATE_LIMITED');
    expect(codeOf(await other.ask('c'))).toBe('RATE_LIMITED');
  });
});

test('the rate limit that API keys see before HelpCrunch accepts them is the one they share', async () => {
  await using world = await startWorld({});
  const limitOf = async (key: string) => {
    const headers = { authorization: `Bearer ${key}` };
    const { data }: any = await world.query('{ rateLimit { limit remaining } }', headers);
    return data.rateLimit;
  };
  await world.ask('a');

  expect(await limitOf('b')).toEqual({ limit: 120, remaining: 119 });
  expect(await limitOf('a')).toEqual({ limit: 120, remaining: 119 });
});

describe('request rate of clients with their own API keys', () => {
  test('each accepted API key has its own request rate, also behind one address', async () => {
    await using world = await startWorld({ requestRateLimit: 3 });
    await world.ask('one', '192.0.2.1');
    await world.ask('two', '192.0.2.1');

    const ones = [];
    for (let count = 0; count < 4; count += 1) ones.push(codeOf(await world.ask('one')));
    const elsewhere = codeOf(await world.ask('one', '192.0.2.9'));
    const twos = [];
    for (let count = 0; count < 3; count += 1) twos.push(codeOf(await world.ask('two')));

    expect(ones).toEqual(['OK', 'OK', 'OK', 'RATE_LIMITED']);
    expect(elsewhere).toBe('RATE_LIMITED');
    expect(twos).toEqual(['OK', 'OK', 'OK']);
  });

  test('API keys that HelpCrunch has not accepted share the request rate of their address', async () => {
    await using world = await startWorld({ requestRateLimit: 2 });

    expect([codeOf(await world.ask('a')), codeOf(await world.ask('b'))]).toEqual([
      'UNAUTHENTICATED',
      'UNAUTHENTICATED',
    ]);
    expect(codeOf(await world.ask('three'))).toBe('RATE_LIMITED');
    expect(codeOf(await world.ask('three', '192.0.2.2'))).toBe('OK');
  });

  test('a WebSocket is limited by its API key once HelpCrunch has accepted the key', async () => {
    await using world = await startWorld({ requestRateLimit: 2, trustProxy: 0 });
    const [one, two] = await Promise.all([world.open('one'), world.open('two')]);

    // The first of each is counted by their address.
    const codes = [];
    for (let count = 0; count < 4; count += 1) codes.push(`${await one.ask()} ${await two.ask()}`);

    expect(codes).toEqual(['OK OK', 'OK OK', 'OK OK', 'RATE_LIMITED RATE_LIMITED']);
    expect(codeOf(await world.ask('one'))).toBe('RATE_LIMITED');
    await Promise.all([one.close(), two.close()]);
  });

  test('two accounts behind one address have separate connection limits', async () => {
    await using world = await startWorld({
      trustProxy: 0,
      subscriptions: {
        maxConnections: 100,
        maxConnectionsPerViewer: 1,
        maxConnectionAgeMs: 0,
        maxPerConnection: 10,
        maxSubscriptionsPerViewer: 10,
        maxBuffered: 10,
        callbackHosts: [],
      },
    });
    await world.ask('one');
    await world.ask('two');

    const lines = [await world.open('one'), await world.open('two')];
    const third = await openSocket(world.url);
    third.send({ type: 'connection_init', payload: { authorization: 'Bearer one' } });

    expect((await third.closed).code).toBe(1013);
    await Promise.all(lines.map((line) => line.close()));
  });
});

describe('live connections with API keys that HelpCrunch has not accepted', () => {
  const subscription = 'subscription { chatUpdated { change } }';

  async function startLive(limits: {
    readonly maxConnections: number;
    readonly maxConnectionsPerViewer: number;
  }) {
    const router = await startRouter();
    const world = await startWorld({
      trustProxy: 0,
      subscriptions: {
        maxConnectionAgeMs: 0,
        maxPerConnection: 10,
        maxSubscriptionsPerViewer: 1_000,
        maxBuffered: 10,
        callbackHosts: [router.origin],
        ...limits,
      },
    });
    const post = (key: string, accept: string, extensions: object = {}) =>
      fetch(`${world.url}/graphql`, {
        method: 'POST',
        headers: { accept, 'content-type': 'application/json', authorization: `Bearer ${key}` },
        body: JSON.stringify({ query: subscription, extensions }),
      });
    return {
      router,
      async openSocket(key: string) {
        const line = await openSocket(world.url);
        await line.initialize({ authorization: `Bearer ${key}` });
        return line;
      },
      openStream: (key: string) => post(key, 'text/event-stream'),
      openCallback: (key: string) =>
        post(key, 'application/json;callbackSpec=1.0', {
          subscription: {
            callbackUrl: `${router.origin}/${key}`,
            subscriptionId: key,
            verifier: 'secret',
            heartbeatIntervalMs: 0,
          },
        }),
      open: world.open,
      async connections(): Promise<number> {
        const metrics = await (await fetch(`${world.url}/metrics`)).text();
        return Number(/^helpcrunch_live_connections (\d+)$/m.exec(metrics)?.[1]);
      },
      async [Symbol.asyncDispose]() {
        await world[Symbol.asyncDispose]();
        await router[Symbol.asyncDispose]();
      },
    };
  }

  test('connections with invented API keys do not use up the connections of accepted ones', async () => {
    await using world = await startLive({ maxConnections: 2, maxConnectionsPerViewer: 2 });
    const statuses = [];
    for (const key of ['a', 'b', 'c']) {
      await world.openSocket(key);
      statuses.push((await world.openStream(key)).status, (await world.openCallback(key)).status);
    }
    const before = await world.connections();

    const line = await world.open('one');
    const code = await line.ask();

    expect(statuses).toEqual(Array(6).fill(200));
    expect(before).toBe(0);
    expect(code).toBe('OK');
    expect(await world.connections()).toBe(1);
    await line.close();
  });

  test('the oldest connections with invented API keys are closed at the limit of their address, accepted ones are not', async () => {
    await using world = await startLive({ maxConnections: 100, maxConnectionsPerViewer: 100 });
    const accepted = await world.open('one');
    await accepted.ask();
    const oldest = await world.openSocket('a');
    const stream = await world.openStream('b');
    await world.openCallback('c');

    for (let count = 0; count < 100; count += 1) await world.openSocket(`invented${count}`);

    expect(await oldest.closed).toEqual({ code: 1013, reason: 'Too many connections' });
    expect(await stream.text()).not.toContain('complete');
    expect((await world.router.hearComplete()).errors).toMatchObject([
      { extensions: { code: 'RATE_LIMITED' } },
    ]);
    expect(await accepted.ask()).toBe('OK');
    expect(await world.connections()).toBe(1);
    await accepted.close();
  });

  test('connections count for their API key from the moment HelpCrunch accepts it', async () => {
    await using world = await startLive({ maxConnections: 100, maxConnectionsPerViewer: 1 });
    const first = await world.open('one');
    const second = await world.openSocket('one');

    const code = await first.ask();

    expect(code).toBe('OK');
    expect(await second.closed).toEqual({ code: 1013, reason: 'Too many connections' });
    expect(await world.connections()).toBe(1);
    await first.close();
  });
});
