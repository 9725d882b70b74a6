import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { createShopSchema } from '../../examples/supergraph/shopSchema.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';

// Processes take their time to start and to warm up.

const root = new URL('../../', import.meta.url);
const secret = 'the-secret-of-the-router-and-ours';

/** Runs a file of the example and gives what it prints, line by line. */
function run(file: string, env: Readonly<Record<string, string>>, args: readonly string[] = []) {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', `examples/supergraph/${file}`, ...args],
    {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  return { child, lines: createInterface({ input: child.stdout }) };
}

async function post(url: string, query: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  const answer: any = await response.json();
  return { errors: [], ...answer };
}

async function stop(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const [code] = await ended;
  return code;
}

describe('through a router in a process of its own', () => {
  let upstream: RecordingUpstream;
  let gateway: Awaited<ReturnType<typeof startTestGateway>>;
  let shop: ApolloServer;
  let router: ChildProcess;
  let url: string;

  beforeAll(async () => {
    upstream = await startRecordingUpstream();
    gateway = await startTestGateway({
      upstream,
      config: { subgraph: true, routerSecret: secret, isRouterOnly: true },
    });
    shop = new ApolloServer({
      schema: createShopSchema(),
      plugins: [ApolloServerPluginInlineTraceDisabled()],
    });
    const { url: shopUrl } = await startStandaloneServer(shop, {
      listen: { host: '127.0.0.1', port: 0 },
    });
    const { child, lines } = run('router.ts', { PORT: '0', ROUTER_SECRET: secret }, [
      `helpdesk=${gateway.url}/graphql`,
      `shop=${shopUrl}`,
    ]);
    router = child;
    const [line] = (await once(lines, 'line')) as [string];
    url = line.replace('listening on ', '');
  });

  afterAll(async () => {
    await stop(router);
    await shop.stop();
    await gateway.stop();
    await upstream[Symbol.asyncDispose]();
  });

  beforeEach(() => {
    upstream.clearCalls();
    upstream.respond('POST /customers/search', ({ body: { filter } }) => {
      const data = filter.map(({ value }: any) => ({
        id: Number(value.slice(2)),
        userId: value,
        name: `Customer ${value}`,
        company: 'Acme',
      }));
      return { body: { data, total: data.length } };
    });
  });

  const ask = (query: string) => post(url, query);

  test('a hundred users are joined to their customers by one call', async () => {
    const { data, errors } = await ask(
      '{ users(first: 100) { id supportProfile { id name company orders { id } } } }',
    );

    expect(errors).toEqual([]);
    expect(data.users).toHaveLength(100);
    expect(data.users[1]).toEqual({
      id: 'u-7002',
      supportProfile: { id: '7002', name: 'Customer u-7002', company: 'Acme', orders: [] },
    });
    expect(new Set(data.users.map(({ id }: any) => id)).size).toBe(100);
    expect(upstream.calls.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'POST /customers/search',
    ]);
  });

  test('users are joined to their customers by the key alone without a call', async () => {
    const { data, errors } = await ask('{ users(first: 50) { supportProfile { userId } } }');

    expect(errors).toEqual([]);
    expect(data.users[0]).toEqual({ supportProfile: { userId: 'u-7001' } });
    expect(upstream.calls).toEqual([]);
  });

  test('data of the shop is joined to the customer of a chat', async () => {
    upstream.respond('GET /chats/5208', { body: wireChat() });

    const { data, errors } = await ask(
      '{ chat(id: 5208) { status customer { name orders { totalCents } } } }',
    );

    expect(errors).toEqual([]);
    expect(data.chat).toEqual({
      status: 'OPENED',
      customer: { name: 'Taras', orders: [{ totalCents: 1990 }, { totalCents: 3980 }] },
    });
    expect(upstream.calls).toHaveLength(1);
  });

  const entries = { errors: [{ code: 'some_code', message: 'some words' }] };

  test.each([
    ['BAD_USER_INPUT', { status: 400, body: entries }],
    ['UPSTREAM_UNAUTHENTICATED', { status: 401, body: entries }],
    ['UPSTREAM_FORBIDDEN', { status: 403, body: entries }],
    ['NOT_FOUND', { status: 404, body: entries }],
    ['UPSTREAM_UNAVAILABLE', { status: 503 }],
    ['UPSTREAM_INVALID_RESPONSE', { status: 200, body: 'no JSON' }],
  ])('%s arrives, beside what did not fail', async (code, answer) => {
    upstream.respond('GET /chats/1', answer);
    upstream.respond('GET /departments', { body: { data: [], total: 0 } });

    const { data, errors } = await ask('{ chat(id: 1) { status } departments { name } }');

    expect(data).toEqual({ chat: null, departments: [] });
    expect(errors).toEqual([
      {
        message: expect.any(String),
        path: ['chat'],
        extensions: expect.objectContaining({ code, retryable: expect.any(Boolean) }),
      },
    ]);
  });

  test('RATE_LIMITED has the time to retry after', async () => {
    // Longer than the operation timeout, so that the gateway does not wait.
    upstream.respond('GET /chats/2', { status: 429, headers: { 'retry-after': '60' } });

    const { errors } = await ask('{ chat(id: 2) { status } }');

    expect(errors[0].extensions).toMatchObject({
      code: 'RATE_LIMITED',
      retryable: true,
      retryAfterMs: expect.any(Number),
      requestId: expect.any(String),
    });
  });
});

test('npm run example:supergraph starts all services, executes its example and stops on a signal', async () => {
  const { child, lines } = run('main.ts', { PORT: '0' });
  const printed: string[] = [];
  for await (const line of lines) {
    printed.push(line);
    if (line.startsWith('Control-C')) break;
  }
  const text = printed.join('\n');
  const router = /router +(\S+)/.exec(text)?.[1] ?? '';
  const gateway = /helpdesk +(\S+)\/graphql/.exec(text)?.[1] ?? '';
  const { query } = JSON.parse(/-d '(.*)'/.exec(text)?.[1] ?? '{}');

  const { data, errors } = await post(router, query);
  const metrics = await (await fetch(`${gateway}/metrics`)).text();
  const customers = await post(
    router,
    '{ customers(first: 50) { nodes { id userId orders { id } } } }',
  );
  const unauthenticated = await fetch(`${gateway}/graphql`, { method: 'POST' });
  const code = await stop(child);

  expect(errors).toEqual([]);
  expect(data.users).toHaveLength(100);
  expect(data.users[0].supportProfile.orders).toHaveLength(2);
  expect(/^helpcrunch_upstream_calls_total\{.*\} (\d+)$/m.exec(metrics)?.[1]).toBe('1');
  expect(customers.errors).toEqual([]);
  const { nodes } = customers.data.customers;
  expect(nodes).toHaveLength(50);
  expect(nodes.map(({ orders }: any) => orders === null)).toEqual(
    nodes.map(({ userId }: any) => userId === null),
  );
  expect(nodes.map(({ userId }: any) => userId)).toContain(null);
  expect(unauthenticated.status).toBe(401);
  expect(code).toBe(0);
}, 90_000);
