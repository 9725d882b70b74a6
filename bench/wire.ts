import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { Peer } from './cpu/process.ts';
import { startPeer } from './cpu/process.ts';
import type { Cell } from './table.ts';
import { formatTable } from './table.ts';
import { chatCount, startUpstream } from './wire/upstream.ts';

const rounds = 12;
/** Requests of one kind in one round. */
const repeats = 800;
const connections = 16;
const maxBytesRatio = 1 / 3;

const query = `{ chats(first: ${chatCount}) { nodes { id status createdAt lastMessageText customer { id name email } } } }`;

const agent = new Agent({ keepAlive: true, maxSockets: connections });

interface Reply {
  readonly headers: IncomingHttpHeaders;
  readonly bytes: number;
}

async function send(url: URL, method: 'GET' | 'POST', headers: OutgoingHttpHeaders = {}) {
  const isGet = method === 'GET';
  const target = new URL(isGet ? `?query=${encodeURIComponent(query)}` : '', url);
  const allHeaders = { 'content-type': 'application/json', ...headers };
  const sent = request(target, { method, agent, headers: allHeaders });
  sent.end(isGet ? undefined : JSON.stringify({ query }));
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  let bytes = 0;
  response.on('data', (chunk: Buffer) => (bytes += chunk.length));
  await once(response, 'end');
  return { headers: response.headers, bytes };
}

/** A way to request the same response. */
interface Kind {
  readonly name: string;
  readonly send: () => Promise<Reply>;
  /** The most CPU time, as a multiple of the first kind. */
  readonly maxRatio?: number;
  readonly isCompressed?: boolean;
}

function kindsOf(url: URL, entityTag: string): readonly Kind[] {
  const post = (name: string, coding: string): Kind => ({
    name,
    send: () => send(url, 'POST', { 'accept-encoding': coding }),
    maxRatio: 1.1,
    isCompressed: true,
  });
  return [
    { name: 'POST, not compressed', send: () => send(url, 'POST') },
    post('POST, br', 'br'),
    post('POST, gzip', 'gzip'),
    { name: 'GET, not compressed', send: () => send(url, 'GET') },
    {
      name: 'GET, not modified (304)',
      send: () => send(url, 'GET', { 'if-none-match': entityTag }),
      maxRatio: 0.5,
    },
  ];
}

async function sendRepeatedly(kind: Kind, times: number): Promise<void> {
  const sendInTurn = async () => {
    for (let run = 0; run < times / connections; run += 1) await kind.send();
  };
  await Promise.all(Array.from({ length: connections }, sendInTurn));
}

const cpuOf = async (gateway: Peer): Promise<number> =>
  Number((await gateway.ask('usage'))['cpuUs']);

/** CPU microseconds for each response, by kind and round; the kinds take turns in every round. */
async function measure(kinds: readonly Kind[], gateway: Peer): Promise<number[][]> {
  const results = kinds.map((): number[] => []);
  for (const kind of kinds) await sendRepeatedly(kind, 2 * repeats);
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, kind] of kinds.entries()) {
      const before = await cpuOf(gateway);
      await sendRepeatedly(kind, repeats);
      results[index]?.push(((await cpuOf(gateway)) - before) / repeats);
    }
  }
  return results;
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;

interface Row {
  readonly isMet: boolean;
  readonly cells: readonly Cell[];
}

async function compare(kinds: readonly Kind[], times: readonly number[][]): Promise<Row[]> {
  const rows: Row[] = [];
  let plainBytes = NaN;
  for (const [index, kind] of kinds.entries()) {
    const { name, maxRatio = Infinity, isCompressed = false } = kind;
    const { bytes } = await kind.send();
    if (index === 0) plainBytes = bytes;
    const costs = times[index] ?? [];
    const ratio = median(costs.map((cost, round) => cost / (times[0]?.[round] ?? NaN)));
    const isMet = ratio <= maxRatio && (!isCompressed || bytes <= maxBytesRatio * plainBytes);
    const goal = maxRatio === Infinity ? '' : `at most ${maxRatio}${isMet ? '' : ': missed'}`;
    rows.push({ isMet, cells: [name, bytes, median(costs).toFixed(0), ratio.toFixed(2), goal] });
  }
  return rows;
}

function startGateway(upstreamUrl: string): Promise<Peer> {
  const root = fileURLToPath(new URL('../', import.meta.url));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  return startPeer(['serve.mjs', 'gatewayWarm'], {
    cwd: fileURLToPath(new URL('peers/', import.meta.url)),
    cpu: 0,
    env: { UPSTREAM_URL: upstreamUrl, GATEWAY_DIST: new URL('../dist/', import.meta.url).href },
  });
}

/**
 * Bytes and CPU time of a response from the cache: plain, compressed, and not modified. False if a compressed response has more than a
 * third of the bytes or costs more than 1.1 times as much, or a 304 more than half.
 */
export async function runWire(): Promise<boolean> {
  const upstream = await startUpstream();
  const gateway = await startGateway(upstream.url);
  const url = new URL(String(gateway.hello['url']));
  try {
    // The operation is cached when it occurs for the second time, and its response then.
    for (let run = 0; run < 3; run += 1) await send(url, 'GET');
    const { headers } = await send(url, 'GET');
    const kinds = kindsOf(url, String(headers.etag));
    const rows = await compare(kinds, await measure(kinds, gateway));
    const head = ['', 'bytes', 'CPU µs a request', '× as much', 'goal'];
    const table = formatTable(
      head,
      rows.map(({ cells }) => cells),
    );
    process.stdout.write(`A cached response with ${chatCount} chats\n\n${table}\n`);
    return rows.every(({ isMet }) => isMet);
  } finally {
    agent.destroy();
    await gateway.stop();
    upstream.close();
  }
}
