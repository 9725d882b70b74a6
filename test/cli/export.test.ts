import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, symlink, unlink, watch, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { formatProgress } from '../../src/cli/export.ts';
import { exportKinds } from '../../src/export/options.ts';
import { exportData } from '../../src/index.ts';
import { createRandom } from '../../src/simulator/random.ts';
import { createAgentWork } from '../support/agentWork.ts';
import {
  accountState,
  createExportDirectory,
  exportedState,
  idsOf,
  readExport,
  repeatedIds,
  sorted,
} from '../support/exports.ts';
import { startDemo } from '../support/gateway.ts';
import { jwtAuth, token } from '../support/issuer.ts';
import { webhookSecret } from '../support/webhooks.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Starts the real command with only these environment variables. */
function startCommand(args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, ['dist/cli/main.js', 'export', ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'], ...environment },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => ({
    code,
    signal,
    output,
    errors,
  }));
  return { ended, kill: (signal: NodeJS.Signals) => child.kill(signal) };
}

const runCommand = (args: readonly string[], environment?: Readonly<Record<string, string>>) =>
  startCommand(args, environment).ended;

/** A TCP proxy that reports each chunk from the gateway before it passes it on. */
async function startMeter(url: string) {
  let onBytes: (bytes: number) => void = () => undefined;
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    const gateway = connect(Number(new URL(url).port), '127.0.0.1');
    client.pipe(gateway);
    gateway.on('data', (chunk: Buffer) => {
      onBytes(chunk.length);
      client.write(chunk);
    });
    client.on('error', () => undefined).on('close', () => gateway.destroy());
    gateway.on('error', () => undefined).on('close', () => client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    observe(observer: (bytes: number) => void) {
      onBytes = observer;
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The account of the acceptance: EXPORT_CHATS=5000 EXPORT_CUSTOMERS=2000. */
const counts = {
  chats: Number(process.env['EXPORT_CHATS'] ?? 300),
  customers: Number(process.env['EXPORT_CUSTOMERS'] ?? 150),
};
const kills = 10;
const cacheTtlsMs = { chats: 60_000, customers: 60_000, account: 300_000, absent: 0 };

/** An account in which agents and customers work whenever a client receives something through the meter. */
async function startBusyAccount() {
  const demo = await startDemo({ ...counts, config: { rateLimit: 0, webhookSecret, cacheTtlsMs } });
  const meter = await startMeter(demo.url);
  demo.simulator.sendWebhooks({ url: `${demo.url}/webhooks/helpcrunch`, secret: webhookSecret });
  const work = createAgentWork({ gateway: demo, simulator: demo.simulator, ...counts });
  return {
    ...demo,
    meter,
    work,
    async [Symbol.asyncDispose]() {
      await meter[Symbol.asyncDispose]();
      await demo[Symbol.asyncDispose]();
    },
  };
}

type BusyAccount = Awaited<ReturnType<typeof startBusyAccount>>;

/** The number of bytes that a whole export receives. */
async function sizeOfExport({ meter }: BusyAccount): Promise<number> {
  await using target = await createExportDirectory();
  let received = 0;
  meter.observe((bytes) => {
    received += bytes;
  });
  await exportData({ url: meter.url, directory: target.directory });
  return received;
}

/** Starts the command ten times, and kills it each time after a random number of received bytes. */
async function killTenTimes(
  { meter, work }: BusyAccount,
  args: readonly string[],
  maxBytes: number,
) {
  const random = createRandom(process.pid, process.ppid);
  const signals: unknown[] = [];
  for (let run = 0; run < kills; run += 1) {
    let left = Math.ceil(random.next() * maxBytes);
    const command = startCommand(args);
    meter.observe((bytes) => {
      work.step();
      left -= bytes;
      if (left <= 0) command.kill('SIGKILL');
    });
    const { signal } = await command.ended;
    signals.push(signal);
  }
  meter.observe(() => work.step());
  return signals;
}

const killed = Array.from({ length: kills }, () => 'SIGKILL');

describe('an export that is killed ten times while agents work', () => {
  test('contains every object exactly once', async () => {
    await using account = await startBusyAccount();
    await using target = await createExportDirectory();
    const size = await sizeOfExport(account);
    const before = await accountState(account.simulator);
    const args = ['--url', account.meter.url, '--out', target.directory];

    const signals = await killTenTimes(account, args, size / (kills + 2));
    const last = await runCommand(args);
    expect(await account.work.finish()).toEqual([]);

    expect(signals).toEqual(killed);
    expect(last).toMatchObject({ code: 0, errors: '' });
    const after = await accountState(account.simulator);
    expect(after.messages.length).toBeGreaterThan(before.messages.length);
    const exported = await readExport(target.directory);
    for (const kind of exportKinds) expect(repeatedIds(exported[kind])).toEqual([]);
    for (const kind of ['chats', 'messages', 'customers'] as const) {
      const ids = new Set(idsOf(exported[kind]));
      expect(idsOf(before[kind]).filter((id) => !ids.has(id))).toEqual([]);
      const existing = new Set(idsOf(after[kind]));
      expect(idsOf(exported[kind]).filter((id) => !existing.has(id))).toEqual([]);
    }
  });

  test('is equal to the account at the end if it follows', async () => {
    await using account = await startBusyAccount();
    await using target = await createExportDirectory();
    const size = await sizeOfExport(account);
    const options = { url: account.meter.url, directory: target.directory };
    const args = ['--url', options.url, '--out', options.directory, '--follow', '--gzip'];

    const signals = await killTenTimes(account, args, size / (kills + 2));
    const stop = new AbortController();
    let isWorking = true;
    account.meter.observe(() => isWorking && account.work.step());
    await exportData({
      ...options,
      follow: true,
      gzip: true,
      signal: stop.signal,
      onProgress({ phase, isUpToDate }) {
        if (phase === 'follow') isWorking = false;
        if (isUpToDate) void account.work.finish().then(() => stop.abort());
      },
    });
    const failures = await account.work.finish();

    expect({ signals, failures }).toEqual({ signals: killed, failures: [] });
    expect(sorted(await exportedState(target.directory))).toEqual(
      sorted(await accountState(account.simulator)),
    );
    expect(repeatedIds((await readExport(target.directory)).messages)).toEqual([]);
  });
});

describe('helpcrunch-graphql export', () => {
  let demo: Awaited<ReturnType<typeof startDemo>>;

  beforeAll(async () => {
    demo = await startDemo({
      customers: 20,
      chats: 120,
      config: { rateLimit: 0, auth: jwtAuth() },
    });
  });

  afterAll(async () => {
    await demo[Symbol.asyncDispose]();
  });

  test('reads the token from the environment or from a file and never prints it', async () => {
    await using target = await createExportDirectory();
    await using tokens = await createExportDirectory();
    const value = await token({ role: 'agent', agentId: 11 });
    const file = join(tokens.directory, 'token');
    await writeFile(file, `${value}\nsecond line`);
    const args = ['--url', demo.url, '--out'];

    const none = await runCommand([...args, join(target.directory, 'none')]);
    const wrong = await runCommand([...args, join(target.directory, 'wrong')], {
      GATEWAY_TOKEN: 'not-a-token',
    });
    const fromVariable = await runCommand([...args, join(target.directory, 'a')], {
      GATEWAY_TOKEN: value,
    });
    const fromFile = await runCommand([
      ...[...args, join(target.directory, 'b'), '--quiet'],
      ...['--token-file', file],
    ]);
    const missing = await runCommand([
      ...[...args, join(target.directory, 'c')],
      ...['--token-file', join(tokens.directory, 'missing')],
    ]);

    expect(none).toMatchObject({ code: 3, output: '' });
    expect(none.errors).toContain('The credentials were rejected');
    expect(wrong.code).toBe(3);
    expect(wrong.errors).not.toContain('not-a-token');
    expect(fromVariable).toMatchObject({ code: 0, errors: '' });
    expect(fromVariable.output).toContain('120 chats');
    expect(fromFile).toMatchObject({ code: 0, errors: '', output: '' });
    expect(missing).toMatchObject({ code: 3 });
  });

  test.each([
    [['--token', 'x'], "Unknown option '--token'"],
    [['--url', 'gateway'], 'url: must be an http or https URL'],
    [['--kinds', 'chats,orders'], '"orders" is not a kind'],
    [['--filter', '{'], '--filter: must be JSON'],
    [['--since', 'yesterday'], 'since: must be a time'],
    [['--follow', '--filter', '{"chats":{"status":"NEW"}}'], 'follow: cannot be combined'],
  ])('exits with 1 for %j', async (args, message) => {
    await using target = await createExportDirectory();
    const base = ['--url', demo.url, '--out', target.directory];
    const { code, errors } = await runCommand([...base, ...args]);

    expect(code).toBe(1);
    expect(errors).toContain(message);
    expect(await readdir(target.directory)).toEqual([]);
  });

  test.each([
    [['--out', '/tmp/x'], '--url: is required'],
    [['--url', 'http://a'], '--out: is required'],
  ])('exits with 1 if an option is missing: %j', async (args, message) => {
    expect(await runCommand(args)).toMatchObject({
      code: 1,
      errors: expect.stringContaining(message),
    });
  });

  test('exits with 2 for the directory of another export, and with 6 for a rejected request', async () => {
    await using target = await createExportDirectory();
    const environment = { GATEWAY_TOKEN: await token({ role: 'agent', agentId: 11 }) };
    const args = ['--url', demo.url, '--out', target.directory];
    await runCommand([...args, '--kinds', 'team'], environment);

    const other = await runCommand([...args, '--kinds', 'chats'], environment);
    const filter = ['--filter', '{"chats":{"color":"red"}}'];
    const rejected = await runCommand(
      [...args.slice(0, 3), join(target.directory, 'a'), ...filter],
      environment,
    );
    const notGraphql = await runCommand([
      ...['--url', `${demo.url}/healthz`],
      ...['--out', join(target.directory, 'b')],
    ]);

    expect(other).toMatchObject({
      code: 2,
      errors: expect.stringContaining('was written with kinds'),
    });
    expect(rejected).toMatchObject({ code: 6, errors: expect.stringContaining('color') });
    expect(notGraphql).toMatchObject({ code: 6 });
  });

  test('exits with 4 if the disk is full', async () => {
    await using target = await createExportDirectory();
    const environment = { GATEWAY_TOKEN: await token({ role: 'agent', agentId: 11 }) };
    const args = ['--url', demo.url, '--out', target.directory];
    await runCommand(args);
    const path = join(target.directory, 'messages.ndjson');
    await symlink('/dev/full', path);
    const full = await runCommand(args, environment);
    await unlink(path);
    const { code } = await runCommand(args, environment);

    expect(full).toMatchObject({ code: 4, errors: expect.stringContaining('No space is left') });
    expect(code).toBe(0);
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stops at %s with %s and continues later', async (signal, expected) => {
    await using target = await createExportDirectory();
    await using meter = await startMeter(demo.url);
    const environment = { GATEWAY_TOKEN: await token({ role: 'agent', agentId: 11 }) };
    const args = ['--url', meter.url, '--out', target.directory];
    const command = startCommand(args, environment);
    meter.observe(() => command.kill(signal));
    const stopped = await command.ended;
    meter.observe(() => undefined);

    expect(stopped).toMatchObject({ code: expected, signal: null });
    expect(stopped.errors).toContain('Run it again; it continues.');
    expect(await runCommand(args, environment)).toMatchObject({ code: 0 });
  });

  test('exits with 0 when a signal ends an export that follows', async () => {
    await using target = await createExportDirectory();
    const environment = { GATEWAY_TOKEN: await token({ role: 'agent', agentId: 11 }) };
    const args = ['--url', demo.url, '--out', target.directory, '--follow', '--kinds', 'chats'];
    const command = startCommand(args, environment);
    const watcher = watch(target.directory);
    for await (const { filename } of watcher) if (filename === 'manifest.json') break;
    command.kill('SIGTERM');

    expect(await command.ended).toMatchObject({ code: 0, errors: '' });
  });

  test('prints its options with --help', async () => {
    const { code, output } = await runCommand(['--help']);

    expect(code).toBe(0);
    for (const name of ['--url', '--out', '--follow', 'GATEWAY_TOKEN', 'Exit codes']) {
      expect(output).toContain(name);
    }
  });

  test('progress shows lines, calls, their rate and the remaining time', () => {
    const lines = { agents: 0, departments: 0, customers: 0, chats: 1200, messages: 9000 };
    const progress = { isUpToDate: false, lines, calls: 1234, callsPerMinute: 95.6 };

    expect(formatProgress({ ...progress, phase: 'list', remainingMs: 3_700_000 })).toBe(
      '1200 chats, 9000 messages · 1234 calls · 96/min · about 1 h 2 min left',
    );
    expect(formatProgress({ ...progress, phase: 'follow', remainingMs: null })).toBe(
      '1200 chats, 9000 messages · 1234 calls · 96/min · following',
    );
  });
});
