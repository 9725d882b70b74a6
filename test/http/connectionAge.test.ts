import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { openSocket } from '../support/socket.ts';

const helpCrunch = await startControlledUpstream();

afterAll(() => helpCrunch[Symbol.asyncDispose]());
beforeEach(() => helpCrunch.seed({ chats: [{ id: 1 }] }));

const maxConnectionAgeMs = 20_000;
const subscription = 'subscription { chatUpdated { change chat { id } } }';
const { subscriptions } = readConfig({});

/** A gateway whose connections end at the maximum age, or at 90 % of it. */
async function startAged(ageMs = maxConnectionAgeMs) {
  let random = 0;
  const clock = { ...createManualClock(), random: () => random };
  const gateway = await startTestGateway({
    upstream: helpCrunch,
    clock,
    config: { subscriptions: { ...subscriptions, maxConnectionAgeMs: ageMs } },
  });
  return Object.assign(gateway, {
    clock,
    setRandom(value: number) {
      random = value;
    },
  });
}

type Aged = Awaited<ReturnType<typeof startAged>>;

const subscribe = async ({ url, ...gateway }: Aged, count = 1) => {
  const socket = await openSocket(url);
  await socket.initialize();
  socket.send({ id: 'a', type: 'subscribe', payload: { query: subscription } });
  await gateway.waitForSubscriptions(count);
  return socket;
};

const markRead = ({ query }: Aged) =>
  query('mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }');

const openStream = ({ url }: Aged, accept: string) =>
  fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { accept, 'content-type': 'application/json' },
    body: JSON.stringify({ query: subscription }),
  });

describe('MAX_CONNECTION_AGE_MS', () => {
  test('WebSockets of the same age are closed with 1001 at different times in the last tenth', async () => {
    await using gateway = await startAged();
    await using oldest = await subscribe(gateway);
    gateway.setRandom(1);
    await using first = await subscribe(gateway, 2);

    gateway.clock.advance(17_999);
    await markRead(gateway);
    const events = [await oldest.nextMessage(), await first.nextMessage()];
    gateway.clock.advance(1);
    const closed = [await first.closed];
    await gateway.waitForSubscriptions(1);
    gateway.clock.advance(2_000);
    closed.push(await oldest.closed);

    expect(events).toMatchObject([{ type: 'next' }, { type: 'next' }]);
    expect(closed).toEqual([
      { code: 1001, reason: 'Maximum connection age' },
      { code: 1001, reason: 'Maximum connection age' },
    ]);
    await gateway.waitForSubscriptions(0);
  });

  test('a WebSocket is closed after the result of its running query', async () => {
    await using gateway = await startAged();
    await using socket = await subscribe(gateway);
    gateway.clock.advance(maxConnectionAgeMs - 1_000);
    const held = helpCrunch.hold('GET /chats/1');
    socket.send({ id: 'b', type: 'subscribe', payload: { query: '{ chat(id: 1) { id } }' } });
    await held.arrived;

    gateway.clock.advance(1_000);
    held.respond();
    const messages = [await socket.nextMessage(), await socket.nextMessage()];

    expect(messages).toMatchObject([
      { id: 'b', type: 'next', payload: { data: { chat: { id: '1' } } } },
      { id: 'b', type: 'complete' },
    ]);
    expect(await socket.closed).toMatchObject({ code: 1001 });
  });

  test('an event stream ends without complete', async () => {
    await using gateway = await startAged();
    const response = await openStream(gateway, 'text/event-stream');
    await gateway.waitForSubscriptions(1);

    gateway.clock.advance(maxConnectionAgeMs);

    expect(await response.text()).toBe(':\n\n:\n\n');
    await gateway.waitForSubscriptions(0);
  });

  test('a multipart stream ends with a retryable error', async () => {
    await using gateway = await startAged();
    const response = await openStream(gateway, 'multipart/mixed;subscriptionSpec=1.0');
    await gateway.waitForSubscriptions(1);

    gateway.clock.advance(maxConnectionAgeMs);
    const text = await response.text();
    const last = text.split('\r\n').find((line) => line.includes('errors')) ?? '';

    expect(text.endsWith('\r\n--graphql--\r\n')).toBe(true);
    expect(JSON.parse(last)).toMatchObject({
      payload: null,
      errors: [{ extensions: { code: 'UPSTREAM_UNAVAILABLE', retryable: true } }],
    });
  });

  test('with 0 connections have no maximum age', async () => {
    await using gateway = await startAged(0);
    await using socket = await subscribe(gateway);

    gateway.clock.advance(maxConnectionAgeMs);
    await markRead(gateway);

    expect(await socket.nextMessage()).toMatchObject({ type: 'next' });
  });
});
