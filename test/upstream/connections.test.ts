import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import { createTransport } from '../../src/upstream/transport.ts';
import { startConnectionBreaker } from '../support/connectionBreaker.ts';
import { createDeferred } from '../support/deferred.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';

const read = (id: number) => `{ chat(id: ${id}) { id } }`;
const write = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';
const quota = '{ rateLimit { remaining } }';

let upstream: RecordingUpstream;
let breaker: Awaited<ReturnType<typeof startConnectionBreaker>>;
let clock: ReturnType<typeof createManualClock>;

beforeEach(async () => {
  upstream = await startRecordingUpstream();
  breaker = await startConnectionBreaker(upstream.url);
  clock = createManualClock();
  upstream.respond('*', ({ path, body }) => ({
    body: wireChat({ id: body?.id ?? Number(path.split('/')[2]) }),
  }));
});

afterEach(async () => {
  await breaker[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

const start = (config: Partial<Config> = {}): Promise<Gateway> =>
  startTestGateway({
    upstream: { url: breaker.url, key: upstream.key },
    clock,
    config: { rateLimit: 1_000, upstreamRetries: 0, upstreamKeepAliveMs: 600_000, ...config },
  });

/** Makes the gateway keep this many idle connections. */
async function openConnections(gateway: Gateway, count: number): Promise<void> {
  const complete = createDeferred();
  let waiting = 0;
  upstream.respond('GET /organization', async () => {
    waiting += 1;
    if (waiting === count) complete.resolve();
    await complete.promise;
    return { body: { data: { id: 1, domain: 'acme' } } };
  });
  await Promise.all(
    Array.from({ length: count }, () =>
      // Requests that bypass the cache are not shared.
      gateway.query('{ organization { domain } }', {}, { 'cache-control': 'no-cache' }),
    ),
  );
  upstream.clearCalls();
}

describe('connections that were lost while they were idle', () => {
  test.each(['reset', 'end'] as const)(
    'after the loss of 100 (%s) a read and a write succeed, each with one call to HelpCrunch',
    async (loss) => {
      await using gateway = await start();
      await openConnections(gateway, 100);
      const before = (await gateway.query(quota)).data.rateLimit.remaining;
      breaker.lose(loss);

      const reading = await gateway.query(read(1));
      const writing = await gateway.query(write);

      expect([reading.data, writing.data]).toEqual([
        { chat: { id: '1' } },
        { markChatRead: { id: '1' } },
      ]);
      expect(upstream.calls.map(({ method }) => method)).toEqual(['GET', 'PUT']);
      expect(breaker.lost).toEqual(['GET /v1/chats/1']);
      // HelpCrunch may have counted the lost request.
      expect([reading, writing].map(({ extensions }) => extensions.upstream.calls)).toEqual([2, 1]);
      expect(before - (await gateway.query(quota)).data.rateLimit.remaining).toBe(3);
    },
  );

  test('after the loss of 100 with an immediate reset no call is repeated', async () => {
    await using gateway = await start();
    await openConnections(gateway, 100);
    breaker.resetNow();

    const reading = await gateway.query(read(1));
    const writing = await gateway.query(write);

    expect([reading, writing].map(({ extensions }) => extensions.upstream.calls)).toEqual([1, 1]);
    expect([...reading.errors, ...writing.errors]).toEqual([]);
    expect(upstream.calls).toHaveLength(2);
  });

  test('many concurrent losses are neither retries nor failures for the circuit breaker', async () => {
    await using gateway = await start();
    await openConnections(gateway, 12);
    breaker.lose('reset');

    const ids = Array.from({ length: 12 }, (_, index) => index + 1);
    const answers = await Promise.all(ids.map((id) => gateway.query(read(id))));

    expect(answers.map(({ data }) => data.chat.id)).toEqual(ids.map(String));
    expect(gateway.logged).toEqual([]);
  });

  test('a write that must not be repeated is not sent again', async () => {
    await using gateway = await start();
    upstream.respond('GET /chats/1/messages', { body: { data: [] } });
    await openConnections(gateway, 3);
    breaker.lose('reset');

    const { errors } = await gateway.query(
      'mutation { sendMessage(chatId: 1, by: AGENT, agentId: 12, text: "Hi") { id } }',
    );

    expect(errors[0]?.extensions).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(breaker.lost).toEqual(['POST /v1/messages']);
    expect(upstream.callsTo('POST /messages')).toEqual([]);
  });

  test('a write without a permit for its repetition fails as unavailable, because it may have been applied', async () => {
    await using gateway = await start({ rateLimit: 2 });
    await openConnections(gateway, 1);
    breaker.lose('reset');

    const { errors } = await gateway.query(write);

    expect(errors[0]?.extensions).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
    expect(breaker.lost).toEqual(['PUT /v1/chats/readByAgent']);
    expect(upstream.calls).toEqual([]);
  });

  test('a request that is lost after the first byte of its response is not repeated', async () => {
    await using gateway = await start();
    await openConnections(gateway, 1);
    upstream.respond('GET /chats/1', (_call, { socket }) => {
      socket?.write('HTTP/1.1 2', () => socket.destroy());
      return undefined;
    });

    const { errors, extensions } = await gateway.query(read(1));

    expect(errors[0]?.extensions).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' });
    expect(extensions.upstream.calls).toBe(1);
  });

  test('a timeout of a reused connection closes the idle ones', async () => {
    await using gateway = await start();
    await openConnections(gateway, 3);
    breaker.lose('silence');

    const silent = gateway.query(read(1));
    while (breaker.lost.length === 0) await new Promise(setImmediate);
    clock.advance(5_000);

    expect((await silent).errors[0]?.extensions).toMatchObject({ code: 'UPSTREAM_TIMEOUT' });
    expect((await gateway.query(read(2))).data).toEqual({ chat: { id: '2' } });
  });
});

test('a request of which nothing was sent is sent again, whatever it does', async () => {
  const transport = createTransport({
    baseUrl: breaker.url,
    userAgent: 'test',
    timeoutMs: 5_000,
    keepAliveMs: 600_000,
    maxResponseBytes: 1_000_000,
    clock,
  });
  const { signal } = new AbortController();
  const send = (method: 'GET' | 'POST', body?: unknown) =>
    transport.request({ method, path: '/chats/1', body, apiKey: 'key', signal });
  await send('GET');
  // The event loop does not report the reset before the request is written.
  breaker.resetNow();

  const { status } = await send('POST', { id: 1 });

  expect(status).toBe(200);
  expect(upstream.calls.map(({ method }) => method)).toEqual(['GET', 'POST']);
  transport.close();
});

test('with UPSTREAM_KEEP_ALIVE_MS=0 each call has its own connection', async () => {
  await using gateway = await start({ upstreamKeepAliveMs: 0 });

  await gateway.query(read(1));
  await gateway.query(read(2));

  expect(breaker.opened()).toBe(2);
});

test('calls have the User-Agent of the gateway', async () => {
  await using gateway = await start();

  await gateway.query(read(1));

  expect(upstream.calls[0]?.headers['user-agent']).toMatch(/^helpcrunch-graphql\/\d+\.\d+\.\d+/);
});

test('the log contains the error code of a failed connection, and the response does not', async () => {
  const gone = await startRecordingUpstream();
  await gone[Symbol.asyncDispose]();
  await using gateway = await startTestGateway({ upstream: gone });

  const { errors } = await gateway.query(read(1));

  expect(gateway.logged.join('')).toContain('"connectionError":"ECONNREFUSED"');
  expect(JSON.stringify(errors)).not.toContain('ECONN');
});
