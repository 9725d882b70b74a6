import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { exportJWK, generateKeyPair } from 'jose';
import { createGateway } from '../src/index.ts';
import type { Settings } from '../src/index.ts';
import { silentLog } from '../src/observability/log.ts';
import { wireCustomer } from './support/controlledUpstream.ts';
import { createDeferred } from './support/deferred.ts';
import { bearer } from './support/issuer.ts';
import { exchange, head, openConnection } from './support/rawHttp.ts';
import { startRecordingUpstream } from './support/recordingUpstream.ts';

/** A gateway inside the server of another program. */
async function embed(settings: Settings = {}) {
  const helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /organization', { body: { data: { id: 1, domain: 'acme' } } });
  const connection = { HELPCRUNCH_API_URL: helpCrunch.url, HELPCRUNCH_API_KEY: helpCrunch.key };
  const gateway = createGateway({ ...connection, ...settings }, { log: silentLog });
  const server = createServer(gateway.handler).on('upgrade', gateway.upgrade);
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    helpCrunch,
    gateway,
    sockets,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await gateway.stop();
      await helpCrunch[Symbol.asyncDispose]();
    },
  };
}

const post = (path: string, query: string, ...lines: readonly string[]) => {
  const body = JSON.stringify({ query });
  const length = `Content-Length: ${body.length}`;
  const type = 'Content-Type: application/json';
  return head(`POST ${path} HTTP/1.1`, 'Host: localhost', type, length, ...lines) + body;
};

const organization = '{ organization { domain } }';

describe('a gateway inside another server', () => {
  const ask = (...lines: readonly string[]) => head('GET /nowhere HTTP/1.1', ...lines);
  const socketLines = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: graphql-transport-ws',
  ];

  test.each([
    ['every host', {}, 404, 101],
    ['only the hosts of ALLOWED_HOSTS', { ALLOWED_HOSTS: 'other.example' }, 421, 421],
  ])(
    'a gateway inside another server accepts %s, over HTTP and WebSocket',
    async (_, settings, http, webSocket) => {
      await using embedded = await embed(settings);
      const host = 'Host: api.example.com';

      const close = [host, 'Connection: close'];
      const plain = await exchange(embedded.url, ask(...close));
      const ignored = await exchange(
        embedded.url,
        ask(host, 'Connection: Upgrade', 'Upgrade: h2c') + ask(...close),
      );
      using connection = await openConnection(embedded.url);
      connection.write(head('GET /graphql HTTP/1.1', host, ...socketLines));
      const opened = await connection.response();

      expect(plain).toMatchObject([{ status: http }]);
      expect(ignored).toMatchObject([{ status: http }, { status: http }]);
      expect(opened).toMatchObject({ status: webSocket });
    },
  );

  test('a gateway that listens itself accepts only local hosts by default', async () => {
    await using embedded = await embed({ PORT: 0 });
    const { url } = await embedded.gateway.start();

    const request = ask('Host: api.example.com', 'Connection: close');
    const own = await exchange(url, request);
    const other = await exchange(embedded.url, request);

    expect([...own, ...other]).toMatchObject([{ status: 421 }, { status: 404 }]);
  });

  test('a gateway inside another server destroys the connection of a client that does not read', async () => {
    await using embedded = await embed({ SEND_TIMEOUT_MS: 100, UPSTREAM_MAX_BYTES: 10_000_000 });
    const company = 'x'.repeat(1_900_000);
    embedded.helpCrunch.respond('GET /customers/1', { body: wireCustomer({ id: 1, company }) });
    const names = ['a', 'b', 'c', 'd'].map((name) => `${name}: company`).join(' ');
    using client = await openConnection(embedded.url);
    client.socket.pause();
    client.write(post('/graphql', `{ customer(id: 1) { ${names} } }`));

    const [socket] = embedded.sockets;
    if (socket === undefined) throw new Error('No connection was accepted.');
    await once(socket, 'close');

    expect(socket.bytesWritten).toBeGreaterThan(0);
  });
});

describe('a client that disconnects during authentication', () => {
  const query = '{ chat(id: 1) { id } }';
  const mutation = 'mutation { markChatRead(id: 1, by: AGENT, read: true) { id } }';

  test.each([
    { path: '/graphql', document: query, calls: [] },
    { path: '/graphql/stream', document: query, calls: [] },
    { path: '/graphql', document: mutation, calls: ['/chats/readByAgent'] },
    { path: '/graphql/stream', document: mutation, calls: ['/chats/readByAgent'] },
  ])(
    'only the mutation of a client that disconnects during authentication is executed: $path $document',
    async ({ path, document, calls }) => {
      const checking = createDeferred<ServerResponse>();
      const issuer = createServer((_request, response) => checking.resolve(response));
      issuer.listen(0, '127.0.0.1');
      await once(issuer, 'listening');
      const { port } = issuer.address() as AddressInfo;
      const { privateKey, publicKey } = await generateKeyPair('RS256');
      const jwk = { ...(await exportJWK(publicKey)), kid: 'a', alg: 'RS256', use: 'sig' };
      await using embedded = await embed({ AUTH: 'jwt', JWKS_URL: `http://127.0.0.1:${port}/` });
      const signature = { alg: 'RS256', kid: 'a', key: privateKey };
      const { authorization } = await bearer({ role: 'agent' }, signature);
      const lines = [`Authorization: ${authorization}`, 'Accept: text/event-stream, */*'];

      using client = await openConnection(embedded.url);
      client.write(post(path, document, ...lines));
      const response = await checking.promise;
      const [socket] = embedded.sockets;
      if (socket === undefined) throw new Error('No connection was accepted.');
      const left = once(socket, 'close');
      client.socket.destroy();
      await left;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: [jwk] }));
      const next = post('/graphql', organization, ...lines.slice(0, 1), 'Connection: close');
      const responses = await exchange(embedded.url, next);
      issuer.close();
      // Waits for the mutation, which is independent of the next request.
      await embedded.gateway.stop();

      expect(responses).toMatchObject([{ status: 200 }]);
      const paths = embedded.helpCrunch.calls.map((call) => call.path);
      expect(paths.toSorted()).toEqual([...calls, '/organization']);
    },
  );
});

describe('an embedded gateway that listens itself', () => {
  test('returns the same URL when it is started again, and continues to run', async () => {
    const gateway = createGateway({ PORT: 0 }, { log: silentLog });
    const first = await gateway.start();
    const second = await gateway.start();

    expect(second).toEqual(first);
    expect((await fetch(`${first.url}/healthz`)).status).toBe(200);
    await gateway.stop();
  });

  test('can be started after a failed start', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const gateway = createGateway({ PORT: port }, { log: silentLog });
    await expect(gateway.start()).rejects.toThrow('EADDRINUSE');
    other.close();
    await once(other, 'close');

    const { url } = await gateway.start();

    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: '{ __typename }' }),
    });
    expect(response.status).toBe(200);
    await gateway.stop();
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  test('does not start after it was stopped, nor while it is being stopped', async () => {
    const gateway = createGateway({ PORT: 0 }, { log: silentLog });
    const starting = gateway.start();
    const outcomes = await Promise.allSettled([starting, gateway.stop()]);

    expect(outcomes).toMatchObject([{ status: 'rejected' }, { status: 'fulfilled' }]);
    await expect(gateway.start()).rejects.toThrow('The gateway was stopped.');
  });
});
