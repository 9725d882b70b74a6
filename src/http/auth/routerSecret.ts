import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { IsFromRouter } from '../options.ts';
import { AuthenticationError } from './credentials.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Compares `X-Router-Secret` in constant time. Without a secret every request is accepted. */
export function createRouterCheck(secret: string | undefined): IsFromRouter {
  if (secret === undefined) return () => true;
  const expected = digest(secret);
  return ({ 'x-router-secret': given }) =>
    typeof given === 'string' && timingSafeEqual(digest(given), expected);
}

/** Whether a client has proved to be the router. Without a secret none can. */
export const createRouterIdentification = (secret: string | undefined): IsFromRouter =>
  secret === undefined ? () => false : createRouterCheck(secret);

export const wrongRouterSecret = (): AuthenticationError =>
  new AuthenticationError(
    'Only the router may send requests: the header X-Router-Secret is missing or wrong.',
    'routerSecret',
    'X-Router-Secret',
  );

/** Accepts requests to GraphQL endpoints from the router only; health, metrics and webhooks have other callers. */
export function requireRouter(server: FastifyInstance, isFromRouter: IsFromRouter): void {
  server.addHook('onRequest', ({ routeOptions, headers }, _reply, done) => {
    const isGraphQL = routeOptions.url?.startsWith('/graphql') === true;
    done(isGraphQL && !isFromRouter(headers) ? wrongRouterSecret() : undefined);
  });
}
