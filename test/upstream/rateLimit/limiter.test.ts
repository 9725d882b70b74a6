import { getEventListeners } from 'node:events';
import { expect, test } from '@jest/globals';
import { createRateLimiter } from '../../../src/upstream/rateLimit/registry.ts';
import { createPermitCallers, flushMicrotasks, requestOf } from '../../support/permitCallers.ts';
import type { PermitCaller } from '../../support/permitCallers.ts';
import { createManualClock } from '../../support/manualClock.ts';

const second = 1_000;

function start(limit: number) {
  const clock = createManualClock();
  const startedAt = clock.now();
  const limiter = createRateLimiter({ limit, clock });
  const callers = createPermitCallers(limiter, clock);
  const pass = async (ms: number) => {
    clock.advance(ms);
    await flushMicrotasks();
  };
  /** Calls that are answered at once. */
  const spend = async (count: number) => {
    const calls = Array.from({ length: count }, (_, index) => callers.call(`spent ${index}`));
    await flushMicrotasks();
    for (const call of calls) call.permit().complete();
    await flushMicrotasks();
  };
  const status = () => limiter.status('acme');
  return { clock, startedAt, budget: limiter, ...callers, pass, spend, status };
}

const states = (calls: readonly PermitCaller[]) => calls.map(({ state }) => state());

test('a call leaves at once while there is budget', async () => {
  const { call, status } = start(2);

  const calls = [call('one'), call('two')];
  await flushMicrotasks();

  expect(states(calls)).toEqual(['served', 'served']);
  expect(status()).toMatchObject({ limit: 2, remaining: 0 });
});

test('a slot comes back one window after its call was done, not after it left', async () => {
  const { call, pass, startedAt, status } = start(1);
  const first = call('first');
  await pass(3 * second);
  first.permit().complete();
  const next = call('next', { withinMs: 70 * second });

  await pass(60 * second - 1);
  expect(next.state()).toBe('waiting');
  expect(status()).toEqual({ limit: 1, remaining: 0, resetAt: startedAt + 63 * second });
  await pass(1);
  expect(next.state()).toBe('served');
});

test('a call that never says that it is done comes back all the same', async () => {
  const { call, pass, status } = start(1);
  call('lost');
  await flushMicrotasks();
  await pass(75 * second - 1);
  expect(status().remaining).toBe(0);

  await pass(1);

  expect(status()).toEqual({ limit: 1, remaining: 1, resetAt: null });
});

test('the slot of a call under way is expected one window from now', async () => {
  const { clock, call, pass, status } = start(1);
  call('slow');

  await pass(5 * second);

  expect(status().resetAt).toBe(clock.now() + 60 * second);
});

test('changes go before reads and these before the background, whoever came first', async () => {
  const { call, grantedNames, spend, pass } = start(3);
  await spend(3);
  await pass(55 * second);
  call('nightly', { priority: 'background' });
  call('list', { priority: 'read' });
  call('mark read', { priority: 'write' });

  await pass(5 * second);

  expect(grantedNames.slice(3)).toEqual(['mark read', 'list', 'nightly']);
});

test('viewers take turns, and one viewer is served in its own order', async () => {
  const { call, grantedNames, spend, pass } = start(6);
  await spend(6);
  await pass(55 * second);
  for (const name of ['a1', 'a2', 'a3', 'a4']) call(name, { viewer: 'ada' });
  await flushMicrotasks();
  for (const name of ['b1', 'b2']) call(name, { viewer: 'bob' });

  await pass(5 * second);

  expect(grantedNames.slice(6)).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'a4']);
});

test('a viewer with a thousand waiting calls delays the first call of another by one turn at most', async () => {
  const { call, grantedNames, pass } = start(10);
  const opened = Array.from({ length: 10 }, (_, index) => call(`opening ${index}`));
  for (let index = 0; index < 10; index += 1) {
    await pass(second);
    opened[index]?.permit().complete();
  }
  const hour = { withinMs: 3_600 * second };
  for (let index = 0; index < 1_000; index += 1) call(`greedy ${index}`, hour);
  await pass(51 * second);
  expect(grantedNames.at(-1)).toBe('greedy 0');
  call('modest', { viewer: 'bob', ...hour });

  await pass(2 * second);

  expect(grantedNames.slice(11)).toEqual(['greedy 1', 'modest']);
});

test('what cannot be served in time is refused at once, with the time to come back', async () => {
  const { call, spend, pass, status } = start(2);
  await spend(2);
  await pass(20 * second);

  const late = call('late', { withinMs: 10 * second });
  await flushMicrotasks();

  expect(late.state()).toBe('refused');
  expect(late.error()).toMatchObject({ kind: 'rateLimited', details: { retryAfterMs: 40_000 } });
  expect(status().remaining).toBe(0);
  await pass(40 * second);
  expect(status().remaining).toBe(2);
});

