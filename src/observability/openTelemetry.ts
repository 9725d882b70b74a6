import {
  diag,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
} from '@opentelemetry/api';
import type { Context, Span as OtelSpan, Tracer } from '@opentelemetry/api';
import { ExportResultCode, getNumberFromEnv, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { systemClock } from '../lib/clock.ts';
import type { Clock } from '../lib/clock.ts';
import { parseJson } from '../lib/json.ts';
import type { Log } from './log.ts';
import { LoggedCounts } from './loggedCounts.ts';
import type { Span, SpanEnd, Tracing } from './tracing.ts';

const serviceName = 'helpcrunch-graphql';

/** Maximum time for the last export. */
const shutdownTimeoutMs = 2_000;

const propagator = new W3CTraceContextPropagator();

const kinds = { work: SpanKind.INTERNAL, call: SpanKind.CLIENT } as const;

/** The SDK's default. */
const defaultQueueSize = 2_048;

function endSpan(span: OtelSpan, { attributes = {}, failure }: SpanEnd, endTimeMs?: number): void {
  span.setAttributes(attributes);
  if (failure !== undefined) {
    span.setAttribute('error.type', failure).setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(endTimeMs);
}

function wrapSpan(tracer: Tracer, span: OtelSpan, parentContext: Context): Span {
  const context = trace.setSpan(parentContext, span);
  return {
    traceId: span.spanContext().traceId,
    child: (kind, name, attributes = {}) =>
      wrapSpan(tracer, tracer.startSpan(name, { kind: kinds[kind], attributes }, context), context),
    record(name, durationMs, ending) {
      const nowMs = systemClock.now();
      const options = { kind: SpanKind.INTERNAL, startTime: nowMs - durationMs };
      endSpan(tracer.startSpan(name, options, context), ending, nowMs);
    },
    headers() {
      const headers: Record<string, string> = {};
      propagator.inject(context, headers, {
        set(_carrier, key, value) {
          headers[key] = value;
        },
      });
      return headers;
    },
    end(ending = {}) {
      if (!span.isRecording()) return;
      if (ending.name !== undefined) span.updateName(ending.name);
      endSpan(span, ending);
    },
  };
}

type LostSpans = LoggedCounts<'queueFull' | 'exportFailed' | 'rejected' | 'stopped'>;

/** An error code such as `ECONNREFUSED`, or the status of the collector. Messages contain its address. */
function reasonOf(error: Error | undefined): string {
  if (error === undefined) return 'unknown';
  const code = 'code' in error ? error.code : undefined;
  if (typeof code === 'string' || typeof code === 'number') return String(code);
  return error.cause instanceof Error ? reasonOf(error.cause) : error.name;
}

/** The number of spans in a partial success of OTLP; 64-bit numbers are texts in JSON. */
function rejectedSpansIn(details: unknown): number {
  const value: unknown = typeof details === 'string' ? parseJson(details) : undefined;
  const isDetails = typeof value === 'object' && value !== null && 'rejectedSpans' in value;
  const count = isDetails ? Number(value.rejectedSpans) : 0;
  return Number.isSafeInteger(count) ? count : 0;
}

/** The exporter reports a partial success as a success, and the rejected spans only to the logger of the SDK. */
function countRejectedSpans(lost: LostSpans): void {
  const ignore = () => undefined;
  const warn = (message: string, ...[details]: unknown[]) => {
    const count = message.startsWith('Received Partial Success') ? rejectedSpansIn(details) : 0;
    if (count > 0) lost.report('rejected', { count });
  };
  const logger = { error: ignore, warn, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
}

/** Counts the spans that a batch processor and its exporter lose. The SDK only reports them to its internal logger. */
class ReportingProcessor implements SpanProcessor {
  readonly #lost: LostSpans;
  readonly #batches: BatchSpanProcessor;
  readonly #maxPending = getNumberFromEnv('OTEL_BSP_MAX_QUEUE_SIZE') ?? defaultQueueSize;
  /** Spans that are queued or being exported. The queue of the SDK is never full, because there are at most as many. */
  #pending = 0;

  constructor(exporter: SpanExporter, lost: LostSpans) {
    this.#lost = lost;
    this.#batches = new BatchSpanProcessor({
      export: (spans, done) => {
        exporter.export(spans, (result) => {
          this.#pending -= spans.length;
          if (result.code !== ExportResultCode.SUCCESS) {
            lost.report('exportFailed', { count: spans.length, reason: reasonOf(result.error) });
          }
          done(result);
        });
      },
      shutdown: () => exporter.shutdown(),
    });
  }

  onStart(): void {
    // Spans are exported when they end.
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (this.#pending >= this.#maxPending) {
      this.#lost.report('queueFull');
      return;
    }
    this.#pending += 1;
    this.#batches.onEnd(span);
  }

  forceFlush(): Promise<void> {
    return this.#batches.forceFlush();
  }

  shutdown(): Promise<void> {
    return this.#batches.shutdown();
  }

  /** Reports what has not been exported. */
  abandon(): void {
    if (this.#pending > 0) this.#lost.report('stopped', { count: this.#pending });
  }
}

interface OpenTelemetryOptions {
  readonly protocol: 'http/json' | 'http/protobuf';
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Exports spans by OTLP over HTTP, configured by the standard `OTEL_*` variables. */
export function createOpenTelemetry({
  protocol,
  version,
  clock,
  log,
}: OpenTelemetryOptions): Tracing {
  const lost: LostSpans = new LoggedCounts(
    { queueFull: 0, exportFailed: 0, rejected: 0, stopped: 0 },
    { message: 'spans lost', clock, log },
  );
  countRejectedSpans(lost);
  const exporter = protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter();
  const processor = new ReportingProcessor(exporter, lost);
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': serviceName, 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer(serviceName);
  return {
    startRequestSpan(spanName, headers, attributes) {
      const outer = propagator.extract(ROOT_CONTEXT, headers, {
        get: (_carrier, key) => headers[key],
        keys: () => Object.keys(headers),
      });
      const span = tracer.startSpan(spanName, { kind: SpanKind.SERVER, attributes }, outer);
      return wrapSpan(tracer, span, outer);
    },
    lostSpans: () => lost.counts(),
    // An unavailable collector must not block the shutdown.
    async close() {
      await Promise.race([
        provider.shutdown().catch(() => undefined),
        new Promise<void>((resolve) => void clock.after(shutdownTimeoutMs, resolve)),
      ]);
      processor.abandon();
    },
  };
}
