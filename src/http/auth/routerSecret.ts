import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { AuthFailures } from './authFailures.ts';
import { entryPointOf, errorBody, sendRateLimited } from '../errorResponse.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

type IsFromRouter = (headers: IncomingHttpHeaders) => boolean;

/** Whether a request comes from the router that knows the secret; without a secret every one does. How long it takes to tell says nothing about the secret. */
export function createRouterCheck(secret: string | undefined): IsFromRouter {
  if (secret === undefined) return () => true;
  const expected = digest(secret);
  return ({ 'x-router-secret': secretHeader }) =>
    typeof secretHeader === 'string' && timingSafeEqual(digest(secretHeader), expected);
}

export const foreignRouterMessage = 'Only the router may ask here.';

interface AdmissionParts {
  readonly isFromRouter: IsFromRouter;
  readonly authFailures: AuthFailures;
}

/** Closes the doors of GraphQL to all but the router; health, metrics and webhooks have callers of their own. */
export function requireRouter(
  server: FastifyInstance,
  { isFromRouter, authFailures }: AdmissionParts,
): void {
  server.addHook('onRequest', async (request, reply) => {
    const isGraphQL = request.routeOptions.url?.startsWith('/graphql') === true;
    if (!isGraphQL || isFromRouter(request.headers)) return;
    const waitMs = await authFailures.record({
      address: request.ip,
      reason: 'routerSecret',
      entryPoint: entryPointOf(request),
      requestId: request.id,
    });
    if (waitMs !== undefined) {
      await sendRateLimited(reply, waitMs);
      return;
    }
    await reply
      .status(401)
      .header('www-authenticate', 'X-Router-Secret')
      .send(errorBody(foreignRouterMessage, 'UNAUTHENTICATED', request.id));
  });
}
