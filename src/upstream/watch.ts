import type { Clock } from '../support/clock.ts';
import type { Span } from '../support/tracing.ts';
import type { Priority } from './budget/budget.ts';
import type { UpstreamErrorKind } from './errors.ts';
import { UpstreamError } from './errors.ts';
import type { Request } from './transport.ts';

export interface WaitReport {
  readonly priority: Priority;
  readonly isServed: boolean;
  readonly waitMs: number;
}

export interface CallReport {
  readonly endpoint: string;
  /** `abandoned` when nobody waited for it any longer. */
  readonly outcome: 'ok' | 'abandoned' | UpstreamErrorKind;
  readonly durationMs: number;
}

/** Told of every call, so that an operator can see them. */
export interface CallObserver {
  /** A call has waited for its turn, and may leave or is refused. */
  waited(report: WaitReport): void;
  called(report: CallReport): void;
}

type Named = Pick<Request, 'method' | 'path'>;

/** The endpoint of a call, such as `GET /chats/{id}`. Bounded: whatever is no plain word counts as an id. */
export function endpointOf({ method, path }: Named): string {
  const [place = ''] = path.split('?', 1);
  const segments = place.split('/').map((part) => (/^[a-z]*$/i.test(part) ? part : '{id}'));
  return `${method} ${segments.join('/')}`;
}

interface Watched extends Named {
  readonly signal: AbortSignal;
  readonly span: Span | undefined;
}

interface WatchParts {
  readonly observer: CallObserver;
  readonly clock: Clock;
}

/** Lets an observer see how calls go. What it looks at takes no longer for that, not even by one turn of promises. */
export const createWatch = ({ observer, clock }: WatchParts) => ({
  turn<Slot>(priority: Priority, signal: AbortSignal, acquire: () => Promise<Slot>): Promise<Slot> {
    const since = clock.monotonic();
    const tell = (isServed: boolean): void => {
      observer.waited({ priority, isServed, waitMs: clock.monotonic() - since });
    };
    const slot = acquire();
    slot.then(
      () => tell(true),
      () => {
        // Who leaves the line was neither served nor refused.
        if (!signal.aborted) tell(false);
      },
    );
    return slot;
  },

  call<Answer>(
    { method, path, signal, span: outer }: Watched,
    send: (headers: Readonly<Record<string, string>>) => Promise<Answer>,
  ): Promise<Answer> {
    const endpoint = endpointOf({ method, path });
    const span = outer?.child('call', endpoint, { 'http.request.method': method });
    const since = clock.monotonic();
    const tell = (outcome: CallReport['outcome']): void => {
      observer.called({ endpoint, outcome, durationMs: clock.monotonic() - since });
      span?.end({ failure: outcome === 'ok' ? undefined : outcome });
    };
    const answer = send(span?.headers() ?? {});
    answer.then(
      () => tell('ok'),
      (error: unknown) => {
        const kind = error instanceof UpstreamError ? error.kind : 'malformed';
        tell(signal.aborted ? 'abandoned' : kind);
      },
    );
    return answer;
  },
});
