import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { systemClock } from '../../src/lib/clock.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/observability/log.ts';
import type { Log } from '../../src/observability/log.ts';
import { createOpenTelemetry } from '../../src/observability/openTelemetry.ts';

/** A collector of spans, as OTLP over HTTP has it. */
export async function startCollector() {
  const spans: any[] = [];
  const resources: any[] = [];
  const types: (string | undefined)[] = [];
  let status = 200;
  let answer: unknown = {};
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      types.push(request.headers['content-type']);
      if (status === 200 && request.headers['content-type'] === 'application/json') {
        for (const { resource, scopeSpans } of JSON.parse(body.toString()).resourceSpans) {
          resources.push(resource);
          for (const scope of scopeSpans) spans.push(...scope.spans);
        }
      }
      if (status !== 0) {
        response
          .writeHead(status, { 'content-type': 'application/json' })
          .end(JSON.stringify(answer));
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    resources,
    types,
    /** Rejects spans with this status from now on; with 0 it does not respond. */
    fail(failure: number) {
      status = failure;
    },
    /** Accepts batches, but reports this from now on. */
    respond(response: unknown) {
      answer = response;
    },
    named: (name: string) => spans.find((span) => span.name === name),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export type Collector = Awaited<ReturnType<typeof startCollector>>;

interface TestTracingOptions {
  readonly protocol?: 'http/json' | 'http/protobuf';
  readonly clock?: Clock;
  readonly log?: Log;
  /** Further variables of the SDK. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Tracing that exports to the collector. */
export function createTestTracing(
  { url }: Pick<Collector, 'url'>,
  {
    protocol = 'http/json',
    clock = systemClock,
    log = silentLog,
    variables = {},
  }: TestTracingOptions = {},
) {
  const environment = { OTEL_EXPORTER_OTLP_ENDPOINT: url, ...variables };
  Object.assign(process.env, environment);
  try {
    return createOpenTelemetry({ protocol, version: '1.2.3', clock, log });
  } finally {
    for (const name of Object.keys(environment)) Reflect.deleteProperty(process.env, name);
  }
}

export const attributesOf = (span: any): Record<string, unknown> =>
  Object.fromEntries(
    span.attributes.map(({ key, value }: any) => [key, value.stringValue ?? value.intValue]),
  );