test('only those wait whose turn comes before their deadline', async () => {
  const { call, spend, pass } = start(3);
  await spend(1);
  await pass(second);
  await spend(1);
  await pass(second);
  await spend(1);
  await pass(50 * second);

  const calls = [call('8 s'), call('9 s'), call('10 s'), call('never')];
  await flushMicrotasks();

  // A slot that comes at the very deadline is too late.
  expect(states(calls)).toEqual(['waiting', 'waiting', 'refused', 'refused']);
  expect(calls[3]?.retryAfterMs()).toBe(10_000);
});

test('a refused call does not keep one behind it from being served', async () => {
  const { call, spend, pass } = start(1);
  await spend(1);
  await pass(52 * second);

  const hasty = call('hasty', { withinMs: second });
  const patient = call('patient');
  await pass(8 * second);

  expect(states([hasty, patient])).toEqual(['refused', 'served']);
});

test('a more important call sends away those that it makes hopeless, at once', async () => {
  const { call, spend, pass } = start(1);
  await spend(1);
  await pass(55 * second);
  const read = call('read');
  await flushMicrotasks();
  expect(read.state()).toBe('waiting');

  const write = call('write', { priority: 'write' });
  await flushMicrotasks();

  expect(states([write, read])).toEqual(['waiting', 'refused']);
  expect(read.retryAfterMs()).toBe(65_000);
});

test('a call whose deadline has passed takes no budget', async () => {
  const { call, status } = start(5);

  const late = call('late', { withinMs: 0 });
  await flushMicrotasks();

  expect(late.state()).toBe('refused');
  expect(late.retryAfterMs()).toBe(1);
  expect(status().remaining).toBe(5);
});

test('the calls of a client that leaves are dropped', async () => {
  const { budget: limiter, call, spend, pass } = start(1);
  await spend(1);
  await pass(55 * second);
  const left = call('left');
  const other = call('other', { viewer: 'bob', withinMs: 100 * second });
  await flushMicrotasks();
  expect(limiter.queueDepths()).toEqual({ write: 0, read: 2, background: 0 });

  left.leave();
  await flushMicrotasks();
  expect(left.error()).toEqual(new Error('The client left.'));
  expect(limiter.queueDepths().read).toBe(1);
  await pass(5 * second);

  expect(other.state()).toBe('served');
});

test('who has left before calling is not even queued', async () => {
  const { budget: limiter, status } = start(1);

  const acquiring = limiter.acquire(
    'acme',
    () => requestOf({}),
    AbortSignal.abort(new Error('gone')),
  );

  await expect(acquiring).rejects.toThrow('gone');
  expect(status().remaining).toBe(1);
});

test('a demand is asked anew: a call that others joined keeps its place for their deadline', async () => {
  const { budget: limiter, call, spend, pass } = start(1);
  await spend(1);
  await pass(55 * second);
  const shared = call('shared', { priority: 'background' });
  const read = call('read');
  await flushMicrotasks();
  expect(states([shared, read])).toEqual(['refused', 'waiting']);
  const again = call('again', { priority: 'background', withinMs: 100 * second });
  await flushMicrotasks();

  again.change({ priority: 'write', withinMs: 100 * second });
  limiter.reevaluate('acme');
  await flushMicrotasks();

  expect(read.state()).toBe('refused');
  await pass(5 * second);
  expect(again.state()).toBe('served');
});

test('tenants have budgets of their own', async () => {
  const { budget: limiter, clock, spend } = start(1);
  await spend(1);

  const other = createPermitCallers(limiter, clock, 'umbrella').call('theirs');
  await flushMicrotasks();

  expect(other.state()).toBe('served');
  expect(limiter.status('nobody')).toEqual({ limit: 1, remaining: 1, resetAt: null });
});

test.each([
  ['the seconds the helpdesk names', 7_000, 7_000],
  ['at most ten minutes', 86_400_000, 600_000],
  ['two seconds when it names none', undefined, 2_000],
  ['two seconds when it names zero', 0, 2_000],
])('a 429 closes the gate for %s', async (_name, retryAfterMs, closedMs) => {
  const { clock, budget: limiter, call, pass, status } = start(10);
  const refused = call('refused');
  await flushMicrotasks();
  refused.permit().throttled(retryAfterMs);
  await flushMicrotasks();
  expect(status().remaining).toBe(0);
  expect(status().resetAt).toBe(clock.now() + Math.max(60_000, closedMs));
  expect(limiter.explainWait('acme', { key: 'ada', class: 'agent' }, 'read').retryAfterMs).toBe(
    closedMs,
  );

  const waiting = call('waiting', { withinMs: closedMs + 1 });
  const hopeless = call('hopeless', { viewer: 'bob', withinMs: closedMs });
  await flushMicrotasks();
  await pass(closedMs - 1);
  expect(states([waiting, hopeless])).toEqual(['waiting', 'refused']);
  expect(hopeless.retryAfterMs()).toBe(closedMs);
  await pass(1);

  expect(waiting.state()).toBe('served');
});

