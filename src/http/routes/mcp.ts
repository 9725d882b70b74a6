import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { publicError } from '../../graphql/errors.ts';
import { isDictionary } from '../../lib/shape.ts';
import { guarded } from '../../observability/guarded.ts';
import type { Log } from '../../observability/log.ts';
import type { Authenticate } from '../auth/credentials.ts';
import { quotaKeyOf, clientOf } from '../clientOperations.ts';
import type { LimitClient } from '../clientOperations.ts';
import type { McpOptions, SubscriptionTransportOptions } from '../options.ts';

interface McpRouteOptions extends Pick<SubscriptionTransportOptions, 'isAllowedOrigin'> {
  readonly mcp: McpOptions;
  readonly authenticate: Authenticate;
  readonly limitClient: LimitClient;
  readonly log: Log;
}

/** Aborted when the client disconnects before its response was sent. */
function disconnectSignal({ raw }: FastifyReply, log: Log): AbortSignal {
  const controller = new AbortController();
  const disconnect = () => {
    if (!raw.writableFinished) controller.abort();
  };
  const onClose = guarded({ log, name: 'mcp close' }, disconnect);
  raw.once('close', onClose);
  // A client that disconnected during authentication emits no further `close`.
  if (raw.destroyed) onClose();
  return controller.signal;
}

/** Tools count their calls themselves: the agent reads in their results how long it must wait. */
const mayBeCountedByTool = (body: unknown): boolean =>
  isDictionary(body) && body['method'] === 'tools/call';

async function handleMcp(
  request: FastifyRequest,
  reply: FastifyReply,
  { mcp, authenticate, limitClient, isAllowedOrigin, log }: McpRouteOptions,
) {
  const { id: requestId, span, headers, ip: address, body = null } = request;
  if (!isAllowedOrigin(headers)) {
    throw publicError.forbidden('The origin of this page is not listed in CORS_ORIGINS.');
  }
  // The secret of the router stands for no viewer here: agents need credentials of their own.
  const access = await authenticate(headers.authorization, false);
  const client = clientOf(request, access, false);
  const count = { isDone: false };
  const limit = () => {
    count.isDone = true;
    return limitClient(client);
  };
  if (!mayBeCountedByTool(body)) await limit();
  const { viewer, viewerId, apiKey, account } = access;
  const caller = {
    application: client.application,
    ...{ requestId, span, viewer, viewerId, address, apiKey, account },
    get quotaKey() {
      return quotaKeyOf(client);
    },
  };
  const response = await mcp.handle({
    body,
    headers,
    client: { caller, limit },
    signal: disconnectSignal(reply, log),
  });
  // Without a valid call no tool has run.
  if (!count.isDone) await limit();
  return reply
    .status(response.status)
    .headers({ ...response.headers, 'cache-control': 'no-store' })
    .send(response.body);
}

/** `POST /mcp`, and where its clients get tokens (RFC 9728). */
export function addMcpRoute(server: FastifyInstance, options: McpRouteOptions): void {
  server.post('/mcp', (request, reply) => handleMcp(request, reply, options));
  server.route({
    method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
    url: '/mcp',
    handler() {
      const headers = { allow: 'POST' };
      const message = 'Use POST: this server has neither sessions nor streams.';
      throw publicError.badRequest(message, { status: 405, headers });
    },
  });
  const { metadata } = options.mcp;
  if (metadata === undefined) return;
  // The path of the resource follows the well-known path; clients that do not know that use the path alone.
  for (const url of metadata.paths) {
    server.get(url, (_request, reply) =>
      reply.header('access-control-allow-origin', '*').send(metadata.document),
    );
  }
}
