import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { SimulatorCommand } from './phases.ts';

export async function startSimulatorProcess() {
  const child = fork(fileURLToPath(new URL('simulatorProcess.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
  });
  const [hello] = (await once(child, 'message')) as [
    { readonly url: string; readonly innerUrl: string; readonly key: string },
  ];
  return {
    ...hello,
    /** Resolves to the result of the command. */
    async order(order: SimulatorCommand): Promise<unknown> {
      const done = once(child, 'message');
      child.send(order);
      const [{ result }] = (await done) as [{ readonly result?: unknown }];
      return result;
    },
    async stop() {
      if (child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
  };
}

export type SimulatorProcess = Awaited<ReturnType<typeof startSimulatorProcess>>;
