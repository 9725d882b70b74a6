import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readConfig } from '../../src/config/settings.ts';
import { wireCustomer } from '../support/controlledUpstream.ts';
import type { RecordingUpstream } from '../support/recordingUpstream.ts';
import { startRecordingUpstream, wireChat } from '../support/recordingUpstream.ts';
import { startTestGateway } from '../support/gateway.ts';
import type { ManualClock } from '../support/manualClock.ts';
import { createManualClock } from '../support/manualClock.ts';
import { metricOf } from '../support/metrics.ts';
import { head, openConnection } from '../support/rawHttp.ts';
import { openSocket } from '../support/socket.ts';

let helpCrunch: RecordingUpstream;
let held: Promise<ServerResponse>;

/** Larger than what the operating systems of both ends take of an answer to a client that does not read. */
const largeBytes = 7_600_000;
const part = 'x'.repeat(largeBytes / 4);

beforeAll(async () => {
  helpCrunch = await startRecordingUpstream();
  helpCrunch.respond('GET /customers/1', { body: wireCustomer({ id: 1, company: part }) });
  helpCrunch.respond('GET /customers/3', {
    body: wireCustomer({ id: 3, company: '€'.repeat(400_000) }),
  });
  held = new Promise((resolve) => {
    helpCrunch.respond('GET /chats/2', (_call, response) => {
      resolve(response);
      return undefined;
    });
  });
});

afterAll(async () => {
  await helpCrunch[Symbol.asyncDispose]();
});

const large = `{ customer(id: 1) { ${['a', 'b', 'c', 'd'].map((name) => `${name}: company`).join(' ')} } }`;

async function start(
  sending: Partial<ReturnType<typeof readConfig>['sending']> = {},
  maxResponseBytes = readConfig({}).maxResponseBytes,
) {
  const clock = createManualClock();
  const { cacheTtlsMs, sending: usual } = readConfig({});
  const config = {
    cacheTtlsMs,
    sending: { ...usual, ...sending },
    upstreamMaxBytes: 10_000_000,
    maxResponseBytes,
  };
  const gateway = await startTestGateway({ upstream: helpCrunch, clock, config });
  // From now on the answer is known, and no operation is under way while time passes.
  await gateway.query(large);

  const figure = (name: string) => metricOf(gateway, name);
  return {
    ...gateway,
    clock,
    figure,
    unsentBytes: () => figure('helpcrunch_unsent_bytes'),
    destroyed: (reason: string) =>
      figure(`helpcrunch_connections_destroyed_total{reason="${reason}"}`),
  };
}

type Gateway = Awaited<ReturnType<typeof start>>;

/** Done when so many bytes wait for clients, at least. */
async function waits(gateway: Gateway, isEnough: (unsentBytes: number) => boolean) {
  for (;;) if (isEnough(await gateway.unsentBytes())) return;
}

const post = (query: string): string => {
  const body = JSON.stringify({ query });
  return (
    head(
      'POST /graphql HTTP/1.1',
      'Host: localhost',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
    ) + body
  );
};

/** A client that sends requests and does not read. */
async function askAndStall(gateway: Gateway, query = large) {
  const connection = await openConnection(gateway.url);
  connection.socket.pause();
  connection.write(post(query));
  return connection;
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Lets time pass in steps, between which sockets have a turn. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 500) {
    clock.advance(500);
    await turn();
  }
}

/** Reads so many bytes, or to the end, and stops again. */
async function read(socket: Socket, bytes: number): Promise<void> {
  const enough = socket.bytesRead + bytes;
  socket.resume();
  while (socket.bytesRead < enough && !socket.closed) await turn();
  socket.pause();
}

