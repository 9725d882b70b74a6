import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Cell } from '../table.ts';
import { formatTable } from '../table.ts';
import type { Shot } from './load.ts';
import { fire, get, Line, post, send } from './load.ts';
import type { Peer } from './process.ts';
import { bindTo, startPeer } from './process.ts';
import type { BenchOptions } from '../options.ts';
import { writeDocument } from './document.ts';
import { asUpstreamWrites } from './hive.ts';
import type { Contest, Result } from './results.ts';
import { isMissed, numberOf } from './results.ts';
import { prepareHive, prepareScratch, versionsOf } from './scratch.ts';
import type { Workload } from './workloads.ts';
import { workloads } from './workloads.ts';

const rounds = 8;
const roundMs = 600;

const print = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

interface Runner {
  readonly name: string;
  readonly peer: Peer;
  readonly url: URL;
  readonly width: number;
  readonly shots: readonly Shot[];
  /** Microseconds of CPU for one request, round by round. */
  readonly costs: number[];
}

/** New lines each time: servers hang up on those that are idle while others are measured. */
async function shoot({ url, width, shots }: Runner, forMs: number): Promise<number> {
  const lines = Array.from({ length: width }, () => new Line(url));
  try {
    return await fire(lines, shots, forMs);
  } finally {
    for (const line of lines) line.close();
  }
}

async function warmUp(runner: Runner, requests: number): Promise<void> {
  let sent = 0;
  while (sent < requests) sent += await shoot(runner, roundMs);
}

async function round(runner: Runner): Promise<void> {
  const { peer, costs } = runner;
  const before = Number((await peer.ask('usage'))['cpuUs']);
  const count = await shoot(runner, roundMs);
  const after = Number((await peer.ask('usage'))['cpuUs']);
  costs.push((after - before) / count);
}

interface Place {
  readonly folder: string;
  /** Undefined where it is not installed. */
  readonly hiveFolder: string | undefined;
  readonly upstream: string;
  readonly chatIds: readonly string[];
}

const isHive = (name: string): boolean => name.startsWith('hive');

/** Those that have no cache of their own are given a map for warm workloads. */
const givenMap: ReadonlySet<string> = new Set(['yoga', 'mercurius', 'mercuriusJit']);

async function startRunner(workload: Workload, name: string, place: Place): Promise<Runner> {
  // While a server is idle, V8's memory reducer would discard its optimized code.
  const flags = ['--expose-gc', '--no-memory-reducer'];
  const peer = await startPeer([...flags, 'serve.mjs', name], {
    cwd: (isHive(name) ? place.hiveFolder : undefined) ?? place.folder,
    cpu: 0,
    env: {
      UPSTREAM_URL: place.upstream,
      GATEWAY_DIST: new URL('../../dist/', import.meta.url).href,
    },
  });
  if (workload.isWarm && givenMap.has(name)) await peer.ask('keep');
  const url = new URL(String(peer.hello['url']));
  const ids = place.chatIds.slice(0, workload.chats);
  const { query, variablesOf } = isHive(name) ? workload.hive : workload;
  const shots = ids.map((id) => {
    const call = name.startsWith('proxy') ? workload.passThrough?.(id) : undefined;
    if (call === undefined) return post(url, { query, variables: variablesOf(id) });
    const target = new URL(call.path, url);
    return call.body === undefined ? get(target) : send('PUT', target, call.body);
  });
  return { name, peer, url, width: workload.lines, shots, costs: [] };
}

const dataOf = (body: string): unknown => (JSON.parse(body) as { readonly data?: unknown }).data;

/** The response of each server to the same request. A proxy returns the response of HelpCrunch. */
async function differences(runners: readonly Runner[]): Promise<readonly string[]> {
  const answers = await Promise.all(
    runners
      .filter(({ name }) => !name.startsWith('proxy'))
      .map(async ({ name, url, shots: [shot] }) => {
        if (shot === undefined) throw new Error('Nothing to ask.');
        const line = new Line(url);
        const { body } = await line.ask(shot);
        line.close();
        return { name, data: dataOf(body) };
      }),
  );
  const own = answers[0]?.data;
  const expected = { alike: JSON.stringify(own), ofHive: JSON.stringify(asUpstreamWrites(own)) };
  return answers
    .filter(
      ({ name, data }) =>
        JSON.stringify(data) !== (isHive(name) ? expected.ofHive : expected.alike),
    )
    .map(({ name }) => name);
}

