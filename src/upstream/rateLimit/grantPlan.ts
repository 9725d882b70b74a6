import type { CallPriority, PermitCandidate, QueueDepths, RefusalReason } from './limiter.ts';
import type { QueueEntry } from './fairQueue.ts';
import type { Charge, QuotaPolicy } from './quotas.ts';
import { isPool, QuotaUsage } from './quotas.ts';

/** A permit that counts in the window. */
export interface HeldPermit {
  readonly charge: Charge;
  /** When it leaves the window, at the earliest. */
  readonly releasesAt: number;
}

/** What the planner knows of an account's window. */
export interface WindowState {
  readonly now: number;
  readonly held: readonly HeldPermit[];
  limitAt(time: number): number;
  /** Queued calls of the other instances; those of a higher priority start first. */
  readonly peersQueued: readonly QueueDepths[];
  /** The division of the limit that applies at a time from `now` on. */
  policyAt(time: number): QuotaPolicy;
  /** When the limit grows after it was lowered, in ascending order. */
  readonly limitIncreases: readonly number[];
  /** Nothing starts before; 0 unless HelpCrunch has rejected calls. */
  readonly resumesAt: number;
  /** How many calls may start now: one while it is unknown whether HelpCrunch accepts calls again. */
  readonly maxStartsNow: number;
  /** How long a permit counts. */
  readonly windowMs: number;
}

export interface PlannedGrant {
  readonly entry: QueueEntry;
  readonly charge: Charge;
}

export interface PlannedRejection {
  readonly entry: QueueEntry;
  readonly reason: RefusalReason;
  readonly retryAfterMs: number;
}

export interface GrantPlan {
  /** Calls that start now. */
  readonly grants: readonly PlannedGrant[];
  /** Calls that cannot start before their deadline. */
  readonly rejections: readonly PlannedRejection[];
  /** When a call that stays queued is expected to start, or cannot start any more; `Infinity` when none stays. */
  readonly nextDecisionAt: number;
}

/** A new count of the permits in the window. */
export const usageOf = ({ held }: Pick<WindowState, 'held'>): QuotaUsage =>
  new QuotaUsage(held.map(({ charge }) => charge));

/** Refused for the same reasons: entries of the same waiting viewers. */
const groupOf = ({ candidates }: { readonly candidates: readonly PermitCandidate[] }): string =>
  candidates.map(({ viewer, priority }) => `${priority} ${viewer.class} ${viewer.key}`).join('\n');

/** The window as it changes while time passes: permits leave it, the limit grows, planned calls enter it. */
class WindowForecast {
  readonly #state: WindowState;
  readonly #usage: QuotaUsage;
  /** In ascending order of release. */
  readonly #releases: HeldPermit[];
  /** Queued calls of other instances with a higher priority. */
  readonly #peersBefore: QueueDepths;
  #increases: readonly number[];
  time: number;

  constructor(state: WindowState) {
    this.#state = state;
    this.#usage = usageOf(state);
    this.#releases = state.held.toSorted((one, other) => one.releasesAt - other.releasesAt);
    this.#increases = state.limitIncreases;
    const queuedOf = (priority: CallPriority) =>
      state.peersQueued.reduce((sum, queued) => sum + queued[priority], 0);
    const [write, read] = [queuedOf('write'), queuedOf('read')];
    this.#peersBefore = { write: 0, read: write, background: write + read };
    this.time = state.now;
    if (state.resumesAt > state.now) this.#moveTo(state.resumesAt);
  }

