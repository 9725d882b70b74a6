import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startSimulator } from '../../src/simulator/simulator.ts';

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends something other than what the simulator answered, and takes over the response. */
export type Distortion = (
  from: UpstreamResponse & { readonly key: string },
  response: ServerResponse,
) => void;

/** As many messages as a page may have. */
const pageSize = 100;

/** Accounts of years have long chats: what the simulator has is repeated until the page is full. */
function withFullPage(path: string, body: string): string {
  if (!/\/messages(\?|$)/.test(path)) return body;
  const { data } = JSON.parse(body);
  if (!Array.isArray(data) || data.length === 0) return body;
  const limit = Number(/[?&]limit=(\d+)/.exec(path)?.[1] ?? pageSize);
  const repeated = Array.from({ length: limit }, (_, index) => {
    const message = data[index % data.length];
    return { ...message, id: Number(message.id) + 1_000 * Math.floor(index / data.length) };
  });
  return JSON.stringify({ data: repeated, total: pageSize });
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

/** The upstream of the gateways under test: the simulator behind a proxy that can distort its responses. It accepts every key. */
export async function startSimulatorProxy() {
  const simulator = await startSimulator({ customers: 200, chats: 400, rateLimit: 0 });
  let distortion: Distortion | undefined;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const sent = await textOf(request);
    const original = await fetch(`${simulator.url}${path.replace(/^\/v1/, '')}`, {
      method: request.method ?? 'GET',
      headers: {
        authorization: `Bearer ${simulator.key}`,
        ...(sent === '' ? {} : { 'content-type': 'application/json' }),
      },
      ...(sent === '' ? {} : { body: sent }),
    });
    const text = await original.text();
    const upstream: UpstreamResponse = {
      status: original.status,
      headers: { 'content-type': original.headers.get('content-type') ?? 'application/json' },
      body: original.ok ? withFullPage(path, text) : text,
    };
    if (distortion !== undefined) {
      const key = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
      distortion({ ...upstream, key }, response);
      return;
    }
    response.writeHead(upstream.status, upstream.headers);
    response.end(upstream.body);
  }

  const server = createServer((request, response) => {
    response.on('error', () => undefined);
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    /** From now on; without one the responses are the simulator's. */
    distort(next?: Distortion) {
      distortion = next;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await simulator.close();
    },
  };
}

export type SimulatorProxy = Awaited<ReturnType<typeof startSimulatorProxy>>;
