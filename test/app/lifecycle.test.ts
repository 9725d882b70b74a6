import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createGateway } from '../../src/index.ts';
import { DisposerStack } from '../../src/lib/disposerStack.ts';
import { silentLog } from '../../src/observability/log.ts';

// Some tests start a process.

const root = fileURLToPath(new URL('../../', import.meta.url));

let occupied: Server;
let PORT: number;

beforeAll(async () => {
  occupied = createServer().listen(0, '127.0.0.1');
  await once(occupied, 'listening');
  ({ port: PORT } = occupied.address() as AddressInfo);
});

afterAll(() => {
  occupied.close();
});

/** Runs a program that imports the package until it ends by itself. */
async function runProgram(body: string) {
  const code = `import { createGateway } from './dist/index.js';\n${body}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code], {
    cwd: root,
    env: { PATH: process.env['PATH'] },
    timeout: 30_000,
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [exitCode, signal] = await once(child, 'close');
  return { exitCode, signal, output };
}

const failingStart = (settings: object) => `
  const gateway = createGateway(${JSON.stringify(settings)});
  const { code } = await gateway.start().catch((error) => error);
  await gateway.stop();
  await gateway.stop();
  process.stdout.write(String(code));
`;

describe('a failed start leaves nothing that keeps the process running', () => {
  test.each([
    ['in demo mode', {}],
    ['with an account', { HELPCRUNCH_API_KEY: 'key' }],
    ['in a supergraph', { HELPCRUNCH_API_KEY: 'key', SUBGRAPH: true }],
    ['with an unreachable Redis', { REDIS_URL: 'redis://127.0.0.1:1', LOG_LEVEL: 'silent' }],
    ['with tracing', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }],
  ])('on a busy port %s', async (_, settings) => {
    expect(await runProgram(failingStart({ ...settings, PORT }))).toEqual({
      exitCode: 0,
      signal: null,
      output: 'EADDRINUSE',
    });
  });

  test.each([
    ['a missing manifest', { PERSISTED_OPERATIONS: '/no/such/manifest.json' }],
    ['an invalid Redis URL', { REDIS_URL: 'http://127.0.0.1' }],
    ['an unknown root field', { SUBGRAPH: true, SUBGRAPH_EXCLUDE_FIELDS: 'nod' }],
  ])('with %s', async (_, settings) => {
    const { exitCode, signal, output } = await runProgram(`
      try {
        createGateway(${JSON.stringify(settings)});
      } catch ({ name }) {
        process.stdout.write(name);
      }
    `);

    expect({ exitCode, signal, output }).toEqual({
      exitCode: 0,
      signal: null,
      output: 'ConfigError',
    });
  });
});

describe('stop', () => {
  test('resolves before a start and repeatedly', async () => {
    const gateway = createGateway({ PORT: 0 }, { log: silentLog });

    await gateway.stop();
    await gateway.start();
    await Promise.all([gateway.stop(), gateway.stop()]);
    await gateway.stop();
  });

  test('resolves after a failed start', async () => {
    const gateway = createGateway({ PORT }, { log: silentLog });

    await expect(gateway.start()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await gateway.stop();
  });
});

describe('a disposer stack', () => {
  const failing = () => {
    throw new Error('of the release');
  };

  test('releases in reverse order, once, even if a release throws', async () => {
    const released: number[] = [];
    const stack = new DisposerStack();
    stack.defer(() => released.push(1));
    stack.defer(failing);
    stack.defer(async () => {
      await Promise.resolve();
      released.push(2);
    });

    await expect(stack.dispose()).rejects.toThrow('of the release');
    await expect(stack.dispose()).rejects.toThrow('of the release');
    expect(released).toEqual([2, 1]);
  });

  test('releases what a failed start acquired and keeps the error of the start', async () => {
    const released: number[] = [];

    const start = DisposerStack.use((stack) => {
      stack.defer(() => released.push(1));
      stack.defer(failing);
      return Promise.reject(new Error('of the start'));
    });

    await expect(start).rejects.toThrow('of the start');
    expect(released).toEqual([1]);
  });
});
