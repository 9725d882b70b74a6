import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';

type Handler = Parameters<RecordingUpstream['respond']>[1];

const attemptMs = 5_000;
const deadlineMs = 10_000;
const maxBytes = 8_192;
const retries = 2;

const read = '{ chat(id: 1) { id } }';
const write = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';
/** A concurrent query of an endpoint that works. */
const other = '{ organization { domain } }';

const places = [
  { effect: 'a read', document: read, route: 'GET /chats/1' },
  { effect: 'a write', document: write, route: 'PUT /chats/readByAgent' },
];

/** A clock whose short timers, the delays of retries, fire immediately. */
function createClockWithoutDelays() {
  const clock = createManualClock();
  return {
    ...clock,
    after(ms: number, task: () => void) {
      // Longer timers are periodic checks, which would run forever.
      if (ms >= 1_000) return clock.after(ms, task);
      queueMicrotask(task);
      return () => undefined;
    },
  };
}

let upstream: RecordingUpstream;
let clock: ReturnType<typeof createClockWithoutDelays>;
let startedAt: number;

beforeEach(async () => {
  // The loss of a reused connection is not a fault of HelpCrunch.
  upstream = await startRecordingUpstream({ keepsAlive: false });
  upstream.respond('GET /organization', { body: { data: { id: 1, domain: 'acme' } } });
  clock = createClockWithoutDelays();
  startedAt = clock.monotonic();
});

afterEach(() => upstream[Symbol.asyncDispose]());

const start = (config: Partial<Config> = {}, { url, key } = upstream) =>
  startTestGateway({
    upstream: { url, key },
    clock,
    config: {
      rateLimit: 0,
      upstreamRetries: retries,
      upstreamTimeoutMs: attemptMs,
      operationTimeoutMs: deadlineMs,
      upstreamMaxBytes: maxBytes,
      ...config,
    },
  });

const respondBy =
  (write: (response: ServerResponse) => unknown): Handler =>
  (_call, response) => {
    write(response);
    return undefined;
  };

const json = { 'content-type': 'application/json' };
const unavailable = { code: 'UPSTREAM_UNAVAILABLE', retryable: true };
const malformed = { code: 'UPSTREAM_INVALID_RESPONSE', retryable: false };

/** Faults that are detected without a timeout. */
const faults: readonly {
  readonly name: string;
  readonly handler: Handler;
  readonly calls: number;
  readonly expected: object;
}[] = [
  {
    name: 'a connection that is reset after the request was read',
    handler: respondBy(({ socket }) => socket?.resetAndDestroy()),
    calls: 1 + retries,
    expected: unavailable,
  },
  {
    name: 'a connection that is reset within the response',
    handler: respondBy((response) =>
      response.writeHead(200, json).write('{"id":', () => response.socket?.resetAndDestroy()),
    ),
    calls: 1 + retries,
    expected: unavailable,
  },
  {
    name: 'a response shorter than its Content-Length',
    handler: respondBy((response) => {
      response.writeHead(200, { ...json, 'content-length': '1000' });
      response.write('{"id":1}', () => response.destroy());
    }),
    calls: 1 + retries,
    expected: unavailable,
  },
  {
    name: 'truncated JSON',
    handler: respondBy((response) => response.writeHead(200, json).end('{"id":1,"status"')),
    calls: 1,
    expected: malformed,
  },
  {
    name: 'a response in another charset than UTF-8',
    handler: {
      body: wireChat({ id: 1 }),
      headers: { 'content-type': 'application/json; charset="ISO-8859-1"' },
    },
    calls: 1,
    expected: malformed,
  },
  {
    name: 'HTML with status 200',
    handler: { body: '<html>Sign in</html>' },
    calls: 1,
    expected: malformed,
  },
  {
    name: 'a response above the size limit',
    handler: { body: { ...wireChat({ id: 1 }), filler: 'x'.repeat(maxBytes) } },
    calls: 1,
    expected: malformed,
  },
  { name: 'a 500', handler: { status: 500, body: {} }, calls: 1, expected: unavailable },
  { name: 'a 502', handler: { status: 502, body: {} }, calls: 1 + retries, expected: unavailable },
  { name: 'a 503', handler: { status: 503, body: {} }, calls: 1 + retries, expected: unavailable },
  {
    name: 'a 503 with a Retry-After beyond the deadline',
    handler: { status: 503, headers: { 'retry-after': '11' }, body: {} },
    calls: 1,
    expected: { ...unavailable, retryAfterMs: 11_000 },
  },
  {
    name: 'a 429 with a Retry-After beyond the deadline',
    handler: { status: 429, headers: { 'retry-after': '11' }, body: {} },
    calls: 1,
    expected: { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 11_000 },
  },
];

