import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ApolloClient, gql as apolloGql, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Client, subscriptionExchange } from '@urql/core';
import { createClient as createStreamClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { startControlledHelpdesk } from '../support/controlledHelpdesk.ts';
import { createDeferred } from '../support/deferred.ts';
import { startTestGateway } from '../support/gateway.ts';
import { createManualClock } from '../support/manualClock.ts';

const helpdesk = await startControlledHelpdesk();
const gateway = await startTestGateway({ helpdesk });

afterAll(async () => {
  await gateway.stop();
  await helpdesk[Symbol.asyncDispose]();
});

beforeEach(() => {
  helpdesk.holds({ chats: [{ id: 1 }, { id: 2 }] });
  helpdesk.forget();
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

describe('the subscription links of the usual clients hear of changes:', () => {
  test('graphql-sse, one connection an operation', async () => {
    const client = createStreamClient({ url: `${gateway.url}/graphql/stream` });
    const events = client.iterate({ query });
    const first = events.next();
    await gateway.subscribed(1);

    await markRead(1);
    await markRead(2, false);
    const heard = [(await first).value, (await events.next()).value];

    expect(heard).toMatchObject([{ data: change('1', true) }, { data: change('2', false) }]);
    await events.return?.();
    await gateway.subscribed(0);
    client.dispose();
  });

  test('Apollo Client', async () => {
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
    await gateway.subscribed(1);

    await markRead(1);
    await markRead(2, false);
    await both.promise;

    expect(heard).toMatchObject([change('1', true), change('2', false)]);
    subscription.unsubscribe();
    await gateway.subscribed(0);
    client.stop();
    await sockets.dispose();
  });

  test('urql', async () => {
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
    await gateway.subscribed(1);

    await markRead(1);
    await markRead(2, false);
    await both.promise;

    expect(heard).toMatchObject([change('1', true), change('2', false)]);
    unsubscribe();
    await gateway.subscribed(0);
    await sockets.dispose();
  });
});

describe('an event stream', () => {
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

  test('gives one answer of a query and completes', async () => {
    const response = await ask({}, searchFor('{ chat(id: 1) { id } }'));
    const text = await response.text();

    expect(response.headers.get('content-type')).toContain('text/event-stream');
    expect(text).toMatch(
      /^:\n\nevent: next\ndata: \{"data":\{"chat":\{"id":"1"\}\},"extensions".*\}\n\nevent: complete\ndata: \n\n$/,
    );
  });

  test('stays open with a comment now and then', async () => {
    const clock = createManualClock();
    await using own = await startTestGateway({ helpdesk, clock });
    const { body } = await fetch(`${own.url}/graphql/stream${searchFor(query)}`, {
      headers: { accept: 'text/event-stream' },
    });
    const reader = body!.getReader();
    await reader.read();

    clock.advance(15_000);
    const { value } = await reader.read();

    expect(Buffer.from(value ?? []).toString()).toBe(':\n\n');
    await reader.cancel();
    await own.subscribed(0);
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
  ])('is refused for %s', async (_name, options, search, status, code) => {
    const response = await ask(options, search);
    const { errors }: any = await response.json();

    expect([response.status, errors[0].extensions.code]).toEqual([status, code]);
    expect(helpdesk.calls).toHaveLength(0);
  });

  test('ends without completion when the gateway stops, so that clients come back', async () => {
    const own = await startTestGateway({ helpdesk });
    const response = await fetch(`${own.url}/graphql/stream${searchFor(query)}`, {
      headers: { accept: 'text/event-stream' },
    });
    await own.subscribed(1);

    await own.stop();

    expect(await response.text()).toBe(':\n\n');
  });
});

/** A router as far as the callback protocol sees it. */
async function startRouter() {
  const messages: any[] = [];
  const waiting: (() => void)[] = [];
  let answer = (_message: any, response: ServerResponse) => void response.writeHead(204).end();
  const server = createServer((request: IncomingMessage, response) => {
    void (async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const message = JSON.parse(Buffer.concat(chunks).toString());
      const protocol = request.headers['subscription-protocol'];
      messages.push({ ...message, path: request.url, protocol });
      for (const wake of waiting.splice(0)) wake();
      answer(message, response);
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const host = `127.0.0.1:${port}`;
  return {
    host,
    subscription: {
      callbackUrl: `http://${host}/callback/7`,
      subscriptionId: '7',
      verifier: 'secret',
    },
    async hear(): Promise<any> {
      while (messages.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      return messages.shift();
    },
    answerWith(how: typeof answer) {
      answer = how;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('a router is called back', () => {
  const limits = {
    maxConnections: 10,
    maxConnectionsPerViewer: 10,
    maxPerConnection: 100,
    maxPerViewer: 100,
    maxBuffered: 100,
  };

  async function startBoth(clock = createManualClock(), hosts?: readonly string[]) {
    const router = await startRouter();
    const callbackHosts = hosts ?? [router.host];
    const own = await startTestGateway({
      helpdesk,
      clock,
      config: { subscriptions: { ...limits, callbackHosts } },
    });
    const subscribe = async (subscription: object = {}, text = query) => {
      const response = await fetch(`${own.url}/graphql`, {
        method: 'POST',
        headers: {
          accept: 'application/json;callbackSpec=1.0',
          'content-type': 'application/json',
        },
        body: JSON.stringify({
          query: text,
          extensions: {
            subscription: { ...router.subscription, heartbeatIntervalMs: 2_000, ...subscription },
          },
        }),
      });
      const answer: any = await response.json();
      return { status: response.status, ...answer };
    };
    return {
      own,
      router,
      subscribe,
      async [Symbol.asyncDispose]() {
        await own.stop();
        await router[Symbol.asyncDispose]();
      },
    };
  }

  const base = {
    kind: 'subscription',
    id: '7',
    verifier: 'secret',
    path: '/callback/7',
    protocol: 'callback/1.0',
  };

  test('with a check before the answer, each event, and heartbeats, until it wants no more', async () => {
    const clock = createManualClock();
    await using both = await startBoth(clock);
    const { own, router, subscribe } = both;

    const answer = await subscribe();
    await own.query('mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }');
    const heard = [await router.hear(), await router.hear()];
    clock.advance(1_500);
    heard.push(await router.hear());
    router.answerWith((_message, response) => void response.writeHead(404).end());
    await own.query('mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }');
    heard.push(await router.hear());
    await own.subscribed(0);

    expect(answer).toEqual({ status: 200, data: null });
    expect(heard).toMatchObject([
      { ...base, action: 'check' },
      { ...base, action: 'next', payload: { data: change('1', true) } },
      { ...base, action: 'check' },
      { ...base, action: 'next' },
    ]);
  });

  test('with a complete that says why when the gateway stops', async () => {
    const both = await startBoth();
    const { router, subscribe } = both;
    await subscribe();
    await router.hear();

    await both.own.stop();
    const last = await router.hear();

    expect(last).toMatchObject({
      ...base,
      action: 'complete',
      errors: [{ extensions: { code: 'UPSTREAM_UNAVAILABLE' } }],
    });
    await router[Symbol.asyncDispose]();
  });

  test.each([
    ['a host that is not listed', ['router.example.com'], {}],
    ['another port of it', ['127.0.0.1:1'], {}],
    ['plain http elsewhere', ['router.example.com'], { callbackUrl: 'http://router.example.com/' }],
    ['a name and password', [], { callbackUrl: 'https://a:b@router.example.com/' }],
    ['a file', ['127.0.0.1'], { callbackUrl: 'file:///etc/passwd' }],
    ['an address that is none', ['127.0.0.1'], { callbackUrl: 'here' }],
  ])('but never at %s', async (_name, hosts, subscription) => {
    await using both = await startBoth(createManualClock(), ['listed.example.com', ...hosts]);

    const answer = await both.subscribe(subscription);

    expect(answer).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'BAD_REQUEST' } }],
    });
    await both.own.subscribed(0);
  });

  test.each([
    ['that refuses the check', (response: ServerResponse) => response.writeHead(400)],
    [
      'that sends it elsewhere',
      (response: ServerResponse) =>
        response.writeHead(307, { location: 'http://127.0.0.1:1/callback' }),
    ],
  ])('but not one %s', async (_name, refuse) => {
    await using both = await startBoth();
    both.router.answerWith((_message, response) => void refuse(response).end());

    const answer = await both.subscribe();

    expect(answer.status).toBe(400);
    await both.own.subscribed(0);
  });

  test('but not while no host is allowed', async () => {
    await using both = await startBoth(createManualClock(), []);

    const answer = await both.subscribe();

    expect(answer).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'BAD_REQUEST' } }],
    });
  });

  test('but not for a subscription that is refused', async () => {
    await using both = await startBoth();

    const answer = await both.subscribe({}, 'subscription { chatUpdated(id: "x") { change } }');

    expect(answer.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });
});
