import { UpstreamError } from '../errors.ts';
import type { Budget, Priority } from './budget.ts';
import type { Lane } from './lane.ts';
import { priorities } from './line.ts';

/** Also opens a lane for a tenant that has not called yet. */
export type Scheduler = Budget & { touch(tenant: string): void };

interface SchedulerParts {
  readonly limit: number;
  readonly laneFor: (tenant: string) => Lane;
  readonly onDrop?: (tenant: string) => void;
}

/** More tenants than can be busy at one time; a lane that still counts calls must not be dropped. */
const maxTenants = 10_000;
const fullRetryMs = 1_000;

/** A lane for each tenant, as long as it holds something. */
export function createScheduler({ limit, laneFor, onDrop }: SchedulerParts): Scheduler {
  /** The one that was looked at longest ago comes first. */
  const lanes = new Map<string, Lane>();
  let isClosed = false;

  /** Two for every one that may be added, so that the idle ones go without a timer. */
  function dropIdle(): void {
    let looks = 2;
    for (const [tenant, lane] of lanes) {
      lanes.delete(tenant);
      if (lane.isIdle()) onDrop?.(tenant);
      else lanes.set(tenant, lane);
      looks -= 1;
      if (looks === 0) return;
    }
  }

  function open(tenant: string): Lane {
    dropIdle();
    const lane = lanes.get(tenant) ?? laneFor(tenant);
    lanes.set(tenant, lane);
    return lane;
  }

  return {
    acquire(tenant, demand, signal) {
      if (isClosed) {
        const details = { neverLeft: true } as const;
        return Promise.reject(new UpstreamError('unavailable', 'The gateway is closing.', details));
      }
      if (lanes.size >= maxTenants && !lanes.has(tenant)) {
        dropIdle();
        if (lanes.size >= maxTenants) {
          const details = { neverLeft: true, retryAfterMs: fullRetryMs } as const;
          return Promise.reject(
            new UpstreamError('rateLimited', 'Too many accounts are in use.', details),
          );
        }
      }
      return open(tenant).acquire(demand, signal);
    },
    reconsider: (tenant) => lanes.get(tenant)?.reconsider(),
    status: (tenant) => lanes.get(tenant)?.status() ?? { limit, remaining: limit, resetAt: null },
    touch(tenant) {
      if (lanes.has(tenant) || lanes.size < maxTenants) open(tenant);
    },
    refresh: () => Promise.resolve(),
    retryAfterMs: (tenant) => lanes.get(tenant)?.retryAfterMs() ?? 1,
    queueLengths() {
      const total: Record<Priority, number> = { write: 0, read: 0, background: 0 };
      for (const lane of lanes.values()) {
        const lengths = lane.lengths();
        for (const priority of priorities) total[priority] += lengths[priority];
      }
      return total;
    },
    isShared: () => null,
    close() {
      isClosed = true;
      for (const lane of lanes.values()) lane.close();
      lanes.clear();
    },
  };
}
