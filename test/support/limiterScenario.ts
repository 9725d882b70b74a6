import { UpstreamError } from '../../src/upstream/errors.ts';
import type {
  CallPriority,
  Permit,
  QuotaSettings,
  QuotaViewer,
  RateLimiter,
} from '../../src/upstream/rateLimit/limiter.ts';
import type { LimiterFleet } from './limiterFleet.ts';
import { createSingleLimiter } from './limiterFleet.ts';

export const defaultQuotas: QuotaSettings = {
  writeReservePercent: 10,
  newcomerReservePercent: 10,
  customersSharePercent: 50,
  customerCallsPerMinute: 12,
  customerWritesPerMinute: 6,
};

/** One kind of calls of one viewer. */
export interface Source {
  readonly viewer: QuotaViewer;
  readonly priority: CallPriority;
  /** How many calls start in the step that begins at this time. */
  readonly callsAt: (timeMs: number) => number;
  /** The instance that receives a call, by the number of the call; the first unless given. */
  readonly instanceOf?: (call: number) => number;
}

export const agent = (key: string): QuotaViewer => ({ key, class: 'agent' });
export const customer = (key: string): QuotaViewer => ({ key, class: 'customer' });

export const stepMs = 100;
export const minuteMs = 60_000;

/** One call each `intervalMs`, from a time on. */
export const every =
  (intervalMs: number, fromMs = 0) =>
  (timeMs: number): number =>
    timeMs >= fromMs && (timeMs - fromMs) % intervalMs === 0 ? 1 : 0;

/** Many calls at the start of each second, from a time on. */
export const perSecond =
  (count: number, fromMs = 0) =>
  (timeMs: number): number =>
    timeMs >= fromMs && timeMs % 1_000 === 0 ? count : 0;

export type CallResult = 'ok' | 'serverError' | 'networkError' | 'throttled';

/** How HelpCrunch responds to a call. */
export interface CallPlan {
  readonly latencyMs: number;
  /** When HelpCrunch counts the call, after its start. */
  readonly countedAfterMs: number;
  readonly result: CallResult;
}

export interface Outcome {
  readonly source: Source;
  readonly minute: number;
  readonly requestedAt: number;
  readonly waitMs: number;
  /** Undefined for a call that was admitted. */
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;
  /** Undefined for a call that was rejected. */
  readonly startedAt: number | undefined;
  /** When its response arrived. */
  readonly endedAt: number | undefined;
}

interface ScenarioOptions {
  readonly sources: readonly Source[];
  readonly minutes: number;
  readonly limit?: number;
  readonly deadlineMs?: number;
  /** For each call in turn; by default each takes 100 ms and succeeds. */
  readonly calls?: readonly CallPlan[];
  readonly fleet?: LimiterFleet;
  readonly stepMs?: number;
}

const successful: CallPlan = { latencyMs: 100, countedAfterMs: 0, result: 'ok' };

/** Counts calls in a sliding window of a minute, as HelpCrunch does. */
class CountingUpstream {
  readonly #limit: number;
  #countedAt: number[] = [];
  /** Calls beyond the limit. */
  rejected = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether the call is within the limit. */
  count(now: number): boolean {
    this.#countedAt = this.#countedAt.filter((at) => at + minuteMs > now);
    if (this.#countedAt.length < this.#limit) {
      this.#countedAt.push(now);
      return true;
    }
    this.rejected += 1;
    return false;
  }
}

