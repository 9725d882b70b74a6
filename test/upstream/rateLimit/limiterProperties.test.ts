import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRateLimiter } from '../../../src/upstream/rateLimit/registry.ts';
import type { CallPriority } from '../../../src/upstream/rateLimit/limiter.ts';
import { createPermitCallers, flushMicrotasks } from '../../support/permitCallers.ts';
import type { PermitCaller } from '../../support/permitCallers.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { propertyRuns } from '../../support/propertyRuns.ts';

// Everything happens on a grid, so that one step of the clock misses nothing.
const stepMs = 250;
const windowMs = 10_000;
const leaseTtlMs = 4_000;
const horizonMs = 40_000;

const ranks: readonly CallPriority[] = ['write', 'read', 'background'];

interface RequestPlan {
  readonly at: number;
  readonly viewer: string;
  readonly priority: CallPriority;
  readonly withinMs: number;
  readonly lastsMs: number;
  readonly leavesAfterMs: number | undefined;
  readonly is429: boolean;
}

interface PlayedPlan extends RequestPlan {
  readonly caller: PermitCaller;
  readonly cameAs: number;
  readonly endedAs: () => number;
  readonly leftAt: () => number | undefined;
  readonly doneAt: () => number;
}

const steps = (max: number) => fc.integer({ min: 0, max }).map((count) => count * stepMs);

const plans = ({ refusals, leaving }: { refusals: boolean; leaving: boolean }) =>
  fc.array(
    fc.record<RequestPlan>({
      // Bursts: many calls in few moments.
      at: fc.oneof(steps(4), steps(20), steps(horizonMs / stepMs)),
      viewer: fc.constantFrom('ada', 'ada', 'ada', 'bob', 'cyd'),
      priority: fc.constantFrom(...ranks, 'read'),
      withinMs: steps(windowMs / stepMs - 1),
      lastsMs: steps(leaseTtlMs / stepMs - 1),
      leavesAfterMs: leaving
        ? fc.option(steps(20), { nil: undefined, freq: 3 })
        : fc.constant(undefined),
      is429: refusals ? fc.nat(9).map((roll) => roll === 0) : fc.constant(false),
    }),
    { minLength: 5, maxLength: 80 },
  );

async function play(
  limit: number,
  planned: readonly RequestPlan[],
  onStep?: (played: PlayedPlan[]) => void,
) {
  const clock = createManualClock();
  const startedAt = clock.monotonic();
  const limiter = createRateLimiter({ limit, clock, windowMs, leaseTtlMs });
  const { call } = createPermitCallers(limiter, clock);
  const played: PlayedPlan[] = [];
  let order = 0;

  function begin(plan: RequestPlan): void {
    order += 1;
    const caller = call(`${played.length}`, plan);
    let endedAs = Infinity;
    let doneAt = Infinity;
    const entry: PlayedPlan = {
      ...plan,
      caller,
      cameAs: order,
      endedAs: () => endedAs,
      leftAt: () => (caller.state() === 'served' ? caller.endedAt() : undefined),
      doneAt: () => doneAt,
    };
    played.push(entry);
    void caller.ended.then(() => {
      order += 1;
      endedAs = order;
      if (caller.state() !== 'served') return;
      clock.after(plan.lastsMs, () => {
        doneAt = clock.monotonic();
        if (plan.is429) caller.permit().throttled();
        else caller.permit().release();
      });
    });
    if (plan.leavesAfterMs !== undefined) clock.after(plan.leavesAfterMs, caller.leave);
  }

  for (let at = 0; at <= horizonMs + 2 * windowMs + leaseTtlMs; at += stepMs) {
    for (const plan of planned) if (plan.at === at) begin(plan);
    await flushMicrotasks();
    onStep?.(played);
    clock.advance(stepMs);
    await flushMicrotasks();
  }
  return { played, budget: limiter, clock, startedAt };
}

const limits = fc.integer({ min: 1, max: 5 });
const withRefusals = fc.tuple(limits, plans({ refusals: true, leaving: true }));
const withoutRefusals = fc.tuple(limits, plans({ refusals: false, leaving: false }));
const runs = { numRuns: propertyRuns(10), endOnFailure: true };

