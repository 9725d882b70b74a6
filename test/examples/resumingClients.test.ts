import { gql } from '@apollo/client';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import {
  apolloClient,
  eventStreamClient,
  urqlClient,
  webSocketClient,
} from '../../examples/clients/resumingClients.ts';
import type { ControlledUpstream } from '../support/controlledUpstream.ts';
import { startControlledUpstream } from '../support/controlledUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
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

/** Clients retry at once, so that the test waits for no time. */
const options = { webSocketImpl: WebSocket, retryWait: () => Promise.resolve() };
const retryWait = () => new Promise<void>((resolve) => setImmediate(resolve));

const clients: readonly [string, (url: string, receive: Receive) => () => void][] = [
  [
    'graphql-ws',
    (url, receive) =>
      webSocketClient(url, options).subscribe(
        { query },
        { next: receive, error: () => undefined, complete: () => undefined },
      ),
  ],
  [
    'graphql-sse',
    (url, receive) =>
      eventStreamClient(url, { retry: retryWait }).subscribe(
        { query },
        { next: receive, error: () => undefined, complete: () => undefined },
      ),
  ],
  [
    'Apollo Client',
    (url, receive) => {
      const client = apolloClient(url, options);
      const subscription = client.subscribe({ query: gql(query) }).subscribe(receive);
      return () => {
        subscription.unsubscribe();
        client.stop();
      };
    },
  ],
  [
    'urql',
    (url, receive) =>
      urqlClient(url, options).subscription(query, {}).subscribe(receive).unsubscribe,
  ],
];

test.each(clients)('%s receives the events of a disconnection once', async (_name, subscribe) => {
  await using gateway = await startTestGateway({ upstream });
  await using proxy = await startTcpProxy(Number(new URL(gateway.url).port));
  const results: any[] = [];
  let wake = (): void => undefined;
  const unsubscribe = subscribe(`${proxy.url.replace(/^redis/, 'http')}/graphql`, (result) => {
    results.push(result);
    wake();
  });
  const received = async (count: number) => {
    while (results.length < count) await new Promise<void>((resolve) => (wake = resolve));
  };
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

  const ids = results.map(({ extensions }) => extensions.eventId);
  expect(results.map(({ data }) => data.chatUpdated.change)).toEqual(Array(4).fill('READ'));
  expect(ids).toEqual([...new Set(ids)].toSorted());
});
