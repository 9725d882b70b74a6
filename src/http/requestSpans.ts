import type { FastifyInstance, FastifyRequest } from 'fastify';
import { guarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import type { Span, Tracing } from '../observability/tracing.ts';

/** Polled every few seconds, so their spans would outnumber all others. */
const untracedRoutes: ReadonlySet<string | undefined> = new Set([
  '/healthz',
  '/readyz',
  '/metrics',
]);

/** Opens a span for each request. The returned function gives the span of a request, if it has one. */
export function addRequestSpans(
  server: FastifyInstance,
  { tracing, log }: { readonly tracing?: Tracing | undefined; readonly log: Log },
): (request: FastifyRequest) => Span | undefined {
  if (tracing === undefined) return () => undefined;
  const spans = new WeakMap<FastifyRequest, Span>();
  server.addHook('onRequest', (request, { raw }, done) => {
    const { method, headers, routeOptions } = request;
    const route = routeOptions.url;
    if (untracedRoutes.has(route)) {
      done();
      return;
    }
    const span = tracing.request(`${method} ${route ?? 'other'}`, headers, {
      'http.request.method': method,
      ...(route === undefined ? {} : { 'http.route': route }),
    });
    spans.set(request, span);
    const end = () => {
      const { statusCode } = raw;
      span.end({
        attributes: { 'http.response.status_code': statusCode },
        failure: statusCode >= 500 ? String(statusCode) : undefined,
      });
    };
    // `close` is also emitted when the client disconnects before the response.
    raw.once('close', guarded({ log, name: 'span' }, end));
    done();
  });
  return (request) => spans.get(request);
}
