import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/** A process that talks to this one. */
export interface Peer {
  readonly child: ChildProcess;
  readonly hello: Readonly<Record<string, unknown>>;
  ask(word: string): Promise<Readonly<Record<string, unknown>>>;
  stop(): Promise<void>;
}

const hasTaskset = (() => {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Keeps this process out of the way of the one that is measured, where that can be done. */
export function bindTo(cpu: number): void {
  if (hasTaskset) execFileSync('taskset', ['-cp', String(cpu), String(process.pid)]);
}

interface Options {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The processor it is bound to, where that can be done. */
  readonly cpu: number;
}

const message = async (child: ChildProcess) => {
  const ended = new AbortController();
  try {
    const values: readonly unknown[] = await Promise.race([
      once(child, 'message', { signal: ended.signal }),
      once(child, 'exit', { signal: ended.signal }).then(() => {
        throw new Error('A process of the benchmark ended.');
      }),
    ]);
    return values[0] as Readonly<Record<string, unknown>>;
  } finally {
    ended.abort();
  }
};

export async function startPeer(
  args: readonly string[],
  { cwd, env = {}, cpu }: Options,
): Promise<Peer> {
  const command = [process.execPath, ...args];
  const [file = '', ...rest] = hasTaskset ? ['taskset', '-c', String(cpu), ...command] : command;
  const child = spawn(file, rest, {
    cwd,
    env: { ...process.env, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const hello = await message(child);
  return {
    child,
    hello,
    ask(word) {
      const answer = message(child);
      child.send(word);
      return answer;
    },
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}
