import { createHash } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { version } from '../../src/lib/version.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { exchange, head, openConnection } from '../support/rawHttp.ts';
import type { RawResponse } from '../support/rawHttp.ts';
import { signatureOf, webhookSecret, wireDelivery } from '../support/webhooks.ts';

let helpCrunch: RecordingUpstream;
let gateway: Awaited<ReturnType<typeof startTestGateway>>;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  gateway = await startTestGateway({ upstream: helpCrunch, config: { webhookSecret } });
});

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

const host = 'Host: localhost';
const upgradeTo = (protocol: string) => ['Connection: Upgrade', `Upgrade: ${protocol}`];
const h2c = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'];
const last = head('GET /healthz HTTP/1.1', host, 'Connection: close');
const json = 'Content-Type: application/json';
const operation = JSON.stringify({ query: '{ __typename }' });

/** A POST of an operation with an Upgrade header. */
const post = (body = operation, lines: readonly string[] = h2c, url = '/graphql') =>
  head(`POST ${url} HTTP/1.1`, host, json, ...lines, `Content-Length: ${body.length}`) + body;

const webSocket = (target = '/graphql', lines: readonly string[] = [host]) =>
  head(
    `GET ${target} HTTP/1.1`,
    ...lines,
    ...upgradeTo('websocket'),
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Protocol: graphql-transport-ws',
    `Sec-WebSocket-Key: ${Buffer.alloc(16).toString('base64')}`,
  );

const subscriptionLimits = {
  maxConnectionsPerViewer: 100,
  maxConnectionAgeMs: 0,
  maxPerConnection: 100,
  maxSubscriptionsPerViewer: 1_000,
  maxBuffered: 100,
  callbackHosts: [],
};

const answered = { status: 200, body: expect.stringContaining('"__typename":"Query"') };
const healthy = { status: 200, body: JSON.stringify({ status: 'ok', version }) };

