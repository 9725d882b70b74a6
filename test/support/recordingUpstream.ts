import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RecordedCall {
  readonly method: string;
  /** Below `/v1`, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: any;
}

export interface CannedResponse {
  readonly status?: number;
  /** Text is sent unchanged, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Handler =
  | CannedResponse
  | ((
      call: RecordedCall,
      response: ServerResponse,
    ) => CannedResponse | undefined | Promise<CannedResponse | undefined>);

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  return text === '' ? undefined : JSON.parse(text);
}

interface RecordingOptions {
  /** Whether connections are kept open after a response. */
  readonly keepsAlive?: boolean;
}

/** An upstream that returns given responses and records the calls. */
export async function startRecordingUpstream({ keepsAlive = true }: RecordingOptions = {}) {
  const handlers = new Map<string, Handler>();
  const calls: RecordedCall[] = [];
  const server = createServer((request, response) => {
    response.shouldKeepAlive &&= keepsAlive;
    // It is not that of the manual clock of a test.
    response.sendDate = false;
    void (async () => {
      const url = new URL(request.url ?? '/', 'http://fake');
      const call: RecordedCall = {
        method: request.method ?? '',
        path: url.pathname.replace(/^\/v1/, ''),
        query: url.searchParams,
        headers: request.headers,
        body: await readBody(request),
      };
      calls.push(call);
      const handler = handlers.get(`${call.method} ${call.path}`) ?? handlers.get('*');
      const canned = typeof handler === 'function' ? await handler(call, response) : handler;
      if (handler !== undefined && canned === undefined) return;
      const { status = handler ? 200 : 404, body, headers } = canned ?? {};
      const isText = typeof body === 'string';
      response.writeHead(status, {
        ...(body === undefined
          ? {}
          : { 'content-type': isText ? 'text/html' : 'application/json' }),
        ...headers,
      });
      response.end(isText || body === undefined ? body : JSON.stringify(body));
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    key: 'fake-key',
    calls: calls as readonly RecordedCall[],
    callsTo: (route: string) => calls.filter(({ method, path }) => `${method} ${path}` === route),
    /** `route` is for example `PUT /chats/readByAgent`, or `*` for all routes without a response. */
    respond(route: string, handler: Handler) {
      handlers.set(route, handler);
    },
    /** Clears the recorded calls, so that several tests can share one upstream. */
    clearCalls() {
      calls.length = 0;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type RecordingUpstream = Awaited<ReturnType<typeof startRecordingUpstream>>;

/** A chat in the wire format of HelpCrunch. */
export const wireChat = (change: Readonly<Record<string, unknown>> = {}) => ({
  id: 5208,
  closedBy: null,
  lastCustomerMessageAt: '1603885700',
  status: 'opened',
  closedAt: null,
  rating: null,
  createdAt: '1603885600',
  lastMessageAt: '1603885746',
  createdWith: 'customer_message',
  snoozedUntil: null,
  lastMessageText: 'Hello',
  lastMessageId: 90002,
  applicationId: 2,
  readByAgent: true,
  readByCustomer: false,
  lastCommunicatedAgentId: 12,
  agents: [{ id: 12, name: 'Olena', email: 'olena@example.com', role: 'agent' }],
  customer: { id: 7001, name: 'Taras', email: 'taras@example.com', userId: 'u-7001' },
  assignee: { id: 12, name: 'Olena', email: 'olena@example.com', role: 'superviser' },
  department: { id: 3, name: 'Sales' },
  ...change,
});
