import type { CallPriority, PermitCandidate, QuotaViewer } from './limiter.ts';

/** All customers share one entry: their total is one participant among the agents. */
export const customersKey = 'customers';

export const participantOf = ({ key, class: viewerClass }: QuotaViewer): string =>
  viewerClass === 'customer' ? customersKey : `agent:${key}`;

/** Pools that are divided among participants: mutations of agents, and other calls without background work. */
export type SharedPool = 'write' | 'general';

/** The pool in whose share a call counts, whichever pool its permit is charged to. Background work has no share. */
export function sharedPoolOf(viewer: QuotaViewer, priority: CallPriority): SharedPool | undefined {
  if (priority === 'background') return undefined;
  return priority === 'write' && viewer.class === 'agent' ? 'write' : 'general';
}

/** What a participant has used recently and is expected to use. */
export interface ParticipantDemand {
  /** Calls that it requests per minute, admitted or not, extrapolated from the last seconds. */
  readonly expected: number;
  /** The most permits that it has held at once in the last minute. */
  readonly held: number;
}

export type Demands = ReadonlyMap<string, ParticipantDemand>;

export type Demand = Readonly<Record<SharedPool, Demands>>;

export function mergeDemands(demands: readonly Demand[]): Demand {
  const merged = {
    write: new Map<string, ParticipantDemand>(),
    general: new Map<string, ParticipantDemand>(),
  };
  for (const demand of demands) {
    for (const pool of ['write', 'general'] as const) {
      for (const [participant, { expected, held }] of demand[pool]) {
        const sum = merged[pool].get(participant) ?? { expected: 0, held: 0 };
        merged[pool].set(participant, {
          expected: sum.expected + expected,
          // Instances count the permits of all.
          held: Math.max(sum.held, held),
        });
      }
    }
  }
  return merged;
}

/**
 * Max-min fairness: participants with a small demand keep it, the others share the rest equally. The customers together have the
 * demand of one participant, which their cap limits.
 */
function fairShares(demands: ReadonlyMap<string, number>, capacity: number): Map<string, number> {
  const shares = new Map<string, number>();
  let remaining = capacity;
  let count = demands.size;
  for (const [participant, demand] of [...demands].toSorted(([, one], [, other]) => one - other)) {
    const share = Math.min(demand, Math.floor(remaining / count));
    shares.set(participant, share);
    remaining -= share;
    count -= 1;
  }
  return shares;
}

/** A participant's part of a pool. */
export interface Share {
  readonly full: number;
  /** The part that it has used recently. It keeps this also while others hold permits of its full share. */
  readonly kept: number;
}

export function sharesOf(demands: Demands, capacity: number): ReadonlyMap<string, Share> {
  const expected = Array.from(
    demands,
    ([participant, demand]) => [participant, demand.expected] as const,
  );
  return new Map(
    Array.from(fairShares(new Map(expected), capacity), ([participant, full]) => [
      participant,
      { full, kept: Math.min(full, demands.get(participant)?.held ?? 0) },
    ]),
  );
}

const shortWindowMs = 10_000;
/** Longer than the limiter's window: a viewer that calls regularly keeps its share when its oldest permit leaves the window. */
const longWindowMs = 75_000;
const bucketMs = 1_000;
/** A permit returns a moment after a minute, and a call may wait, so a viewer at a constant rate holds more permits than calls per minute. */
const headroom = 1.1;

const perMinute = (count: number, ms: number): number => (count * 60_000) / ms;

const maxParticipants = 10_000;

/** An estimate varies between two calls of a viewer. Others borrow what its highest recent one leaves. */
const peakMs = 15_000;

const heldMs = 60_000;

interface Bucket {
  readonly at: number;
  requested: number;
  /** The most permits that it held. */
  held: number;
  /** The highest expectation at a request. */
  peak: number;
}

/** Requests for permits, and permits, of the recent past, in buckets of a second. */
class ParticipantLog {
  readonly #buckets: Bucket[] = [];

