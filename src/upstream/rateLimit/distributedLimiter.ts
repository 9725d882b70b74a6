import type { Clock } from '../../lib/clock.ts';
import type { ClusterState } from './clusterState.ts';
import * as throttles from './throttle.ts';
import type { WindowLimiter } from './windowLimiter.ts';
import { expectedResumeAt } from './windowLimiter.ts';
import type { QueueDepths } from './fairQueue.ts';
import { emptyDepths, priorities } from './fairQueue.ts';
import type { ClusterMode } from './clusterMembership.ts';
import { reserveForPeers } from './clusterSnapshot.ts';

/** The window limiter while Redis grants leases. */
export interface DistributedLimiter extends WindowLimiter {
  /** Requests leases for the demand; resolves when the snapshot is current. */
  sync(): Promise<void>;
}

interface DistributedLimiterOptions {
  readonly clock: Clock;
  readonly windowMs: number;
  readonly mode: () => ClusterMode;
  readonly onChange: () => void;
}

const hasNewDemand = (demand: QueueDepths, reported: QueueDepths): boolean =>
  priorities.some((priority) => demand[priority] > 0 && reported[priority] === 0);

const hasDemand = (demand: QueueDepths): boolean => hasNewDemand(demand, emptyDepths);

/** The demand that remains after this number of calls was served. */
function remainingDemand(demand: QueueDepths, served: number): QueueDepths {
  const remaining = { ...demand };
  let unassigned = served;
  for (const priority of priorities) {
    const count = Math.min(remaining[priority], unassigned);
    remaining[priority] -= count;
    unassigned -= count;
  }
  return remaining;
}

export function createDistributedLimiter(
  state: ClusterState,
  options: DistributedLimiterOptions,
): DistributedLimiter {
  const { clock, windowMs, mode, onChange } = options;
  /** Leases whose calls have not started. */
  let leased: string[] = [];
  let isLeasedProbe = false;
  let demand = emptyDepths;
  /** The demand that was last reported to Redis. */
  let reportedDemand = emptyDepths;
  /** Redis grants nothing before this time. */
  let nextSyncAt = 0;
  let pendingSync: Promise<void> | undefined;

  const capacity = () => state.adaptiveLimit() - state.outstanding().length;

  /** When capacity changes without other instances; their changes arrive with the next heartbeat. */
  function computeNextSyncAt(): number {
    const now = clock.monotonic();
    if (state.pausedUntil() > now) return state.pausedUntil();
    if (state.probeUntil() > now) return state.probeUntil();
    const [first = Infinity] = state.outstanding();
    const [recovered = Infinity] = state.recoveryTimes();
    const { peers, peersUntil } = state.snapshot();
    const reserved = peers > 0 && capacity() > 0 ? peersUntil : Infinity;
    return Math.max(now + 1, Math.min(first, recovered, reserved));
  }

  async function acquireLeases(): Promise<void> {
    const requested = demand;
    const acquired = await state.redisWindow.acquireLeases(requested);
    pendingSync = undefined;
    // Leases of a late reply are dropped by the next resync.
    if (acquired === undefined || mode() !== 'distributed') return;
    state.applySnapshot(acquired.snapshot);
    leased.push(...acquired.leaseIds);
    isLeasedProbe = acquired.snapshot.throttle.pausedUntil > 0;
    reportedDemand = remainingDemand(requested, acquired.leaseIds.length);
    nextSyncAt = hasDemand(reportedDemand) ? computeNextSyncAt() : 0;
    onChange();
  }

  const sync = (): Promise<void> => (pendingSync ??= acquireLeases());

  /** Returns leases that no queued call can use. */
  function releaseUnused(): void {
    if (leased.length === 0) return;
    if (isLeasedProbe)
      state.updateThrottle((throttle) =>
        throttles.cancelProbe(throttle, throttles.createToken(throttle)),
      );
    state.redisWindow.releaseUnused(leased);
    leased = [];
  }

  const available = () => (state.pausedUntil() > 0 && !isLeasedProbe ? 0 : leased.length);

  return {
    sync,
    available,
    acquire: () => state.startLease(leased.shift() ?? ''),

    reportDemand(next) {
      demand = next;
      releaseUnused();
      if (mode() !== 'distributed' || pendingSync !== undefined) return;
      const isDue = hasDemand(next) && clock.monotonic() >= nextSyncAt;
      const isOver = hasDemand(reportedDemand) && !hasDemand(next);
      if (isDue || isOver || hasNewDemand(next, reportedDemand)) void sync();
    },

    forecastCapacity(queued) {
      const now = clock.monotonic();
      const isWaitingForSync = nextSyncAt > now;
      // Free capacity that was not granted is reserved for peers until they expire.
      const reservedForPeers = isWaitingForSync ? Math.max(0, capacity()) : 0;
      // Before the first reply nothing is known to be used.
      const unused = mode() === 'distributed' ? capacity() - reservedForPeers : Infinity;
      const { peersUntil } = state.snapshot();
      return {
        available: unused + available(),
        releaseTimes: () => {
          const peerReleaseTimes = Array.from({ length: reservedForPeers }, () => peersUntil);
          return reserveForPeers(
            [...peerReleaseTimes, ...state.outstanding(), ...state.recoveryTimes()],
            state.snapshot(),
            queued,
          );
        },
        resumesAt: state.pausedUntil(),
        expectedResumeAt: expectedResumeAt(state.pausedUntil(), now),
        windowMs,
      };
    },

    nextWakeAt: () =>
      nextSyncAt > clock.monotonic() && pendingSync === undefined ? nextSyncAt : Infinity,
    status: () => state.status(capacity()),
    isIdle: () => leased.length === 0 && pendingSync === undefined && !hasDemand(reportedDemand),
  };
}
