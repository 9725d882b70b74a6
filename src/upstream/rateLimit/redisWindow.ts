import { redisKey } from '../../redis/keys.ts';
import type { ClusterMembership } from './clusterMembership.ts';
import type { ClusterSnapshot } from './clusterSnapshot.ts';
import { parseAcquireReply, parseThrottle } from './clusterSnapshot.ts';
import type { QueueDepths } from './fairQueue.ts';
import type { Lease, WindowTiming } from './slidingWindow.ts';
import type { ThrottleState, WindowLimit } from './throttle.ts';
import { recoveryIntervalMs } from './throttle.ts';

export interface RedisWindowOptions extends WindowTiming {
  readonly cluster: ClusterMembership;
  readonly account: string;
  readonly limit: number;
  /** After this time without a new report, an instance no longer counts as waiting. */
  readonly waiterTtlMs: number;
}

export interface AcquiredLeases {
  readonly leaseIds: readonly string[];
  readonly snapshot: ClusterSnapshot;
}

const maxUpdateAttempts = 3;

export type ThrottleUpdate = (throttle: ThrottleState) => ThrottleState;
export type RedisWindow = ReturnType<typeof createRedisWindow>;

/** The sliding window of one account in Redis. No method rejects; undefined means that there was no reply. */
export function createRedisWindow(options: RedisWindowOptions) {
  const { cluster, account, limit, clock, windowMs, leaseTtlMs, waiterTtlMs } = options;
  const windowLimit: WindowLimit = { limit, windowMs };
  const leasesKey = redisKey(account, 'leases');
  const waitersKey = redisKey(account, 'waiters');
  const throttleKey = redisKey(account, 'throttle');
  let acquisitions = 0;
  let completed: string[] = [];
  let unused: string[] = [];

  /** Sends the leases of one turn of the event loop in one command. */
  function scheduleFlush(): void {
    if (completed.length + unused.length === 0) queueMicrotask(flushCompletions);
  }

  function flushCompletions(): void {
    const leaseIds = [...completed, ...unused];
    const completedCount = completed.length;
    completed = [];
    unused = [];
    // After an outage `resync` reports the leases.
    if (cluster.mode() !== 'distributed') return;
    void cluster.runScript('completeLeases', [leasesKey], [windowMs, completedCount, ...leaseIds]);
  }

  return {
    /** Requests leases for the demand, which Redis counts at once. Without demand it only returns the state of the cluster. */
    async acquireLeases({
      write,
      read,
      background,
    }: QueueDepths): Promise<AcquiredLeases | undefined> {
      acquisitions += 1;
      const idPrefix = `${cluster.instanceId}:${acquisitions}`;
      const timing = [windowMs, leaseTtlMs, limit, waiterTtlMs, recoveryIntervalMs(windowLimit)];
      const sentAt = clock.monotonic();
      const reply = await cluster.runScript(
        'acquireLeases',
        [leasesKey, waitersKey, throttleKey],
        [cluster.instanceId, acquisitions, ...timing, write, read, background],
      );
      if (reply === undefined) return undefined;
      const { granted, snapshot } = parseAcquireReply(reply, {
        sentAt,
        receivedAt: clock.monotonic(),
        windowLimit,
      });
      return {
        snapshot,
        leaseIds: Array.from({ length: granted }, (_, i) => `${idPrefix}:${i + 1}`),
      };
    },

    complete(leaseId: string): void {
      scheduleFlush();
      completed.push(leaseId);
    },

    /** Returns leases whose calls were never sent. */
    releaseUnused(leaseIds: readonly string[]): void {
      scheduleFlush();
      unused.push(...leaseIds);
    },

    /** The state after the update. If another instance was faster, the update is applied to its state. */
    async updateThrottle(
      before: ThrottleState,
      update: ThrottleUpdate,
    ): Promise<ThrottleState | undefined> {
      let current = before;
      for (let attempts = 0; attempts < maxUpdateAttempts; attempts += 1) {
        const after = update(current);
        if (after === current) break;
        const reply = await cluster.runScript(
          'updateThrottle',
          [throttleKey],
          [current.version, JSON.stringify(after)],
        );
        if (reply === undefined) return undefined;
        current = parseThrottle(reply[1], windowLimit);
        if (reply[0] === 1) break;
      }
      return current;
    },

    async resync(leases: readonly Lease[], state: ThrottleState): Promise<boolean> {
      const now = clock.monotonic();
      const remaining = leases.flatMap(({ id, releasesAt }) => [id, Math.ceil(releasesAt - now)]);
      const reply = await cluster.runScript(
        'resync',
        [leasesKey, throttleKey],
        [cluster.instanceId, leaseTtlMs + windowMs, JSON.stringify(state), ...remaining],
      );
      return reply !== undefined;
    },
  };
}
