import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { internalErrorMessage, publicCodeOf, publicError, PublicError } from '../graphql/errors.ts';
import { formatJsonRpcError, jsonRpcCodes } from '../lib/jsonRpc.ts';
import type { Log } from '../observability/log.ts';
import type { RequestIds } from '../observability/tracing.ts';
import type { AuthFailureLimiter } from './auth/authFailures.ts';
import { AuthenticationError } from './auth/credentials.ts';
import type { RouterAuthentication } from './auth/routerSecret.ts';
import { jsonType, negotiateMediaType } from './contentNegotiation.ts';
import type { ResponseMediaType } from './contentNegotiation.ts';
import type { RequestRejections } from './requestRejections.ts';
import { idsOf } from './requestSpans.ts';

/** The response to a request that fails before it is an operation: the same on every endpoint. */
const errorResponse = (error: PublicError, requestId: string) => ({
  headers: {
    'cache-control': 'no-store',
    ...(error.retryAfterMs === undefined
      ? {}
      : { 'retry-after': String(Math.ceil(error.retryAfterMs / 1000)) }),
    ...error.headers,
  },
  body: {
    errors: [error.format(requestId)],
    extensions: { upstream: { calls: 0, cacheHits: 0, shared: 0 } },
  },
});

/** A client that accepts no media type of GraphQL responses gets JSON. */
export const mediaTypeFor = ({ headers: { accept = '' } }: FastifyRequest): ResponseMediaType =>
  negotiateMediaType(accept) ?? jsonType;

export function sendError(reply: FastifyReply, error: PublicError): FastifyReply {
  const { headers, body } = errorResponse(error, reply.request.id);
  return reply
    .status(error.status)
    .headers({ ...headers, 'content-type': mediaTypeFor(reply.request) })
    .send(JSON.stringify(body));
}

/** Routers drop the codes of responses that are not 2xx. */
function sendErrorToRouter(reply: FastifyReply, error: PublicError): FastifyReply {
  const { headers, body } = errorResponse(error, reply.request.id);
  return reply.headers({ ...headers, 'content-type': jsonType }).send(JSON.stringify(body));
}

/** Others are server errors. */
const jsonRpcCodesByPublicCode: Readonly<Record<string, number>> = {
  BAD_REQUEST: jsonRpcCodes.invalidRequest,
  INTERNAL_SERVER_ERROR: jsonRpcCodes.internalError,
};

/** Sends an error to a client of MCP, with the address of the metadata that says where it gets a token. */
function sendJsonRpcError(
  reply: FastifyReply,
  error: PublicError,
  resourceMetadataUrl: string | undefined,
): FastifyReply {
  const { request } = reply;
  const { headers } = errorResponse(error, request.id);
  const { message, extensions = {} } = error.format(request.id);
  const challenge = error.headers['www-authenticate'];
  const code = jsonRpcCodesByPublicCode[publicCodeOf({ extensions })] ?? jsonRpcCodes.serverError;
  return reply
    .status(error.status)
    .headers({
      ...headers,
      'content-type': jsonType,
      ...(challenge?.startsWith('Bearer') && resourceMetadataUrl !== undefined
        ? { 'www-authenticate': `${challenge}, resource_metadata="${resourceMetadataUrl}"` }
        : {}),
    })
    .send(formatJsonRpcError({ code, message, data: extensions }, request.body));
}

/** Sends a list with the error as the result of each of several operations. */
export function sendErrorForEach(
  reply: FastifyReply,
  error: PublicError,
  operations: readonly unknown[],
): FastifyReply {
  const { headers, body } = errorResponse(error, reply.request.id);
  return reply
    .status(error.status)
    .headers({ ...headers, 'content-type': mediaTypeFor(reply.request) })
    .send(JSON.stringify(operations.map(() => body)));
}

