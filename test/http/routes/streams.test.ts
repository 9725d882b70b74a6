import { createHash } from 'node:crypto';
import { ApolloClient, CombinedProtocolErrors, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Client, fetchExchange } from '@urql/core';
import { createClient as createStreamClient } from 'graphql-sse';
import { readConfig } from '../../../src/config/settings.ts';
import { startControlledUpstream } from '../../support/controlledUpstream.ts';
import { createDeferred } from '../../support/deferred.ts';
import { startTestGateway } from '../../support/gateway.ts';
import { bearer, jwtAuth } from '../../support/issuer.ts';
import { createManualClock } from '../../support/manualClock.ts';
import { head, openConnection } from '../../support/rawHttp.ts';

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

const subscription = 'subscription Changes { chatUpdated { change chat { id readByAgent } } }';
const query = '{ chat(id: 1) { id } }';
const mutation = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';

const eventStream = 'text/event-stream';
const multipart = 'multipart/mixed;subscriptionSpec=1.0';
const json = 'application/json';

type Gateway = Awaited<ReturnType<typeof startTestGateway>>;

const markRead = ({ query: send }: Gateway, id: number) =>
  send(`mutation { markChatRead(id: ${id}, by: AGENT, read: true) { id } }`);

const change = (id: string) => ({
  chatUpdated: { change: 'READ', chat: { id, readByAgent: true } },
});

interface Ask {
  readonly accept: string;
  readonly document: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
}

function ask({ url }: Gateway, { accept, document, method = 'POST', headers = {} }: Ask) {
  const parameters = new URLSearchParams({ query: document });
  return method === 'GET'
    ? fetch(`${url}/graphql?${parameters.toString()}`, { headers: { accept, ...headers } })
    : fetch(`${url}/graphql`, {
        method,
        headers: { accept, 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query: document }),
      });
}

