import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createNameLimiter } from '../../src/graphql/operationReport.ts';
import { version } from '../../src/lib/version.ts';
import { endpointOf } from '../../src/upstream/instrumentation.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /chats/5208', { body: wireChat() });
  helpCrunch.respond('GET /chats/404', {
    status: 404,
    body: { errors: [{ code: 'not_fount', message: 'ada@example.com was not found' }] },
  });
  helpCrunch.respond('GET /chats/500', { status: 500, body: 'secret-body' });
});

afterAll(() => helpCrunch[Symbol.asyncDispose]());

/** The value of each series, by what stands before it. */
async function figuresOf({ url }: { readonly url: string }) {
  const response = await fetch(`${url}/metrics`);
  const text = await response.text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const figures = new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
  return { text, figures, of: (series: string) => figures.get(series) };
}

const operations = (operation: string, code: string, kind = 'query') =>
  `helpcrunch_operations_total{operation="${operation}",kind="${kind}",code="${code}"}`;

const calls = (endpoint: string, outcome: string) =>
  `helpcrunch_upstream_calls_total{endpoint="${endpoint}",outcome="${outcome}"}`;

describe('metrics', () => {
  test('metrics count operations by name and code, and calls by endpoint and outcome', async () => {
    await using gateway = await startTestGateway({ upstream: helpCrunch });

    await gateway.query('query Open { chat(id: 5208) { id } }');
    await gateway.query('query Open { chat(id: 404) { id } }');
    await gateway.query('query Open { chat(id: 500) { id } }');
    await gateway.query('{ chat(id: 5208) { id } }');
    await gateway.query('query Broken { chatz }');
    await gateway.query('{');
    await fetch(`${gateway.url}/wp-login.php`);
    const { of, text } = await figuresOf(gateway);

    expect(of(operations('Open', 'OK'))).toBe(1);
    expect(of(operations('Open', 'NOT_FOUND'))).toBe(1);
    expect(of(operations('Open', 'UPSTREAM_UNAVAILABLE'))).toBe(1);
    expect(of(operations('anonymous', 'OK'))).toBe(1);
    expect(of(operations('other', 'GRAPHQL_VALIDATION_FAILED', 'none'))).toBe(1);
    expect(of(operations('other', 'GRAPHQL_PARSE_FAILED', 'none'))).toBe(1);
    expect(of(calls('GET /chats/{id}', 'ok'))).toBe(2);
    expect(of(calls('GET /chats/{id}', 'notFound'))).toBe(1);
    expect(of(calls('GET /chats/{id}', 'unavailable'))).toBe(1);
    expect(of('helpcrunch_operation_duration_seconds_count{operation="Open"}')).toBe(3);
    expect(of('helpcrunch_upstream_queue_seconds_count{priority="read",viewer="agent"}')).toBe(4);
    expect(of('helpcrunch_http_requests_total{route="/graphql",status="200"}')).toBe(4);
    expect(of('helpcrunch_http_requests_total{route="other",status="404"}')).toBe(1);
    const labels = [...text.matchAll(/"[^"]*"/g)].join();
    expect(labels).not.toMatch(/5208|secret|ada@|wp-login|Broken/);
  });

  test('metrics count cache hits and shared calls', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { cacheTtlsMs: { chats: 60_000, customers: 60_000, account: 60_000, absent: 0 } },
    });

    await gateway.query('{ chat(id: 5208) { id } }');
    await gateway.query('{ chat(id: 5208) { id } }');
    const { of } = await figuresOf(gateway);

    expect(of('helpcrunch_cache_hits_total')).toBe(1);
    expect(of('helpcrunch_coalesced_requests_total')).toBe(0);
    expect(of('helpcrunch_cache_bytes')).toBeGreaterThan(0);
  });

  test('metrics report the remaining calls of the rate limit and its rejections', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { rateLimit: 1 },
    });

    await gateway.query('{ chat(id: 5208) { id } }');
    await gateway.query('{ chat(id: 5208) { id } }');
    const { of } = await figuresOf(gateway);

    expect(of('helpcrunch_rate_limit')).toBe(1);
    expect(of('helpcrunch_rate_limit_remaining')).toBe(0);
    expect(
      of(
        'helpcrunch_upstream_calls_rejected_total{priority="read",viewer="agent",reason="ACCOUNT_LIMIT"}',
      ),
    ).toBe(1);
    expect(of(operations('anonymous', 'RATE_LIMITED'))).toBe(1);
  });

  test('metrics report the queueing time of upstream calls', async () => {
    const clock = createManualClock();
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      clock,
      config: { rateLimit: 1, operationTimeoutMs: 120_000 },
    });
    await gateway.query('{ chat(id: 5208) { id } }');

    const second = gateway.query('{ chat(id: 5208) { id } }');
    await gateway.waitForQueuedCalls(1);
    clock.advance(61_000);
    await second;
    const { of } = await figuresOf(gateway);

    expect(
      of('helpcrunch_upstream_queue_seconds_bucket{le="30",priority="read",viewer="agent"}'),
    ).toBe(1);
    expect(of('helpcrunch_upstream_queue_seconds_count{priority="read",viewer="agent"}')).toBe(2);
    expect(
      of('helpcrunch_upstream_queue_seconds_sum{priority="read",viewer="agent"}'),
    ).toBeGreaterThanOrEqual(60);
  });

  test('metrics have a bounded number of operation names', async () => {
    await using gateway = await startTestGateway({ upstream: helpCrunch });

    for (let round = 0; round < 150; round += 10) {
      await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          gateway.query(`query Name${round + index} { __typename }`),
        ),
      );
    }
    const { of, figures } = await figuresOf(gateway);

    const named = [...figures.keys()].filter((series) =>
      series.startsWith('helpcrunch_operations_total'),
    );
    expect(named).toHaveLength(101);
    expect(of(operations('other', 'OK'))).toBe(50);
  });

  test('metrics include the version, the process and its event loop', async () => {
    await using gateway = await startTestGateway({ upstream: helpCrunch });

    const { of } = await figuresOf(gateway);

    const labels = `version="${version}",node_version="${process.versions.node}",auth="none"`;
    expect(of(`helpcrunch_build_info{${labels}}`)).toBe(1);
    expect(of('process_resident_memory_bytes')).toBeGreaterThan(0);
    expect(of('nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0);
  });
});

