import type { ThrottleState, WindowLimit } from './throttle.ts';
import { initialThrottle } from './throttle.ts';
import type { QueueDepths } from './fairQueue.ts';
import { priorities } from './fairQueue.ts';

/** The state of an account in Redis. Times are of the clock of this instance, except those of the throttle. */
export interface ClusterSnapshot {
  /** When the leases of all instances are released, in order. */
  readonly releaseTimes: readonly number[];
  readonly throttle: ThrottleState;
  /** Waiting peers, their demand, and when the first of them expires. */
  readonly peers: number;
  readonly peerDemand: QueueDepths;
  readonly peersUntil: number;
  /** The clock of this instance minus that of Redis; too large by one round trip at most, never too small. */
  readonly clockOffsetMs: number;
  readonly roundTripMs: number;
}

export const emptySnapshot = (
  windowLimit: WindowLimit,
  clockOffsetMs: number,
): ClusterSnapshot => ({
  releaseTimes: [],
  throttle: initialThrottle(windowLimit),
  peers: 0,
  peerDemand: { write: 0, read: 0, background: 0 },
  peersUntil: 0,
  clockOffsetMs,
  roundTripMs: 0,
});

const isThrottleState = (value: unknown): value is ThrottleState =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(initialThrottle({ limit: 1, windowMs: 1 })).every(
    (name) => typeof Object.getOwnPropertyDescriptor(value, name)?.value === 'number',
  );

/** The throttle state in Redis; the initial one without a valid state. */
export function parseThrottle(text: unknown, windowLimit: WindowLimit): ThrottleState {
  if (typeof text !== 'string' || text === '') return initialThrottle(windowLimit);
  try {
    const state: unknown = JSON.parse(text);
    return isThrottleState(state) ? state : initialThrottle(windowLimit);
  } catch {
    return initialThrottle(windowLimit);
  }
}

/** Parses the reply of the script `acquireLeases`. */
export function parseAcquireReply(
  [throttle, ...reply]: readonly unknown[],
  {
    sentAt,
    receivedAt,
    windowLimit,
  }: { readonly sentAt: number; readonly receivedAt: number; readonly windowLimit: WindowLimit },
): { readonly granted: number; readonly snapshot: ClusterSnapshot } {
  const numbers = reply.map(Number);
  const [now = 0, granted = 0, peers = 0, peersUntilMs = 0, used = 0] = numbers;
  const [write = 0, read = 0, background = 0] = numbers.slice(5);
  const releaseTimes = numbers.slice(8).map((time) => receivedAt + time);
  // Leases beyond the returned release times are released no earlier than the last of them.
  const last = releaseTimes.at(-1) ?? receivedAt;
  while (releaseTimes.length < used) releaseTimes.push(last);
  const snapshot = {
    releaseTimes,
    throttle: parseThrottle(throttle, windowLimit),
    peers,
    peerDemand: { write, read, background },
    peersUntil: receivedAt + peersUntilMs,
    clockOffsetMs: receivedAt - now,
    roundTripMs: receivedAt - sentAt,
  };
  return { granted, snapshot };
}

/** The earliest release times: a call in flight can complete at any moment. */
export function outstandingIn(
  { releaseTimes }: ClusterSnapshot,
  now: number,
  windowMs: number,
): number[] {
  const first = releaseTimes.findIndex((at) => at > now);
  return first === -1 ? [] : releaseTimes.slice(first).map((at) => Math.min(at, now + windowMs));
}

/** Marks one call in flight as completed, no matter which. */
export function withOneCompleted(
  snapshot: ClusterSnapshot,
  now: number,
  windowMs: number,
): ClusterSnapshot {
  const index = snapshot.releaseTimes.findIndex((at) => at > now + windowMs);
  return index === -1
    ? snapshot
    : { ...snapshot, releaseTimes: snapshot.releaseTimes.with(index, now + windowMs) };
}

/**
 * The release times that remain for this instance when its waiting peers take their turns. Higher priorities are served first in all
 * instances, so each call waits only for peer demand of its own or a higher priority.
 */
export function reserveForPeers(
  times: readonly number[],
  snapshot: ClusterSnapshot,
  queued: QueueDepths,
): number[] {
  const sorted = times.toSorted((one, other) => one - other);
  if (snapshot.peers === 0) return sorted;
  let behind = 0;
  let ahead = 0;
  const bounds = priorities.map((priority) => {
    behind += queued[priority];
    ahead += snapshot.peerDemand[priority];
    return { behind, ahead };
  });
  return sorted.flatMap((_, index) => {
    const peerCalls = bounds.find((bound) => index < bound.behind)?.ahead ?? ahead;
    return sorted.slice(index + Math.min(peerCalls, snapshot.peers * index)).slice(0, 1);
  });
}
