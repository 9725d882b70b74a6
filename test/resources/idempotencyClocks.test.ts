import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Clock } from '../../src/lib/clock.ts';
import { createDeferred } from '../support/deferred.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { ManualClock } from '../support/manualClock.ts';
import { createManualClock } from '../support/manualClock.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import type { TestRedis } from '../support/redis.ts';
import { hasRedis, startRedis } from '../support/redis.ts';

const threeHoursMs = 3 * 3_600_000;
/** Between two looks at a mutation that another instance runs. */
const pollMs = 200;
const noon = Date.UTC(2026, 0, 15, 12);
const message = { id: 90003, chat: 5208, from: 'customer', type: 'message', text: 'Hi' };
const created = { status: 201, body: message };

let fake: RecordingUpstream;
let redis: TestRedis | undefined;

beforeAll(async () => {
  fake = await startRecordingUpstream();
  if (hasRedis) redis = await startRedis();
});

afterAll(async () => {
  await fake[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
});

beforeEach(async () => {
  fake.clearCalls();
  fake.respond('GET /chats/5208', { body: wireChat() });
  fake.respond('GET /chats/5208/messages', { body: { data: [], total: 0 } });
  await redis?.command('FLUSHALL');
});

const send =
  'mutation { sendMessage(chatId: 5208, by: CUSTOMER, text: "Hi", idempotencyKey: "k") { id } }';

async function start(clock: Clock, redisUrl: string | undefined) {
  const common = { rateLimit: 0, upstreamRetries: 0, operationTimeoutMs: 5_000 };
  const config = { ...common, ...(redisUrl ? { redisUrl } : {}) };
  const gateway = await startTestGateway({ upstream: fake, clock, config });
  while (redisUrl !== undefined) {
    const health: any = await (await fetch(`${gateway.url}/healthz`)).json();
    if (health.redis === 'up') break;
  }
  return gateway;
}

/** Lets the time pass for the gateways, and for the record in Redis. */
async function pass(ms: number, ...clocks: readonly ManualClock[]) {
  for (const clock of clocks) clock.advance(ms);
  for (const key of (await redis?.command('KEYS', '*:idempotency:*')) ?? [])
    await redis?.command('PEXPIRE', key, (await redis.command('PTTL', key)) - ms);
}

/** A clock that reports when a task is scheduled after this time. */
const observed = (clock: ManualClock, observedMs: number, onSchedule: () => void): Clock => ({
  ...clock,
  after(ms, task) {
    const cancel = clock.after(ms, task);
    if (ms === observedMs) onSchedule();
    return cancel;
  },
});

const kinds = ['in memory', ...(hasRedis ? ['in Redis'] : [])];

describe.each(kinds)('an idempotency key %s', (kind) => {
  test.each([-threeHoursMs, threeHoursMs])(
    'sends a lost message ten seconds later if the clock was set by %d ms meanwhile',
    async (setByMs) => {
      const clock = createManualClock(noon);
      await using gateway = await start(clock, kind === 'in Redis' ? redis?.url : undefined);
      fake.respond('POST /messages', { status: 503 });
      const first = await gateway.query(send);
      clock.setWallClock(setByMs);

      const early = await gateway.query(send);
      const sentEarly = fake.callsTo('POST /messages').length;
      fake.respond('POST /messages', created);
      await pass(10_000, clock);
      const late = await gateway.query(send);

      expect(first.errors[0]?.extensions['code']).toBe('OUTCOME_UNKNOWN');
      expect(early.errors[0]?.extensions['retryAfterMs']).toBeLessThanOrEqual(10_000);
      expect(sentEarly).toBe(1);
      expect([late.errors, late.data]).toEqual([[], { sendMessage: { id: '90003' } }]);
      expect(fake.callsTo('POST /messages')).toHaveLength(2);
    },
  );
});

test('a clock that is set forwards during a mutation does not shorten the ten seconds', async () => {
  const clock = createManualClock(noon);
  const config = { rateLimit: 0, upstreamRetries: 0, operationTimeoutMs: 15_000 };
  const waiting = createDeferred();
  const observedClock = observed(clock, 10_000, () => {
    if (fake.callsTo('POST /messages').length > 0) waiting.resolve();
  });
  await using gateway = await startTestGateway({ upstream: fake, clock: observedClock, config });
  fake.respond('POST /messages', () => {
    clock.setWallClock(threeHoursMs);
    fake.respond('POST /messages', () => {
      waiting.resolve();
      return created;
    });
    return { status: 503 };
  });

  const answer = gateway.query(send);
  await waiting.promise;
  const sentEarly = fake.callsTo('POST /messages').length;
  clock.advance(10_000);

  expect((await answer).errors).toEqual([]);
  expect(sentEarly).toBe(1);
  expect(fake.callsTo('POST /messages')).toHaveLength(2);
});

(hasRedis ? describe : describe.skip)('an instance with another clock (needs Redis)', () => {
  /** The first instance sends the message until it is released; the second one receives the same key. */
  async function repeatElsewhere(skewMs: number) {
    const clocks = [createManualClock(noon), createManualClock(noon + skewMs)] as const;
    const [sent, decided, released] = [createDeferred(), createDeferred(), createDeferred()];
    const first = await start(clocks[0], redis?.url);
    const waits = observed(clocks[1], pollMs, () => decided.resolve());
    const second = await start(waits, redis?.url);
    fake.respond('POST /messages', async () => {
      fake.respond('POST /messages', () => {
        decided.resolve();
        return created;
      });
      sent.resolve();
      await released.promise;
      return created;
    });
    const firstAnswer = first.query(send);
    await sent.promise;
    const secondAnswer = second.query(send);
    await decided.promise;
    return {
      clock: clocks[1],
      firstAnswer,
      secondAnswer,
      release: () => released.resolve(),
      async [Symbol.asyncDispose]() {
        released.resolve();
        await Promise.all([first.stop(), second.stop()]);
      },
    };
  }

  test.each([threeHoursMs, -threeHoursMs])(
    'waits for a message that another one is sending if it is %d ms ahead',
    async (skewMs) => {
      await using pair = await repeatElsewhere(skewMs);
      pair.release();
      const first = await pair.firstAnswer;
      pair.clock.advance(pollMs);
      const second = await pair.secondAnswer;

      expect([first.errors, second.errors]).toEqual([[], []]);
      expect(second.data).toEqual(first.data);
      expect(fake.callsTo('POST /messages')).toHaveLength(1);
    },
  );

  test.each([threeHoursMs, -threeHoursMs])(
    'sends a message that another one has not sent before its deadline if it is %d ms ahead',
    async (skewMs) => {
      await using pair = await repeatElsewhere(skewMs);
      const sentEarly = fake.callsTo('POST /messages').length;
      await pass(11_000);
      pair.clock.advance(pollMs);
      const { errors } = await pair.secondAnswer;
      pair.release();
      await pair.firstAnswer;

      expect(sentEarly).toBe(1);
      expect(errors).toEqual([]);
      expect(fake.callsTo('POST /messages')).toHaveLength(2);
    },
  );
});