/** Of a write, an unreadable response with status 200 is a success. */
const isUnreadable = ({ expected }: (typeof faults)[number]) => expected === malformed;

test.each(faults.filter(isUnreadable))('a write succeeds after $name', async ({ handler }) => {
  upstream.respond('PUT /chats/readByAgent', handler);
  upstream.respond('GET /chats/1', handler);
  await using gateway = await start();

  const { data, errors } = await gateway.query(write);

  expect(errors).toEqual([]);
  expect(data).toEqual({ markChatRead: { id: '1' } });
  expect(upstream.callsTo('PUT /chats/readByAgent')).toHaveLength(1);
});

describe.each(places)('$effect', ({ document, route }) => {
  test.each(document === write ? faults.filter((fault) => !isUnreadable(fault)) : faults)(
    '$name fails immediately with its error code',
    async ({ handler, calls, expected }) => {
      upstream.respond(route, handler);
      await using gateway = await start();

      const [answer, concurrent] = await Promise.all([
        gateway.query(document),
        gateway.query(other),
      ]);

      expect(answer.errors[0]?.extensions).toMatchObject(expected);
      expect(answer.extensions.upstream.calls).toBe(calls);
      expect(upstream.callsTo(route)).toHaveLength(calls);
      expect(clock.monotonic()).toBe(startedAt);
      expect(concurrent.data).toEqual({ organization: { domain: 'acme' } });
    },
  );

  test('a JSON response with another content type is accepted', async () => {
    upstream.respond(route, { body: JSON.stringify(wireChat({ id: 1 })) });
    await using gateway = await start();

    const { errors } = await gateway.query(document);

    expect(errors).toEqual([]);
  });

  test('an operation without a response ends at its deadline, after two attempts', async () => {
    const arrivals: ServerResponse[] = [];
    upstream.respond(
      route,
      respondBy((response) => arrivals.push(response)),
    );
    await using gateway = await start();

    const pending = gateway.query(document);
    while (arrivals.length < 1) await gateway.query('{ __typename }');
    const concurrent = await gateway.query(other);
    const gone = arrivals.map((response) => once(response, 'close'));
    clock.advance(attemptMs);
    while (arrivals.length < 2) await gateway.query('{ __typename }');
    gone.push(once(arrivals[1]!, 'close'));
    clock.advance(deadlineMs - attemptMs);
    const { errors } = await pending;

    expect(errors[0]?.extensions).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retryable: true });
    expect(clock.monotonic()).toBe(startedAt + deadlineMs);
    expect(upstream.callsTo(route)).toHaveLength(2);
    expect(concurrent.data).toEqual({ organization: { domain: 'acme' } });
    await Promise.all(gone);
  });

  test('a response that arrives byte by byte times out like none', async () => {
    const arrivals: ServerResponse[] = [];
    upstream.respond(
      route,
      respondBy((response) => {
        response.writeHead(200, json);
        arrivals.push(response);
      }),
    );
    await using gateway = await start({ upstreamRetries: 0 });

    const pending = gateway.query(document);
    while (arrivals.length < 1) await gateway.query('{ __typename }');
    for (let passed = 0; passed < attemptMs; passed += 1_000) {
      await new Promise<unknown>((resolve) => arrivals[0]?.write(' ', resolve));
      clock.advance(1_000);
    }
    const { errors } = await pending;

    expect(errors[0]?.extensions).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    expect(clock.monotonic()).toBe(startedAt + attemptMs);
    expect(upstream.callsTo(route)).toHaveLength(1);
  });

  test('operations fail before their deadline while every call gets 429', async () => {
    upstream.respond('*', { status: 429, body: {} });
    await using gateway = await start();

    const pending = [gateway.query(document), gateway.query('{ chat(id: 2) { id } }')];
    for (const pauseMs of [2_000, 4_000]) {
      await gateway.waitForQueuedCalls(2);
      clock.advance(pauseMs);
    }
    const answers = await Promise.all(pending);

    // Both may be sent before the first 429; after it, one probe is sent for all.
    expect(upstream.calls.length).toBeLessThanOrEqual(4);
    expect(clock.monotonic()).toBe(startedAt + 6_000);
    for (const { errors } of answers) {
      expect(errors[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED' });
      expect(errors[0]?.extensions['retryAfterMs']).toBeGreaterThanOrEqual(1);
    }
  });
});

