import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { attributesOf, createTestTracing, startCollector } from '../support/collector.ts';
import type { Collector } from '../support/collector.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { killAll, run } from '../support/process.ts';

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /chats/5208', { body: wireChat() });
  helpCrunch.respond('GET /chats/500', { status: 500, body: 'secret-body' });
});

afterAll(async () => {
  killAll();
  await helpCrunch[Symbol.asyncDispose]();
});

/** The spans that the collector receives and the headers that HelpCrunch receives for one operation. */
async function trace(
  collector: Collector,
  query: string,
  headers: Record<string, string> = {},
  protocol: 'http/json' | 'http/protobuf' = 'http/json',
) {
  const tracing = createTestTracing(collector, { protocol });
  // Calls do not wait for the rate limiter, so that they have no span of their wait.
  const clock = createManualClock();
  await using gateway = await startTestGateway({ upstream: helpCrunch, tracing, clock });
  helpCrunch.clearCalls();
  await gateway.query(query, undefined, headers);
  await fetch(`${gateway.url}/readyz`);
  await gateway.stop();
  await tracing.close();
  return helpCrunch.calls[0]?.headers ?? {};
}

const traceId = '0af7651916cd43dd8448eb211c80319c';
const parentId = 'b7ad6b7169203331';

describe('a trace', () => {
  test('a trace continues from the client through the operation to HelpCrunch', async () => {
    await using collector = await startCollector();

    const { traceparent, tracestate } = await trace(
      collector,
      'query Open { chat(id: 5208) { id customer { name } } }',
      {
        traceparent: `00-${traceId}-${parentId}-01`,
        tracestate: 'vendor=1',
        'x-request-id': 'mine-1',
      },
    );

    const request = collector.named('POST /graphql');
    const operation = collector.named('query Open');
    const call = collector.named('GET /chats/{id}');
    expect(collector.spans).toHaveLength(3);
    expect(collector.spans.every((span) => span.traceId === traceId)).toBe(true);
    expect(request).toMatchObject({ parentSpanId: parentId, kind: 2 });
    expect(operation).toMatchObject({ parentSpanId: request.spanId, kind: 1 });
    expect(call).toMatchObject({ parentSpanId: operation.spanId, kind: 3 });
    expect(traceparent).toBe(`00-${traceId}-${call.spanId}-01`);
    expect(tracestate).toBe('vendor=1');
    expect(attributesOf(request)).toEqual({
      'http.request.method': 'POST',
      'http.route': '/graphql',
      'http.response.status_code': 200,
      'helpcrunch.request.id': 'mine-1',
    });
    expect(attributesOf(operation)).toEqual({
      'helpcrunch.request.id': 'mine-1',
      'graphql.operation.name': 'Open',
      'graphql.operation.type': 'query',
      'helpcrunch.upstream.calls': 1,
      'helpcrunch.cache.hits': 0,
    });
    const { hostname, port } = new URL(helpCrunch.url);
    expect(attributesOf(call)).toEqual({
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'server.address': hostname,
      'server.port': Number(port),
      'url.scheme': 'http',
      'url.full': `${helpCrunch.url}/chats/{id}`,
      'url.template': '/v1/chats/{id}',
    });
    expect(attributesOf(collector.resources[0])).toMatchObject({
      'service.name': 'helpcrunch-graphql',
      'service.version': '1.2.3',
    });
    expect(JSON.stringify(collector.spans)).not.toMatch(/5208|Taras|fake-key/);
  });

  test('a trace starts at the gateway if the client sends none', async () => {
    await using collector = await startCollector();

    const { traceparent } = await trace(collector, '{ chat(id: 5208) { id } }', {
      traceparent: 'nonsense',
    });

    const [{ traceId: own }] = collector.spans;
    expect(collector.named('POST /graphql').parentSpanId ?? '').toBe('');
    expect(collector.named('query anonymous')).toBeDefined();
    expect(traceparent).toMatch(new RegExp(`^00-${own}-[0-9a-f]{16}-01$`));
  });

  test('an unsampled trace is propagated and not recorded', async () => {
    await using collector = await startCollector();

    const { traceparent } = await trace(collector, '{ chat(id: 5208) { id } }', {
      traceparent: `00-${traceId}-${parentId}-00`,
    });

    expect(collector.spans).toEqual([]);
    expect(traceparent).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
  });

  test('a trace contains error codes and no other details', async () => {
    await using collector = await startCollector();

    await trace(collector, 'query Open { chat(id: 500) { id } }');

    const [operation, call] = ['query Open', 'GET /chats/{id}'].map(collector.named);
    expect(attributesOf(operation)['error.type']).toBe('UPSTREAM_UNAVAILABLE');
    expect(attributesOf(call)).toMatchObject({
      'error.type': 'unavailable',
      'http.response.status_code': 500,
    });
    expect([operation.status, call.status]).toEqual([{ code: 2 }, { code: 2 }]);
    expect(JSON.stringify(collector.spans)).not.toContain('secret');
  });
});

