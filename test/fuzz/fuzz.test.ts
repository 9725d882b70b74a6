import { describe, expect, test } from '@jest/globals';
import { createRandom } from '../../src/simulator/random.ts';
import { hasRedis } from '../support/redis.ts';
import { Draws, shrink } from './draws.ts';
import { entryPoints } from './entryPoints.ts';
import { describeFault, fuzz } from './fuzzer.ts';
import { faultsOfLog, faultsOfResponse } from './oracle.ts';
import { mutateJson } from './values.ts';

/** Each starts gateways of its own, which takes its time on a busy machine. */
const timeoutMs = 300_000;

const brief = { seed: 7, batches: 2, reduceSeconds: 1 } as const;

const names = entryPoints.map(({ name }) => name).filter((name) => name !== 'redis');

const refused = (code: string) => ({ errors: [{ message: 'x', extensions: { code } }] });

const response = (status: number, body: unknown) => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
  elapsedMs: 1,
});

describe('the fuzzer', () => {
  test(
    'a brief run finds no fault at any entry point of the gateway',
    async () => {
      const { faults, summaries } = await fuzz({ ...brief, only: names });

      expect(faults.map(describeFault)).toEqual([]);
      expect(summaries.filter(({ cases }) => cases > 0).map(({ name }) => name)).toEqual(names);
    },
    timeoutMs,
  );

  test('generates the same cases for the same seed', () => {
    const mutated = (seed: number) => {
      const source = createRandom(seed);
      const random = new Draws([], () => source.next());
      return Array.from({ length: 20 }, () => mutateJson(random, '{"a":[1,{"b":"c"}],"d":null}'));
    };

    expect(mutated(3)).toEqual(mutated(3));
    expect(mutated(3)).not.toEqual(mutated(4));
  });

  test('reduces a case to the choices that its fault needs', async () => {
    const source = createRandom(5);
    const numbers = (draws: readonly number[]) => {
      const random = new Draws(draws, () => (draws.length === 0 ? source.next() : 0));
      const list = Array.from({ length: random.integer(1, 20) }, () => random.integer(0, 1_000));
      return { list, draws: random.taken };
    };
    const isFaulty = (draws: readonly number[]) =>
      Promise.resolve(numbers(draws).list.some((number) => number > 400));
    const { draws } = numbers([]);

    const reduced = numbers(await shrink(draws, isFaulty)).list;

    expect(await isFaulty(draws)).toBe(true);
    expect(reduced).toHaveLength(1);
    expect(reduced[0]).toBeGreaterThan(400);
    expect(reduced[0]).toBeLessThan(810);
  });

  test.each([
    ['status 500', response(500, {})],
    ['status 502', response(502, {})],
    ['code INTERNAL_SERVER_ERROR', response(200, refused('INTERNAL_SERVER_ERROR'))],
    ['unknown code OOPS', response(400, refused('OOPS'))],
    ['unknown code undefined', response(400, { errors: [{ message: 'x' }] })],
    ['a JSON response that is not JSON', { ...response(200, {}), body: '{' }],
    ['a response over MAX_RESPONSE_BYTES', response(200, { data: 'x'.repeat(9_000_000) })],
    ['a response slower than the deadline', { ...response(200, {}), elapsedMs: 60_000 }],
  ])('judges as a fault: %s', (fault, given) => {
    expect(faultsOfResponse(given)).toEqual([fault]);
  });

  test.each([
    ['a refusal', response(400, refused('BAD_REQUEST'))],
    ['an unavailable service', response(503, refused('UPSTREAM_UNAVAILABLE'))],
    ['a result', response(200, { data: { a: 1 } })],
  ])('judges as proper: %s', (_what, given) => {
    expect(faultsOfResponse(given)).toEqual([]);
  });

  test('judges lines of the log: errors, text that is not JSON, and floods', () => {
    const error =
      '{"level":50,"msg":"it failed","error":{"type":"TypeError","message":"x 12345678"}}';
    const warning = '{"level":40,"msg":"careful"}';
    const line = '{"level":30,"msg":"operation"}';

    expect(faultsOfLog([line, warning], 1).faults).toEqual([]);
    expect(faultsOfLog([error, error], 1)).toEqual({
      faults: ['an error in the log: it failed: TypeError'],
      lastError: 'it failed: TypeError x N',
    });
    expect(faultsOfLog(['Unexpected'], 1).faults).toEqual([
      'a log line that is not JSON: Unexpected',
    ]);
    expect(faultsOfLog(Array<string>(30).fill(warning), 1).faults).toEqual([
      'a flood of the log: careful',
    ]);
  });
});

(hasRedis ? describe : describe.skip)('the fuzzer (needs Redis)', () => {
  test(
    'a brief run finds no fault in what the gateway takes from Redis',
    async () => {
      const { faults, summaries } = await fuzz({ ...brief, only: ['redis'] });

      expect(faults.map(describeFault)).toEqual([]);
      expect(summaries.map(({ cases }) => cases > 0)).toEqual([true]);
    },
    timeoutMs,
  );
});
