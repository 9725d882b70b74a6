import type { ThrottleState, WindowLimit } from './throttle.ts';
import { recoveryIntervalMs } from './throttle.ts';
import type { QueueDepths } from './fairQueue.ts';
import type { ClusterMembership } from './clusterMembership.ts';
import { rateLimitKeyPrefix } from './clusterMembership.ts';
import * as scripts from './scripts.ts';
import type { Lease, WindowTiming } from './slidingWindow.ts';
import type { ClusterSnapshot } from './clusterSnapshot.ts';
import { parseAcquireReply, parseThrottle } from './clusterSnapshot.ts';

export interface RedisWindowOptions extends WindowTiming {
  readonly cluster: ClusterMembership;
  readonly account: string;
  readonly limit: number;
  /** How long an instance that waits is believed to wait when it says nothing more. */
  readonly waiterTtlMs: number;
}

export interface AcquiredLeases {
  readonly leaseIds: readonly string[];
  readonly snapshot: ClusterSnapshot;
}

const maxUpdateAttempts = 3;

export type ThrottleUpdate = (throttle: ThrottleState) => ThrottleState;
export type RedisWindow = ReturnType<typeof createRedisWindow>;

/** The calls of one tenant as Redis keeps them. Nothing here fails: undefined is no answer. */
export function createRedisWindow(options: RedisWindowOptions) {
  const { cluster, account, limit, clock, windowMs, leaseTtlMs, waiterTtlMs } = options;
  const windowLimit: WindowLimit = { limit, windowMs };
  // One slot of a cluster holds all that one script needs.
  const [leasesKey, waitersKey, throttleKey] = ['leases', 'waiters', 'throttle'].map(
    (name) => `${rateLimitKeyPrefix}{${account}}:${name}`,
  );
  const keys = { leases: leasesKey ?? '', waiters: waitersKey ?? '', throttle: throttleKey ?? '' };
  let acquisitions = 0;
  let completed: string[] = [];
  let unused: string[] = [];

  /** What ends in one moment is told in one command. */
  function scheduleFlush(): void {
    if (completed.length + unused.length === 0) queueMicrotask(flushCompletions);
  }

  function flushCompletions(): void {
    const leaseIds = [...completed, ...unused];
    const completedCount = completed.length;
    completed = [];
    unused = [];
    // When Redis is away it learns all of this by `reconcile`.
    if (cluster.mode() !== 'distributed') return;
    void cluster.runScript(
      scripts.completeScript,
      [keys.leases],
      [windowMs, completedCount, ...leaseIds],
    );
  }

  return {
    /** Asks for calls, which leave their mark in Redis at once; none is also a way to hear what the others do. */
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
        scripts.acquireScript,
        [keys.leases, keys.waiters, keys.throttle],
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

    /** They never left. */
    releaseUnused(leaseIds: readonly string[]): void {
      scheduleFlush();
      unused.push(...leaseIds);
    },

    /** Gives the gate as it is then: when another instance was faster, its gate is changed instead. */
    async updateThrottle(
      before: ThrottleState,
      update: ThrottleUpdate,
    ): Promise<ThrottleState | undefined> {
      let current = before;
      for (let attempts = 0; attempts < maxUpdateAttempts; attempts += 1) {
        const after = update(current);
        if (after === current) break;
        const reply = await cluster.runScript(
          scripts.updateThrottleScript,
          [keys.throttle],
          [current.version, JSON.stringify(after), scripts.throttleTtlMs],
        );
        if (reply === undefined) return undefined;
        current = parseThrottle(reply[1], windowLimit);
        if (reply[0] === 1) break;
      }
      return current;
    },

    async resync(leases: readonly Lease[], state: ThrottleState): Promise<boolean> {
      const now = clock.monotonic();
      const leaseArguments = leases.flatMap(({ id, releasesAt }) => [
        id,
        Math.ceil(releasesAt - now),
      ]);
      const reply = await cluster.runScript(
        scripts.resyncScript,
        [keys.leases, keys.throttle],
        [
          cluster.instanceId,
          leaseTtlMs + windowMs,
          JSON.stringify(state),
          scripts.throttleTtlMs,
          ...leaseArguments,
        ],
      );
      return reply !== undefined;
    },
  };
}
