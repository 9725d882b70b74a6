import { version } from '../lib/version.ts';
import { createRefreshableTypes } from '../resources/registry.ts';
import { EntityCache } from '../upstream/cache/entityCache.ts';
import { startDriftReporter } from '../upstream/driftReporter.ts';
import { createUpstreamClient } from '../upstream/client.ts';
import { createRateLimiter, createRedisRateLimiter } from '../upstream/rateLimit/registry.ts';
import type { UpstreamObserver } from '../upstream/instrumentation.ts';
import { createTransport } from '../upstream/transport.ts';
import { RefreshAhead } from '../upstream/refresh/refreshAhead.ts';
import { RequestedEntries } from '../upstream/refresh/requestedEntries.ts';
import { createWriteServices } from '../upstream/writes/services.ts';
import type { Foundation } from './foundation.ts';

/** Added to the time limit of an upstream call before a permit that was never released is reclaimed. */
const permitGraceMs = 10_000;

/** The share of the rate limit that only agents with few recent calls can use. */
const newcomerReservePercent = 10;

function createCache(
  { config, clock, log, redis }: Foundation,
  requested: RequestedEntries | undefined,
) {
  return new EntityCache({
    maxBytes: config.cacheMaxBytes,
    ttlsMs: config.cacheTtlsMs,
    staleIfErrorMs: config.staleIfErrorMs,
    onClockJump: (jumpMs) => log.warn('clock jump detected', { jumpMs: Math.round(jumpMs) }),
    onRequest: requested && ((key) => requested.record(key)),
    clock,
    ...(redis && {
      createRedisCache: (onInvalidation) =>
        new redis.RedisCache({ redis: redis.connection, onInvalidation, clock }),
    }),
  });
}

function createLimiter({ config, accounts, accountLabel, clock, log, metrics, redis }: Foundation) {
  const onPermitsLost = (account: string) => {
    metrics.permitsLost(accountLabel(account));
    log.warn('redis lost permits of the rate limit', { account });
  };
  const limits = {
    limit: config.accounts
      ? (account: string) => accounts.get(account)?.rateLimit ?? config.rateLimit
      : config.rateLimit,
    quotas: { ...config.quotas, newcomerReservePercent },
    clock,
    leaseTtlMs: config.upstreamTimeoutMs + permitGraceMs,
  };
  return redis === undefined
    ? createRateLimiter(limits)
    : createRedisRateLimiter({ ...limits, redis: redis.connection, onPermitsLost });
}

/** Whether `NO_PROXY` lists the host, one of its parent domains, or `*`. */
function isDirect({ hostname, port }: URL, noProxy: readonly string[]): boolean {
  const authority = `${hostname}:${port || '443'}`;
  return noProxy.some(
    (entry) =>
      entry === '*' ||
      [hostname, authority].some((name) => name === entry || name.endsWith(`.${entry}`)),
  );
}

function proxyOf({ config, upstream }: Foundation): string | undefined {
  const url = new URL(upstream.url);
  return url.protocol === 'https:' && !isDirect(url, config.noProxy)
    ? config.httpsProxy
    : undefined;
}

/** Adds the account to what the upstream client reports, if there are several. */
const observerOf = ({ metrics: { observer }, accountLabel }: Foundation): UpstreamObserver => ({
  onQueueWait: (wait) => observer.onQueueWait({ ...wait, account: accountLabel(wait.account) }),
  onCall: (call) => observer.onCall({ ...call, account: accountLabel(call.account) }),
});

/** The HelpCrunch client with its cache and its rate limiter. */
export function createUpstream(foundation: Foundation) {
  const { config, upstream, accounts, clock, log, redis, forwardsClientKeys, disposers } =
    foundation;
  // It refreshes the entries of the gateway's own account only.
  const isRefreshedAhead = config.refreshAhead && !forwardsClientKeys && !config.accounts;
  const requested = isRefreshedAhead ? new RequestedEntries(clock) : undefined;
  const cache = createCache(foundation, requested);
  cache.onErasure(() => requested?.clear());
  const rateLimiter = createLimiter(foundation);
  const writes = createWriteServices(clock, redis?.connection);
  cache.onErasure(({ account, id }) => writes.idempotencyStore.forget(account, id));
  const client = createUpstreamClient({
    transport: createTransport({
      baseUrl: upstream.url,
      proxyUrl: proxyOf(foundation),
      userAgent: `helpcrunch-graphql/${version}`,
      timeoutMs: config.upstreamTimeoutMs,
      keepAliveMs: config.upstreamKeepAliveMs,
      maxResponseBytes: config.upstreamMaxBytes,
      clock,
      serverClock: writes.serverClock,
    }),
    rateLimiter,
    cache,
    clock,
    log,
    maxRetries: config.upstreamRetries,
    onHoldSpelling: config.onHoldSpelling,
    forwardsClientKeys,
    currentApiKey: forwardsClientKeys ? undefined : (account) => accounts.get(account)?.apiKey,
    observer: observerOf(foundation),
    writes,
  });
  disposers.defer(startDriftReporter({ clock, log, count: foundation.metrics.drift }));
  // It closes the rate limiter as well.
  disposers.defer(() => client.close());
  const refreshAhead =
    requested &&
    new RefreshAhead({
      ...foundation.account,
      requested,
      client,
      rateLimiter,
      typesOf: createRefreshableTypes,
      locks: writes.locks,
      redis: redis?.connection,
      timeoutMs: config.operationTimeoutMs,
      clock,
      log,
    });
  return { cache, rateLimiter, client, refreshAhead };
}

export type UpstreamParts = ReturnType<typeof createUpstream>;
