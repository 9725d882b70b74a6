import type { FastifyReply } from 'fastify';
import type { Context } from '../graphql/context.ts';

const windowSeconds = 60;

const toSeconds = (ms: number): number => Math.ceil(ms / 1_000);

/**
 * `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers): the calls of the account per minute, and what this viewer
 * may still use of them. Not for customers, whom the load of others does not concern.
 */
export function addRateLimitHeaders(reply: FastifyReply, { viewer, quota }: Context): void {
  if (viewer.role === 'CUSTOMER') return;
  const own = quota.ofViewer();
  if (own === undefined) return;
  const { limit, remaining, resetMs } = own;
  void reply
    .header('ratelimit-policy', `"helpcrunch";q=${limit};qu="upstream-calls";w=${windowSeconds}`)
    .header('ratelimit', `"helpcrunch";r=${remaining};t=${toSeconds(resetMs)}`);
}
