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

const tryMs = 5_000;
const deadlineMs = 10_000;
const maxBytes = 8_192;
const retries = 2;

const read = '{ chat(id: 1) { id } }';
const write = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';
/** What another client asks meanwhile, of an endpoint that works. */
const other = '{ organization { domain } }';

const places = [
  { effect: 'a read', document: read, route: 'GET /chats/1' },
  { effect: 'a write', document: write, route: 'PUT /chats/readByAgent' },
];

/** Pauses before retries are over at once; all else happens when the test says so. */
function createHurriedClock() {
  const clock = createManualClock();
  return {
    ...clock,
    after(ms: number, task: () => void) {
      // Retries pause for less; the periodic check of connections would never end.
      if (ms >= 1_000) return clock.after(ms, task);
      queueMicrotask(task);
      return () => undefined;
    },
  };
}

let helpdesk: RecordingUpstream;
let clock: ReturnType<typeof createHurriedClock>;
let startedAt: number;

beforeEach(async () => {
  helpdesk = await startRecordingUpstream();
  helpdesk.respond('GET /organization', { body: { data: { id: 1, domain: 'acme' } } });
  clock = createHurriedClock();
  startedAt = clock.monotonic();
});

afterEach(() => helpdesk[Symbol.asyncDispose]());

const start = (config: Partial<Config> = {}, { url, key } = helpdesk) =>
  startTestGateway({
    upstream: { url, key },
    clock,
    config: {
      rateLimit: 0,
      upstreamRetries: retries,
      upstreamTimeoutMs: tryMs,
      operationTimeoutMs: deadlineMs,
      upstreamMaxBytes: maxBytes,
      ...config,
    },
  });

const answering =
  (write: (response: ServerResponse) => unknown): Handler =>
  (_call, response) => {
    write(response);
    return undefined;
  };

const json = { 'content-type': 'application/json' };
const unavailable = { code: 'UPSTREAM_UNAVAILABLE', retryable: true };
const malformed = { code: 'UPSTREAM_INVALID_RESPONSE', retryable: false };

/** What is over as soon as the sockets have said so: no time goes by on the clock. */
const faults: readonly {
  readonly name: string;
  readonly handler: Handler;
  readonly calls: number;
  readonly expected: object;
}[] = [
  {
    name: 'a connection that is reset after the request was read',
    handler: answering(({ socket }) => socket?.resetAndDestroy()),
    calls: 1 + retries,
    expected: unavailable,
  },
  {
    name: 'a connection that is reset within the answer',
    handler: answering((response) =>
      response.writeHead(200, json).write('{"id":', () => response.socket?.resetAndDestroy()),
    ),
    calls: 1 + retries,
    expected: unavailable,
  },
  {
    name: 'an answer shorter than it was announced',
    handler: answering((response) => {
      response.writeHead(200, { ...json, 'content-length': '1000' });
      response.write('{"id":1}', () => response.destroy());
    }),
    calls: 1 + retries,
    expected: unavailable,
  },
  {
    name: 'JSON that breaks off',
    handler: answering((response) => response.writeHead(200, json).end('{"id":1,"status"')),
    calls: 1,
    expected: malformed,
  },
  {
    name: 'a page of HTML with status 200',
    handler: { body: '<html>Sign in</html>' },
    calls: 1,
    expected: malformed,
  },
  {
    name: 'an answer over the limit',
    handler: { body: { ...wireChat({ id: 1 }), filler: 'x'.repeat(maxBytes) } },
    calls: 1,
    expected: malformed,
  },
  { name: 'a 500', handler: { status: 500, body: {} }, calls: 1, expected: unavailable },
  { name: 'a 502', handler: { status: 502, body: {} }, calls: 1 + retries, expected: unavailable },
  { name: 'a 503', handler: { status: 503, body: {} }, calls: 1 + retries, expected: unavailable },
  {
    name: 'a 503 with a Retry-After behind the deadline',
    handler: { status: 503, headers: { 'retry-after': '11' }, body: {} },
    calls: 1,
    expected: { ...unavailable, retryAfterMs: 11_000 },
  },
  {
    name: 'a 429 with a Retry-After behind the deadline',
    handler: { status: 429, headers: { 'retry-after': '11' }, body: {} },
    calls: 1,
    expected: { code: 'RATE_LIMITED', retryable: true, retryAfterMs: 11_000 },
  },
];

