import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { UpstreamError } from '../../../src/upstream/errors.ts';
import type {
  CallPriority,
  ChargeCandidate,
  QuotaViewer,
} from '../../../src/upstream/rateLimit/limiter.ts';
import { isPool, QuotaPolicy, QuotaUsage } from '../../../src/upstream/rateLimit/quotas.ts';
import { createRateLimiter } from '../../../src/upstream/rateLimit/registry.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { flushMicrotasks } from '../../support/permitCallers.ts';
import { propertyParameters } from '../../support/propertyRuns.ts';
import type { Outcome, Source } from '../../support/limiterScenario.ts';
import {
  agent,
  customer,
  defaultQuotas,
  every,
  minuteMs,
  perSecond,
  playScenario,
} from '../../support/limiterScenario.ts';

/** An agent at work: one read every 2 s and one write every 4 s. */
const worker = (from = 0): Source[] => [
  { viewer: agent('worker'), priority: 'read', callsAt: every(2_000, from) },
  { viewer: agent('worker'), priority: 'write', callsAt: every(4_000, from) },
];

const worst = (outcomes: readonly Outcome[]) => Math.max(...outcomes.map(({ waitMs }) => waitMs));

const others: Readonly<Record<string, readonly Source[]>> = {
  'a customer that sends 30 calls a second': [
    { viewer: customer('c'), priority: 'read', callsAt: perSecond(30, minuteMs) },
  ],
  'a customer that sends mutations': [
    { viewer: customer('c'), priority: 'write', callsAt: perSecond(9, minuteMs) },
  ],
  'twenty customers that send nine calls a second each': Array.from({ length: 20 }, (_, index) => ({
    viewer: customer(`c${index}`),
    priority: 'read' as const,
    callsAt: perSecond(9, minuteMs),
  })),
  'a script of another agent': [
    { viewer: agent('script'), priority: 'read', callsAt: perSecond(80, minuteMs) },
  ],
  'a script that writes': [
    { viewer: agent('script'), priority: 'write', callsAt: perSecond(20, minuteMs) },
  ],
  'an export at background priority': [
    { viewer: agent('export'), priority: 'background', callsAt: perSecond(10, minuteMs) },
  ],
};

describe('an agent that was active for a minute', () => {
  test.each(Object.entries(others))(
    'has all of its reads and writes admitted within 3 s next to %s',
    async (_name, sources) => {
      const { of, admitted, maxPerMinute } = await playScenario({
        sources: [...worker(), ...sources],
        minutes: 4,
      });
      const reads = of('worker', 'read');
      const writes = of('worker', 'write');

      expect([admitted(reads), admitted(writes)]).toEqual([reads.length, writes.length]);
      expect(worst([...reads, ...writes])).toBeLessThan(3_000);
      expect(maxPerMinute()).toBeLessThanOrEqual(120);
    },
  );
});

describe('an agent that was not active before', () => {
  test('has 12 reads and 12 writes admitted in its first minute next to a script, and all from the second on', async () => {
    const from = minuteMs + 1_000;
    const { of, admitted } = await playScenario({
      sources: [
        { viewer: agent('script'), priority: 'read', callsAt: perSecond(80) },
        { viewer: agent('new'), priority: 'read', callsAt: every(2_000, from) },
        { viewer: agent('new'), priority: 'write', callsAt: every(5_000, from) },
      ],
      minutes: 4,
    });

    expect(admitted(of('new', 'read', 1, 2))).toBeGreaterThanOrEqual(12);
    expect(admitted(of('new', 'write', 1, 2))).toBe(12);
    for (const priority of ['read', 'write'] as const) {
      const later = of('new', priority, 2);
      expect(admitted(later)).toBe(later.length);
    }
  });
});

