import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import type { Config } from '../../src/config/settings.ts';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createLog } from '../../src/observability/log.ts';
import type { Tracing } from '../../src/observability/tracing.ts';
import { attributesOf, createTestTracing, startCollector } from '../support/collector.ts';
import { openEventStream } from '../support/eventStream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { callTool } from '../support/mcp.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { openSocket } from '../support/socket.ts';
import { chatData, post, webhookSecret, wireDelivery } from '../support/webhooks.ts';

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /chats/5208', { body: wireChat() });
  helpCrunch.respond('PUT /chats/readByAgent', { body: {} });
});

afterAll(() => helpCrunch[Symbol.asyncDispose]());

const traceId = '0af7651916cd43dd8448eb211c80319c';
const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
const tracestate = 'vendor=1';

interface StartOptions {
  readonly tracing?: Tracing;
  readonly config?: Partial<Config>;
  readonly clock?: Clock;
}

const start = async ({ tracing, config = {}, clock = systemClock }: StartOptions = {}) => {
  const gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    ...(tracing && { tracing }),
    config: { logLevel: 'info', webhookSecret, maxBodyBytes: 4_096, ...config },
  });
  return {
    ...gateway,
    lines: (): any[] => gateway.logged.map((line) => JSON.parse(line)),
  };
};

type Gateway = Awaited<ReturnType<typeof start>>;
type Headers = Readonly<Record<string, string>>;

/** Runs an operation on a new WebSocket and returns its message. */
async function runOnSocket({ url }: Gateway, query: string, headers: Headers) {
  await using socket = await openSocket(url, { headers });
  await socket.initialize();
  socket.send({ id: '1', type: 'subscribe', payload: { query } });
  return await socket.nextMessage();
}

interface EntryPointCase {
  readonly name: string;
  readonly act: (gateway: Gateway, headers: Headers) => Promise<unknown>;
  readonly messages: readonly string[];
  readonly config?: Partial<Config>;
}

const chatEvent = (change: object = {}) =>
  wireDelivery({ event: 'chat.status_updated', eventData: chatData({ id: 5208, ...change }) });

const entryPoints: readonly EntryPointCase[] = [
  {
    name: 'a query',
    act: ({ query }, headers) => query('{ chat(id: 5208) { id } }', undefined, headers),
    messages: ['operation'],
  },
  {
    name: 'a mutation',
    act: ({ query }, headers) =>
      query('mutation { markChatRead(id: 5208, by: AGENT, read: true) { id } }', {}, headers),
    messages: ['operation', 'mutation'],
  },
  {
    name: 'an operation whose upstream call fails',
    act({ query }, headers) {
      helpCrunch.respond('GET /chats/500', { status: 500 });
      return query('{ chat(id: 500) { id } }', undefined, headers);
    },
    messages: ['upstream call failed', 'operation'],
  },
  {
    name: 'a rejected request',
    act: ({ query }, headers) => query('#'.repeat(5_000), undefined, headers),
    messages: ['request rejected'],
  },
  {
    name: 'a request to an unknown path',
    act: ({ url }, headers) => fetch(`${url}/nothing`, { headers }),
    messages: ['request rejected'],
  },
  {
    name: 'rejected credentials',
    act: ({ query }, headers) => query('{ __typename }', undefined, headers),
    messages: ['credentials rejected'],
    config: { routerSecret: 'r'.repeat(32), isRouterOnly: true },
  },
  {
    name: 'an event stream',
    async act({ url }, headers) {
      await using stream = await openEventStream(url, '{ chat(id: 5208) { id } }', { headers });
      await stream.next();
    },
    messages: ['operation'],
  },
  {
    name: 'an operation on a WebSocket',
    act: (gateway, headers) => runOnSocket(gateway, '{ chat(id: 5208) { id } }', headers),
    messages: ['operation'],
  },
  {
    name: 'an invalid message on a WebSocket',
    async act({ url }, headers) {
      await using socket = await openSocket(url, { headers });
      socket.send('nonsense');
      await socket.closed;
    },
    messages: ['websocket protocol violation'],
  },
  {
    name: 'a rejected WebSocket',
    async act({ url }, headers) {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
        headers: { ...headers, origin: 'https://other.example' },
      });
      await new Promise((resolve) => socket.on('error', resolve));
    },
    messages: ['request rejected'],
  },
  {
    name: 'a tool of an AI agent',
    act: ({ url }, headers) => callTool(url, 'readChat', { chatId: '5208' }, headers),
    messages: ['operation', 'tool call'],
    config: { mcp: { isEnabled: true, operations: undefined, allowsWrites: false } },
  },
  {
    name: 'a malformed webhook',
    act: (gateway, headers) => post(gateway, '{}', headers),
    messages: ['webhook malformed', 'request rejected'],
  },
  {
    name: 'a partly unreadable webhook',
    act: (gateway, headers) => post(gateway, chatEvent({ customer: 5 }), headers),
    messages: ['webhook partly unreadable'],
  },
];

