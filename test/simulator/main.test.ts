import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('../../', import.meta.url));

function run(...flags: readonly string[]) {
  const command = ['dist/simulator/main.js', ...flags];
  const child = spawn(process.execPath, command, { cwd: root });
  const output = { out: '', error: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.error += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => ({ ...output, code: code as unknown }));
  return { child, ended };
}

test.concurrent('the command serves an account until it gets a signal', async () => {
  const { child, ended } = run('--port', '0', '--key', 'a+/=', '--times', 'number', '--seed', '7');
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  const url = /http:\S+\/v1/.exec(chunk.toString())?.[0] ?? '';

  const response = await fetch(`${url}/chats/5208`, { headers: { authorization: 'Bearer a+/=' } });
  const chat: unknown = await response.json();
  child.kill('SIGTERM');
  const { code, out } = await ended;

  expect(chat).toMatchObject({ id: 5208, createdAt: expect.any(Number) });
  expect(code).toBe(0);
  expect(out).toContain('key "a+/="');
  expect(out).toContain('5000 chats of 2000 customers, 40 agents in 6 departments');
});

test.concurrent('the command explains its flags', async () => {
  const { code, out } = await run('--help').ended;

  expect(code).toBe(0);
  expect(out).toContain('--limit-overflow');
});

test.concurrent.each([
  [['--port', '70000'], '--port must be a whole number from 0 to 65535, not "70000".\n'],
  [
    ['--times', 'days'],
    '--times must be one of seconds, number, milliseconds, mixed, not "days".\n',
  ],
  [['--webhook-ids', 'x'], '--webhook-ids must be one of number, text, not "x".\n'],
  [['--retry-after', 'yes'], '--retry-after must be one of false, true, not "yes".\n'],
  [['--colour'], "Unknown option '--colour'\n"],
])('the command rejects %j in one line', async (flags, expected) => {
  const { code, out, error } = await run(...flags).ended;

  expect({ code, out, error }).toEqual({ code: 1, out: '', error: expected });
});

test.concurrent('the command reports a busy port in one line', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;

  const { code, out, error } = await run('--port', String(port)).ended;
  other.close();

  expect({ code, out, error }).toEqual({
    code: 1,
    out: '',
    error: `Port ${port} is in use. Set --port to another port, or to 0 for any free port.\n`,
  });
});
