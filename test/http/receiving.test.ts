import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createGateway } from '../../src/index.ts';
import { startTestGateway } from '../support/gateway.ts';
import { metricOf } from '../support/metrics.ts';
import { killAll, run } from '../support/process.ts';
import { openConnection } from '../support/rawHttp.ts';
import { openRawSocket } from '../support/rawSocket.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';
import { openSocket } from '../support/socket.ts';
import { webhookSecret } from '../support/webhooks.ts';

let helpCrunch: RecordingUpstream;

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
});

afterAll(async () => {
  killAll();
  await helpCrunch[Symbol.asyncDispose]();
});

type Config = Parameters<typeof startTestGateway>[0]['config'];

async function start(config: Config = {}) {
  const gateway = await startTestGateway({
    upstream: helpCrunch,
    config: { webhookSecret, maxBodyBytes: 100_000, maxPartialBodyBytes: 160_000, ...config },
  });
  const figure = (name: string) => metricOf(gateway, name);
  return {
    ...gateway,
    /** Resolves when so many bytes have arrived of incomplete bodies and messages. */
    async receives(bytes: number) {
      while ((await figure('helpcrunch_partial_body_bytes')) !== bytes);
    },
    destroyed: () =>
      figure('helpcrunch_connections_destroyed_total{reason="MAX_PARTIAL_BODY_BYTES"}'),
  };
}

type Gateway = Awaited<ReturnType<typeof start>>;

const operation = '{"query":"{ __typename }"}';

