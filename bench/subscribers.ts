import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startSimulator } from '../src/simulator/simulator.ts';
import { formatTable } from './table.ts';

const subscribers = 10_000;

interface Round {
  readonly name: string;
  readonly isAlike: boolean;
  readonly events: number;
  /** Above this it is not live any more. */
  readonly longestMs: number;
}

const rounds: readonly Round[] = [
  { name: 'all ask the same', isAlike: true, events: 100, longestMs: 2_000 },
  { name: 'each asks for something else', isAlike: false, events: 20, longestMs: 10_000 },
];

const now = () => performance.timeOrigin + performance.now();

const pathOf = (name: string) => fileURLToPath(new URL(`subscribers/${name}`, import.meta.url));

const start = (name: string, options: readonly string[]): ChildProcess =>
  fork(pathOf(name), [...options], { execArgv: ['--import', 'tsx', '--expose-gc'] });

async function told<Message>(child: ChildProcess): Promise<Message> {
  const [message] = (await once(child, 'message')) as [Message];
  return message;
}

interface Usage {
  readonly rss: number;
  readonly heapUsed: number;
  readonly cpuMs: number;
}

function usageOf(gateway: ChildProcess): Promise<Usage> {
  const answer = told<Usage>(gateway);
  gateway.send('usage');
  return answer;
}

const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1] ?? 0;

async function subscribed(url: string): Promise<void> {
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

const kilobytes = (bytes: number): string => (bytes / subscribers / 1024).toFixed(1);

async function run({ name, isAlike, events }: Round, helpdesk: { url: string; key: string }) {
  const gateway = start('gatewayProcess.ts', [helpdesk.url, helpdesk.key]);
  const { url } = await told<{ url: string }>(gateway);
  const change = await aChange(url);
  const before = await usageOf(gateway);
  const crowd = start('crowdProcess.ts', [
    `${url.replace('http', 'ws')}/graphql`,
    String(subscribers),
    String(isAlike),
  ]);
  try {
    await told(crowd);
    await subscribed(url);
    const settled = await usageOf(gateway);
    const delays: number[] = [];
    for (let event = 0; event < events; event += 1) {
      const all = told<{ at: number }>(crowd);
      const sent = now();
      await change(event % 2 === 0);
      delays.push((await all).at - sent);
    }
    const after = await usageOf(gateway);
    const cells = [
      name,
      kilobytes(settled.heapUsed - before.heapUsed),
      kilobytes(settled.rss - before.rss),
      percentile(delays, 0.5).toFixed(0),
      percentile(delays, 0.99).toFixed(0),
      ((after.cpuMs - settled.cpuMs) / events).toFixed(0),
    ];
    return { cells, worst: percentile(delays, 0.99) };
  } finally {
    crowd.kill();
    gateway.kill();
    await Promise.all([once(crowd, 'exit'), once(gateway, 'exit')]);
  }
}

/** Ten thousand WebSockets on one process, the subscribers in another: what each takes, and when the last has heard of a change. */
export async function runSubscribers(): Promise<boolean> {
  const helpdesk = await startSimulator({ rateLimit: 0 });
  const rows: string[][] = [];
  let isLive = true;
  try {
    for (const round of rounds) {
      const { cells, worst } = await run(round, helpdesk);
      rows.push(cells);
      isLive &&= worst < round.longestMs;
    }
  } finally {
    await helpdesk.close();
  }
  const head = [
    `${subscribers.toLocaleString('en')} subscribers`,
    'heap KiB each',
    'memory KiB each',
    'last told, median ms',
    'p99 ms',
    'CPU ms an event',
  ];
  process.stdout.write(`From a change to its last delivery\n\n${formatTable(head, rows)}\n`);
  return isLive;
}
