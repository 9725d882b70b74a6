import type { FastifyInstance } from 'fastify';
import { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../observability/metrics.ts';
import type { ConnectionLimits } from '../connectionLimits.ts';
import type { LoadShedder } from '../loadShedder.ts';
import type { ReceiveLimiter } from '../receiveLimiter.ts';
import type { SendLimiter } from '../sendLimiter.ts';

/** State of the gateway that is read for each scrape. */
export interface ScrapeSources {
  /** Whether the data is simulated. */
  readonly isDemo: boolean;
  /** Labels of the metric that identifies this build. */
  readonly buildInfo: Readonly<Record<'version' | 'node_version' | 'auth', string>>;
  /** The accounts, if there are several. */
  accounts(): readonly string[] | undefined;
  /** Whether the keys of tokens were loaded once; null without key sets. */
  isJwksLoaded(): boolean | null;
  /** Whether each key set could be loaded the last time, by the accounts that have their own; that of all accounts has an empty name. */
  reachableJwks(): ReadonlyMap<string, boolean>;
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
  /** Of an account, or of the gateway's own; null without one. A limit of 0 means unlimited. */
  rateLimit(account?: string): { readonly limit: number; readonly remaining: number } | null;
  /** Upstream calls of an account, or of all, that wait for the rate limit, by priority. */
  queueDepths(account?: string): Readonly<Record<string, number>>;
  /** Subscriptions after deduplication. */
  distinctSubscriptions(): number;
  /** Whether an account has an open circuit breaker, or how many accounts have one. */
  openCircuitBreakers(account?: string): number;
  /** Deliveries for an account, or for the gateway's own, by outcome; undefined without webhooks. */
  webhooks(account?: string): Readonly<Record<string, number>> | undefined;
  /** Popular cache entries that were due for a refresh, by outcome; undefined if they are not refreshed. */
  refreshes(): Readonly<Record<string, number>> | undefined;
  /** Malformed messages and entries in Redis that were dropped, by kind. */
  redisAnomalies(): Readonly<Record<string, number>>;
}

interface MetricsRouteOptions {
  readonly gauges: ScrapeSources;
  readonly connectionLimits: ConnectionLimits;
  readonly metrics: Metrics;
  readonly loadShedder: LoadShedder;
  readonly sendLimiter: SendLimiter;
  readonly receiveLimiter: ReceiveLimiter;
}

type Scraped = number | boolean | Readonly<Record<string, number>> | undefined | null;

interface ScrapedMetric {
  readonly name: string;
  readonly help: string;
  /** The label of the values, if there are several. */
  readonly label?: string;
  /** Undefined or null: the metric does not exist here. */
  readonly read: () => Scraped;
  /** With several accounts the metric is read for each of them instead. */
  readonly readFor?: (account: string) => Scraped;
}

function limitedRate({ rateLimit }: ScrapeSources, account?: string) {
  const rate = rateLimit(account);
  return rate === null || rate.limit === 0 ? undefined : rate;
}

/** The key set of all accounts has no label. */
const jwksGaugesOf = ({ reachableJwks, accounts }: ScrapeSources): ScrapedMetric => ({
  name: 'helpcrunch_jwks_up',
  help: '1 if the last attempt to load the keys of tokens succeeded, 0 otherwise.',
  ...(accounts() === undefined
    ? { read: () => reachableJwks().get('') }
    : {
        label: 'account',
        read: () =>
          Object.fromEntries(Array.from(reachableJwks(), ([name, isUp]) => [name, Number(isUp)])),
      }),
});

const redisGaugesOf = (gauges: ScrapeSources): ScrapedMetric[] => [
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
  receiveLimiter,
}: MetricsRouteOptions): ScrapedMetric[] => [
  {
    name: 'helpcrunch_demo',
    help: '1 with simulated data, 0 with a live account.',
    read: () => gauges.isDemo,
  },
  jwksGaugesOf(gauges),
  {
    name: 'helpcrunch_upstream_calls_queued',
    help: 'Upstream calls that wait for the rate limit.',
    label: 'priority',
    read: () => gauges.queueDepths(),
    readFor: gauges.queueDepths,
  },
  {
    name: 'helpcrunch_rate_limit',
    help: 'Upstream calls that the account may make in 60 seconds.',
    read: () => limitedRate(gauges)?.limit,
    readFor: (account) => limitedRate(gauges, account)?.limit,
  },
  {
    name: 'helpcrunch_rate_limit_remaining',
    help: 'Upstream calls that may start now; 0 while HelpCrunch responds with 429.',
    read: () => limitedRate(gauges)?.remaining,
    readFor: (account) => limitedRate(gauges, account)?.remaining,
  },
  {
    name: 'helpcrunch_circuit_breakers_open',
    help: 'Accounts with an open circuit breaker.',
    read: () => gauges.openCircuitBreakers(),
    readFor: gauges.openCircuitBreakers,
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
  {
    name: 'helpcrunch_partial_body_bytes',
    help: 'Bytes of request bodies and WebSocket messages that have arrived in part.',
    read: () => receiveLimiter.partialBytes,
  },
  ...redisGaugesOf(gauges),
];

const countersOf = ({
  gauges,
  loadShedder,
  sendLimiter,
  receiveLimiter,
}: MetricsRouteOptions): ScrapedMetric[] => [
  {
    name: 'helpcrunch_operations_shed_total',
    help: 'Operations rejected because the event loop was late.',
    read: () => loadShedder.rejected,
  },
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
    help: 'Connections destroyed because their clients did not read responses or did not finish a body or message, by the setting that they exceeded.',
    label: 'reason',
    read: () => ({
      ...sendLimiter.destroyed,
      MAX_PARTIAL_BODY_BYTES: receiveLimiter.destroyedCount,
    }),
  },
  {
    name: 'helpcrunch_webhooks_total',
    help: 'Webhook deliveries by outcome.',
    label: 'outcome',
    read: () => gauges.webhooks(),
    readFor: gauges.webhooks,
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

type SetValue = (labels: Readonly<Record<string, string>>, value: number) => void;

function collectValue(scraped: Scraped, label: string | undefined, set: SetValue): void {
  const value = scraped ?? {};
  if (typeof value === 'object') {
    for (const [name, count] of Object.entries(value)) set({ [label ?? '']: name }, count);
  } else set({}, Number(value));
}

/** Calls `set` for each value with its labels. */
function collect(
  { label, read, readFor }: ScrapedMetric,
  { accounts }: ScrapeSources,
  set: SetValue,
) {
  const names = accounts();
  if (readFor === undefined || names === undefined) collectValue(read(), label, set);
  else
    for (const account of names)
      collectValue(readFor(account), label, (labels, value) => set({ account, ...labels }, value));
}

/** The names of the labels; undefined if the metric does not exist here. */
function labelNamesOf({ label, read, readFor }: ScrapedMetric, { accounts }: ScrapeSources) {
  const labels = label === undefined ? [] : [label];
  if (readFor !== undefined && accounts() !== undefined) return ['account', ...labels];
  return (read() ?? null) === null ? undefined : labels;
}

/** Registers the metrics that are read for each scrape. */
export function registerScrapedMetrics(options: MetricsRouteOptions): void {
  const { metrics } = options;
  const registers = [metrics.registry];
  const { buildInfo } = options.gauges;
  new Gauge({
    name: 'helpcrunch_build_info',
    help: 'Always 1; the labels are the version of the gateway, that of Node.js, and AUTH.',
    labelNames: Object.keys(buildInfo),
    registers,
  }).set(buildInfo, 1);
  const { gauges } = options;
  for (const metric of gaugesOf(options)) {
    const { name, help } = metric;
    const labelNames = labelNamesOf(metric, gauges);
    if (labelNames === undefined) continue;
    new Gauge({
      ...{ name, help, registers, labelNames },
      collect() {
        // Accounts may have been removed.
        if (labelNames.length > 0) this.reset();
        collect(metric, gauges, (labels, value) => this.set(labels, value));
      },
    });
  }
  for (const metric of countersOf(options)) {
    const { name, help } = metric;
    const labelNames = labelNamesOf(metric, gauges);
    if (labelNames === undefined) continue;
    new Counter({
      ...{ name, help, registers, labelNames },
      collect() {
        this.reset();
        collect(metric, gauges, (labels, value) => this.inc(labels, value));
      },
    });
  }
}

export function countResponses(server: FastifyInstance, metrics: Metrics): void {
  server.addHook('onResponse', ({ routeOptions }, { statusCode: status }, done) => {
    metrics.request({ route: routeOptions.url ?? 'other', status });
    done();
  });
}

/** `/metrics` in Prometheus' text format. */
export function addMetricsRoute(server: FastifyInstance, metrics: Metrics): void {
  server.get('/metrics', async (_request, reply) => {
    void reply.type(metrics.contentType);
    return metrics.text();
  });
}
