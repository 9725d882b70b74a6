import type { Clock } from '../lib/clock.ts';
import type { CallPriority, ReachedLimit, QuotaClass } from './rateLimit/limiter.ts';
import type { UpstreamErrorKind } from './errors.ts';
import { UpstreamError } from './errors.ts';
import type { SpanEnd } from '../observability/tracing.ts';
import type { Layer, UpstreamCall, UpstreamRequest } from './pipeline.ts';

export interface QueueWaitReport {
  readonly account: string;
  readonly priority: CallPriority;
  /** The class of the viewer that started the call. */
  readonly viewer: QuotaClass;
  /** Why no permit was granted; undefined if one was. */
  readonly rejection: ReachedLimit | 'UNAVAILABLE' | undefined;
  readonly waitMs: number;
}

interface UpstreamCallReport {
  readonly account: string;
  readonly endpoint: string;
  /** `abandoned` when every waiter has disconnected. */
  readonly outcome: 'ok' | 'abandoned' | UpstreamErrorKind;
  readonly durationMs: number;
}

/** Receives a report of every attempt, for metrics. */
export interface UpstreamObserver {
  /** A queued attempt got a permit or was rejected. */
  onQueueWait(report: QueueWaitReport): void;
  onCall(report: UpstreamCallReport): void;
}

/** The endpoint of a call, such as `GET /chats/{id}`. Bounded: every path segment other than a plain word counts as an id. */
export function endpointOf({ method, path }: Pick<UpstreamCall, 'method' | 'path'>): string {
  const [pathname = ''] = path.split('?', 1);
  const segments = pathname
    .split('/')
    .map((segment) => (/^[a-z]*$/i.test(segment) ? segment : '{id}'));
  return `${method} ${segments.join('/')}`;
}

export interface InstrumentationOptions {
  readonly observer: UpstreamObserver;
  readonly clock: Clock;
}

const defaultPorts: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

/** The attributes of the server that is called. */
function serverAttributes(baseUrl: string) {
  const { protocol, hostname, port } = new URL(baseUrl);
  return {
    'server.address': hostname,
    'server.port': Number(port) || (defaultPorts[protocol] ?? 0),
    'url.scheme': protocol.slice(0, -1),
  };
}

/** Adds the endpoint and the number of attempts to a failure, for the log. */
export const describeFailures: Layer = (next) => async (request) => {
  let attempts = 0;
  const sent = (): void => {
    attempts += 1;
    request.sent?.();
  };
  try {
    return await next({ ...request, sent });
  } catch (error) {
    const isOwn = error instanceof UpstreamError && error !== request.signal.reason;
    throw isOwn ? error.with({ endpoint: endpointOf(request), attempts }) : error;
  }
};

/** Counts, measures and traces each attempt that is sent. Ids and query values are not part of its URL. */
export function instrument({
  observer,
  clock,
  baseUrl,
}: InstrumentationOptions & { readonly baseUrl: string }): Layer {
  const server = serverAttributes(baseUrl);
  const openSpan = ({ context: { span }, method }: UpstreamRequest, endpoint: string) => {
    const path = endpoint.slice(method.length + 1);
    return span?.child('call', endpoint, {
      ...server,
      'http.request.method': method,
      'url.full': baseUrl + path,
      'url.template': new URL(baseUrl).pathname.replace(/\/$/, '') + path,
    });
  };
  return (next) => async (request) => {
    const { context, signal } = request;
    const endpoint = endpointOf(request);
    const span = openSpan(request, endpoint);
    const startedAt = clock.monotonic();
    let outcome: UpstreamCallReport['outcome'] = 'ok';
    let attributes: NonNullable<SpanEnd['attributes']> = {};
    const onStatus = (status: number) => {
      attributes = { 'http.response.status_code': status };
    };
    context.usage.calls += 1;
    try {
      return await next(
        span === undefined ? request : { ...request, headers: span.headers(), onStatus },
      );
    } catch (error) {
      const kind = error instanceof UpstreamError ? error.kind : 'malformed';
      outcome = signal.aborted ? 'abandoned' : kind;
      const code = error instanceof UpstreamError ? error.details.connectionError : undefined;
      if (code !== undefined) attributes = { 'helpcrunch.upstream.connection_error': code };
      throw error;
    } finally {
      const { account } = context;
      observer.onCall({ account, endpoint, outcome, durationMs: clock.monotonic() - startedAt });
      span?.end({ failure: outcome === 'ok' ? undefined : outcome, attributes });
    }
  };
}
