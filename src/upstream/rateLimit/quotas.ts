import type { CallPriority } from './limiter.ts';

/** Agents and clients of `AUTH=none` and `forward` are `agent`. */
export type ViewerClass = 'agent' | 'customer';

export interface QuotaViewer {
  readonly key: string;
  readonly class: ViewerClass;
}

/** The viewer as it is known now: a charge does not change when the id of a customer becomes known. */
export const currentViewer = ({ key, class: viewerClass }: QuotaViewer): QuotaViewer => ({
  key,
  class: viewerClass,
});

/** The part of the limit that a permit is charged to. */
export type Pool = 'write' | 'newcomer' | 'general';

/** Pools that are divided among participants. */
type SharedPool = Exclude<Pool, 'newcomer'>;

/** Which limit a call has reached: the account's, the viewer's own, or that of all customers together. */
export type RefusalReason = 'ACCOUNT_LIMIT' | 'VIEWER_LIMIT' | 'CUSTOMER_LIMIT';

/** A permit in the window, and whom it is charged to. */
export interface Charge {
  readonly viewer: QuotaViewer;
  readonly priority: CallPriority;
  readonly pool: Pool;
}

/** How the account's limit is divided. */
export interface QuotaSettings {
  readonly writeReservePercent: number;
  readonly newcomerReservePercent: number;
  readonly customersSharePercent: number;
  readonly customerCallsPerMinute: number;
  readonly customerWritesPerMinute: number;
}

const maxWriteReservePercent = 50;

const percentOf = (limit: number, percent: number): number => Math.floor((limit * percent) / 100);

/** All customers share one entry: their total is one participant among the agents. */
const customersKey = 'customers';

const participantOf = ({ key, class: viewerClass }: QuotaViewer): string =>
  viewerClass === 'customer' ? customersKey : `agent:${key}`;

/** What one viewer has used in the window. */
interface ViewerUsage {
  calls: number;
  writes: number;
  /** Without those of the write reserve: what makes an agent a newcomer no longer. */
  unreserved: number;
}

/** Counts the permits in the window by pool and viewer. */
export class QuotaUsage {
  total = 0;
  customers = 0;
  readonly byPool: Record<Pool, number> = { write: 0, newcomer: 0, general: 0 };
  /** Permits of the write reserve and general ones without background work, by participant. */
  readonly #shared = { write: new Map<string, number>(), general: new Map<string, number>() };
  readonly #viewers = new Map<string, ViewerUsage>();

  add(charge: Charge): void {
    this.#change(charge, 1);
  }

  remove(charge: Charge): void {
    this.#change(charge, -1);
  }

  of(viewer: QuotaViewer): Readonly<ViewerUsage> {
    return this.#viewers.get(viewer.key) ?? { calls: 0, writes: 0, unreserved: 0 };
  }

  sharedOf(pool: SharedPool, participant: string): number {
    return this.#shared[pool].get(participant) ?? 0;
  }

  #change({ viewer, priority, pool }: Charge, by: 1 | -1): void {
    this.total += by;
    this.byPool[pool] += by;
    if (viewer.class === 'customer') this.customers += by;
    if (priority !== 'background' && pool !== 'newcomer') {
      const participant = participantOf(viewer);
      const count = this.sharedOf(pool, participant) + by;
      if (count === 0) this.#shared[pool].delete(participant);
      else this.#shared[pool].set(participant, count);
    }
    const usage = this.#viewers.get(viewer.key) ?? { calls: 0, writes: 0, unreserved: 0 };
    usage.calls += by;
    if (priority === 'write') usage.writes += by;
    if (pool !== 'write') usage.unreserved += by;
    if (usage.calls === 0) this.#viewers.delete(viewer.key);
    else this.#viewers.set(viewer.key, usage);
  }
}

/** Calls per minute that participants request, admitted or not: mutations of agents, and other calls without background work. */
export type Demand = Readonly<Record<SharedPool, ReadonlyMap<string, number>>>;

export function mergeDemands(demands: readonly Demand[]): Demand {
  const merged = { write: new Map<string, number>(), general: new Map<string, number>() };
  for (const demand of demands) {
    for (const pool of ['write', 'general'] as const) {
      for (const [participant, rate] of demand[pool])
        merged[pool].set(participant, (merged[pool].get(participant) ?? 0) + rate);
    }
  }
  return merged;
}

const sumOf = (demands: ReadonlyMap<string, number>): number =>
  [...demands.values()].reduce((sum, demand) => sum + demand, 0);

