import type { CallPriority, ChargeCandidate, QuotaViewer } from './limiter.ts';

/** The participant that all customers together are. Each agent is a participant. */
export const customersKey = 'customers';

export const participantOf = ({ key, class: viewerClass }: QuotaViewer): string =>
  viewerClass === 'customer' ? customersKey : `agent:${key}`;

/** The pools that are divided into shares: `write` for mutations of agents, `general` for all other calls except background reads. */
export type SharedPool = 'write' | 'general';

/** The pool towards whose shares a call counts, even if its permit is charged to another one. Undefined for background reads. */
export function sharedPoolOf(viewer: QuotaViewer, priority: CallPriority): SharedPool | undefined {
  if (priority === 'background') return undefined;
  return priority === 'write' && viewer.class === 'agent' ? 'write' : 'general';
}

/** The recent and the expected use of a participant. */
export interface ParticipantDemand {
  /** Requested calls per minute, rejected ones included, extrapolated from the recent past. */
  readonly expectedPerMinute: number;
  /** The highest number of permits held at once in the last minute. */
  readonly peakHeld: number;
}

export type DemandsByParticipant = ReadonlyMap<string, ParticipantDemand>;

export type Demand = Readonly<Record<SharedPool, DemandsByParticipant>>;

export function mergeDemands(demands: readonly Demand[]): Demand {
  const merged = {
    write: new Map<string, ParticipantDemand>(),
    general: new Map<string, ParticipantDemand>(),
  };
  for (const demand of demands) {
    for (const pool of ['write', 'general'] as const) {
      for (const [participant, { expectedPerMinute, peakHeld }] of demand[pool]) {
        const sum = merged[pool].get(participant) ?? { expectedPerMinute: 0, peakHeld: 0 };
        merged[pool].set(participant, {
          expectedPerMinute: sum.expectedPerMinute + expectedPerMinute,
          // Each instance counts the permits of all instances.
          peakHeld: Math.max(sum.peakHeld, peakHeld),
        });
      }
    }
  }
  return merged;
}

/** Max-min fairness: a participant gets its demand if it is below an equal share; the others divide the rest equally. */
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
  /** The whole share. Its unused part is lent to others, except `kept`. */
  readonly full: number;
  /** The part that is not lent, because the participant has used it recently. */
  readonly kept: number;
}

export function sharesOf(
  demands: DemandsByParticipant,
  capacity: number,
): ReadonlyMap<string, Share> {
  const expected = Array.from(
    demands,
    ([participant, demand]) => [participant, demand.expectedPerMinute] as const,
  );
  return new Map(
    Array.from(fairShares(new Map(expected), capacity), ([participant, full]) => [
      participant,
      { full, kept: Math.min(full, demands.get(participant)?.peakHeld ?? 0) },
    ]),
  );
}

const shortWindowMs = 10_000;
/** Longer than the limiter's window, so that the share of a viewer with regular calls does not shrink when its oldest permit leaves the window. */
const longWindowMs = 75_000;
const bucketMs = 1_000;
/** A permit is held for more than a minute (latency), and calls may wait: a viewer with a constant rate holds more permits than calls per minute. */
const headroom = 1.1;

const perMinute = (count: number, ms: number): number => (count * 60_000) / ms;

const maxParticipants = 10_000;

/** The estimate decreases between two calls of a viewer. The highest of this period applies, so that others do not borrow too much. */
const peakMs = 15_000;

const heldMs = 60_000;

interface Bucket {
  readonly at: number;
  requested: number;
  /** The highest number of permits held at once. */
  peakHeld: number;
  /** The highest estimate of calls per minute, made at each request. */
  peak: number;
}

/** The recent requests and permits of one participant, in buckets of one second. */
class ParticipantLog {
  readonly #buckets: Bucket[] = [];

  recordRequest(now: number): void {
    const bucket = this.#bucketAt(now);
    bucket.requested += 1;
    bucket.peak = Math.max(bucket.peak, this.#expectedAt(now));
  }

  recordHeld(count: number, now: number): void {
    const bucket = this.#bucketAt(now);
    bucket.peakHeld = Math.max(bucket.peakHeld, count);
  }

  /** Removes old buckets. Undefined if none remains. */
  demandAt(now: number): ParticipantDemand | undefined {
    while ((this.#buckets[0]?.at ?? Infinity) <= now - longWindowMs) this.#buckets.shift();
    if (this.#buckets.length === 0) return undefined;
    let expectedPerMinute = this.#expectedAt(now);
    let peakHeld = 0;
    for (const bucket of this.#buckets) {
      if (bucket.at > now - heldMs) peakHeld = Math.max(peakHeld, bucket.peakHeld);
      if (bucket.at > now - peakMs) expectedPerMinute = Math.max(expectedPerMinute, bucket.peak);
    }
    return { expectedPerMinute, peakHeld };
  }

  #bucketAt(now: number): Bucket {
    const at = Math.floor(now / bucketMs) * bucketMs;
    const last = this.#buckets.at(-1);
    if (last?.at === at) return last;
    const bucket = { at, requested: 0, peakHeld: 0, peak: 0 };
    this.#buckets.push(bucket);
    return bucket;
  }

  /** Estimated calls per minute: the higher of the rates of the last 10 s and the last 75 s, extrapolated from at least 10 s. */
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
    // A window can contain one burst more than the average rate, so the largest bucket does not count.
    const shortRate = perMinute(inShort - largest, shortWindowMs);
    // Between n calls at a constant rate are n - 1 intervals; the interval until the next call is added.
    const spanMs = ((last.at - first.at) * inLong) / Math.max(1, inLong - 1);
    const elapsedMs = Math.max(shortWindowMs, spanMs, now - first.at);
    const longRate = headroom * perMinute(inLong, elapsedMs);
    return Math.ceil(Math.max(shortRate, longRate)) + 1;
  }
}

/** Sets an entry. Above `maxParticipants` the entry that was set least recently is removed. */
function setNewest<Value>(map: Map<string, Value>, key: string, value: Value): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= maxParticipants) return;
  const [oldest = ''] = map.keys();
  map.delete(oldest);
}

/** The permits that a participant holds. */
interface PermitCounts {
  sharedOf(pool: SharedPool, participant: string): { readonly total: number };
}

/** Records the requests and permits of all participants, from which their shares are computed. */
export class DemandTracker {
  readonly #logs = {
    write: new Map<string, ParticipantLog>(),
    general: new Map<string, ParticipantLog>(),
  };
  /** The time of each customer's last request, least recent first. */
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

  /** Records how many permits the participant of a viewer holds after a new one was granted. */
  recordHeld(
    { viewer, priority }: ChargeCandidate,
    { usage, now }: { readonly usage: PermitCounts; readonly now: number },
  ): void {
    const pool = sharedPoolOf(viewer, priority);
    if (pool === undefined) return;
    const participant = participantOf(viewer);
    this.#logOf(pool, participant).recordHeld(usage.sharedOf(pool, participant).total, now);
  }

  demand(now: number): Demand {
    const general = this.#demandsOf('general', now);
    const customersDemand = general.get(customersKey);
    if (customersDemand !== undefined) {
      // Customers cannot use more than their caps, so further demand needs no share.
      const expectedPerMinute = Math.min(
        customersDemand.expectedPerMinute,
        this.#customersCap(now),
      );
      general.set(customersKey, { ...customersDemand, expectedPerMinute });
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
