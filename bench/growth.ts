import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Shot } from './cpu/load.ts';
import { fireNext, Line, post } from './cpu/load.ts';
import type { Peer } from './cpu/process.ts';
import { startPeer } from './cpu/process.ts';
import { numberOf } from './cpu/results.ts';
import { chatsWithCustomers, oneChat } from './cpu/workloads.ts';
import type { Cell } from './table.ts';
import { formatTable } from './table.ts';

const rounds = 8;
const warmUpMs = 2_500;
const roundMs = 600;
/** A text is cached when it occurs the second time, and a response is cached when the text is executed from the cache. */
const warmUpPasses = 4;
/** Both sides must be compiled. */
const minWarmUpRequests = 10_000;
const width = 8;

/** So much of a ratio is the machine's. */
const noise = 0.1;

interface Request {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Requests of two sizes for the gateway alone. */
interface Growth {
  readonly name: string;
  readonly isWarm: boolean;
  readonly few: readonly Request[];
  readonly many: readonly Request[];
  /** Ratio of the sizes of `many` and `few`. */
  readonly times: number;
}

const chats = (first: number): readonly Request[] => [{ query: chatsWithCustomers(first) }];

const names = ['id', 'status', 'createdAt', 'lastMessageText', 'readByAgent', 'readByCustomer'];

/** So many fields of one chat, each under a name of its own. */
function fields(count: number, ids: readonly string[]): readonly Request[] {
  const aliases = Array.from(
    { length: count },
    (_, index) => `field${index}: ${names[index % names.length] ?? ''}`,
  );
  const query = `query Fields($id: ID!) { chat(id: $id) { ${aliases.join(' ')} } }`;
  return ids.map((id) => ({ query, variables: { id } }));
}

/** The same question in so many wordings, in turn, so that each has been forgotten if not all can be known. */
const wordings = (count: number, ids: readonly string[]): readonly Request[] =>
  Array.from({ length: Math.max(count, ids.length) }, (_, index) => ({
    query: `${oneChat} # ${index % count}`,
    variables: { id: ids[index % ids.length] },
  }));

const growthsOf = (ids: readonly string[]): readonly Growth[] => [
  {
    name: '10 → 100 chats with customers, uncached',
    isWarm: false,
    few: chats(10),
    many: chats(100),
    times: 10,
  },
  {
    name: '10 → 100 chats with customers, cached',
    isWarm: true,
    few: chats(10),
    many: chats(100),
    times: 10,
  },
  {
    name: '1 → 100 fields of a cached chat',
    isWarm: true,
    few: fields(1, ids),
    many: fields(100, ids),
    times: 100,
  },
  // Each request executes one operation, whatever their number.
  {
    name: '1 → 100 operations that are known',
    isWarm: true,
    few: wordings(1, ids),
    many: wordings(100, ids),
    times: 1,
  },
  {
    name: '1 → 10,000 operations that are known',
    isWarm: true,
    few: wordings(1, ids),
    many: wordings(10_000, ids),
    // Their documents do not fit into the caches of a processor.
    times: 2,
  },
];

interface Side {
  readonly peer: Peer;
  readonly url: URL;
  readonly shots: readonly Shot[];
  /** Microseconds of CPU for one request, round by round. */
  readonly costs: number[];
  asked: number;
}

/** Goes on where it stopped the last time. */
async function shoot(side: Side, forMs: number): Promise<number> {
  const lines = Array.from({ length: width }, () => new Line(side.url));
  const next = () => side.shots[side.asked++ % side.shots.length];
  try {
    return await fireNext(lines, next, forMs);
  } finally {
    for (const line of lines) line.close();
  }
}

const cpuOf = async ({ peer }: Side): Promise<number> => Number((await peer.ask('usage'))['cpuUs']);

async function round(side: Side): Promise<void> {
  const before = await cpuOf(side);
  const count = await shoot(side, roundMs);
  side.costs.push(((await cpuOf(side)) - before) / count);
}

async function startSide(isWarm: boolean, requests: readonly Request[], upstream: string) {
  const peer = await startPeer(['serve.mjs', isWarm ? 'gatewayWarm' : 'gatewayCold'], {
    cwd: fileURLToPath(new URL('peers/', import.meta.url)),
    cpu: 0,
    env: {
      UPSTREAM_URL: upstream,
      GATEWAY_DIST: new URL('../dist/', import.meta.url).href,
      GATEWAY_SETTINGS: JSON.stringify({ MAX_ALIASES: '100' }),
    },
  });
  const url = new URL(String(peer.hello['url']));
  return { peer, url, shots: requests.map((request) => post(url, request)), costs: [], asked: 0 };
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;

async function measure({ isWarm, few, many }: Growth, upstream: string) {
  const sides: Side[] = [];
  try {
    for (const requests of [few, many]) sides.push(await startSide(isWarm, requests, upstream));
    for (const side of sides) {
      do await shoot(side, warmUpMs);
      while (side.asked < Math.max(minWarmUpRequests, warmUpPasses * side.shots.length));
    }
    for (let index = 0; index < rounds; index += 1) {
      for (const side of index % 2 === 0 ? sides : sides.toReversed()) await round(side);
    }
  } finally {
    await Promise.all(sides.map(({ peer }) => peer.stop()));
  }
  const [small = [], large = []] = sides.map(({ costs }) => costs);
  const ratio = median(large.map((cost, index) => cost / (small[index] ?? Number.NaN)));
  return { small: median(small), large: median(large), ratio };
}

/** Measures the CPU time of requests of increasing size and variety. Returns false if it grows faster than they do. */
export async function runGrowth(): Promise<boolean> {
  const root = fileURLToPath(new URL('../', import.meta.url));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  const helpCrunch = await startPeer(
    ['--import', 'tsx', fileURLToPath(new URL('cpu/upstream.ts', import.meta.url))],
    { cwd: root, cpu: cpus().length > 1 ? 1 : 0 },
  );
  const { url, chats: ids } = helpCrunch.hello;
  const rows: Cell[][] = [];
  let isLinear = true;
  try {
    for (const growth of growthsOf(ids as readonly string[])) {
      const { small, large, ratio } = await measure(growth, String(url));
      const most = growth.times * (1 + noise);
      isLinear &&= ratio <= most;
      const verdict = ratio <= most ? '' : ': missed';
      const goal = `at most ${most.toFixed(1)}${verdict}`;
      rows.push([growth.name, numberOf(small), numberOf(large), ratio.toFixed(2), goal]);
    }
  } finally {
    await helpCrunch.stop();
  }
  const head = ['', 'CPU µs per request', 'CPU µs per larger request', 'ratio', 'goal'];
  process.stdout.write(`As work grows\n\n${formatTable(head, rows)}\n`);
  return isLinear;
}