describe('an unreachable HelpCrunch', () => {
  async function startTcpServer(onConnection: (socket: Socket) => void) {
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined);
      onConnection(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://127.0.0.1:${port}/v1`,
      connections: () => connections,
      async close() {
        if (!server.listening) return;
        server.close();
        await once(server, 'close');
      },
    };
  }

  const respondJson = (socket: Socket, body: object) => {
    const text = JSON.stringify(body);
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n`;
    socket.once('data', () => socket.end(head + text));
  };

  test('connections that are reset before the request is read fail after three attempts', async () => {
    const server = await startTcpServer((socket) => socket.resetAndDestroy());
    await using gateway = await start({}, { ...upstream, url: server.url });

    const { errors } = await gateway.query(read);
    await server.close();

    expect(errors[0]?.extensions).toMatchObject(unavailable);
    expect(server.connections()).toBe(1 + retries);
  });

  test('refused connections fail, while cached data is still returned', async () => {
    const server = await startTcpServer((socket) =>
      respondJson(socket, { data: { id: 1, domain: 'acme' } }),
    );
    const config = { cacheTtlsMs: { chats: 0, customers: 0, account: 60_000, absent: 0 } };
    await using gateway = await start(config, { ...upstream, url: server.url });
    await gateway.query(other);
    await server.close();

    const [refused, concurrent] = [await gateway.query(read), await gateway.query(other)];

    expect(refused.errors[0]?.extensions).toMatchObject(unavailable);
    expect(refused.extensions.upstream.calls).toBe(1 + retries);
    expect(concurrent.data).toEqual({ organization: { domain: 'acme' } });
    expect(clock.monotonic()).toBe(startedAt);
  });

  test('a host name that cannot be resolved fails without revealing the name', async () => {
    await using gateway = await start({}, { ...upstream, url: 'http://nowhere.invalid/v1' });

    const answer = await gateway.query(read);

    expect(answer.errors[0]?.extensions).toMatchObject(unavailable);
    expect(answer.extensions.upstream.calls).toBe(1 + retries);
    expect(JSON.stringify(answer) + gateway.logged.join('')).not.toContain('nowhere');
  });
});

describe('a HelpCrunch that fails every other call', () => {
  test('retries succeed for every client while every other call fails', async () => {
    let calls = 0;
    upstream.respond('*', ({ path }) => {
      calls += 1;
      if (calls % 2 === 1) return { status: 503, body: {} };
      return { body: wireChat({ id: Number(path.split('/')[2]) }) };
    });
    await using gateway = await start();
    const ids = Array.from({ length: 30 }, (_, index) => String(index + 1));

    const given: unknown[] = [];
    for (const id of ids) {
      const { data } = await gateway.query(`{ chat(id: ${id}) { id } }`);
      given.push(data.chat?.id);
    }

    expect(given).toEqual(ids);
    expect(upstream.calls).toHaveLength(2 * ids.length);
  });
});