test('the span of a call contains the error code of its failed connection', async () => {
  await using collector = await startCollector();
  helpCrunch.respond('GET /chats/501', (_call, { socket }) => {
    socket?.resetAndDestroy();
    return undefined;
  });

  await trace(collector, 'query Open { chat(id: 501) { id } }');

  expect(attributesOf(collector.named('GET /chats/{id}'))).toMatchObject({
    'error.type': 'unavailable',
    'helpcrunch.upstream.connection_error': 'ECONNRESET',
  });
});

test('traces are exported as OTLP JSON and protobuf', async () => {
  await using collector = await startCollector();

  await trace(collector, '{ __typename }');
  await trace(collector, '{ __typename }', {}, 'http/protobuf');

  expect(collector.types).toEqual(['application/json', 'application/x-protobuf']);
});

describe('the process', () => {
  /** On `SIGWINCH` the process prints which modules of OpenTelemetry are loaded, except the interface that prom-client imports. */
  const tell = `
    import { createRequire } from 'node:module';
    const { cache } = createRequire('${import.meta.url}');
    process.on('SIGWINCH', () => {
      const loaded = Object.keys(cache).filter((path) => /@opentelemetry.(?!api[\\\\/])/.test(path));
      process.stderr.write(loaded.length + ' loaded\\n');
    });`;
  const options = ['--import', `data:text/javascript,${encodeURIComponent(tell)}`];

  async function loadedBy(environment: Readonly<Record<string, string>>, isAsked = false) {
    await using gateway = run({ LOG_LEVEL: 'warn', ...environment }, options);
    const started = await gateway.started();
    gateway.send('SIGWINCH');
    const count = Number(/^([0-9]+) loaded/.exec(await gateway.heard('loaded'))?.[1]);
    if (isAsked) {
      await fetch(`${started.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"query":"{ __typename }"}',
      });
    }
    gateway.stop();
    const { code } = await gateway.ended;
    return { count, code };
  }

  test.concurrent(
    'the process does not load OpenTelemetry unless tracing is configured',
    async () => {
      expect(await loadedBy({})).toEqual({ count: 0, code: 0 });
    },
  );

  test.concurrent(
    'the process exports spans to the configured endpoint with its service name, and flushes at shutdown',
    async () => {
      await using collector = await startCollector();

      const { count, code } = await loadedBy(
        { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SERVICE_NAME: 'support-graphql' },
        true,
      );

      expect(code).toBe(0);
      expect(count).toBeGreaterThan(10);
      expect(collector.spans).toHaveLength(2);
      expect(attributesOf(collector.resources[0])['service.name']).toBe('support-graphql');
    },
  );

  test.concurrent('the process stops in time when the collector does not respond', async () => {
    const environment = {
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
    };

    expect(await loadedBy(environment, true)).toMatchObject({ code: 0 });
  });
});
