import { IncomingMessage, ServerResponse } from 'node:http';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import helmet from 'helmet';
import { publicError } from '../graphql/errors.ts';
import type { PublicError } from '../graphql/errors.ts';
import { checkRequestHeads } from './requestHead.ts';
import type { RequestHeads } from './requestHead.ts';

/** Apollo's explorers and local pages. */
const developmentOrigins: readonly (string | RegExp)[] = [
  'https://studio.apollographql.com',
  'https://sandbox.embed.apollographql.com',
  /^https?:\/\/(localhost|127\.0\.0\.1)(:[0-9]+)?$/,
];

export const allowedOrigins = (
  corsOrigins: readonly string[],
  isProduction: boolean,
): (string | RegExp)[] => [...corsOrigins, ...(isProduction ? [] : developmentOrigins)];

/** Checks the origin of WebSockets and event streams, which browsers open without a CORS preflight. */
export const createOriginCheck =
  (allowed: readonly (string | RegExp)[]) =>
  ({ origin, 'sec-fetch-site': site }: IncomingHttpHeaders): boolean => {
    if (origin === undefined)
      return site === undefined || site === 'same-origin' || site === 'none';
    return allowed.some((entry) =>
      typeof entry === 'string' ? entry === origin : entry.test(origin),
    );
  };

interface HttpSecurityOptions {
  readonly requestHeads: RequestHeads;
  /** The origins in the settings: only they may send credentials. */
  readonly credentialedOrigins: readonly string[];
  /** All origins whose pages may send requests. */
  readonly origins: readonly (string | RegExp)[];
}

type ContentSecurityPolicy = Readonly<Record<string, readonly string[]>>;

/** For responses that are data. Routes that serve pages set their own policy. */
const apiPolicy: ContentSecurityPolicy = {
  defaultSrc: ["'none'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
};

const mutable = (policy: ContentSecurityPolicy): Record<string, string[]> =>
  Object.fromEntries(Object.entries(policy).map(([name, sources]) => [name, [...sources]]));

const corsOptions = {
  methods: ['GET', 'POST'],
  exposedHeaders: 'ratelimit, ratelimit-policy, retry-after, x-request-id, x-upstream-calls',
  maxAge: 600,
};

const invalidPreflight = (): PublicError =>
  publicError.badRequest(
    'OPTIONS is for CORS preflight requests: send Origin and Access-Control-Request-Method.',
  );

const hstsMaxAgeSeconds = 15_552_000;

/** The headers of helmet, computed once because they are the same for every response. */
function helmetHeaders(): OutgoingHttpHeaders {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives: mutable(apiPolicy) },
    // Set per request: only the proxy that terminates TLS tells the scheme.
    strictTransportSecurity: false,
    // Irrelevant to data, and a cost in bytes for every response.
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    originAgentCluster: false,
  })(request, response, () => undefined);
  return { ...response.getHeaders() };
}

/** Adds security headers to every response, checks request heads, and handles CORS. */
export async function registerHttpSecurity(
  server: FastifyInstance,
  { requestHeads, credentialedOrigins, origins }: HttpSecurityOptions,
): Promise<void> {
  const headers = helmetHeaders();
  server.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headers);
    if (request.protocol === 'https') {
      void reply.header('strict-transport-security', `max-age=${hstsMaxAgeSeconds}`);
    }
    done();
  });
  // After the headers of every response, and before CORS responds to a preflight request.
  checkRequestHeads(server, requestHeads);
  server.addHook('onRequest', (request, _reply, done) => {
    const isPreflight =
      request.headers.origin !== undefined &&
      request.headers['access-control-request-method'] !== undefined;
    done(request.method === 'OPTIONS' && !isPreflight ? invalidPreflight() : undefined);
  });
  if (origins.length === 0) {
    // Without CORS headers the browser rejects the preflight.
    server.options('*', (_request, reply) => reply.status(204).send());
    return;
  }
  const configured = new Set<string | undefined>(credentialedOrigins);
  await server.register(cors, {
    delegator({ headers: { origin } }, done) {
      done(null, { ...corsOptions, origin: [...origins], credentials: configured.has(origin) });
    },
  });
}
