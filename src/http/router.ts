import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { refusal } from './refusals.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

type IsFromRouter = (headers: IncomingHttpHeaders) => boolean;

/** Whether a request comes from the router that knows the secret; without a secret every one does. How long it takes to tell says nothing about the secret. */
export function createIsFromRouter(secret: string | undefined): IsFromRouter {
  if (secret === undefined) return () => true;
  const expected = digest(secret);
  return ({ 'x-router-secret': given }) =>
    typeof given === 'string' && timingSafeEqual(digest(given), expected);
}

/** Closes the doors of GraphQL to all but the router; health, metrics and webhooks have callers of their own. */
export function admitOnlyRouter(server: FastifyInstance, isFromRouter: IsFromRouter): void {
  server.addHook('onRequest', async (request, reply) => {
    const isGraphQL = request.routeOptions.url?.startsWith('/graphql') === true;
    if (!isGraphQL || isFromRouter(request.headers)) return;
    await reply
      .status(401)
      .header('www-authenticate', 'X-Router-Secret')
      .send(refusal('Only the router may ask here.', 'UNAUTHENTICATED', request.id));
  });
}
