import {
  createMcpHandler,
  isLegacyRequest,
  WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { internalErrorMessage, publicError } from '../graphql/errors.ts';
import type { PublicError } from '../graphql/errors.ts';
import { defaultMaxDepth, isDeeperThan } from '../lib/json.ts';
import { formatJsonRpcError, jsonRpcCodes } from '../lib/jsonRpc.ts';
import { isDictionary } from '../lib/shape.ts';
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

/** `message` is the text of an exception in the SDK. */
type OnInternalError = (requestId: string, message: unknown) => void;

interface JsonRpcFailure {
  readonly code: number;
  readonly error: PublicError;
}

const batchFailure: JsonRpcFailure = {
  code: jsonRpcCodes.invalidRequest,
  error: publicError.badRequest('Batches are not supported. Send one message per request.'),
};

const depthFailure: JsonRpcFailure = {
  code: jsonRpcCodes.invalidRequest,
  error: publicError.badRequest(
    `The message may be nested ${defaultMaxDepth} levels deep at most.`,
  ),
};

const paramsFailure: JsonRpcFailure = {
  code: jsonRpcCodes.invalidParams,
  error: publicError.badRequest(
    'The parameters of this method have a wrong type, or some are missing.',
  ),
};

const unreadableFailure: JsonRpcFailure = {
  code: jsonRpcCodes.parseError,
  error: publicError.badRequest('The message is not JSON-RPC.'),
};

const internalFailure: JsonRpcFailure = {
  code: jsonRpcCodes.internalError,
  error: publicError.internal(internalErrorMessage),
};

function formatFailure({ code, error }: JsonRpcFailure, request: McpHttpRequest): string {
  const { message, extensions } = error.format(request.client.caller.requestId);
  return formatJsonRpcError({ code, message, data: extensions }, request.body);
}

/** The SDK reports invalid parameters by the issues of its schema library, as JSON. */
const schemaIssues = /(?:^|: )\[\s*\{/;

/** What replaces an error whose message is the text of an exception in the SDK; undefined for all others. */
function replacementOf({ code, message }: Readonly<Record<string, unknown>>) {
  if (typeof message === 'string' && schemaIssues.test(message)) return paramsFailure;
  if (code === jsonRpcCodes.internalError) return internalFailure;
  return code === jsonRpcCodes.parseError ? unreadableFailure : undefined;
}

/** The body of a response of the SDK, without the text of exceptions. */
function toBody(text: string, request: McpHttpRequest, onInternalError: OnInternalError): string {
  // Every error has this member, and results are long.
  if (!text.includes('"error"')) return text;
  const message: unknown = JSON.parse(text);
  if (!isDictionary(message) || !isDictionary(message['error'])) return text;
  const { error } = message;
  const replacement = replacementOf(error);
  const { requestId } = request.client.caller;
  if (replacement === internalFailure) onInternalError(requestId, error['message']);
  if (replacement !== undefined) return formatFailure(replacement, request);
  const data = isDictionary(error['data']) ? error['data'] : {};
  return JSON.stringify({ ...message, error: { ...error, data: { ...data, requestId } } });
}

const rejectionOf = (failure: JsonRpcFailure, request: McpHttpRequest): McpHttpResponse => ({
  status: failure.error.status,
  headers: { 'content-type': 'application/json' },
  body: formatFailure(failure, request),
});

async function toResponse(
  response: Response,
  request: McpHttpRequest,
  onInternalError: OnInternalError,
): Promise<McpHttpResponse> {
  const contentType = response.headers.get('content-type') ?? 'application/json';
  const text = await response.text();
  return {
    status: response.status,
    headers: { 'content-type': contentType },
    body: contentType.startsWith('application/json')
      ? toBody(text, request, onInternalError)
      : text,
  };
}

/** Streamable HTTP without sessions and streams: every message is answered with JSON by a server of its own. */
export class McpHttpEndpoint {
  readonly #servers: McpServers;
  readonly #onInternalError: OnInternalError;
  readonly #clients = new WeakMap<Request, McpHttpRequest>();
  readonly #handler: ReturnType<typeof createMcpHandler>;

  constructor(servers: McpServers, onInternalError: OnInternalError) {
    this.#servers = servers;
    this.#onInternalError = onInternalError;
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
    if (Array.isArray(body)) return rejectionOf(batchFailure, request);
    // The SDK copies and checks values by recursion.
    if (isDeeperThan(body, defaultMaxDepth)) return rejectionOf(depthFailure, request);
    const webRequest = toWebRequest(request);
    const response = (await isLegacyRequest(webRequest, body))
      ? await this.#handleWithoutEnvelope(webRequest, request)
      : await this.#handleWithEnvelope(webRequest, request);
    return toResponse(response, request, this.#onInternalError);
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
