import type { FastifyInstance } from 'fastify';
import { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../observability/metrics.ts';
import type { ConnectionLimits } from '../connectionLimits.ts';
import type { SendLimiter } from '../sendLimiter.ts';

/** State of the gateway that is read for each scrape. */
export interface GaugeSources {
  /** Whether the data is simulated. */
  readonly isDemo: boolean;
  /** Labels of the metric that identifies this build. */
  readonly buildInfo: Readonly<Record<'version' | 'node_version' | 'auth', string>>;
  /** Whether the keys of tokens were loaded once; null without `JWKS_URL`. */
  isJwksLoaded(): boolean | null;
  /** Whether they could be loaded the last time; null without `JWKS_URL`. */
  isJwksReachable(): boolean | null;
  /** Log lines that could not be written. */
  lostLogLines(): number;
  /** Spans that did not reach the collector, by reason; undefined if spans are not exported. */
  lostSpans(): Readonly<Record<string, number>> | undefined;
  /** Null without Redis. */
  isRedisAvailable(): boolean | null;
  /** Whether Redis may evict keys; null if that is not known. */
  mayRedisEvict(): boolean | null;
  isRateLimitShared(): boolean | null;
  cacheBytes(): number;
  /** Size and hits of the response cache. */
  responseCache(): { readonly bytes: number; readonly hits: number };
  /** Of the gateway's own account, or null without one. A limit of 0 means unlimited. */
  rateLimit(): { readonly limit: number; readonly remaining: number } | null;
  /** Upstream calls that wait for the rate limit, by priority. */
  queuedCalls(): Readonly<Record<string, number>>;
  /** Subscriptions after deduplication. */
  distinctSubscriptions(): number;
  /** Accounts with an open circuit breaker. */
  openCircuitBreakers(): number;
  /** Deliveries by outcome; undefined without webhooks. */
  webhooks(): Readonly<Record<string, number>> | undefined;
  /** Popular cache entries that were due for a refresh, by outcome; undefined if they are not refreshed. */
  refreshes(): Readonly<Record<string, number>> | undefined;
  /** Malformed messages and entries in Redis that were dropped, by kind. */
  redisAnomalies(): Readonly<Record<string, number>>;
}

interface MetricsRouteOptions {
  readonly gauges: GaugeSources;
  readonly connectionLimits: ConnectionLimits;
  readonly metrics: Metrics;
  readonly sendLimiter: SendLimiter;
}

interface ScrapedMetric {
  readonly name: string;
  readonly help: string;
  /** The label of the values, if there are several. */
  readonly label?: string;
  /** Undefined or null: the metric does not exist here. */
  readonly read: () => number | boolean | Readonly<Record<string, number>> | undefined | null;
}

function limitedRate({ rateLimit }: GaugeSources) {
  const rate = rateLimit();
  return rate === null || rate.limit === 0 ? undefined : rate;
}

const redisGaugesOf = (gauges: GaugeSources): ScrapedMetric[] => [
  {
    name: 'helpcrunch_redis_up',
    help: '1 while cache, rate limit and events are shared through Redis, 0 in local mode.',
    read: gauges.isRedisAvailable,
  },
  {
    name: 'helpcrunch_redis_may_evict',
    help: '1 if the policy of Redis allows evictions, by which the rate limit is exceeded.',
    read: () =>
      gauges.isRedisAvailable() === null ? undefined : (gauges.mayRedisEvict() ?? false),
  },
  {
    name: 'helpcrunch_rate_limit_shared',
    help: '1 while the rate limit is shared by all instances, 0 while this instance uses its static share.',
    read: gauges.isRateLimitShared,
  },
];

const gaugesOf = ({
  gauges,
  connectionLimits,
  sendLimiter,
}: MetricsRouteOptions): ScrapedMetric[] => [
  {
    name: 'helpcrunch_demo',
    help: '1 with simulated data, 0 with a live account.',
    read: () => gauges.isDemo,
  },
  {
    name: 'helpcrunch_jwks_up',
    help: '1 if the last attempt to load JWKS_URL succeeded, 0 otherwise.',
    read: gauges.isJwksReachable,
  },
  {
    name: 'helpcrunch_upstream_calls_queued',
    help: 'Upstream calls that wait for the rate limit.',
    label: 'priority',
    read: gauges.queuedCalls,
  },
  {
    name: 'helpcrunch_rate_limit',
    help: 'Upstream calls that the account may make in 60 seconds.',
    read: () => limitedRate(gauges)?.limit,
  },
  {
    name: 'helpcrunch_rate_limit_remaining',
    help: 'Upstream calls that may start now; 0 while HelpCrunch responds with 429.',
    read: () => limitedRate(gauges)?.remaining,
  },
  {
    name: 'helpcrunch_circuit_breakers_open',
    help: 'Accounts with an open circuit breaker.',
    read: gauges.openCircuitBreakers,
  },
  {
    name: 'helpcrunch_cache_bytes',
    help: 'Estimated size of the entity cache of this process.',
    read: gauges.cacheBytes,
  },
  {
    name: 'helpcrunch_response_cache_bytes',
    help: 'Estimated size of the response cache.',
    read: () => gauges.responseCache().bytes,
  },
  {
    name: 'helpcrunch_distinct_subscriptions',
    help: 'Distinct subscriptions: identical ones of equal viewers are executed once.',
    read: gauges.distinctSubscriptions,
  },
  {
    name: 'helpcrunch_live_connections',
    help: 'Authenticated WebSockets, event streams and callback subscriptions.',
    read: () => connectionLimits.connections,
  },
  {
    name: 'helpcrunch_subscriptions',
    help: 'Active subscriptions.',
    read: () => connectionLimits.subscriptions,
  },
  {
    name: 'helpcrunch_unsent_bytes',
    help: 'Bytes of responses that wait for slow clients.',
    read: () => sendLimiter.unsentBytes,
  },
  ...redisGaugesOf(gauges),
];

const countersOf = ({ gauges, sendLimiter }: MetricsRouteOptions): ScrapedMetric[] => [
  {
    name: 'helpcrunch_log_lines_lost_total',
    help: 'Log lines that could not be written, because the disk is full or the reader of the pipe is gone.',
    read: gauges.lostLogLines,
  },
  {
    name: 'helpcrunch_trace_spans_lost_total',
    help: 'Spans that did not reach the collector.',
    label: 'reason',
    read: gauges.lostSpans,
  },
  {
    name: 'helpcrunch_response_cache_hits_total',
    help: 'Hits of the response cache.',
    read: () => gauges.responseCache().hits,
  },
  {
    name: 'helpcrunch_connections_destroyed_total',
    help: 'Connections destroyed because their clients did not read, by the setting that they exceeded.',
    label: 'reason',
    read: () => sendLimiter.destroyed,
  },
  {
    name: 'helpcrunch_webhooks_total',
    help: 'Webhook deliveries by outcome.',
    label: 'outcome',
    read: gauges.webhooks,
  },
  {
    name: 'helpcrunch_refresh_ahead_total',
    help: 'Popular cache entries that were due for a refresh, by outcome.',
    label: 'outcome',
    read: gauges.refreshes,
  },
  {
    name: 'helpcrunch_redis_anomalies_total',
    help: 'Malformed messages and entries in Redis that were dropped.',
    label: 'kind',
    read: () => (gauges.isRedisAvailable() === null ? undefined : gauges.redisAnomalies()),
  },
];

/** Calls `set` for each value with its labels. */
function collect({ label, read }: ScrapedMetric, set: (labels: object, value: number) => void) {
  const value = read() ?? {};
  if (typeof value === 'object') {
    for (const [name, count] of Object.entries(value)) set({ [label ?? '']: name }, count);
  } else set({}, Number(value));
}

/** `/metrics` in Prometheus' text format. */
export function addMetricsRoute(server: FastifyInstance, options: MetricsRouteOptions): void {
  const { metrics } = options;
  const registers = [metrics.registry];
  const { buildInfo } = options.gauges;
  new Gauge({
    name: 'helpcrunch_build_info',
    help: 'Always 1; the labels are the version of the gateway, that of Node.js, and AUTH.',
    labelNames: Object.keys(buildInfo),
    registers,
  }).set(buildInfo, 1);
  const exists = ({ read }: ScrapedMetric) => (read() ?? null) !== null;
  for (const metric of gaugesOf(options).filter(exists)) {
    const { name, help, label } = metric;
    new Gauge({
      ...{ name, help, registers, labelNames: label === undefined ? [] : [label] },
      collect() {
        collect(metric, (labels, value) => this.set(labels, value));
      },
    });
  }
  for (const metric of countersOf(options).filter(exists)) {
    const { name, help, label } = metric;
    new Counter({
      ...{ name, help, registers, labelNames: label === undefined ? [] : [label] },
      collect() {
        this.reset();
        collect(metric, (labels, value) => this.inc(labels, value));
      },
    });
  }
  server.addHook('onResponse', ({ routeOptions }, { statusCode: status }, done) => {
    metrics.request({ route: routeOptions.url ?? 'other', status });
    done();
  });
  server.get('/metrics', async (_request, reply) => {
    void reply.type(metrics.contentType);
    return metrics.text();
  });
}
