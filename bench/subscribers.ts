import { execFileSync, fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startSimulator } from '../src/simulator/simulator.ts';
import { formatTable } from './table.ts';

interface Round {
  readonly name: string;
  readonly subscribers: number;
  readonly isAlike: boolean;
  readonly events: number;
  /** Above this it is not live any more. */
  readonly longestMs: number;
}

const alike = { name: 'equal operations', isAlike: true };
const different = { name: 'different operations', isAlike: false };

const rounds: readonly Round[] = [
  { ...alike, subscribers: 1_000, events: 100, longestMs: 2_000 },
  { ...different, subscribers: 1_000, events: 100, longestMs: 10_000 },
  { ...alike, subscribers: 10_000, events: 100, longestMs: 2_000 },
  { ...different, subscribers: 10_000, events: 20, longestMs: 10_000 },
];

const now = () => performance.timeOrigin + performance.now();

const pathOf = (name: string) => fileURLToPath(new URL(`subscribers/${name}`, import.meta.url));

const start = (name: string, options: readonly string[]): ChildProcess =>
  fork(pathOf(name), [...options], { execArgv: ['--import', 'tsx', '--expose-gc'] });

async function nextMessage<Message>(child: ChildProcess): Promise<Message> {
  const [message] = (await once(child, 'message')) as [Message];
  return message;
}

interface Usage {
  readonly rss: number;
  readonly heapUsed: number;
  readonly cpuMs: number;
}

function usageOf(gateway: ChildProcess): Promise<Usage> {
  const answer = nextMessage<Usage>(gateway);
  gateway.send('usage');
  return answer;
}

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? 0;

async function subscribed(url: string, subscribers: number): Promise<void> {
  for (;;) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    if (metrics.includes(`\nhelpcrunch_subscriptions ${subscribers}\n`)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function ask<Data>(url: string, query: string): Promise<Data> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
  });
  const { data } = (await response.json()) as { data: Data };
  return data;
}

interface OneChat {
  readonly chats: { readonly nodes: readonly { readonly id: string }[] };
}

/** A chat of the made-up account, and how to change it. */
async function aChange(url: string): Promise<(read: boolean) => Promise<unknown>> {
  const { chats } = await ask<OneChat>(url, '{ chats(first: 1) { nodes { id } } }');
  const id = chats.nodes[0]?.id ?? '';
  return (read) =>
    ask(url, `mutation { markChatRead(id: ${id}, by: AGENT, read: ${read}) { id } }`);
}

async function run(round: Round, helpCrunch: { url: string; key: string }) {
  const { name, subscribers, isAlike, events } = round;
  const kilobytes = (bytes: number): string => (bytes / subscribers / 1024).toFixed(1);
  const gateway = start('gatewayProcess.mjs', [helpCrunch.url, helpCrunch.key]);
  const { url } = await nextMessage<{ url: string }>(gateway);
  const change = await aChange(url);
  const before = await usageOf(gateway);
  const crowd = start('crowdProcess.ts', [
    `${url.replace('http', 'ws')}/graphql`,
    String(subscribers),
    String(isAlike),
  ]);
  try {
    await nextMessage(crowd);
    await subscribed(url, subscribers);
    const settled = await usageOf(gateway);
    const delays: number[] = [];
    for (let event = 0; event < events; event += 1) {
      const all = nextMessage<{ at: number }>(crowd);
      const sent = now();
      await change(event % 2 === 0);
      delays.push((await all).at - sent);
    }
    const after = await usageOf(gateway);
    const cpuMs = (after.cpuMs - settled.cpuMs) / events;
    const cells = [
      `${subscribers.toLocaleString('en')}, ${name}`,
      kilobytes(settled.heapUsed - before.heapUsed),
      kilobytes(settled.rss - before.rss),
      percentile(delays, 0.5).toFixed(0),
      percentile(delays, 0.99).toFixed(0),
      cpuMs.toFixed(0),
      ((cpuMs * 1_000) / subscribers).toFixed(0),
    ];
    return { cells, worst: percentile(delays, 0.99) };
  } finally {
    crowd.kill();
    gateway.kill();
    await Promise.all([once(crowd, 'exit'), once(gateway, 'exit')]);
  }
}

/** A thousand and ten thousand WebSockets on one process, the subscribers in another: what each takes, and when the last has heard of a change. */
export async function runSubscribers(): Promise<boolean> {
  // The loader of TypeScript makes every closure more expensive.
  const cwd = fileURLToPath(new URL('../', import.meta.url));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd, stdio: 'inherit' });
  const helpCrunch = await startSimulator({ rateLimit: 0 });
  const rows: string[][] = [];
  let isLive = true;
  try {
    for (const round of rounds) {
      const { cells, worst } = await run(round, helpCrunch);
      rows.push(cells);
      isLive &&= worst < round.longestMs;
    }
  } finally {
    await helpCrunch.close();
  }
  const head = [
    'subscribers',
    'heap KiB each',
    'memory KiB each',
    'last told, median ms',
    'p99 ms',
    'CPU ms an event',
    'CPU µs a delivery',
  ];
  process.stdout.write(`From a change to its last delivery\n\n${formatTable(head, rows)}\n`);
  return isLive;
}