/** Plays calls against rate limiters with a controlled clock. */
export async function playScenario({
  sources,
  minutes,
  limit = 120,
  deadlineMs = 10_000,
  calls = [successful],
  fleet = createSingleLimiter({ limit, quotas: defaultQuotas }),
  stepMs: step = stepMs,
}: ScenarioOptions) {
  const { clock, limiters } = fleet;
  const upstream = new CountingUpstream(limit);
  const outcomes: Outcome[] = [];
  const beginning = clock.monotonic();
  const now = () => clock.monotonic() - beginning;
  let started = 0;

  /** Resolves to the time of the response. */
  function send(permit: Permit): Promise<number> {
    const { latencyMs, countedAfterMs, result } = calls[started % calls.length] ?? successful;
    started += 1;
    let isRejected = result === 'throttled';
    if (result === 'ok' || result === 'serverError')
      clock.after(countedAfterMs, () => {
        isRejected = !upstream.count(now());
      });
    return new Promise((resolve) => {
      clock.after(latencyMs, () => {
        if (isRejected) permit.throttled();
        else permit.complete();
        resolve(now());
      });
    });
  }

  async function call(source: Source, limiter: RateLimiter): Promise<void> {
    const { viewer, priority } = source;
    const requestedAt = now();
    const request = {
      candidates: [{ viewer, priority }],
      deadlineMs: clock.monotonic() + deadlineMs,
    };
    const outcome = { source, requestedAt, minute: Math.floor(requestedAt / minuteMs) };
    try {
      const permit = await limiter.acquire('acme', () => request, new AbortController().signal);
      const startedAt = now();
      const waitMs = startedAt - requestedAt;
      const endedAt = await send(permit);
      const admitted = { reason: undefined, retryAfterMs: undefined, startedAt, endedAt };
      outcomes.push({ ...outcome, ...admitted, waitMs });
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      const { reason = 'none', retryAfterMs } = error.details;
      const rejected = { reason, retryAfterMs, startedAt: undefined, endedAt: undefined };
      outcomes.push({ ...outcome, ...rejected, waitMs: now() - requestedAt });
    }
  }

  const running: Promise<void>[] = [];
  const counts = new Map<Source, number>();
  for (let time = 0; time < minutes * minuteMs; time += step) {
    for (const source of sources) {
      for (let count = source.callsAt(time); count > 0; count -= 1) {
        const number = counts.get(source) ?? 0;
        counts.set(source, number + 1);
        const limiter = limiters[(source.instanceOf?.(number) ?? 0) % limiters.length];
        if (limiter !== undefined) running.push(call(source, limiter));
      }
    }
    await fleet.settle();
    await fleet.step(step);
  }
  const longestMs = Math.max(...calls.map(({ latencyMs }) => latencyMs));
  for (let time = 0; time < deadlineMs + longestMs + step; time += step) await fleet.step(step);
  await Promise.all(running);

  const of = (viewer: string, priority: CallPriority, fromMinute = 0, toMinute = Infinity) =>
    outcomes.filter(
      ({ source, minute }) =>
        source.viewer.key === viewer &&
        source.priority === priority &&
        minute >= fromMinute &&
        minute < toMinute,
    );
  const admitted = (list: readonly Outcome[]) =>
    list.filter(({ reason }) => reason === undefined).length;
  return {
    outcomes,
    of,
    admitted,
    /** Calls that HelpCrunch rejected because it had counted too many. */
    rejectedUpstream: () => upstream.rejected,
    maxPerMinute: () => maxPerMinute(outcomes),
  };
}

/** A call that was admitted. */
export type StartedCall = Outcome & { readonly startedAt: number; readonly endedAt: number };

/** Calls that were admitted, in the order of their start. */
export const startedCalls = (outcomes: readonly Outcome[]): StartedCall[] =>
  outcomes
    .filter(
      (outcome): outcome is StartedCall =>
        outcome.startedAt !== undefined && outcome.endedAt !== undefined,
    )
    .toSorted((one, other) => one.startedAt - other.startedAt);

/** The most calls in any window of a minute, whenever HelpCrunch counted each between its start and its end. */
export const maxPerMinute = (outcomes: readonly Outcome[]): number => {
  const started = startedCalls(outcomes);
  return started.reduce((most, { startedAt }) => {
    const held = started.filter(
      (call) => call.startedAt <= startedAt && call.endedAt + minuteMs > startedAt,
    );
    return Math.max(most, held.length);
  }, 0);
};
