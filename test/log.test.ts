import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess, StdioNull, StdioPipe } from 'node:child_process';
import { on, once } from 'node:events';
import {
  closeSync,
  constants,
  createReadStream,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
} from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { createLogDestination } from '../src/observability/logDestination.ts';

// Each test starts a process, all at once.

const root = fileURLToPath(new URL('../', import.meta.url));
const children: ChildProcess[] = [];
const folder = mkdtempSync(join(tmpdir(), 'log-'));

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

/** What a pipe that was opened without blocking contains; an empty text if it is empty. */
function readAvailable(pipe: number): string {
  const buffer = Buffer.alloc(65_536);
  try {
    return buffer.toString('utf8', 0, readSync(pipe, buffer));
  } catch {
    return '';
  }
}

async function readUntil(pipe: number, text: string): Promise<void> {
  let seen = '';
  while (!seen.includes(text)) {
    seen += readAvailable(pipe);
    await setImmediate();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Reports the ports of the process to the test, because its output may be lost. */
const tellPorts = `
  import { Server } from 'node:net';
  const { emit } = Server.prototype;
  Server.prototype.emit = function (name, ...values) {
    if (name === 'listening') process.send(this.address().port);
    return emit.call(this, name, ...values);
  };`;

type Stream = StdioNull | StdioPipe | number;

/** The gateway with these streams in the place of its own. */
async function start(
  { out = 'ignore', error = 'ignore' }: { readonly out?: Stream; readonly error?: Stream },
  environment: Readonly<Record<string, string>> = {},
) {
  const port = await freePort();
  const preload = `data:text/javascript,${encodeURIComponent(tellPorts)}`;
  const child = spawn(process.execPath, ['--import', preload, 'dist/main.js'], {
    cwd: root,
    env: { PATH: process.env['PATH'], PORT: String(port), ...environment },
    stdio: ['ignore', out, error, 'ipc'],
  });
  children.push(child);
  const ended = once(child, 'exit').then(([code]: unknown[]) => code);
  const url = `http://127.0.0.1:${port}`;
  for await (const [listening] of on(child, 'message', { close: ['exit'] })) {
    if (listening === port) break;
  }
  return {
    child,
    ended,
    async ask() {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"query":"{ rateLimit { limit } }"}',
      });
      return response.json();
    },
    async lostLines() {
      const text = await (await fetch(`${url}/metrics`)).text();
      return Number(/^helpcrunch_log_lines_lost_total (\d+)$/m.exec(text)?.[1]);
    },
  };
}

const answer = { data: { rateLimit: { limit: 120 } } };

async function expectService(gateway: Awaited<ReturnType<typeof start>>, linesEach: number) {
  const before = await gateway.lostLines();
  for (let count = 1; count <= 3; count += 1) {
    expect(await gateway.ask()).toMatchObject(answer);
    expect(await gateway.lostLines()).toBe(before + count * linesEach);
  }
  gateway.child.kill('SIGTERM');
  expect(await gateway.ended).toBe(0);
}

describe.each(['json', 'pretty'])('a gateway that logs in the format %s', (LOG_FORMAT) => {
  test.concurrent(
    'the gateway continues when the disk of its log is full, and counts lost lines',
    async () => {
      const full = openSync('/dev/full', 'w');
      const gateway = await start({ error: full }, { LOG_FORMAT });
      closeSync(full);

      await expectService(gateway, 1);
    },
  );

  test.concurrent(
    'the gateway continues when the reader of its log is gone, and counts lost lines',
    async () => {
      const gateway = await start({ error: 'pipe' }, { LOG_FORMAT });
      const { stderr } = gateway.child;
      stderr?.destroy();
      await once(stderr!, 'close');

      await expectService(gateway, 1);
    },
  );
});

test.concurrent('a gateway starts and serves when its first output cannot be written', async () => {
  const full = openSync('/dev/full', 'w');
  const gateway = await start({ out: full });
  closeSync(full);

  await expectService(gateway, 0);
});

test.concurrent('a gateway starts and serves when its output is not read', async () => {
  const pipe = join(folder, 'greeting');
  execFileSync('mkfifo', [pipe]);
  const reader = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(pipe, 'w');
  closeSync(reader);
  const gateway = await start({ out: writer });
  closeSync(writer);

  await expectService(gateway, 0);
});

test.concurrent(
  'a log whose reader resumes is written again and reports how many lines were dropped',
  async () => {
    const pipe = join(folder, 'log');
    execFileSync('mkfifo', [pipe]);
    const first = openSync(pipe, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(pipe, 'w');
    const gateway = await start({ error: writer });
    closeSync(writer);
    await readUntil(first, 'gateway started');
    closeSync(first);
    await gateway.ask();
    await gateway.ask();
    const lost = await gateway.lostLines();

    const second = createReadStream(pipe, 'utf8');
    await once(second, 'open');
    let text = '';
    second.on('data', (chunk) => (text += String(chunk)));
    await gateway.ask();
    gateway.child.kill('SIGTERM');
    await Promise.all([gateway.ended, once(second, 'close')]);

    expect(lost).toBe(2);
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line))
        .filter(({ msg }) => !msg.startsWith('gateway ')),
    ).toMatchObject([
      { msg: 'operation', code: 'OK' },
      { level: 40, msg: 'log lines lost', lines: 2 },
    ]);
  },
);

test('a log whose reader does not read buffers a bounded number of lines', () => {
  const stuck = new Writable({ write: () => undefined });
  const destination = createLogDestination(stuck);
  const line = 'x'.repeat(65_536);

  for (let count = 0; count < 1_000; count += 1) destination.write(line);

  expect(stuck.writableLength).toBeLessThan(9_000_000);
  expect(destination.lostLines()).toBeGreaterThan(850);
});