  admit(candidates: readonly PermitCandidate[], priority: CallPriority): Charge | RefusalReason {
    // When other instances start their calls later on is unknown.
    const forPeers = this.time === this.#state.now ? this.#peersBefore[priority] : 0;
    const policy = this.#state.policyAt(this.time);
    let refusal: RefusalReason = 'ACCOUNT_LIMIT';
    // Charges a call to the first candidate that has quota.
    for (const [index, candidate] of candidates.entries()) {
      const decision = policy.admit(candidate, this.#usage, forPeers);
      if (isPool(decision))
        return { viewer: candidate.viewer, priority: candidate.priority, pool: decision };
      if (index === 0) refusal = decision;
    }
    return refusal;
  }

  start(charge: Charge): void {
    this.#usage.add(charge);
    this.#releases.push({ charge, releasesAt: this.time + this.#state.windowMs });
  }

  /** Moves to the next time at which more calls may be admitted. False: there is none. */
  advance(): boolean {
    const next = Math.min(
      this.#releases[0]?.releasesAt ?? Infinity,
      this.#increases[0] ?? Infinity,
      // Calls of other instances could start at once.
      this.time === this.#state.now && this.#peersBefore.background > 0 ? this.time + 1 : Infinity,
    );
    if (next === Infinity) return false;
    this.#moveTo(Math.max(this.time, next));
    return true;
  }

  #moveTo(time: number): void {
    this.time = time;
    while ((this.#releases[0]?.releasesAt ?? Infinity) <= time) {
      const released = this.#releases.shift();
      if (released !== undefined) this.#usage.remove(released.charge);
    }
    this.#increases = this.#increases.filter((at) => at > time);
  }
}

/** Looks ahead no further for the time of a next call: each step removes a permit from the window. */
const maxForecastSteps = 2_000;

/**
 * Decides which of the queued calls start now, and which cannot start in time, by playing forward what is known: permits leave the window at
 * their release, each as early as it can, and queued calls take their place in order. A call that is rejected could not have been served.
 */
export function planGrants(entries: readonly QueueEntry[], state: WindowState): GrantPlan {
  const grants: PlannedGrant[] = [];
  const rejected: { readonly entry: QueueEntry; readonly reason: RefusalReason }[] = [];
  const forecast = new WindowForecast(state);
  let nextDecisionAt = Infinity;
  let waiting = entries;
  let refusals = new Map<string, RefusalReason>();
  const latest = entries.reduce((last, { deadlineMs }) => Math.max(last, deadlineMs), 0);

  while (waiting.length > 0) {
    const before = refusals;
    refusals = new Map();
    const later: QueueEntry[] = [];
    for (const entry of waiting) {
      const group = groupOf(entry);
      if (entry.deadlineMs <= forecast.time) {
        rejected.push({ entry, reason: before.get(group) ?? 'ACCOUNT_LIMIT' });
        continue;
      }
      const known = refusals.get(group);
      const decision = known ?? forecast.admit(entry.candidates, entry.priority);
      if (typeof decision === 'string') {
        refusals.set(group, decision);
        later.push(entry);
        continue;
      }
      forecast.start(decision);
      if (forecast.time === state.now && grants.length < state.maxStartsNow) {
        grants.push({ entry, charge: decision });
        continue;
      }
      const startsAt = forecast.time > state.now ? forecast.time : Infinity;
      nextDecisionAt = Math.min(nextDecisionAt, startsAt, entry.deadlineMs);
    }
    waiting = later;
    if (waiting.length === 0) break;
    if (forecast.time >= latest || !forecast.advance()) {
      for (const entry of waiting)
        rejected.push({ entry, reason: refusals.get(groupOf(entry)) ?? 'ACCOUNT_LIMIT' });
      break;
    }
  }

  return { grants, rejections: withRetryTimes(rejected, forecast, state.now), nextDecisionAt };
}

/** When a further call of the same viewers could start, behind every call that stays queued. */
function withRetryTimes(
  rejected: readonly { readonly entry: QueueEntry; readonly reason: RefusalReason }[],
  forecast: WindowForecast,
  now: number,
): PlannedRejection[] {
  const startTimes = new Map<string, number>();
  const open = new Map(rejected.map(({ entry }) => [groupOf(entry), entry]));
  for (let step = 0; open.size > 0 && step < maxForecastSteps; step += 1) {
    for (const [group, { candidates, priority }] of open) {
      if (typeof forecast.admit(candidates, priority) === 'string') continue;
      startTimes.set(group, forecast.time);
      open.delete(group);
    }
    if (open.size > 0 && !forecast.advance()) break;
  }
  return rejected.map(({ entry, reason }) => ({
    entry,
    reason,
    retryAfterMs: (startTimes.get(groupOf(entry)) ?? forecast.time) - now,
  }));
}