/** In the form of every other refusal. */
function expectRefusal(response: RawResponse | undefined, status: number, code = 'BAD_REQUEST') {
  expect(response?.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(JSON.parse(response?.body ?? '')).toEqual({
    errors: [
      {
        message: expect.stringMatching(/\S/),
        extensions: expect.objectContaining({
          code,
          retryable: code === 'RATE_LIMITED',
          requestId: response?.headers['x-request-id'],
        }),
      },
    ],
    extensions: { upstream: { calls: 0, cacheHits: 0, shared: 0 } },
  });
  expect(response?.status).toBe(status);
}

/** Holds the upstream response of a route until the test sends it. */
function hold(route: string) {
  return new Promise<ServerResponse>((resolve) => {
    helpCrunch.respond(route, (_call, response) => {
      resolve(response);
      return undefined;
    });
  });
}

describe('requests with an ignored Upgrade', () => {
  test.each(['h2c', 'x', 'TLS/1.2, HTTP/2.0', 'websocket, h2c', ''])(
    'a request with the header Upgrade: %j is served as if the header were absent',
    async (protocol) => {
      const responses = await exchange(gateway.url, post(operation, upgradeTo(protocol)) + last);

      expect(responses).toMatchObject([answered, healthy]);
    },
  );

  test.each([
    [
      'curl --http2',
      [
        'User-Agent: curl/8.5.0',
        'Accept: */*',
        'Connection: Upgrade, HTTP2-Settings',
        'Upgrade: h2c',
        'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA',
      ],
      ['User-Agent: curl/8.5.0', 'Accept: */*'],
    ],
    [
      'the HTTP client of the JDK',
      [
        'Connection: Upgrade, HTTP2-Settings',
        'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
        'Upgrade: h2c',
        'User-Agent: Java-http-client/21.0.2',
      ],
      // It offers HTTP/2 once for each connection.
      ['User-Agent: Java-http-client/21.0.2'],
    ],
  ])(
    '%s, which offers h2c, is served by HTTP/1.1 and reuses the connection',
    async (_client, first, later) => {
      const url = gateway.url.replace('http://', '');
      const send = (lines: readonly string[], method = 'POST') =>
        method === 'GET'
          ? head('GET /graphql?query=%7B__typename%7D HTTP/1.1', `Host: ${url}`, ...lines, json)
          : head(
              'POST /graphql HTTP/1.1',
              ...lines.filter((line) => /Connection|HTTP2|Upgrade/.test(line)),
              `Content-Length: ${operation.length}`,
              `Host: ${url}`,
              ...lines.filter((line) => !/Connection|HTTP2|Upgrade/.test(line)),
              json,
            ) + operation;
      using connection = await openConnection(gateway.url);
      const responses = [];
      for (const text of [send(first), send(later), send(first, 'GET'), send(later, 'GET')]) {
        connection.write(text);
        responses.push(await connection.response());
      }

      expect(responses).toMatchObject(Array(4).fill(answered));
      for (const response of responses) {
        expect(response?.headers).not.toHaveProperty('upgrade');
        expect(response?.headers['connection']).toBe('keep-alive');
      }
    },
  );

  test('a request with an ignored Upgrade is served on every route', async () => {
    const request = (line: string) => head(`${line} HTTP/1.1`, host, ...h2c);
    const requests = ['GET /healthz', 'GET /nowhere', 'GET /graphql?query={__typename}'];

    const responses = await exchange(gateway.url, requests.map(request).join('') + last);

    expect(responses.map(({ status }) => status)).toEqual([200, 404, 400, 200]);
    expectRefusal(responses[1], 404);
  });

  test('a webhook with an ignored Upgrade is processed', async () => {
    const body = wireDelivery({ event: 'none', eventData: {} });
    const lines = [...h2c, `X-HelpCrunch-Signature: ${signatureOf(body)}`];

    const [response] = await exchange(
      gateway.url,
      post(body, lines, '/webhooks/helpcrunch') + last,
    );

    expect(response).toMatchObject({ status: 200, body: '{"outcome":"ignored"}' });
  });

  test('a request with an ignored Upgrade may send a chunked body', async () => {
    const chunks = `5\r\n${operation.slice(0, 5)}\r\n${(operation.length - 5).toString(16)}\r\n${operation.slice(5)}\r\n0\r\n\r\n`;
    const request = head(
      'POST /graphql HTTP/1.1',
      host,
      json,
      ...h2c,
      'Transfer-Encoding: chunked',
    );

    const responses = await exchange(gateway.url, request + chunks + last);

    expect(responses).toMatchObject([answered, healthy]);
  });

  test('a request with an ignored Upgrade may wait for 100 Continue', async () => {
    using connection = await openConnection(gateway.url);
    const length = `Content-Length: ${operation.length}`;
    const lines = [host, json, ...h2c, 'Expect: 100-continue', length];

    connection.write(head('POST /graphql HTTP/1.1', ...lines));
    const proceed = await connection.response();
    connection.write(operation.slice(0, 3));
    connection.write(operation.slice(3));

    expect(proceed?.status).toBe(100);
    expect(await connection.response()).toMatchObject(answered);
  });

  test('a request with an ignored Upgrade keeps non-ASCII bytes of its header fields', async () => {
    const lines = [...h2c, 'X-Request-Id: plain', 'X-Name: \xc3\xa9\xff'];

    const [response] = await exchange(gateway.url, post(operation, lines) + last);

    expect(response).toMatchObject({ ...answered, headers: { 'x-request-id': 'plain' } });
  });

  test('a request with an ignored Upgrade is served after the earlier requests on its connection', async () => {
    const asked = hold('GET /chats/1');
    using connection = await openConnection(gateway.url);

    connection.write(post('{"query":"{ chat(id: 1) { id } }"}', []) + post() + post() + last);
    (await asked).end(JSON.stringify(wireChat({ id: 1 })));

    expect((await connection.response())?.body).toContain('"chat":{"id":"1"}');
    expect(await connection.response()).toMatchObject(answered);
    expect(await connection.response()).toMatchObject(answered);
    expect(await connection.response()).toMatchObject(healthy);
  });

  test('a request with an ignored Upgrade is not served after a request that closes the connection', async () => {
    const closing = head('GET /readyz HTTP/1.1', host, 'Connection: close');

    const responses = await exchange(gateway.url, closing + post());

    expect(responses).toMatchObject([{ status: 200, body: '{"status":"ready"}' }]);
  });

  test('a request with an ignored Upgrade is completed when the gateway stops', async () => {
    const asked = hold('GET /chats/2');
    const stopping = await startTestGateway({ upstream: helpCrunch });
    using connection = await openConnection(stopping.url);
    connection.write(post('{"query":"{ chat(id: 2) { id } }"}'));
    const answer = await asked;

    const stopped = stopping.stop();
    answer.end(JSON.stringify(wireChat({ id: 2 })));

    expect((await connection.response())?.body).toContain('"chat":{"id":"2"}');
    await connection.closed;
    await stopped;
  });

  test('a WebSocket may follow a request with an ignored Upgrade on the same connection', async () => {
    using connection = await openConnection(gateway.url);

    connection.write(post() + webSocket());

    expect(await connection.response()).toMatchObject(answered);
    expect((await connection.response())?.status).toBe(101);
  });

  test('a request with an ignored Upgrade has the same limits as any other', async () => {
    await using small = await startTestGateway({
      upstream: helpCrunch,
      config: { maxBodyBytes: 1_024, requestTimeoutMs: 100 },
    });
    const long = operation + ' '.repeat(2_000);

    const [tooLong] = await exchange(small.url, post(long, [...h2c, 'Connection: close']));
    const [tooSlow] = await exchange(small.url, post().slice(0, -1));

    expectRefusal(tooLong, 413);
    expectRefusal(tooSlow, 408);
  });

  test.each([
    ['two lengths', ['Content-Length: 5', 'Content-Length: 6']],
    ['a length and chunks', ['Content-Length: 5', 'Transfer-Encoding: chunked']],
    ['an unknown coding', ['Transfer-Encoding: xchunked']],
    ['a coding after chunks', ['Transfer-Encoding: chunked, gzip']],
  ])(
    'a request with an ignored Upgrade and an ambiguous end (%s) is rejected, and no later byte is read',
    async (_what, lines) => {
      const request = head('POST /graphql HTTP/1.1', host, json, ...h2c, ...lines);

      const responses = await exchange(gateway.url, `${request}0\r\n\r\n${last}`);

      expect(responses).toHaveLength(1);
      expectRefusal(responses[0], 400);
    },
  );

  test('a request with an ignored Upgrade ends at its content length after any number of header fields', async () => {
    const fields = Array.from({ length: 1_500 }, () => 'a:');
    const body = `${operation}${' '.repeat(50)}`;

    const responses = await exchange(gateway.url, post(body, [...h2c, ...fields]) + last);

    expect(responses).toMatchObject([answered, healthy]);
  });
});

describe('request targets', () => {
  const kinds = [
    { kind: 'a GET', lines: [] },
    { kind: 'a GET with an unknown Upgrade', lines: upgradeTo('x') },
    { kind: 'a GET with an Upgrade to h2c', lines: h2c },
    { kind: 'a GET with an Upgrade to WebSocket', lines: upgradeTo('websocket') },
  ];

  describe.each(kinds)('request targets of $kind', ({ lines }) => {
    const ask = async (target: string, hostLine = host) => {
      const request = head(`GET ${target} HTTP/1.1`, hostLine, ...lines);
      const responses = await exchange(gateway.url, request + last);
      return responses[0];
    };

    test.each([
      '*',
      '//',
      '//[',
      '//graphql',
      '//localhost/graphql',
      '/%',
      '/%zz',
      '/%c0%af',
      '/graphql%',
      'http://',
      'http:///graphql',
      'http://[/graphql',
      'http://localhost//graphql',
      'http://localhost/%zz',
      'http://user@localhost/graphql',
      'http://user:password@localhost/graphql',
      'http://local host/graphql',
      'ws://localhost/graphql',
      'localhost:4000',
    ])('a request gets 400 when its target is %s', async (target) => {
      expectRefusal(await ask(target), 400);
    });

    test.each([
      'http://localhost/healthz',
      'HTTP://LOCALHOST:80/healthz',
      'https://localhost/healthz?a=%zz',
      'http://[::1]:4000/healthz',
    ])('a request target may be absolute, such as %s', async (target) => {
      expect(await ask(target)).toMatchObject(healthy);
    });
  });

  test('an absolute target routes an operation by its path', async () => {
    const requests =
      post(operation, [], 'http://localhost/graphql') +
      post(operation, h2c, 'http://localhost/graphql') +
      post(operation, [], 'http://localhost/nowhere') +
      post(operation, [], 'http://localhost');

    const responses = await exchange(gateway.url, requests + last);

    expect(responses.map(({ status }) => status)).toEqual([200, 200, 404, 404, 200]);
  });

  test('an absolute target routes an event stream by its path', async () => {
    const target = 'http://localhost/graphql/stream?query={__typename}';
    const lines = ['Accept: text/event-stream', 'Connection: close'];

    using connection = await openConnection(gateway.url);
    connection.write(head(`GET ${target} HTTP/1.1`, host, ...lines));
    await connection.closed;

    expect(connection.heard()).toContain('"__typename":"Query"');
  });

  test('CONNECT gets 400', async () => {
    const [response] = await exchange(gateway.url, head('CONNECT localhost:443 HTTP/1.1', host));

    expectRefusal(response, 400);
  });
});

describe('WebSocket upgrades', () => {
  const statusOf = async (request: string, url = gateway.url) => {
    using connection = await openConnection(url);
    connection.write(request);
    return await connection.response();
  };

  test.each(['/graphql', '/graphql?a=b', 'http://localhost/graphql', 'http://127.0.0.1:1/graphql'])(
    'a WebSocket is opened at %s',
    async (target) => {
      const response = await statusOf(webSocket(target));

      const accept = createHash('sha1')
        .update(`${Buffer.alloc(16).toString('base64')}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest('base64');
      expect(response).toMatchObject({ status: 101, headers: { 'sec-websocket-accept': accept } });
    },
  );

  test('a WebSocket is opened after the earlier requests on its connection have their responses', async () => {
    const asked = hold('GET /chats/3');
    using connection = await openConnection(gateway.url);

    connection.write(post('{"query":"{ chat(id: 3) { id } }"}', []) + webSocket());
    (await asked).end(JSON.stringify(wireChat({ id: 3 })));

    expect((await connection.response())?.body).toContain('"chat":{"id":"3"}');
    expect((await connection.response())?.status).toBe(101);
  });

  test.each(['/healthz', '/', '/graphql/', '/graphql/stream'])(
    'a WebSocket is not opened at %s, where the Upgrade is ignored',
    async (target) => {
      const response = await statusOf(webSocket(target));

      expect(response?.status).not.toBe(101);
      expect(response?.status).toBeLessThan(500);
    },
  );

  test('a WebSocket with an invalid handshake is rejected in JSON', async () => {
    const oldVersion = webSocket().replace('Version: 13', 'Version: 7');
    const key = webSocket().replace(/Key: .*\r\n/, 'Key: x\r\n');

    expectRefusal(await statusOf(oldVersion), 400);
    expectRefusal(await statusOf(key), 400);
  });

  test('a WebSocket is rejected in JSON for a foreign origin, a missing router secret and too many connections', async () => {
    await using guarded = await startTestGateway({
      upstream: helpCrunch,
      config: { routerSecret: 'x'.repeat(32), isRouterOnly: true },
    });
    await using full = await startTestGateway({
      upstream: helpCrunch,
      config: { subscriptions: { ...subscriptionLimits, maxConnections: 0 } },
    });

    const page = await statusOf(webSocket('/graphql', [host, 'Origin: https://evil.example']));
    const client = await statusOf(webSocket(), guarded.url);
    const late = await statusOf(webSocket(), full.url);

    expectRefusal(page, 403, 'FORBIDDEN');
    expectRefusal(client, 401, 'UNAUTHENTICATED');
    expectRefusal(late, 503, 'RATE_LIMITED');
    expect(late?.headers['retry-after']).toBe('5');
  });

  test('a WebSocket with a wrong router secret gets 429 and Retry-After once its address has AUTH_FAILURE_LIMIT failures', async () => {
    await using guarded = await startTestGateway({
      upstream: helpCrunch,
      config: { routerSecret: 'x'.repeat(32), authFailureLimit: 2 },
    });
    const guess = webSocket('/graphql', [host, 'X-Router-Secret: guess']);

    const allowed = [await statusOf(guess, guarded.url), await statusOf(guess, guarded.url)];
    const limited = await statusOf(guess, guarded.url);

    for (const response of allowed) {
      expectRefusal(response, 403, 'FORBIDDEN');
      expect(response?.headers).not.toHaveProperty('retry-after');
    }
    expectRefusal(limited, 429, 'RATE_LIMITED');
    expect(Number(limited?.headers['retry-after'])).toBeGreaterThan(0);
    expect(limited?.headers['cache-control']).toBe('no-store');
  });
});

describe('malformed HTTP', () => {
  test.each([
    ['no request line', 'x\r\n\r\n', 400],
    ['a field without a colon', 'GET / HTTP/1.1\r\nHost: a\r\nx\r\n\r\n', 400],
    ['fields that are too long', head('GET / HTTP/1.1', host, `X: ${'x'.repeat(20_000)}`), 431],
  ])('malformed HTTP is rejected in JSON: %s', async (_what, text, status) => {
    const [response] = await exchange(gateway.url, text);

    expectRefusal(response, status);
  });

  test.each([
    ['', []],
    [' and an ignored Upgrade', ['Connection: Upgrade, keep-alive', 'Upgrade: h2c']],
  ])(
    'an HTTP/1.0 request with Transfer-Encoding%s is rejected, and no later byte is read',
    async (_what, lines) => {
      const chunks = `${operation.length.toString(16)}\r\n${operation}\r\n0\r\n\r\n`;
      const connection = lines.length === 0 ? ['Connection: keep-alive'] : lines;
      const fields = [host, json, ...connection, 'Transfer-Encoding: chunked'];
      const request = head('POST /graphql HTTP/1.0', ...fields) + chunks;

      const responses = await exchange(gateway.url, request + last);

      expect(responses).toHaveLength(1);
      expectRefusal(responses[0], 400);
      expect(responses[0]?.headers['connection']).toBe('close');
    },
  );

  test('malformed HTTP is rejected after the earlier requests on its connection have their responses', async () => {
    const asked = hold('GET /chats/4');
    using connection = await openConnection(gateway.url);

    connection.write(`${post('{"query":"{ chat(id: 4) { id } }"}', [])}x\r\n\r\n`);
    (await asked).end(JSON.stringify(wireChat({ id: 4 })));

    expect((await connection.response())?.body).toContain('"chat":{"id":"4"}');
    expectRefusal(await connection.response(), 400);
  });

  test('malformed HTTP within another response closes the connection without a response', async () => {
    using connection = await openConnection(gateway.url);
    const target = '/graphql/stream?query=subscription{chatUpdated{change}}';
    connection.write(head(`GET ${target} HTTP/1.1`, host, 'Accept: text/event-stream'));
    await gateway.waitForSubscriptions(1);

    connection.write('x\r\n\r\n');
    await connection.closed;

    expect(connection.heard()).not.toContain('400');
  });
});