test('the first call after a closing goes alone, and its success lets the others follow', async () => {
  const { call, pass } = start(10);
  const refused = call('refused');
  await flushMicrotasks();
  refused.permit().throttled();

  const calls = [call('probe'), call('second'), call('third')];
  await pass(2 * second);
  expect(states(calls)).toEqual(['served', 'waiting', 'waiting']);
  calls[0]?.permit().complete();
  await flushMicrotasks();

  expect(states(calls)).toEqual(['served', 'served', 'served']);
});

test('each probe that is refused doubles the pause, up to half a minute', async () => {
  const { clock, call, pass } = start(50);
  const hour = { withinMs: 3_600 * second };
  let probe = call('first', hour);
  const pauses: number[] = [];
  for (let round = 0; round < 7; round += 1) {
    await flushMicrotasks();
    probe.permit().throttled();
    const refusedAt = clock.monotonic();
    probe = call(`probe ${round}`, hour);
    while (probe.state() === 'waiting') await pass(500);
    pauses.push(clock.monotonic() - refusedAt);
  }

  expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test('calls that left together and are refused together close the gate once', async () => {
  const { call, pass } = start(10);
  const calls = [call('one'), call('two'), call('three')];
  await flushMicrotasks();
  for (const refused of calls) refused.permit().throttled();

  const probe = call('probe');
  await pass(2 * second);

  expect(probe.state()).toBe('served');
});

test('a success of a call that left before the closing does not open the gate', async () => {
  const { call, pass } = start(10);
  const [early, refused] = [call('early'), call('refused')];
  await flushMicrotasks();
  refused.permit().throttled();
  early.permit().complete();

  const waiting = call('waiting');
  await pass(2 * second - 1);

  expect(waiting.state()).toBe('waiting');
});

test('those who wait behind a probe that is never answered are told at their deadline', async () => {
  const { call, pass } = start(10);
  const refused = call('refused');
  await flushMicrotasks();
  refused.permit().throttled();
  call('probe');
  const waiting = call('waiting', { withinMs: 6 * second });
  await pass(6 * second - 1);
  expect(waiting.state()).toBe('waiting');

  await pass(1);

  expect(waiting.state()).toBe('refused');
  expect(waiting.retryAfterMs()).toBe(1_000);
});

test('the budget learns that it has company, and forgets it little by little', async () => {
  const { call, spend, pass, status } = start(120);
  await spend(80);
  const refused = call('refused');
  await flushMicrotasks();
  refused.permit().throttled(second);
  await pass(second);
  const probe = call('probe');
  await flushMicrotasks();
  probe.permit().complete();
  await flushMicrotasks();

  // 80 were allowed, 82 have been sent.
  expect(status().remaining).toBe(0);
  await pass(59 * second);
  expect(status().remaining).toBe(80 + 11 - 1);
  await pass(60 * second);
  expect(status().remaining).toBe(80 + 23);
  await pass(600 * second);
  expect(status().remaining).toBe(120);
});

test('one closing lowers the budget by half at most', async () => {
  const { call, pass, status } = start(120);
  const first = call('first');
  await flushMicrotasks();
  first.permit().throttled(second);
  await pass(second);
  const probe = call('probe');
  await flushMicrotasks();

  probe.permit().complete();

  expect(status().remaining).toBe(60 - 2);
});

test('a call waits for the budget to grow when nothing else comes back sooner', async () => {
  const { call, spend, pass } = start(120);
  await spend(60);
  const refused = call('refused');
  await flushMicrotasks();
  refused.permit().throttled(second);
  const probe = call('probe');
  await pass(second);
  probe.permit().complete();
  const waiting = call('waiting', { withinMs: 20 * second });
  await flushMicrotasks();

  // 62 have been sent and 60 are allowed: one more every five seconds.
  await pass(15 * second - 1);
  expect(waiting.state()).toBe('waiting');
  await pass(1);

  expect(waiting.state()).toBe('served');
});

test('without a limit only a 429 holds calls back', async () => {
  const { call, pass, status } = start(0);
  const calls = Array.from({ length: 500 }, (_, index) => call(`call ${index}`));
  await flushMicrotasks();
  expect(new Set(states(calls))).toEqual(new Set(['served']));
  expect(status()).toEqual({ limit: 0, remaining: 0, resetAt: null });

  calls[0]?.permit().throttled(3 * second);
  const waiting = call('waiting');
  const hasty = call('hasty', { withinMs: second });
  await flushMicrotasks();
  expect(states([waiting, hasty])).toEqual(['waiting', 'refused']);
  await pass(3 * second);

  expect(waiting.state()).toBe('served');
});

test('closing refuses all who wait and all who come', async () => {
  const { budget: limiter, call, spend, pass } = start(1);
  await spend(1);
  await pass(55 * second);
  const waiting = call('waiting');
  await flushMicrotasks();

  limiter.close();
  const late = call('late');
  await flushMicrotasks();

  expect(waiting.error()).toMatchObject({ kind: 'unavailable' });
  expect(late.error()).toMatchObject({ kind: 'unavailable' });
});

test('no timer runs while nobody waits', async () => {
  const clock = createManualClock();
  let timers = 0;
  const counting = {
    ...clock,
    after(ms: number, task: () => void) {
      timers += 1;
      const cancel = clock.after(ms, () => {
        timers -= 1;
        task();
      });
      let isOver = false;
      return () => {
        if (!isOver) cancel();
        isOver = true;
      };
    },
  };
  const limiter = createRateLimiter({ limit: 1, clock: counting });
  const { call } = createPermitCallers(limiter, clock);

  const first = call('first');
  await flushMicrotasks();
  first.permit().throttled();
  await flushMicrotasks();

  expect(timers).toBe(0);
});

test('a tenant that has been idle is forgotten, one that still counts is not', async () => {
  const { budget: limiter, clock, pass } = start(2);
  for (let index = 0; index < 10_000; index += 1) {
    createPermitCallers(limiter, clock, `tenant ${index}`).call('once').state();
  }
  await flushMicrotasks();
  const refused = createPermitCallers(limiter, clock, 'one too many').call('once');
  await flushMicrotasks();
  expect(refused.state()).toBe('refused');

  await pass(76 * second);
  const served = createPermitCallers(limiter, clock, 'one more').call('once');
  await flushMicrotasks();

  expect(served.state()).toBe('served');
});

test('without a limit a call starts within the turn in which it is requested, without a listener', async () => {
  const { budget, clock } = start(0);
  const { signal } = new AbortController();
  const grants: string[] = [];
  const request = () => requestOf({ deadlineMs: clock.monotonic() + second });

  void budget.acquire('acme', request, signal).then(() => grants.push('permit'));

  expect(getEventListeners(signal, 'abort')).toEqual([]);
  expect(budget.queueDepths()).toEqual({ write: 0, read: 0, background: 0 });
  await Promise.resolve();
  expect(grants).toEqual(['permit']);
});

test('without a limit a call whose deadline has passed is rejected', async () => {
  const { call } = start(0);
  const late = call('late', { withinMs: 0 });
  await flushMicrotasks();
  expect(late.state()).toBe('refused');
});

test('without a limit calls wait while HelpCrunch rejects them', async () => {
  const { call, pass } = start(0);
  const rejected = call('rejected');
  await flushMicrotasks();
  rejected.permit().throttled(5 * second);
  const next = call('next');
  const other = call('other');

  await pass(5 * second - 1);
  expect(states([next, other])).toEqual(['waiting', 'waiting']);
  await pass(1);
  // The first is the probe.
  expect(states([next, other])).toEqual(['served', 'waiting']);
  next.permit().complete();
  await flushMicrotasks();
  expect(other.state()).toBe('served');
});

test.each([
  { limit: 20, others: 4, refreshes: 8, rule: 'half of the idle calls' },
  { limit: 20, others: 14, refreshes: 2, rule: 'what leaves a fifth of the limit' },
  { limit: 20, others: 16, refreshes: 0, rule: 'nothing if a fifth of the limit is left' },
  { limit: 1, others: 0, refreshes: 0, rule: 'nothing if the limit is one call' },
])('the gateway itself uses $rule', async ({ limit, others, refreshes }) => {
  const { clock, budget, spend, status } = start(limit);
  const refresh = { viewer: { key: 'gateway', class: 'gateway' }, priority: 'background' } as const;
  const deadlineMs = clock.monotonic() + second;
  const { signal } = new AbortController();
  await spend(others);
  let granted = 0;

  while (budget.canStart('acme', refresh)) {
    const request = () => ({ candidates: [refresh], deadlineMs });
    (await budget.acquire('acme', request, signal)).complete();
    granted += 1;
  }
  const rejected = budget.acquire('acme', () => ({ candidates: [refresh], deadlineMs }), signal);

  await expect(rejected).rejects.toMatchObject({ kind: 'rateLimited' });
  expect(granted).toBe(refreshes);
  expect(status().remaining).toBe(limit - others - refreshes);
});
