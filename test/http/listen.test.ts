import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Server } from 'node:net';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import fastify from 'fastify';
import { ConnectionTracker } from '../../src/http/connectionTracker.ts';
import { addressesOf, listen } from '../../src/http/listen.ts';
import { RunningMutations } from '../../src/graphql/runningMutations.ts';
import { addShutdown } from '../../src/http/shutdown.ts';
import { createLog } from '../../src/observability/log.ts';
import { createDeferred } from '../support/deferred.ts';
import { createManualClock } from '../support/manualClock.ts';
import { exchange, head, openConnection } from '../support/rawHttp.ts';

const graceMs = 10_000;
const get = (path: string) => head(`GET ${path} HTTP/1.1`, 'Host: localhost');
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A server on several addresses of this machine. `/held` is answered when the test does it. */
async function start({ unbound = [], maxConnections = 100 }: StartOptions = {}) {
  const server = fastify({ return503OnClosing: false });
  const clock = createManualClock();
  const held = createDeferred<ServerResponse>();
  server.get('/', () => 'ok');
  server.get('/held', (_request, reply) => {
    held.resolve(reply.raw);
    return reply.hijack();
  });
  const seen: (string | undefined)[] = [];
  server.server.on('connection', ({ localAddress }) => seen.push(localAddress));
  const logged: Record<string, unknown>[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      logged.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  const log = createLog(destination, 'warn');
  const connections = new ConnectionTracker(server.server, log);
  const listeners: Server[] = [];
  server.server.maxConnections = maxConnections;
  addShutdown(server, {
    delayMs: 0,
    graceMs,
    clock,
    connections,
    mutations: new RunningMutations(),
  }).finish();
  const url = await listen(server, {
    addresses: ['127.0.0.1', '127.0.0.2', ...unbound],
    port: 0,
    log,
    connections: {
      addListener(listener) {
        listeners.push(listener);
        connections.addListener(listener);
      },
    },
  });
  return {
    url,
    second: url.replace('127.0.0.1', '127.0.0.2'),
    server,
    clock,
    held: held.promise,
    seen,
    logged,
    listeners: [server.server, ...listeners],
    [Symbol.asyncDispose]: async () => {
      connections.destroyAll();
      await server.close();
    },
  };
}

interface StartOptions {
  readonly unbound?: readonly string[];
  readonly maxConnections?: number;
}

test('localhost has all its loopback addresses, and any other host only itself', async () => {
  const local = await lookup('localhost', { all: true });

  expect(await addressesOf('localhost')).toEqual(local.map(({ address }) => address));
  expect(await addressesOf('127.0.0.1')).toEqual(['127.0.0.1']);
  expect(await addressesOf('gateway.invalid')).toEqual(['gateway.invalid']);
});

test('the connections of all addresses belong to one server, and an address that cannot be bound is logged and skipped', async () => {
  const { url, second, server, seen, logged } = await start({ unbound: ['192.0.2.1'] });

  const request = head('GET / HTTP/1.1', 'Host: localhost', 'Connection: close');
  const responses = [...(await exchange(url, request)), ...(await exchange(second, request))];
  const idle = await openConnection(second);
  idle.socket.destroy();
  await server.close();
  const [refused]: unknown[] = await once(
    connect({ host: '127.0.0.2', port: Number(new URL(url).port) }),
    'error',
  );

  expect(responses).toMatchObject([
    { status: 200, body: 'ok' },
    { status: 200, body: 'ok' },
  ]);
  expect(seen).toEqual(['127.0.0.1', '127.0.0.2', '127.0.0.2']);
  expect(refused).toMatchObject({ code: 'ECONNREFUSED' });
  expect(logged).toMatchObject([
    { msg: 'listener failed', address: '192.0.2.1', error: { code: 'EADDRNOTAVAIL' } },
  ]);
});

test('a failed accept on any address is logged and does not end the process', async () => {
  await using running = await start();

  for (const listener of running.listeners) listener.emit('error', new Error('accept EMFILE'));

  expect(running.logged).toMatchObject(
    ['127.0.0.1', '127.0.0.2'].map((address) => ({
      msg: 'listener failed',
      address,
      error: { message: 'accept EMFILE' },
    })),
  );
});

describe('shutdown of a server on two addresses', () => {
  /** Stops it while a request to the second address is answered, up to the point where the first address is closed. */
  async function stopWhileAnswering(running: Awaited<ReturnType<typeof start>>) {
    const client = await openConnection(running.second);
    client.write(get('/held'));
    const raw = await running.held;
    let isStopped = false;
    const stopping = running.server.close().then(() => {
      isStopped = true;
    });
    const mainClosed = once(running.server.server, 'close');
    for (let index = 0; index < 10; index += 1) await turn();
    running.clock.advance(graceMs / 2);
    await mainClosed;
    for (let index = 0; index < 10; index += 1) await turn();
    return { client, raw, stopping, isStopped: () => isStopped };
  }

  test('a server on two addresses waits at shutdown for a response on the second address', async () => {
    await using running = await start();
    const { client, raw, stopping, isStopped } = await stopWhileAnswering(running);

    const before = isStopped();
    raw.setHeader('content-length', 4).end('late');
    const response = await client.response();
    await stopping;

    expect(before).toBe(false);
    expect(response).toMatchObject({ status: 200, body: 'late' });
  });

  test('a server on two addresses closes the connections to the second address after the grace period', async () => {
    await using running = await start();
    const { client, stopping, isStopped } = await stopWhileAnswering(running);

    const before = isStopped();
    running.clock.advance(graceMs / 2);
    await client.closed;
    await stopping;

    expect(before).toBe(false);
    expect(client.heard()).toBe('');
  });
});

test.each([
  ['first', 'second'],
  ['second', 'first'],
])(
  'a connection to the %s of two addresses counts towards the maximum for the %s',
  async (one, other) => {
    await using running = await start({ maxConnections: 1 });
    const urls: Readonly<Record<string, string>> = { first: running.url, second: running.second };
    using admitted = await openConnection(urls[one] ?? '');
    admitted.write(get('/'));
    const first = await admitted.response();

    using excess = await openConnection(urls[other] ?? '');
    excess.write(get('/'));
    const second = await excess.response();

    expect(first).toMatchObject({ status: 200 });
    expect(second).toBeUndefined();
  },
);
