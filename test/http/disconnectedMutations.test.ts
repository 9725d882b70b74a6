import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { head, openConnection } from '../support/rawHttp.ts';
import { openSocket } from '../support/socket.ts';

const clock = createManualClock();
const helpCrunch = await startControlledUpstream();
const { shutdown } = readConfig({});

afterAll(() => helpCrunch[Symbol.asyncDispose]());

beforeEach(() => {
  clock.advance(120_000);
  helpCrunch.seed({
    chats: [
      { id: 1, readByAgent: false },
      { id: 2, readByAgent: false },
    ],
  });
  helpCrunch.clearCalls();
});

const start = (config: Parameters<typeof startTestGateway>[0]['config'] = {}) =>
  startTestGateway({ upstream: helpCrunch, clock, config: { rateLimit: 0, ...config } });

type Gateway = Awaited<ReturnType<typeof start>>;

const mark = (id: number) => `markChatRead(id: ${id}, by: AGENT, read: true) { id }`;
const markBoth = `mutation { a: ${mark(1)} b: ${mark(2)} }`;
const route = 'PUT /chats/readByAgent';

/** Sends an operation and returns a function that disconnects. */
type Send = (gateway: Gateway, query: string) => Promise<() => void>;

const post = (
  { url }: Gateway,
  path: string,
  query: string,
  ...headers: readonly string[]
): string => {
  const body = JSON.stringify({ query });
  return (
    head(
      `POST ${path} HTTP/1.1`,
      `Host: ${new URL(url).host}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      ...headers,
    ) + body
  );
};

const acceptStream = 'Accept: text/event-stream';

const overHttp =
  (path: string, ...headers: readonly string[]): Send =>
  async (gateway, query) => {
    const { socket, write } = await openConnection(gateway.url);
    write(post(gateway, path, query, ...headers));
    return () => socket.destroy();
  };

async function subscribe({ url }: Gateway, query: string) {
  const socket = await openSocket(url);
  await socket.initialize();
  socket.send({ id: 'a', type: 'subscribe', payload: { query } });
  return socket;
}

const transports: Readonly<Record<string, Send>> = {
  'a POST whose connection closes': overHttp('/graphql'),
  'an event stream that closes': overHttp('/graphql/stream', acceptStream),
  async 'a POST behind an event stream on a connection that closes'(gateway, query) {
    const { socket, write } = await openConnection(gateway.url);
    const stream = post(
      gateway,
      '/graphql',
      'subscription { chatUpdated { change } }',
      acceptStream,
    );
    write(stream + post(gateway, '/graphql', query));
    return () => socket.destroy();
  },
  async 'a WebSocket that closes'(gateway, query) {
    const { socket } = await subscribe(gateway, query);
    return () => socket.terminate();
  },
  async 'an operation that is completed over WebSocket'(gateway, query) {
    const { send } = await subscribe(gateway, query);
    return () => send({ id: 'a', type: 'complete' });
  },
};

/** Resolves when the gateway has processed what other connections have done before. */
async function settle({ url }: Gateway) {
  for (let count = 0; count < 3; count += 1) await (await fetch(`${url}/healthz`)).text();
}

const readChats = () =>
  [...helpCrunch.chats.values()].flatMap(({ id, readByAgent }) =>
    readByAgent === true ? [id] : [],
  );

describe.each(Object.entries(transports))('%s', (_name, send) => {
  test('a mutation that was sent upstream completes, and the next one of the operation is sent', async () => {
    await using gateway = await start();
    const [first, second] = [helpCrunch.hold(route), helpCrunch.hold(route)];

    const disconnect = await send(gateway, markBoth);
    await first.arrived;
    disconnect();
    await settle(gateway);
    first.respond();
    await second.arrived;
    second.respond();
    await gateway.stop();

    expect(readChats()).toEqual([1, 2]);
  });

  test('a mutation in the queue of the rate limiter is sent when a permit is free', async () => {
    await using gateway = await start({ rateLimit: 1, operationTimeoutMs: 120_000 });
    await gateway.query('{ chat(id: 1) { id } }');
    const held = helpCrunch.hold(route);

    const disconnect = await send(gateway, `mutation { ${mark(1)} }`);
    await gateway.waitForQueuedCalls(1);
    disconnect();
    await settle(gateway);
    clock.advance(60_001);
    await held.arrived;
    held.respond();
    await gateway.stop();

    expect(readChats()).toEqual([1]);
  });

  test('a query is aborted', async () => {
    await using gateway = await start();
    const held = helpCrunch.hold('GET /chats/1');

    const disconnect = await send(gateway, '{ chat(id: 1) { id } }');
    await held.arrived;
    disconnect();

    await held.aborted;
    expect(helpCrunch.calls).toHaveLength(1);
  });

  test('a shutdown waits for the mutation', async () => {
    await using gateway = await start();
    const [first, second] = [helpCrunch.hold(route), helpCrunch.hold(route)];
    const disconnect = await send(gateway, markBoth);
    await first.arrived;
    disconnect();
    await settle(gateway);

    const stopped = gateway.stop().then(() => readChats());
    first.respond();
    await second.arrived;
    second.respond();

    expect(await stopped).toEqual([1, 2]);
  });

  test('a shutdown aborts the mutation at the end of the grace period', async () => {
    await using gateway = await start({ operationTimeoutMs: 600_000, upstreamTimeoutMs: 600_000 });
    const held = helpCrunch.hold(route);
    const disconnect = await send(gateway, markBoth);
    await held.arrived;
    disconnect();
    await settle(gateway);

    const stopped = gateway.stop();
    const state = { isStopped: false };
    void stopped.then(() => (state.isStopped = true));
    while (!state.isStopped) {
      clock.advance(shutdown.graceMs / 10);
      await new Promise(setImmediate);
    }
    await held.aborted;

    expect(helpCrunch.callsTo(route)).toHaveLength(1);
  });
});

test('a WebSocket that a shutdown closes does not abort its mutation', async () => {
  await using gateway = await start();
  const held = helpCrunch.hold(route);
  const socket = await subscribe(gateway, `mutation { ${mark(1)} }`);
  await held.arrived;

  const stopped = gateway.stop().then(() => readChats());
  const { code } = await socket.closed;
  held.respond();

  expect(code).toBe(1001);
  expect(await stopped).toEqual([1]);
});
