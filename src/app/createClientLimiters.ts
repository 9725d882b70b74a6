import { AuthFailures } from '../http/auth/authFailures.ts';
import { createRequestRateLimiter } from '../http/requestRate.ts';
import type { Foundation } from './foundation.ts';

/** The rate limiters of requests and of rejected credentials. Instances that share Redis count together. */
export function createClientLimiters(foundation: Foundation) {
  const { config, redis, clock, log, metrics, disposers } = foundation;
  const limiterOf = (kind: 'requests' | 'failures', limit: number) =>
    createRequestRateLimiter({ limit, kind, redis: redis?.connection });
  const authFailureLimiter = new AuthFailures({
    rate: limiterOf('failures', config.authFailureLimit),
    clock,
    log,
    observe: metrics.rejected,
  });
  disposers.defer(() => authFailureLimiter.close());
  return {
    requestRateLimiter: limiterOf('requests', config.requestRateLimit),
    authFailureLimiter,
  };
}

export type ClientLimiters = ReturnType<typeof createClientLimiters>;
