import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { auditServer } from 'graphql-http';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { hasRedis, startRedis } from '../support/redis.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

let helpCrunch: RecordingUpstream;
let gateway: Gateway;
let production: Gateway;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /chats/5208', { body: wireChat() });
  gateway = await startTestGateway({ upstream: helpCrunch });
  production = await startTestGateway({ upstream: helpCrunch, config: { isProduction: true } });
});

afterAll(async () => {
  await gateway.stop();
  await production.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

const json = { 'content-type': 'application/json' };

const post = ({ url }: Gateway, query: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify({ query }),
  });

const failuresOf = (results: Awaited<ReturnType<typeof auditServer>>) =>
  results.flatMap((result) => (result.status === 'ok' ? [] : [`${result.name}: ${result.reason}`]));

/** A GET needs a header that no plain link can send, which the audit leaves to its fetch. */
const audit = ({ url }: Gateway) =>
  auditServer({
    url: `${url}/graphql`,
    fetchFn(input: string, init?: RequestInit) {
      const headers = new Headers(init?.headers);
      headers.set('apollo-require-preflight', '1');
      return fetch(input, { ...init, headers });
    },
  });

describe('audit of GraphQL over HTTP', () => {
  test('the GraphQL over HTTP audit passes in development', async () => {
    const results = await audit(gateway);

    expect(failuresOf(results)).toEqual([]);
    expect(results).toHaveLength(61);
  });

  test('the GraphQL over HTTP audit passes its requirements in production', async () => {
    const results = await audit(production);

    expect(failuresOf(results)).toEqual([]);
    expect(results).toHaveLength(61);
  });
});

/** The requests of graphql-cop, and the responses that it reports as findings. */
describe('scanners in production', () => {
  const overloads = (name: string, query: string, hasWorked: (answer: any) => boolean) =>
    ({ name, query, hasWorked }) as const;

  test.each([
    overloads(
      '101 aliases',
      `query cop { ${Array.from({ length: 101 }, (_, index) => `alias${index}:__typename`).join(' \n')} }`,
      ({ data }) => data?.alias100 !== undefined,
    ),
    overloads(
      'one field 500 times',
      `query cop { ${'__typename \n'.repeat(500)} }`,
      ({ data }) => data?.__typename !== undefined,
    ),
    overloads(
      'ten unknown directives',
      `query cop { __typename ${'@aa'.repeat(10)} }`,
      ({ errors }) => errors.length === 10,
    ),
    overloads(
      'circular introspection',
      'query cop { __schema { types { fields { type { fields { type { fields { type { fields { type { name } } } } } } } } } } }',
      ({ data }) => data !== undefined,
    ),
    overloads(
      'fragment cycles',
      'query cop { __schema { ...A } } fragment A on __Schema { __typename ...B } fragment B on __Schema { ...A }',
      ({ errors }) => errors === undefined,
    ),
    overloads(
      'introspection of the schema',
      'query cop { __schema { types { name fields { name } } } }',
      ({ data }) => data !== undefined,
    ),
    overloads('a mistyped introspection field', 'query cop { __schema { directive } }', (answer) =>
      JSON.stringify(answer).includes('Did you mean'),
    ),
    overloads('a mistyped field of the schema', 'query cop { chatz { id } }', (answer) =>
      JSON.stringify(answer).includes('Did you mean'),
    ),
    overloads('traces in extensions', 'query cop { __typename }', (answer) =>
      /tracing|exception|stacktrace/.test(JSON.stringify(answer)),
    ),
    overloads('a syntax error', 'qwerty cop { abc }', (answer) =>
      /exception|stacktrace|at .*\.js/.test(JSON.stringify(answer)),
    ),
  ])('a scanner finds nothing in production: $name', async ({ query, hasWorked }) => {
    const response = await post(production, query);

    expect(hasWorked(await response.json())).toBe(false);
    expect(response.status).toBeLessThan(500);
  });

  test.each([
    ['a GET request', 'GET', '/graphql?query=query%20cop%7B__typename%7D'],
    ['a mutation by GET', 'GET', '/graphql?query=mutation%20cop%7B__typename%7D'],
    ['a POST without a body', 'POST', '/graphql?query=query%20cop%7B__typename%7D'],
  ])('a scanner finds nothing in production with %s', async (_what, method, path) => {
    const response = await fetch(production.url + path, { method });

    const { data }: any = await response.json();
    expect(data).toBeUndefined();
    expect(response.status).toBe(400);
  });

  test('a form submission is rejected in production', async () => {
    const body = new URLSearchParams({ query: '{ __typename }' });

    const response = await fetch(`${production.url}/graphql`, { method: 'POST', body });

    expect(response.status).toBe(415);
  });

  test('a batch is rejected in production', async () => {
    const body = JSON.stringify(Array.from({ length: 10 }, () => ({ query: '{ __typename }' })));

    const response = await fetch(`${production.url}/graphql`, {
      method: 'POST',
      headers: json,
      body,
    });

    const answer = await response.json();
    expect(Array.isArray(answer)).toBe(false);
    expect(response.status).toBe(400);
  });

  test.each(['/', '/graphiql', '/playground', '/console', '/graphql', '/explorer'])(
    'there is no explorer at %s in production',
    async (path) => {
      const response = await fetch(production.url + path, { headers: { accept: 'text/html' } });

      expect(response.headers.get('content-type')).not.toContain('text/html');
      expect(await response.text()).not.toMatch(/graphiql|playground|sandbox/i);
    },
  );
});

describe('security headers', () => {
  test.each(['/graphql', '/healthz', '/nowhere'])(
    'a response of %s has headers that keep browsers from showing it as a page',
    async (path) => {
      const { headers } = await fetch(production.url + path);

      expect(headers.get('content-security-policy')).toBe(
        "default-src 'none';frame-ancestors 'none';base-uri 'none';form-action 'none'",
      );
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('strict-transport-security')).toBeNull();
      expect(headers.get('x-powered-by')).toBeNull();
      expect(headers.get('server')).toBeNull();
    },
  );

  test('a response has Strict-Transport-Security when a trusted proxy reports TLS', async () => {
    await using behind = await startTestGateway({
      upstream: helpCrunch,
      config: { trustProxy: ['127.0.0.1'] },
    });
    const headers = { 'x-forwarded-proto': 'https' };

    const trusted = await fetch(`${behind.url}/healthz`, { headers });
    const untrusted = await fetch(`${gateway.url}/healthz`, { headers });

    expect(trusted.headers.get('strict-transport-security')).toBe('max-age=15552000');
    expect(untrusted.headers.get('strict-transport-security')).toBeNull();
  });
});

