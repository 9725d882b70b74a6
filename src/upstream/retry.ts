import type { Clock } from '../support/clock.ts';
import { isProvenUndone, UpstreamError } from './errors.ts';

const firstDelayMs = 200;

/** Statuses that a gateway in front of the helpdesk gives, and that pass. */
const passing: ReadonlySet<number | undefined> = new Set([undefined, 502, 503, 504]);

/** Whether another try may go better: a broken connection, a time-out, a 502, 503 or 504. */
const isPassing = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError &&
  (error.kind === 'timeout' || error.kind === 'unavailable') &&
  error.details.neverLeft === undefined &&
  passing.has(error.details.status);

interface RetryOptions {
  readonly clock: Clock;
  readonly maxRetries: number;
  /** Whether the call does no harm when it happens twice. */
  readonly isRepeatable: boolean;
  readonly signal: AbortSignal;
  readonly deadlineMs: () => number;
}

function wait(ms: number, { clock, signal }: RetryOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', leave);
      resolve();
    });
    function leave(): void {
      cancel();
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    }
    signal.addEventListener('abort', leave, { once: true });
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
  let failure: UpstreamError | undefined;
  for (let retries = 0; ; retries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (failure !== undefined && isProvenUndone(error)) throw failure;
      if (!isRepeatable || !isPassing(error) || retries === maxRetries || signal.aborted)
        throw error;
      failure = error;
      const delayMs = Math.max(
        clock.random() * firstDelayMs * 2 ** retries,
        error.details.retryAfterMs ?? 0,
      );
      if (clock.monotonic() + delayMs >= deadlineMs()) throw error;
      await wait(delayMs, options);
    }
  }
}
