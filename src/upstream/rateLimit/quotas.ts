import type { Demand, DemandsByParticipant, Share, SharedPool } from './demand.ts';
import { customersKey, participantOf, sharedPoolOf, sharesOf } from './demand.ts';
import type { CallPriority, QuotaSettings, QuotaViewer, ReachedLimit } from './limiter.ts';

/** The part of the limit that a permit is charged to. */
export type Pool = 'write' | 'newcomer' | 'general';

export const isPool = (decision: Pool | ReachedLimit): decision is Pool =>
  decision === 'write' || decision === 'newcomer' || decision === 'general';

/** The viewer and the pool to which a permit in the window is charged. */
export interface Charge {
  readonly viewer: QuotaViewer;
  readonly priority: CallPriority;
  readonly pool: Pool;
}

const maxWriteReservePercent = 50;
/** A limit of one call is not divided, because half of it is less than one call. */
const minDividedLimit = 2;

const expectedSum = (demands: DemandsByParticipant): number => {
  let sum = 0;
  for (const { expectedPerMinute } of demands.values()) sum += expectedPerMinute;
  return sum;
};

const percentOf = (limit: number, percent: number): number => Math.floor((limit * percent) / 100);

/** The permits of one viewer in the window. */
interface ViewerUsage {
  calls: number;
  writes: number;
  /** Calls that are not charged to the write reserve. An agent with few of them is a newcomer. */
  unreserved: number;
}

/** The permits in the window that count towards a participant's share of one pool. */
interface SharedUse {
  /** Charged to this pool. */
  inPool: number;
  /** Charged to any pool. */
  total: number;
  /** Mutations of an agent that are charged to the general pool. */
  overflow: number;
}

/** Counts the permits in the window by pool and viewer. */
export class QuotaUsage {
  total = 0;
  /** By customers. */
  customers = 0;
  /** By the gateway itself. */
  refreshes = 0;
  readonly byPool: Record<Pool, number> = { write: 0, newcomer: 0, general: 0 };
  /** By pool and participant. Background reads have no share. */
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
    if (viewer.class === 'gateway') this.refreshes += by;
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

/** The free permits of a pool. */
interface Available {
  readonly permits: number;
  /** For the part of its share that a participant keeps. A growing reserve does not reduce them. */
  readonly forKept: number;
}

interface ShareRequest {
  /** The viewer whose share applies. Undefined: the call can only use permits that are lent. */
  readonly owner: QuotaViewer | undefined;
  readonly usage: QuotaUsage;
  /** Queued calls of other instances, which start first. */
  readonly forPeers?: number;
}

/** Divides the limit of an account between writes, newcomers, agents, customers and background reads, and decides whether a call may start. */
export class QuotaPolicy {
  readonly #limit: number;
  readonly #settings: QuotaSettings | undefined;
  readonly #writeReserve: number;
  /** The write reserve without recent writes. */
  readonly #minWriteReserve: number;
  readonly #newcomerReserve: number;
  readonly #customersCap: number;
  readonly #general: number;
  readonly #shares: Readonly<Record<SharedPool, ReadonlyMap<string, Share>>>;
  /** Agents that request at least an equal share of the write reserve. Their further mutations use their general share. */
  readonly #heavyWriters = new Set<string>();