const headOf = (path: string, ...fields: readonly string[]) =>
  [`POST ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...fields, '\r\n'].join('\r\n');

const paths = {
  '/graphql': 'Content-Type: application/json',
  '/webhooks/helpcrunch': 'Content-Type: application/json',
  '/nothing': 'Content-Type: application/json',
  '/mcp': 'Content-Type: text/plain',
};

/** Sends the first 50,000 of 50,010 bytes. */
async function sendInPart({ url }: Gateway, path: keyof typeof paths = '/graphql') {
  const connection = await openConnection(url);
  connection.write(headOf(path, paths[path], 'Content-Length: 50010'));
  connection.write(operation.padEnd(50_000));
  return {
    ...connection,
    finish() {
      connection.write(' '.repeat(10));
      return connection.response();
    },
  };
}

describe('a request body', () => {
  test('in a million chunks of one byte is read by a process with a heap of 64 MB', async () => {
    await using gateway = run({ MAX_BODY_BYTES: '2097152' }, ['--max-old-space-size=64']);
    const { url } = await gateway.started();
    using connection = await openConnection(url);
    const chunk = (byte: string) => `1\r\n${byte}\r\n`;

    connection.write(headOf('/graphql', paths['/graphql'], 'Transfer-Encoding: chunked'));
    for (const byte of operation) connection.write(chunk(byte));
    for (let count = 0; count < 100; count += 1)
      if (!connection.write(chunk(' ').repeat(10_000))) await once(connection.socket, 'drain');
    connection.write('0\r\n\r\n');

    expect(await connection.response()).toMatchObject({ status: 200 });
  });

  test.each(['/graphql', '/webhooks/helpcrunch', '/nothing', '/mcp'] as const)(
    'for %s counts until it is complete',
    async (path) => {
      await using gateway = await start();
      using connection = await sendInPart(gateway, path);
      await gateway.receives(50_000);

      const response = await connection.finish();

      expect(response?.status).toBeGreaterThanOrEqual(200);
      await gateway.receives(0);
    },
  );

  test('does not count after its client disconnects', async () => {
    await using gateway = await start();
    using connection = await sendInPart(gateway);
    await gateway.receives(50_000);

    connection.socket.destroy();

    await gateway.receives(0);
    expect(gateway.logged.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  test('above MAX_PARTIAL_BODY_BYTES the connections that send the longest are destroyed', async () => {
    await using gateway = await start();
    using first = await sendInPart(gateway);
    await gateway.receives(50_000);
    using second = await sendInPart(gateway);
    await gateway.receives(100_000);
    using third = await sendInPart(gateway);
    await gateway.receives(150_000);

    using last = await sendInPart(gateway);
    await first.closed;

    expect(await gateway.destroyed()).toBeGreaterThan(0);
    expect(await last.finish()).toMatchObject({ status: 200 });
    expect(await third.finish()).toMatchObject({ status: 200 });
    second.socket.destroy();
    const warnings = gateway.logged.map((line) => JSON.parse(line));
    expect(warnings).toContainEqual(
      expect.objectContaining({ msg: 'connections destroyed', reason: 'MAX_PARTIAL_BODY_BYTES' }),
    );
  });
});

test('a program with the gateway on a Unix socket survives more than MAX_PARTIAL_BODY_BYTES', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'helpcrunch-'));
  const path = join(directory, 'socket');
  const gateway = createGateway({ MAX_PARTIAL_BODY_BYTES: '8388608', LOG_LEVEL: 'silent' });
  const server = createServer(gateway.handler).listen(path);
  await once(server, 'listening');
  const send = (text: string) => {
    const socket = connect({ path }).on('error', () => undefined);
    socket.write(`${headOf('/graphql', paths['/graphql'], 'Content-Length: 250000')}${text}`);
    return socket;
  };

  const first = send(operation);
  const closed = once(first, 'close');
  const others = Array.from({ length: 40 }, () => send(operation.padEnd(249_999)));
  await closed;
  const [answer] = await once(send(operation.padEnd(250_000)), 'data');

  expect(String(answer)).toContain('HTTP/1.1 200');
  for (const socket of others) socket.destroy();
  await gateway.stop();
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true });
});

/** A frame of a client, with a zero mask. */
function frame(firstByte: number, bytes: number): Buffer {
  const length = bytes < 126 ? [0x80 | bytes] : [0xfe, bytes >> 8, bytes & 0xff];
  return Buffer.concat([Buffer.from([firstByte, ...length]), Buffer.alloc(4 + bytes, ' ')]);
}

const textStart = (bytes: number) => frame(0x01, bytes);
const continuation = (bytes: number) => frame(0x00, bytes);
const ping = frame(0x89, 20);
const policyViolated = 1008;

describe('a WebSocket message', () => {
  test('of more than 64 fragments is rejected', async () => {
    await using gateway = await start();
    const { socket, closeCode } = await openRawSocket(gateway.url);

    socket.write(textStart(1));
    for (let count = 0; count < 64; count += 1) socket.write(continuation(1));

    expect(await closeCode()).toBe(policyViolated);
    socket.destroy();
  });

  test('counts until it is complete, and pings between its fragments do not', async () => {
    await using gateway = await start();
    const { socket, closed } = await openRawSocket(gateway.url);

    socket.write(ping);
    socket.write(textStart(50_000));
    await gateway.receives(50_008);
    socket.write(ping);
    socket.write(continuation(100));
    await gateway.receives(50_114);
    socket.destroy();

    await closed;
    await gateway.receives(0);
  });

  test('counts from its first byte, which can arrive with the end of the message before it', async () => {
    await using gateway = await start();
    const { socket, closed } = await openRawSocket(gateway.url);
    const graphqlPing = Buffer.from(JSON.stringify({ type: 'ping' }));
    const header = Buffer.from([0x81, 0x80 | graphqlPing.length, 0, 0, 0, 0]);

    socket.write(Buffer.concat([header, graphqlPing, textStart(30_000)]));

    await gateway.receives(30_008);
    socket.destroy();
    await closed;
  });

  test('does not count when it is complete', async () => {
    await using gateway = await start();
    const client = await openSocket(gateway.url);

    await client.initialize();

    await gateway.receives(0);
    client.socket.terminate();
    await client.closed;
  });

  test('above MAX_PARTIAL_BODY_BYTES the connections that send the longest are destroyed', async () => {
    await using gateway = await start();
    const first = await openRawSocket(gateway.url);
    first.socket.write(textStart(60_000));
    await gateway.receives(60_008);
    using body = await sendInPart(gateway);
    await gateway.receives(110_008);

    const last = await openRawSocket(gateway.url);
    last.socket.write(textStart(60_000));
    await first.closed;

    expect(await gateway.destroyed()).toBe(1);
    expect(await body.finish()).toMatchObject({ status: 200 });
    await gateway.receives(60_008);
    last.socket.destroy();
  });
});
