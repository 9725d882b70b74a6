import { fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { createAbuse, createAbuser, faultOf } from '../test/support/abuse.ts';
import type { Reading } from './fuzzTarget.ts';

/** No request may hold up the others for longer. */
const longestBlockMs = 250;

const lines = 16;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
});

const megabytes = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`;

async function main(): Promise<boolean> {
  const target = fork(new URL('fuzzTarget.ts', import.meta.url), {
    execArgv: ['--import', 'tsx', '--expose-gc'],
  });
  const told = async <T>(): Promise<T> => {
    const [message] = (await once(target, 'message')) as [T];
    return message;
  };
  const read = async (): Promise<Reading> => {
    const reading = told<Reading>();
    target.send('read');
    return reading;
  };
  const { url } = await told<{ url: string }>();
  const abuser = createAbuser(url, lines);
  const abuse = createAbuse(Number(values.seed));
  const faults = new Map<string, string>();
  const statuses = new Map<number, number>();
  let sent = 0;

  async function abuseFor(seconds: number): Promise<void> {
    const endMs = performance.now() + seconds * 1000;
    await Promise.all(
      Array.from({ length: lines }, async () => {
        while (performance.now() < endMs && target.exitCode === null) {
          const { value: request } = abuse.next();
          const outcome = await abuser.send(request);
          sent += 1;
          statuses.set(outcome.status, (statuses.get(outcome.status) ?? 0) + 1);
          const fault = faultOf(outcome);
          if (fault !== undefined) {
            faults.set(`${request.kind}: ${fault}`, String(request.body).slice(0, 300));
          }
        }
      }),
    );
  }

  const seconds = Number(values.seconds);
  // The first quarter fills what is bounded: caches, parsed documents, compiled code.
  await abuseFor(seconds / 4);
  const before = await read();
  await abuseFor((seconds * 3) / 4);
  const after = await read();
  abuser.close();
  const isAlive = target.exitCode === null;
  target.disconnect();

  const growth = after.heapBytes - before.heapBytes;
  process.stdout.write(
    [
      `${sent} requests in ${seconds} s, seed ${values.seed}`,
      `answers by status: ${[...statuses].map(([status, count]) => `${status} × ${count}`).join(', ')}`,
      `longest block: ${after.longestBlockMs.toFixed(0)} ms of work in one turn (${after.longestDelayMs.toFixed(0)} ms on the clock)`,
      `heap after collection: ${megabytes(before.heapBytes)}, then ${megabytes(after.heapBytes)} (${megabytes(growth)})`,
      `memory of the process: ${megabytes(after.rssBytes)}`,
      ...[...faults].map(([fault, body]) => `FAULT ${fault}\n  ${body}`),
      '',
    ].join('\n'),
  );
  return (
    isAlive && faults.size === 0 && after.longestBlockMs <= longestBlockMs && growth < 10_485_760
  );
}

process.exitCode = (await main()) ? 0 : 1;