describe.each(['without an exporter of traces', 'with an exporter of traces'])('%s', (mode) => {
  const createTracing = async () => {
    if (mode === 'without an exporter of traces') return undefined;
    const collector = await startCollector();
    const tracing = createTestTracing(collector);
    return {
      tracing,
      async [Symbol.asyncDispose]() {
        await tracing.close();
        await collector[Symbol.asyncDispose]();
      },
    };
  };

  test.each(entryPoints)(
    'the log lines of $name have the trace id of its header',
    async ({ act, messages, config = {} }) => {
      await using traced = await createTracing();
      await using gateway = await start({ ...traced, config });

      await act(gateway, { traceparent });
      await gateway.stop();

      expect(gateway.lines().map(({ msg }) => msg)).toEqual(messages);
      expect(gateway.lines().map((line) => line.traceId)).toEqual(messages.map(() => traceId));
      expect(gateway.lines().every(({ requestId }) => typeof requestId === 'string')).toBe(true);
    },
  );

  test('the log lines of subscription events have the trace id of the subscription', async () => {
    await using traced = await createTracing();
    await using gateway = await start({ ...traced });
    await using socket = await openSocket(gateway.url, { headers: { traceparent } });
    await socket.initialize();
    const query = 'subscription { chatUpdated(id: 5208) { change } }';
    socket.send({ id: '1', type: 'subscribe', payload: { query } });
    await gateway.waitForSubscriptions(1);

    await post(gateway, chatEvent({ status: 'pending' }));
    await socket.nextMessage();

    const [first] = gateway.lines();
    expect(first).toMatchObject({ msg: 'operation', kind: 'subscription' });
    expect(gateway.lines().every((line) => line.traceId === traceId)).toBe(true);
  });
});

