import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

const children: ChildProcess[] = [];

/** Kills all processes that the test file has started. */
export function killAll() {
  for (const child of children) child.kill('SIGKILL');
}

/** Starts the real process with only these environment variables. */
export function run(
  environment: Readonly<Record<string, string>>,
  options: readonly string[] = [],
) {
  const child = spawn(process.execPath, [...options, 'dist/main.js'], {
    cwd: root,
    env: { PATH: process.env['PATH'], PORT: '0', ...environment },
  });
  children.push(child);
  const output = { out: '', error: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.error += chunk.toString()));
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => ({
    ...output,
    code,
    signal,
  }));
  return {
    ended,
    stop: () => child.kill('SIGTERM'),
    send: (signal: NodeJS.Signals) => child.kill(signal),
    /** The startup message and the addresses in it. */
    async started() {
      while (!output.out.includes('/readyz') && child.exitCode === null) {
        await Promise.race([once(child.stdout, 'data'), ended]);
      }
      const [url = ''] = /http:\S+(?=\/graphql)/.exec(output.out) ?? [];
      const [, metricsUrl = ''] = /metrics +(http:\S+)/.exec(output.out) ?? [];
      return { greeting: output.out, url, metricsUrl };
    },
    /** Resolves with the text of stderr once it contains the words that many times. */
    async heard(words: string, times = 1) {
      while (output.error.split(words).length <= times && child.exitCode === null) {
        await Promise.race([once(child.stderr, 'data'), ended]);
      }
      return output.error;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