describe('clients that do not read', () => {
  test('any number of clients that do not read lose their connections after SEND_TIMEOUT_MS, and their responses are freed', async () => {
    await using gateway = await start();
    const clients = await Promise.all(Array.from({ length: 8 }, () => askAndStall(gateway)));
    await waits(gateway, (bytes) => bytes >= 8 * largeBytes);

    await pass(gateway.clock, 29_000);
    const before = await gateway.destroyed('SEND_TIMEOUT_MS');
    await pass(gateway.clock, 3_000);

    expect(before).toBe(0);
    expect(await gateway.destroyed('SEND_TIMEOUT_MS')).toBe(8);
    await waits(gateway, (bytes) => bytes === 0);
    for (const { socket, closed } of clients) {
      socket.resume();
      await closed;
      expect(socket.bytesRead).toBeLessThan(largeBytes);
    }
    const lines: { readonly reason: string; readonly connections: number }[] = gateway.logged.map(
      (line) => JSON.parse(line),
    );
    expect(new Set(lines.map(({ reason }) => reason))).toEqual(new Set(['SEND_TIMEOUT_MS']));
    expect(lines.reduce((sum, { connections }) => sum + connections, 0)).toBe(8);
    expect(lines.length).toBeLessThanOrEqual(2);
  });

  test('a client that does not read loses its WebSocket after SEND_TIMEOUT_MS', async () => {
    await using gateway = await start({ sendTimeoutMs: 10_000 });
    await using client = await openSocket(gateway.url);
    await client.initialize();

    client.socket.pause();
    client.send({ id: '1', type: 'subscribe', payload: { query: large } });
    await waits(gateway, (bytes) => bytes > 1_000_000);
    await pass(gateway.clock, 12_000);

    expect(await gateway.destroyed('SEND_TIMEOUT_MS')).toBe(1);
    while ((await gateway.figure('helpcrunch_live_connections')) > 0);
    client.socket.resume();
    expect(await client.closed).toMatchObject({ code: 1006 });
  });

  test('a client that does not read loses its event stream after SEND_TIMEOUT_MS', async () => {
    await using gateway = await start();
    using client = await openConnection(gateway.url);

    client.socket.pause();
    client.write(
      head(
        `GET /graphql/stream?query=${encodeURIComponent(large)} HTTP/1.1`,
        'Host: localhost',
        'Accept: text/event-stream',
      ),
    );
    await waits(gateway, (bytes) => bytes > 1_000_000);
    await pass(gateway.clock, 32_000);

    expect(await gateway.destroyed('SEND_TIMEOUT_MS')).toBe(1);
    while ((await gateway.figure('helpcrunch_live_connections')) > 0);
  });

  test('a client that does not read loses its connection even if it continues to send', async () => {
    await using gateway = await start();
    using client = await askAndStall(gateway);
    await waits(gateway, (bytes) => bytes > 1_000_000);

    for (let second = 0; second < 32; second += 1) {
      client.write(post('{ __typename }'));
      await pass(gateway.clock, 1_000);
      await gateway.unsentBytes();
    }

    expect(await gateway.destroyed('SEND_TIMEOUT_MS')).toBe(1);
  });
});

describe('clients that read slowly', () => {
  test('a client that reads slowly receives its complete response', async () => {
    await using gateway = await start();
    using client = await askAndStall(gateway);
    await waits(gateway, (bytes) => bytes > 1_000_000);

    await pass(gateway.clock, 20_000);
    let passedMs = 20_000;
    while ((await gateway.unsentBytes()) > 0) {
      // The operating system reports free space in its buffer when about a third of it is free: up to 1.4 MB.
      await read(client.socket, 1_500_000);
      await gateway.unsentBytes();
      await pass(gateway.clock, 14_000);
      passedMs += 14_000;
    }
    client.socket.resume();

    expect((await client.response())?.body).toContain(part.slice(0, 100));
    expect(passedMs).toBeGreaterThan(30_000);
    expect(await gateway.destroyed('SEND_TIMEOUT_MS')).toBe(0);
  });

  test('a client is not disconnected while the gateway computes its response', async () => {
    await using gateway = await start({ sendTimeoutMs: 1_000 });
    using client = await openConnection(gateway.url);

    client.write(post('{ chat(id: 2) { id } }') + post('{ __typename }'));
    const answer = await held;
    await waits(gateway, (bytes) => bytes > 0);
    await pass(gateway.clock, 3_000);
    answer.end(JSON.stringify(wireChat({ id: 2 })));

    expect((await client.response())?.body).toContain('"chat":{"id":"2"}');
    expect((await client.response())?.body).toContain('"__typename":"Query"');
  });
});

