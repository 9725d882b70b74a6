import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import { requestIdAttribute, requestIds } from '../observability/tracing.ts';
import type { RequestIds, Span, TraceHeaders, Tracing } from '../observability/tracing.ts';
import { requestIdOf } from './requestHead.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Undefined if the request belongs to no trace. */
    span: Span | undefined;
  }
}

/** Polled every few seconds, so their spans would outnumber all others. */
const untracedRoutes: ReadonlySet<string | undefined> = new Set([
  '/healthz',
  '/readyz',
  '/metrics',
]);

/** What identifies a request in the log. */
export const idsOf = ({ id: requestId, span }: FastifyRequest): RequestIds =>
  requestIds({ requestId, span });

const endWithStatus = (span: Span, status: number): void =>
  span.end({
    attributes: { 'http.response.status_code': status },
    failure: status >= 500 ? String(status) : undefined,
  });

/** The ids of an upgrade, or of a request that is rejected before routing. Its span ends at once. */
export function traceUpgrade(
  tracing: Tracing,
  { method = '', headers }: IncomingMessage,
  status: number,
): RequestIds {
  const requestId = requestIdOf(headers);
  const span = tracing.startRequestSpan(`${method} /graphql`, headers, {
    'http.request.method': method,
    'http.route': '/graphql',
    [requestIdAttribute]: requestId,
  });
  if (span !== undefined) endWithStatus(span, status);
  return requestIds({ requestId, span });
}

/** The span of an operation on a WebSocket. It continues the trace of the upgrade, or begins one of its own. */
export const webSocketOperationSpan = (
  tracing: Tracing,
  upgradeHeaders: TraceHeaders,
  requestId: string,
): Span | undefined =>
  tracing.startRequestSpan('WebSocket /graphql', upgradeHeaders, {
    'http.route': '/graphql',
    'network.protocol.name': 'websocket',
    [requestIdAttribute]: requestId,
  });

/** Opens a span for each request. */
export function addRequestSpans(
  server: FastifyInstance,
  { tracing, log }: { readonly tracing: Tracing; readonly log: Log },
): void {
  server.decorateRequest('span', undefined);
  server.addHook('onRequest', (request, { raw }, done) => {
    const { id, method, headers, routeOptions } = request;
    const route = routeOptions.url;
    const span = untracedRoutes.has(route)
      ? undefined
      : tracing.startRequestSpan(`${method} ${route ?? 'other'}`, headers, {
          'http.request.method': method,
          ...(route === undefined ? {} : { 'http.route': route }),
          [requestIdAttribute]: id,
        });
    if (span !== undefined) {
      request.span = span;
      const end = () => endWithStatus(span, raw.statusCode);
      // `close` is also emitted when the client disconnects before the response.
      raw.once('close', guarded({ log, name: 'span' }, end));
    }
    done();
  });
}
