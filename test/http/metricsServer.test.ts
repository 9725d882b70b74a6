import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createManualClock } from '../support/manualClock.ts';
import { startTestGateway } from '../support/gateway.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { exchange } from '../support/rawHttp.ts';

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
});

afterAll(() => helpCrunch[Symbol.asyncDispose]());

const paths = ['/healthz', '/readyz', '/metrics', '/graphql', '/explorer'];
const statusesAt = (base: string) =>
  Promise.all(paths.map(async (path) => (await fetch(base + path)).status));

const separate = { metricsServer: { host: '127.0.0.1', port: 0 } };

describe('with METRICS_PORT', () => {
  test('metrics and health checks, and nothing else, have an address of their own', async () => {
    await using gateway = await startTestGateway({
      upstream: helpCrunch,
      config: { ...separate, isProduction: true, basePath: '/support' },
    });

    expect(await statusesAt(gateway.metricsUrl ?? '')).toEqual([200, 200, 200, 404, 404]);
    const metrics = await (await fetch(`${gateway.metricsUrl}/metrics`)).text();
    expect(metrics).toContain('helpcrunch_build_info');
    expect((await fetch(`${gateway.url}/metrics`)).status).toBe(404);
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
  });

  test('its responses have the form of other errors', async () => {
    await using gateway = await startTestGateway({ upstream: helpCrunch, config: separate });

    const response = await fetch(`${gateway.metricsUrl}/nothing`);
    const { errors }: any = await response.json();

    expect(errors[0].extensions.code).toBe('BAD_REQUEST');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test.each([
    ['text/csv', 'a'],
    ['application/json', '{'],
    ['application/json', `"${'a'.repeat(2_000_000)}"`],
  ])(
    'a body that it cannot read, of type %s, is not an error of the gateway',
    async (type, body) => {
      await using gateway = await startTestGateway({ upstream: helpCrunch, config: separate });

      for (const path of ['/metrics', '/nothing']) {
        const headers = { 'content-type': type };
        const response = await fetch(`${gateway.metricsUrl}${path}`, {
          method: 'POST',
          headers,
          body,
        });
        const { errors }: any = await response.json();

        expect(response.status).toBeLessThan(500);
        expect(errors[0].extensions.code).toBe('BAD_REQUEST');
      }
      expect(gateway.logged.join('')).not.toContain('request failed');
    },
  );

  test.each([
    ['another protocol', 'HELLO\r\n\r\n', 400],
    ['long headers', `GET /healthz HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
  ])('a request of %s is rejected in the form of other errors', async (_what, request, status) => {
    await using gateway = await startTestGateway({ upstream: helpCrunch, config: separate });

    const [response] = await exchange(gateway.metricsUrl ?? '', request);

    expect(response).toMatchObject({ status });
    expect(JSON.parse(response?.body ?? '').errors[0].extensions.code).toBe('BAD_REQUEST');
  });

  test('pages cannot read metrics of this machine by another name of it', async () => {
    await using gateway = await startTestGateway({ upstream: helpCrunch, config: separate });
    const request = 'GET /metrics HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n';

    const [response] = await exchange(gateway.metricsUrl ?? '', request);

    expect(response).toMatchObject({ status: 421 });
    expect(response?.body).toContain('Use the address that METRICS_HOST names.');
  });

  test('readiness fails there while the gateway drains', async () => {
    const clock = createManualClock();
    const gateway = await startTestGateway({
      upstream: helpCrunch,
      clock,
      config: { ...separate, shutdown: { delayMs: 1_000, graceMs: 1_000 } },
    });
    const stopped = gateway.stop();

    while ((await fetch(`${gateway.metricsUrl}/readyz`)).status !== 503);
    clock.advance(1_000);
    clock.advance(1_000);
    await stopped;

    await expect(fetch(`${gateway.metricsUrl}/readyz`)).rejects.toThrow();
  });
});

test.each([
  ['production', true, 404],
  ['development', false, 200],
])('without METRICS_PORT, /metrics in %s is %s', async (_name, isProduction, status) => {
  await using gateway = await startTestGateway({ upstream: helpCrunch, config: { isProduction } });

  expect(gateway.metricsUrl).toBeUndefined();
  expect((await fetch(`${gateway.url}/metrics`)).status).toBe(status);
});
