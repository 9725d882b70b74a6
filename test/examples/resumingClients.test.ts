import { gql } from '@apollo/client';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import {
  apolloClient,
  eventStreamClient,
  urqlClient,
  webSocketClient,
} from '../../examples/clients/resumingClients.ts';
import { createWebSocketClient } from '../../examples/clients/apolloWebSocket.ts';
import { readConfig } from '../../src/config/settings.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { createDeferred } from '../support/deferred.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';
import { startTcpProxy } from '../support/tcpProxy.ts';

const query = `
  subscription ($after: ID) {
    chatUpdated(after: $after) {
      change
    }
  }
`;
const markRead = (isRead: boolean) =>
  `mutation { markChatRead(id: 1, by: AGENT, read: ${isRead}) { id } }`;

let upstream: ControlledUpstream;

beforeAll(async () => {
  upstream = await startControlledUpstream();
  upstream.seed({ chats: [{ id: 1 }] });
});

afterAll(() => upstream[Symbol.asyncDispose]());

type Receive = (result: any) => void;

type Wait = () => Promise<void>;

/** Clients retry at once, so that the test waits for no time. */
const retryAtOnce: Wait = () => new Promise((resolve) => setImmediate(resolve));

const connecting = (onFailure: () => void) => ({
  webSocketImpl: WebSocket,
  on: { closed: onFailure },
  retryWait: retryAtOnce,
});

type Subscribe = (url: string, receive: Receive, retryWait: Wait) => () => void;

const ignoringEnd = (next: Receive) => ({
  next,
  error: () => undefined,
  complete: () => undefined,
});

const clients: readonly [string, Subscribe][] = [
  [
    'graphql-ws',
    (url, receive, retryWait) =>
      webSocketClient(url, { webSocketImpl: WebSocket, retryWait }).subscribe(
        { query },
        ignoringEnd(receive),
      ),
  ],
  [
    'graphql-sse',
    (url, receive, retryWait) =>
      eventStreamClient(url, { retry: retryWait }).subscribe({ query }, ignoringEnd(receive)),
  ],
  [
    'Apollo Client',
    (url, receive, retryWait) => {
      const client = apolloClient(url, { webSocketImpl: WebSocket, retryWait });
      const subscription = client.subscribe({ query: gql(query) }).subscribe(receive);
      return () => {
        subscription.unsubscribe();
        client.stop();
      };
    },
  ],
  [
    'urql',
    (url, receive, retryWait) =>
      urqlClient(url, { webSocketImpl: WebSocket, retryWait })
        .subscription(query, {})
        .subscribe(receive).unsubscribe,
  ],
];

/** The results of a client, and a function that resolves when there are so many. */
function collectResults() {
  const results: any[] = [];
  let wake = (): void => undefined;
  return {
    results,
    receive(result: unknown) {
      results.push(result);
      wake();
    },
    async received(count: number) {
      while (results.length < count) await new Promise<void>((resolve) => (wake = resolve));
    },
  };
}

function expectEachOnce(results: readonly any[], count: number) {
  const ids = results.map(({ extensions }) => extensions.eventId);
  expect(results.map(({ data }) => data.chatUpdated.change)).toEqual(Array(count).fill('READ'));
  expect(ids).toEqual([...new Set(ids)].toSorted());
}

test.each(clients)('%s receives the events of a disconnection once', async (_name, subscribe) => {
  await using gateway = await startTestGateway({ upstream });
  await using proxy = await startTcpProxy(Number(new URL(gateway.url).port));
  const { results, receive, received } = collectResults();
  const url = `${proxy.url.replace(/^redis/, 'http')}/graphql`;
  const unsubscribe = subscribe(url, receive, retryAtOnce);
  await gateway.waitForSubscriptions(1);
  await gateway.query(markRead(true));
  await received(1);

  proxy.cut();
  await gateway.waitForSubscriptions(0);
  await gateway.query(markRead(false));
  await gateway.query(markRead(true));
  proxy.mend();
  await received(3);
  await gateway.query(markRead(false));
  await received(4);
  unsubscribe();

  expectEachOnce(results, 4);
});

test.each(clients)(
  '%s receives each event once over connections that reach MAX_CONNECTION_AGE_MS',
  async (_name, subscribe) => {
    const clock = createManualClock();
    const maxConnectionAgeMs = 20_000;
    const config = { subscriptions: { ...readConfig({}).subscriptions, maxConnectionAgeMs } };
    await using gateway = await startTestGateway({ upstream, clock, config });
    const { results, receive, received } = collectResults();
    let reconnect = createDeferred();
    const unsubscribe = subscribe(`${gateway.url}/graphql`, receive, () => reconnect.promise);

    for (const round of [0, 1, 2]) {
      await gateway.waitForSubscriptions(1);
      await gateway.query(markRead(true));
      await received(3 * round + 1);
      clock.advance(maxConnectionAgeMs);
      await gateway.waitForSubscriptions(0);
      await gateway.query(markRead(false));
      await gateway.query(markRead(true));
      reconnect.resolve();
      await received(3 * round + 3);
      reconnect = createDeferred();
    }
    unsubscribe();

    expectEachOnce(results, 9);
  },
);

test.each([
  [
    'webSocketClient',
    (url: string, failures: () => void) => webSocketClient(url, connecting(failures)),
  ],
  [
    'createWebSocketClient',
    (url: string, failures: () => void) =>
      createWebSocketClient(url, undefined, connecting(failures)).webSocket,
  ],
] as const)(
  '%s connects after more attempts than the default permits, also if the gateway is not running',
  async (_name, createClient) => {
    const gateway = await startTestGateway({ upstream });
    const { port } = new URL(gateway.url);
    await gateway.stop();
    const isEnough = createDeferred();
    let attempts = 0;
    const client = createClient(`${gateway.url}/graphql`, () => {
      attempts += 1;
      if (attempts > 6) isEnough.resolve();
    });

    const received = new Promise((resolve, reject) => {
      client.subscribe(
        { query },
        { next: resolve, error: reject, complete: () => reject(new Error('complete')) },
      );
    });
    await Promise.race([isEnough.promise, received]);
    await using again = await startTestGateway({ upstream, config: { port: Number(port) } });
    await again.waitForSubscriptions(1);
    await again.query(markRead(true));
    const result = await received;
    await client.dispose();

    expect(result).toMatchObject({ data: { chatUpdated: { change: 'READ' } } });
  },
);
