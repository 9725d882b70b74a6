import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readConfig } from '../../../src/config/settings.ts';
import { createRateLimiter } from '../../../src/upstream/rateLimit/registry.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { createPermitCallers, flushMicrotasks } from '../../support/permitCallers.ts';
import { propertyParameters } from '../../support/propertyRuns.ts';

const quotas = { ...readConfig({}).quotas, newcomerReservePercent: 10 };
const withinMs = 10_000;
const viewers = { ada: 'agent', bob: 'agent', eve: 'customer' } as const;

type Viewer = keyof typeof viewers;

interface Burst {
  readonly viewer: Viewer;
  readonly priority: 'read' | 'write' | 'background';
  readonly count: number;
  readonly thenMs: number;
}

/** A limiter of 60 calls after bursts of calls, each of which ended at once. */
async function afterBursts(bursts: readonly Burst[]) {
  const clock = createManualClock();
  const limiter = createRateLimiter({ limit: 60, quotas, clock });
  const { call } = createPermitCallers(limiter, clock);
  for (const { viewer, priority, count, thenMs } of bursts) {
    const callers = Array.from({ length: count }, (_, index) =>
      call(`${viewer} ${index}`, {
        ...{ viewer, priority, withinMs: 1 },
        viewerClass: viewers[viewer],
      }),
    );
    await flushMicrotasks();
    for (const caller of callers) if (caller.state() === 'served') caller.permit().complete();
    clock.advance(thenMs);
  }
  return {
    clock,
    call,
    shortage: (viewer: Viewer, count: number) =>
      limiter.shortage(
        'acme',
        { key: viewer, class: viewers[viewer] },
        { count, priority: 'read', deadlineMs: clock.monotonic() + withinMs },
      ),
    /** How many of so many reads are served before their deadline. */
    async served(viewer: Viewer, count: number) {
      const callers = Array.from({ length: count }, (_, index) =>
        call(`read ${index}`, { viewer, viewerClass: viewers[viewer], withinMs }),
      );
      for (let step = 0; step < withinMs / 250; step += 1) {
        await flushMicrotasks();
        clock.advance(250);
      }
      await flushMicrotasks();
      return callers.filter(({ state }) => state() === 'served').length;
    },
  };
}

const bursts = fc.array(
  fc.record<Burst>({
    viewer: fc.constantFrom('ada', 'bob', 'eve'),
    priority: fc.constantFrom('read', 'write', 'background'),
    count: fc.integer({ min: 1, max: 40 }),
    thenMs: fc.integer({ min: 0, max: 120 }).map((steps) => steps * 250),
  }),
  { maxLength: 6 },
);

describe('a shortage', () => {
  test('is reported only if fewer calls are served before the deadline', async () => {
    const runs = fc.record({
      bursts,
      viewer: fc.constantFrom<Viewer>('ada', 'bob', 'eve'),
      count: fc.integer({ min: 1, max: 60 }),
    });
    await fc.assert(
      fc.asyncProperty(runs, async (run) => {
        const account = await afterBursts(run.bursts);
        const shortage = account.shortage(run.viewer, run.count);

        const served = await account.served(run.viewer, run.count);

        const most = shortage?.obtainable ?? run.count;
        expect(most).toBeLessThanOrEqual(run.count);
        expect(served).toBeLessThanOrEqual(most);
      }),
      propertyParameters(20),
    );
  });

  test('ends after retryAfterMs', async () => {
    await fc.assert(
      fc.asyncProperty(bursts, fc.integer({ min: 1, max: 48 }), async (before, count) => {
        const account = await afterBursts(before);
        const shortage = account.shortage('ada', count);

        account.clock.advance(shortage?.retryAfterMs ?? 0);

        expect(account.shortage('ada', count)).toBeUndefined();
      }),
      propertyParameters(50),
    );
  });

  test.each([
    ['customer limit', 'eve', 'read', 12, { obtainable: 0, reason: 'VIEWER_LIMIT' }],
    ['general part', 'ada', 'read', 48, { obtainable: 0, reason: 'ACCOUNT_LIMIT' }],
  ] as const)(
    'has the reason of the limit: %s',
    async (_name, viewer, priority, count, expected) => {
      const account = await afterBursts([{ viewer, priority, count, thenMs: 20_000 }]);

      expect(account.shortage(viewer, 1)).toEqual({ ...expected, retryAfterMs: 40_000 });
    },
  );

  test('is not reported for a deadline after which own calls have left the window', () => {
    const clock = createManualClock();
    const limiter = createRateLimiter({ limit: 1, clock });
    const viewer = { key: 'ada', class: 'agent' } as const;
    const shortageWithin = (ms: number) =>
      limiter.shortage('acme', viewer, {
        count: 2,
        priority: 'read',
        deadlineMs: clock.monotonic() + ms,
      });

    expect(shortageWithin(59_999)).toMatchObject({ obtainable: 1, reason: 'ACCOUNT_LIMIT' });
    expect(shortageWithin(60_000)).toBeUndefined();
  });
});