describe('the shares of agents', () => {
  test('give a single agent 80 % of the limit at once', async () => {
    const { of, admitted } = await playScenario({
      sources: [
        { viewer: agent('one'), priority: 'read', callsAt: (time) => (time === 0 ? 200 : 0) },
      ],
      minutes: 1,
    });
    const refused = of('one', 'read').filter(({ reason }) => reason !== undefined);

    expect(admitted(of('one', 'read'))).toBe(96);
    expect(new Set(refused.map(({ waitMs }) => waitMs))).toEqual(new Set([0]));
    expect(refused[0]).toMatchObject({ reason: 'ACCOUNT_LIMIT', retryAfterMs: 60_000 });
  });

  test('are equal for six equal agents, whenever each started', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const { of, admitted } = await playScenario({
      sources: names.map((name, index) => ({
        viewer: agent(name),
        priority: 'read',
        callsAt: perSecond(5, index * 7_000),
      })),
      minutes: 4,
    });
    const counts = names.map((name) => admitted(of(name, 'read', 1, 4)));
    const sum = counts.reduce((total, count) => total + count, 0);
    const squares = counts.reduce((total, count) => total + count ** 2, 0);

    // Jain's fairness index.
    expect(sum ** 2 / (counts.length * squares)).toBeGreaterThanOrEqual(0.98);
  });

  test('that are not used are lent to background work: at least 70 % of what is left', async () => {
    const { of, admitted } = await playScenario({
      sources: [
        ...worker(),
        { viewer: agent('export'), priority: 'background', callsAt: perSecond(10, minuteMs) },
      ],
      minutes: 4,
    });

    for (const minute of [1, 2, 3]) {
      const used =
        admitted(of('worker', 'read', minute, minute + 1)) +
        admitted(of('worker', 'write', minute, minute + 1));
      const exported = admitted(of('export', 'background', minute, minute + 1));
      expect(exported).toBeGreaterThanOrEqual(0.7 * (120 - used));
    }
  });
});

describe('with more demand than calls for more than a minute, at least 95 % are used', () => {
  const busy = (count: number): Source[] =>
    Array.from({ length: count }, (_, index) => agent(`a${index}`)).flatMap((viewer) => [
      { viewer, priority: 'read', callsAt: perSecond(2) },
      { viewer, priority: 'write', callsAt: every(5_000) },
    ]);

  const eager: Source = { viewer: customer('c'), priority: 'read', callsAt: perSecond(2) };

  test.each([
    ['of the limit by twelve agents that read and write', busy(12), 120],
    // The newcomer reserve is for agents with fewer than 12 calls per minute.
    ['of what is not reserved for newcomers by six agents', busy(6), 108],
    ['of what is not reserved for newcomers by one agent', busy(1), 108],
    [
      'of this by one agent next to a customer that may not use what it requests',
      [...busy(1), eager],
      108,
    ],
  ])('%s', async (_name, sources, usable) => {
    const { outcomes, maxPerMinute } = await playScenario({ sources, minutes: 4 });
    const started = outcomes.filter(
      ({ startedAt = 0 }) => startedAt >= minuteMs && startedAt < 4 * minuteMs,
    );

    expect(started.length / 3).toBeGreaterThanOrEqual(0.95 * usable);
    expect(maxPerMinute()).toBeLessThanOrEqual(120);
  });
});

describe('a customer', () => {
  test('gets CUSTOMER_CALLS_PER_MINUTE permits, of which CUSTOMER_WRITES_PER_MINUTE for mutations', async () => {
    const { of } = await playScenario({
      sources: [
        { viewer: customer('c'), priority: 'write', callsAt: perSecond(2) },
        { viewer: customer('c'), priority: 'read', callsAt: perSecond(2) },
      ],
      minutes: 1,
    });
    const refused = of('c', 'read').filter(({ reason }) => reason !== undefined);

    const inFirstMinute = (priority: 'read' | 'write') =>
      of('c', priority).filter(({ startedAt = minuteMs }) => startedAt < minuteMs).length;

    expect([inFirstMinute('write'), inFirstMinute('read')]).toEqual([6, 6]);
    expect(new Set(refused.map(({ reason }) => reason))).toEqual(new Set(['VIEWER_LIMIT']));
  });

  test('learns that all customers together have reached their share', async () => {
    const { outcomes } = await playScenario({
      sources: Array.from({ length: 10 }, (_, index) => ({
        viewer: customer(`c${index}`),
        priority: 'read' as const,
        callsAt: (time) => (time === 0 ? 12 : 0),
      })),
      minutes: 1,
    });
    const reasons = outcomes.map(({ reason }) => reason);

    expect(reasons.filter((reason) => reason === undefined)).toHaveLength(60);
    expect(new Set(reasons)).toEqual(new Set([undefined, 'CUSTOMER_LIMIT']));
  });
});

