import { once } from 'node:events';
import { readFile, readdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ExportOptions } from '../../src/index.ts';
import {
  exportFailure,
  exportWithTime,
  hastyClock,
  respond,
  startOperationProxy,
} from '../support/exportFailures.ts';
import { createExportDirectory } from '../support/exports.ts';
import { useIdleness } from '../support/useIdleness.ts';
import { startLiveExportGateway } from '../support/liveExportGateway.ts';
import { createManualClock } from '../support/manualClock.ts';

const pageInfo = { hasNextPage: false, endCursor: null };

describe('a server that repeats the token', () => {
  const secret = 'q7Zr-4mKx-9vBt-2sNd';
  /** Any part of it that is longer than a word. */
  const parts = Array.from({ length: secret.length - 7 }, (_, index) =>
    secret.slice(index, index + 8),
  );

  async function expectHidden(directory: string, message: string) {
    const names = await readdir(directory);
    const texts = names.map((name) => readFile(join(directory, name), 'utf8'));
    for (const text of [message, ...(await Promise.all(texts))])
      expect(parts.filter((part) => text.includes(part))).toEqual([]);
  }

  const error = (message: string, code: string) => ({ message, extensions: { code } });

  test.each([
    ['in its message', 200, error(`Unknown: Bearer ${secret}`, 'UNAUTHENTICATED'), 'CREDENTIALS'],
    ['where the message is cut', 400, error('x'.repeat(490) + secret, 'BAD_REQUEST'), 'REJECTED'],
    ['in its code', 400, error('No.', secret), 'REJECTED'],
    ['when it fails', 500, error(`Failed for ${secret}`, 'UPSTREAM_UNAVAILABLE'), 'UNAVAILABLE'],
  ])('in an error %s is shown without it', async (_where, status, failed, code) => {
    await using target = await createExportDirectory();
    await using proxy = await startOperationProxy('', () => respond(status, { errors: [failed] }));
    const { directory } = target;

    const failure = await exportFailure({
      ...{ url: proxy.url, directory, token: secret, clock: hastyClock },
    });

    expect(failure.code).toBe(code);
    expect(`${failure.message}${failure.code}`).toMatch(/\[token\]|x{490}/);
    await expectHidden(directory, failure.message);
  });

  test('as the code of a chat that cannot be read does not get it into the files', async () => {
    await using target = await createExportDirectory();
    const chat = { id: '1', status: 'CLOSED', createdAt: '2026-01-15T12:00:00.000Z' };
    const path = ['nodes', 0, 'messages'];
    const results: Readonly<Record<string, unknown>> = {
      ExportChats: { data: { list: { nodes: [chat], pageInfo } } },
      ExportMessages: {
        data: { nodes: [null] },
        errors: [error('No.', secret), error('after: No.', 'BAD_USER_INPUT')].map((each) => ({
          ...each,
          path,
        })),
      },
    };
    await using gateway = await startLiveExportGateway(({ name }) => results[name]);
    const { directory } = target;
    const failure = await exportFailure({
      ...{ url: gateway.url, directory, token: secret, kinds: ['chats', 'messages'] },
    });

    expect(failure).toMatchObject({
      code: 'INCOMPLETE',
      message: expect.stringContaining('1 (BAD_USER_INPUT)'),
    });
    await expectHidden(directory, failure.message);
  });

  test('after it was renewed is shown without either', async () => {
    await using target = await createExportDirectory();
    const tokens = [secret, secret.toUpperCase()];
    let requests = 0;
    await using proxy = await startOperationProxy('', () =>
      (requests += 1) === 1
        ? respond(503, {})
        : respond(400, { errors: [error(tokens.join(' '), 'BAD_REQUEST')] }),
    );
    const { message } = await exportFailure({
      ...{ url: proxy.url, directory: target.directory, clock: hastyClock },
      token: () => tokens[requests] ?? '',
    });

    expect(message).toContain('[token] [token]');
  });

  test.each([
    ['the reason of a close code', (socket: any) => socket.close(4403, `Bearer ${secret}`)],
    [
      'the error of a subscription',
      (socket: any, id: string) =>
        socket.send(
          JSON.stringify({ type: 'error', id, payload: [error(secret, 'UNAUTHENTICATED')] }),
        ),
    ],
  ])('as %s is shown without it', async (what, answer) => {
    await using target = await createExportDirectory();
    const { directory } = target;
    await using gateway = await startLiveExportGateway(
      () => undefined,
      ({ type, id }, socket) => {
        const isAnswered = type === (what.includes('close') ? 'connection_init' : 'subscribe');
        if (isAnswered) answer(socket, id);
        return isAnswered;
      },
    );
    const failure = await exportFailure({
      ...{ url: gateway.url, directory, token: secret, clock: hastyClock },
      ...{ follow: true, kinds: ['chats'] },
    });

    expect(failure).toMatchObject({
      code: 'CREDENTIALS',
      message: expect.stringContaining('[token]'),
    });
    await expectHidden(directory, failure.message);
  });
});