describe('the names of operations', () => {
  test('after the first 100 names, all others become the label other', () => {
    const limitName = createNameLimiter();
    const nameOf = (name: string) => limitName(name, 'trusted');
    const first = Array.from({ length: 100 }, (_, index) => `Operation${index}`);

    expect(first.map(nameOf)).toEqual(first);
    expect([nameOf('Inbox'), nameOf('Operation0')]).toEqual(['other', 'Operation0']);
  });

  test('long operation names become the label other', () => {
    const limitName = createNameLimiter();
    const nameOf = (name: string) => limitName(name, 'trusted');

    expect([nameOf('n'.repeat(64)), nameOf('n'.repeat(65))]).toEqual(['n'.repeat(64), 'other']);
  });
});

describe('labels from clients', () => {
  const from = (name: string, headers: Readonly<Record<string, string>>) => ({
    ...headers,
    'apollographql-client-name': name,
    'apollographql-client-version': '1',
  });
  const key = (name: string) => ({ authorization: `Bearer ${name}` });

  test.each([
    {
      who: 'a customer',
      auth: jwtAuth(),
      others: () => bearer({ role: 'customer', customerId: '7' }),
      agent: () => bearer({ role: 'agent', agentId: '12' }),
    },
    {
      who: 'a client with a key that HelpCrunch has not accepted',
      auth: { mode: 'forward' as const },
      others: () => Promise.resolve(key('invented')),
      agent: () => Promise.resolve(key('accepted')),
    },
  ])(
    'names that $who sends do not use up those of operations and applications of agents',
    async ({ auth, others, agent }) => {
      await using gateway = await startTestGateway({ upstream: helpCrunch, config: { auth } });
      const headers = await others();
      for (let count = 0; count < 101; count += 1) {
        const name = from(`junk${count}`, headers);
        await gateway.query(`query Junk${count} { viewer { role } }`, {}, name);
      }

      const inbox = 'query Inbox { chat(id: 5208) { id } }';
      await gateway.query(inbox, {}, from('inbox', await agent()));
      const { of, text } = await figuresOf(gateway);

      expect(of(operations('Inbox', 'OK'))).toBe(1);
      const usage = 'helpcrunch_field_usage_total';
      expect(of(`${usage}{field="Query.chat",client="inbox",version="1"}`)).toBe(1);
      expect(new Set(text.match(/operation="Junk\d+"/g)).size).toBe(100);
      expect(new Set(text.match(/client="junk\d+"/g)).size).toBe(50);
      expect(of(operations('other', 'OK'))).toBe(1);
      expect(of(`${usage}{field="Query.viewer",client="other",version="other"}`)).toBe(51);
    },
  );
});

describe('endpoint labels', () => {
  test.each([
    ['GET', '/chats/5208', 'GET /chats/{id}'],
    ['GET', '/chats?offset=0&email=ada%40example.com', 'GET /chats'],
    ['PUT', '/chats/readByAgent', 'PUT /chats/readByAgent'],
    ['GET', '/customers/ada%40example.com/tags', 'GET /customers/{id}/tags'],
  ] as const)(
    'the endpoint label of %s %s contains no id and no query',
    (method, path, endpoint) => {
      expect(endpointOf({ method, path })).toBe(endpoint);
    },
  );
});