describe('writes', () => {
  test('of agents are admitted up to half of the limit while reads use everything else', async () => {
    const { of, admitted, maxPerMinute } = await playScenario({
      sources: [
        { viewer: agent('reader'), priority: 'read', callsAt: perSecond(50) },
        { viewer: agent('writer'), priority: 'write', callsAt: every(1_000) },
      ],
      minutes: 5,
    });
    const writes = of('writer', 'write', 2);

    expect(admitted(writes)).toBe(writes.length);
    expect(worst(writes)).toBeLessThan(3_000);
    expect(maxPerMinute()).toBeLessThanOrEqual(120);
  });
});

describe('a call that several operations wait for', () => {
  const [a, b] = [agent('a'), agent('b')];
  const [c, d] = [customer('c'), customer('d')];
  const read = (viewer: QuotaViewer): ChargeCandidate => ({ viewer, priority: 'read' });

  /** A customer and an agent that have reached their limits, next to an agent with a share. */
  async function startCapped() {
    const clock = createManualClock();
    const limiter = createRateLimiter({ limit: 120, quotas: defaultQuotas, clock });
    const acquire = async (...candidates: ChargeCandidate[]) => {
      const request = { candidates, deadlineMs: clock.monotonic() + 1_000 };
      const reason = await limiter
        .acquire('acme', () => request, new AbortController().signal)
        .then(
          () => 'granted',
          (error: unknown) => (error instanceof UpstreamError ? error.details.reason : error),
        );
      return reason;
    };
    const use = (viewer: QuotaViewer, count: number) =>
      Promise.all(Array.from({ length: count }, () => acquire(read(viewer))));
    await use(c, 12);
    await use(b, 12);
    await use(a, 90);
    const remaining = (viewer: QuotaViewer) => limiter.viewerStatus('acme', viewer).remaining;
    return { acquire, remaining };
  }

  test('is charged to an agent that joins a customer which has reached its limit', async () => {
    const { acquire, remaining } = await startCapped();
    const before = remaining(b);

    expect(await acquire(read(c))).toBe('VIEWER_LIMIT');
    expect(await acquire(read(c), read(b))).toBe('granted');
    expect(before - remaining(b)).toBe(1);
  });

  test('is charged to an agent that joined before the customer reached its limit', async () => {
    const clock = createManualClock();
    const limiter = createRateLimiter({ limit: 120, quotas: defaultQuotas, clock });
    const acquire = (deadlineMs: number, ...candidates: ChargeCandidate[]) => {
      const request = { candidates, deadlineMs: clock.monotonic() + deadlineMs };
      return limiter.acquire('acme', () => request, new AbortController().signal);
    };
    const use = (viewer: QuotaViewer, count: number) =>
      Promise.all(Array.from({ length: count }, () => acquire(1_000, read(viewer))));
    const used = [...(await use(a, 96)), ...(await use(b, 12))];
    for (const permit of used) permit.complete();

    const queued = Array.from({ length: 12 }, () => acquire(70_000, read(c)));
    const joined = acquire(70_000, read(c), { ...read(b), isJoined: true });
    const isCappedBefore = limiter.delaysOther('acme', read(c), read(b));
    await flushMicrotasks();
    clock.advance(60_000);
    await Promise.all([...queued, joined]);

    expect(isCappedBefore).toBe(false);
    expect(limiter.delaysOther('acme', read(c), read(b))).toBe(true);
  });

  test('is not charged to a viewer of the same or of a lower class that joins', async () => {
    const { acquire, remaining } = await startCapped();
    const before = [b, d].map(remaining);

    expect(await acquire(read(b))).toBe('granted');
    expect(await acquire(read(a), read(b))).toBe('VIEWER_LIMIT');
    expect(await acquire(read(a), read(d))).toBe('VIEWER_LIMIT');
    expect(await acquire(read(c), read(d))).toBe('VIEWER_LIMIT');
    expect(await acquire(read(c), { viewer: b, priority: 'background' })).toBe('VIEWER_LIMIT');
    expect([b, d].map(remaining)).toEqual([before[0]! - 1, before[1]]);
  });
});