async function measure(workload: Workload, place: Place): Promise<readonly Runner[]> {
  const own = workload.isWarm ? 'gatewayWarm' : 'gatewayCold';
  const runners: Runner[] = [];
  for (const name of [own, ...workload.peers]) {
    if (isHive(name) && place.hiveFolder === undefined) continue;
    runners.push(await startRunner(workload, name, place));
  }
  try {
    const odd = await differences(runners);
    if (odd.length > 0) throw new Error(`${workload.name}: ${odd.join(', ')} answered otherwise.`);
    for (const runner of runners) await warmUp(runner, workload.warmUpRequests);
    for (let index = 0; index < rounds; index += 1) {
      for (const runner of index % 2 === 0 ? runners : runners.toReversed()) {
        await round(runner);
      }
    }
    return runners;
  } finally {
    await Promise.all(runners.map(({ peer }) => peer.stop()));
  }
}

/** The gateway's name differs by workload, so it has none here. */
const titles: Readonly<Record<string, string>> = {
  gatewayAnew: 'gateway, no response cache',
  proxy: 'proxy with node:http',
  proxyFetch: 'proxy with the same node-fetch',
  apolloFetch: 'Apollo Server with the same node-fetch',
  apollo: 'Apollo Server, REST data source',
  apolloCached: 'Apollo Server with its cache',
  yoga: 'Yoga',
  mercurius: 'Mercurius',
  mercuriusJit: 'Mercurius with JIT',
  hive: 'Hive Gateway on OpenAPI',
  hiveCached: 'Hive Gateway with its cache',
};

const rowsOf = (results: readonly Result[]): Cell[][] =>
  results.map((result) => {
    const { name, costUs, ratio, goal } = result;
    const wanted = goal === undefined ? '' : `at most ${goal.toFixed(2)}`;
    return [
      name,
      numberOf(costUs),
      ratio.toFixed(2),
      wanted + (isMissed(result) ? ': missed' : ''),
    ];
  });

/** Microseconds of CPU of each contender for each workload. False: a goal is not reached. */
export async function runCpu({ writesDocs }: BenchOptions): Promise<boolean> {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  const otherCpu = cpus().length > 1 ? 1 : 0;
  bindTo(otherCpu);
  const folder = prepareScratch();
  const hiveFolder = prepareHive();
  const helpCrunch = await startPeer(
    ['--import', 'tsx', fileURLToPath(new URL('upstream.ts', import.meta.url))],
    { cwd: root, cpu: otherCpu },
  );
  const { url, chats } = helpCrunch.hello;
  const chatIds = chats as readonly string[];
  const place = { folder, hiveFolder, upstream: String(url), chatIds };
  const wanted = process.env['BENCH_WORKLOAD'];
  const contests: Contest[] = [];
  try {
    for (const workload of workloads) {
      if (wanted !== undefined && !workload.name.includes(wanted)) continue;
      const [own, ...peers] = await measure(workload, place);
      if (own === undefined) continue;
      const results = [own, ...peers].map(({ name, costs }) => {
        const goal = workload.goals[name];
        return {
          name: titles[name] ?? 'this gateway',
          costUs: median(costs),
          ratio: median(costs.map((cost, index) => (own.costs[index] ?? Number.NaN) / cost)),
          goal: goal === undefined ? undefined : 1 / goal,
        };
      });
      contests.push({ workload: workload.name, results });
      print(`\n${workload.name}\n`);
      print(
        formatTable(['', 'CPU µs per request', 'gateway ÷ this server', 'goal'], rowsOf(results)),
      );
    }
  } finally {
    await helpCrunch.stop();
  }
  if (writesDocs) {
    const notInstalled = { '@graphql-hive/gateway': 'not installed' };
    const ofHive = hiveFolder === undefined ? notInstalled : versionsOf(hiveFolder);
    await writeDocument(contests, { ...versionsOf(folder), ...ofHive });
  }
  return !contests.some(({ results }) => results.some(isMissed));
}
