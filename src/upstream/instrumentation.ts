import type { Clock } from '../lib/clock.ts';
import type { CallPriority, RefusalReason, QuotaClass } from './rateLimit/limiter.ts';
import type { UpstreamErrorKind } from './errors.ts';
import { UpstreamError } from './errors.ts';
import type { Layer, UpstreamCall } from './pipeline.ts';

export interface QueueWaitReport {
  readonly priority: CallPriority;
  /** The class of the viewer that started the call. */
  readonly viewer: QuotaClass;
  /** Why no permit was granted; undefined if one was. */
  readonly rejection: RefusalReason | 'UNAVAILABLE' | undefined;
  readonly waitMs: number;
}

interface UpstreamCallReport {
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

const connectionErrorAttribute = 'helpcrunch.upstream.connection_error';

/** Counts, measures and traces each attempt that is sent. */
export const instrument =
  ({ observer, clock }: InstrumentationOptions): Layer =>
  (next) =>
  async (request) => {
    const { context, signal, method } = request;
    const endpoint = endpointOf(request);
    const span = context.span?.child('call', endpoint, { 'http.request.method': method });
    const startedAt = clock.monotonic();
    let outcome: UpstreamCallReport['outcome'] = 'ok';
    let connectionError: string | undefined;
    context.usage.calls += 1;
    try {
      return await next(span === undefined ? request : { ...request, headers: span.headers() });
    } catch (error) {
      const kind = error instanceof UpstreamError ? error.kind : 'malformed';
      outcome = signal.aborted ? 'abandoned' : kind;
      if (error instanceof UpstreamError) ({ connectionError } = error.details);
      throw error;
    } finally {
      observer.onCall({ endpoint, outcome, durationMs: clock.monotonic() - startedAt });
      span?.end({
        failure: outcome === 'ok' ? undefined : outcome,
        attributes:
          connectionError === undefined ? {} : { [connectionErrorAttribute]: connectionError },
      });
    }
  };