  /** The limit is not divided if there are no settings, if it is infinite, or if it is one call. */
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
    const customersDemand = demands.get(customersKey);
    if (customersDemand !== undefined) {
      const expectedPerMinute = Math.min(customersDemand.expectedPerMinute, this.#customersCap);
      demands.set(customersKey, { ...customersDemand, expectedPerMinute });
    }
    this.#shares = {
      write: sharesOf(demand.write, this.#writeReserve),
      general: sharesOf(demands, this.#general),
    };
    const equalShare = Math.floor(this.#writeReserve / this.#shares.write.size);
    for (const [participant, { full }] of this.#shares.write)
      if (full >= equalShare) this.#heavyWriters.add(participant);
  }

  /**
   * The pool to which a call can be charged now, or the limit that it has reached. A lent permit is granted only if `forPeers` more are
   * free for queued calls of other instances.
   */
  admit(
    { viewer, priority }: Pick<Charge, 'viewer' | 'priority'>,
    usage: QuotaUsage,
    forPeers = 0,
  ): Pool | ReachedLimit {
    const isCustomer = viewer.class === 'customer';
    const reached = isCustomer ? this.#reachedCap(viewer, priority, usage) : undefined;
    if (reached !== undefined) return reached;
    if (usage.total >= this.#limit) return 'ACCOUNT_LIMIT';
    if (viewer.class === 'gateway' && !this.#mayRefresh(usage)) return 'ACCOUNT_LIMIT';
    if (!isCustomer && priority === 'write' && this.#freeWrites(viewer, usage) > 0) return 'write';
    const owner = this.#generalShareOwner(viewer, priority);
    const available = this.#availableGeneral(viewer, usage);
    if (this.#freeOf('general', available, { owner, usage, forPeers }) > 0) return 'general';
    if (priority !== 'background' && this.freeNewcomerPermits(viewer, usage, 0) > 0)
      return 'newcomer';
    if (available.permits <= forPeers) return 'ACCOUNT_LIMIT';
    return isCustomer ? 'CUSTOMER_LIMIT' : 'VIEWER_LIMIT';
  }

  /** The number of calls that the viewer can start now, those included that only mutations can use. */
  remaining(viewer: QuotaViewer, usage: QuotaUsage): number {
    const left = this.#limit - usage.total;
    const available = this.#availableGeneral(viewer, usage);
    const general = this.#freeOf('general', available, { owner: viewer, usage });
    if (viewer.class === 'customer')
      return Math.max(0, Math.min(left, general, this.#freeOfCustomer(viewer, usage)));
    const forWrites = this.#freeOf('general', available, {
      owner: this.#generalShareOwner(viewer, 'write'),
      usage,
    });
    const free =
      general +
      this.freeNewcomerPermits(viewer, usage, forWrites) +
      this.#freeWrites(viewer, usage);
    return Math.max(0, Math.min(left, free));
  }

  /** The gateway itself uses at most half of the calls that no viewer uses, and leaves a fifth of the limit. */
  #mayRefresh({ total, refreshes }: QuotaUsage): boolean {
    const idle = this.#limit - (total - refreshes);
    return 2 * (refreshes + 1) <= idle && this.#limit - total - 1 >= this.#limit / 5;
  }

  #reachedCap(
    viewer: QuotaViewer,
    priority: CallPriority,
    usage: QuotaUsage,
  ): ReachedLimit | undefined {
    if (this.#settings === undefined) return undefined;
    const { calls, writes } = usage.of(viewer);
    const { customerCallsPerMinute, customerWritesPerMinute } = this.#settings;
    if (calls >= customerCallsPerMinute) return 'VIEWER_LIMIT';
    if (priority === 'write' && writes >= customerWritesPerMinute) return 'VIEWER_LIMIT';
    return usage.customers >= this.#customersCap ? 'CUSTOMER_LIMIT' : undefined;
  }

  #freeOfCustomer(viewer: QuotaViewer, usage: QuotaUsage): number {
    const maxCalls = this.#settings?.customerCallsPerMinute ?? Infinity;
    return Math.min(maxCalls - usage.of(viewer).calls, this.#customersCap - usage.customers);
  }

  /** The viewer whose general share a call uses. Undefined: it can only use permits that are lent. */
  #generalShareOwner(viewer: QuotaViewer, priority: CallPriority): QuotaViewer | undefined {
    if (priority === 'background') return undefined;
    const usesWriteShare = priority === 'write' && viewer.class !== 'customer';
    return usesWriteShare && !this.#heavyWriters.has(participantOf(viewer)) ? undefined : viewer;
  }

  #freeWrites(viewer: QuotaViewer, usage: QuotaUsage): number {
    return this.#freeOf('write', this.#availableWrites(viewer, usage), { owner: viewer, usage });
  }

  /** The permits of the newcomer reserve that are free for a viewer after `plannedCalls` further calls of the general pool. */
  freeNewcomerPermits(viewer: QuotaViewer, usage: QuotaUsage, plannedCalls: number): number {
    if (viewer.class === 'customer') return 0;
    const used = Math.max(usage.byPool.newcomer, usage.of(viewer).unreserved + plannedCalls);
    return Math.max(0, this.#newcomerReserve - used);
  }

  #availableWrites(viewer: QuotaViewer, usage: QuotaUsage): Available {
    const left = this.#limit - usage.total;
    const keptByOthers = this.#unusedShares('general', usage, participantOf(viewer)).kept;
    return {
      permits: Math.max(
        Math.min(left, this.#minWriteReserve - usage.byPool.write),
        // The grown reserve uses permits that no other viewer keeps. The newcomer reserve does not limit it.
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
      // The window can contain permits that were granted while a reserve was smaller.
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
    const used = this.#heavyWriters.has(participant) ? inPool + overflow : inPool;
    const full = Math.max(0, share.full - used);
    return { full, kept: Math.max(0, Math.min(full, share.kept - total)) };
  }

  /** The unused parts of the shares of all participants except one. */
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
   * The number of permits that a call may use, the largest of: those that no other share needs; the unused part of the owner's share, without
   * permits that others keep; the unused part that the owner keeps. Without an owner only the first applies.
   */
  #freeOf(
    pool: SharedPool,
    { permits, forKept }: Available,
    { owner, usage, forPeers = 0 }: ShareRequest,
  ): number {
    const participant = owner && participantOf(owner);
    const others = this.#unusedShares(pool, usage, participant);
    const lent = permits - others.full - forPeers;
    if (participant === undefined) return Math.max(0, lent);
    const share = this.#shares[pool].get(participant) ?? noShare;
    const own = this.#unusedOf(participant, share, usage.sharedOf(pool, participant));
    const shared = Math.min(own.full, permits - others.kept);
    return Math.max(0, lent, shared, Math.min(own.kept, forKept));
  }
}