describe('the remaining calls of a viewer', () => {
  const viewers = ['a', 'b', 'c'].map(agent).concat(['c', 'd', 'e'].map(customer));
  const rates = fc.dictionary(
    fc.constantFrom('agent:a', 'agent:b', 'agent:z', 'customers'),
    fc
      .tuple(fc.integer({ min: 1, max: 150 }), fc.integer({ min: 1, max: 150 }))
      .map(([one, other]) => ({
        expectedPerMinute: Math.max(one, other),
        peakHeld: Math.min(one, other),
      })),
  );
  const calls = fc.array(
    fc.record({
      viewer: fc.constantFrom(...viewers),
      priority: fc.constantFrom('write' as const, 'read' as const, 'background' as const),
      count: fc.integer({ min: 1, max: 30 }),
    }),
    { maxLength: 8 },
  );

  test('are as many as are admitted, with any use and demand of others', () => {
    fc.assert(
      fc.property(
        calls,
        rates,
        rates,
        fc.integer({ min: 10, max: 200 }),
        fc.constantFrom(...viewers),
        (made, write, general, limit, viewer) => {
          const demand = {
            write: new Map(Object.entries(write)),
            general: new Map(Object.entries(general)),
          };
          const policy = new QuotaPolicy(limit, defaultQuotas, demand);
          const usage = new QuotaUsage([]);
          const admit = (by: QuotaViewer, priority: CallPriority) => {
            const pool = policy.admit({ viewer: by, priority }, usage);
            if (isPool(pool)) usage.add({ viewer: by, priority, pool });
            return isPool(pool);
          };
          for (const { viewer: by, priority, count } of made)
            for (let index = 0; index < count; index += 1) admit(by, priority);
          const remaining = policy.remaining(viewer, usage);
          let admitted = 0;
          while (admit(viewer, 'write')) admitted += 1;
          while (admit(viewer, 'read')) admitted += 1;

          expect(remaining).toBe(admitted);
          expect(usage.total).toBeLessThanOrEqual(limit);
        },
      ),
      propertyParameters(200),
    );
  });
});

test('no schedule of viewers exceeds the limit, a customer cap or the share of all customers', async () => {
  const viewers = fc.constantFrom(
    agent('a'),
    agent('b'),
    customer('c'),
    customer('d'),
    customer('e'),
  );
  const schedules = fc.array(
    fc.record({
      viewer: viewers,
      priority: fc.constantFrom('write' as const, 'read' as const, 'background' as const),
      intervalMs: fc.integer({ min: 1, max: 40 }).map((steps) => steps * 100),
      from: fc.integer({ min: 0, max: 600 }).map((steps) => steps * 100),
      count: fc.integer({ min: 1, max: 30 }),
    }),
    { minLength: 1, maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(schedules, fc.integer({ min: 10, max: 130 }), async (plans, limit) => {
      const { outcomes, maxPerMinute } = await playScenario({
        limit,
        minutes: 2,
        sources: plans.map(({ viewer, priority, intervalMs, from, count }) => ({
          viewer,
          priority,
          callsAt: (time) => every(intervalMs, from)(time) * count,
        })),
      });
      expect(maxPerMinute()).toBeLessThanOrEqual(limit);
      const admitted = outcomes.filter(({ startedAt }) => startedAt !== undefined);
      const inWindow = (list: readonly Outcome[]) => {
        const times = list.map(({ startedAt = 0 }) => startedAt).toSorted((a, b) => a - b);
        let first = 0;
        const counts = times.map((time, index) => {
          while (time - (times[first] ?? time) >= minuteMs) first += 1;
          return index - first + 1;
        });
        return Math.max(0, ...counts);
      };
      const ofCustomers = admitted.filter(({ source }) => source.viewer.class === 'customer');
      expect(inWindow(ofCustomers)).toBeLessThanOrEqual(limit / 2);
      for (const key of ['c', 'd', 'e']) {
        const own = ofCustomers.filter(({ source }) => source.viewer.key === key);
        expect(inWindow(own)).toBeLessThanOrEqual(12);
        const writes = own.filter(({ source }) => source.priority === 'write');
        expect(inWindow(writes)).toBeLessThanOrEqual(6);
      }
      const isTooEarly = ({ reason, retryAfterMs = 1 }: Outcome) =>
        reason !== undefined && retryAfterMs < 1;
      expect(outcomes.filter(isTooEarly)).toEqual([]);
    }),
    propertyParameters(10),
  );
});
