import type { FastifyInstance } from 'fastify';
import { Counter, Gauge } from 'prom-client';
import type { Metrics } from '../../observability/metrics.ts';
import type { ConnectionLimits } from '../connectionLimits.ts';
import type { Sending } from '../sending.ts';

/** What can be read off the running gateway. */
export interface GaugeSources {
  /** Whether simulated data is served. */
  readonly isDemo: boolean;
  /** Lines of the log that could not be written. */
  lostLogLines(): number;
  /** Whether cache, rate limit and events are shared; null without `REDIS_URL`. */
  isRedisAvailable(): boolean | null;
  isRateLimitShared(): boolean | null;
  cacheBytes(): number;
  /** Whole answers: what they take, and how often one was given. */
  responseCache(): { readonly bytes: number; readonly hits: number };
  /** Of the gateway's own account, or null where it has none; a limit of 0 is none. */
  rateLimit(): { readonly limit: number; readonly remaining: number } | null;
  /** Calls that wait for room in the account's minute, by priority. */
  queuedCalls(): Readonly<Record<string, number>>;
  /** Subscriptions that hear of what happens; those that ask and see the same count as one. */
  distinctSubscriptions(): number;
  /** Accounts that are not called because the helpdesk failed them too often. */
  openCircuitBreakers(): number;
  /** What became of the webhooks; undefined where none are taken in. */
  webhooks(): Readonly<Record<string, number>> | undefined;
  /** Messages and cache entries in Redis that were dropped because of their format, by kind. */
  redisAnomalies(): Readonly<Record<string, number>>;
}

interface MetricsRouteOptions {
  readonly gauges: GaugeSources;
  readonly connectionLimits: ConnectionLimits;
  readonly metrics: Metrics;
  readonly sending: Sending;
}

/** `/metrics`, in Prometheus' text form. What is not counted as it happens is read when it is asked for. */
export function addMetricsRoute(
  server: FastifyInstance,
  { gauges, connectionLimits, metrics, sending }: MetricsRouteOptions,
): void {
  const registers = [metrics.registry];
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('helpcrunch_demo', '1 where simulated data is served, 0 for a live account.', () =>
    Number(gauges.isDemo),
  );
  new Counter({
    name: 'helpcrunch_log_lines_lost_total',
    help: 'Lines of the log that could not be written, because its disk is full or its reader is gone.',
    registers,
    collect() {
      this.reset();
      this.inc(gauges.lostLogLines());
    },
  });
  new Gauge({
    name: 'helpcrunch_upstream_calls_waiting',
    help: "Calls that wait for room in the account's minute.",
    labelNames: ['priority'],
    registers,
    collect() {
      for (const [priority, count] of Object.entries(gauges.queuedCalls())) {
        this.set({ priority }, count);
      }
    },
  });
  const limit = gauges.rateLimit()?.limit ?? 0;
  if (limit > 0) {
    gauge('helpcrunch_budget_limit', 'Calls that the account may make in 60 seconds.', () => limit);
    gauge(
      'helpcrunch_budget_remaining',
      'Calls that could leave now; 0 while the helpdesk refuses.',
      () => gauges.rateLimit()?.remaining ?? 0,
    );
  }
  gauge(
    'helpcrunch_breaker_open',
    'Accounts for which the helpdesk is not called because it has failed too often.',
    gauges.openCircuitBreakers,
  );
  gauge(
    'helpcrunch_cache_bytes',
    'Estimated size of what is known of the helpdesk in this process.',
    gauges.cacheBytes,
  );
  gauge(
    'helpcrunch_ready_answers_bytes',
    'Estimated size of the whole answers that are kept.',
    () => gauges.responseCache().bytes,
  );
  new Counter({
    name: 'helpcrunch_ready_answers_total',
    help: 'Operations answered with a whole answer that was kept.',
    registers,
    collect() {
      this.reset();
      this.inc(gauges.responseCache().hits);
    },
  });
  gauge(
    'helpcrunch_listeners',
    'Different subscriptions that hear of what happens; those that ask and see the same count as one.',
    gauges.distinctSubscriptions,
  );
  gauge(
    'helpcrunch_live_connections',
    'Authenticated WebSockets, event streams and callback subscriptions.',
    connectionLimits.connections,
  );
  gauge('helpcrunch_subscriptions', 'Subscriptions under way.', connectionLimits.subscriptions);
  gauge(
    'helpcrunch_unsent_bytes',
    'Bytes of answers that wait until clients read.',
    sending.unsentBytes,
  );
  new Counter({
    name: 'helpcrunch_connections_destroyed_total',
    help: 'Connections closed because their clients did not read, by the setting that they exceeded.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const [reason, count] of Object.entries(sending.destroyed())) {
        this.inc({ reason }, count);
      }
    },
  });
  if (gauges.webhooks() !== undefined) {
    new Counter({
      name: 'helpcrunch_webhooks_total',
      help: 'Webhooks that came, by what became of them.',
      labelNames: ['outcome'],
      registers,
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(gauges.webhooks() ?? {})) {
          this.inc({ outcome }, count);
        }
      },
    });
  }
  if (gauges.isRedisAvailable() !== null) {
    gauge(
      'helpcrunch_redis_up',
      '1 while cache, rate limit and events are shared through Redis, 0 in local mode.',
      () => Number(gauges.isRedisAvailable()),
    );
    new Counter({
      name: 'helpcrunch_redis_unexpected_total',
      help: 'Messages and cache entries in Redis that were dropped because of their format.',
      labelNames: ['kind'],
      registers,
      collect() {
        this.reset();
        for (const [kind, count] of Object.entries(gauges.redisAnomalies())) {
          this.inc({ kind }, count);
        }
      },
    });
  }
  if (gauges.isRateLimitShared() !== null) {
    gauge(
      'helpcrunch_budget_shared',
      '1 while all instances share the rate limit, 0 while this one uses its equal share.',
      () => Number(gauges.isRateLimitShared()),
    );
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
