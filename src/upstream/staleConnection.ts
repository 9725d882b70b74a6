import { UpstreamError } from './errors.ts';
import type { Layer, UpstreamRequest } from './pipeline.ts';

const isRepeatable = (request: UpstreamRequest): boolean =>
  request.effect === 'read' || request.repeat === 'safe';

const isUnsent = (error: unknown): boolean =>
  error instanceof UpstreamError && error.details.notSent === true;

/**
 * Sends a request again, once and immediately, if an idle connection was lost with it: that says nothing about HelpCrunch, so that neither
 * the retries nor the circuit breaker count it. HelpCrunch may have counted the request, so that the repetition needs its own permit.
 */
export const repeatOnNewConnection: Layer = (next) => async (request) => {
  try {
    return await next(request);
  } catch (error) {
    const isStale = error instanceof UpstreamError && error.details.staleConnection === 'sent';
    if (!isStale || !isRepeatable(request) || request.signal.aborted) throw error;
    try {
      return await next({ ...request, usesNewConnection: true });
    } catch (secondError) {
      // A write may have been applied by the first attempt.
      throw isUnsent(secondError) ? error : secondError;
    }
  }
};
