import type { Clock } from '../lib/clock.ts';
import type { Span } from '../observability/tracing.ts';
import type { CallPriority } from './rateLimit/limiter.ts';
import type { UpstreamErrorKind } from './errors.ts';
import { UpstreamError } from './errors.ts';
import type { TransportRequest } from './transport.ts';

export interface QueueWaitReport {
  readonly priority: CallPriority;
  readonly wasGranted: boolean;
  readonly waitMs: number;
}

export interface UpstreamCallReport {
  readonly endpoint: string;
  /** `abandoned` when nobody waited for it any longer. */
  readonly outcome: 'ok' | 'abandoned' | UpstreamErrorKind;
  readonly durationMs: number;
}

/** Told of every call, so that an operator can see them. */
export interface UpstreamObserver {
  /** A call has waited for its turn, and may leave or is refused. */
  onQueueWait(report: QueueWaitReport): void;
  onCall(report: UpstreamCallReport): void;
}

type EndpointRequest = Pick<TransportRequest, 'method' | 'path'>;

/** The endpoint of a call, such as `GET /chats/{id}`. Bounded: whatever is no plain word counts as an id. */
export function endpointOf({ method, path }: EndpointRequest): string {
  const [pathname = ''] = path.split('?', 1);
  const segments = pathname
    .split('/')
    .map((segment) => (/^[a-z]*$/i.test(segment) ? segment : '{id}'));
  return `${method} ${segments.join('/')}`;
}

interface InstrumentedRequest extends EndpointRequest {
  readonly signal: AbortSignal;
  readonly span: Span | undefined;
}

interface InstrumentationOptions {
  readonly observer: UpstreamObserver;
  readonly clock: Clock;
}

/** Lets an observer see how calls go. What it looks at takes no longer for that, not even by one turn of promises. */
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
        // Who leaves the line was neither served nor refused.
        if (!signal.aborted) report(false);
      },
    );
    return permit;
  },

  instrumentRequest<Response>(
    { method, path, signal, span: parentSpan }: InstrumentedRequest,
    send: (headers: Readonly<Record<string, string>>) => Promise<Response>,
  ): Promise<Response> {
    const endpoint = endpointOf({ method, path });
    const span = parentSpan?.child('call', endpoint, { 'http.request.method': method });
    const startedAt = clock.monotonic();
    const report = (outcome: UpstreamCallReport['outcome']): void => {
      observer.onCall({ endpoint, outcome, durationMs: clock.monotonic() - startedAt });
      span?.end({ failure: outcome === 'ok' ? undefined : outcome });
    };
    const response = send(span?.headers() ?? {});
    response.then(
      () => report('ok'),
      (error: unknown) => {
        const kind = error instanceof UpstreamError ? error.kind : 'malformed';
        report(signal.aborted ? 'abandoned' : kind);
      },
    );
    return response;
  },
});
