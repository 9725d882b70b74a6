import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Context } from '../../graphql/context.ts';
import { publicError } from '../../graphql/errors.ts';
import type { PublicError } from '../../graphql/errors.ts';
import type { OpenedOperation } from '../../graphql/operation.ts';
import type { FastPathResponse } from '../../graphql/operations/operationCache.ts';
import type { ReusableResponse } from '../../graphql/operations/responseCache.ts';
import { isDictionary } from '../../lib/shape.ts';
import { usageExtension } from '../../graphql/plugins/response.ts';
import { guarded } from '../../observability/guarded.ts';
import type { RouterAuthentication } from '../auth/routerSecret.ts';
import { assertAllowed } from '../auth/schemaAccess.ts';
import { quotaKeyOf, clientOf } from '../clientOperations.ts';
import type { LimitClient } from '../clientOperations.ts';
import { addVary, encodeReusable } from '../compression.ts';
import {
  graphqlResponseType,
  jsonType,
  acceptsJsonByName,
  negotiateCoding,
  negotiateMediaType,
} from '../contentNegotiation.ts';
import type { ResponseMediaType } from '../contentNegotiation.ts';
import { entityTag, matchesEntityTag } from '../entityTag.ts';
import { sendErrorForEach } from '../errorResponse.ts';
import { fastPathParams, toApolloRequest } from '../operationRequest.ts';
import type { HttpServerOptions } from '../options.ts';
import { addRateLimitHeaders } from '../rateLimitHeaders.ts';
import type { RejectionError, RequestRejections } from '../requestRejections.ts';
import { idsOf } from '../requestSpans.ts';
import type { SubscriptionCallbacks } from './callbacks.ts';
import type { ResultStreams } from './streams.ts';

interface CompletedError {
  readonly body: string;
  /** The first error, if Apollo Server rejected the request before it had a context; such errors lack the extensions that others have. */
  readonly rejection?: { readonly extensions: object } | undefined;
}

const errorBodySchema = z.looseObject({
  errors: z.array(z.looseObject({ extensions: z.looseObject({}).default({}) })).default([]),
  extensions: z.unknown().optional(),
});

function completeError(body: string, context: Context): CompletedError {
  const { requestId } = context;
  const { errors: given, ...result } = errorBodySchema.parse(JSON.parse(body));
  const errors = given.map(({ extensions, ...error }) => ({
    ...error,
    extensions: { ...extensions, requestId },
  }));
  if (result.extensions !== undefined) return { body: JSON.stringify({ errors, ...result }) };
  const extensions = { upstream: usageExtension(context) };
  return { body: JSON.stringify({ errors, ...result, extensions }), rejection: errors[0] };
}

const dataPrefix = '{"data":';
const extensionsPrefix = ',"extensions":{';

/** The data of a result without errors, as JSON; undefined for other results. Apollo Server orders errors, data and extensions. */
function dataOf(body: string): string | undefined {
  // Our extensions have no key of this name, and within a string the quotes are escaped.
  const end = body.lastIndexOf(extensionsPrefix);
  if (end < 0 || !body.startsWith(dataPrefix)) return undefined;
  return body.slice(dataPrefix.length, end);
}

const bypassesCache = ({ headers }: FastifyRequest): boolean =>
  /(^|[\s,])no-cache($|[\s,;])/i.test(headers['cache-control'] ?? '');

const wantsTrace = ({ headers }: FastifyRequest): boolean =>
  headers['apollo-federation-include-trace'] === 'ftv1';

function assertAcceptableCoding({ headers }: FastifyRequest): void {
  const { preferred, acceptsIdentity } = negotiateCoding(headers['accept-encoding'] ?? '');
  if (acceptsIdentity || preferred !== undefined) return;
  throw publicError.badRequest('Accept-Encoding must allow br, gzip or identity.', { status: 406 });
}

function acceptedMediaType({ headers }: FastifyRequest): ResponseMediaType {
  const mediaType = negotiateMediaType(headers.accept ?? '');
  if (mediaType !== undefined) return mediaType;
  const message = 'Accept application/graphql-response+json or application/json.';
  throw publicError.badRequest(message, { status: 406 });
}

/** Clients that name `application/json` get other statuses than those that accept any type. */
const acceptForApollo = ({ headers }: FastifyRequest, mediaType: ResponseMediaType): string =>
  mediaType === graphqlResponseType
    ? 'application/graphql-response+json'
    : acceptsJsonByName(headers.accept ?? '')
      ? 'application/json'
      : '*/*';

