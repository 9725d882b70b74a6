import { describe, expect, test } from '@jest/globals';
import type { Config } from '../../src/config/settings.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { openEventStream } from '../support/eventStream.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { ManualClock } from '../support/manualClock.ts';
import { createManualClock } from '../support/manualClock.ts';
import { callTool } from '../support/mcp.ts';
import { openSocket } from '../support/socket.ts';
import { post, webhookSecret, wireDelivery } from '../support/webhooks.ts';

const limitMs = 300;

/** A clock whose timers are late, as those of a busy event loop. */
function createLateClock(): ManualClock & { delayMs: number } {
  const clock = createManualClock(Date.now());
  const late = {
    ...clock,
    delayMs: 0,
    after: (ms: number, task: () => void) => clock.after(ms + late.delayMs, task),
  };
  return late;
}

async function start(config: Partial<Config> = {}) {
  const helpCrunch = await startControlledUpstream();
  helpCrunch.seed({ chats: [{ id: 1, customer: { id: 7 } }], customers: [{ id: 7 }] });
  const clock = createLateClock();
  const gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: {
      maxEventLoopDelayMs: limitMs,
      webhookSecret,
      mcp: { isEnabled: true, operations: undefined, allowsWrites: false },
      ...config,
    },
  });
  return {
    ...gateway,
    helpCrunch,
    clock,
    /** Every timer is late by this time from now on. */
    delay(ms: number, samples: number) {
      const pendingMs = 100 + clock.delayMs;
      clock.delayMs = ms;
      clock.advance(pendingMs);
      for (let sample = 0; sample < samples; sample += 1) clock.advance(100 + ms);
    },
    async [Symbol.asyncDispose]() {
      clock.delayMs = 0;
      await gateway.stop();
      await helpCrunch[Symbol.asyncDispose]();
    },
  };
}

const query = '{ chat(id: 1) { id } }';
const rejection = { code: 'UPSTREAM_UNAVAILABLE', retryable: true, retryAfterMs: 1_000 };

describe('while the event loop is late', () => {
  test('an operation gets 503 with Retry-After and makes no call', async () => {
    await using gateway = await start();
    gateway.delay(2 * limitMs, 4);

    const { status, headers, errors } = await gateway.query(query);

    expect(status).toBe(503);
    expect(headers.get('retry-after')).toBe('1');
    expect(errors[0]?.message).toBe('The gateway is overloaded. Retry after retryAfterMs.');
    expect(errors[0]?.extensions).toMatchObject(rejection);
    expect(gateway.helpCrunch.calls).toEqual([]);
    const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
    expect(metrics).toContain(
      'helpcrunch_requests_rejected_total{reason="unavailable",entry_point="http"} 1\n',
    );
    expect(metrics).toContain('\nhelpcrunch_operations_shed_total 1\n');
  });

  test('operations on an open WebSocket are rejected and the connection stays open', async () => {
    await using gateway = await start();
    await using socket = await openSocket(gateway.url);
    await socket.initialize();
    gateway.delay(2 * limitMs, 4);

    socket.send({ id: '1', type: 'subscribe', payload: { query } });
    const { type, payload } = await socket.nextMessage();
    gateway.delay(0, 5);
    socket.send({ id: '2', type: 'subscribe', payload: { query } });

    expect(type).toBe('error');
    expect(payload[0].extensions).toMatchObject(rejection);
    expect(await socket.nextMessage()).toMatchObject({ id: '2', type: 'next' });
  });

  test('event streams and tools of AI agents are rejected', async () => {
    await using gateway = await start();
    gateway.delay(2 * limitMs, 4);
    const headers = { accept: 'text/event-stream', 'content-type': 'application/json' };
    const body = JSON.stringify({ query });

    const stream = await fetch(`${gateway.url}/graphql/stream`, { method: 'POST', headers, body });
    const tool = await callTool(gateway.url, 'readChat', { chatId: '1' });

    expect(stream.status).toBe(503);
    expect(stream.headers.get('retry-after')).toBe('1');
    expect(tool.text).toContain('overloaded');
    expect(gateway.helpCrunch.calls).toEqual([]);
  });

  test('health checks, metrics and webhooks are served', async () => {
    await using gateway = await start();
    gateway.delay(2 * limitMs, 4);

    const statuses = await Promise.all(
      ['/healthz', '/readyz', '/metrics'].map(
        async (path) => (await fetch(gateway.url + path)).status,
      ),
    );
    const webhook = await post(gateway, wireDelivery({ event: 'other.event', eventData: {} }));

    expect(statuses).toEqual([200, 200, 200]);
    expect(webhook).toMatchObject({ status: 200, outcome: 'ignored' });
  });

  test('operations in progress and subscriptions continue', async () => {
    await using gateway = await start();
    await using stream = await openEventStream(
      gateway.url,
      'subscription { chatUpdated { change } }',
    );
    await gateway.waitForSubscriptions(1);
    const held = gateway.helpCrunch.hold('GET /chats/1');
    const running = gateway.query(query);
    await held.arrived;

    gateway.delay(2 * limitMs, 4);
    held.respond();
    const { data } = await running;
    const eventData = { chat_id: 1, status: 'pending' };
    await post(gateway, wireDelivery({ event: 'chat.status_updated', eventData }));

    expect(data).toEqual({ chat: { id: '1' } });
    expect(await stream.next()).toMatchObject({ data: { chatUpdated: { change: 'STATUS' } } });
  });
});

describe('the event loop', () => {
  test('operations are served again when it recovers', async () => {
    await using gateway = await start();
    gateway.delay(2 * limitMs, 4);

    const before = await gateway.query(query);
    gateway.delay(0, 5);
    const after = await gateway.query(query);

    expect([before.status, after.status]).toEqual([503, 200]);
  });

  test.each([
    ['a single stall', 20_000, 1],
    ['a short period of late timers', 2 * limitMs, 2],
    ['a delay within the limit', limitMs, 20],
  ])('%s rejects nothing', async (_name, delayMs, samples) => {
    await using gateway = await start();
    gateway.delay(delayMs, samples);

    expect((await gateway.query(query)).status).toBe(200);
  });

  test('a limit of 0 rejects nothing', async () => {
    await using gateway = await start({ maxEventLoopDelayMs: 0 });
    gateway.delay(60_000, 3);

    expect((await gateway.query(query)).status).toBe(200);
  });

  test('an overload is logged once a minute', async () => {
    await using gateway = await start();
    for (let period = 0; period < 3; period += 1) {
      gateway.delay(2 * limitMs, 4);
      gateway.delay(0, 5);
    }

    const lines = gateway.logged.map((line) => JSON.parse(line));
    expect(lines.map(({ msg }) => msg)).toEqual(['overloaded, new operations are rejected']);
    expect(lines[0].delayMs).toBeGreaterThan(limitMs);
  });
});
