import { HeaderMap } from '@apollo/server';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Callbacks } from './callbacks.ts';
import type { Span } from '../support/tracing.ts';
import type { HttpOptions } from './server.ts';
import { refusal } from './refusals.ts';

function headersOf({ headers }: FastifyRequest): HeaderMap {
  const map = new HeaderMap();
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) map.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return map;
}

function searchOf(url: string): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start);
}

/** Apollo refuses some requests before they have a context, and so without the id that every error bears. */
function identified(body: string, requestId: string): string {
  return JSON.stringify(JSON.parse(body), (key, value: unknown) =>
    key === 'extensions' && typeof value === 'object' && value !== null && 'code' in value
      ? { ...value, requestId }
      : value,
  );
}

const wantsRefresh = ({ headers }: FastifyRequest): boolean =>
  /(^|[\s,])no-cache($|[\s,;])/i.test(headers['cache-control'] ?? '');

const wantsTrace = ({ headers }: FastifyRequest): boolean =>
  headers['apollo-federation-include-trace'] === 'ftv1';

/** `GET` and `POST /graphql`. Apollo's own integration fails on odd hosts and stops slowly, hence this one. */
export function addGraphQLRoute(
  server: FastifyInstance,
  options: HttpOptions & {
    readonly callbacks: Callbacks;
    readonly spanOf: (request: FastifyRequest) => Span | undefined;
  },
): void {
  const { apollo, tracedApollo = apollo, authenticate, openOperation } = options;
  const { isProduction, callbacks, spanOf } = options;

  async function answer(request: FastifyRequest, reply: FastifyReply) {
    const access = await authenticate(request.headers.authorization);
    if (callbacks.isAskedFor(request)) return callbacks.answer(request, reply, access);
    const { viewer, key, tenant, name } = access;
    const operation = openOperation({
      requestId: request.id,
      viewer,
      client: name ?? request.ip,
      key,
      tenant,
      isRefresh: wantsRefresh(request),
      span: spanOf(request),
    });
    // The request's own signal fires when its body has been read; only the answer's end tells who left.
    reply.raw.once('close', () => {
      if (!reply.raw.writableFinished) operation.abandon();
    });
    try {
      const executor = wantsTrace(request) ? tracedApollo : apollo;
      const { status, headers, body } = await executor.executeHTTPGraphQLRequest({
        httpGraphQLRequest: {
          method: request.method,
          headers: headersOf(request),
          body: request.body,
          search: searchOf(request.url),
        },
        context: () => Promise.resolve(operation.context),
      });
      void reply.status(status ?? 200).header('cache-control', 'no-store');
      for (const [name, value] of headers) void reply.header(name, value);
      if (!isProduction) void reply.header('x-upstream-calls', operation.context.usage.calls);
      if (body.kind !== 'complete') throw new Error('No part of the schema comes in chunks.');
      return (status ?? 200) < 400 ? body.string : identified(body.string, request.id);
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
