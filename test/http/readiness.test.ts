import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestGateway } from '../support/gateway.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { hasRedis, startRedis } from '../support/redis.ts';

const testWithRedis = hasRedis ? test : test.skip;

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
});

afterAll(() => helpCrunch[Symbol.asyncDispose]());

async function readinessOf({ url }: { readonly url: string }) {
  const response = await fetch(`${url}/readyz`);
  const { status, redis }: any = await response.json();
  return [response.status, status, redis].join(' ');
}

async function waitForReadiness(gateway: { readonly url: string }, expected: string) {
  while ((await readinessOf(gateway)) !== expected);
}

testWithRedis(
  'with REDIS_REQUIRED the gateway is ready while Redis is available, and always alive (needs Redis)',
  async () => {
    await using redis = await startRedis();
    const config = { redisUrl: redis.url, isRedisRequired: true };
    await using gateway = await startTestGateway({ upstream: helpCrunch, config });

    await waitForReadiness(gateway, '200 ready up');
    await redis.kill();
    await waitForReadiness(gateway, '503 waiting down');
    const alive = await fetch(`${gateway.url}/healthz`);
    const { data } = await gateway.query('{ __typename }');
    await redis.restart();
    await waitForReadiness(gateway, '200 ready up');

    expect(alive.status).toBe(200);
    expect(data).toEqual({ __typename: 'Query' });
  },
);

testWithRedis(
  'without REDIS_REQUIRED the gateway is ready without Redis (needs Redis)',
  async () => {
    await using redis = await startRedis();
    const config = { redisUrl: redis.url };
    await using gateway = await startTestGateway({ upstream: helpCrunch, config });
    await waitForReadiness(gateway, '200 ready up');

    await redis.kill();

    await waitForReadiness(gateway, '200 ready down');
  },
);
