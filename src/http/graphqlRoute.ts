import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { usageOf } from '../graphql/answer.ts';
import type { Context } from '../graphql/context.ts';
import type { Callbacks } from './callbacks.ts';
import { readRequest } from './graphqlRequest.ts';
import { guarded } from '../support/guarded.ts';
import type { Span } from '../support/tracing.ts';
import type { HttpOptions } from './server.ts';
import { refusal, refuseClient } from './refusals.ts';
import type { ClientLimit } from './subscribing.ts';
import { nameOf } from './subscribing.ts';

/** Apollo refuses some requests before they have a context, and so without what every answer carries. */
function completed(body: string, context: Context): string {
  const answer: unknown = JSON.parse(body, (key, value: unknown) =>
    key === 'extensions' && typeof value === 'object' && value !== null && 'code' in value
      ? { ...value, requestId: context.requestId }
      : value,
  );
  return JSON.stringify(
    typeof answer === 'object' && answer !== null && !('extensions' in answer)
      ? { ...answer, extensions: { upstream: usageOf(context) } }
      : answer,
  );
}

const wantsRefresh = ({ headers }: FastifyRequest): boolean =>
  /(^|[\s,])no-cache($|[\s,;])/i.test(headers['cache-control'] ?? '');

const wantsTrace = ({ headers }: FastifyRequest): boolean =>
  headers['apollo-federation-include-trace'] === 'ftv1';

const isJson = /^application\/json(; *charset=utf-8)?$/i;

/** A POST of JSON and nothing that Apollo Server would have to look at. */
const isPlain = (request: FastifyRequest): boolean =>
  request.method === 'POST' &&
  isJson.test(request.headers['content-type'] ?? '') &&
  !request.url.includes('?') &&
  !wantsTrace(request);

/** `GET` and `POST /graphql`. Apollo's own integration fails on odd hosts and stops slowly, hence this one. */
export function addGraphQLRoute(
  server: FastifyInstance,
  options: HttpOptions & {
    readonly callbacks: Callbacks;
    readonly limitClient: ClientLimit;
    readonly spanOf: (request: FastifyRequest) => Span | undefined;
  },
): void {
  const { apollo, tracedApollo = apollo, authenticate, openOperation } = options;
  const { isProduction, callbacks, known, spanOf } = options;
  const { listed, limitClient, log } = options;

  async function answer(request: FastifyRequest, reply: FastifyReply) {
    const access = await authenticate(request.headers.authorization);
    if (callbacks.isAskedFor(request)) return callbacks.answer(request, reply, access);
    const { viewer, viewerId, key, tenant } = access;
    const { ip: address } = request;
    const party = { access, address };
    const waitMs = await limitClient(party);
    if (waitMs !== undefined) return refuseClient(reply, waitMs);
    const operation = openOperation({
      requestId: request.id,
      viewer,
      viewerId,
      address,
      client: nameOf(party),
      key,
      tenant,
      isRefresh: wantsRefresh(request),
      span: spanOf(request),
    });
    // The request's own signal fires when its body has been read; only the answer's end tells who left.
    const abandon = () => {
      if (!reply.raw.writableFinished) operation.abandon();
    };
    reply.raw.once('close', guarded({ log, name: 'operation close' }, abandon));
    const mayBeKnown = known !== undefined && isPlain(request);
    const { accept = '' } = request.headers;
    void reply.header('cache-control', 'no-store');
    try {
      const quick = mayBeKnown
        ? await known.answer(request.body, accept, operation.context)
        : undefined;
      if (quick !== undefined) {
        if (!isProduction) void reply.header('x-upstream-calls', operation.context.usage.calls);
        return await reply.header('content-type', quick.contentType).send(quick.body);
      }
      const executor = wantsTrace(request) ? tracedApollo : apollo;
      const { request: httpGraphQLRequest, refusedBy } = readRequest(request, listed);
      const { status, headers, body } = await executor.executeHTTPGraphQLRequest({
        httpGraphQLRequest,
        // Refused here, it is answered in the form and the content type of every other refusal.
        context: () =>
          refusedBy === undefined ? Promise.resolve(operation.context) : Promise.reject(refusedBy),
      });
      void reply.status(status ?? 200);
      if (mayBeKnown && status === undefined) {
        const contentType = headers.get('content-type') ?? 'application/json';
        known.learn(request.body, accept, operation.context, contentType);
      }
      for (const [name, value] of headers) void reply.header(name, value);
      if (!isProduction) void reply.header('x-upstream-calls', operation.context.usage.calls);
      if (body.kind !== 'complete') throw new Error('No part of the schema comes in chunks.');
      return (status ?? 200) < 400 ? body.string : completed(body.string, operation.context);
    } finally {
      operation.close();
    }
  }

  server.get('/graphql', answer);
  server.post('/graphql', answer);
  server.route({
    method: ['PUT', 'PATCH', 'DELETE'],
    url: '/graphql',
    handler: ({ id }, reply) =>
      reply
        .status(405)
        .header('allow', 'GET, POST')
        .send(refusal('Ask with GET or POST.', 'BAD_REQUEST', id)),
  });
}
