import type { Clock } from '../lib/clock.ts';
import { UpstreamError } from './errors.ts';
import type { Layer, UpstreamRequest } from './pipeline.ts';

/**
 * The retry policy. Every attempt passes through the layers below: it needs a permit and ends at the deadline.
 *
 * | failure                                     | retried          | when                                                      |
 * | ------------------------------------------- | ---------------- | --------------------------------------------------------- |
 * | 429                                         | always           | when the rate limiter grants the next permit  |
 * | connection failure, timeout, 502, 503, 504  | reads, idempotent writes, `maxRetries` times | after `Retry-After`, or backoff with full jitter |
 * | 500, other statuses, malformed response     | never            |                                                           |
 * | not sent: no permit, circuit open           | never            |                                                           |
 */
interface RetryPolicy {
  readonly clock: Clock;
  readonly maxRetries: number;
}

/** The upper bound of the first delay; it doubles with each retry. */
const baseDelayMs = 200;

/** 500 is excluded: HelpCrunch returns it for requests that always fail. */
const transientStatuses: ReadonlySet<number | undefined> = new Set([undefined, 502, 503, 504]);

const isTransient = ({ kind, details }: UpstreamError): boolean =>
  (kind === 'timeout' || kind === 'unavailable') && transientStatuses.has(details.status);

const isRepeatable = (request: UpstreamRequest): boolean =>
  request.effect === 'read' || request.isIdempotent;

function sleep(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
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
        if (!isTransient(error) || !isRepeatable(request) || retries === maxRetries) throw error;
        const delayMs = Math.max(clock.random() * baseDelayMs * 2 ** retries, retryAfterMs);
        if (signal.aborted || clock.monotonic() + delayMs >= request.deadlineMs()) throw error;
        transient = error;
        retries += 1;
        await sleep(delayMs, clock, signal);
      }
    }
  };
