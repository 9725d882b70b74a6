import type { Demand, SharedPool } from './demand.ts';
import { customersKey, fairShares, participantOf } from './demand.ts';
import type { CallPriority, QuotaViewer, RefusalReason } from './limiter.ts';

/** The part of the limit that a permit is charged to. */
export type Pool = 'write' | 'newcomer' | 'general';

export const isPool = (decision: Pool | RefusalReason): decision is Pool =>
  decision === 'write' || decision === 'newcomer' || decision === 'general';

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

const sumOf = (values: Iterable<number>): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
};

const percentOf = (limit: number, percent: number): number => Math.floor((limit * percent) / 100);

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

  constructor(charges: readonly Charge[]) {
    for (const charge of charges) this.add(charge);
  }

  add(charge: Charge): void {
    this.#change(charge, 1);
  }

  remove(charge: Charge): void {
    this.#change(charge, -1);
  }

  of({ class: viewerClass, key }: QuotaViewer): ViewerUsage {
    return this.#viewers.get(`${viewerClass} ${key}`) ?? { calls: 0, writes: 0, unreserved: 0 };
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
    const usage = this.of(viewer);
    usage.calls += by;
    if (priority === 'write') usage.writes += by;
    if (pool !== 'write') usage.unreserved += by;
    const name = `${viewer.class} ${viewer.key}`;
    if (usage.calls === 0) this.#viewers.delete(name);
    else this.#viewers.set(name, usage);
  }
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
      Math.min(percentOf(limit, maxWriteReservePercent), sumOf(demand.write.values())),
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
    const reached = isCustomer ? this.#reachedCap(viewer, priority, usage) : undefined;
    if (reached !== undefined) return reached;
    if (usage.total >= this.#limit) return 'ACCOUNT_LIMIT';
    if (!isCustomer && priority === 'write' && this.#freeWrites(viewer, usage) > 0) return 'write';
    const borrower = priority === 'background' ? undefined : viewer;
    const available = this.#availableGeneral(usage);
    if (this.#freeOf('general', available, { viewer: borrower, usage }) > 0) return 'general';
    if (borrower !== undefined && this.#freeAsNewcomer(viewer, usage, 0) > 0) return 'newcomer';
    if (available < 1) return 'ACCOUNT_LIMIT';
    return isCustomer ? 'CUSTOMER_LIMIT' : 'VIEWER_LIMIT';
  }

  /** How many calls the viewer could start now: as many of them mutations as it may make. */
  remaining(viewer: QuotaViewer, usage: QuotaUsage): number {
    const left = this.#limit - usage.total;
    const general = this.#freeOf('general', this.#availableGeneral(usage), { viewer, usage });
    const free =
      viewer.class === 'customer'
        ? Math.min(general, this.#freeOfCustomer(viewer, usage))
        : general + this.#freeAsNewcomer(viewer, usage, general) + this.#freeWrites(viewer, usage);
    return Math.max(0, Math.min(left, free));
  }

  #reachedCap(
    viewer: QuotaViewer,
    priority: CallPriority,
    usage: QuotaUsage,
  ): RefusalReason | undefined {
    if (this.#settings === undefined) return undefined;
    const { calls, writes } = usage.of(viewer);
    const { customerCallsPerMinute, customerWritesPerMinute } = this.#settings;
    if (calls >= customerCallsPerMinute) return 'VIEWER_LIMIT';
    if (priority === 'write' && writes >= customerWritesPerMinute) return 'VIEWER_LIMIT';
    return usage.customers >= this.#customersCap ? 'CUSTOMER_LIMIT' : undefined;
  }

  #freeOfCustomer(viewer: QuotaViewer, usage: QuotaUsage): number {
    const own = this.#settings?.customerCallsPerMinute ?? Infinity;
    return Math.min(own - usage.of(viewer).calls, this.#customersCap - usage.customers);
  }

  #freeWrites(viewer: QuotaViewer, usage: QuotaUsage): number {
    return this.#freeOf('write', this.#writeReserve - usage.byPool.write, { viewer, usage });
  }

  /** Permits of the newcomer reserve for a viewer that will have used this many general ones more. */
  #freeAsNewcomer(viewer: QuotaViewer, usage: QuotaUsage, general: number): number {
    if (viewer.class === 'customer') return 0;
    const used = Math.max(usage.byPool.newcomer, usage.of(viewer).unreserved + general);
    return Math.max(0, this.#newcomerReserve - used);
  }

  #availableGeneral(usage: QuotaUsage): number {
    // The window may still hold permits of a time in which a reserve was smaller.
    const unusedReserves =
      Math.max(0, this.#writeReserve - usage.byPool.write) +
      Math.max(0, this.#newcomerReserve - usage.byPool.newcomer);
    return Math.min(
      this.#general - usage.byPool.general,
      this.#limit - usage.total - unusedReserves,
    );
  }

  /** How many permits a viewer may take: those of its own share, or those that no other share needs. Background work has no share. */
  #freeOf(
    pool: SharedPool,
    available: number,
    { viewer, usage }: { readonly viewer: QuotaViewer | undefined; readonly usage: QuotaUsage },
  ): number {
    if (available < 1) return 0;
    const participant = viewer && participantOf(viewer);
    let own = 0;
    let ofOthers = 0;
    for (const [owner, share] of this.#shares[pool]) {
      const unused = Math.max(0, share - usage.sharedOf(pool, owner));
      if (owner === participant) own = unused;
      else ofOthers += unused;
    }
    return Math.max(0, available - ofOthers, Math.min(own, available));
  }
}
