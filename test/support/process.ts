import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

const children: ChildProcess[] = [];

/** For the end of a test file: nothing that it has started stays behind. */
export function killAll() {
  for (const child of children) child.kill('SIGKILL');
}

/** The real process, which sees no variable but these. */
export function run(
  environment: Readonly<Record<string, string>>,
  options: readonly string[] = [],
) {
  const child = spawn(process.execPath, ['--import', 'tsx', ...options, 'src/main.ts'], {
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
    /** The greeting, and the address it names. */
    async started() {
      while (!output.out.includes('/readyz') && child.exitCode === null) {
        await Promise.race([once(child.stdout, 'data'), ended]);
      }
      return { greeting: output.out, url: /http:\S+(?=\/graphql)/.exec(output.out)?.[0] ?? '' };
    },
    /** What it has written to stderr, once that has the words. */
    async heard(words: string) {
      while (!output.error.includes(words) && child.exitCode === null) {
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
