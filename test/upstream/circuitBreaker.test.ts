import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { BreakerOutcome } from '../../src/upstream/circuitBreaker.ts';
import { CircuitBreakers } from '../../src/upstream/circuitBreaker.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { executeQuery } from '../support/client.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';

const second = 1_000;

describe('a circuit breaker', () => {
  function start() {
    const clock = createManualClock();
    const changes: string[] = [];
    const breakers = new CircuitBreakers(clock, (account, { isOpen }) =>
      changes.push(`${account} ${isOpen ? 'opens' : 'closes'}`),
    );
    const breaker = breakers.forAccount('acme');
    /** Attempts with this outcome. */
    const record = (outcome: BreakerOutcome, times = 1, target = breaker) => {
      for (let index = 0; index < times; index += 1) target.acquire().recordOutcome(outcome);
    };
    const rejection = () => {
      try {
        breaker.acquire().recordOutcome('ignored');
        return null;
      } catch (error: any) {
        return { kind: error.kind, ...error.details };
      }
    };
    return { clock, changes, breakers, breaker, record, rejection };
  }

  test.each([
    [0, 10, true],
    [0, 9, false],
    [5, 15, true],
    [5, 14, false],
    [50, 50, false],
  ])('after %i successes and %i failures a circuit breaker is open: %p', (...row) => {
    const [successes, failures, isOpen] = row;
    const { breaker, record } = start();

    record('success', successes);
    record('failure', failures);

    expect(breaker.isOpen).toBe(isOpen);
  });

  test('only failures within 30 seconds open the circuit breaker', () => {
    const { clock, breaker, record } = start();
    record('failure', 9);

    clock.advance(30 * second);
    record('failure', 9);
    expect(breaker.isOpen).toBe(false);
    clock.advance(29 * second);
    record('failure');

    expect(breaker.isOpen).toBe(true);
  });

  test('ignored outcomes do not open the circuit breaker', () => {
    const { breaker, record } = start();

    record('ignored', 100);

    expect(breaker.isOpen).toBe(false);
  });

  test('an open circuit breaker rejects attempts with the remaining time', () => {
    const { clock, record, rejection, changes } = start();
    record('failure', 10);

    expect(rejection()).toEqual({ kind: 'unavailable', notSent: true, retryAfterMs: 2 * second });
    clock.advance(1.5 * second);
    expect(rejection()).toMatchObject({ retryAfterMs: second });
    clock.advance(0.5 * second);
    expect(rejection()).toBeNull();
    expect(changes).toEqual(['acme opens']);
  });

  test('a half-open circuit breaker admits one probe and closes when it succeeds', () => {
    const { clock, breaker, record, rejection, changes } = start();
    record('failure', 10);
    clock.advance(2 * second);

    const probe = breaker.acquire();
    expect(rejection()).toMatchObject({ kind: 'unavailable', retryAfterMs: second });
    probe.recordOutcome('success');

    expect(rejection()).toBeNull();
    expect(changes).toEqual(['acme opens', 'acme closes']);
    record('failure', 9);
    expect(breaker.isOpen).toBe(false);
  });

  test('each failed probe doubles the open time, up to 30 seconds', () => {
    const { clock, record, rejection } = start();
    record('failure', 10);
    const waits: unknown[] = [];
    for (let round = 0; round < 6; round += 1) {
      const { retryAfterMs } = rejection()!;
      waits.push(retryAfterMs);
      clock.advance(retryAfterMs);
      record('failure');
    }

    expect(waits).toEqual([2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  test('a probe with an ignored outcome is followed by another probe', () => {
    const { clock, breaker, record, rejection } = start();
    record('failure', 10);
    clock.advance(2 * second);

    record('ignored');

    expect(breaker.isOpen).toBe(true);
    expect(rejection()).toBeNull();
  });

  test('attempts that started before the circuit breaker opened do not change its state', () => {
    const { clock, breaker, record } = start();
    const early = Array.from({ length: 20 }, () => breaker.acquire());
    record('failure', 10);
    expect(early.every((permit) => permit.wasTripped())).toBe(true);

    early.shift()?.recordOutcome('success');
    expect(breaker.isOpen).toBe(true);
    clock.advance(2 * second);
    record('success');
    for (const permit of early) permit.recordOutcome('failure');

    expect(breaker.isOpen).toBe(false);
  });

  test('accounts have separate circuit breakers', () => {
    const { breakers, breaker, record } = start();
    const other = breakers.forAccount('umbrella');

    record('failure', 10, other);

    expect([breaker.isOpen, other.isOpen]).toEqual([false, true]);
    expect(breakers.openCount()).toBe(1);
  });

  test('at most ten thousand circuit breakers are kept', () => {
    const { breakers, record } = start();
    record('failure', 10);

    for (let index = 0; index < 10_000; index += 1) breakers.forAccount(`account ${index}`);

    expect(breakers.openCount()).toBe(0);
  });
});

describe('a gateway while HelpCrunch fails', () => {
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
    return /^helpcrunch_circuit_breakers_open (\d+)$/m.exec(metrics)?.[1];
  };

  test('an open circuit breaker rejects operations without a call or a retry', async () => {
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

  test('a successful probe closes the circuit breaker, and both transitions are logged once', async () => {
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
    expect(messages.filter((message) => message === 'circuit breaker opened')).toHaveLength(1);
    expect(messages.filter((message) => message === 'circuit breaker closed')).toHaveLength(1);
    // Rejections by the open circuit breaker are not logged.
    expect(messages).toHaveLength(12);
  });

  test('only one probe is sent for any number of clients', async () => {
    await failTenTimes();
    clock.advance(2_000);
    const probe = upstream.hold('GET /chats/1');
    upstream.onEveryCall();
    const first = gateway.query(chat(1));
    await probe.arrived;

    const others = await Promise.all([2, 3, 4].map((id) => gateway.query(chat(id))));
    probe.respond();

    expect(others.map(({ errors }) => errors[0]?.extensions['code'])).toEqual(
      others.map(() => 'UPSTREAM_UNAVAILABLE'),
    );
    expect((await first).errors).toEqual([]);
    expect(upstream.calls).toHaveLength(1);
  });

  test('a probe whose client disconnects is followed by another probe', async () => {
    await failTenTimes();
    clock.advance(2_000);
    upstream.onEveryCall();
    const probe = upstream.hold('GET /chats/1');
    const { leave: disconnect } = executeQuery(gateway, chat(1));
    await probe.arrived;
    disconnect();
    await probe.aborted;

    const { data } = await gateway.query(chat(2));

    expect(data).toEqual({ chat: { id: '2' } });
  });

  test('queued operations are rejected as soon as the circuit breaker opens', async () => {
    const { url } = upstream;
    // One call is reserved for newcomers, so that ten are left for one viewer.
    const config = { rateLimit: 11, operationTimeoutMs: 100_000 };
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

  test.each([400, 401, 403, 404, 408])(
    'any number of %i leaves the circuit breaker closed',
    async (status) => {
      failWith(status);

      for (let id = 1; id <= 20; id += 1) await gateway.query(chat(id));

      expect(upstream.calls).toHaveLength(20);
      expect(await openBreakers()).toBe('0');
    },
  );

  test('attempts aborted at the deadline of their operation open the circuit breaker', async () => {
    const { url } = upstream;
    const config = { operationTimeoutMs: 1_500, upstreamTimeoutMs: 60_000 };
    await using other = await startTestGateway({ upstream: { url, key: 'other' }, clock, config });
    let heldCount = 0;
    upstream.onEveryCall(() => (heldCount += 1));
    const responses = Array.from({ length: 10 }, (_, id) => other.query(chat(id + 1)));
    while (heldCount < 10) await other.query('{ __typename }');
    clock.advance(1_500);
    await Promise.all(responses);

    const { errors } = await other.query(chat(11));

    expect(errors[0]?.extensions).toMatchObject({
      code: 'UPSTREAM_UNAVAILABLE',
      retryAfterMs: 2_000,
    });
  });

  test('clients that disconnect do not open the circuit breaker', async () => {
    for (let id = 1; id <= 12; id += 1) {
      const held = upstream.hold(`GET /chats/${id}`);
      const { leave: disconnect } = executeQuery(gateway, chat(id));
      await held.arrived;
      clock.advance(2_000);
      disconnect();
      await held.aborted;
    }

    expect(await openBreakers()).toBe('0');
  });
});
