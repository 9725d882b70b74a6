import type { Clock } from '../lib/clock.ts';
import type { CallPriority } from './rateLimit/limiter.ts';
import type { UpstreamErrorKind } from './errors.ts';
import { UpstreamError } from './errors.ts';
import type { Layer, UpstreamCall } from './pipeline.ts';

export interface QueueWaitReport {
  readonly priority: CallPriority;
  readonly wasGranted: boolean;
  readonly waitMs: number;
}

export interface UpstreamCallReport {
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

interface InstrumentationOptions {
  readonly observer: UpstreamObserver;
  readonly clock: Clock;
}

/** Reports queue waits and calls. The returned promises are those of the callbacks: observing them delays nothing. */
export const createInstrumentation = ({ observer, clock }: InstrumentationOptions) => ({
  instrumentQueue<Permit>(
    priority: CallPriority,
    signal: AbortSignal,
    acquire: () => Promise<Permit>,
  ): Promise<Permit> {
    const startedAt = clock.monotonic();
    const report = (wasGranted: boolean): void => {
      observer.onQueueWait({ priority, wasGranted, waitMs: clock.monotonic() - startedAt });
    };
    const permit = acquire();
    permit.then(
      () => report(true),
      () => {
        // An aborted request was neither granted nor rejected.
        if (!signal.aborted) report(false);
      },
    );
    return permit;
  },

  /** Counts, measures and traces each attempt that is sent. */
  layer: ((next) => (request) => {
    const { context, signal, method } = request;
    const endpoint = endpointOf(request);
    const span = context.span?.child('call', endpoint, { 'http.request.method': method });
    const startedAt = clock.monotonic();
    const report = (outcome: UpstreamCallReport['outcome']): void => {
      observer.onCall({ endpoint, outcome, durationMs: clock.monotonic() - startedAt });
      span?.end({ failure: outcome === 'ok' ? undefined : outcome });
    };
    context.usage.calls += 1;
    const response = next(span === undefined ? request : { ...request, headers: span.headers() });
    response.then(
      () => report('ok'),
      (error: unknown) => {
        const kind = error instanceof UpstreamError ? error.kind : 'malformed';
        report(signal.aborted ? 'abandoned' : kind);
      },
    );
    return response;
  }) satisfies Layer,
});

export type Instrumentation = ReturnType<typeof createInstrumentation>;
