import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { chown, mkdir, readFile, readdir, rm, watch, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { formatProgress } from '../../src/cli/export.ts';
import { exportExitCodes, exportKinds } from '../../src/export/options.ts';
import { exportData } from '../../src/index.ts';
import { toNodeId } from '../../src/lib/ids.ts';
import { createRandom } from '../../src/simulator/random.ts';
import { createAgentWork } from '../support/agentWork.ts';
import { startFailingProxy } from '../support/exportFailures.ts';
import {
  accountState,
  createExportDirectory,
  exportedState,
  idsOf,
  readExport,
  readKind,
  repeatedIds,
  sorted,
  withFirstMessages,
} from '../support/exports.ts';
import { startDemo } from '../support/gateway.ts';
import { jwtAuth, token } from '../support/issuer.ts';
import { propertySeed } from '../support/propertyRuns.ts';
import { webhookSecret } from '../support/webhooks.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

const command = ['dist/cli/main.js', 'export'];

/** Starts a program with only these environment variables. */
function startProgram(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  user: { readonly uid?: number; readonly gid?: number } = {},
) {
  const child = spawn(program, args, {
    cwd: root,
    env: { PATH: process.env['PATH'], ...environment },
    ...user,
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

const startCommand = (
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) => startProgram(process.execPath, [...command, ...args], environment);

const runCommand = (args: readonly string[], environment?: Readonly<Record<string, string>>) =>
  startCommand(args, environment).ended;

async function waitForFile(directory: string, name: string) {
  const watcher = watch(directory);
  for await (const { filename } of watcher) if (filename === name) return;
}

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
if (process.env['EXPORT_CHATS'] !== undefined) jest.setTimeout(3_600_000);
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

/** Starts the command ten times, and kills it each time after another number of received bytes. */
async function killTenTimes(
  { meter, work }: BusyAccount,
  args: readonly string[],
  maxBytes: number,
) {
  const random = createRandom(propertySeed);
  const signals: unknown[] = [];
  for (let run = 0; run < kills; run += 1) {
    let left = Math.ceil(random.next() * maxBytes);
    const running = startCommand(args);
    meter.observe((bytes) => {
      work.step();
      left -= bytes;
      if (left <= 0) running.kill('SIGKILL');
    });
    const { signal } = await running.ended;
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
    for (const kind of exportKinds) {
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
    expect(sorted(withFirstMessages(await exportedState(target.directory)))).toEqual(
      sorted(withFirstMessages(await accountState(account.simulator))),
    );
    expect(repeatedIds((await readExport(target.directory)).messages)).toEqual([]);
  });
});

describe('helpcrunch-graphql export', () => {
  let demo: Awaited<ReturnType<typeof startDemo>>;
  let agentToken: string;

  beforeAll(async () => {
    agentToken = await token({ role: 'agent', agentId: 11 });
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
    [['a-secret'], 'Unexpected argument. This command'],
    [['--url', 'gateway'], 'url: must be an http or https URL'],
    [['--kinds', 'chats,orders'], '"orders" is not a kind'],
    [['--filter', '{'], '--filter: must be JSON'],
    [['--since', 'yesterday'], 'since: must be a time'],
    [['--since', '2026-02-30'], '--since: 2026-02-30 is not a day of the calendar'],
    [['--since', '2026-13-01T00:00:00Z'], '--since: 2026-13-01 is not a day of the calendar'],
    [['--since', '2026-01-31T25:00:00Z'], 'since: must be a time'],
    [['--since', '2999-01-01'], 'since: 2999-01-01T00:00:00.000Z is in the future'],
    [['--url', 'http://a/graphql?key=secret'], 'url: must not contain a query'],
    [['--follow', '--filter', '{"chats":{"status":"NEW"}}'], 'follow: cannot be combined'],
    [['--follow', '--kinds', 'team'], 'follow: needs the kind chats or customers'],
  ])('exits with 1 for %j', async (args, message) => {
    await using target = await createExportDirectory();
    const base = ['--url', demo.url, '--out', target.directory];
    const { code, errors } = await runCommand([...base, ...args]);

    expect(code).toBe(1);
    expect(errors).toContain(message);
    expect(errors).not.toContain('secret');
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
    const environment = { GATEWAY_TOKEN: agentToken };
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

  test('exits with 4 if a file cannot be written, and continues later', async () => {
    await using target = await createExportDirectory();
    const args = ['--url', demo.url, '--out', target.directory];
    const limited = await startProgram(
      '/bin/sh',
      ['-c', 'ulimit -f 16; exec "$@"', '--', process.execPath, ...command, ...args],
      { GATEWAY_TOKEN: agentToken },
    ).ended;
    const { code } = await runCommand(args, { GATEWAY_TOKEN: agentToken });

    expect(limited).toMatchObject({
      code: 4,
      errors: expect.stringMatching(
        /^\S+\.ndjson: It is larger than the file system or a limit of the process allows\.\n$/,
      ),
    });
    expect(code).toBe(0);
    for (const kind of exportKinds)
      expect(repeatedIds(await readKind(target.directory, kind))).toEqual([]);
  });

  test('exits with 4 if the directory cannot be written', async () => {
    await using target = await createExportDirectory();
    const directory = join(target.directory, 'out');
    await mkdir(directory, { mode: 0o500 });
    // The superuser may write everywhere.
    const otherUser = { uid: 65_534, gid: 65_534 };
    const isSuperuser = process.getuid?.() === 0;
    for (const path of isSuperuser ? [target.directory, directory] : [])
      await chown(path, otherUser.uid, otherUser.gid);
    const args = [...command, '--url', demo.url, '--out', directory];
    const { ended } = startProgram(process.execPath, args, {}, isSuperuser ? otherUser : {});

    expect(await ended).toMatchObject({
      code: 4,
      errors: `${join(directory, 'export.lock')}: Permission denied.\n`,
    });
  });

  test('exits with 7 and names the chats whose messages cannot be read, until they can', async () => {
    await using target = await createExportDirectory();
    const codes = new Map([[toNodeId('Chat', '5007'), 'UPSTREAM_FORBIDDEN']]);
    await using proxy = await startFailingProxy(demo.url, (id) => codes.get(id));
    const args = ['--url', proxy.url, '--out', target.directory];
    const environment = { GATEWAY_TOKEN: agentToken };
    const incomplete = await runCommand(args, environment);
    const again = await runCommand(args, environment);
    codes.clear();
    const complete = await runCommand(args, environment);

    expect(incomplete).toMatchObject({
      code: 7,
      output: '',
      errors: expect.stringContaining('cannot be read: 5007 (UPSTREAM_FORBIDDEN).'),
    });
    expect(again).toEqual(incomplete);
    expect(complete).toMatchObject({ code: 0, errors: '' });
    const messages = await readKind(target.directory, 'messages');
    expect(messages.map(({ chat }) => chat.id)).toContain('5007');
    expect(repeatedIds(messages)).toEqual([]);
  });

  test('exits with 3 when its token expires, and continues with that of the renewed file', async () => {
    await using target = await createExportDirectory();
    await using tokens = await createExportDirectory();
    await using meter = await startMeter(demo.url);
    const file = join(tokens.directory, 'token');
    await writeFile(file, agentToken);
    const args = ['--url', meter.url, '--out', target.directory, '--token-file', file];
    // It is read before each request.
    meter.observe(() => writeFileSync(file, 'expired-token'));
    const expired = await runCommand(args);
    meter.observe(() => undefined);
    await writeFile(file, agentToken);
    const { code } = await runCommand(args);

    expect(expired).toMatchObject({
      code: 3,
      errors: expect.stringContaining('Renew the token and run the export again; it continues.'),
    });
    expect(expired.errors).not.toContain('expired-token');
    expect(code).toBe(0);
    for (const name of await readdir(target.directory)) {
      const text = await readFile(join(target.directory, name), 'utf8');
      expect(text.includes(agentToken) || text.includes('expired-token')).toBe(false);
    }
  });

  test.each([1, 5, 9])(
    'contains everything once after it is killed between the data and the state of commit %i',
    async (commit) => {
      await using target = await createExportDirectory();
      const args = ['--url', demo.url, '--out', target.directory];
      const kill = `
        import { open } from 'node:fs/promises';
        const handle = await open('/dev/null');
        const prototype = Object.getPrototypeOf(handle);
        await handle.close();
        const { datasync } = prototype;
        let count = 0;
        prototype.datasync = async function () {
          await datasync.call(this);
          if ((count += 1) === ${commit}) process.kill(process.pid, 'SIGKILL');
        };`;
      const killedRun = await runCommand(args, {
        GATEWAY_TOKEN: agentToken,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(kill)}`,
      });
      const { code } = await runCommand(args, { GATEWAY_TOKEN: agentToken });

      expect(killedRun).toMatchObject({ signal: 'SIGKILL', errors: '' });
      expect(code).toBe(0);
      expect(sorted(await exportedState(target.directory))).toEqual(
        sorted(await accountState(demo.simulator)),
      );
      for (const kind of exportKinds)
        expect(repeatedIds(await readKind(target.directory, kind))).toEqual([]);
    },
  );

  test('exits with 2 while another one runs in the directory, and ignores the lock of a killed one', async () => {
    await using target = await createExportDirectory();
    const args = ['--url', demo.url, '--out', target.directory, '--kinds', 'chats', '--follow'];
    const environment = { GATEWAY_TOKEN: agentToken };
    const lock = join(target.directory, 'export.lock');
    const first = startCommand(args, environment);
    await waitForFile(target.directory, 'manifest.json');
    const second = await runCommand(args, environment);
    first.kill('SIGKILL');
    await first.ended;
    const [pid = '', ...rest] = (await readFile(lock, 'utf8')).split(' ');
    // The id of the killed process has been given to another one.
    await writeFile(lock, [process.pid, ...rest].join(' '));
    await rm(join(target.directory, 'manifest.json'));
    const third = startCommand(args, environment);
    await waitForFile(target.directory, 'manifest.json');
    third.kill('SIGTERM');

    expect(second).toMatchObject({
      code: 2,
      errors: `${target.directory}: is in use by the process ${pid}. If not, delete ${lock}.\n`,
    });
    expect(await third.ended).toMatchObject({ code: 0, errors: '' });
  });

  test.each([
    ['SIGINT', 'SIGINT', 130],
    ['SIGINT', 'SIGTERM', 130],
    ['SIGTERM', 'SIGINT', 143],
  ] as const)(
    'stops at %s although %s follows, exits with %s, and continues later',
    async (first, next, expected) => {
      await using target = await createExportDirectory();
      await using meter = await startMeter(demo.url);
      const args = ['--url', meter.url, '--out', target.directory];
      // Signals that are pending at the same time arrive in any order.
      const kill = `process.kill(process.pid, '${next}')`;
      const repeat = `process.once('${first}', () => ${kill}); process.once('beforeExit', () => ${kill});`;
      const running = startCommand(args, {
        GATEWAY_TOKEN: agentToken,
        NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(repeat)}`,
      });
      meter.observe(() => running.kill(first));
      const stopped = await running.ended;
      meter.observe(() => undefined);

      expect(stopped).toMatchObject({ code: expected, signal: null });
      expect(stopped.errors).toContain('Run it again; it continues.');
      expect(await runCommand(args, { GATEWAY_TOKEN: agentToken })).toMatchObject({ code: 0 });
    },
  );

  test('exits with 0 when a signal ends an export that follows', async () => {
    await using target = await createExportDirectory();
    const environment = { GATEWAY_TOKEN: agentToken };
    const args = ['--url', demo.url, '--out', target.directory, '--follow', '--kinds', 'chats'];
    const following = startCommand(args, environment);
    await waitForFile(target.directory, 'manifest.json');
    following.kill('SIGTERM');

    expect(await following.ended).toMatchObject({ code: 0, errors: '' });
  });

  test('exports the team to compressed files that zcat reads', async () => {
    await using target = await createExportDirectory();
    const args = ['--url', demo.url, '--out', target.directory, '--kinds', 'team', '--gzip'];
    const { code } = await runCommand(args, { GATEWAY_TOKEN: agentToken });
    const files = await readdir(target.directory);
    const read = await startProgram('zcat', [join(target.directory, 'agents.ndjson.gz')]).ended;

    expect(code).toBe(0);
    expect(files.toSorted()).toEqual(
      ['agents.ndjson.gz', 'departments.ndjson.gz', 'manifest.json', 'state.json'].toSorted(),
    );
    const lines = read.output.trimEnd().split('\n');
    expect(idsOf(lines.map((line) => JSON.parse(line)))).toHaveLength(40);
  });

  test.each([
    [[], true],
    [['--quiet'], false],
  ])('shows its progress on a terminal: %j', async (options, isShown) => {
    await using target = await createExportDirectory();
    const args = ['--url', demo.url, '--out', target.directory, ...options];
    const line = [process.execPath, ...command, ...args].join(' ');
    const { code, output } = await startProgram('script', ['-qec', line, '/dev/null'], {
      GATEWAY_TOKEN: agentToken,
    }).ended;

    expect(code).toBe(0);
    expect(/120 chats, \d+ messages · \d+ calls · \d+\/min/.test(output)).toBe(isShown);
    if (!isShown) expect(output).toBe('');
  });

  test('has the exit codes of its documentation', async () => {
    const page = await readFile(join(root, 'docs', 'export.md'), 'utf8');
    const rows = [...page.matchAll(/^\| ([\d, ]+?) +\| `(\w+)` +\|/gm)];
    const documented = rows.map(([, codes = '', name = '']) => [name, Number.parseInt(codes, 10)]);

    expect(Object.fromEntries(documented)).toEqual(exportExitCodes);
  });

  test('exits with 0 although nothing reads its output', async () => {
    await using target = await createExportDirectory();
    const args = ['--url', demo.url, '--out', target.directory, '--kinds', 'team'];
    // The reader ends before the first request.
    const script = '("$@"; echo "code $?" >&2) | true';
    const { errors } = await startProgram(
      '/bin/sh',
      ['-c', script, '--', process.execPath, ...command, ...args],
      { GATEWAY_TOKEN: agentToken },
    ).ended;

    expect(errors).toBe('code 0\n');
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
    const skippedChats = ['5001', '5002', '5003'];
    const progress = {
      ...{ isUpToDate: false, lines, calls: 1234, callsPerMinute: 95.6 },
      skippedChats: [] as string[],
    };

    expect(formatProgress({ ...progress, phase: 'list', remainingMs: 3_700_000 })).toBe(
      '1200 chats, 9000 messages · 1234 calls · 96/min · about 1 h 2 min left',
    );
    expect(
      formatProgress({ ...progress, phase: 'follow', remainingMs: null, skippedChats }),
    ).toContain(' · 96/min · skipped chat 5001 and 2 more · following');
    expect(formatProgress({ ...progress, phase: 'follow', remainingMs: null })).toBe(
      '1200 chats, 9000 messages · 1234 calls · 96/min · following',
    );
  });
});
