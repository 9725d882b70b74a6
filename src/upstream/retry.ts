import type { AbortSignalLike } from '../lib/abortScope.ts';
import type { Clock } from '../lib/clock.ts';
import { isOutcomeUncertain, isTransient, UpstreamError } from './errors.ts';
import type { Layer, UpstreamRequest, WriteRepetition } from './pipeline.ts';

/**
 * The retry policy. Every attempt passes through the layers below: it needs a permit and ends at the deadline.
 *
 * | failure                                     | retried          | when                                                      |
 * | ------------------------------------------- | ---------------- | --------------------------------------------------------- |
 * | 429                                         | always           | when the rate limiter grants the next permit  |
 * | connection failure, timeout, 502, 503, 504  | reads and safe writes, `maxRetries` times | after `Retry-After`, or backoff with full jitter |
 * | the same                                    | other writes that were not applied, as often | as above, after reading the state |
 * | 500 and other 5xx                           | never; of writes that read the state, it is returned if they were applied | |
 * | other statuses, malformed response          | never            |                                                           |
 * | not sent: no permit, circuit open           | never            |                                                           |
 */
interface RetryPolicy {
  readonly clock: Clock;
  readonly maxRetries: number;
}

/** The upper bound of the first delay; it doubles with each retry. */
const baseDelayMs = 200;

const repetitionOf = (request: UpstreamRequest): WriteRepetition =>
  request.effect === 'read' ? 'safe' : request.repeat;

function sleep(ms: number, clock: Clock, signal: AbortSignalLike): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    function onAbort(): void {
      cancel();
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    }
    signal.addEventListener('abort', onAbort);
  });
}

/** Reports the failure of the write, not that of the read. */
const responseIfApplied = (read: () => Promise<unknown>, failure: UpstreamError) =>
  read().catch(() => {
    throw failure;
  });

export const retry =
  ({ clock, maxRetries }: RetryPolicy): Layer =>
  (next) =>
  async (request) => {
    const { signal } = request;
    let throttled: UpstreamError | undefined;
    let transient: UpstreamError | undefined;
    for (let retries = 0; ;) {
      try {
        signal.throwIfAborted();
        return await next(request);
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error;
        const { notSent, retryAfterMs = 0 } = error.details;
        // A write that failed before may have been applied; a 429 is more specific than a missing permit.
        if (notSent === true)
          throw transient ?? (error.kind === 'rateLimited' ? throttled : undefined) ?? error;
        if (error.kind === 'rateLimited') {
          throttled = error;
          continue;
        }
        const repeat = repetitionOf(request);
        const isFinal = retries === maxRetries || !isTransient(error);
        if (!isOutcomeUncertain(error) || repeat === 'never' || (isFinal && repeat === 'safe'))
          throw error;
        const delayMs = Math.max(clock.random() * baseDelayMs * 2 ** retries, retryAfterMs);
        if (signal.aborted || clock.monotonic() + delayMs >= request.deadlineMs()) throw error;
        transient = error;
        retries += 1;
        await sleep(delayMs, clock, signal);
        if (repeat === 'safe') continue;
        const response = await responseIfApplied(repeat, error);
        if (response !== undefined) return response;
        if (isFinal) throw error;
      }
    }
  };
