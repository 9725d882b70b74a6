import type { FastifyInstance } from 'fastify';
import type { Occupancy } from './occupancy.ts';
import { Counter, Gauge, Registry } from 'prom-client';

/** What can be read off the running gateway. */
export interface Readings {
  /** Null where no Redis is set. */
  isCacheShared(): boolean | null;
  cacheBytes(): number;
  upstreamCalls(): number;
  /** Calls that wait for room in the account's minute, by priority. */
  waitingCalls(): Readonly<Record<string, number>>;
  /** Subscriptions that hear of what happens; those that ask and see the same count as one. */
  listeners(): number;
  /** Accounts that are not called because the helpdesk failed them too often. */
  openBreakers(): number;
  /** What became of the webhooks; undefined where none are taken in. */
  webhooks(): Readonly<Record<string, number>> | undefined;
}

/** `/metrics`, in Prometheus' text form. Each figure is read when it is asked for. */
export function addMetricsRoute(
  server: FastifyInstance,
  { readings, occupancy }: { readonly readings: Readings; readonly occupancy: Occupancy },
): void {
  const registry = new Registry();
  const registers = [registry];
  new Counter({
    name: 'helpcrunch_upstream_calls_total',
    help: 'Calls made to the helpdesk.',
    registers,
    collect() {
      this.reset();
      this.inc(readings.upstreamCalls());
    },
  });
  new Gauge({
    name: 'helpcrunch_upstream_calls_waiting',
    help: "Calls that wait for room in the account's minute.",
    labelNames: ['priority'],
    registers,
    collect() {
      for (const [priority, count] of Object.entries(readings.waitingCalls())) {
        this.set({ priority }, count);
      }
    },
  });
  new Gauge({
    name: 'helpcrunch_breaker_open',
    help: 'Accounts for which the helpdesk is not called because it has failed too often.',
    registers,
    collect() {
      this.set(readings.openBreakers());
    },
  });
  new Gauge({
    name: 'helpcrunch_cache_bytes',
    help: 'Estimated size of what is known of the helpdesk in this process.',
    registers,
    collect() {
      this.set(readings.cacheBytes());
    },
  });
  new Gauge({
    name: 'helpcrunch_listeners',
    help: 'Different subscriptions that hear of what happens; those that ask and see the same count as one.',
    registers,
    collect() {
      this.set(readings.listeners());
    },
  });
  new Gauge({
    name: 'helpcrunch_live_connections',
    help: 'Open WebSockets and event streams.',
    registers,
    collect() {
      this.set(occupancy.connections());
    },
  });
  new Gauge({
    name: 'helpcrunch_subscriptions',
    help: 'Subscriptions under way.',
    registers,
    collect() {
      this.set(occupancy.subscriptions());
    },
  });
  if (readings.webhooks() !== undefined) {
    new Counter({
      name: 'helpcrunch_webhooks_total',
      help: 'Webhooks that came, by what became of them.',
      labelNames: ['outcome'],
      registers,
      collect() {
        this.reset();
        for (const [outcome, count] of Object.entries(readings.webhooks() ?? {})) {
          this.inc({ outcome }, count);
        }
      },
    });
  }
  if (readings.isCacheShared() !== null) {
    new Gauge({
      name: 'helpcrunch_redis_up',
      help: '1 while the cache is shared through Redis, 0 while this instance goes on alone.',
      registers,
      collect() {
        this.set(readings.isCacheShared() === true ? 1 : 0);
      },
    });
  }
  server.get('/metrics', async (_request, reply) => {
    void reply.type(registry.contentType);
    return registry.metrics();
  });
}
