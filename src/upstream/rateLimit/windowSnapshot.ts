import type { DemandsByParticipant, ParticipantDemand } from './demand.ts';
import type { HeldPermit } from './grantPlan.ts';
import type { CallPriority, QuotaClass } from './limiter.ts';
import { priorities } from './limiter.ts';
import type { InstanceReport } from './permitWindow.ts';
import type { Charge, Pool } from './quotas.ts';
import type { ThrottleState, WindowLimit } from './throttleState.ts';
import { initialThrottle } from './throttleState.ts';

/** A permit in Redis. */
export interface StoredPermit extends HeldPermit {
  readonly id: string;
}

/** What Redis has reported of an account's window. Times are of this instance's monotonic clock. */
export interface WindowSnapshot {
  /** Undefined before the first report. */
  readonly version: number | undefined;
  readonly held: readonly StoredPermit[];
  /** Reports of the other instances. */
  readonly peers: readonly InstanceReport[];
  readonly roundTripMs: number;
  readonly receivedAt: number;
}

export const emptyWindowSnapshot: WindowSnapshot = {
  version: undefined,
  held: [],
  peers: [],
  roundTripMs: 0,
  receivedAt: -Infinity,
};

const isThrottleState = (value: unknown): value is ThrottleState =>
  typeof value === 'object' &&
  value !== null &&
  Object.keys(initialThrottle({ limit: 1, windowMs: 1 })).every(
    (name) => typeof Object.getOwnPropertyDescriptor(value, name)?.value === 'number',
  );

/** The throttle as Redis stores it; the initial one where it stores none. */
export function parseThrottle(text: unknown, windowLimit: WindowLimit): ThrottleState {
  if (typeof text !== 'string' || text === '') return initialThrottle(windowLimit);
  try {
    const state: unknown = JSON.parse(text);
    return isThrottleState(state) ? state : initialThrottle(windowLimit);
  } catch {
    return initialThrottle(windowLimit);
  }
}

const pools: readonly Pool[] = ['write', 'newcomer', 'general'];
const viewerClasses: readonly QuotaClass[] = ['agent', 'customer', 'gateway'];

/** A lease names its charge, so that all instances count each viewer alike: `<instance>:<number>:<pool><priority><class>:<viewer>`. */
export const leaseId = (name: string, { pool, priority, viewer }: Charge): string =>
  `${name}:${pools.indexOf(pool)}${priorities.indexOf(priority)}${viewer.class.charAt(0)}:${viewer.key}`;

const leasePattern = /^[^:]+:[^:]+:([0-2])([0-2])([acg]):(.*)$/s;

/** Data of another program counts as a call of an unknown agent: it takes a permit, as it does in Redis. */
const unknownCharge: Charge = {
  viewer: { key: '', class: 'agent' },
  priority: 'read',
  pool: 'general',
};

function chargeOf(lease: string): Charge {
  const [, pool, priority, initial = '', key = ''] = leasePattern.exec(lease) ?? [];
  if (pool === undefined) return unknownCharge;
  const found: CallPriority = priorities[Number(priority)] ?? 'read';
  return {
    viewer: { key, class: viewerClasses.find((each) => each.startsWith(initial)) ?? 'agent' },
    priority: found,
    pool: pools[Number(pool)] ?? 'general',
  };
}

const maxParticipants = 200;
const maxCount = 1_000_000;

export function encodeReport({ demand: { write, general }, queued }: InstanceReport): string {
  const waiting = priorities.map((priority) => queued[priority]);
  if (write.size + general.size === 0 && waiting.every((count) => count === 0)) return '';
  const largest = (demands: DemandsByParticipant) =>
    Array.from(
      demands,
      ([name, { expectedPerMinute, peakHeld }]) => [name, expectedPerMinute, peakHeld] as const,
    )
      .toSorted(([, one], [, other]) => other - one)
      .slice(0, maxParticipants);
  return JSON.stringify({ write: largest(write), general: largest(general), waiting });
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && value >= 0 && value <= maxCount;

function parseDemands(value: unknown): DemandsByParticipant {
  const entries = listOf(value).slice(0, maxParticipants);
  return new Map(
    entries.flatMap((entry): [string, ParticipantDemand][] => {
      const [participant, expectedPerMinute, peakHeld = expectedPerMinute] = listOf(entry);
      if (typeof participant !== 'string' || !isCount(expectedPerMinute) || !isCount(peakHeld))
        return [];
      return [[participant, { expectedPerMinute, peakHeld }]];
    }),
  );
}

function parseReport(text: unknown): InstanceReport[] {
  try {
    const value: unknown = JSON.parse(String(text));
    if (typeof value !== 'object' || value === null) return [];
    const demands = (name: string) =>
      parseDemands(Object.getOwnPropertyDescriptor(value, name)?.value);
    const waiting = listOf(Object.getOwnPropertyDescriptor(value, 'waiting')?.value);
    const countAt = (index: number) => {
      const count = waiting[index];
      return isCount(count) ? count : 0;
    };
    const queued = { write: countAt(0), read: countAt(1), background: countAt(2) };
    return [{ demand: { write: demands('write'), general: demands('general') }, queued }];
  } catch {
    return [];
  }
}

interface ReplyContext {
  readonly sentAt: number;
  readonly receivedAt: number;
  readonly windowLimit: WindowLimit;
}

export interface AcquireReply {
  readonly isGranted: boolean;
  readonly snapshot: WindowSnapshot;
  readonly throttle: ThrottleState;
  /** What to add to Redis' time for the time here; too much by one round trip at most, and never too little. */
  readonly clockOffsetMs: number;
  /** Until instances take permits from the window again, after a loss. */
  readonly recoveryMs: number;
}

/** The reply of the script `acquirePermits`. */
export function parseAcquireReply(
  [granted, version, redisNow, throttle, reports, leases, recoveryMs]: readonly unknown[],
  { sentAt, receivedAt, windowLimit }: ReplyContext,
): AcquireReply {
  const members = listOf(leases);
  const held: StoredPermit[] = [];
  for (let index = 0; index < members.length; index += 2) {
    const id = String(members[index]);
    held.push({ id, charge: chargeOf(id), releasesAt: receivedAt + Number(members[index + 1]) });
  }
  return {
    isGranted: granted === 1,
    throttle: parseThrottle(throttle, windowLimit),
    clockOffsetMs: receivedAt - Number(redisNow),
    recoveryMs: Number(recoveryMs),
    snapshot: {
      version: Number(version),
      held,
      peers: listOf(reports).flatMap(parseReport),
      roundTripMs: receivedAt - sentAt,
      receivedAt,
    },
  };
}

/** When permits return, as early as they can: a call in flight could end at any moment. */
export const heldAt = (
  { held }: WindowSnapshot,
  now: number,
  windowMs: number,
): readonly HeldPermit[] =>
  held
    .filter(({ releasesAt }) => releasesAt > now)
    .map(({ charge, releasesAt }) => ({
      charge,
      releasesAt: Math.min(releasesAt, now + windowMs),
    }));
