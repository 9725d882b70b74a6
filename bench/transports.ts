import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { WebSocket } from 'ws';
import { startSimulator } from '../src/simulator/simulator.ts';
import type { GatewayProcess } from './soak/processes.ts';
import { startGatewayProcess } from './soak/processes.ts';
import { formatTable } from './table.ts';

const operationCount = 3_000;
const warmUpCount = 300;
/** Of the CPU time of a transport to that of POST. */
const maxRatio = 1.2;

const query =
  'query Inbox { chats(first: 20) { nodes { id status lastMessageText customer { id name email } assignee { id name } } } }';
const sha256Hash = createHash('sha256').update(query).digest('hex');
const extensions = { persistedQuery: { version: 1, sha256Hash } };
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

type Send = () => Promise<unknown>;

function sendHttp(url: string, method: string, body = ''): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': body.length };
    const call = request(url, { method, agent, headers }, (response) => {
      response.on('error', reject).on('end', resolve).resume();
    });
    call.on('error', reject).end(body);
  });
}

async function openWebSocket(url: string): Promise<Send> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  let completed = (): void => undefined;
  socket.on('message', (data: Buffer) => {
    if (/"type":"(complete|connection_ack)"/.test(data.toString())) completed();
  });
  const send = (message: object) =>
    new Promise<void>((resolve) => {
      completed = resolve;
      socket.send(JSON.stringify(message));
    });
  await send({ type: 'connection_init' });
  return () => send({ id: 'a', type: 'subscribe', payload: { query } });
}

const transports: Readonly<Record<string, (url: string) => Promise<Send>>> = {
  POST: (url) =>
    Promise.resolve(() => sendHttp(`${url}/graphql`, 'POST', JSON.stringify({ query }))),
  async 'GET with a registered hash'(url) {
    await sendHttp(`${url}/graphql`, 'POST', JSON.stringify({ query, extensions }));
    const parameters = new URLSearchParams({ extensions: JSON.stringify(extensions) });
    return () => sendHttp(`${url}/graphql?${parameters.toString()}`, 'GET');
  },
  WebSocket: openWebSocket,
};

/** CPU time of the gateway for one operation, in microseconds. */
async function measure(gateway: GatewayProcess, send: Send): Promise<number> {
  for (let count = 0; count < warmUpCount; count += 1) await send();
  const { cpuMs: before } = await gateway.holding();
  for (let count = 0; count < operationCount; count += 1) await send();
  const { cpuMs } = await gateway.holding();
  return Math.round(((cpuMs - before) / operationCount) * 1_000);
}

/** CPU time of a cached operation by transport, with and without the operation cache. False if one costs more than 1.2 times as much as POST. */
export async function runTransports(): Promise<boolean> {
  const simulator = await startSimulator({ rateLimit: 0 });
  const figures = new Map<string, number[]>();
  for (const cache of ['on', 'off']) {
    const gateway = await startGatewayProcess({
      HELPCRUNCH_API_URL: simulator.url,
      HELPCRUNCH_API_KEY: simulator.key,
      HELPCRUNCH_RATE_LIMIT: '0',
      CACHE_CHATS_TTL_MS: '3600000',
      LOG_LEVEL: 'silent',
      OPERATION_CACHE: cache,
    });
    for (const [name, open] of Object.entries(transports)) {
      const microseconds = await measure(gateway, await open(gateway.url));
      figures.set(name, [...(figures.get(name) ?? []), microseconds]);
    }
    await gateway.kill();
  }
  await simulator.close();
  const rows = [...figures].map(([name, columns]) => [name, ...columns]);
  const head = ['CPU of the gateway, µs', 'operation cache', 'Apollo Server'];
  process.stdout.write(formatTable(head, rows));
  const [cachedPost = 0] = figures.get('POST') ?? [];
  return rows.every(([, cached]) => Number(cached) <= maxRatio * cachedPost);
}
