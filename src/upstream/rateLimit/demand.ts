import type { CallPriority, QuotaViewer } from './limiter.ts';

/** All customers share one entry: their total is one participant among the agents. */
export const customersKey = 'customers';

export const participantOf = ({ key, class: viewerClass }: QuotaViewer): string =>
  viewerClass === 'customer' ? customersKey : `agent:${key}`;

/** Pools that are divided among participants: mutations of agents, and other calls without background work. */
export type SharedPool = 'write' | 'general';

/** Calls per minute that participants request, admitted or not. */
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

const shortWindowMs = 10_000;
/** Longer than the limiter's window: a viewer that calls regularly keeps its share when its oldest permit leaves the window. */
const longWindowMs = 75_000;
const bucketMs = 1_000;
/** A permit returns a moment after a minute, so a viewer at a constant rate holds slightly more permits than calls per minute. */
const headroom = 1.1;
const maxParticipants = 10_000;

/** An estimate varies between two calls of a viewer. Others borrow what its highest recent one leaves. */
const peakMs = 15_000;

interface RateBucket {
  readonly at: number;
  count: number;
  /** The highest estimate at a request. */
  peak: number;
}

/** Requests for permits of the recent past, in buckets of a second. */
class RequestRate {
  readonly #buckets: RateBucket[] = [];

  record(now: number): void {
    const at = Math.floor(now / bucketMs) * bucketMs;
    let last = this.#buckets.at(-1);
    if (last?.at !== at) {
      last = { at, count: 0, peak: 0 };
      this.#buckets.push(last);
    }
    last.count += 1;
    last.peak = Math.max(last.peak, this.#estimate(now));
  }

  perMinute(now: number): number {
    return this.#buckets
      .filter(({ at }) => at > now - peakMs)
      .reduce((highest, { peak }) => Math.max(highest, peak), this.#estimate(now));
  }

  /** The higher of the rates of the last 10 s and the last 75 s, extrapolated from at least 10 s. */
  #estimate(now: number): number {
    while ((this.#buckets[0]?.at ?? Infinity) <= now - longWindowMs) this.#buckets.shift();
    let inShort = 0;
    let inLong = 0;
    for (const { at, count } of this.#buckets) {
      inLong += count;
      if (at > now - shortWindowMs) inShort += count;
    }
    if (inLong === 0) return 0;
    // Regular calls are at most one more than their rate.
    const shortRate = ((inShort - 1) * 60_000) / shortWindowMs;
    // The calls of a constant rate have one interval less than calls.
    const spanMs = ((now - (this.#buckets[0]?.at ?? now)) * inLong) / Math.max(1, inLong - 1);
    const elapsedMs = Math.max(shortWindowMs, spanMs);
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
