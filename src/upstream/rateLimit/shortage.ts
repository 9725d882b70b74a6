import { maxRetryAfterMs } from '../../lib/retryAfter.ts';
import { usageOf } from './grantPlan.ts';
import type { Demand } from './demand.ts';
import type {
  QuotaSettings,
  QuotaViewer,
  ReachedLimit,
  RequiredCalls,
  Shortage,
} from './limiter.ts';
import type { PermitWindow } from './permitWindow.ts';
import { isPool, QuotaPolicy } from './quotas.ts';

interface ShortageWindow extends Pick<
  ReturnType<PermitWindow['state']>,
  'held' | 'limitAt' | 'resumesAt'
> {
  readonly now: number;
  readonly windowMs: number;
  readonly quotas: QuotaSettings | undefined;
}

const noDemand: Demand = { write: new Map(), general: new Map() };

/** How many of the calls could start at a time if no other call started until then. */
function startableAt(
  time: number,
  viewer: QuotaViewer,
  { window, required }: { readonly window: ShortageWindow; readonly required: RequiredCalls },
): { readonly count: number; readonly refusal?: ReachedLimit } {
  if (window.resumesAt > time) return { count: 0, refusal: 'ACCOUNT_LIMIT' };
  const held = window.held.filter(({ releasesAt }) => releasesAt > time);
  const usage = usageOf({ held });
  const policy = new QuotaPolicy(window.limitAt(time), window.quotas, noDemand);
  if (viewer.class === 'agent' && required.priority === 'write') {
    // The write reserve may have grown by then.
    const count = Math.min(required.count, window.limitAt(time) - usage.total);
    return count < required.count
      ? { count: Math.max(0, count), refusal: 'ACCOUNT_LIMIT' }
      : { count };
  }
  // Permits of the newcomer reserve that it may get before general ones.
  let newcomers = policy.freeNewcomerPermits(viewer, usage, 0);
  for (let count = 0; count < required.count; count += 1) {
    const decision = policy.admit({ viewer, priority: required.priority }, usage);
    if (!isPool(decision)) {
      const most = required.priority === 'background' ? count : count + newcomers;
      return most < required.count ? { count: most, refusal: decision } : { count: required.count };
    }
    if (decision === 'newcomer') newcomers -= 1;
    usage.add({ viewer, priority: required.priority, pool: decision });
  }
  return { count: required.count };
}

/** The earliest of the ascending times that fulfils a condition which holds from some time on; the last one if none does. */
function firstTime(times: readonly number[], holdsAt: (time: number) => boolean): number {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (holdsAt(times[middle] ?? 0)) high = middle;
    else low = middle + 1;
  }
  return times[low] ?? 0;
}

/** Undefined unless it is certain that not all of the calls can start before the deadline. */
export function findShortage(
  window: ShortageWindow,
  viewer: QuotaViewer,
  required: RequiredCalls,
): Shortage | undefined {
  const { now, windowMs, held, resumesAt } = window;
  const { count, deadlineMs } = required;
  // Permits of the operation's own calls could return before the deadline.
  if (deadlineMs - now >= windowMs) return undefined;
  const parts = { window, required };
  const { count: obtainable, refusal } = startableAt(deadlineMs, viewer, parts);
  if (refusal === undefined) return undefined;
  const times = [resumesAt, ...held.map(({ releasesAt }) => releasesAt)]
    .filter((time) => time > now)
    .toSorted((one, other) => one - other);
  const at = firstTime(times, (time) => startableAt(time, viewer, parts).count >= count);
  const retryAfterMs = Math.min(maxRetryAfterMs, Math.max(1, Math.ceil(at - now)));
  return { obtainable, reason: refusal, retryAfterMs };
}