describe('a server whose responses never end', () => {
  const idleness = useIdleness();

  async function listen(server: Server) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      async [Symbol.asyncDispose]() {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  }

  /** Runs an export whose time passes whenever it waits. Returns its outcome and how long it took. */
  async function runWithTime(options: Omit<ExportOptions, 'clock'>, stepMs: number) {
    const clock = createManualClock();
    const startedMs = clock.monotonic();
    const outcome = await exportWithTime(options, { idleness, clock, stepMs });
    return { outcome, tookMs: clock.monotonic() - startedMs };
  }

  test.each([
    ['a response', (response: ServerResponse) => response.writeHead(200).flushHeaders()],
    ['a body', (response: ServerResponse) => response.writeHead(200).write('{"data":')],
  ])('%s is waited for 90 seconds, 12 times', async (_what, begin) => {
    await using target = await createExportDirectory();
    await using server = await listen(
      createServer((request, response) => {
        request.resume();
        begin(response);
      }),
    );
    const { outcome, tookMs } = await runWithTime(
      { url: server.url, directory: target.directory },
      5_000,
    );

    expect(outcome).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('did not respond within 90 seconds'),
    });
    expect(tookMs).toBeGreaterThanOrEqual(12 * 90_000);
    expect(tookMs).toBeLessThan(12 * (90_000 + 30_000 + 10_000));
  });

  test('a body that is larger than any of the gateway ends the export', async () => {
    await using target = await createExportDirectory();
    const part = Buffer.alloc(4_194_304, ' ');
    let sent = 0;
    await using server = await listen(
      createServer((request, response) => {
        request.resume();
        const send = () => {
          while (!response.destroyed) {
            sent += part.length;
            if (!response.write(part)) break;
          }
        };
        response.on('drain', send);
        send();
      }),
    );
    const failure = await exportFailure({ url: server.url, directory: target.directory });

    expect(failure).toMatchObject({
      code: 'REJECTED',
      message: expect.stringContaining('is larger than 268435456 bytes'),
    });
    expect(sent).toBeLessThan(2 * 268_435_456);
  });

  test('a WebSocket that is never opened ends the export, 12 times after three minutes', async () => {
    await using target = await createExportDirectory();
    const { directory } = target;
    await using gateway = await startLiveExportGateway(() => undefined);
    let upgrades = 0;
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const headers = { 'content-type': 'application/json' };
        const body = Buffer.concat(chunks);
        void fetch(gateway.url, { method: 'POST', headers, body }).then(async (passed) =>
          respond(200, await passed.json())(response),
        );
      });
    }).on('upgrade', (_request, socket) => {
      upgrades += 1;
      socket
        .on('error', () => undefined)
        .on('end', () => socket.destroy())
        .resume();
    });
    await using silent = await listen(server);

    const { outcome, tookMs } = await runWithTime(
      { url: silent.url, directory, follow: true, kinds: ['chats'] },
      5_000,
    );

    expect(outcome).toMatchObject({ code: 'UNAVAILABLE' });
    expect(upgrades).toBe(12);
    expect(tookMs).toBeLessThan(12 * (180_000 + 30_000 + 10_000));
  });

  test.each([
    [
      'HTTP 429',
      (response: ServerResponse) => response.writeHead(429, { 'retry-after': '1000000000000' }),
    ],
    [
      'HTTP 429 with a date',
      (response: ServerResponse) =>
        response.writeHead(429, { 'retry-after': 'Fri, 31 Dec 2999 23:59:59 GMT' }),
    ],
    [
      'RATE_LIMITED',
      (response: ServerResponse) => {
        const extensions = { code: 'RATE_LIMITED', retryAfterMs: 1e15 };
        response.write(JSON.stringify({ errors: [{ message: 'Wait.', extensions }] }));
      },
    ],
  ])('%s for years is tried again after ten minutes', async (_what, limit) => {
    await using target = await createExportDirectory();
    await using gateway = await startLiveExportGateway(() => undefined);
    let requests = 0;
    await using limited = await startOperationProxy('', ({ body }) => {
      requests += 1;
      return async (response: ServerResponse) => {
        if (requests === 1) {
          limit(response);
          response.end();
          return;
        }
        const passed = await fetch(gateway.url, { method: 'POST', body: JSON.stringify(body) });
        respond(200, await passed.json())(response);
      };
    });
    const { outcome, tookMs } = await runWithTime(
      { url: limited.url, directory: target.directory, kinds: ['chats'] },
      1_000,
    );

    expect(outcome).toMatchObject({ lines: { chats: 0 } });
    expect(tookMs).toBeGreaterThanOrEqual(600_000);
    expect(tookMs).toBeLessThanOrEqual(601_000);
  });
});