  recordRequest(now: number): void {
    const bucket = this.#bucketAt(now);
    bucket.requested += 1;
    bucket.peak = Math.max(bucket.peak, this.#expectedAt(now));
  }

  recordHeld(count: number, now: number): void {
    const bucket = this.#bucketAt(now);
    bucket.held = Math.max(bucket.held, count);
  }

  /** Undefined: there is nothing left to know. */
  demandAt(now: number): ParticipantDemand | undefined {
    while ((this.#buckets[0]?.at ?? Infinity) <= now - longWindowMs) this.#buckets.shift();
    if (this.#buckets.length === 0) return undefined;
    let expected = this.#expectedAt(now);
    let held = 0;
    for (const bucket of this.#buckets) {
      if (bucket.at > now - heldMs) held = Math.max(held, bucket.held);
      if (bucket.at > now - peakMs) expected = Math.max(expected, bucket.peak);
    }
    return { expected, held };
  }

  #bucketAt(now: number): Bucket {
    const at = Math.floor(now / bucketMs) * bucketMs;
    const last = this.#buckets.at(-1);
    if (last?.at === at) return last;
    const bucket = { at, requested: 0, held: 0, peak: 0 };
    this.#buckets.push(bucket);
    return bucket;
  }

  /** The higher of the rates of the last 10 s and the last 75 s, extrapolated from at least 10 s. */
  #expectedAt(now: number): number {
    const requests = this.#buckets.filter(
      ({ at, requested }) => requested > 0 && at > now - longWindowMs,
    );
    const [first] = requests;
    const last = requests.at(-1);
    if (first === undefined || last === undefined) return 0;
    let inShort = 0;
    let inLong = 0;
    let largest = 0;
    for (const { at, requested } of requests) {
      inLong += requested;
      if (at <= now - shortWindowMs) continue;
      inShort += requested;
      largest = Math.max(largest, requested);
    }
    // Regular bursts are at most one more than their rate.
    const shortRate = perMinute(inShort - largest, shortWindowMs);
    // The calls of a constant rate have one interval less than calls: the one until the next call.
    const spanMs = ((last.at - first.at) * inLong) / Math.max(1, inLong - 1);
    const elapsedMs = Math.max(shortWindowMs, spanMs, now - first.at);
    const longRate = headroom * perMinute(inLong, elapsedMs);
    return Math.ceil(Math.max(shortRate, longRate)) + 1;
  }
}

/** Forgets the entry that was not set for the longest time when there are too many. */
function setNewest<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= maxParticipants) return;
  const [oldest = ''] = map.keys();
  map.delete(oldest);
}

/** How many permits a participant holds. */
interface PermitCounts {
  sharedOf(pool: SharedPool, participant: string): { readonly total: number };
}

/** Records who requests and gets permits, so that a viewer keeps a share that others borrow while it pauses. */
export class DemandTracker {
  readonly #logs = {
    write: new Map<string, ParticipantLog>(),
    general: new Map<string, ParticipantLog>(),
  };
  /** When each customer last requested a call, in this order. */
  readonly #customers = new Map<string, number>();
  readonly #customerCallsPerMinute: number;

  constructor(customerCallsPerMinute: number) {
    this.#customerCallsPerMinute = customerCallsPerMinute;
  }

  recordRequest(viewer: QuotaViewer, priority: CallPriority, now: number): void {
    if (viewer.class === 'customer') setNewest(this.#customers, viewer.key, now);
    const pool = sharedPoolOf(viewer, priority);
    if (pool !== undefined) this.#logOf(pool, participantOf(viewer)).recordRequest(now);
  }

  /** Remembers how many permits a viewer's participant holds after it has got one. */
  recordHeld(
    { viewer, priority }: PermitCandidate,
    { usage, now }: { readonly usage: PermitCounts; readonly now: number },
  ): void {
    const pool = sharedPoolOf(viewer, priority);
    if (pool === undefined) return;
    const participant = participantOf(viewer);
    this.#logOf(pool, participant).recordHeld(usage.sharedOf(pool, participant).total, now);
  }

  demand(now: number): Demand {
    const general = this.#demandsOf('general', now);
    const ofCustomers = general.get(customersKey);
    if (ofCustomers !== undefined) {
      // What they request beyond their caps is lent.
      const expected = Math.min(ofCustomers.expected, this.#customersCap(now));
      general.set(customersKey, { ...ofCustomers, expected });
    }
    return { write: this.#demandsOf('write', now), general };
  }

  #customersCap(now: number): number {
    for (const [customer, at] of this.#customers) {
      if (at > now - longWindowMs) break;
      this.#customers.delete(customer);
    }
    return this.#customers.size * this.#customerCallsPerMinute;
  }

  #logOf(pool: SharedPool, participant: string): ParticipantLog {
    const logs = this.#logs[pool];
    const log = logs.get(participant) ?? new ParticipantLog();
    setNewest(logs, participant, log);
    return log;
  }

  #demandsOf(pool: SharedPool, now: number): Map<string, ParticipantDemand> {
    const demands = new Map<string, ParticipantDemand>();
    for (const [participant, log] of this.#logs[pool]) {
      const demand = log.demandAt(now);
      if (demand === undefined) this.#logs[pool].delete(participant);
      else demands.set(participant, demand);
    }
    return demands;
  }
}