describe('slow and large requests', () => {
  async function say(url: string, text: string) {
    const { hostname: host, port } = new URL(url);
    const socket = connect({ host, port: Number(port) });
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.on('error', () => undefined);
    socket.write(text);
    await once(socket, 'close');
    return heard;
  }

  test.each([
    ['the head', 'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: '],
    [
      'the body',
      'POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"q',
    ],
  ])(
    'a client is disconnected when its request does not arrive in time: %s',
    async (_what, text) => {
      await using impatient = await startTestGateway({
        upstream: helpCrunch,
        config: { requestTimeoutMs: 100 },
      });

      const heard = await say(impatient.url, text);

      expect(heard).toMatch(/^HTTP\/1\.1 408 /);
    },
  );

  test('a client is disconnected when its request head is too large', async () => {
    const heard = await say(
      gateway.url,
      `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`,
    );

    expect(heard).toMatch(/^HTTP\/1\.1 431 /);
  });

  test('a connection above the maximum is closed', async () => {
    await using small = await startTestGateway({
      upstream: helpCrunch,
      config: { maxConnections: 1 },
    });
    const { hostname: host, port } = new URL(small.url);
    const first = connect({ host, port: Number(port) });
    await once(first, 'connect');
    first.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(first, 'data');

    const heard = await say(small.url, 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');

    first.destroy();
    expect(heard).toBe('');
  });

  test('a request body above the limit is rejected', async () => {
    await using small = await startTestGateway({
      upstream: helpCrunch,
      config: { maxBodyBytes: 1_024 },
    });

    const response = await post(small, `{ __typename } #${'x'.repeat(1_024)}`);

    expect(response.status).toBe(413);
  });
});

describe('request rate', () => {
  const ask = async (to: Gateway, headers: Record<string, string> = {}) => {
    const response = await post(to, '{ __typename }', headers);
    const answer: any = await response.json();
    return { status: response.status, headers: response.headers, ...answer };
  };

  test('a client above the request rate gets Retry-After, and other clients are not affected', async () => {
    await using behind = await startTestGateway({
      upstream: helpCrunch,
      config: { requestRateLimit: 2, trustProxy: 1 },
    });
    const from = (address: string) => ask(behind, { 'x-forwarded-for': address });

    const first = await from('192.0.2.1');
    const second = await from('198.51.100.9, 192.0.2.1');
    const third = await from('192.0.2.1');
    const other = await from('192.0.2.2');

    expect([first.status, second.status, third.status, other.status]).toEqual([200, 200, 429, 200]);
    const { retryAfterMs } = third.errors[0].extensions;
    expect(third.errors[0].extensions).toEqual({
      code: 'RATE_LIMITED',
      retryable: true,
      retryAfterMs: expect.any(Number),
      requestId: third.headers.get('x-request-id'),
    });
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(third.headers.get('retry-after')).toBe(String(Math.ceil(retryAfterMs / 1000)));
    expect(third.extensions.upstream.calls).toBe(0);
  });

  test('a client cannot evade the request rate with a header of an untrusted proxy', async () => {
    await using open = await startTestGateway({
      upstream: helpCrunch,
      config: { requestRateLimit: 1 },
    });

    const first = await ask(open, { 'x-forwarded-for': '192.0.2.1' });
    const second = await ask(open, { 'x-forwarded-for': '192.0.2.2', forwarded: 'for=192.0.2.2' });

    expect([first.status, second.status]).toEqual([200, 429]);
  });

  test('a client cannot evade the request rate with several addresses of one network', async () => {
    await using behind = await startTestGateway({
      upstream: helpCrunch,
      config: { requestRateLimit: 1, trustProxy: 1 },
    });
    const from = (address: string) => ask(behind, { 'x-forwarded-for': address });

    const answers = [
      await from('2001:db8:1:2::1'),
      await from('2001:db8:1:2:3:4:5:6'),
      await from('2001:db8:1:3::1'),
      await from('::1'),
      await from('::2'),
      await from('::ffff:192.0.2.7'),
      await from('192.0.2.7'),
    ];

    expect(answers.map(({ status }) => status)).toEqual([200, 429, 200, 200, 429, 200, 429]);
  });

  test('health checks are exempt from the request rate', async () => {
    await using strict = await startTestGateway({
      upstream: helpCrunch,
      config: { requestRateLimit: 1 },
    });
    await ask(strict);
    await ask(strict);

    const answers = await Promise.all(
      ['/healthz', '/readyz', '/metrics'].map((path) => fetch(strict.url + path)),
    );

    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
  });
});

(hasRedis ? describe : describe.skip)('clients of several instances (needs Redis)', () => {
  test('requests are counted together through Redis, and per instance while Redis is unavailable', async () => {
    await using redis = await startRedis();
    const config = { requestRateLimit: 2, redisUrl: redis.url };
    await using one = await startTestGateway({ upstream: helpCrunch, config });
    await using two = await startTestGateway({ upstream: helpCrunch, config });
    const statuses = async () => {
      const answers = [await post(one, '{ __typename }'), await post(two, '{ __typename }')];
      return answers.map(({ status }) => status);
    };
    for (const instance of [one, two]) {
      let text = '';
      while (!text.includes('"up"')) text = await (await fetch(`${instance.url}/healthz`)).text();
    }

    const together = [await statuses(), await statuses()];
    await redis.kill();
    const alone = [await statuses(), await statuses(), await statuses()];

    expect(together).toEqual([
      [200, 200],
      [429, 429],
    ]);
    expect(alone.flat()).toContain(429);
  });
});
