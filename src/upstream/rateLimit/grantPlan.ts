import type { CallPriority, ChargeCandidate, QueueDepths, ReachedLimit } from './limiter.ts';
import type { QueueEntry } from './fairQueue.ts';
import type { Charge, QuotaPolicy } from './quotas.ts';
import { isPool, QuotaUsage } from './quotas.ts';

/** A permit in the window. */
export interface HeldPermit {
  readonly charge: Charge;
  /** The earliest time at which it leaves the window. */
  readonly releasesAt: number;
}

/** The known state of an account's window. */
export interface WindowState {
  readonly now: number;
  readonly held: readonly HeldPermit[];
  limitAt(time: number): number;
  /** The queue lengths of the other instances. Their calls of a higher priority start first. */
  readonly peersQueued: readonly QueueDepths[];
  /** How the limit is divided at a time, `now` or later. */
  policyAt(time: number): QuotaPolicy;
  /** The times at which a lowered limit grows, in ascending order. */
  readonly limitIncreases: readonly number[];
  /** No call starts before this time; 0 unless HelpCrunch has rejected calls. */
  readonly resumesAt: number;
  /** The number of calls that may start now: one, the probe, while it is unknown whether HelpCrunch accepts calls again. */
  readonly maxStartsNow: number;
  /** How long a permit counts. */
  readonly windowMs: number;
}

export interface PlannedGrant {
  readonly entry: QueueEntry;
  readonly charge: Charge;
}

interface PlannedRejection {
  readonly entry: QueueEntry;
  readonly reason: ReachedLimit;
  readonly retryAfterMs: number;
}

export interface GrantPlan {
  /** Calls that start now. */
  readonly grants: readonly PlannedGrant[];
  /** Calls that cannot start before their deadline. */
  readonly rejections: readonly PlannedRejection[];
  /** The next time at which a queued call is expected to start or reaches its deadline; `Infinity` if no call stays queued. */
  readonly nextDecisionAt: number;
}

/** Counts the permits in the window. */
export const usageOf = ({ held }: Pick<WindowState, 'held'>): QuotaUsage =>
  new QuotaUsage(held.map(({ charge }) => charge));

/** Entries with the same candidates are in one group. The same decision applies to all of them. */
const groupOf = ({ candidates }: { readonly candidates: readonly ChargeCandidate[] }): string =>
  candidates.map(({ viewer, priority }) => `${priority} ${viewer.class} ${viewer.key}`).join('\n');

/** Simulates the window at later times: permits leave it, the limit grows, planned calls are added. */
class WindowForecast {
  readonly #state: WindowState;
  readonly #usage: QuotaUsage;
  /** In ascending order of release. */
  readonly #releases: HeldPermit[];
  /** For each priority, the number of queued calls of other instances with a higher one. */
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

  admit(candidates: readonly ChargeCandidate[], priority: CallPriority): Charge | ReachedLimit {
    // It is unknown when other instances start their calls later, so they count only now.
    const forPeers = this.time === this.#state.now ? this.#peersBefore[priority] : 0;
    const policy = this.#state.policyAt(this.time);
    let refusal: ReachedLimit = 'ACCOUNT_LIMIT';
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

  /** Moves to the next time at which more calls may be admitted. Returns false if there is none. */
  advance(): boolean {
    const next = Math.min(
      this.#releases[0]?.releasesAt ?? Infinity,
      this.#increases[0] ?? Infinity,
      // Queued calls of other instances no longer count then.
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

/** The maximum number of steps in the search for a retry time. Each step removes a permit from the window or increases the limit. */
const maxForecastSteps = 2_000;

/**
 * Decides which queued calls start now and which cannot start before their deadline. Simulates the window: permits leave it at the earliest
 * possible time, and queued calls start in order. So a call is rejected only if it certainly could not start in time.
 */
export function planGrants(entries: readonly QueueEntry[], state: WindowState): GrantPlan {
  const grants: PlannedGrant[] = [];
  const rejected: { readonly entry: QueueEntry; readonly reason: ReachedLimit }[] = [];
  const forecast = new WindowForecast(state);
  let nextDecisionAt = Infinity;
  let waiting = entries;
  let refusals = new Map<string, ReachedLimit>();
  const latestDeadlineMs = entries.reduce((max, { deadlineMs }) => Math.max(max, deadlineMs), 0);

  while (waiting.length > 0) {
    const previousRefusals = refusals;
    refusals = new Map();
    const refused: QueueEntry[] = [];
    for (const entry of waiting) {
      const group = groupOf(entry);
      if (entry.deadlineMs <= forecast.time) {
        rejected.push({ entry, reason: previousRefusals.get(group) ?? 'ACCOUNT_LIMIT' });
        continue;
      }
      const known = refusals.get(group);
      const decision = known ?? forecast.admit(entry.candidates, entry.priority);
      if (typeof decision === 'string') {
        refusals.set(group, decision);
        refused.push(entry);
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
    waiting = refused;
    if (waiting.length === 0) break;
    if (forecast.time >= latestDeadlineMs || !forecast.advance()) {
      for (const entry of waiting)
        rejected.push({ entry, reason: refusals.get(groupOf(entry)) ?? 'ACCOUNT_LIMIT' });
      break;
    }
  }

  return { grants, rejections: withRetryTimes(rejected, forecast, state.now), nextDecisionAt };
}

/** Adds to each rejection the time until a further call of the same viewers could start, after all calls that stay queued. */
function withRetryTimes(
  rejected: readonly { readonly entry: QueueEntry; readonly reason: ReachedLimit }[],
  forecast: WindowForecast,
  now: number,
): PlannedRejection[] {
  const startTimes = new Map<string, number>();
  const unsolved = new Map(rejected.map(({ entry }) => [groupOf(entry), entry]));
  for (let step = 0; unsolved.size > 0 && step < maxForecastSteps; step += 1) {
    for (const [group, { candidates, priority }] of unsolved) {
      if (typeof forecast.admit(candidates, priority) === 'string') continue;
      startTimes.set(group, forecast.time);
      unsolved.delete(group);
    }
    if (unsolved.size > 0 && !forecast.advance()) break;
  }
  return rejected.map(({ entry, reason }) => ({
    entry,
    reason,
    retryAfterMs: (startTimes.get(groupOf(entry)) ?? forecast.time) - now,
  }));
}
