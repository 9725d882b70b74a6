import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApolloClient, gql as apolloGql, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Client, subscriptionExchange } from '@urql/core';
import { createClient as createStreamClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { createDeferred } from '../../support/deferred.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth, startIssuer } from '../../support/issuer.ts';
import { createManualClock } from '../../support/manualClock.ts';

const helpCrunch = await startControlledUpstream();
const gateway = await startTestGateway({ upstream: helpCrunch });

afterAll(async () => {
  await gateway.stop();
  await helpCrunch[Symbol.asyncDispose]();
});

beforeEach(() => {
  helpCrunch.seed({ chats: [{ id: 1 }, { id: 2 }] });
  helpCrunch.clearCalls();
});

const query = 'subscription Changes { chatUpdated { change chat { id readByAgent } } }';

const markRead = (id: number, read = true) =>
  gateway.query(`mutation { markChatRead(id: ${id}, by: AGENT, read: ${read}) { id } }`);

const socketClient = () =>
  createClient({
    url: `${gateway.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
  });

const change = (id: string, readByAgent: boolean) => ({
  chatUpdated: { change: 'READ', chat: { id, readByAgent } },
});

describe('subscription links of common clients', () => {
  test('graphql-sse receives events in distinct connections mode', async () => {
    const client = createStreamClient({ url: `${gateway.url}/graphql/stream` });
    const events = client.iterate({ query });
    const first = events.next();
    await gateway.waitForSubscriptions(1);

    await markRead(1);
    await markRead(2, false);
    const heard = [(await first).value, (await events.next()).value];

    expect(heard).toMatchObject([{ data: change('1', true) }, { data: change('2', false) }]);
    await events.return?.();
    await gateway.waitForSubscriptions(0);
    client.dispose();
  });

  test('Apollo Client receives events over server-sent events', async () => {
    const sockets = socketClient();
    const client = new ApolloClient({
      link: new GraphQLWsLink(sockets),
      cache: new InMemoryCache(),
    });
    const heard: unknown[] = [];
    const both = createDeferred();
    const subscription = client.subscribe({ query: apolloGql(query) }).subscribe(({ data }) => {
      heard.push(data);
      if (heard.length === 2) both.resolve();
    });
    await gateway.waitForSubscriptions(1);

    await markRead(1);
    await markRead(2, false);
    await both.promise;

    expect(heard).toMatchObject([change('1', true), change('2', false)]);
    subscription.unsubscribe();
    await gateway.waitForSubscriptions(0);
    client.stop();
    await sockets.dispose();
  });

  test('urql receives events over server-sent events', async () => {
    const sockets = socketClient();
    const client = new Client({
      url: `${gateway.url}/graphql`,
      preferGetMethod: false,
      exchanges: [
        subscriptionExchange({
          forwardSubscription: ({ query: text = '', variables }) => ({
            subscribe: (sink) => ({
              unsubscribe: sockets.subscribe({ query: text, variables }, sink as never),
            }),
          }),
        }),
      ],
    });
    const heard: unknown[] = [];
    const both = createDeferred();
    const { unsubscribe } = client.subscription(query, {}).subscribe(({ data }) => {
      heard.push(data);
      if (heard.length === 2) both.resolve();
    });
    await gateway.waitForSubscriptions(1);

    await markRead(1);
    await markRead(2, false);
    await both.promise;

    expect(heard).toMatchObject([change('1', true), change('2', false)]);
    unsubscribe();
    await gateway.waitForSubscriptions(0);
    await sockets.dispose();
  });
});

describe('event streams', () => {
  const ask = (
    options: {
      readonly method?: string;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
    search = '',
  ) =>
    fetch(`${gateway.url}/graphql/stream${search}`, {
      ...options,
      headers: { accept: 'text/event-stream', ...options.headers },
    });
  const searchFor = (text: string) => `?query=${encodeURIComponent(text)}`;

  test('an event stream sends one result of a query and completes', async () => {
    const response = await ask({}, searchFor('{ chat(id: 1) { id } }'));
    const text = await response.text();

    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(text).toMatch(
      /^:\n\nevent: next\ndata: \{"data":\{"chat":\{"id":"1"\}\},"extensions".*\}\n\nevent: complete\ndata: \n\n$/,
    );
  });

  test('an idle event stream sends comments to stay open', async () => {
    const clock = createManualClock();
    await using own = await startTestGateway({ upstream: helpCrunch, clock });
    const { body } = await fetch(`${own.url}/graphql/stream${searchFor(query)}`, {
      headers: { accept: 'text/event-stream' },
    });
    const reader = body!.getReader();
    await reader.read();

    clock.advance(15_000);
    const { value } = await reader.read();

    expect(Buffer.from(value ?? []).toString()).toBe(':\n\n');
    await reader.cancel();
    await own.waitForSubscriptions(0);
  });

  test.each([
    ['a query that cannot be read', {}, searchFor('{'), 400, 'GRAPHQL_PARSE_FAILED'],
    ['no query', {}, '', 400, 'BAD_REQUEST'],
    ['variables that are no object', {}, '?query=x&variables=5', 400, 'BAD_REQUEST'],
    [
      'a mutation with GET',
      {},
      searchFor('mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }'),
      405,
      'BAD_REQUEST',
    ],
    ['no wish for events', { headers: { accept: '*/*' } }, searchFor(query), 406, 'BAD_REQUEST'],
    [
      'a strange page',
      { headers: { origin: 'https://evil.example' } },
      searchFor(query),
      403,
      'FORBIDDEN',
    ],
    [
      'a strange page that hides',
      { headers: { 'sec-fetch-site': 'cross-site' } },
      searchFor(query),
      403,
      'FORBIDDEN',
    ],
    ['a body that is plain text', { method: 'POST', body: '{}' }, '', 400, 'BAD_REQUEST'],
    ['PUT', { method: 'PUT' }, '', 404, 'BAD_REQUEST'],
  ])('an event stream is rejected for %s', async (_name, options, search, status, code) => {
    const response = await ask(options, search);
    const { errors }: any = await response.json();

    expect([response.status, errors[0].extensions.code]).toEqual([status, code]);
    expect(helpCrunch.calls).toHaveLength(0);
  });

  test('an event stream ends without complete when the gateway stops, so that clients reconnect', async () => {
    const own = await startTestGateway({ upstream: helpCrunch });
    const response = await fetch(`${own.url}/graphql/stream${searchFor(query)}`, {
      headers: { accept: 'text/event-stream' },
    });
    await own.waitForSubscriptions(1);

    await own.stop();

    expect(await response.text()).toBe(':\n\n');
  });
});

test('a client that disconnects during authentication holds no connection', async () => {
  const keysAsked = createDeferred();
  const keysSent = createDeferred();
  await using issuer = await startIssuer();
  const key = await issuer.addKey('k');
  const slow = createServer((_request, response) => {
    keysAsked.resolve();
    void keysSent.promise.then(() =>
      response.end(JSON.stringify({ keys: [{ ...key.jwk, kid: key.kid }] })),
    );
  });
  await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
  const { port } = slow.address() as AddressInfo;
  await using own = await startTestGateway({
    upstream: helpCrunch,
    config: {
      auth: jwtAuth({ signedBy: { jwksUrl: `http://127.0.0.1:${port}/keys` } }),
      subscriptions: {
        maxConnections: 10,
        maxConnectionsPerViewer: 1,
        maxConnectionAgeMs: 0,
        maxPerConnection: 10,
        maxSubscriptionsPerViewer: 10,
        maxBuffered: 10,
        callbackHosts: [],
      },
    },
  });
  const headers = { accept: 'text/event-stream', ...(await bearer({ role: 'agent' }, key)) };
  const urlOf = (text: string) => `${own.url}/graphql/stream?query=${encodeURIComponent(text)}`;
  const controller = new AbortController();
  const gone = fetch(urlOf('{ nothing }'), { headers, signal: controller.signal }).catch(
    () => undefined,
  );
  await keysAsked.promise;
  // Once these are answered the gateway has seen what happened on the other connection before.
  const settle = async () => {
    for (let count = 0; count < 3; count += 1) await fetch(`${own.url}/healthz`);
  };
  await settle();

  controller.abort();
  await gone;
  await settle();
  const next = fetch(urlOf(query), { headers });
  await settle();
  keysSent.resolve();
  const { status, body } = await next;

  expect(status).toBe(200);
  await body?.cancel();
  slow.closeAllConnections();
  slow.close();
});