/** Collects what Apollo Client receives by its HttpLink. */
function subscribeWithApollo({ url }: Gateway, headers: Readonly<Record<string, string>> = {}) {
  const client = new ApolloClient({
    link: new HttpLink({ uri: `${url}/graphql`, headers }),
    cache: new InMemoryCache(),
  });
  const received: unknown[] = [];
  const waiting: (() => void)[] = [];
  const ended = createDeferred<unknown>();
  const active = client.subscribe({ query: gql(subscription) }).subscribe({
    next({ data, error }) {
      received.push(error ?? data);
      for (const wake of waiting.splice(0)) wake();
    },
    complete: () => ended.resolve(undefined),
    error: (error: unknown) => ended.resolve(error),
  });
  return {
    ended: ended.promise,
    async next(): Promise<unknown> {
      while (received.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      return received.shift();
    },
    [Symbol.dispose]() {
      active.unsubscribe();
      client.stop();
    },
  };
}

describe('subscriptions of clients at /graphql', () => {
  test('graphql-sse receives events and the result of a query', async () => {
    const client = createStreamClient({ url: `${gateway.url}/graphql` });
    const events = client.iterate({ query: subscription });
    const first = events.next();
    await gateway.waitForSubscriptions(1);

    await markRead(gateway, 1);
    await markRead(gateway, 2);
    const received = [(await first).value, (await events.next()).value];
    await events.return?.();
    await gateway.waitForSubscriptions(0);
    const results = [];
    for await (const result of client.iterate({ query })) results.push(result);

    expect(received).toMatchObject([{ data: change('1') }, { data: change('2') }]);
    expect(results).toMatchObject([{ data: { chat: { id: '1' } } }]);
    client.dispose();
  });

  test('Apollo Client receives events over its HttpLink', async () => {
    const client = subscribeWithApollo(gateway);
    await gateway.waitForSubscriptions(1);

    await markRead(gateway, 1);
    const first = await client.next();
    await markRead(gateway, 2);
    const second = await client.next();
    client[Symbol.dispose]();

    expect([first, second]).toMatchObject([change('1'), change('2')]);
    await gateway.waitForSubscriptions(0);
  });

  test('urql receives events over its fetchExchange', async () => {
    const client = new Client({
      url: `${gateway.url}/graphql`,
      preferGetMethod: false,
      fetchSubscriptions: true,
      exchanges: [fetchExchange],
    });
    const received = createDeferred<unknown>();
    const { unsubscribe } = client.subscription(subscription, {}).subscribe(({ data }) => {
      received.resolve(data);
    });
    await gateway.waitForSubscriptions(1);

    await markRead(gateway, 1);

    expect(await received.promise).toMatchObject(change('1'));
    unsubscribe();
    await gateway.waitForSubscriptions(0);
  });

  test('Apollo Client receives a protocol error when the gateway stops', async () => {
    const own = await startTestGateway({ upstream: helpCrunch });
    using client = subscribeWithApollo(own);
    await own.waitForSubscriptions(1);

    await own.stop();
    const error: any = await client.next();

    expect(CombinedProtocolErrors.is(error)).toBe(true);
    expect(error.errors).toMatchObject([
      { extensions: { code: 'UPSTREAM_UNAVAILABLE', retryable: true } },
    ]);
    expect(await client.ended).toBeUndefined();
  });

  test('Apollo Client receives a protocol error when its token expires', async () => {
    const clock = createManualClock();
    await using own = await startTestGateway({
      upstream: helpCrunch,
      clock,
      config: { auth: jwtAuth() },
    });
    const exp = Math.floor(clock.now() / 1000) + 60;
    using client = subscribeWithApollo(own, await bearer({ role: 'agent', exp }));
    await own.waitForSubscriptions(1);

    clock.advance(120_000);
    const error: any = await client.next();

    expect(CombinedProtocolErrors.is(error)).toBe(true);
    expect(error.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    await own.waitForSubscriptions(0);
  });
});

describe('the format of the response', () => {
  test.each([
    { accept: eventStream, document: subscription, type: eventStream },
    { accept: multipart, document: subscription, type: 'multipart/mixed' },
    {
      accept: 'multipart/mixed;boundary=graphql;subscriptionSpec="1.0",application/json;q=0.9',
      document: subscription,
      type: 'multipart/mixed',
    },
    {
      accept: `${json}, ${eventStream}, multipart/mixed`,
      document: subscription,
      type: eventStream,
    },
    {
      accept: `${eventStream};q=0.5, ${multipart}`,
      document: subscription,
      type: 'multipart/mixed',
    },
    { accept: `${multipart};q=0, ${eventStream}`, document: subscription, type: eventStream },
    { accept: eventStream, document: query, type: eventStream },
    { accept: multipart, document: query, type: 'multipart/mixed' },
    { accept: `${multipart}, ${json}`, document: query, type: json },
    { accept: `${eventStream}, */*`, document: query, type: json },
    { accept: `${eventStream}, ${json}`, document: `${query} # no subscription`, type: json },
    { accept: `${json}, ${eventStream}, multipart/mixed`, document: mutation, type: json },
    { accept: eventStream, document: mutation, type: eventStream },
  ])('Accept "$accept" gives $type for $document', async ({ accept, document, type }) => {
    const { status, headers, body } = await ask(gateway, { accept, document });

    expect([status, headers.get('content-type')?.split(';')[0]]).toEqual([200, type]);
    expect(headers.get('cache-control')).toContain('no-store');
    await body?.cancel();
    await gateway.waitForSubscriptions(0);
  });

  test('a multipart response carries the result of a query and ends with the closing delimiter', async () => {
    const response = await ask(gateway, { accept: multipart, document: query });
    const text = await response.text();

    expect(response.headers.get('content-type')).toBe(
      'multipart/mixed;boundary="graphql";subscriptionSpec=1.0',
    );
    const [preamble, part, end] = text.split('\r\n--graphql');
    expect([preamble, end]).toEqual(['', '--\r\n']);
    const [head = '', body = ''] = (part ?? '').split('\r\n\r\n');
    expect(head).toBe('\r\ncontent-type: application/json; charset=utf-8');
    expect(JSON.parse(body)).toMatchObject({ payload: { data: { chat: { id: '1' } } } });
  });

  test('the errors of a query are in the payload of a multipart response', async () => {
    const response = await ask(gateway, { accept: multipart, document: '{ chat(id: 9) { id } }' });
    const [, part = ''] = (await response.text()).split('\r\n--graphql');

    expect(JSON.parse(part.slice(part.indexOf('{')))).toMatchObject({
      payload: { data: { chat: null }, errors: [{ extensions: { code: 'NOT_FOUND' } }] },
    });
  });

  test('an idle multipart response sends heartbeats', async () => {
    const clock = createManualClock();
    await using own = await startTestGateway({ upstream: helpCrunch, clock });
    const { body } = await ask(own, { accept: multipart, document: subscription });
    const reader = body!.getReader();
    const read = async () => Buffer.from((await reader.read()).value ?? []).toString();
    const start = await read();

    clock.advance(15_000);
    const heartbeat = await read();

    expect([start, heartbeat]).toEqual([
      '\r\n--graphql',
      '\r\ncontent-type: application/json; charset=utf-8\r\n\r\n{}\r\n--graphql',
    ]);
    await reader.cancel();
    await own.waitForSubscriptions(0);
  });
});

describe.each([eventStream, multipart, `${multipart}, ${json}`])('%s at /graphql', (accept) => {
  test('a subscription can be sent by GET', async () => {
    const { status, body } = await ask(gateway, { accept, document: subscription, method: 'GET' });
    await gateway.waitForSubscriptions(1);

    expect(status).toBe(200);
    await body?.cancel();
    await gateway.waitForSubscriptions(0);
  });

  test.each(['query', 'operationName', 'variables', 'extensions'])(
    'a request with two parameters named %s is rejected',
    async (name) => {
      const parameters = new URLSearchParams({ query: subscription, [name]: '' });
      parameters.append(name, '');

      const response = await fetch(`${gateway.url}/graphql?${parameters.toString()}`, {
        headers: { accept },
      });

      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({
        errors: [{ extensions: { code: 'BAD_REQUEST' } }],
      });
    },
  );

  test.each([
    {
      name: 'an invalid subscription',
      options: { document: 'subscription { nothing }' },
      code: 'GRAPHQL_VALIDATION_FAILED',
    },
    {
      name: 'a mutation by GET',
      options: { document: `${mutation} # subscription`, method: 'GET' as const },
      code: 'BAD_REQUEST',
      status: 405,
    },
    {
      name: 'a page of a foreign origin',
      options: { document: subscription, headers: { origin: 'https://evil.example' } },
      code: 'FORBIDDEN',
      status: 403,
    },
  ])('$name gets a single response', async ({ options, code, status }) => {
    const response = await ask(gateway, { accept, ...options });
    const { errors }: any = await response.json();

    expect(errors[0].extensions).toMatchObject({ code, requestId: expect.any(String) });
    // Clients of application/json read errors of the request from a response with the status 200.
    expect(response.status).toBe(status ?? (accept.includes(json) ? 200 : 400));
    expect(helpCrunch.calls).toHaveLength(0);
  });

  test('subscriptions are limited like those over other transports', async () => {
    const { subscriptions } = readConfig({});
    await using own = await startTestGateway({
      upstream: helpCrunch,
      config: { subscriptions: { ...subscriptions, maxConnectionsPerViewer: 1 } },
    });
    const first = await ask(own, { accept, document: subscription });
    await own.waitForSubscriptions(1);

    const second = await ask(own, { accept, document: subscription });
    const { errors }: any = await second.json();

    expect([second.status, second.headers.get('retry-after')]).toEqual([429, '5']);
    expect(errors[0].extensions.code).toBe('RATE_LIMITED');
    await first.body?.cancel();
    await own.waitForSubscriptions(0);
  });
});

test('a subscription that was registered by its hash can be sent by the hash only', async () => {
  const document = 'subscription { chatUpdated { at } }';
  const sha256Hash = createHash('sha256').update(document).digest('hex');
  const extensions = { persistedQuery: { version: 1, sha256Hash } };
  const send = (body: object) =>
    fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { accept: `${multipart}, ${json}`, 'content-type': json },
      body: JSON.stringify({ ...body, extensions }),
    });
  const unknown: any = await (await send({})).json();

  const types = [];
  for (const body of [{ query: document }, {}]) {
    const response = await send(body);
    types.push(response.headers.get('content-type')?.split(';')[0]);
    await response.body?.cancel();
  }

  expect(unknown.errors[0].extensions.code).toBe('PERSISTED_QUERY_NOT_FOUND');
  expect(types).toEqual(['multipart/mixed', 'multipart/mixed']);
  await gateway.waitForSubscriptions(0);
});

test.each([eventStream, multipart])(
  'pipelined subscriptions end with their connection: %s',
  async (accept) => {
    await using own = await startTestGateway({ upstream: helpCrunch });
    const { socket, write } = await openConnection(own.url);
    const body = JSON.stringify({ query: subscription });

    write(
      (
        head(
          'POST /graphql HTTP/1.1',
          'Host: localhost',
          `Accept: ${accept}`,
          'Content-Type: application/json',
          `Content-Length: ${body.length}`,
        ) + body
      ).repeat(3),
    );
    await own.waitForSubscriptions(3);
    socket.destroy();
    await own.waitForSubscriptions(0);

    const metrics = await (await fetch(`${own.url}/metrics`)).text();
    expect(metrics).toContain('\nhelpcrunch_live_connections 0\n');
  },
);
