import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSimulator } from '../src/simulator/simulator.ts';
import type { Simulator } from '../src/simulator/simulator.ts';
import { Line, post } from './cpu/load.ts';
import { chatsWithCustomers } from './cpu/workloads.ts';
import type { Operation } from './soak/operations.ts';
import { anyOperation, firstChat, markRead, writtenChats } from './soak/operations.ts';
import type { GatewayProcess } from './soak/processes.ts';
import { root, startGatewayProcess } from './soak/processes.ts';
import type { Cell } from './table.ts';
import { formatTable } from './table.ts';

const starts = 5;
/** V8 collects what the start has left when nothing has happened for some while. */
const idleMs = 40_000;
const width = 24;
const steps = 10;
const tickMs = 10;

const goals = { startMs: 1_000, idleMegabytes: 120, usedMegabytes: 250 };

const operations = Number(process.env['BENCH_OPERATIONS'] ?? 1_000_000);

const wholeChat = `query WholeChat($id: ID!) { chat(id: $id) { id status lastMessageText
  customer { id name company phone tags { name } customData location { city } } } }`;

/** Those of the soak test, with writes, long lists, and chats from all over the account, so that the cache gets full. */
function operationAt(count: number, chats: number): Operation {
  if (count % 20 === 0) {
    return markRead(String(firstChat + (count % writtenChats)), count % 40 === 0);
  }
  if (count % 100 === 1) return { query: chatsWithCustomers(100) };
  if (count % 3 !== 1) return anyOperation(count);
  // Theirs begin with the second.
  return { query: wholeChat, variables: { id: String(firstChat + (count % (chats - 1))) } };
}

async function memoryOf(gateway: GatewayProcess) {
  const figures = await gateway.figures();
  const megabytes = (name: string): number => (figures.get(name) ?? Number.NaN) / 1_000_000;
  return {
    resident: megabytes('process_resident_memory_bytes'),
    heap: megabytes('nodejs_heap_size_used_bytes'),
  };
}

/** What a process has used of the processor since it was born, its own figures beginning later; only Linux tells. */
function cpuMsOf({ pid }: GatewayProcess): number {
  const path = `/proc/${pid ?? 0}/stat`;
  if (!existsSync(path)) return Number.NaN;
  const [, numbers = ''] = readFileSync(path, 'utf8').split(') ');
  const [user, system] = numbers.split(' ').slice(11, 13).map(Number);
  return ((user ?? 0) + (system ?? 0)) * tickMs;
}

const start = ({ url, key }: Simulator) =>
  startGatewayProcess(
    { HELPCRUNCH_API_KEY: key, HELPCRUNCH_API_URL: url, HELPCRUNCH_RATE_LIMIT: '0' },
    [],
  );

async function measureStart(helpCrunch: Simulator) {
  const began = performance.now();
  const gateway = await start(helpCrunch);
  try {
    const { ok } = await fetch(`${gateway.url}/readyz`);
    if (!ok) throw new Error('The gateway is not ready when it says so.');
    const readyMs = performance.now() - began;
    return { readyMs, cpuMs: cpuMsOf(gateway) };
  } finally {
    await gateway.stop();
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Asks `from` to `to`, each line again as soon as it has its answer. */
async function ask(url: URL, { from, to, chats }: Record<'from' | 'to' | 'chats', number>) {
  let next = from;
  const lines = Array.from({ length: width }, () => new Line(url));
  try {
    await Promise.all(
      lines.map(async (line) => {
        while (next < to) {
          const { query, variables, meantCode } = operationAt(next++, chats);
          const { status, body } = await line.ask(post(url, { query, variables }));
          if (meantCode === undefined && (status !== 200 || body.includes('"errors"'))) {
            throw new Error(`Answered ${status}: ${body.slice(0, 300)}`);
          }
        }
      }),
    );
  } finally {
    for (const line of lines) line.close();
  }
}

const verdict = (value: number, most: number, unit: string): string =>
  `under ${most.toLocaleString('en')} ${unit}${value < most ? '' : ': missed'}`;

/** How soon the built gateway is ready, and what memory it has before and after many operations of all kinds. */
export async function runMemory(): Promise<boolean> {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  const helpCrunch = await startSimulator({ rateLimit: 0 });
  try {
    const measured: Awaited<ReturnType<typeof measureStart>>[] = [];
    while (measured.length < starts) measured.push(await measureStart(helpCrunch));
    const readyMs = median(measured.map((one) => one.readyMs));
    const cpuMs = median(measured.map((one) => one.cpuMs));
    const rows: Cell[][] = [
      ['ready, ms', Math.round(readyMs), verdict(readyMs, goals.startMs, 'ms')],
      ['CPU until then, ms', Math.round(cpuMs), ''],
    ];
    const title = `A start, the median of ${starts}`;
    process.stdout.write(`${formatTable([title, '', 'goal'], rows)}\n`);

    const gateway = await start(helpCrunch);
    const url = new URL('/graphql', gateway.url);
    const used: { count: number; resident: number; heap: number; cpuMs: number }[] = [];
    let idle: number;
    try {
      await sleep(idleMs);
      idle = (await memoryOf(gateway)).resident;
      const row: Cell[] = [Math.round(idle), verdict(idle, goals.idleMegabytes, 'MB')];
      process.stdout.write(`${formatTable(['idle, resident MB', 'goal'], [row])}\n`);
      const step = Math.ceil(operations / steps);
      for (let from = 0; from < operations; from += step) {
        const to = Math.min(operations, from + step);
        await ask(url, { from, to, chats: helpCrunch.holds.chats });
        used.push({ count: to, ...(await memoryOf(gateway)), cpuMs: cpuMsOf(gateway) });
      }
    } finally {
      await gateway.stop();
    }
    const last = used.at(-1)?.resident ?? Number.NaN;
    const after = used.map(({ count, resident, heap, cpuMs: spentMs }, index): Cell[] => [
      count.toLocaleString('en'),
      Math.round(resident),
      Math.round(heap),
      ((spentMs / count) * 1_000).toFixed(0),
      index === used.length - 1 ? verdict(last, goals.usedMegabytes, 'MB') : '',
    ]);
    const head = ['operations', 'resident MB', 'heap in use MB', 'CPU µs each so far', 'goal'];
    process.stdout.write(`${formatTable(head, after)}\n`);
    return readyMs < goals.startMs && idle < goals.idleMegabytes && last < goals.usedMegabytes;
  } finally {
    await helpCrunch.close();
  }
}
