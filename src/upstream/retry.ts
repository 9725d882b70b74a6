import type { Clock } from '../lib/clock.ts';
import { isDefinitelyNotApplied, UpstreamError } from './errors.ts';

const baseDelayMs = 200;

/** Statuses that a gateway in front of the helpdesk gives, and that pass. */
const transientStatuses: ReadonlySet<number | undefined> = new Set([undefined, 502, 503, 504]);

/** Whether another try may go better: a broken connection, a time-out, a 502, 503 or 504. */
const isTransient = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError &&
  (error.kind === 'timeout' || error.kind === 'unavailable') &&
  error.details.notSent === undefined &&
  transientStatuses.has(error.details.status);

interface RetryOptions {
  readonly clock: Clock;
  readonly maxRetries: number;
  /** Whether the call does no harm when it happens twice. */
  readonly isRepeatable: boolean;
  readonly signal: AbortSignal;
  readonly deadlineMs: () => number;
}

function sleep(ms: number, { clock, signal }: RetryOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    function onAbort(): void {
      cancel();
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    }
    signal.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Tries again what may go better, some times at most, after a random part of a time that doubles, within the deadline. When there is no call
 * left for another try, the failure before stands.
 */
export async function withRetries<Result>(
  attempt: () => Promise<Result>,
  options: RetryOptions,
): Promise<Result> {
  const { clock, maxRetries, isRepeatable, signal, deadlineMs } = options;
  let previousError: UpstreamError | undefined;
  for (let retryCount = 0; ; retryCount += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (previousError !== undefined && isDefinitelyNotApplied(error)) throw previousError;
      if (!isRepeatable || !isTransient(error) || retryCount === maxRetries || signal.aborted)
        throw error;
      previousError = error;
      const delayMs = Math.max(
        clock.random() * baseDelayMs * 2 ** retryCount,
        error.details.retryAfterMs ?? 0,
      );
      if (clock.monotonic() + delayMs >= deadlineMs()) throw error;
      await sleep(delayMs, options);
    }
  }
}
