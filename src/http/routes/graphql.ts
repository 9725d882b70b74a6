import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Context } from '../../graphql/context.ts';
import { publicError } from '../../graphql/errors.ts';
import type { OpenedOperation } from '../../graphql/operation.ts';
import { usageExtension } from '../../graphql/plugins/response.ts';
import { guarded } from '../../observability/guarded.ts';
import type { Span } from '../../observability/tracing.ts';
import { clientName } from '../clientOperations.ts';
import type { LimitClient } from '../clientOperations.ts';
import { toApolloRequest } from '../operationRequest.ts';
import type { HttpServerOptions, SubscriptionTransportOptions } from '../options.ts';
import { isBackgroundPriority } from '../priority.ts';
import { addRateLimitHeaders } from '../rateLimitHeaders.ts';
import type { SubscriptionCallbacks } from './callbacks.ts';

/** Apollo Server rejects some requests before they have a context, so their errors lack the extensions that others have. */
function addExtensions(body: string, context: Context): string {
  const result: unknown = JSON.parse(body, (key, value: unknown) =>
    key === 'extensions' && typeof value === 'object' && value !== null && 'code' in value
      ? { ...value, requestId: context.requestId }
      : value,
  );
  return JSON.stringify(
    typeof result === 'object' && result !== null && !('extensions' in result)
      ? { ...result, extensions: { upstream: usageExtension(context) } }
      : result,
  );
}

const bypassesCache = ({ headers }: FastifyRequest): boolean =>
  /(^|[\s,])no-cache($|[\s,;])/i.test(headers['cache-control'] ?? '');

const wantsTrace = ({ headers }: FastifyRequest): boolean =>
  headers['apollo-federation-include-trace'] === 'ftv1';

const isJson = /^application\/json(; *charset=utf-8)?$/i;

/** A POST of JSON without anything that Apollo Server would have to check. */
const isFastPathRequest = (request: FastifyRequest): boolean =>
  request.method === 'POST' &&
  isJson.test(request.headers['content-type'] ?? '') &&
  !request.url.includes('?') &&
  !wantsTrace(request);

interface GraphQLRouteOptions extends HttpServerOptions {
  readonly callbacks: SubscriptionCallbacks;
  readonly limitClient: LimitClient;
  readonly isRouter: SubscriptionTransportOptions['isRouter'];
  readonly spanOf: (request: FastifyRequest) => Span | undefined;
}

/** `GET` and `POST /graphql`. Apollo's Fastify integration fails on unusual hosts and delays shutdown. */
class GraphQLEndpoint {
  readonly #options: GraphQLRouteOptions;

  constructor(options: GraphQLRouteOptions) {
    this.#options = options;
  }

  async handle(request: FastifyRequest, reply: FastifyReply) {
    const { authenticate, callbacks, limitClient, openOperation, isRouter } = this.#options;
    const { headers } = request;
    const access = await authenticate(headers.authorization);
    if (callbacks.isRequested(request)) return callbacks.handle(request, reply, access);
    const { viewer, viewerId, apiKey, account } = access;
    const { ip: address, id: requestId } = request;
    const client = {
      ...{ access, address },
      isRouter: isRouter(headers),
      isBackground: isBackgroundPriority(headers['priority']),
    };
    await limitClient(client);
    const operation = openOperation({
      requestId,
      viewer,
      viewerId,
      address,
      quotaClient: clientName(client),
      apiKey,
      account,
      bypassesCache: bypassesCache(request),
      isRouter: client.isRouter,
      isBackground: client.isBackground,
      span: this.#options.spanOf(request),
    });
    this.#followConnection(reply, operation);
    void reply.header('cache-control', 'no-store');
    try {
      return await this.#execute(request, reply, operation.context);
    } finally {
      operation.close();
    }
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
    const cache = isFastPathRequest(request) ? this.#options.operationCache : undefined;
    const { accept = '' } = request.headers;
    const cached = await cache?.tryExecute(request.body, accept, context);
    if (cached !== undefined) {
      this.#sendUsage(reply, context);
      return reply.header('content-type', cached.contentType).send(cached.body);
    }
    const { status, headers, body } = await this.#executeByApollo(request, context);
    if (status === undefined) {
      const contentType = headers.get('content-type') ?? 'application/json';
      cache?.recordContentType(accept, contentType);
    }
    void reply.status(status ?? 200);
    for (const [name, value] of headers) void reply.header(name, value);
    this.#sendUsage(reply, context);
    if (body.kind !== 'complete') throw new Error('Incremental delivery is not supported.');
    return (status ?? 200) < 400 ? body.string : addExtensions(body.string, context);
  }

  #executeByApollo(request: FastifyRequest, context: Context) {
    const { apollo, tracedApollo = apollo, persistedDocuments } = this.#options;
    const { request: httpGraphQLRequest, error } = toApolloRequest(request, persistedDocuments);
    const executor = wantsTrace(request) ? tracedApollo : apollo;
    return executor.executeHTTPGraphQLRequest({
      httpGraphQLRequest,
      // An error thrown here gets the form and the media type of Apollo Server's own errors.
      context: () => (error === undefined ? Promise.resolve(context) : Promise.reject(error)),
    });
  }

  #sendUsage(reply: FastifyReply, context: Context): void {
    addRateLimitHeaders(reply, context);
    if (!this.#options.isProduction) void reply.header('x-upstream-calls', context.usage.calls);
  }
}

export function addGraphQLRoute(server: FastifyInstance, options: GraphQLRouteOptions): void {
  const endpoint = new GraphQLEndpoint(options);
  const handler = (request: FastifyRequest, reply: FastifyReply) => endpoint.handle(request, reply);
  server.get('/graphql', handler);
  server.post('/graphql', handler);
  server.route({
    method: ['PUT', 'PATCH', 'DELETE'],
    url: '/graphql',
    handler() {
      const headers = { allow: 'GET, POST' };
      throw publicError.badRequest('Use GET or POST.', { status: 405, headers });
    },
  });
}
