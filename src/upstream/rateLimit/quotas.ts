import type { Demand, Demands, Share, SharedPool } from './demand.ts';
import { customersKey, participantOf, sharedPoolOf, sharesOf } from './demand.ts';
import type { CallPriority, QuotaSettings, QuotaViewer, RefusalReason } from './limiter.ts';

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

const maxWriteReservePercent = 50;
/** With fewer calls a reserve of half of the limit would be empty. */
const minDividedLimit = 2;

const expectedSum = (demands: Demands): number => {
  let sum = 0;
  for (const { expected } of demands.values()) sum += expected;
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

/** A participant's permits of one kind in the window. */
interface SharedUse {
  /** Charged to the pool in which the participant has a share. */
  inPool: number;
  /** Charged to any pool. */
  total: number;
  /** Of the general pool, for mutations of an agent. */
  overflow: number;
}

/** Counts the permits in the window by pool and viewer. */
export class QuotaUsage {
  total = 0;
  customers = 0;
  readonly byPool: Record<Pool, number> = { write: 0, newcomer: 0, general: 0 };
  /** Permits of the write reserve and general ones without background work, by participant. */
  readonly #shared = {
    write: new Map<string, SharedUse>(),
    general: new Map<string, SharedUse>(),
  };
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

  sharedOf(pool: SharedPool, participant: string): SharedUse {
    return this.#shared[pool].get(participant) ?? { inPool: 0, total: 0, overflow: 0 };
  }

  #changeShared(pool: SharedPool, participant: string, by: Partial<SharedUse>): void {
    const use = this.sharedOf(pool, participant);
    use.total += by.total ?? 0;
    use.inPool += by.inPool ?? 0;
    use.overflow += by.overflow ?? 0;
    if (use.total + use.overflow === 0) this.#shared[pool].delete(participant);
    else this.#shared[pool].set(participant, use);
  }

  #change(charge: Charge, by: 1 | -1): void {
    const { viewer, priority, pool } = charge;
    this.total += by;
    this.byPool[pool] += by;
    if (viewer.class === 'customer') this.customers += by;
    const kind = sharedPoolOf(viewer, priority);
    if (kind !== undefined) {
      const participant = participantOf(viewer);
      this.#changeShared(kind, participant, { total: by, inPool: pool === kind ? by : 0 });
      if (kind === 'write' && pool === 'general')
        this.#changeShared('general', participant, { overflow: by });
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

const noShare: Share = { full: 0, kept: 0 };

/** Permits of a pool that are left. */
interface Available {
  readonly permits: number;
  /** For what a viewer keeps, also while a reserve grows. */
  readonly forKept: number;
}

interface Taker {
  readonly viewer: QuotaViewer | undefined;
  readonly usage: QuotaUsage;
  readonly forPeers?: number;
}

/** Decides which calls may leave: the division of an account's limit between writes, newcomers, agents, customers and background work. */
export class QuotaPolicy {
  readonly #limit: number;
  readonly #settings: QuotaSettings | undefined;
  readonly #writeReserve: number;
  /** Without recent writes. */
  readonly #minWriteReserve: number;
  readonly #newcomerReserve: number;
  readonly #customersCap: number;
  readonly #general: number;
  readonly #shares: Readonly<Record<SharedPool, ReadonlyMap<string, Share>>>;
  /** Agents that use up the write reserve: their further mutations use their general share. */
  readonly #overflows = new Set<string>();

  /** Without settings, without a limit and with a limit of one call, the limit is not divided. */
  constructor(limit: number, settings: QuotaSettings | undefined, demand: Demand) {
    this.#limit = limit;
    const isDivided = limit >= minDividedLimit && limit < Infinity;
    this.#settings = isDivided ? settings : undefined;
    if (this.#settings === undefined || settings === undefined) {
      this.#writeReserve = 0;
      this.#minWriteReserve = 0;
      this.#newcomerReserve = 0;
      this.#customersCap = limit;
      this.#general = limit;
      this.#shares = { write: new Map(), general: new Map() };
      return;
    }
    this.#minWriteReserve = percentOf(limit, settings.writeReservePercent);
    this.#writeReserve = Math.max(
      this.#minWriteReserve,
      Math.min(percentOf(limit, maxWriteReservePercent), expectedSum(demand.write)),
    );
    this.#newcomerReserve = percentOf(limit, settings.newcomerReservePercent);
    this.#customersCap = percentOf(limit, settings.customersSharePercent);
    this.#general = Math.max(0, limit - this.#writeReserve - this.#newcomerReserve);
    const demands = new Map(demand.general);
    const ofCustomers = demands.get(customersKey);
    if (ofCustomers !== undefined) {
      const expected = Math.min(ofCustomers.expected, this.#customersCap);
      demands.set(customersKey, { ...ofCustomers, expected });
    }
    this.#shares = {
      write: sharesOf(demand.write, this.#writeReserve),
      general: sharesOf(demands, this.#general),
    };
    const equalShare = Math.floor(this.#writeReserve / this.#shares.write.size);
    for (const [participant, { full }] of this.#shares.write)
      if (full >= equalShare) this.#overflows.add(participant);
  }

  /**
   * The pool that a call may be charged to now, or the limit that it has reached. Calls of other instances go before one that borrows a
   * permit.
   */
  admit(
    { viewer, priority }: Pick<Charge, 'viewer' | 'priority'>,
    usage: QuotaUsage,
    forPeers = 0,
  ): Pool | RefusalReason {
    const isCustomer = viewer.class === 'customer';
    const reached = isCustomer ? this.#reachedCap(viewer, priority, usage) : undefined;
    if (reached !== undefined) return reached;
    if (usage.total >= this.#limit) return 'ACCOUNT_LIMIT';
    if (!isCustomer && priority === 'write' && this.#freeWrites(viewer, usage) > 0) return 'write';
    const borrower = priority === 'background' ? undefined : viewer;
    const owner = priority === 'write' ? this.#writeOwner(viewer) : borrower;
    const available = this.#availableGeneral(viewer, usage);
    const taker = { viewer: owner, usage, forPeers };
    if (this.#freeOf('general', available, taker) > 0) return 'general';
    if (borrower !== undefined && this.freeAsNewcomer(viewer, usage, 0) > 0) return 'newcomer';
    if (available.permits <= forPeers) return 'ACCOUNT_LIMIT';
    return isCustomer ? 'CUSTOMER_LIMIT' : 'VIEWER_LIMIT';
  }

  /** How many calls the viewer could start now: as many of them mutations as it may make. */
  remaining(viewer: QuotaViewer, usage: QuotaUsage): number {
    const left = this.#limit - usage.total;
    const available = this.#availableGeneral(viewer, usage);
    const general = this.#freeOf('general', available, { viewer, usage });
    if (viewer.class === 'customer')
      return Math.max(0, Math.min(left, general, this.#freeOfCustomer(viewer, usage)));
    const forWrites = this.#freeOf('general', available, {
      viewer: this.#writeOwner(viewer),
      usage,
    });
    const free =
      general + this.freeAsNewcomer(viewer, usage, forWrites) + this.#freeWrites(viewer, usage);
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

  /** Whose general share mutations use; undefined: they can only borrow. */
  #writeOwner(viewer: QuotaViewer): QuotaViewer | undefined {
    const isOwner = viewer.class === 'customer' || this.#overflows.has(participantOf(viewer));
    return isOwner ? viewer : undefined;
  }

  #freeWrites(viewer: QuotaViewer, usage: QuotaUsage): number {
    return this.#freeOf('write', this.#availableWrites(viewer, usage), { viewer, usage });
  }

  /** Permits of the newcomer reserve for a viewer that will have used this many general ones more. */
  freeAsNewcomer(viewer: QuotaViewer, usage: QuotaUsage, general: number): number {
    if (viewer.class === 'customer') return 0;
    const used = Math.max(usage.byPool.newcomer, usage.of(viewer).unreserved + general);
    return Math.max(0, this.#newcomerReserve - used);
  }

  #availableWrites(viewer: QuotaViewer, usage: QuotaUsage): Available {
    const left = this.#limit - usage.total;
    const keptByOthers = this.#unusedShares('general', usage, participantOf(viewer)).kept;
    return {
      permits: Math.max(
        Math.min(left, this.#minWriteReserve - usage.byPool.write),
        // It grows into what no viewer keeps, before the newcomer reserve.
        Math.min(left - keptByOthers, this.#writeReserve - usage.byPool.write),
      ),
      forKept: left - this.#unusedNewcomers(usage),
    };
  }

  #availableGeneral(viewer: QuotaViewer, usage: QuotaUsage): Available {
    const left = this.#limit - usage.total - this.#unusedNewcomers(usage);
    const unusedWrites = (reserve: number) => Math.max(0, reserve - usage.byPool.write);
    const keptByOthers = this.#unusedShares('write', usage, participantOf(viewer)).kept;
    return {
      // The window may still hold permits of a time in which a reserve was smaller.
      permits: Math.min(
        this.#general - usage.byPool.general,
        left - unusedWrites(this.#writeReserve),
      ),
      forKept: left - Math.max(keptByOthers, unusedWrites(this.#minWriteReserve)),
    };
  }

  #unusedNewcomers(usage: QuotaUsage): number {
    return Math.max(0, this.#newcomerReserve - usage.byPool.newcomer);
  }

  #unusedOf(participant: string, share: Share, { inPool, total, overflow }: SharedUse): Share {
    const used = this.#overflows.has(participant) ? inPool + overflow : inPool;
    const full = Math.max(0, share.full - used);
    return { full, kept: Math.max(0, Math.min(full, share.kept - total)) };
  }

  /** What is left of the shares of all participants except one. */
  #unusedShares(pool: SharedPool, usage: QuotaUsage, except: string | undefined): Share {
    const sum = { full: 0, kept: 0 };
    for (const [participant, share] of this.#shares[pool]) {
      if (participant === except) continue;
      const { full, kept } = this.#unusedOf(participant, share, usage.sharedOf(pool, participant));
      sum.full += full;
      sum.kept += kept;
    }
    return sum;
  }

  /**
   * How many permits a viewer may take: those that no other share needs; those of its own share that no other viewer keeps; those that it keeps.
   * Background work has no share.
   */
  #freeOf(
    pool: SharedPool,
    { permits, forKept }: Available,
    { viewer, usage, forPeers = 0 }: Taker,
  ): number {
    const participant = viewer && participantOf(viewer);
    const others = this.#unusedShares(pool, usage, participant);
    const lent = permits - others.full - forPeers;
    if (participant === undefined) return Math.max(0, lent);
    const share = this.#shares[pool].get(participant) ?? noShare;
    const own = this.#unusedOf(participant, share, usage.sharedOf(pool, participant));
    const shared = Math.min(own.full, permits - others.kept);
    return Math.max(0, lent, shared, Math.min(own.kept, forKept));
  }
}
