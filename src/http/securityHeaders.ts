import { IncomingMessage, ServerResponse } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { Socket } from 'node:net';
import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import helmet from 'helmet';
import { checkRequestHeads } from './requestHead.ts';
import type { RequestHeads } from './requestHead.ts';

interface SecurityHeadersOptions {
  readonly heads: RequestHeads;
  /** Those that an operator has named. */
  readonly corsOrigins: readonly string[];
  /** All that may ask. */
  readonly origins: readonly (string | RegExp)[];
}

type ContentSecurityPolicy = Readonly<Record<string, readonly string[]>>;

/** An answer is data, unless its route says otherwise: a browser that takes it for a page may do nothing with it. */
const apiPolicy: ContentSecurityPolicy = {
  defaultSrc: ["'none'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
};

const mutable = (policy: ContentSecurityPolicy): Record<string, string[]> =>
  Object.fromEntries(Object.entries(policy).map(([name, sources]) => [name, [...sources]]));

const hstsMaxAgeSeconds = 15_552_000;

/** What helmet says of every answer, which is always the same. */
function helmetHeaders(): OutgoingHttpHeaders {
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  helmet({
    contentSecurityPolicy: { useDefaults: false, directives: mutable(apiPolicy) },
    // Only who ends TLS knows that the name is served by TLS alone.
    strictTransportSecurity: false,
    // Says nothing that matters to data, and costs bytes in each answer.
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    originAgentCluster: false,
  })(request, response, () => undefined);
  return { ...response.getHeaders() };
}

/** What browsers are told about every answer, and which pages may read it. */
export async function addSecurityHeaders(
  server: FastifyInstance,
  { heads, corsOrigins, origins }: SecurityHeadersOptions,
): Promise<void> {
  const headers = helmetHeaders();
  server.addHook('onRequest', (request, reply, done) => {
    void reply.headers(headers);
    // A proxy that is trusted says that the client came by TLS.
    if (request.protocol === 'https') {
      void reply.header('strict-transport-security', `max-age=${hstsMaxAgeSeconds}`);
    }
    done();
  });
  // After the headers of every answer, before CORS answers a preflight request.
  checkRequestHeads(server, heads);
  if (origins.length === 0) {
    // A browser that asks for leave is told nothing, and so has none.
    server.options('*', (_request, reply) => reply.status(204).send());
    return;
  }
  const corsOptions = {
    origin: [...origins],
    methods: ['GET', 'POST'],
    exposedHeaders: 'retry-after, x-request-id, x-upstream-calls',
    maxAge: 600,
  };
  const configuredOrigins = new Set(corsOrigins);
  const isConfigured = (origin: string | undefined) =>
    origin !== undefined && configuredOrigins.has(origin);
  if (configuredOrigins.size === 0 || configuredOrigins.size === origins.length) {
    await server.register(cors, { ...corsOptions, credentials: configuredOrigins.size > 0 });
  } else {
    await server.register(cors, {
      delegator({ headers: { origin } }, done) {
        done(null, { ...corsOptions, credentials: isConfigured(origin) });
      },
    });
  }
}
