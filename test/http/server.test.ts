import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { version } from '../../src/lib/version.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

let helpCrunch: RecordingUpstream;
let gateway: Gateway;
let production: Gateway;

const ownOrigin = 'https://app.example.com';

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /chats/5208', { body: wireChat() });
  helpCrunch.respond('PUT /chats/readByAgent', { body: wireChat() });
  gateway = await startTestGateway({
    upstream: helpCrunch,
    config: { rateLimit: 0, corsOrigins: [ownOrigin] },
  });
  production = await startTestGateway({ upstream: helpCrunch, config: { isProduction: true } });
});

afterAll(async () => {
  await gateway.stop();
  await production.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

const json = { 'content-type': 'application/json' };
const preflight = { 'apollo-require-preflight': '1' };
const query = 'query ($id: ID!) { chat(id: $id) { id } }';
const variables = { id: '5208' };
const mark = 'mutation { markChatRead(id: 5208, by: AGENT, read: true) { id } }';
const search = (parameters: Record<string, string>) =>
  `/graphql?${new URLSearchParams(parameters).toString()}`;

const ask = (path: string, init: RequestInit = {}, { url } = gateway) =>
  fetch(`${url}${path}`, { redirect: 'manual', ...init });

const post = (body: string, headers: Record<string, string> = json) =>
  ask('/graphql', { method: 'POST', headers, body });

const lines: Socket[] = [];

afterEach(() => {
  for (const line of lines.splice(0)) line.destroy();
});

/** An open line to a server, and all that has come over it. */
async function dial(url: string, options: { readonly allowHalfOpen?: boolean } = {}) {
  const { hostname: host, port } = new URL(url);
  const socket = connect({ host, port: Number(port), ...options });
  lines.push(socket);
  // A line that the other side breaks is closed like any other.
  socket.on('error', () => undefined);
  let heard = '';
  socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  await once(socket, 'connect');
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return { socket, closed, heard: () => heard };
}

const write = (socket: Socket, head: readonly string[], body = '') =>
  socket.write([...head, '', body].join('\r\n'));

/** What a server says to a request that no HTTP client would write. */
async function say(url: string, head: readonly string[], body = '') {
  const { socket, closed, heard } = await dial(url);
  write(socket, [...head, 'Connection: close'], body);
  await closed;
  return { status: Number(heard().split(' ')[1]), body: heard().split('\r\n\r\n')[1] ?? '' };
}

/** Expects an error in GraphQL's response format and no upstream call. */
async function expectRefusal(response: Response, status: number) {
  const body: any = await response.json();
  expect(body).toEqual({
    errors: [
      {
        message: expect.stringMatching(/\S/),
        extensions: {
          code: 'BAD_REQUEST',
          retryable: false,
          requestId: response.headers.get('x-request-id'),
        },
      },
    ],
    extensions: { upstream: expect.objectContaining({ calls: 0, cacheHits: 0, shared: 0 }) },
  });
  expect(response.status).toBe(status);
  return body.errors[0].message as string;
}

describe('operations over HTTP', () => {
  test('an operation is executed by POST', async () => {
    const response = await post(JSON.stringify({ query, variables }));

    expect(await response.json()).toMatchObject({ data: { chat: { id: '5208' } } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('a query is executed by GET', async () => {
    const path = search({ query, variables: JSON.stringify(variables) });

    const response = await ask(path, { headers: preflight });

    expect(await response.json()).toMatchObject({ data: { chat: { id: '5208' } } });
    expect(response.headers.get('cache-control')).toBe('private, no-cache');
  });

  test('a response has the media type application/graphql-response+json if the client accepts it', async () => {
    const accept = 'application/graphql-response+json';

    const response = await post(JSON.stringify({ query, variables }), { ...json, accept });

    expect(response.headers.get('content-type')).toContain(accept);
  });

  test('a request body of 256 KiB is accepted, and one byte more is rejected', async () => {
    const body = JSON.stringify({ query: '{ __typename }' });
    const longest = body + ' '.repeat(262_144 - body.length);

    const read = await post(longest);
    const refused = await post(`${longest} `);

    expect(await read.json()).toMatchObject({ data: { __typename: 'Query' } });
    expect(await expectRefusal(refused, 413)).toContain('too large');
  });
});

describe('cross-site request forgery', () => {
  const parameters = { query, variables: JSON.stringify(variables) };
  const body = JSON.stringify(parameters);

  test.each([
    { name: 'a GET', path: search(parameters), init: {}, status: 400 },
    { name: 'a GET of a mutation', path: search({ query: mark }), init: {}, status: 400 },
    {
      name: 'a POST of plain text',
      path: '/graphql',
      init: { method: 'POST', body, headers: { 'content-type': 'text/plain' } },
      status: 400,
    },
    {
      name: 'a POST of odd plain text',
      path: '/graphql',
      init: { method: 'POST', body, headers: { 'content-type': 'text/plain; application/json' } },
      status: 400,
    },
    {
      name: 'a POST of a form',
      path: '/graphql',
      init: { method: 'POST', body: new URLSearchParams(parameters) },
      status: 415,
    },
    {
      name: 'a POST of a form in parts',
      path: '/graphql',
      init: {
        method: 'POST',
        body,
        headers: { 'content-type': 'multipart/form-data; boundary=x' },
      },
      status: 415,
    },
    {
      name: 'a POST without a type',
      path: '/graphql',
      init: { method: 'POST', body: new TextEncoder().encode(body) },
      status: 415,
    },
    { name: 'an empty POST', path: search({ query: mark }), init: { method: 'POST' }, status: 400 },
  ])('$name is rejected before any upstream call', async ({ path, init, status }) => {
    const before = helpCrunch.calls.length;

    const response = await ask(path, init);

    await expectRefusal(response, status);
    expect(helpCrunch.calls).toHaveLength(before);
  });

  test('a mutation by GET is rejected even with a preflight header', async () => {
    const response = await ask(search({ query: mark }), { headers: preflight });

    const { errors }: any = await response.json();
    expect(errors[0].extensions).toMatchObject({ code: 'BAD_REQUEST', retryable: false });
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
    expect(helpCrunch.callsTo('PUT /chats/readByAgent')).toHaveLength(0);
  });

  test('a HEAD request executes no operation, cached ones included', async () => {
    for (let run = 0; run < 3; run += 1) await post(JSON.stringify({ query: mark }));
    const before = helpCrunch.calls.length;

    for (const document of [mark, query]) {
      const path = search({ query: document, variables: JSON.stringify(variables) });
      const response = await ask(path, { method: 'HEAD', headers: preflight });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET, POST');
    }
    expect(helpCrunch.calls).toHaveLength(before);
  });
});

describe('malformed requests', () => {
  const one = JSON.stringify({ query: '{ __typename }' });

  test.each([
    ['broken JSON', '{'],
    ['an empty body', ''],
    ['null', 'null'],
    ['a string', '"{ __typename }"'],
    ['an empty object', '{}'],
    ['an empty list', '[]'],
    ['a batch of one', `[${one}]`],
    ['a batch of two', `[${one},${one}]`],
    ['a __proto__', '{"__proto__":{"query":"{ __typename }"}}'],
    ['a query that is not a string', '{"query":{}}'],
    ['variables in a string', '{"query":"{ __typename }","variables":"{}"}'],
    ['variables in a list', '{"query":"{ __typename }","variables":[]}'],
    ['an operation name that is not a string', '{"query":"{ __typename }","operationName":1}'],
    ['extensions in a string', '{"query":"{ __typename }","extensions":"{}"}'],
  ])('a POST of %s gets 400', async (_what, body) => {
    await expectRefusal(await post(body), 400);
  });

  test.each([
    ['broken variables', search({ query, variables: '{' }), {}, 400],
    ['variables in a list', search({ query, variables: '[]' }), {}, 400],
    ['two query parameters', `${search({ query })}&query=x`, {}, 400],
    ['a content type', search({ query }), { 'content-type': 'text/plain' }, 415],
    [
      'an Accept of other media types',
      search({ query: '{ __typename }' }),
      { accept: 'image/png' },
      406,
    ],
  ])('a GET with %s gets 400', async (_what, path, headers, status) => {
    await expectRefusal(await ask(path, { headers: { ...preflight, ...headers } }), status);
  });

  test.each(['PUT', 'PATCH', 'DELETE'])('a %s gets 405', async (method) => {
    const response = await ask('/graphql', { method, headers: json, body: one });

    await expectRefusal(response, 405);
    expect(response.headers.get('allow')).toBe('GET, POST');
  });

  test.each([
    '/nowhere',
    '/graphql/',
    '/graphql/x',
    '//',
    '/healthz/x',
    '/.env',
    '/%zz',
    '/%c0%af',
  ])('the path %s has no route', async (path) => {
    const answer = await say(gateway.url, [`GET ${path} HTTP/1.1`, 'Host: localhost']);

    expect(JSON.parse(answer.body)).toEqual({
      errors: [
        {
          message: expect.not.stringContaining(path),
          extensions: { code: 'BAD_REQUEST', retryable: false, requestId: expect.anything() },
        },
      ],
      extensions: { upstream: { calls: 0, cacheHits: 0, shared: 0 } },
    });
    expect([400, 404]).toContain(answer.status);
  });

  test('a path that cannot be decoded is not reported as invalid JSON', async () => {
    const { body } = await say(gateway.url, ['GET /%zz HTTP/1.1', 'Host: localhost']);

    expect(body).not.toContain('JSON');
  });
});

describe('request ids', () => {
  test.each(['abc', 'a.b:c_d-1', '0af7651916cd43dd8448eb211c80319c', 'x'.repeat(64)])(
    'the request id %s of a client is kept',
    async (id) => {
      const response = await post('{}', { ...json, 'x-request-id': id });

      expect(response.headers.get('x-request-id')).toBe(id);
      await expectRefusal(response, 400);
    },
  );

  test.each(['x'.repeat(65), '', 'a b', '{"a":1}', '<script>', 'a,b', 'é', '../x'])(
    'the request id %j of a client is replaced',
    async (id) => {
      const [first, second] = await Promise.all(
        [1, 2].map(() => ask('/healthz', { headers: { 'x-request-id': id } })),
      );

      const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
      expect(first?.headers.get('x-request-id')).toMatch(uuid);
      expect(second?.headers.get('x-request-id')).toMatch(uuid);
      expect(first?.headers.get('x-request-id')).not.toBe(second?.headers.get('x-request-id'));
    },
  );
});

describe('health checks', () => {
  test.each([
    ['/healthz', { status: 'ok', version }],
    ['/readyz', { status: 'ready' }],
  ])('%s reports the health of the gateway', async (path, expected) => {
    const response = await ask(path);

    expect(await response.json()).toEqual(expected);
    expect(response.status).toBe(200);
  });
});

describe('development mode', () => {
  test('introspection is enabled and errors contain suggestions in development', async () => {
    const schema = await gateway.query('{ __schema { queryType { name } } }');
    const typo = await gateway.query('{ chatz { id } }');

    expect(schema.data).toEqual({ __schema: { queryType: { name: 'Query' } } });
    expect(typo.errors[0]?.message).toContain('Did you mean');
  });
});

describe('production mode', () => {
  test('there is no explorer in production', async () => {
    const door = await ask('/', {}, production);
    const page = await ask('/graphql', { headers: { accept: 'text/html' } }, production);

    await expectRefusal(door, 404);
    await expectRefusal(page, 406);
  });

  test.each([
    '{ __schema { queryType { name } } }',
    '{ __type(name: "Chat") { fields { name } } }',
    'query Q { ...F } fragment F on Query { __schema { types { name } } }',
  ])('introspection by %s is disabled in production', async (document) => {
    const { data, errors, status } = await production.query(document);

    expect(data).toBeUndefined();
    expect(errors.map(({ extensions }) => extensions['code'])).toContain(
      'GRAPHQL_VALIDATION_FAILED',
    );
    expect(status).toBe(400);
  });

  test.each([
    ['a field', '{ chatz { id } }', {}],
    ['an argument', '{ chat(idd: 1) { id } }', {}],
    ['a type', 'query ($f: ChatFiltr) { chats(filter: $f) { totalCount } }', {}],
    ['a fragment', '{ chat(id: 1) { ... on Chatt { id } } }', {}],
    ['a value', 'mutation { markChatRead(id: 1, by: AGENTT, read: true) { id } }', {}],
    ['a value in an object', '{ chats(filter: { statu: NEW }) { totalCount } }', {}],
    [
      'a value in a variable',
      'mutation ($by: ReadBy!) { markChatRead(id: 1, by: $by, read: true) { id } }',
      { by: 'AGENTT' },
    ],
    [
      'a name in a variable',
      'query ($f: ChatFilter) { chats(filter: $f) { totalCount } }',
      { f: { statu: 'NEW' } },
    ],
  ])(
    'errors in production do not suggest the correct name of %s',
    async (_what, document, given) => {
      const { errors, status } = await production.query(document, given);

      expect(status).toBe(400);
      expect(errors.length).toBeGreaterThan(0);
      expect(JSON.stringify(errors)).not.toContain('Did you mean');
      expect(JSON.stringify(errors)).not.toContain('stacktrace');
    },
  );
});

describe('CORS', () => {
  const allowed = (response: Response) => response.headers.get('access-control-allow-origin');

  test.each([
    ownOrigin,
    'https://studio.apollographql.com',
    'https://sandbox.embed.apollographql.com',
    'http://localhost:3000',
    'https://localhost',
    'http://127.0.0.1:5173',
  ])('the origin %s is allowed', async (origin) => {
    const response = await post('{"query":"{ __typename }"}', { ...json, origin });

    expect(allowed(response)).toBe(origin);
    expect(response.headers.get('vary')).toContain('Origin');
    expect(response.headers.get('access-control-expose-headers')).toBe(
      'ratelimit, ratelimit-policy, retry-after, x-request-id, x-upstream-calls',
    );
    // Only those that an operator has named may use what the browser keeps for this address.
    expect(response.headers.get('access-control-allow-credentials')).toBe(
      origin === ownOrigin ? 'true' : null,
    );
  });

  test.each([
    'https://other.example.com',
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.evil.example',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
    'http://evil-localhost:3000',
    'https://studioxapollographql.com',
    'null',
  ])('the origin %s is not allowed', async (origin) => {
    const asked = await post('{"query":"{ __typename }"}', { ...json, origin });
    const before = await ask('/graphql', {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST' },
    });

    expect(allowed(asked)).toBeNull();
    expect(allowed(before)).toBeNull();
  });

  test('a preflight request of a listed origin gets the allowed headers', async () => {
    const { status, headers } = await ask('/graphql', {
      method: 'OPTIONS',
      headers: {
        origin: ownOrigin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type,authorization',
      },
    });

    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe(ownOrigin);
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST');
    expect(headers.get('access-control-allow-headers')).toContain('authorization');
    expect(headers.get('access-control-max-age')).toBe('600');
  });

  test.each([ownOrigin, 'http://localhost:3000', 'https://studio.apollographql.com'])(
    'in production without CORS_ORIGINS the origin %s is not allowed',
    async (origin) => {
      const response = await ask('/healthz', { headers: { origin } }, production);
      const before = await ask(
        '/graphql',
        { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } },
        production,
      );

      expect([allowed(response), allowed(before)]).toEqual([null, null]);
      expect(before.status).toBe(204);
    },
  );

  test('in production listed origins are allowed and development origins are not', async () => {
    await using strict = await startTestGateway({
      upstream: helpCrunch,
      config: { isProduction: true, corsOrigins: [ownOrigin] },
    });

    const listed = await ask('/healthz', { headers: { origin: ownOrigin } }, strict);
    const local = await ask('/healthz', { headers: { origin: 'http://localhost:3000' } }, strict);

    expect(allowed(listed)).toBe(ownOrigin);
    expect(allowed(local)).toBeNull();
  });
});

/** Holds the upstream response of a route until the test sends it. */
function hold(route: string) {
  return new Promise<ServerResponse>((resolve) => {
    helpCrunch.respond(route, (_call, response) => {
      resolve(response);
      return undefined;
    });
  });
}

const held = (id: number) => `{ chat(id: ${id}) { id customer { phone } } }`;

/** The same, as no client would let go of it. */
function writeOperation(socket: Socket, document: string) {
  const body = JSON.stringify({ query: document });
  const length = `Content-Length: ${body.length}`;
  write(
    socket,
    ['POST /graphql HTTP/1.1', 'Host: localhost', 'Content-Type: application/json', length],
    body,
  );
}

describe('disconnected clients', () => {
  test('a client that disconnects aborts its upstream call', async () => {
    const asked = hold('GET /chats/1');
    const { socket } = await dial(gateway.url);

    writeOperation(socket, held(1));
    const response = await asked;
    const letGo = once(response, 'close');
    socket.destroy();

    await letGo;
    expect(response.writableFinished).toBe(false);
  });

  test('a client that disconnects leaves no log line and no open work', async () => {
    const asked = hold('GET /chats/2');
    await using other = await startTestGateway({ upstream: helpCrunch });
    const asking = await dial(other.url);
    const sending = await dial(other.url);

    writeOperation(asking.socket, held(2));
    const letGo = once(await asked, 'close');
    asking.socket.destroy();
    write(
      sending.socket,
      [
        'POST /graphql HTTP/1.1',
        'Host: localhost',
        'Content-Type: application/json',
        'Content-Length: 99',
        'Expect: 100-continue',
      ],
      '{"que',
    );
    await once(sending.socket, 'data');
    sending.socket.destroy();
    await letGo;
    await other.stop();

    expect(other.logged).toEqual([]);
    expect(helpCrunch.callsTo('GET /customers/7001')).toEqual([]);
  });
});

describe('shutdown', () => {
  test('a gateway that stops completes running requests and accepts no new ones', async () => {
    const asked = hold('GET /chats/3');
    const stopping = await startTestGateway({ upstream: helpCrunch });
    const busy = await dial(stopping.url);
    const idle = await dial(stopping.url);
    write(idle.socket, ['GET /readyz HTTP/1.1', 'Host: localhost']);
    await once(idle.socket, 'data');
    writeOperation(busy.socket, '{ chat(id: 3) { id } }');
    const response = await asked;

    const stopped = stopping.stop();
    await idle.closed;
    write(busy.socket, ['GET /readyz HTTP/1.1', 'Host: localhost']);
    response.end(JSON.stringify(wireChat({ id: 3 })));
    await busy.closed;
    await stopped;
    const { hostname: host, port } = new URL(stopping.url);
    const [refusal]: unknown[] = await once(connect({ host, port: Number(port) }), 'error');

    expect(idle.heard()).toContain('HTTP/1.1 200');
    expect(refusal).toMatchObject({ code: 'ECONNREFUSED' });
    const statuses = [...busy.heard().matchAll(/HTTP\/1\.1 ([0-9]{3})/g)].map(([, code]) => code);
    expect(statuses).toEqual(['200', '503']);
    expect(busy.heard()).toContain('"chat":{"id":"3"}');
  });

  test.each([
    { what: 'its line', allowHalfOpen: false },
    { what: 'its half of a line', allowHalfOpen: true },
  ])(
    'a gateway that stops does not wait for a client that keeps $what open',
    async ({ allowHalfOpen }) => {
      const asked = hold('GET /chats/4');
      const stopping = await startTestGateway({ upstream: helpCrunch });
      const idle = await dial(stopping.url);
      const busy = await dial(stopping.url, { allowHalfOpen });
      write(idle.socket, ['GET /readyz HTTP/1.1', 'Host: localhost']);
      await once(idle.socket, 'data');
      writeOperation(busy.socket, '{ chat(id: 4) { id } }');
      const response = await asked;

      const stopped = stopping.stop();
      await idle.closed;
      response.end(JSON.stringify(wireChat({ id: 4 })));
      await stopped;

      while (!busy.socket.readableEnded) await once(busy.socket, 'end');
      expect(busy.heard()).toContain('"chat":{"id":"4"}');
    },
  );

  test('a gateway that stops does not wait for a connection without requests', async () => {
    const stopping = await startTestGateway({ upstream: helpCrunch });
    const silent = await dial(stopping.url);

    await stopping.stop();
    await silent.closed;

    expect(silent.heard()).toBe('');
  });

  test('a gateway stops once for any number of calls of stop', async () => {
    const stopping = await startTestGateway({ upstream: helpCrunch });
    let answered = 0;
    const stop = () => stopping.stop().then(() => (answered += 1));

    const first = stop();
    void stop();
    await first;
    await stop();

    expect(answered).toBe(3);
  });
});
