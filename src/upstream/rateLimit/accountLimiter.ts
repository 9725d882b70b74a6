import type { Clock } from '../../lib/clock.ts';
import { UpstreamError } from '../errors.ts';
import type { PermitRequest, QuotaStatus, Permit } from './limiter.ts';
import { createStartEstimator } from './estimator.ts';
import type { WindowLimiter } from './windowLimiter.ts';
import type { QueueEntry, QueueWaiter } from './fairQueue.ts';
import { createFairQueue, emptyDepths } from './fairQueue.ts';

/** No timer reaches further, and no client is sent away for longer. */
const maxDelayMs = 3_600_000;

const abortReason = ({ reason }: AbortSignal): Error =>
  reason instanceof Error ? reason : new Error('aborted');

const noCapacityError = (retryAfterMs: number): UpstreamError =>
  new UpstreamError('rateLimited', 'The budget of calls cannot serve this in time.', {
    notSent: true,
    retryAfterMs,
  });

export type AccountLimiter = ReturnType<typeof createAccountLimiter>;

/** One tenant's calls: those that wait, and the ledger that says how many may leave. */
export function createAccountLimiter(
  clock: Clock,
  createWindow: (onChange: () => void) => WindowLimiter,
) {
  const queue = createFairQueue();
  let isScheduled = false;
  let cancelTimer = (): void => undefined;
  const window = createWindow(schedule);

  /** Decisions of one moment are made together: their order then does not depend on who spoke first. */
  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    queueMicrotask(dispatch);
  }

  const delayUntil = (at: number): number =>
    Math.min(maxDelayMs, Math.max(1, Math.ceil(at - clock.monotonic())));

  function grant(entry: QueueEntry): void {
    queue.markServed(entry);
    entry.waiter.grant(window.acquire());
  }

  /** Most calls are alone, and there is room for them. */
  function grantSingle(): boolean {
    const entry = queue.single();
    if (entry === undefined || window.available() < 1 || entry.deadlineMs <= clock.monotonic())
      return false;
    grant(entry);
    return true;
  }

  /** Serves whom it can, refuses whom nothing can serve in time, and says when to look again. */
  function dispatch(): void {
    isScheduled = false;
    cancelTimer();
    if (queue.size() === 0 || grantSingle()) {
      window.reportDemand(emptyDepths);
      return;
    }
    const queued = { ...emptyDepths };
    const capacity = window.forecastCapacity(queue.depths());
    const estimator = createStartEstimator(capacity, clock.monotonic());
    let available = window.available();
    let firstDeadline = Infinity;
    let rejected: QueueEntry[] = [];

    const rejectUnserved = () => {
      const retryAfterMs = delayUntil(Math.max(estimator.nextStartAt, capacity.expectedResumeAt));
      for (const { waiter } of rejected) {
        queue.remove(waiter);
        waiter.reject(noCapacityError(retryAfterMs));
      }
      rejected = [];
    };

    for (const entry of queue.entries()) {
      // The time to come back is that of the next call of the same kind, behind all that stay.
      if (rejected[0] !== undefined && rejected[0].priority !== entry.priority) rejectUnserved();
      if (estimator.nextStartAt >= entry.deadlineMs) {
        rejected.push(entry);
        continue;
      }
      if (available > 0) {
        available -= 1;
        grant(entry);
      } else {
        queued[entry.priority] += 1;
        firstDeadline = Math.min(firstDeadline, entry.deadlineMs);
      }
      estimator.advance();
    }
    rejectUnserved();
    window.reportDemand(queued);
    if (queue.size() === 0) return;
    const waitMs = delayUntil(Math.min(firstDeadline, window.nextWakeAt()));
    cancelTimer = clock.after(waitMs, dispatch);
  }

  return {
    acquire: (request: () => PermitRequest, signal: AbortSignal): Promise<Permit> =>
      new Promise((resolve, reject) => {
        if (signal.aborted) {
          reject(abortReason(signal));
          return;
        }
        const onAbort = () => {
          queue.remove(waiter);
          reject(abortReason(signal));
          schedule();
        };
        const waiter: QueueWaiter = {
          request,
          grant(permit) {
            signal.removeEventListener('abort', onAbort);
            resolve(permit);
          },
          reject(error) {
            signal.removeEventListener('abort', onAbort);
            reject(error);
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        queue.add(waiter);
        schedule();
      }),

    reevaluate(): void {
      if (queue.size() > 0) schedule();
    },

    retryAfterMs(): number {
      const waiting = queue.depths();
      const capacity = window.forecastCapacity(waiting);
      const estimator = createStartEstimator(capacity, clock.monotonic());
      const { write, read } = waiting;
      for (let ahead = write + read; ahead > 0; ahead -= 1) estimator.advance();
      return delayUntil(Math.max(estimator.nextStartAt, capacity.expectedResumeAt));
    },

    status: (): QuotaStatus => window.status(),
    queueDepths: queue.depths,
    isIdle: (): boolean => queue.size() === 0 && window.isIdle(),

    close(): void {
      cancelTimer();
      queue.rejectAll(
        new UpstreamError('unavailable', 'The gateway is closing.', { notSent: true }),
      );
    },
  };
}
