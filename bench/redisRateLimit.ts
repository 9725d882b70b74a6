import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startSimulator } from '../src/simulator/simulator.ts';
import { systemClock } from '../src/lib/clock.ts';
import { hasRedis, startRedis } from '../test/support/redis.ts';
import { answerTo } from './contenders/contender.ts';
import { createMix } from './mix.ts';
import type { Cell } from './table.ts';
import { formatTable } from './table.ts';

const rateLimit = 120;
const instances = 4;
const windowMs = 60_000;
const lastsMs = 180_000;
const killAtMs = 90_000;
/** By then the others must use what the dead one had. */
const takeoverMs = 10_000;
const latencyMs = 100;
/** Five times the calls that there are, all instances together. */
const paceMs = windowMs / (5 * rateLimit);

interface Instance {
  readonly url: string;
  /** How often it lost sight of Redis, and kept to its share for a while. */
  readonly timesAlone: () => number;
  readonly process: ChildProcess;
}

async function startInstance(environment: Readonly<Record<string, string>>): Promise<Instance> {
  const gateway = spawn(process.execPath, ['--import', 'tsx', 'src/main.ts'], {
    env: { PATH: process.env['PATH'], ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let timesAlone = 0;
  createInterface(gateway.stderr).on('line', (line) => {
    if (line.includes('redis unavailable')) timesAlone += 1;
  });
  for await (const line of createInterface(gateway.stdout)) {
    const url = /GraphQL +(http\S+)/.exec(line)?.[1];
    if (url === undefined) continue;
    gateway.stdout.resume();
    return { url, process: gateway, timesAlone: () => timesAlone };
  }
  throw new Error('A gateway did not start.');
}

async function callsOf({ url }: Instance): Promise<number> {
  const metrics = await (await fetch(new URL('/metrics', url))).text();
  const counts = [...metrics.matchAll(/^helpcrunch_upstream_calls_total\{.*\} (\d+)$/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

const pause = (ms: number) =>
  new Promise<void>((resolve) => systemClock.after(Math.max(0, ms), resolve));

const countIn = (times: readonly number[], from: number): number =>
  times.filter((at) => at >= from && at < from + windowMs).length;

interface Measured {
  /** When calls came, from the start of the load. */
  readonly times: readonly number[];
  readonly asked: number;
  readonly answered: number;
  /** Of each instance up to the kill. */
  readonly parts: readonly number[];
  readonly timesAlone: number;
}

async function measure(): Promise<Measured> {
  const times: number[] = [];
  let startedAt = systemClock.now();
  // Without a limit of its own, so that it counts what comes and nothing is hidden.
  const helpCrunch = await startSimulator({
    rateLimit: 0,
    behaviour: { latencyMs },
    onCall: () => times.push(systemClock.now() - startedAt),
  });
  await using redis = await startRedis();
  const environment = {
    PORT: '0',
    HELPCRUNCH_API_KEY: helpCrunch.key,
    HELPCRUNCH_API_URL: helpCrunch.url,
    HELPCRUNCH_RATE_LIMIT: String(rateLimit),
    REDIS_URL: redis.url,
  };
  const all = await Promise.all(
    Array.from({ length: instances }, () => startInstance(environment)),
  );
  const mix = createMix(1);
  let living = all;
  let parts: readonly number[] = [];
  let asked = 0;
  let answered = 0;
  const running = new Set<Promise<void>>();
  startedAt = systemClock.now();

  async function ask(url: string): Promise<void> {
    const request = mix[asked % mix.length];
    asked += 1;
    if (request === undefined) return;
    // There is no cursor to continue from, so a continuation reads the first page.
    const operation = request.follows ?? request;
    const { errors } = await answerTo(url, operation).catch(() => ({ errors: ['gone'] }));
    if (errors === undefined) answered += 1;
  }

  for (let due = 0; due < lastsMs; due += paceMs) {
    await pause(startedAt + due - systemClock.now());
    if (due >= killAtMs && living.length === instances) {
      parts = await Promise.all(all.map(callsOf));
      const [first, ...others] = all;
      first?.process.kill('SIGKILL');
      living = others;
    }
    const instance = living[asked % living.length];
    if (instance === undefined) break;
    const asking = ask(instance.url);
    running.add(asking);
    void asking.finally(() => running.delete(asking));
  }
  await Promise.all(running);
  for (const { process: gateway } of living) {
    gateway.kill('SIGTERM');
    await once(gateway, 'exit');
  }
  await helpCrunch.close();
  const timesAlone = all.reduce((sum, instance) => sum + instance.timesAlone(), 0);
  return { times, asked, answered, parts, timesAlone };
}

/** Four gateways on one Redis in real time, one of which is killed half-way. False: a promise is not kept. */
export async function runRedisRateLimit(): Promise<boolean> {
  if (!hasRedis) {
    process.stdout.write('Skipped: the shared budget. Install redis-server to measure it.\n');
    return true;
  }
  const { times, asked, answered, parts, timesAlone } = await measure();
  const most = Math.max(...times.map((from) => countIn(times, from)));
  const before = countIn(times, killAtMs - windowMs);
  const after = countIn(times, killAtMs + takeoverMs);
  const rows: Cell[][] = [
    ['operations asked, five times the calls that there are', asked],
    ['answered without an error', answered],
    ['times that an instance could not reach Redis in time', timesAlone],
    ['highest number of calls to HelpCrunch in a minute', most],
    ['calls in the minute before one instance was killed', before],
    ['calls of the three others in the minute that began 10 s after it', after],
    ...parts.map((calls, index) => [`calls of instance ${index + 1} up to then`, calls]),
  ];
  process.stdout.write(
    `${instances} instances on one Redis for ${lastsMs / 1000} s, in real time, with ${rateLimit} calls a minute\n\n`,
  );
  process.stdout.write(`${formatTable(['', 'count'], rows)}\n`);
  const problems = [
    ...(most <= rateLimit ? [] : ['A minute held more calls than the limit.']),
    // A permit is held a little longer than the minute in which HelpCrunch counts the call.
    ...(after >= 0.9 * before ? [] : ["The dead instance's part was not used."]),
  ];
  if (problems.length > 0) {
    process.stdout.write(`${['Not as promised:', ...problems].join('\n  ')}\n`);
  }
  return problems.length === 0;
}
