import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { BreakerOutcome } from '../../src/upstream/circuitBreaker.ts';
import { createCircuitBreakers } from '../../src/upstream/circuitBreakers.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { executeQuery } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';

const second = 1_000;

describe('a circuit', () => {
  function start() {
    const clock = createManualClock();
    const changes: string[] = [];
    const breakers = createCircuitBreakers({
      clock,
      onStateChange: (account, isOpen) => changes.push(`${account} ${isOpen ? 'opens' : 'closes'}`),
    });
    const breaker = breakers.forAccount('acme');
    /** Tries that end at once in this way. */
    const note = (outcome: BreakerOutcome, times = 1, tried = breaker) => {
      for (let index = 0; index < times; index += 1) tried.acquire().recordOutcome(outcome);
    };
    const refusal = () => {
      try {
        breaker.acquire().recordOutcome('unknown');
        return null;
      } catch (error: any) {
        return { kind: error.kind, ...error.details };
      }
    };
    return { clock, changes, breakers, breaker, note, refusal };
  }

  test.each([
    ['ten failures', 0, 10, true],
    ['nine failures', 0, 9, false],
    ['three quarters of failures', 5, 15, true],
    ['less than three quarters', 5, 14, false],
    ['half', 50, 50, false],
  ])('after %s', (_name, successes, failures, isOpen) => {
    const { breaker, note } = start();

    note('alive', successes);
    note('failed', failures);

    expect(breaker.isOpen()).toBe(isOpen);
  });

  test('opens for failures of the last half minute alone', () => {
    const { clock, breaker, note } = start();
    note('failed', 9);

    clock.advance(30 * second);
    note('failed', 9);
    expect(breaker.isOpen()).toBe(false);
    clock.advance(29 * second);
    note('failed');

    expect(breaker.isOpen()).toBe(true);
  });

  test('does not open for tries that say nothing', () => {
    const { breaker, note } = start();

    note('unknown', 100);

    expect(breaker.isOpen()).toBe(false);
  });

  test('refuses while it is open, and says when it may be tried', () => {
    const { clock, note, refusal, changes } = start();
    note('failed', 10);

    expect(refusal()).toEqual({ kind: 'unavailable', notSent: true, retryAfterMs: 2 * second });
    clock.advance(1.5 * second);
    expect(refusal()).toMatchObject({ retryAfterMs: second });
    clock.advance(0.5 * second);
    expect(refusal()).toBeNull();
    expect(changes).toEqual(['acme opens']);
  });

  test('lets one try alone, and closes when that one is answered', () => {
    const { clock, breaker, note, refusal, changes } = start();
    note('failed', 10);
    clock.advance(2 * second);

    const trial = breaker.acquire();
    expect(refusal()).toMatchObject({ kind: 'unavailable', retryAfterMs: second });
    trial.recordOutcome('alive');

    expect(refusal()).toBeNull();
    expect(changes).toEqual(['acme opens', 'acme closes']);
    note('failed', 9);
    expect(breaker.isOpen()).toBe(false);
  });

  test('stays open for twice as long after each trial that fails, up to half a minute', () => {
    const { clock, note, refusal } = start();
    note('failed', 10);
    const waits: unknown[] = [];
    for (let round = 0; round < 6; round += 1) {
      const { retryAfterMs } = refusal()!;
      waits.push(retryAfterMs);
      clock.advance(retryAfterMs);
      note('failed');
    }

    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  test('a trial that says nothing leaves its place to another', () => {
    const { clock, breaker, note, refusal } = start();
    note('failed', 10);
    clock.advance(2 * second);

    note('unknown');

    expect(breaker.isOpen()).toBe(true);
    expect(refusal()).toBeNull();
  });

  test('what left before it opened neither closes it nor opens it again', () => {
    const { clock, breaker, note } = start();
    const early = Array.from({ length: 20 }, () => breaker.acquire());
    note('failed', 10);
    expect(early.every((pass) => pass.wasTripped())).toBe(true);

    early.shift()?.recordOutcome('alive');
    expect(breaker.isOpen()).toBe(true);
    clock.advance(2 * second);
    note('alive');
    for (const pass of early) pass.recordOutcome('failed');

    expect(breaker.isOpen()).toBe(false);
  });

  test('of one account is not that of another', () => {
    const { breakers, breaker, note } = start();
    const other = breakers.forAccount('umbrella');

    note('failed', 10, other);

    expect([breaker.isOpen(), other.isOpen()]).toEqual([false, true]);
    expect(breakers.openCount()).toBe(1);
  });

  test('those of ten thousand accounts are all that are kept', () => {
    const { breakers, note } = start();
    note('failed', 10);

    for (let index = 0; index < 10_000; index += 1) breakers.forAccount(`tenant ${index}`);

    expect(breakers.openCount()).toBe(0);
  });
});

describe('a gateway whose helpdesk fails', () => {
  const clock = createManualClock();
  let upstream: ControlledUpstream;
  let gateway: Awaited<ReturnType<typeof startTestGateway>>;
  const chat = (id: number) => `{ chat(id: ${id}) { id } }`;

  beforeEach(async () => {
    upstream = await startControlledUpstream();
    gateway = await startTestGateway({
      upstream,
      clock,
      config: { upstreamRetries: 2, logLevel: 'info' },
    });
    upstream.seed({ chats: Array.from({ length: 50 }, (_, id) => ({ id })) });
  });

  afterEach(async () => {
    await gateway.stop();
    await upstream[Symbol.asyncDispose]();
  });

  const failWith = (status: number) =>
    upstream.onEveryCall((held) => held.respond({ status, body: {} }));

  async function failTenTimes() {
    failWith(500);
    for (let id = 1; id <= 10; id += 1) await gateway.query(chat(id));
    upstream.clearCalls();
  }

  const openBreakers = async () => {
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    return /^helpcrunch_breaker_open (\d+)$/m.exec(metrics)?.[1];
  };

  test('answers at once while the circuit is open, without a call or a retry', async () => {
    await failTenTimes();

    const { errors, headers, extensions } = await gateway.query(chat(11));

    expect(errors[0]?.extensions).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      retryable: true,
      retryAfterMs: 2_000,
    });
    expect(headers.get('retry-after')).toBe('2');
    expect(extensions.upstream.calls).toBe(0);
    expect(upstream.calls).toHaveLength(0);
    expect(await openBreakers()).toBe('1');
  });

  test('goes on when the first trial is answered, and says both in the log once', async () => {
    await failTenTimes();
    for (let id = 1; id <= 10; id += 1) await gateway.query(chat(id));
    upstream.onEveryCall();
    clock.advance(2_000);

    const { data } = await gateway.query(chat(1));

    expect(data).toEqual({ chat: { id: '1' } });
    expect(await openBreakers()).toBe('0');
    const messages = gateway.logged
      .map((line) => JSON.parse(line).msg)
      .filter((message) => message !== 'operation');
    expect(messages.filter((message) => message.includes('too often'))).toHaveLength(1);
    expect(messages.filter((message) => message.includes('again'))).toHaveLength(1);
    // The refusals of the open circuit are not told one by one.
    expect(messages).toHaveLength(12);
  });

  test('sends one call alone when the time has come, however many clients ask', async () => {
    await failTenTimes();
    clock.advance(2_000);
    const trial = upstream.hold('GET /chats/1');
    upstream.onEveryCall();
    const first = gateway.query(chat(1));
    await trial.arrived;

    const others = await Promise.all([2, 3, 4].map((id) => gateway.query(chat(id))));
    trial.respond();

    expect(others.map(({ errors }) => errors[0]?.extensions['code'])).toEqual(
      others.map(() => 'UPSTREAM_UNAVAILABLE'),
    );
    expect((await first).errors).toEqual([]);
    expect(upstream.calls).toHaveLength(1);
  });

  test('gives the trial to the next when its client leaves', async () => {
    await failTenTimes();
    clock.advance(2_000);
    upstream.onEveryCall();
    const trial = upstream.hold('GET /chats/1');
    const { leave } = executeQuery(gateway, chat(1));
    await trial.arrived;
    leave();
    await trial.aborted;

    const { data } = await gateway.query(chat(2));

    expect(data).toEqual({ chat: { id: '2' } });
  });

  test('sends away at once those who wait for room when the circuit opens', async () => {
    const { url } = upstream;
    const config = { rateLimit: 10, operationTimeoutMs: 100_000 };
    await using other = await startTestGateway({ upstream: { url, key: 'other' }, clock, config });
    const held: { respond(answer: object): void }[] = [];
    upstream.onEveryCall((call) => held.push(call));
    const failing = Array.from({ length: 10 }, (_, id) => other.query(chat(id + 1)));
    while (held.length < 10) await other.query('{ __typename }');
    const waiting = other.query(chat(11));
    await other.waitForQueuedCalls(1);

    for (const call of held) call.respond({ status: 503, body: {} });
    await Promise.all(failing);

    expect((await waiting).errors[0]?.extensions).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      retryAfterMs: 2_000,
    });
  });

  test.each([400, 401, 403, 404, 408])('calls on after any number of %i', async (status) => {
    failWith(status);

    for (let id = 1; id <= 20; id += 1) await gateway.query(chat(id));

    expect(upstream.calls).toHaveLength(20);
    expect(await openBreakers()).toBe('0');
  });

  test('stops after time-outs of tries and after operations whose time it used up', async () => {
    const { url } = upstream;
    const config = { operationTimeoutMs: 1_500, upstreamTimeoutMs: 60_000 };
    await using other = await startTestGateway({ upstream: { url, key: 'other' }, clock, config });
    let heldCount = 0;
    upstream.onEveryCall(() => (heldCount += 1));
    const asked = Array.from({ length: 10 }, (_, id) => other.query(chat(id + 1)));
    while (heldCount < 10) await other.query('{ __typename }');
    clock.advance(1_500);
    await Promise.all(asked);

    const { errors } = await other.query(chat(11));

    expect(errors[0]?.extensions).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      retryAfterMs: 2_000,
    });
  });

  test('is not blamed for clients that leave', async () => {
    for (let id = 1; id <= 12; id += 1) {
      const held = upstream.hold(`GET /chats/${id}`);
      const { leave } = executeQuery(gateway, chat(id));
      await held.arrived;
      clock.advance(2_000);
      leave();
      await held.aborted;
    }

    expect(await openBreakers()).toBe('0');
  });
});