describe('MAX_UNSENT_BYTES', () => {
  test('above MAX_UNSENT_BYTES connections of clients that do not read are destroyed until the limit holds', async () => {
    await using gateway = await start({ maxUnsentBytes: 16_000_000 });
    const clients = [];
    for (let count = 0; count < 8; count += 1) clients.push(await askAndStall(gateway));

    const destroyed = () => gateway.destroyed('MAX_UNSENT_BYTES');
    while ((await destroyed()) === 0) await pass(gateway.clock, 500);
    await waits(gateway, (bytes) => bytes <= 16_000_000);
    const { data } = await gateway.query('{ __typename }');

    expect(data).toEqual({ __typename: 'Query' });
    expect(await destroyed()).toBeLessThan(8);
    expect(await gateway.destroyed('SEND_TIMEOUT_MS')).toBe(0);
    for (const { socket } of clients) socket.destroy();
  });

  test('many large responses are detected before the next periodic check', async () => {
    await using gateway = await start({ maxUnsentBytes: 16_000_000 });
    const clients = [];

    while (!((await gateway.destroyed('MAX_UNSENT_BYTES')) > 0)) {
      clients.push(await askAndStall(gateway));
      await waits(gateway, (bytes) => bytes > 0);
    }

    expect(clients.length).toBeLessThan(20);
    for (const { socket } of clients) socket.destroy();
  });

  test('a response with multi-byte characters is counted in bytes', async () => {
    await using gateway = await start({ maxUnsentBytes: 4_000_000 }, 20_000_000);
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const larger = `{ customer(id: 1) { ${names.map((name) => `${name}: company`).join(' ')} } }`;
    using stalled = await askAndStall(gateway, larger);
    await waits(gateway, (bytes) => bytes > 4_000_000);
    const before = await gateway.destroyed('MAX_UNSENT_BYTES');

    // Its bytes are more than an eighth of the limit, its UTF-16 units are fewer.
    await gateway.query('{ customer(id: 3) { company } }', {}, { 'accept-encoding': 'identity' });

    expect(before).toBe(0);
    expect(await gateway.destroyed('MAX_UNSENT_BYTES')).toBe(1);
    stalled.socket.destroy();
  });

  test('a client that reads keeps its connection above MAX_UNSENT_BYTES', async () => {
    await using gateway = await start({ maxUnsentBytes: 16_000_000 });
    const stalled = [await askAndStall(gateway), await askAndStall(gateway)];
    await waits(gateway, (bytes) => bytes > 2_000_000);
    await pass(gateway.clock, 2_000);

    using reading = await askAndStall(gateway);
    const others = [await askAndStall(gateway), await askAndStall(gateway)];
    await waits(gateway, (bytes) => bytes > 5_000_000);
    await pass(gateway.clock, 500);
    reading.socket.resume();

    expect((await reading.response())?.status).toBe(200);
    for (const { socket } of [...stalled, ...others]) socket.destroy();
  });

  test('responses that wait for an earlier one on their connection count towards MAX_UNSENT_BYTES', async () => {
    await using gateway = await start({ maxUnsentBytes: 16_000_000 });
    using client = await openConnection(gateway.url);

    client.write(
      head(
        'GET /graphql/stream?query=subscription{chatUpdated{change}} HTTP/1.1',
        'Host: localhost',
        'Accept: text/event-stream',
      ) + post(large).repeat(4),
    );
    while ((await gateway.destroyed('MAX_UNSENT_BYTES')) === 0);
    await client.closed;

    await waits(gateway, (bytes) => bytes === 0);
  });
});

test('the time in which the process was suspended does not count towards SEND_TIMEOUT_MS', async () => {
  await using gateway = await start();
  const { socket } = await askAndStall(gateway);
  await waits(gateway, (bytes) => bytes > 1_000_000);
  await pass(gateway.clock, 2_000);

  gateway.clock.advance(86_400_000);
  await pass(gateway.clock, 20_000);
  const before = await gateway.destroyed('SEND_TIMEOUT_MS');
  await pass(gateway.clock, 10_000);

  expect(before).toBe(0);
  expect(await gateway.destroyed('SEND_TIMEOUT_MS')).toBe(1);
  socket.destroy();
});

test('the periodic checks of an idle gateway end with its last connection', async () => {
  const clock = createManualClock();
  const timers: (() => void)[] = [];
  const counting = {
    ...clock,
    after(ms: number, task: () => void) {
      timers.push(task);
      const cancel = clock.after(ms, () => {
        timers.splice(timers.indexOf(task), 1);
        task();
      });
      return () => {
        if (timers.includes(task)) timers.splice(timers.indexOf(task), 1);
        cancel();
      };
    },
  };
  await using gateway = await startTestGateway({ upstream: helpCrunch, clock: counting });
  const before = timers.length;

  const connection = await openConnection(gateway.url);
  connection.write(head('GET /healthz HTTP/1.1', 'Host: localhost'));
  await connection.response();
  const during = timers.length;
  connection.socket.destroy();
  while (timers.length > before) await turn();

  expect(during).toBe(before + 1);
  expect(timers).toHaveLength(before);
});
