import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from '@jest/globals';
import { runCheckConfig } from '../../src/cli/checkConfig.ts';
import type { OutputStreams } from '../../src/cli/checkConfig.ts';
import { runCommandLine } from '../../src/cli/commandLine.ts';
import { startRecordingUpstream } from '../support/recordingUpstream.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** The output and exit code of a command that runs in this process. */
async function listen(command: (streams: OutputStreams) => Promise<number>): Promise<Outcome> {
  let output = '';
  let errors = '';
  const code = await command({
    print(text) {
      output += text;
    },
    printError(text) {
      errors += text;
    },
  });
  return { code, output, errors };
}

const type = (line: string) => listen((streams) => runCommandLine(line.split(' '), streams));

const check = (environment: Readonly<Record<string, string>>, connects = false) =>
  listen((streams) => runCheckConfig({ connects, environment }, streams));

describe('helpcrunch-graphql', () => {
  test('prints all commands and options with --help', async () => {
    const { code, output, errors } = await type('--help');

    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    for (const name of ['serve', 'simulator', 'price', 'check-config', '--env-file', '--version']) {
      expect(output).toContain(name);
    }
  });

  test('price prints the cost of operations', async () => {
    const { code, output } = await type('price examples/operations/Inbox.graphql');

    expect(output).toMatch(/^Inbox .* ok$/m);
    expect(code).toBe(0);
  });

  test.each([
    [
      'srve',
      'Unknown command "srve". Commands: serve, simulator, price, schema, export, mcp, check-config.',
    ],
    ['serve --prt 5', "Unknown option '--prt'"],
    ['serve twice', "Unexpected argument 'twice'"],
    ['--env-file /no/such/file', '--env-file: /no/such/file cannot be read.'],
  ])(
    'rejects the invalid command line "%s" with the reason and refers to --help',
    async (line, expected) => {
      const { code, output, errors } = await type(line);

      const [reason, advice, ...rest] = errors.split('\n');
      expect({ code, output, rest }).toEqual({ code: 1, output: '', rest: [''] });
      expect(reason).toContain(expected);
      expect(advice).toBe('Run "helpcrunch-graphql --help" for the commands and options.');
    },
  );
});

describe('check-config', () => {
  test('prints all settings and no secret', async () => {
    const { code, output, errors } = await check({
      HELPCRUNCH_API_KEY: 'my-key',
      MAX_UPSTREAM_CALLS: '7',
      REDIS_URL: 'redis://user:password@redis.example.com',
      HELPCRUNCH_KEY: 'another-key',
    });

    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    expect(output).toMatch(/^ {2}HELPCRUNCH_API_KEY +set$/m);
    expect(output).toMatch(/^ {2}MAX_UPSTREAM_CALLS +7$/m);
    expect(output).toMatch(/^ {2}OPERATION_TIMEOUT_MS +10000$/m);
    expect(output).toMatch(/^ {2}REDIS_URL +set$/m);
    expect(output).toContain(
      'Warning: HELPCRUNCH_KEY: is not a setting. Did you mean HELPCRUNCH_API_KEY?\n',
    );
    expect(output).not.toMatch(/my-key|another-key|password/);
  });

  test('lists every invalid setting', async () => {
    const { code, errors } = await check({ PORT: 'abc', MAX_UPSTREAM_CALLS: '0' });

    expect(code).toBe(1);
    expect(errors).toMatch(/PORT: .*\n.*MAX_UPSTREAM_CALLS: /);
  });

  test('--connect calls HelpCrunch and explains how to replace a rejected key', async () => {
    await using helpCrunch = await startRecordingUpstream();
    helpCrunch.respond('GET /organization', { status: 401, body: {} });

    const { code, output } = await check(
      { HELPCRUNCH_API_URL: helpCrunch.url, HELPCRUNCH_API_KEY: 'a-wrong-key' },
      true,
    );

    expect(output).toContain('UPSTREAM_UNAUTHENTICATED');
    expect(output).toContain('Settings → Developers → Public API');
    expect(code).toBe(1);
  });

  test.each([
    ['http://127.0.0.1:1/v1', 'ECONNREFUSED', 'Nothing listens at'],
    ['http://helpcrunch.invalid/v1', '(ENOTFOUND|EAI_AGAIN)', 'No address was found'],
  ])('--connect to %s prints the error code %s and what to do', async (url, reason, advice) => {
    const { code, output } = await check(
      { HELPCRUNCH_API_URL: url, HELPCRUNCH_API_KEY: 'a-key', UPSTREAM_RETRIES: '0' },
      true,
    );

    expect(output).toMatch(new RegExp(`\\(UPSTREAM_UNAVAILABLE: ${reason}\\) ${advice}`));
    expect(code).toBe(1);
  });

  test('--connect prints the account of an accepted key', async () => {
    await using helpCrunch = await startRecordingUpstream();
    helpCrunch.respond('GET /organization', { body: { data: { id: 1, domain: 'acme' } } });

    const { code, output } = await check(
      { HELPCRUNCH_API_URL: helpCrunch.url, HELPCRUNCH_API_KEY: helpCrunch.key },
      true,
    );

    expect(output).toContain('HelpCrunch accepts the key. Account: acme.');
    expect(code).toBe(0);
    expect(helpCrunch.calls).toHaveLength(1);
  });

  test.each([
    ['ALLOWED_HOSTS', { ALLOWED_HOSTS: 'api.example.com' }],
    ['ROUTER_SECRET', { ROUTER_SECRET: '0123456789abcdef'.repeat(2), SUBGRAPH: 'true' }],
    ['MAX_DEPTH', { MAX_DEPTH: '1' }],
    ['MAX_TOKENS', { MAX_TOKENS: '1' }],
  ])('--connect calls HelpCrunch regardless of %s', async (_, settings) => {
    await using helpCrunch = await startRecordingUpstream();
    helpCrunch.respond('GET /organization', { body: { data: { id: 1, domain: 'acme' } } });

    const { code, output, errors } = await check(
      { HELPCRUNCH_API_URL: helpCrunch.url, HELPCRUNCH_API_KEY: helpCrunch.key, ...settings },
      true,
    );

    expect(errors).toBe('');
    expect(output).toContain('HelpCrunch accepts the key. Account: acme.');
    expect(code).toBe(0);
    expect(helpCrunch.calls).toHaveLength(1);
  });

  test('--connect calls HelpCrunch if clients may send persisted operations only', async () => {
    await using helpCrunch = await startRecordingUpstream();
    helpCrunch.respond('GET /organization', { body: { data: { id: 1, domain: 'acme' } } });
    const folder = await mkdtemp(join(tmpdir(), 'operations-'));
    const manifest = join(folder, 'operations.json');
    await writeFile(manifest, JSON.stringify({ me: '{ __typename }' }));

    const { code, output } = await check(
      {
        HELPCRUNCH_API_URL: helpCrunch.url,
        HELPCRUNCH_API_KEY: helpCrunch.key,
        PERSISTED_OPERATIONS: manifest,
        PERSISTED_ONLY: 'true',
      },
      true,
    );
    await rm(folder, { recursive: true });

    expect(output).toContain('HelpCrunch accepts the key. Account: acme.');
    expect(code).toBe(0);
  });
});