/** Sends the error on a socket that is detached from the HTTP server, and closes the socket. */
export function sendErrorOnSocket(socket: Socket, error: PublicError, requestId: string): void {
  if (socket.writable) {
    const { headers, body } = errorResponse(error, requestId);
    const text = JSON.stringify(body);
    const head = Object.entries({
      connection: 'close',
      'content-type': jsonType,
      'content-length': Buffer.byteLength(text),
      'x-content-type-options': 'nosniff',
      'x-request-id': requestId,
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    const { status } = error;
    socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${head.join('')}\r\n${text}`);
  }
  socket.destroySoon();
}

/** When a client that reached a limit of connections may retry. */
const connectionRetryMs = 5_000;

export const tooManyConnectionsError = (status?: number): PublicError =>
  publicError.rateLimited(
    connectionRetryMs,
    'Too many connections. Close one, or retry after retryAfterMs.',
    status === undefined ? {} : { status },
  );

/** Another instance can serve the client. */
export const shuttingDownError = (): PublicError =>
  publicError.unavailable('The gateway is shutting down. Reconnect.');

export const connectionTooOldError = (): PublicError =>
  publicError.unavailable('The connection has reached its maximum age. Reconnect.');

const fastifyMessages: Readonly<Record<string, string>> = {
  FST_ERR_BAD_URL: 'The request path cannot be decoded.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'Send the header "Content-Type: application/json".',
};

/** Requests that Node's HTTP parser rejects, by the code of its error; all others are malformed. */
const parserErrors: Readonly<
  Record<string, { readonly status: number; readonly message: string }>
> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request did not arrive in time.' },
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The request headers are too large.' },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, message: 'The chunk extensions are too large.' },
};

export function parserError(code: string): PublicError {
  const { status = 400, message = 'The request is malformed.' } = parserErrors[code] ?? {};
  return publicError.badRequest(message, { status });
}

interface ErrorHandlerOptions {
  readonly log: Log;
  readonly authFailures: AuthFailureLimiter;
  readonly rejections: RequestRejections;
  readonly router: RouterAuthentication;
  /** Where clients of MCP learn how to get a token. */
  readonly resourceMetadataUrl?: string | undefined;
}

const clientDisconnectCode = 'ERR_STREAM_PREMATURE_CLOSE';

const entryPointOf = (url: string | undefined) =>
  url === '/mcp'
    ? 'mcp'
    : url === '/graphql/stream'
      ? 'sse'
      : url?.startsWith('/webhooks/') === true
        ? 'webhook'
        : 'http';

/** An error of a route, of a hook or of Fastify for the client. Errors of the gateway are logged. */
export function toPublicError(
  error: FastifyError | PublicError,
  log: Log,
  ids: RequestIds,
): PublicError {
  if (error instanceof PublicError) return error;
  const { statusCode: status = 500, code } = error;
  if (status < 500) {
    const message = fastifyMessages[code] ?? 'The request body is not valid JSON.';
    return publicError.badRequest(message, { status });
  }
  // A client that disconnects during its response is not an error of the gateway.
  if (code !== clientDisconnectCode) log.error('request failed', { ...ids, error });
  return publicError.internal(internalErrorMessage);
}

/** Handles every error that a route or hook throws, and those of Fastify. */
export function createErrorHandler(options: ErrorHandlerOptions) {
  const { log, authFailures, rejections, router } = options;

  async function publicErrorFor(error: FastifyError | PublicError, request: FastifyRequest) {
    const { ip: address, routeOptions, headers } = request;
    const ids = idsOf(request);
    const entryPoint = entryPointOf(routeOptions.url);
    if (!(error instanceof AuthenticationError)) {
      const rejection = toPublicError(error, log, ids);
      // Errors of the gateway have been logged, and a client that disconnects was not rejected.
      if (rejection.status !== 500 && !request.socket.destroyed)
        rejections.report(rejection, { address, entryPoint, ...ids });
      return rejection;
    }
    const isRouter = router.isRouter(headers);
    return authFailures.reject(error, { address, isRouter, entryPoint, ...ids });
  }

  return async (
    error: FastifyError | PublicError,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const isDisconnect =
      request.socket.destroyed || ('code' in error && error.code === clientDisconnectCode);
    const isGraphQL = request.routeOptions.url?.startsWith('/graphql') === true;
    const isForRouter = isGraphQL && router.isRouter(request.headers);
    const rejection = await publicErrorFor(error, request);
    if (isGraphQL && !isDisconnect) rejections.countOperation(rejection);
    if (request.routeOptions.url === '/mcp') {
      return sendJsonRpcError(reply, rejection, options.resourceMetadataUrl);
    }
    return isForRouter ? sendErrorToRouter(reply, rejection) : sendError(reply, rejection);
  };
}

export const createUnknownPathHandler = (basePath: string) => (): never => {
  throw publicError.badRequest(`This path does not exist. The API is at ${basePath}/graphql.`, {
    status: 404,
  });
};