test('no window of the helpdesk can hold more calls than the limit, whenever it counted each', async () => {
  await fc.assert(
    fc.asyncProperty(withRefusals, async ([limit, planned]) => {
      const { played } = await play(limit, planned);
      const calls = played.flatMap((entry) => {
        const leftAt = entry.leftAt();
        return leftAt === undefined ? [] : [{ leftAt, doneAt: entry.doneAt() }];
      });
      for (const { doneAt: from } of calls) {
        const inWindow = calls.filter(
          ({ leftAt, doneAt }) => leftAt < from + windowMs && doneAt >= from,
        );
        expect(inWindow.length).toBeLessThanOrEqual(limit);
      }
    }),
    runs,
  );
});

test('nobody waits past the deadline, and every slot comes back', async () => {
  await fc.assert(
    fc.asyncProperty(withRefusals, async ([limit, planned]) => {
      const { played, budget: limiter, startedAt } = await play(limit, planned);
      for (const { caller, at, withinMs } of played) {
        expect(caller.state()).not.toBe('waiting');
        expect((caller.endedAt() ?? Infinity) - startedAt).toBeLessThanOrEqual(at + withinMs);
        const retryAfterMs = caller.retryAfterMs() ?? 1;
        expect(Number.isInteger(retryAfterMs) && retryAfterMs >= 1).toBe(true);
      }
      expect(limiter.queueLengths()).toEqual({ write: 0, read: 0, background: 0 });
      expect(limiter.status('acme').resetAt).toBeNull();
      if (!planned.some(({ is429 }) => is429)) {
        expect(limiter.status('acme').remaining).toBe(limit);
      }
    }),
    runs,
  );
});

test('nothing less important is served while something more important waits', async () => {
  await fc.assert(
    fc.asyncProperty(withRefusals, async ([limit, planned]) => {
      const { played } = await play(limit, planned);
      for (const served of played.filter(({ caller }) => caller.state() === 'served')) {
        const overtaken = played.filter(
          (other) =>
            ranks.indexOf(other.priority) < ranks.indexOf(served.priority) &&
            other.cameAs < served.endedAs() &&
            other.endedAs() > served.endedAs(),
        );
        expect(overtaken).toEqual([]);
      }
    }),
    runs,
  );
});

test('nobody is starved: another viewer gets one turn at most for each turn of mine', async () => {
  await fc.assert(
    fc.asyncProperty(withoutRefusals, async ([limit, planned]) => {
      const { played } = await play(limit, planned);
      const isSame = (one: PlayedPlan, other: PlayedPlan) => one.priority === other.priority;
      const wasServed = ({ caller }: PlayedPlan) => caller.state() === 'served';
      for (const mine of played.filter(wasServed)) {
        const between = played.filter(
          (other) =>
            isSame(mine, other) &&
            wasServed(other) &&
            other.endedAs() > mine.cameAs &&
            other.endedAs() < mine.endedAs(),
        );
        const turns = 1 + between.filter(({ viewer }) => viewer === mine.viewer).length;
        for (const viewer of ['ada', 'bob', 'cyd'].filter((name) => name !== mine.viewer)) {
          const theirs = between.filter((other) => other.viewer === viewer).length;
          expect(theirs).toBeLessThanOrEqual(turns);
        }
      }
    }),
    runs,
  );
});

test('whoever is refused could not have been served with what was known', async () => {
  await fc.assert(
    fc.asyncProperty(withoutRefusals, async ([limit, planned]) => {
      const seen = new Set<PlayedPlan>();
      let now = -stepMs;
      let startedAt = 0;
      const { played } = await play(limit, planned, (all) => {
        now += stepMs;
        startedAt = (all[0]?.caller.endedAt() ?? 0) - (all[0]?.at ?? 0);
        for (const refused of all) {
          if (refused.caller.state() !== 'refused' || seen.has(refused)) continue;
          seen.add(refused);
          const deadline = refused.at + refused.withinMs;
          // A slot comes back one window after its call is done, at the earliest one from now.
          const taken = all
            .filter(({ caller }) => caller.state() === 'served')
            .map(({ doneAt }) => Math.min(doneAt() - startedAt, now) + windowMs)
            .filter((at) => at >= deadline);
          const ahead = all.filter(
            ({ caller, priority }) =>
              caller.state() === 'waiting' &&
              ranks.indexOf(priority) <= ranks.indexOf(refused.priority),
          );
          if (deadline > now) expect(taken.length + ahead.length).toBeGreaterThanOrEqual(limit);
        }
      });
      expect(played.length).toBe(planned.length);
    }),
    runs,
  );
});
