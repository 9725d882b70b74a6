import type { ThrottleState, WindowLimit } from './throttle.ts';
import { initialThrottle } from './throttle.ts';
import type { QueueDepths } from './fairQueue.ts';
import { priorities } from './fairQueue.ts';

/** What Redis has told of a tenant, in this instance's time but for the gate, which is in Redis'. */
export interface ClusterSnapshot {
  /** When the slots of all instances come back, the first first. */
  readonly releaseTimes: readonly number[];
  readonly throttle: ThrottleState;
  /** How many other instances wait, for how many calls together, and when the first of them would be given up. */
  readonly peers: number;
  readonly peerDemand: QueueDepths;
  readonly peersUntil: number;
  /** What to add to Redis' time for the time here; too much by one round trip at most, and never too little. */
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

/** The gate as Redis keeps it; an open one where it keeps none. */
export function parseThrottle(text: unknown, windowLimit: WindowLimit): ThrottleState {
  if (typeof text !== 'string' || text === '') return initialThrottle(windowLimit);
  try {
    const state: unknown = JSON.parse(text);
    return isThrottleState(state) ? state : initialThrottle(windowLimit);
  } catch {
    return initialThrottle(windowLimit);
  }
}

/** What the claim script answers. */
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
  // Slots behind those that were told come back no earlier than the last of these.
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

/** When slots come back, as early as they can: a call under way could be done at any moment. */
export function outstandingIn(
  { releaseTimes }: ClusterSnapshot,
  now: number,
  windowMs: number,
): number[] {
  const first = releaseTimes.findIndex((at) => at > now);
  return first === -1 ? [] : releaseTimes.slice(first).map((at) => Math.min(at, now + windowMs));
}

/** One of the calls under way is done. Which one does not matter: the others are still to come. */
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
 * Of the times at which slots come back those that are left for this instance, when the others that wait take their turns. Those
 * who want more important things come first here and there, so only as many of theirs count as matter for each of ours.
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
    const matter = bounds.find((bound) => index < bound.behind)?.ahead ?? ahead;
    return sorted.slice(index + Math.min(matter, snapshot.peers * index)).slice(0, 1);
  });
}