/**
 * Max-min fairness: participants with a small demand keep it, the others share the rest equally. The customers together have the
 * demand of one participant, which their cap limits.
 */
export function fairShares(
  demands: ReadonlyMap<string, number>,
  capacity: number,
): Map<string, number> {
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

/** Decides which calls may leave: the division of an account's limit between writes, newcomers, agents, customers and background work. */
export class QuotaPolicy {
  readonly #limit: number;
  readonly #settings: QuotaSettings | undefined;
  readonly #writeReserve: number;
  readonly #newcomerReserve: number;
  readonly #customersCap: number;
  readonly #general: number;
  readonly #shares: Demand;

  /** Without settings, and without a limit, the limit is not divided. */
  constructor(limit: number, settings: QuotaSettings | undefined, demand: Demand) {
    this.#limit = limit;
    this.#settings = limit === Infinity ? undefined : settings;
    if (this.#settings === undefined || settings === undefined) {
      this.#writeReserve = 0;
      this.#newcomerReserve = 0;
      this.#customersCap = limit;
      this.#general = limit;
      this.#shares = { write: new Map(), general: new Map() };
      return;
    }
    this.#writeReserve = Math.max(
      percentOf(limit, settings.writeReservePercent),
      Math.min(percentOf(limit, maxWriteReservePercent), sumOf(demand.write)),
    );
    this.#newcomerReserve = percentOf(limit, settings.newcomerReservePercent);
    this.#customersCap = percentOf(limit, settings.customersSharePercent);
    this.#general = Math.max(0, limit - this.#writeReserve - this.#newcomerReserve);
    const demands = new Map(demand.general);
    const ofCustomers = demands.get(customersKey);
    if (ofCustomers !== undefined)
      demands.set(customersKey, Math.min(ofCustomers, this.#customersCap));
    this.#shares = {
      write: fairShares(demand.write, this.#writeReserve),
      general: fairShares(demands, this.#general),
    };
  }

  /** The pool that a call may be charged to now, or the limit that it has reached. */
  admit(viewer: QuotaViewer, priority: CallPriority, usage: QuotaUsage): Pool | RefusalReason {
    const isCustomer = viewer.class === 'customer';
    if (isCustomer && this.#settings !== undefined) {
      const { calls, writes } = usage.of(viewer);
      const { customerCallsPerMinute, customerWritesPerMinute } = this.#settings;
      if (calls >= customerCallsPerMinute) return 'VIEWER_LIMIT';
      if (priority === 'write' && writes >= customerWritesPerMinute) return 'VIEWER_LIMIT';
      if (usage.customers >= this.#customersCap) return 'CUSTOMER_LIMIT';
    }
    if (usage.total >= this.#limit) return 'ACCOUNT_LIMIT';
    if (!isCustomer && priority === 'write') {
      const available = this.#writeReserve - usage.byPool.write;
      if (this.#mayTake('write', available, { viewer, usage })) return 'write';
    }
    const refusal = this.#refusalOfGeneral(viewer, priority, usage);
    if (refusal === undefined) return 'general';
    if (isCustomer || priority === 'background') return refusal;
    const isNewcomer = usage.of(viewer).unreserved < this.#newcomerReserve;
    return isNewcomer && usage.byPool.newcomer < this.#newcomerReserve ? 'newcomer' : refusal;
  }

  /** What the viewer could still use now. */
  remaining(viewer: QuotaViewer, usage: QuotaUsage): number {
    const left = this.#limit - usage.total;
    const participant = participantOf(viewer);
    const freeOf = (pool: SharedPool, size: number) =>
      size - usage.byPool[pool] - this.#unusedShares(pool, participant, usage);
    const general = freeOf('general', this.#general);
    const { calls, unreserved } = usage.of(viewer);
    if (this.#settings === undefined) return Math.max(0, left);
    if (viewer.class === 'customer') {
      const own = this.#settings.customerCallsPerMinute - calls;
      return Math.max(0, Math.min(own, this.#customersCap - usage.customers, general, left));
    }
    const writes = freeOf('write', this.#writeReserve);
    const newcomer = Math.min(
      this.#newcomerReserve - usage.byPool.newcomer,
      this.#newcomerReserve - unreserved,
    );
    const parts = [general, writes, newcomer].map((part) => Math.max(0, part));
    return Math.max(
      0,
      Math.min(
        left,
        parts.reduce((sum, part) => sum + part, 0),
      ),
    );
  }

  #refusalOfGeneral(
    viewer: QuotaViewer,
    priority: CallPriority,
    usage: QuotaUsage,
  ): RefusalReason | undefined {
    // The window may still hold permits of a time in which a reserve was smaller.
    const unusedReserves =
      Math.max(0, this.#writeReserve - usage.byPool.write) +
      Math.max(0, this.#newcomerReserve - usage.byPool.newcomer);
    const available = Math.min(
      this.#general - usage.byPool.general,
      this.#limit - usage.total - unusedReserves,
    );
    if (available < 1) return 'ACCOUNT_LIMIT';
    const borrower = priority === 'background' ? undefined : viewer;
    if (this.#mayTake('general', available, { viewer: borrower, usage })) return undefined;
    return viewer.class === 'customer' ? 'CUSTOMER_LIMIT' : 'VIEWER_LIMIT';
  }

  /** Whether a viewer may take a permit: within its own share, or one that no other share needs. Background work has no share. */
  #mayTake(
    pool: SharedPool,
    available: number,
    { viewer, usage }: { readonly viewer: QuotaViewer | undefined; readonly usage: QuotaUsage },
  ): boolean {
    if (available < 1) return false;
    const participant = viewer && participantOf(viewer);
    if (participant !== undefined) {
      const share = this.#shares[pool].get(participant) ?? 0;
      if (usage.sharedOf(pool, participant) < share) return true;
    }
    return available > this.#unusedShares(pool, participant, usage);
  }

  /** Permits that other participants are entitled to and have not used. */
  #unusedShares(pool: SharedPool, except: string | undefined, usage: QuotaUsage): number {
    let unused = 0;
    for (const [participant, share] of this.#shares[pool]) {
      if (participant !== except) unused += Math.max(0, share - usage.sharedOf(pool, participant));
    }
    return unused;
  }
}

const shortWindowMs = 10_000;
/** Longer than the limiter's window: a viewer that calls regularly keeps its share when its oldest permit leaves the window. */
const longWindowMs = 75_000;
const bucketMs = 1_000;
/** A permit returns a moment after a minute, so a viewer at a constant rate holds slightly more permits than calls per minute. */
const headroom = 1.1;
const maxParticipants = 10_000;

/** Requests for permits of the recent past, in buckets of a second. */
class RequestRate {
  readonly #buckets: { readonly at: number; count: number }[] = [];

  record(now: number): void {
    const at = Math.floor(now / bucketMs) * bucketMs;
    const last = this.#buckets.at(-1);
    if (last?.at === at) last.count += 1;
    else this.#buckets.push({ at, count: 1 });
  }

  /** The higher of the rates of the last 10 s and the last 75 s, extrapolated from at least 10 s. */
  perMinute(now: number): number {
    while ((this.#buckets[0]?.at ?? Infinity) <= now - longWindowMs) this.#buckets.shift();
    let inShort = 0;
    let inLong = 0;
    for (const { at, count } of this.#buckets) {
      inLong += count;
      if (at > now - shortWindowMs) inShort += count;
    }
    if (inLong === 0) return 0;
    const shortRate = (inShort * 60_000) / shortWindowMs;
    const elapsedMs = Math.max(shortWindowMs, now - (this.#buckets[0]?.at ?? now));
    const longRate = (inLong * 60_000 * headroom) / elapsedMs;
    return Math.ceil(Math.max(shortRate, longRate));
  }
}

/** Records who requests permits, so that a viewer keeps a share that others borrow while it pauses. */
export class DemandTracker {
  readonly #rates = {
    write: new Map<string, RequestRate>(),
    general: new Map<string, RequestRate>(),
  };

  record(viewer: QuotaViewer, priority: CallPriority, now: number): void {
    if (priority === 'background') return;
    const isReserved = priority === 'write' && viewer.class === 'agent';
    const rates = this.#rates[isReserved ? 'write' : 'general'];
    const participant = participantOf(viewer);
    const rate = rates.get(participant) ?? new RequestRate();
    rates.delete(participant);
    rates.set(participant, rate);
    rate.record(now);
    if (rates.size <= maxParticipants) return;
    const [oldest = ''] = rates.keys();
    rates.delete(oldest);
  }

  demand(now: number): Demand {
    return { write: this.#demandOf('write', now), general: this.#demandOf('general', now) };
  }

  #demandOf(pool: SharedPool, now: number): Map<string, number> {
    const demands = new Map<string, number>();
    for (const [participant, rate] of this.#rates[pool]) {
      const perMinute = rate.perMinute(now);
      if (perMinute === 0) this.#rates[pool].delete(participant);
      else demands.set(participant, perMinute);
    }
    return demands;
  }
}
