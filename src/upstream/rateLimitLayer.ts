import { UpstreamError } from './errors.ts';
import type { InstrumentationOptions, QueueWaitReport } from './instrumentation.ts';
import type { Layer, UpstreamRequest } from './pipeline.ts';
import type { CallPriority, Permit, RateLimiter } from './rateLimit/limiter.ts';

/** HelpCrunch never responds faster: a call that starts with less time left would be wasted. */
const minRemainingMs = 50;

/** Calls that do not wait have no span. */
const minTracedWaitMs = 1;

const priorityOf = ({ effect, context }: UpstreamRequest): CallPriority =>
  effect === 'write' ? 'write' : context.readPriority;

const rejectionOf = (error: unknown): NonNullable<QueueWaitReport['rejection']> =>
  (error instanceof UpstreamError ? error.details.reason : undefined) ?? 'UNAVAILABLE';

/** Acquires one permit per attempt and holds it until the response. A 429 makes the limiter back off. */
export function rateLimit(
  limiter: RateLimiter,
  { observer, clock }: InstrumentationOptions,
): Layer {
  async function acquirePermit(request: UpstreamRequest): Promise<Permit> {
    const { signal, quotaOwner, context } = request;
    const viewer = context.viewer.class;
    const priority = priorityOf(request);
    const startedAt = clock.monotonic();
    const trace = (waitMs: number, failure?: string) => {
      if (waitMs < minTracedWaitMs && failure === undefined) return;
      const attributes = { 'helpcrunch.rate_limiter.priority': priority };
      context.span?.record('rate limiter wait', waitMs, { attributes, failure });
    };
    const report = (rejection?: QueueWaitReport['rejection']) => {
      const waitMs = clock.monotonic() - startedAt;
      observer.onQueueWait({ account: context.account, priority, viewer, rejection, waitMs });
      trace(waitMs, rejection);
    };
    const permitRequest = () => ({
      candidates: request.candidates(),
      deadlineMs: request.deadlineMs() - minRemainingMs,
    });
    request.setQueued(true);
    try {
      const permit = await limiter.acquire(quotaOwner, permitRequest, signal);
      report();
      return permit;
    } catch (error) {
      // An aborted request was neither granted nor rejected.
      if (signal.aborted) trace(clock.monotonic() - startedAt, 'abandoned');
      else report(rejectionOf(error));
      throw error;
    } finally {
      request.setQueued(false);
    }
  }

  return (next) => async (request) => {
    const permit = await acquirePermit(request);
    try {
      request.signal.throwIfAborted();
      return await next(request);
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.kind !== 'rateLimited') throw error;
      permit.throttled(error.details.retryAfterMs);
      // The limiter decides when the next call may start, whatever `Retry-After` says.
      const { quotaOwner, context } = request;
      const priority = priorityOf(request);
      const { retryAfterMs } = limiter.explainWait(quotaOwner, context.viewer, priority);
      const details = { ...error.details, retryAfterMs, reason: 'ACCOUNT_LIMIT' } as const;
      throw new UpstreamError(error.kind, error.message, details);
    } finally {
      permit.complete();
    }
  };
}
