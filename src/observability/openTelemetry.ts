import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Context, Span as OtelSpan, Tracer } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { Clock } from '../lib/clock.ts';
import type { Span, Tracing } from './tracing.ts';

const serviceName = 'helpcrunch-graphql';

/** Maximum time for the last export. */
const shutdownTimeoutMs = 2_000;

const propagator = new W3CTraceContextPropagator();

const kinds = { work: SpanKind.INTERNAL, call: SpanKind.CLIENT } as const;

function wrapSpan(tracer: Tracer, span: OtelSpan, parentContext: Context): Span {
  const context = trace.setSpan(parentContext, span);
  return {
    child: (kind, childName, attributes = {}) =>
      wrapSpan(
        tracer,
        tracer.startSpan(childName, { kind: kinds[kind], attributes }, context),
        context,
      ),
    headers() {
      const headers: Record<string, string> = {};
      propagator.inject(context, headers, {
        set(_carrier, key, value) {
          headers[key] = value;
        },
      });
      return headers;
    },
    end({ name: finalName, attributes = {}, failure } = {}) {
      if (!span.isRecording()) return;
      if (finalName !== undefined) span.updateName(finalName);
      span.setAttributes(attributes);
      if (failure !== undefined) {
        span.setAttribute('error.type', failure).setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

/** Exports spans by OTLP over HTTP, configured by the standard `OTEL_*` variables. */
export function createOpenTelemetry(
  protocol: 'http/json' | 'http/protobuf',
  clock: Clock,
): Tracing {
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': serviceName }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [
      new BatchSpanProcessor(
        protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter(),
      ),
    ],
  });
  const tracer = provider.getTracer(serviceName);
  return {
    request(spanName, headers, attributes) {
      const outer = propagator.extract(ROOT_CONTEXT, headers, {
        get: (_carrier, key) => headers[key],
        keys: () => Object.keys(headers),
      });
      const span = tracer.startSpan(spanName, { kind: SpanKind.SERVER, attributes }, outer);
      return wrapSpan(tracer, span, outer);
    },
    // An unavailable collector must not block the shutdown.
    close: () =>
      Promise.race([
        provider.shutdown().catch(() => undefined),
        new Promise<void>((resolve) => void clock.after(shutdownTimeoutMs, resolve)),
      ]),
  };
}
