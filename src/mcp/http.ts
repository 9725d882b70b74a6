import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import type { McpServers } from './server.ts';
import type { McpClient } from './toolRunner.ts';

/** A request whose client is authenticated and whose body is parsed. */
interface McpHttpRequest {
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly client: McpClient;
  /** Aborted when the client disconnects. */
  readonly signal: AbortSignal;
}

interface McpHttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON; empty for notifications. */
  readonly body: string;
}

/** The headers of the protocol begin with this. */
const protocolHeaderPrefix = 'mcp-';

/** Never resolved: the SDK requires an absolute URL. */
const requestUrl = 'http://gateway.invalid/mcp';

function toWebRequest({ headers, signal }: McpHttpRequest): Request {
  const passed = new Headers({ accept: 'application/json, text/event-stream' });
  for (const [name, value] of Object.entries(headers)) {
    const isPassed = name === 'content-type' || name.startsWith(protocolHeaderPrefix);
    if (isPassed && typeof value === 'string') passed.set(name, value);
  }
  // The body is passed in its parsed form.
  return new Request(requestUrl, { method: 'POST', headers: passed, body: '{}', signal });
}

async function toResponse(response: Response): Promise<McpHttpResponse> {
  return {
    status: response.status,
    headers: { 'content-type': response.headers.get('content-type') ?? 'application/json' },
    body: await response.text(),
  };
}

const batchResponse: McpHttpResponse = {
  status: 400,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({
    jsonrpc: '2.0',
    error: { code: -32_600, message: 'Batches are not supported. Send one message per request.' },
    id: null,
  }),
};

/** Streamable HTTP without sessions and streams: every message is answered with JSON by a server of its own. */
export class McpHttpEndpoint {
  readonly #servers: McpServers;
  readonly #clients = new WeakMap<Request, McpHttpRequest>();
  readonly #handler: ReturnType<typeof createMcpHandler>;

  constructor(servers: McpServers) {
    this.#servers = servers;
    this.#handler = createMcpHandler(
      ({ requestInfo }) => {
        const request = requestInfo && this.#clients.get(requestInfo);
        if (request === undefined) throw new Error('Every request has a client.');
        return servers.create(() => request.client, request.signal);
      },
      // Nothing changes that a client could subscribe to. Errors are sent to the client.
      { legacy: 'reject', maxSubscriptions: 0, onerror: () => undefined },
    );
  }

  async handle(request: McpHttpRequest): Promise<McpHttpResponse> {
    const { body } = request;
    if (Array.isArray(body)) return batchResponse;
    const webRequest = toWebRequest(request);
    const response = (await isLegacyRequest(webRequest, body))
      ? await this.#handleWithoutEnvelope(webRequest, request)
      : await this.#handleWithEnvelope(webRequest, request);
    return toResponse(response);
  }

  close(): Promise<void> {
    return this.#handler.close();
  }

  /** The revisions of 2025, which describe the client once in `initialize`. */
  async #handleWithoutEnvelope(
    webRequest: Request,
    { body, client, signal }: McpHttpRequest,
  ): Promise<Response> {
    const server = this.#servers.create(() => client, signal);
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    try {
      return await transport.handleRequest(webRequest, { parsedBody: body });
    } finally {
      await server.close();
    }
  }

  /** The stateless revisions, in which every message describes the client. */
  #handleWithEnvelope(webRequest: Request, request: McpHttpRequest): Promise<Response> {
    this.#clients.set(webRequest, request);
    return this.#handler.fetch(webRequest, { parsedBody: request.body });
  }
}