interface GraphQLRouteOptions extends HttpServerOptions {
  readonly callbacks: SubscriptionCallbacks;
  readonly limitClient: LimitClient;
  readonly rejections: RequestRejections;
  readonly router: RouterAuthentication;
  readonly streams: ResultStreams;
}

/** `GET` and `POST /graphql`. Apollo's Fastify integration fails on unusual hosts and delays shutdown. */
class GraphQLEndpoint {
  readonly #options: GraphQLRouteOptions;

  constructor(options: GraphQLRouteOptions) {
    this.#options = options;
  }

  async handle(request: FastifyRequest, reply: FastifyReply) {
    const { authenticate, callbacks, limitClient, openOperation, router, streams } = this.#options;
    const requestedStream = streams.requestedBy(request);
    if (requestedStream !== undefined) return streams.handle(request, reply, requestedStream);
    const { headers } = request;
    const isRouter = router.isRouter(headers);
    const access = await authenticate(headers.authorization, isRouter);
    if (callbacks.isRequested(request)) return callbacks.handle(request, reply, access);
    const { viewer, viewerId, apiKey, account } = access;
    const { ip: address, id: requestId } = request;
    const client = clientOf(request, access, isRouter);
    assertAllowed(access, () => this.#namedOperation(request));
    await limitClient(client);
    const operation = openOperation({
      requestId,
      viewer,
      viewerId,
      address,
      quotaKey: quotaKeyOf(client),
      apiKey,
      account,
      bypassesCache: bypassesCache(request),
      isRouter,
      isBackground: client.isBackground,
      application: client.application,
      span: request.span,
    });
    this.#followConnection(reply, operation);
    void reply.header('cache-control', 'no-store');
    try {
      return await this.#execute(request, reply, operation.context);
    } finally {
      operation.close();
    }
  }

  #namedOperation(request: FastifyRequest) {
    const params = fastPathParams(request);
    if (!isDictionary(params)) return { text: undefined };
    return { text: this.#options.textOf(params), operationName: params['operationName'] };
  }

  /** The request's own signal is aborted when its body was read, so the response tells whether the client disconnected. */
  #followConnection({ raw }: FastifyReply, operation: OpenedOperation): void {
    const disconnect = () => {
      if (!raw.writableFinished) operation.disconnect();
    };
    const onClose = guarded({ log: this.#options.log, name: 'operation close' }, disconnect);
    raw.once('close', onClose);
    // A client that disconnected during authentication emits no further `close`.
    if (raw.destroyed) onClose();
  }

  async #execute(request: FastifyRequest, reply: FastifyReply, context: Context) {
    assertAcceptableCoding(request);
    const { isRouter } = context;
    const mediaType = isRouter ? jsonType : acceptedMediaType(request);
    const cache = wantsTrace(request) ? undefined : this.#options.operationCache;
    const isReadOnly = request.method === 'GET';
    const cached = await cache?.tryExecute(fastPathParams(request), context, { isReadOnly });
    if (cached !== undefined) {
      this.#sendUsage(reply, context);
      void reply.header('content-type', mediaType);
      const { reusable } = cached;
      const isNotModified = this.#isNotModified(reply, cached, context);
      if (isRouter && reusable !== undefined) this.#permitCaching(reply, reusable);
      if (isNotModified) return reply.status(304).send();
      const body = `${cached.body}\n`;
      return reply.send(reusable ? await encodeReusable(reply, body, reusable) : body);
    }
    const accept = isRouter ? 'application/json' : acceptForApollo(request, mediaType);
    const response = await this.#executeByApollo(request, accept, context);
    const { status = 200, headers, body } = response;
    for (const [name, value] of headers) void reply.header(name, value);
    void reply.status(isRouter ? 200 : status).header('content-type', mediaType);
    this.#sendUsage(reply, context);
    if (body.kind !== 'complete') throw new Error('Incremental delivery is not supported.');
    if (status >= 400) {
      const completed = completeError(body.string, context);
      const { rejection } = completed;
      if (rejection !== undefined) this.#reportRejection({ ...rejection, status }, request);
      return completed.body;
    }
    const data = request.method === 'GET' ? dataOf(body.string) : undefined;
    const isNotModified = data !== undefined && this.#isNotModified(reply, { data }, context);
    return isNotModified ? reply.status(304).send() : body.string;
  }

  /** Sets the headers by which clients revalidate the result of a GET without errors, and checks whether this client has it already. */
  #isNotModified(
    reply: FastifyReply,
    { data, reusable }: Pick<FastPathResponse, 'data' | 'reusable'>,
    context: Context,
  ): boolean {
    const { method, headers } = reply.request;
    if (method !== 'GET') return false;
    const compute = () => entityTag(data, this.#options.schemaVersion(), context);
    const tag = reusable?.entityTag(compute) ?? compute();
    void reply.header('etag', tag).header('cache-control', 'private, no-cache');
    addVary(reply, 'Authorization', 'Accept', 'Accept-Encoding');
    return matchesEntityTag(headers['if-none-match'], tag);
  }

  /** For as long as the response cache may serve the response itself, unless it is invalidated. */
  #permitCaching(reply: FastifyReply, { expiresAtMs }: ReusableResponse): void {
    const { clock, routerMayCache } = this.#options;
    const seconds = Math.floor((expiresAtMs - clock.monotonic()) / 1_000);
    if (!routerMayCache || seconds < 1) return;
    void reply.header('cache-control', `private, max-age=${seconds}`);
    addVary(reply, 'Authorization');
  }

