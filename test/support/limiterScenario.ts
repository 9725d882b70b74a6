import { UpstreamError } from '../../src/upstream/errors.ts';
import type { CallPriority, QuotaViewer } from '../../src/upstream/rateLimit/limiter.ts';
import type { QuotaSettings } from '../../src/upstream/rateLimit/quotas.ts';
import { createRateLimiter } from '../../src/upstream/rateLimit/registry.ts';
import { createManualClock } from './manualClock.ts';
import { flushMicrotasks } from './permitCallers.ts';

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

export interface Outcome {
  readonly source: Source;
  readonly minute: number;
  readonly waitMs: number;
  /** Undefined for a call that was admitted. */
  readonly reason: string | undefined;
  readonly retryAfterMs: number | undefined;
  readonly startedAt: number | undefined;
}

interface ScenarioOptions {
  readonly sources: readonly Source[];
  readonly minutes: number;
  readonly limit?: number;
  readonly deadlineMs?: number;
  readonly latencyMs?: number;
}

/** Plays calls against a limiter with a controlled clock. */
export async function playScenario({
  sources,
  minutes,
  limit = 120,
  deadlineMs = 10_000,
  latencyMs = 100,
}: ScenarioOptions) {
  const clock = createManualClock();
  const limiter = createRateLimiter({ limit, quotas: defaultQuotas, clock });
  const outcomes: Outcome[] = [];
  const beginning = clock.monotonic();
  const now = () => clock.monotonic() - beginning;

  async function call(source: Source): Promise<void> {
    const { viewer, priority } = source;
    const requestedAt = now();
    const request = {
      candidates: [{ viewer, priority }],
      deadlineMs: clock.monotonic() + deadlineMs,
    };
    const outcome = { source, minute: Math.floor(requestedAt / minuteMs) };
    try {
      const permit = await limiter.acquire('acme', () => request, new AbortController().signal);
      const startedAt = now();
      const waitMs = startedAt - requestedAt;
      outcomes.push({ ...outcome, waitMs, reason: undefined, retryAfterMs: undefined, startedAt });
      clock.after(latencyMs, () => permit.release());
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      const { reason = 'none', retryAfterMs } = error.details;
      const waitMs = now() - requestedAt;
      outcomes.push({ ...outcome, waitMs, reason, retryAfterMs, startedAt: undefined });
    }
  }

  const running: Promise<void>[] = [];
  for (let time = 0; time < minutes * minuteMs; time += stepMs) {
    for (const source of sources) {
      const count = source.callsAt(time);
      for (let index = 0; index < count; index += 1) running.push(call(source));
    }
    await flushMicrotasks();
    clock.advance(stepMs);
  }
  for (let time = 0; time < deadlineMs + latencyMs; time += stepMs) {
    await flushMicrotasks();
    clock.advance(stepMs);
  }
  await Promise.all(running);

  /** The most calls in any window of a minute, whenever HelpCrunch counted each between its start and its end. */
  const maxPerMinute = () => {
    const starts = outcomes.flatMap(({ startedAt }) => startedAt ?? []).toSorted((a, b) => a - b);
    let first = 0;
    let most = 0;
    for (const [index, startedAt] of starts.entries()) {
      while ((starts[first] ?? 0) + latencyMs + minuteMs <= startedAt) first += 1;
      most = Math.max(most, index - first + 1);
    }
    return most;
  };

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
  return { outcomes, of, admitted, maxPerMinute, limiter };
}
