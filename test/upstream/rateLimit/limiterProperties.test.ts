import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createRateLimiter } from '../../../src/upstream/rateLimit/registry.ts';
import type { CallPriority } from '../../../src/upstream/rateLimit/limiter.ts';
import { createPermitCallers, flushMicrotasks } from '../../support/permitCallers.ts';
import type { PermitCaller } from '../../support/permitCallers.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { startLimiterFleet } from '../../support/limiterFleet.ts';
import type { CallPlan, Outcome, Source, StartedCall } from '../../support/limiterScenario.ts';
import {
  agent,
  customer,
  defaultQuotas,
  every,
  maxPerMinute,
  minuteMs,
  playScenario,
  startedCalls,
} from '../../support/limiterScenario.ts';
import { hasRedis } from '../../support/redis.ts';
import { propertyParameters } from '../../support/propertyRuns.ts';

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
        else caller.permit().complete();
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
const runs = { ...propertyParameters(10), endOnFailure: true };

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
      expect(limiter.queueDepths()).toEqual({ write: 0, read: 0, background: 0 });
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

const quotaStepMs = 500;
const quotaDeadlineMs = 10_000;
const customers = ['c', 'd', 'e'].map(customer);
const agents = ['a', 'b', 'f'].map(agent);

const quotaSteps = (min: number, max: number) =>
  fc.integer({ min, max }).map((count) => count * quotaStepMs);

/** Bursts of one viewer, at one instance or at all in turn. */
const bursts = (latestFromMs: number, earliestFromMs = 0): fc.Arbitrary<Source> =>
  fc
    .record({
      viewer: fc.constantFrom(...agents, ...customers),
      priority: fc.constantFrom(...ranks, 'read'),
      intervalMs: quotaSteps(1, 20),
      fromMs: quotaSteps(earliestFromMs / quotaStepMs, latestFromMs / quotaStepMs),
      count: fc.integer({ min: 1, max: 12 }),
      instance: fc.option(fc.nat(2)),
    })
    .map(({ viewer, priority, intervalMs, fromMs, count, instance }) => ({
      viewer,
      priority,
      callsAt: (time) => count * every(intervalMs, fromMs)(time),
      instanceOf: (number) => instance ?? number,
    }));

const callPlans = (...results: readonly CallPlan['result'][]) =>
  fc.array(
    fc
      .record({
        latencyMs: quotaSteps(0, 6),
        progress: fc.double({ min: 0, max: 1, noNaN: true }),
        result: fc.constantFrom(...Array<CallPlan['result']>(20).fill('ok'), ...results),
      })
      .map(({ latencyMs, progress, result }) => ({
        latencyMs,
        countedAfterMs: Math.floor(latencyMs * progress),
        result,
      })),
    { minLength: 1, maxLength: 40 },
  );

/** Plays a schedule on one limiter, or on several instances that share one Redis. */
async function playQuotas(
  instances: number,
  schedule: { readonly limit: number; readonly minutes: number } & {
    readonly sources: readonly Source[];
    readonly calls: readonly CallPlan[];
  },
) {
  const options = { ...schedule, stepMs: quotaStepMs, deadlineMs: quotaDeadlineMs };
  if (instances === 1) return playScenario(options);
  const { limit } = schedule;
  await using fleet = await startLimiterFleet(instances, { limit, quotas: defaultQuotas });
  return await playScenario({ ...options, fleet });
}

const isCustomer = ({ source }: Outcome) => source.viewer.class === 'customer';
const isWrite = ({ source }: Outcome) => source.priority === 'write';
const isBackground = ({ source }: Outcome) => source.priority === 'background';
const isSameViewer = (one: Outcome, other: Outcome) => one.source.viewer === other.source.viewer;

/** The calls that count when another one starts, with those that start at the same moment. */
const heldAt = (calls: readonly StartedCall[], { startedAt: at }: StartedCall) =>
  calls.filter(({ startedAt, endedAt }) => startedAt <= at && endedAt + minuteMs > at);

function expectCaps(calls: readonly StartedCall[], limit: number): void {
  for (const call of calls.filter(isCustomer)) {
    const held = heldAt(calls, call).filter(isCustomer);
    const own = held.filter((other) => isSameViewer(call, other));
    expect(held.length).toBeLessThanOrEqual(limit / 2);
    expect(own.length).toBeLessThanOrEqual(defaultQuotas.customerCallsPerMinute);
    expect(own.filter(isWrite).length).toBeLessThanOrEqual(defaultQuotas.customerWritesPerMinute);
  }
}

/**
 * A call that may use neither reserve, or only that of newcomers, leaves free what is left of the others. Mutations of agents may also use what is
 * reserved for newcomers, because their reserve precedes it.
 */