describe('without an exporter of traces', () => {
  test('a valid trace header is forwarded to HelpCrunch unchanged', async () => {
    await using gateway = await start();
    helpCrunch.clearCalls();

    await gateway.query('{ chat(id: 5208) { id } }', undefined, { traceparent, tracestate });

    expect(helpCrunch.calls[0]?.headers).toMatchObject({ traceparent, tracestate });
  });

  test.each([
    ['absent', undefined],
    ['no trace header', 'nonsense'],
    ['of the invalid version ff', `ff${traceparent.slice(2)}`],
    ['without a trace', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['without a span', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['in upper case', traceparent.toUpperCase()],
    ['with a field that its version does not have', `${traceparent}-00`],
  ])('a trace header that is %s is neither logged nor forwarded', async (_name, header) => {
    await using gateway = await start();
    helpCrunch.clearCalls();
    const headers = header === undefined ? {} : { traceparent: header, tracestate };

    await gateway.query('{ chat(id: 5208) { id } }', undefined, headers);

    expect(gateway.lines()).toHaveLength(1);
    expect(gateway.lines()[0]).not.toHaveProperty('traceId');
    expect(helpCrunch.calls[0]?.headers).not.toHaveProperty('traceparent');
    expect(helpCrunch.calls[0]?.headers).not.toHaveProperty('tracestate');
  });

  test('a trace header of a later version is forwarded as version 00 without its further fields', async () => {
    await using gateway = await start();
    helpCrunch.clearCalls();
    const later = `01${traceparent.slice(2)}-what-the-future-will-be-like`;

    await gateway.query('{ chat(id: 5208) { id } }', undefined, { traceparent: later });

    expect(helpCrunch.calls[0]?.headers).toMatchObject({ traceparent });
    expect(gateway.lines()[0].traceId).toBe(traceId);
  });

  test('a trace state that participants need not pass on is not forwarded', async () => {
    await using gateway = await start();
    helpCrunch.clearCalls();
    const long = { traceparent, tracestate: `vendor=${'1'.repeat(512)}` };

    await gateway.query('{ chat(id: 5208) { id } }', undefined, long);

    expect(helpCrunch.calls[0]?.headers).toMatchObject({ traceparent });
    expect(helpCrunch.calls[0]?.headers).not.toHaveProperty('tracestate');
  });
});

describe('with an exporter of traces', () => {
  test('the log line and the spans of an operation lead to each other', async () => {
    await using collector = await startCollector();
    const tracing = createTestTracing(collector);
    await using gateway = await start({ tracing, clock: createManualClock() });

    await gateway.query('{ chat(id: 5208) { id } }');
    await gateway.stop();
    await tracing.close();

    const [{ traceId: logged, requestId }] = gateway.lines();
    expect(collector.spans.map((span) => span.traceId)).toEqual([logged, logged, logged]);
    const [request, operation] = ['POST /graphql', 'query anonymous'].map(collector.named);
    expect(attributesOf(request)['helpcrunch.request.id']).toBe(requestId);
    expect(attributesOf(operation)['helpcrunch.request.id']).toBe(requestId);
  });

  test('each operation on a WebSocket has a trace of its own if the upgrade has none', async () => {
    await using collector = await startCollector();
    const tracing = createTestTracing(collector);
    await using gateway = await start({ tracing });
    await using socket = await openSocket(gateway.url);
    await socket.initialize();

    for (const id of ['1', '2']) {
      const payload = { query: '{ chat(id: 5208) { id } }' };
      socket.send({ id, type: 'subscribe', payload });
      await socket.nextMessage();
      await socket.nextMessage();
    }
    await gateway.stop();
    await tracing.close();

    const names = collector.spans.map(({ name }) => name);
    expect(names.filter((name) => name === 'GET /graphql')).toHaveLength(1);
    expect(names.filter((name) => name === 'WebSocket /graphql')).toHaveLength(2);
    expect(names.filter((name) => name === 'GET /chats/{id}')).toHaveLength(2);
    expect(new Set(collector.spans.map((span) => span.traceId)).size).toBe(3);
    expect(new Set(gateway.lines().map((line) => line.traceId)).size).toBe(2);
  });

  test('a span shows how long a call waited for the rate limiter', async () => {
    const clock = createManualClock();
    await using collector = await startCollector();
    const tracing = createTestTracing(collector);
    await using gateway = await start({
      tracing,
      clock,
      config: { rateLimit: 1, operationTimeoutMs: 120_000 },
    });
    await gateway.query('{ chat(id: 5208) { id } }');

    const waiting = gateway.query('query Waiting { chat(id: 5208) { id } }');
    await gateway.waitForQueuedCalls(1);
    clock.advance(61_000);
    await waiting;
    await gateway.stop();
    await tracing.close();

    const wait = collector.named('rate limiter wait');
    const operation = collector.named('query Waiting');
    const waitedMs = (wait.endTimeUnixNano - wait.startTimeUnixNano) / 1e6;
    expect(Math.round(waitedMs / 1_000)).toBe(61);
    expect(wait.parentSpanId).toBe(operation.spanId);
    expect(attributesOf(wait)).toEqual({ 'helpcrunch.rate_limiter.priority': 'read' });
    expect(collector.spans.filter(({ name }) => name === 'rate limiter wait')).toHaveLength(1);
  });

  test('a call without a permit has a span with the limit that it reached', async () => {
    await using collector = await startCollector();
    const tracing = createTestTracing(collector);
    await using gateway = await start({
      tracing,
      clock: createManualClock(),
      config: { rateLimit: 1 },
    });

    await gateway.query('{ chat(id: 5208) { id } }');
    await gateway.query('{ chat(id: 5208) { id } }');
    await gateway.stop();
    await tracing.close();

    const wait = collector.named('rate limiter wait');
    expect(attributesOf(wait)['error.type']).toBe('ACCOUNT_LIMIT');
    expect(wait.status).toEqual({ code: 2 });
  });
});

describe('spans that do not reach the collector', () => {
  function createRecordingLog() {
    const lines: any[] = [];
    const stream = new Writable({
      write(chunk: Buffer, _encoding, done) {
        lines.push(JSON.parse(chunk.toString()));
        done();
      },
    });
    return { lines, log: createLog(stream) };
  }

  const metricsOf = async ({ url }: Gateway) => (await fetch(`${url}/metrics`)).text();

  test('spans that the collector rejects are counted and logged once a minute', async () => {
    await using collector = await startCollector();
    collector.fail(400);
    const { lines, log } = createRecordingLog();
    const clock = createManualClock();
    const variables = { OTEL_BSP_SCHEDULE_DELAY: '1' };
    const tracing = createTestTracing(collector, { log, clock, variables });
    await using gateway = await start({ tracing });

    for (const count of [2, 4]) {
      await gateway.query('{ __typename }');
      const counted = `helpcrunch_trace_spans_lost_total{reason="exportFailed"} ${count}\n`;
      while (!(await metricsOf(gateway)).includes(counted));
    }

    expect(lines.length).toBeGreaterThan(0);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 40, msg: 'spans lost', kind: 'exportFailed' });
    expect(lines[0].reason).toBe('400');
    expect(JSON.stringify(lines)).not.toContain('127.0.0.1');
    clock.advance(60_000);
    await gateway.query('{ __typename }');
    while (lines.length === 1) await metricsOf(gateway);
    expect(lines[1].suppressed).toBeGreaterThan(0);
    await gateway.stop();
    await tracing.close();
  });

  test.each([2, '2'])(
    'spans that a partial success rejects (%j) are counted',
    async (rejectedSpans) => {
      await using collector = await startCollector();
      collector.respond({
        partialSuccess: { rejectedSpans, errorMessage: 'http://127.0.0.1 is full' },
      });
      const { lines, log } = createRecordingLog();
      const variables = { OTEL_BSP_SCHEDULE_DELAY: '1' };
      const tracing = createTestTracing(collector, { log, clock: createManualClock(), variables });
      await using gateway = await start({ tracing });

      await gateway.query('{ __typename }');
      const counted = /helpcrunch_trace_spans_lost_total\{reason="rejected"\} [24]\n/;
      while (!counted.test(await metricsOf(gateway)));

      expect(lines[0]).toMatchObject({ level: 40, msg: 'spans lost', kind: 'rejected', count: 2 });
      expect(JSON.stringify(lines)).not.toContain('127.0.0.1');
      await gateway.stop();
      await tracing.close();
    },
  );

  test('spans beyond the size of the queue are counted', async () => {
    await using collector = await startCollector();
    const { lines, log } = createRecordingLog();
    const variables = { OTEL_BSP_MAX_QUEUE_SIZE: '1', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1' };
    collector.fail(0);
    const clock = createManualClock();
    const tracing = createTestTracing(collector, { log, clock, variables });
    await using gateway = await start({ tracing, clock: createManualClock() });

    await gateway.query('{ chat(id: 5208) { id } }');
    await gateway.stop();
    const metrics = { ...tracing.lostSpans() };
    const closed = tracing.close();
    clock.advance(2_000);
    await closed;

    expect(metrics).toEqual({ queueFull: 2, exportFailed: 0, rejected: 0, stopped: 0 });
    expect(tracing.lostSpans()).toEqual({ queueFull: 2, exportFailed: 0, rejected: 0, stopped: 1 });
    expect(lines.map(({ kind }) => kind)).toEqual(['queueFull', 'stopped']);
  });

  test('there is no counter of lost spans if spans are not exported', async () => {
    await using gateway = await start();

    expect(await metricsOf(gateway)).not.toContain('helpcrunch_trace_spans_lost_total');
  });
});
