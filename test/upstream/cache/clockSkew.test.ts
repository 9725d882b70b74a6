import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { ControlledUpstream } from '../../support/controlledUpstream.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { createManualClock } from '../../support/manualClock.ts';
import type { TestRedis } from '../../support/redis.ts';
import { hasRedis, startRedis } from '../../support/redis.ts';
import { readConfig } from '../../../src/config/settings.ts';

const describeWithRedis = hasRedis ? describe : describe.skip;

const { cacheTtlsMs } = readConfig({});
const chatsTtlSeconds = cacheTtlsMs.chats / 1_000;
const noon = Date.UTC(2026, 0, 15, 12);

const queries = {
  chat: '{ chat(id: 1) { lastMessageText } }',
  list: '{ chats { nodes { lastMessageText } } }',
};

describeWithRedis('instances with different clocks (needs Redis)', () => {
  let redis: TestRedis;
  let upstream: ControlledUpstream;

  beforeAll(async () => {
    redis = await startRedis();
    upstream = await startControlledUpstream();
  });

  afterAll(async () => {
    await redis[Symbol.asyncDispose]();
    await upstream[Symbol.asyncDispose]();
  });

  beforeEach(async () => {
    await redis.command('FLUSHALL');
    upstream.chats.clear();
    upstream.seed({ chats: [{ id: 1, customer: { id: 7 } }], customers: [{ id: 7 }] });
  });

  const start = async (skewSeconds: number) => {
    const clock = createManualClock(noon + skewSeconds * 1_000);
    const config = { redisUrl: redis.url, cacheTtlsMs };
    const gateway = await startTestGateway({ upstream, clock, config });
    await redisAvailable(gateway);
    return { ...gateway, clock };
  };

  /** Resolves when the instance shares its cache. */
  async function redisAvailable({ url }: { readonly url: string }) {
    for (;;) {
      const health: any = await (await fetch(`${url}/healthz`)).json();
      if (health.redis === 'up') return;
    }
  }

  /** After how many seconds the second instance shows a change that happened when the first had read the data. */
  async function secondsUntilVisible(query: string, [first, second]: readonly [number, number]) {
    await using writer = await start(first);
    await using reader = await start(second);
    await writer.query(query);
    upstream.seed({ chats: [{ id: 1, customer: { id: 7 }, lastMessageText: 'changed' }] });
    for (let seconds = 0; seconds <= 2 * chatsTtlSeconds; seconds += 1) {
      const { data } = await reader.query(query);
      if (JSON.stringify(data).includes('changed')) return seconds;
      for (const { clock } of [writer, reader]) clock.advance(1_000);
    }
    return Infinity;
  }

  describe.each(Object.entries(queries))('%s', (_name, query) => {
    test('an instance serves what another with the same clock has read, for the TTL', async () => {
      expect(await secondsUntilVisible(query, [0, 0])).toBe(chatsTtlSeconds);
    });

    test.each([30, 300, -30, -300])(
      'an instance serves a change no later than the TTL although another is %d s ahead',
      async (skew) => {
        expect(await secondsUntilVisible(query, [skew, 0])).toBeLessThanOrEqual(chatsTtlSeconds);
      },
    );

    test.each([30, 300, -30, -300])(
      'an instance that is %d s ahead serves a change no later than the TTL',
      async (skew) => {
        expect(await secondsUntilVisible(query, [0, skew])).toBeLessThanOrEqual(chatsTtlSeconds);
      },
    );
  });
});