describe.each(places)('$effect', ({ document, route }) => {
  test.each(faults)('after $name fails at once as told', async ({ handler, calls, expected }) => {
    helpdesk.respond(route, handler);
    await using gateway = await start();

    const [answer, unharmed] = await Promise.all([gateway.query(document), gateway.query(other)]);

    expect(answer.errors[0]?.extensions).toMatchObject(expected);
    expect(answer.extensions.upstream.calls).toBe(calls);
    expect(helpdesk.callsTo(route)).toHaveLength(calls);
    expect(clock.monotonic()).toBe(startedAt);
    expect(unharmed.data).toEqual({ organization: { domain: 'acme' } });
  });

  test('with the wrong content type is answered all the same, if it is JSON', async () => {
    helpdesk.respond(route, { body: JSON.stringify(wireChat({ id: 1 })) });
    await using gateway = await start();

    const { errors } = await gateway.query(document);

    expect(errors).toEqual([]);
  });

  test('while the helpdesk hangs is given up at its deadline, after two tries', async () => {
    const arrivals: ServerResponse[] = [];
    helpdesk.respond(
      route,
      answering((response) => arrivals.push(response)),
    );
    await using gateway = await start();

    const asked = gateway.query(document);
    while (arrivals.length < 1) await gateway.query('{ __typename }');
    const unharmed = await gateway.query(other);
    const gone = arrivals.map((response) => once(response, 'close'));
    clock.advance(tryMs);
    while (arrivals.length < 2) await gateway.query('{ __typename }');
    gone.push(once(arrivals[1]!, 'close'));
    clock.advance(deadlineMs - tryMs);
    const { errors } = await asked;

    expect(errors[0]?.extensions).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retryable: true });
    expect(clock.monotonic()).toBe(startedAt + deadlineMs);
    expect(helpdesk.callsTo(route)).toHaveLength(2);
    expect(unharmed.data).toEqual({ organization: { domain: 'acme' } });
    await Promise.all(gone);
  });

  test('while the answer drips is given up like one that hangs', async () => {
    const arrivals: ServerResponse[] = [];
    helpdesk.respond(
      route,
      answering((response) => {
        response.writeHead(200, json);
        arrivals.push(response);
      }),
    );
    await using gateway = await start({ upstreamRetries: 0 });

    const asked = gateway.query(document);
    while (arrivals.length < 1) await gateway.query('{ __typename }');
    for (let passed = 0; passed < tryMs; passed += 1_000) {
      await new Promise<unknown>((resolve) => arrivals[0]?.write(' ', resolve));
      clock.advance(1_000);
    }
    const { errors } = await asked;

    expect(errors[0]?.extensions).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    expect(clock.monotonic()).toBe(startedAt + tryMs);
    expect(helpdesk.callsTo(route)).toHaveLength(1);
  });

  test('while every call is refused with 429 is told before its deadline, and others with it', async () => {
    helpdesk.respond('*', { status: 429, body: {} });
    await using gateway = await start();

    const asked = [gateway.query(document), gateway.query('{ chat(id: 2) { id } }')];
    for (const pauseMs of [2_000, 4_000]) {
      await gateway.waitForQueuedCalls(2);
      clock.advance(pauseMs);
    }
    const answers = await Promise.all(asked);

    // Both may have left before the first refusal came; after it one tries for all.
    expect(helpdesk.calls.length).toBeLessThanOrEqual(4);
    expect(clock.monotonic()).toBe(startedAt + 6_000);
    for (const { errors } of answers) {
      expect(errors[0]?.extensions).toMatchObject({ code: 'RATE_LIMITED' });
      expect(errors[0]?.extensions['retryAfterMs']).toBeGreaterThanOrEqual(1);
    }
  });
});

describe('a helpdesk that cannot be reached', () => {
  /** Takes connections and does with them as it is told. */
  async function startWire(onConnection: (socket: Socket) => void) {
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

  const answered = (socket: Socket, body: object) => {
    const text = JSON.stringify(body);
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${text.length}\r\nconnection: close\r\n\r\n`;
    socket.once('data', () => socket.end(head + text));
  };

  test('because it resets connections before it has read anything fails after three tries', async () => {
    const wire = await startWire((socket) => socket.resetAndDestroy());
    await using gateway = await start({}, { ...helpdesk, url: wire.url });

    const { errors } = await gateway.query(read);
    await wire.close();

    expect(errors[0]?.extensions).toMatchObject(unavailable);
    expect(wire.connections()).toBe(1 + retries);
  });

  test('because nobody listens any more fails, and what is known is still told', async () => {
    const wire = await startWire((socket) => answered(socket, { data: { id: 1, domain: 'acme' } }));
    const config = { cacheTtlsMs: { chats: 0, customers: 0, account: 60_000, absent: 0 } };
    await using gateway = await start(config, { ...helpdesk, url: wire.url });
    await gateway.query(other);
    await wire.close();

    const [refused, unharmed] = [await gateway.query(read), await gateway.query(other)];

    expect(refused.errors[0]?.extensions).toMatchObject(unavailable);
    expect(refused.extensions.upstream.calls).toBe(1 + retries);
    expect(unharmed.data).toEqual({ organization: { domain: 'acme' } });
    expect(clock.monotonic()).toBe(startedAt);
  });

  test('because its name is not known fails, and says nothing of the name', async () => {
    await using gateway = await start({}, { ...helpdesk, url: 'http://nowhere.invalid/v1' });

    const answer = await gateway.query(read);

    expect(answer.errors[0]?.extensions).toMatchObject(unavailable);
    expect(answer.extensions.upstream.calls).toBe(1 + retries);
    expect(JSON.stringify(answer) + gateway.logged.join('')).not.toContain('nowhere');
  }, 30_000);
});

describe('a helpdesk that fails every other call', () => {
  test('is tried again, and every client gets its answer', async () => {
    let calls = 0;
    helpdesk.respond('*', ({ path }) => {
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
    expect(helpdesk.calls).toHaveLength(2 * ids.length);
  });
});
