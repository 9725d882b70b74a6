import { once } from 'node:events';
import { afterAll, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import type { Config } from '../../src/config/settings.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { openConnection } from '../support/rawHttp.ts';
import { openSocket } from '../support/socket.ts';
import { post as postWebhook, webhookSecret } from '../support/webhooks.ts';

const helpCrunch = await startControlledUpstream();

afterAll(() => helpCrunch[Symbol.asyncDispose]());

const start = async (config: Partial<Config> = {}) => {
  const clock = createManualClock();
  const gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { trustProxy: 1, ...config },
  });
  return {
    ...gateway,
    clock,
    lines: (): any[] =>
      gateway.logged
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => msg === 'request rejected')
        .map(({ reason, status, code, entryPoint, address, requestId, suppressed }) => ({
          ...{ reason, status, code, entryPoint, address, requestId, suppressed },
        })),
    metrics: async () => (await fetch(`${gateway.url}/metrics`)).text(),
  };
};

const query = '{"query":"{ __typename }"}';
const from = { 'x-forwarded-for': '192.0.2.1', 'x-request-id': 'mine-1' };
const json = { 'content-type': 'application/json' };

interface RejectedCase {
  readonly name: string;
  readonly path?: string;
  readonly init?: {
    readonly method: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  readonly expected: object;
}

const cases: readonly RejectedCase[] = [
  {
    name: 'a body that is too large',
    init: { method: 'POST', headers: json, body: 'x'.repeat(2_000) },
    expected: { reason: 'tooLarge', status: 413, code: 'BAD_REQUEST', entryPoint: 'http' },
  },
  {
    name: 'a body that is not JSON',
    init: { method: 'POST', headers: json, body: '{' },
    expected: { reason: 'malformed', status: 400, code: 'BAD_REQUEST', entryPoint: 'http' },
  },
  {
    name: 'another media type',
    init: { method: 'POST', headers: { 'content-type': 'image/png' }, body: query },
    expected: { reason: 'mediaType', status: 415, entryPoint: 'http' },
  },
  {
    name: 'a body that Apollo Server rejects',
    init: { method: 'POST', headers: { 'content-type': 'text/plain' }, body: query },
    expected: { reason: 'malformed', status: 400, code: 'BAD_REQUEST', entryPoint: 'http' },
  },
  {
    name: 'another method',
    init: { method: 'DELETE' },
    expected: { reason: 'method', status: 405, entryPoint: 'http' },
  },
  {
    name: 'an unknown path',
    path: '/wp-login.php',
    expected: { reason: 'unknownPath', status: 404, entryPoint: 'http' },
  },
  {
    name: 'a media type that is not available',
    init: { method: 'POST', headers: { ...json, accept: 'text/html' }, body: query },
    expected: { reason: 'notAcceptable', status: 406, entryPoint: 'http' },
  },
  {
    name: 'a WebSocket whose Upgrade header a proxy has removed',
    init: { method: 'GET', headers: { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' } },
    expected: { reason: 'upgradeRequired', status: 426, code: 'BAD_REQUEST', entryPoint: 'http' },
  },
  {
    name: 'an event stream without an operation',
    path: '/graphql/stream',
    init: { method: 'POST', headers: { ...json, accept: 'text/event-stream' }, body: '"a"' },
    expected: { reason: 'malformed', status: 400, entryPoint: 'sse' },
  },
  {
    name: 'an event stream of a page of another origin',
    path: '/graphql/stream',
    init: {
      method: 'POST',
      headers: { ...json, accept: 'text/event-stream', origin: 'https://other.example' },
      body: query,
    },
    expected: { reason: 'forbidden', status: 403, code: 'FORBIDDEN', entryPoint: 'sse' },
  },
];

describe('rejected requests', () => {
  test.each(cases)('$name is logged and counted with its reason', async (rejected) => {
    const { path = '/graphql', init = { method: 'GET' }, expected } = rejected;
    await using gateway = await start({ maxBodyBytes: 1_000 });

    await fetch(`${gateway.url}${path}`, { ...init, headers: { ...init.headers, ...from } });

    const [line, ...others] = gateway.lines();
    expect(others).toEqual([]);
    expect(line).toMatchObject({ ...expected, address: '192.0.2.1', requestId: 'mine-1' });
    expect(await gateway.metrics()).toContain(
      `helpcrunch_requests_rejected_total{reason="${line.reason}",entry_point="${line.entryPoint}"} 1\n`,
    );
  });

  test('a client that exceeds its rate limit is logged once a second with the number of suppressed lines', async () => {
    await using gateway = await start({ requestRateLimit: 1 });
    const send = () =>
      fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { ...json, ...from },
        body: query,
      });

    for (let count = 0; count < 5; count += 1) await send();
    gateway.clock.advance(1_000);

    const rejected = { reason: 'rateLimited', status: 429, code: 'RATE_LIMITED' };
    expect(gateway.lines()).toMatchObject([
      { ...rejected, suppressed: undefined },
      { ...rejected, suppressed: 2 },
    ]);
    const metrics = await gateway.metrics();
    expect(metrics).toContain(
      'helpcrunch_requests_rejected_total{reason="rateLimited",entry_point="http"} 4\n',
    );
    expect(metrics).toContain(
      'helpcrunch_operations_total{operation="other",kind="none",code="RATE_LIMITED"} 4\n',
    );
  });

  test('operations that are rejected before execution count as failed operations', async () => {
    await using gateway = await start({ auth: jwtAuth(), maxBodyBytes: 1_000 });
    const send = (body: string) =>
      fetch(`${gateway.url}/graphql`, { method: 'POST', headers: { ...json, ...from }, body });

    await send(query);
    await send('x'.repeat(2_000));
    await fetch(`${gateway.url}/elsewhere`);

    const metrics = await gateway.metrics();
    const failed = [...metrics.matchAll(/^helpcrunch_operations_total\{(.*)\} (\d+)$/gm)];
    expect(failed.map(([, labels, count]) => [labels, count])).toEqual([
      ['operation="other",kind="none",code="UNAUTHENTICATED"', '1'],
      ['operation="other",kind="none",code="BAD_REQUEST"', '1'],
    ]);
    expect(metrics).not.toContain('helpcrunch_operation_duration_seconds_count{operation="other"}');
  });

  test('input that is not HTTP is logged and counted', async () => {
    await using gateway = await start();
    const connection = await openConnection(gateway.url);

    connection.socket.write('NONSENSE\r\n\r\n');
    await connection.closed;

    expect(gateway.lines()).toMatchObject([
      { reason: 'malformed', status: 400, address: '127.0.0.1' },
    ]);
  });

  test('a WebSocket of a page of another origin is logged and counted', async () => {
    await using gateway = await start();
    const headers = { ...from, origin: 'https://other.example' };

    const socket = new WebSocket(`${gateway.url}/graphql`, 'graphql-transport-ws', { headers });
    await once(socket, 'unexpected-response');

    expect(gateway.lines()).toMatchObject([
      { reason: 'forbidden', entryPoint: 'websocket', address: '192.0.2.1', requestId: 'mine-1' },
    ]);
  });

  test('operations over a WebSocket that exceed the rate limit are logged and counted as failed', async () => {
    await using gateway = await start({ auth: jwtAuth(), requestRateLimit: 1 });
    await using socket = await openSocket(gateway.url, { headers: from });
    await socket.initialize(await bearer({ role: 'agent', agentId: 1 }));
    const payload = { query: '{ __typename }' };

    socket.send({ id: 'a', type: 'subscribe', payload });
    await socket.nextMessage();
    await socket.nextMessage();
    socket.send({ id: 'b', type: 'subscribe', payload });
    await socket.nextMessage();

    expect(gateway.lines()).toMatchObject([
      { reason: 'rateLimited', entryPoint: 'websocket', address: '192.0.2.1' },
    ]);
    expect(await gateway.metrics()).toContain(
      'helpcrunch_operations_total{operation="other",kind="none",code="RATE_LIMITED"} 1\n',
    );
  });

  test('a webhook that is not an event of HelpCrunch is logged with its address', async () => {
    await using gateway = await start({ webhookSecret });

    await postWebhook(gateway, '{ not json');

    expect(gateway.lines()).toMatchObject([
      { reason: 'malformed', status: 400, entryPoint: 'webhook', address: '127.0.0.1' },
    ]);
  });

  test('connections above the maximum are logged and counted', async () => {
    await using gateway = await start({ maxConnections: 1 });
    const first = await openConnection(gateway.url);

    const second = await openConnection(gateway.url);
    await second.closed;
    first.socket.destroy();

    expect(gateway.lines()).toMatchObject([
      { reason: 'tooManyConnections', entryPoint: 'http', address: '127.0.0.1' },
    ]);
  });
});
