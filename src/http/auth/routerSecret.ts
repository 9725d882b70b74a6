import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { forbiddenCode } from '../../graphql/errors.ts';
import { AuthenticationError } from './credentials.ts';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

const wrongSecret = (): AuthenticationError =>
  new AuthenticationError(
    'The header X-Router-Secret is wrong. Configure the router with the secret of the gateway.',
    {
      reason: 'routerSecret',
      code: forbiddenCode,
    },
  );

const missingSecret = (): AuthenticationError =>
  new AuthenticationError(
    'Only the router may send requests to this gateway. Send them to the router.',
    { reason: 'routerSecret', challenge: 'X-Router-Secret' },
  );

interface RouterSecretOptions {
  /** The secret at the moment. Undefined: no client can prove to be the router. */
  readonly routerSecret: () => string | undefined;
  /** Whether other clients are rejected. */
  readonly isRouterOnly?: boolean;
}

/** Tells the router, which sends `X-Router-Secret`, from other clients. */
export class RouterAuthentication {
  readonly #secret: () => string | undefined;
  readonly #isRequired: boolean;

  constructor({ routerSecret, isRouterOnly = false }: RouterSecretOptions) {
    this.#secret = routerSecret;
    this.#isRequired = isRouterOnly;
  }

  /** Whether a client can prove to be the router. */
  get isConfigured(): boolean {
    return this.#secret() !== undefined;
  }

  /** Whether the client has proved to be the router. Compares in constant time. */
  isRouter({ 'x-router-secret': given }: IncomingHttpHeaders): boolean {
    const expected = this.#secret();
    return (
      expected !== undefined &&
      typeof given === 'string' &&
      timingSafeEqual(digest(given), digest(expected))
    );
  }

  /** Why the client may not use the GraphQL endpoints; undefined if it may. */
  problemOf(headers: IncomingHttpHeaders): AuthenticationError | undefined {
    if (!this.isConfigured || this.isRouter(headers)) return undefined;
    if (headers['x-router-secret'] !== undefined) return wrongSecret();
    return this.#isRequired ? missingSecret() : undefined;
  }
}

/** Checks requests to GraphQL endpoints and `/mcp`; health, metrics and webhooks have other callers. */
export function checkRouterSecret(server: FastifyInstance, router: RouterAuthentication): void {
  server.addHook('onRequest', ({ routeOptions, headers }, _reply, done) => {
    const { url } = routeOptions;
    const isGraphQL = url?.startsWith('/graphql') === true || url === '/mcp';
    done(isGraphQL ? router.problemOf(headers) : undefined);
  });
}
