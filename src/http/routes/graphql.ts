import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { usageExtension } from '../../graphql/plugins/response.ts';
import type { Context } from '../../graphql/context.ts';
import type { SubscriptionCallbacks } from './callbacks.ts';
import { parseGraphQLRequest } from '../graphqlRequest.ts';
import { guarded } from '../../observability/guarded.ts';
import type { Span } from '../../observability/tracing.ts';
import type { HttpServerOptions } from '../server.ts';
import { errorBody, sendRateLimited } from '../errorResponse.ts';
import type { ClientLimit } from '../clientOperations.ts';
import { clientName } from '../clientOperations.ts';

/** Apollo refuses some requests before they have a context, and so without what every answer carries. */
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

/** A POST of JSON and nothing that Apollo Server would have to look at. */
const isFastPathRequest = (request: FastifyRequest): boolean =>
  request.method === 'POST' &&
  isJson.test(request.headers['content-type'] ?? '') &&
  !request.url.includes('?') &&
  !wantsTrace(request);

/** `GET` and `POST /graphql`. Apollo's own integration fails on odd hosts and stops slowly, hence this one. */
export function addGraphQLRoute(
  server: FastifyInstance,
  options: HttpServerOptions & {
    readonly callbacks: SubscriptionCallbacks;
    readonly limitClient: ClientLimit;
    readonly spanOf: (request: FastifyRequest) => Span | undefined;
  },
): void {
  const { apollo, tracedApollo = apollo, authenticate, openOperation } = options;
  const { isProduction, callbacks, operationCache, spanOf } = options;
  const { persistedDocuments, limitClient, log } = options;

  async function handle(request: FastifyRequest, reply: FastifyReply) {
    const credentials = await authenticate(request.headers.authorization);
    if (callbacks.isRequested(request)) return callbacks.handle(request, reply, credentials);
    const { viewer, viewerId, apiKey, account } = credentials;
    const { ip: address } = request;
    const party = { access: credentials, address };
    const waitMs = await limitClient(party);
    if (waitMs !== undefined) return sendRateLimited(reply, waitMs);
    const operation = openOperation({
      requestId: request.id,
      viewer,
      viewerId,
      address,
      quotaClient: clientName(party),
      apiKey,
      account,
      bypassesCache: bypassesCache(request),
      span: spanOf(request),
    });
    // The request's own signal fires when its body has been read; only the answer's end tells who left.
    const abandon = () => {
      if (!reply.raw.writableFinished) operation.abort();
    };
    const onClose = guarded({ log, name: 'operation close' }, abandon);
    reply.raw.once('close', onClose);
    // A client that left while its credentials were checked closes nothing any more.
    if (reply.raw.destroyed) onClose();
    const isCacheable = operationCache !== undefined && isFastPathRequest(request);
    const { accept = '' } = request.headers;
    void reply.header('cache-control', 'no-store');
    try {
      const cached = isCacheable
        ? await operationCache.tryExecute(request.body, accept, operation.context)
        : undefined;
      if (cached !== undefined) {
        if (!isProduction) void reply.header('x-upstream-calls', operation.context.usage.calls);
        return await reply.header('content-type', cached.contentType).send(cached.body);
      }
      const executor = wantsTrace(request) ? tracedApollo : apollo;
      const { request: httpGraphQLRequest, error } = parseGraphQLRequest(
        request,
        persistedDocuments,
      );
      const { status, headers, body } = await executor.executeHTTPGraphQLRequest({
        httpGraphQLRequest,
        // Refused here, it is answered in the form and the content type of every other refusal.
        context: () =>
          error === undefined ? Promise.resolve(operation.context) : Promise.reject(error),
      });
      void reply.status(status ?? 200);
      if (isCacheable && status === undefined) {
        const contentType = headers.get('content-type') ?? 'application/json';
        operationCache.recordContentType(accept, contentType);
      }
      for (const [name, value] of headers) void reply.header(name, value);
      if (!isProduction) void reply.header('x-upstream-calls', operation.context.usage.calls);
      if (body.kind !== 'complete') throw new Error('No part of the schema comes in chunks.');
      return (status ?? 200) < 400 ? body.string : addExtensions(body.string, operation.context);
    } finally {
      operation.close();
    }
  }

  server.get('/graphql', handle);
  server.post('/graphql', handle);
  server.route({
    method: ['PUT', 'PATCH', 'DELETE'],
    url: '/graphql',
    handler: ({ id }, reply) =>
      reply
        .status(405)
        .header('allow', 'GET, POST')
        .send(errorBody('Ask with GET or POST.', 'BAD_REQUEST', id)),
  });
}
