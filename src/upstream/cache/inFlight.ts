import { setMaxListeners } from 'node:events';
import type { DependencyTracker } from '../../lib/dependencyTracker.ts';
import { UpstreamError } from '../errors.ts';

/** An operation that waits for a call. */
export interface RequestWaiter {
  readonly viewer: string;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  readonly tracker: DependencyTracker;
  /** What it is told when its time is over while the call is still in line: others who wait for it may have more time. */
  readonly queueTimeoutError: () => Error;
}

/** What a call knows of those who wait for it. */
export interface RequestWaiters {
  /** Fires when the last has left. */
  readonly signal: AbortSignal;
  /** Whose call it is: the first's who is still there. */
  viewer(): string;
  /** When nobody waits any longer. */
  deadlineMs(): number;
  /** Told when a call begins to stand in line, and when it no longer does. */
  setQueued(isQueued: boolean): void;
  /** Told when a call leaves that HelpCrunch may carry out, so that a write can tell whether anything was sent. */
  sent?(): void;
}

export interface InFlightRequest<Value> {
  /**
   * The answer, or the signal's reason once the waiter has left. The last one to leave ends the call. A response that was made from the
   * answer is not cacheable.
   */
  join(waiter: RequestWaiter): Promise<Value>;
  /** Settles, and never fails, when the call is over. */
  readonly settled: Promise<unknown>;
  isAborted(): boolean;
}

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason));

const isTimeout = ({ reason }: AbortSignal): boolean =>
  reason instanceof UpstreamError && reason.kind === 'timeout';

/** A call that several operations may wait for. One that leaves does not fail the others. */
export function createInFlightRequest<Value>(
  start: (requestWaiters: RequestWaiters) => Promise<Value>,
): InFlightRequest<Value> {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const waiters = new Set<RequestWaiter>();
  let queuedCount = 0;
  const response = start({
    signal: controller.signal,
    viewer: () => [...waiters][0]?.viewer ?? '',
    deadlineMs: () => Math.max(...[...waiters].map(({ deadlineMs }) => deadlineMs)),
    setQueued(isQueued) {
      queuedCount += isQueued ? 1 : -1;
    },
  });
  return {
    settled: response.catch(() => undefined),
    isAborted: () => controller.signal.aborted,
    join: (waiter) =>
      new Promise((resolve, reject) => {
        const { signal, queueTimeoutError, tracker } = waiter;
        tracker.markUncacheable();
        const onAbort = () => {
          const reason =
            queuedCount > 0 && isTimeout(signal) ? queueTimeoutError() : asError(signal.reason);
          waiters.delete(waiter);
          if (waiters.size === 0) controller.abort(signal.reason);
          reject(reason);
        };
        waiters.add(waiter);
        if (signal.aborted) {
          onAbort();
          return;
        }
        signal.addEventListener('abort', onAbort, { once: true });
        response
          .finally(() => signal.removeEventListener('abort', onAbort))
          .then(resolve, (error: unknown) => reject(asError(error)));
      }),
  };
}