function expectReserves(calls: readonly StartedCall[], limit: number, tolerance: number): void {
  const reserve = Math.floor(limit / 10);
  const isForReserve = (call: StartedCall) => !isCustomer(call) && !isBackground(call);
  const mayBeNewcomer = new Map(
    calls.filter(isForReserve).map((call) => {
      const before = heldAt(calls, call).filter(
        (other) => other.startedAt < call.startedAt && isSameViewer(call, other) && !isWrite(other),
      );
      return [call, before.length < reserve];
    }),
  );
  const usesWriteReserve = (call: StartedCall) => isForReserve(call) && isWrite(call);
  const usesNewcomerReserve = (call: StartedCall) => mayBeNewcomer.get(call) === true;
  for (const call of calls.filter((each) => !usesWriteReserve(each))) {
    const held = heldAt(calls, call);
    const isReserved = [usesWriteReserve, usesNewcomerReserve].filter((uses) => !uses(call));
    const free = isReserved.map((uses) => Math.max(0, reserve - held.filter(uses).length));
    // Calls that start at the same moment and may use the reserve could have been decided afterwards.
    const isBefore = (other: StartedCall) =>
      other.startedAt < call.startedAt || isReserved.every((uses) => !uses(other));
    const used = held.filter(isBefore).length;
    expect(used + free.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(
      limit + tolerance,
    );
  }
}

const describeFleet = (name: string, define: (instances: number, count: number) => void) =>
  describe(name, () => {
    describe('on one instance', () => define(1, 8));
    (hasRedis ? describe : describe.skip).each([2, 3])('on %i instances with Redis', (instances) =>
      define(instances, 1),
    );
  });

const quotaLimits = fc.integer({ min: 20, max: 130 });

describeFleet('any schedule of viewers, reads, writes and failures', (instances, count) => {
  test('stays within the limit, the caps of customers and the reserves, and HelpCrunch rejects no call for its number', async () => {
    const schedules = fc.record({
      limit: quotaLimits,
      minutes: fc.constant(3),
      sources: fc.array(bursts(minuteMs), { minLength: 1, maxLength: 6 }),
      calls: callPlans('serverError', 'networkError', 'throttled'),
    });
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        const { limit } = schedule;
        const { outcomes, rejectedUpstream } = await playQuotas(instances, schedule);
        const calls = startedCalls(outcomes);

        expect(maxPerMinute(outcomes)).toBeLessThanOrEqual(limit);
        expect(rejectedUpstream()).toBe(0);
        expectCaps(calls, limit);
        // After a 429 the limit, of which the reserves are whole numbers, is lower.
        const isLowered = schedule.calls.some(({ result }) => result === 'throttled');
        expectReserves(calls, limit, isLowered ? 1 : 0);
        for (const { reason, waitMs, retryAfterMs = 1 } of outcomes) {
          expect(waitMs).toBeLessThanOrEqual(quotaDeadlineMs);
          expect(reason === undefined || retryAfterMs >= 1).toBe(true);
        }
      }),
      { ...propertyParameters(count), endOnFailure: true },
    );
  });
});

describeFleet('an agent that was active for a minute', (instances, count) => {
  test.each([
    ['called before', 0, bursts(0)],
    // The write reserve may grow at the expense of reads.
    [
      'begin later without mutations of agents',
      50_000,
      bursts(150_000, 75_000).filter(
        ({ viewer, priority }) => viewer.class === 'customer' || priority !== 'write',
      ),
    ],
  ])(
    'has every call within its share admitted within 3 s, next to others that %s',
    async (_name, earlierMs, othersOf) => {
      const schedules = fc.record({
        limit: fc.integer({ min: 60, max: 130 }),
        minutes: fc.constant(4),
        others: fc.array(othersOf, { minLength: 1, maxLength: 5 }),
        calls: callPlans('serverError', 'networkError'),
        fromMs: quotaSteps(0, (minuteMs - earlierMs) / quotaStepMs),
        pauseMs: quotaSteps(0, 8),
        instance: fc.option(fc.nat(2)),
      });
      await fc.assert(
        fc.asyncProperty(schedules, async (schedule) => {
          const { limit, others, fromMs, pauseMs, instance } = schedule;
          const otherAgents = agents.filter((each) => others.some(({ viewer }) => viewer === each));
          // The customers share as one participant.
          const participants = otherAgents.length + 2;
          // While mutations use half of the limit.
          const perMinute = 0.9 * Math.floor((limit / 2 - limit / 10) / participants);
          const intervalMs = Math.ceil(minuteMs / perMinute / quotaStepMs) * quotaStepMs + pauseMs;
          const viewer = agent('worker');
          const sources = (['read', 'write'] as const).map((priority) => ({
            viewer,
            priority,
            callsAt: every(intervalMs, fromMs),
            instanceOf: (number: number) => instance ?? number,
          }));
          const { outcomes } = await playQuotas(instances, {
            ...schedule,
            sources: [...sources, ...others],
          });
          const own = outcomes.filter(
            ({ source, requestedAt }) =>
              source.viewer === viewer && requestedAt >= fromMs + minuteMs,
          );

          expect(own.length).toBeGreaterThan(0);
          expect(
            own.filter(({ reason, waitMs }) => reason !== undefined || waitMs > 3_000),
          ).toEqual([]);
        }),
        { ...propertyParameters(count), endOnFailure: true },
      );
    },
  );
});

describeFleet('viewers that call all the time', (instances, count) => {
  test('each get at least half of an equal share', async () => {
    const schedules = fc.record({
      limit: fc.integer({ min: 60, max: 130 }),
      minutes: fc.constant(4),
      sources: fc.array(bursts(0), { minLength: 2, maxLength: 6 }),
      calls: callPlans('serverError', 'networkError'),
    });
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        const { limit, sources } = schedule;
        const { outcomes } = await playQuotas(instances, schedule);
        const isCounted = (outcome: Outcome) => outcome.minute >= 2 && !isBackground(outcome);
        const counted = outcomes.filter(isCounted);
        const participants =
          1 + agents.filter((each) => sources.some(({ viewer }) => viewer === each)).length;
        const share = 2 * Math.floor((limit / 2 - limit / 10) / participants);
        for (const viewer of [...agents, ...customers]) {
          const own = counted.filter(({ source }) => source.viewer === viewer);
          const admitted = own.filter(({ reason }) => reason === undefined);
          const expected = viewer.class === 'agent' ? Math.min(own.length, share) / 2 : 1;
          if (own.length >= 8) expect(admitted.length).toBeGreaterThanOrEqual(expected);
        }
      }),
      { ...propertyParameters(count), endOnFailure: true },
    );
  });
});