describe('the log', () => {
  const informed = { logLevel: 'info' } as const;

  test('the log has one line for each operation', async () => {
    await using gateway = await startTestGateway({ upstream: helpCrunch, config: informed });

    await gateway.query('query Open { chat(id: 5208) { id } }', undefined, { 'x-request-id': 'a' });
    await gateway.query('query Open { chat(id: 404) { id } }', undefined, { 'x-request-id': 'b' });
    await gateway.query('{ chatz }', undefined, { 'x-request-id': 'c' });

    const lines = gateway.logged.map((line) => JSON.parse(line));
    const expected = { level: 30, msg: 'operation', viewer: 'ALL', cacheHits: 0, shared: 0 };
    expect(lines).toEqual(
      [
        { ...expected, requestId: 'a', operation: 'Open', kind: 'query', code: 'OK', calls: 1 },
        {
          ...expected,
          requestId: 'b',
          operation: 'Open',
          kind: 'query',
          code: 'NOT_FOUND',
          calls: 1,
        },
        {
          ...expected,
          requestId: 'c',
          operation: 'other',
          code: 'GRAPHQL_VALIDATION_FAILED',
          calls: 0,
        },
      ].map((line) => ({ ...line, time: expect.any(Number), durationMs: expect.any(Number) })),
    );
    expect(gateway.logged.join('')).not.toMatch(/ada@|fake-key/);
  });

  test('the log reports operations whose client disconnected', async () => {
    await using gateway = await startTestGateway({ upstream: helpCrunch, config: informed });
    const asked = new Promise<void>((resolve) => {
      helpCrunch.respond('GET /chats/7', (_call, response) => {
        response.once('close', resolve);
        leaving.abort();
        return undefined;
      });
    });
    const leaving = new AbortController();

    await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ chat(id: 7) { id } }' }),
      signal: leaving.signal,
    }).catch(() => undefined);
    await asked;
    await gateway.stop();

    const lines = gateway.logged.map((line) => JSON.parse(line));
    expect(lines).toEqual([
      expect.objectContaining({ msg: 'operation', code: 'CLIENT_DISCONNECTED' }),
    ]);
  });

  test('the log omits lines below its level', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { logLevel: 'silent' },
    });

    await gateway.query('{ chat(id: 500) { id } }');

    expect(gateway.logged).toEqual([]);
  });
});

describe('shutdown', () => {
  const chat = '{ chat(id: 8) { id } }';

  function hold() {
    return new Promise<() => void>((resolve) => {
      helpCrunch.respond('GET /chats/8', (_call, response) => {
        resolve(() => response.end(JSON.stringify(wireChat({ id: 8 }))));
        return undefined;
      });
    });
  }

  const statusOf = (url: string) => fetch(url).then(({ status }) => status);

  test('a gateway that stops fails /readyz and serves requests during the drain delay', async () => {
    const clock = createManualClock();
    const gateway = await startTestGateway({
      upstream: helpCrunch,
      clock,
      config: { shutdown: { delayMs: 3_000, graceMs: 10_000 } },
    });

    const stopped = gateway.stop();
    const ready = await fetch(`${gateway.url}/readyz`);
    const { data, headers } = await gateway.query('{ chat(id: 5208) { id } }');
    clock.advance(3_000);
    await stopped;

    expect([ready.status, await ready.json()]).toEqual([503, { status: 'stopping' }]);
    expect(data).toEqual({ chat: { id: '5208' } });
    expect(headers.get('connection')).toBe('close');
    await expect(fetch(gateway.url)).rejects.toThrow('fetch failed');
  });

  test('a gateway that stops serves new requests while others are running', async () => {
    const held = hold();
    const gateway = await startTestGateway({ upstream: helpCrunch, clock: createManualClock() });

    const first = gateway.query(chat);
    const answer = await held;
    const stopped = gateway.stop();
    const ready = await statusOf(`${gateway.url}/readyz`);
    const second = await gateway.query('{ chat(id: 5208) { id } }');
    answer();
    await stopped;

    expect(ready).toBe(503);
    expect(second.data).toEqual({ chat: { id: '5208' } });
    expect((await first).data).toEqual({ chat: { id: '8' } });
  });

  test('a gateway that stops rejects new requests in the second half of its grace period and then ends the others', async () => {
    const held = hold();
    const clock = createManualClock();
    const gateway = await startTestGateway({
      upstream: helpCrunch,
      clock,
      config: { operationTimeoutMs: 60_000, upstreamTimeoutMs: 60_000 },
    });

    const first = gateway.query(chat).catch((error: unknown) => error);
    await held;
    let isStopped = false;
    const stopped = gateway.stop().then(() => (isStopped = true));
    const before = await statusOf(`${gateway.url}/readyz`);
    clock.advance(5_000);
    const after = await statusOf(`${gateway.url}/readyz`).catch(() => 'refused');
    const wasStopped = isStopped;
    clock.advance(5_000);
    await stopped;

    expect([before, after, wasStopped]).toEqual([503, 'refused', false]);
    expect(await first).toHaveProperty('message', 'fetch failed');
  });
});
