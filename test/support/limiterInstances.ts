import { UpstreamError } from '../../src/upstream/errors.ts';
import type { Permit, QuotaSettings, RateLimiter } from '../../src/upstream/rateLimit/limiter.ts';
import type { FleetServer } from './limiterFleet.ts';
import { startLimiterFleet } from './limiterFleet.ts';
import type { RequestOptions } from './permitCallers.ts';
import { flushMicrotasks, requestOf } from './permitCallers.ts';

export const windowMs = 60_000;
export const leaseTtlMs = 30_000;
const stepMs = 500;

interface Call {
  readonly instance: string;
  readonly sentAt: number;
  doneAt: number;
}

/** Several rate limiters on one Redis with one clock, and the calls as HelpCrunch counts them. */
export async function startInstances(
  limit: number,
  names: readonly string[],
  quotas?: QuotaSettings,
  server?: FleetServer,
) {
  const options = { limit, windowMs, leaseTtlMs, ...(quotas && { quotas }) };
  const fleet = await startLimiterFleet(names.length, options, server);
  const { clock, redis, limiters, logged, losses, settle, allConnected, allShared } = fleet;
  const calls: Call[] = [];
  const limiter = (name: string): RateLimiter => limiters[names.indexOf(name)]!;

  let disturb: () => Promise<unknown> = () => Promise.resolve();

  async function advance(ms: number) {
    for (let left = ms; left > 0; left -= stepMs) {
      await disturb();
      await fleet.step(Math.min(left, stepMs));
    }
  }

  async function until(isTrue: () => boolean) {
    while (!isTrue()) await advance(stepMs);
  }

  async function acquire(instance: string, request: RequestOptions = {}): Promise<Permit> {
    const full = requestOf({ deadlineMs: clock.monotonic() + 3_000_000, ...request });
    const permit = await limiter(instance).acquire(
      'acme',
      () => full,
      new AbortController().signal,
    );
    const call = { instance, sentAt: clock.monotonic(), doneAt: Infinity };
    calls.push(call);
    return {
      complete() {
        call.doneAt = clock.monotonic();
        permit.complete();
      },
      throttled(ms) {
        call.doneAt = clock.monotonic();
        permit.throttled(ms);
      },
    };
  }

  /** The permit, with time that passes while the call waits. */
  async function acquireInTime(instance: string, request: RequestOptions = {}) {
    let isSettled = false;
    const acquired = acquire(instance, request).finally(() => {
      isSettled = true;
    });
    acquired.catch(() => undefined);
    await settle();
    await until(() => isSettled);
    return acquired;
  }

  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      clock.after(ms, resolve);
    });

  let durations = 0;
  /** Calls again and again until the time; calls take between 0 and 3 seconds. */
  async function callUntil(endMs: number, instance: string) {
    while (clock.monotonic() < endMs) {
      try {
        const permit = await acquire(instance, {
          viewer: instance,
          deadlineMs: clock.monotonic() + 150_000,
        });
        durations += 1;
        await pause((durations * 700) % 3_000);
        permit.complete();
      } catch (error) {
        if (error instanceof UpstreamError && error.kind === 'unavailable') return;
        if (!(error instanceof UpstreamError) || error.kind !== 'rateLimited') throw error;
        await pause(error.details.retryAfterMs ?? 1);
      }
    }
  }

  /** Runs callers for the time, and until their last calls have ended. */
  async function runCallers(ms: number, callers: Readonly<Record<string, number>>) {
    const end = clock.monotonic() + ms;
    let running = 0;
    for (const [instance, count] of Object.entries(callers))
      for (let caller = 0; caller < count; caller += 1) {
        running += 1;
        void callUntil(end, instance).finally(() => {
          running -= 1;
        });
      }
    await until(() => running === 0);
  }

  /** The most calls that one window of HelpCrunch can have counted. */
  const maxInWindow = () =>
    Math.max(
      0,
      ...calls.map(
        ({ doneAt: from }) =>
          calls.filter(({ sentAt, doneAt }) => sentAt < from + windowMs && doneAt >= from).length,
      ),
    );

  const allLocal = async () => {
    while (limiters.some((each) => each.isShared() === true)) await flushMicrotasks();
  };
  return {
    clock,
    redis,
    calls,
    logged,
    losses,
    limiter,
    acquire,
    acquireInTime,
    advance,
    settle,
    runCallers,
    /** Runs before each step of the time. */
    disturbSteps(task: () => Promise<unknown>) {
      disturb = task;
    },
    maxInWindow,
    allConnected,
    allShared,
    allLocal,
    count: (instance: string, from = 0, to = Infinity) =>
      calls.filter((call) => call.instance === instance && call.sentAt >= from && call.sentAt < to)
        .length,
    [Symbol.asyncDispose]: () => fleet[Symbol.asyncDispose](),
  };
}