describe('a server that does not keep to the schema', () => {
  const run = async (results: Readonly<Record<string, unknown>>) => {
    await using target = await createExportDirectory();
    await using gateway = await startLiveExportGateway(({ name }) => results[name]);
    const { directory } = target;
    return await exportFailure({ url: gateway.url, directory, kinds: ['chats', 'messages'] });
  };
  const chat = { id: '1', status: 'CLOSED', createdAt: '2026-01-15T12:00:00.000Z' };
  const endless = { hasNextPage: true, endCursor: 'same' };
  const withoutCursor = { hasNextPage: true, endCursor: null };

  test('cannot end a list with a page that lacks the cursor of the next one', async () => {
    const list = { nodes: [chat], pageInfo: withoutCursor };

    expect(await run({ ExportChats: { data: { list } } })).toMatchObject({ code: 'REJECTED' });
  });

  test.each([
    ['chats', { ExportChats: { data: { list: { nodes: [], pageInfo: endless } } } }],
    [
      'messages',
      {
        ExportChats: { data: { list: { nodes: [chat], pageInfo } } },
        ExportMessages: { data: { nodes: [{ messages: { nodes: [], pageInfo: endless } }] } },
      },
    ],
  ])('cannot repeat a page of %s forever', async (_what, results) => {
    expect(await run(results)).toMatchObject({
      code: 'REJECTED',
      message: expect.stringContaining('A list does not end'),
    });
  });

  test.each([
    ['an id that moves the cursor', { id: '\u001b[2J' }],
    ['an id of a megabyte', { id: '1'.repeat(1_000_000) }],
    ['a number', { id: 5 }],
    ['a list', []],
    ['null', null],
  ])('cannot name a chat with %s', async (_what, node) => {
    expect(
      await run({ ExportChats: { data: { list: { nodes: [node], pageInfo } } } }),
    ).toMatchObject({
      code: 'REJECTED',
      message: expect.stringMatching(/unexpected list\.nodes\.0(\.id)?\.$/),
    });
  });

  test.each([
    ['role', { viewer: { role: '\u001b[2J' } }],
    ['customer', { viewer: { role: 'CUSTOMER', customer: { id: 'x y' } } }],
  ])('cannot name the viewer with another %s', async (_what, data) => {
    expect(await run({ ExportViewer: { data } })).toMatchObject({ code: 'REJECTED' });
  });
});