describe('helpcrunch-graphql as a process', () => {
  const children: ChildProcess[] = [];

  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  /** Starts the command with these settings only. */
  function start(line: string, environment: Readonly<Record<string, string>> = {}) {
    const child = spawn(
      process.execPath,
      ['dist/cli/main.js', ...line.split(' ').filter((word) => word !== '')],
      { cwd: root, env: { PATH: process.env['PATH'], ...environment } },
    );
    children.push(child);
    let out = '';
    let error = '';
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (error += chunk.toString()));
    const ended = once(child, 'close').then(([code]: unknown[]) => ({ code, error }));
    return {
      /** Waits until the output matches. */
      async says(pattern: RegExp): Promise<string> {
        while (!pattern.test(out) && child.exitCode === null) {
          await Promise.race([once(child.stdout, 'data'), ended]);
        }
        return pattern.exec(out)?.[0] ?? '';
      },
      async stop() {
        child.kill('SIGTERM');
        return ended;
      },
    };
  }

  test.concurrent(
    'serves by default, and options precede environment variables and these the file',
    async () => {
      const folder = await mkdtemp(join(tmpdir(), 'settings-'));
      const file = join(folder, 'gateway.env');
      await writeFile(file, 'PORT=not a number\nHELPCRUNCH_RATE_LIMIT=60\nMAX_UPSTREAM_CALLS=7\n');

      const gateway = start(`--port 0 --env-file ${file}`, {
        HELPCRUNCH_RATE_LIMIT: '90',
        LOG_LEVEL: 'warn',
      });
      const url = await gateway.says(/http:\S+(?=\/graphql)/);
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"query":"{ rateLimit { limit } }"}',
      });
      const { data }: any = await response.json();
      const { code, error } = await gateway.stop();
      await rm(folder, { recursive: true });

      expect(data).toEqual({ rateLimit: { limit: 90 } });
      expect(code).toBe(0);
      expect(error).toBe('');
    },
  );

  test.concurrent('the built file can be executed, as npx does', async () => {
    const { stdout } = await promisify(execFile)('dist/cli/main.js', ['--version'], { cwd: root });

    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.concurrent('simulator serves the simulated account', async () => {
    const simulator = start('simulator --port 0 --key mine');

    const url = await simulator.says(/http:\S+\/v1/);
    const { status } = await fetch(`${url}/organization`, {
      headers: { authorization: 'Bearer mine' },
    });
    await simulator.stop();

    expect(status).toBe(200);
  });
});
