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
const maxCompressedRatio = 1.1;
/** Of what a 304 costs more than the same from a bare server, to what a whole response costs more. */
const maxOwnRatio = 1.1;

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
  readonly server: Peer;
  readonly send: () => Promise<Reply>;
  readonly isCompressed?: boolean;
}

const urlOf = ({ hello }: Peer): URL => new URL(String(hello['url']));

function kindsOf(gateway: Peer, bare: Peer, entityTag: string) {
  const post = (name: string, headers?: OutgoingHttpHeaders): Kind => ({
    name: `POST, ${name}`,
    server: gateway,
    send: () => send(urlOf(gateway), 'POST', headers),
  });
  const compressed = (coding: string): Kind => ({
    ...post(coding, { 'accept-encoding': coding }),
    isCompressed: true,
  });
  const get = (name: string, server: Peer): Kind => ({
    name,
    server,
    send: () => send(urlOf(server), 'GET'),
  });
  const revalidate = (name: string, server: Peer): Kind => ({
    name,
    server,
    send: () => send(urlOf(server), 'GET', { 'if-none-match': entityTag }),
  });
  return {
    plain: post('not compressed'),
    br: compressed('br'),
    gzip: compressed('gzip'),
    get: get('GET, not compressed', gateway),
    notModified: revalidate('GET, not modified (304)', gateway),
    bareGet: get('node:http alone: GET', bare),
    bareNotModified: revalidate('node:http alone: 304', bare),
  };
}

type Kinds = ReturnType<typeof kindsOf>;
type KindName = keyof Kinds;
type Times = Readonly<Record<KindName, readonly number[]>>;

async function sendRepeatedly(kind: Kind, times: number): Promise<void> {
  const sendInTurn = async () => {
    for (let run = 0; run < times / connections; run += 1) await kind.send();
  };
  await Promise.all(Array.from({ length: connections }, sendInTurn));
}

const cpuOf = async (server: Peer): Promise<number> => Number((await server.ask('usage'))['cpuUs']);

const names = [
  'plain',
  'br',
  'gzip',
  'get',
  'notModified',
  'bareGet',
  'bareNotModified',
] as const satisfies readonly KindName[];

/** CPU microseconds for each response, by kind and round; the kinds take turns in every round. */
async function measure(kinds: Kinds): Promise<Times> {
  const results: Record<KindName, number[]> = {
    ...{ plain: [], br: [], gzip: [], get: [], notModified: [], bareGet: [], bareNotModified: [] },
  };
  for (const name of names) await sendRepeatedly(kinds[name], 2 * repeats);
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      const kind = kinds[name];
      const before = await cpuOf(kind.server);
      await sendRepeatedly(kind, repeats);
      results[name].push(((await cpuOf(kind.server)) - before) / repeats);
    }
  }
  return results;
}

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? NaN;

/** Of two kinds in the same round. */
const ratioOf = (times: Times, name: KindName, to: KindName): number =>
  median(times[name].map((time, round) => time / (times[to][round] ?? NaN)));

/** What the gateway does for a 304 besides receiving a request and sending a head, to what it does for a response. */
const ownRatio = ({ notModified, bareNotModified, get, bareGet }: Times): number =>
  median(
    notModified.map(
      (time, round) =>
        (time - (bareNotModified[round] ?? NaN)) / ((get[round] ?? NaN) - (bareGet[round] ?? NaN)),
    ),
  );

interface Row {
  readonly isMet: boolean;
  readonly cells: readonly Cell[];
}

async function compare(kinds: Kinds, times: Times): Promise<Row[]> {
  const plainBytes = (await kinds.plain.send()).bytes;
  const rowOf = async (name: KindName): Promise<Row> => {
    const { name: title, isCompressed = false, send: sendOnce } = kinds[name];
    const { bytes } = await sendOnce();
    const ratio = ratioOf(times, name, 'plain');
    const isSmall = bytes <= maxBytesRatio * plainBytes;
    const isMet = !isCompressed || (isSmall && ratio <= maxCompressedRatio);
    const goal = isCompressed ? `at most ${maxCompressedRatio}${isMet ? '' : ': missed'}` : '';
    const cost = median(times[name]).toFixed(0);
    return { isMet, cells: [title, bytes, cost, ratio.toFixed(2), goal] };
  };
  return Promise.all(names.map(rowOf));
}

const peersFolder = fileURLToPath(new URL('peers/', import.meta.url));

function startGateway(upstreamUrl: string): Promise<Peer> {
  const root = fileURLToPath(new URL('../', import.meta.url));
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: 'inherit' });
  return startPeer(['serve.mjs', 'gatewayWarm'], {
    cwd: peersFolder,
    cpu: 0,
    env: { UPSTREAM_URL: upstreamUrl, GATEWAY_DIST: new URL('../dist/', import.meta.url).href },
  });
}

/** A `node:http` server that sends the same bytes. */
const startBare = ({ headers, bytes }: Reply): Promise<Peer> =>
  startPeer(['serve.mjs', 'bare'], {
    cwd: peersFolder,
    cpu: 0,
    env: { BARE_RESPONSE: JSON.stringify({ headers, bytes }) },
  });

/** Prints the figures; false if a goal is missed. */
async function report(kinds: Kinds): Promise<boolean> {
  const times = await measure(kinds);
  const rows = await compare(kinds, times);
  const table = formatTable(
    ['', 'bytes', 'CPU µs per request', 'ratio', 'goal'],
    rows.map(({ cells }) => cells),
  );
  const own = ownRatio(times);
  const isMet = own <= maxOwnRatio;
  process.stdout.write(
    `A cached response with ${chatCount} chats\n\n${table}\n` +
      `What the gateway adds to a 304, as a multiple of what it adds to a GET: ${own.toFixed(2)} ` +
      `(at most ${maxOwnRatio}${isMet ? '' : ': missed'})\n`,
  );
  return isMet && rows.every((row) => row.isMet);
}

/**
 * Bytes and CPU time of a response from the cache: plain, compressed, and not modified. False if a compressed response has more than a
 * third of the bytes or costs more than 1.1 times as much, or if the gateway adds more to a 304 than to a whole response.
 */
export async function runWire(): Promise<boolean> {
  const upstream = await startUpstream();
  const servers: Peer[] = [];
  try {
    const gateway = await startGateway(upstream.url);
    servers.push(gateway);
    // The operation is cached when it occurs for the second time, and its response then.
    for (let run = 0; run < 3; run += 1) await send(urlOf(gateway), 'GET');
    const response = await send(urlOf(gateway), 'GET');
    const bare = await startBare(response);
    servers.push(bare);
    return await report(kindsOf(gateway, bare, String(response.headers.etag)));
  } finally {
    agent.destroy();
    for (const server of servers) await server.stop();
    upstream.close();
  }
}