  async #executeByApollo(request: FastifyRequest, accept: string, context: Context) {
    const { apollo, tracedApollo, persistedDocuments } = this.#options;
    const { request: httpGraphQLRequest, error } = toApolloRequest(request, (params) =>
      persistedDocuments.resolvePersistedText(params, context.viewer),
    );
    // Apollo Server would interpret unusual headers in another way.
    httpGraphQLRequest.headers.set('accept', accept);
    const executor = wantsTrace(request) ? ((await tracedApollo?.()) ?? apollo) : apollo;
    return executor.executeHTTPGraphQLRequest({
      httpGraphQLRequest,
      // An error thrown here gets the form and the media type of Apollo Server's own errors.
      context: () => (error === undefined ? Promise.resolve(context) : Promise.reject(error)),
    });
  }

  #reportRejection(error: RejectionError, request: FastifyRequest): void {
    const { rejections } = this.#options;
    rejections.report(error, { address: request.ip, entryPoint: 'http', ...idsOf(request) });
    rejections.countOperation(error);
  }

  #sendUsage(reply: FastifyReply, context: Context): void {
    addRateLimitHeaders(reply, context);
    if (!this.#options.isProduction) void reply.header('x-upstream-calls', context.usage.calls);
  }
}

const batchError = (): PublicError =>
  publicError.badRequest(
    'Batched requests are not supported. Send each operation in a request of its own; in Apollo Client use HttpLink instead of BatchHttpLink.',
  );

const maxBatchErrors = 100;

/**
 * A client that reads results by `application/graphql-response+json`, as Apollo's BatchHttpLink does, expects one for each operation;
 * others read a single error with its status.
 */
function rejectBatch(
  operations: readonly unknown[],
  reply: FastifyReply,
  router: RouterAuthentication,
): FastifyReply {
  const mediaType = negotiateMediaType(reply.request.headers.accept ?? '');
  const isLong = operations.length === 0 || operations.length > maxBatchErrors;
  const isSingle = mediaType !== graphqlResponseType || router.isRouter(reply.request.headers);
  if (isSingle || isLong) throw batchError();
  return sendErrorForEach(reply, batchError(), operations);
}

const upgradeRequired = (): PublicError =>
  publicError.badRequest(
    'A WebSocket needs the headers "Connection: Upgrade" and "Upgrade: websocket". Configure the proxy to pass them on.',
    { status: 426, headers: { upgrade: 'websocket', connection: 'Upgrade' } },
  );

export function addGraphQLRoute(server: FastifyInstance, options: GraphQLRouteOptions): void {
  const endpoint = new GraphQLEndpoint(options);
  const handler = (request: FastifyRequest, reply: FastifyReply) => {
    // The headers of a WebSocket without `Upgrade`, which a proxy has removed.
    if (request.headers['sec-websocket-key'] !== undefined) throw upgradeRequired();
    if (Array.isArray(request.body)) return rejectBatch(request.body, reply, options.router);
    return endpoint.handle(request, reply);
  };
  // A HEAD request would execute the operation.
  server.get('/graphql', { exposeHeadRoute: false }, handler);
  server.post('/graphql', handler);
  server.route({
    method: ['HEAD', 'PUT', 'PATCH', 'DELETE'],
    url: '/graphql',
    handler() {
      const headers = { allow: 'GET, POST' };
      throw publicError.badRequest('Use GET or POST.', { status: 405, headers });
    },
  });
}
