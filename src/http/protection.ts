import cors from '@fastify/cors';
import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';

interface Options {
  /** Those that an operator has named. */
  readonly corsOrigins: readonly string[];
  /** All that may ask. */
  readonly origins: readonly (string | RegExp)[];
}

type Policy = Readonly<Record<string, readonly string[]>>;

/** An answer is data, unless its route says otherwise: a browser that takes it for a page may do nothing with it. */
const dataPolicy: Policy = {
  defaultSrc: ["'none'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
};

const mutable = (policy: Policy): Record<string, string[]> =>
  Object.fromEntries(Object.entries(policy).map(([name, sources]) => [name, [...sources]]));

const halfAYearSeconds = 15_552_000;

/** What browsers are told about every answer, and which pages may read it. */
export async function protect(
  server: FastifyInstance,
  { corsOrigins, origins }: Options,
): Promise<void> {
  await server.register(helmet, {
    contentSecurityPolicy: { useDefaults: false, directives: mutable(dataPolicy) },
    // Only who ends TLS knows that the name is served by TLS alone.
    strictTransportSecurity: false,
    // Says nothing that matters to data, and costs bytes in each answer.
    xDnsPrefetchControl: false,
    xDownloadOptions: false,
    xPermittedCrossDomainPolicies: false,
    xXssProtection: false,
    originAgentCluster: false,
  });
  server.addHook('onRequest', (request, reply, done) => {
    // A proxy that is trusted says that the client came by TLS.
    if (request.protocol === 'https') {
      void reply.header('strict-transport-security', `max-age=${halfAYearSeconds}`);
    }
    done();
  });
  await server.register(cors, {
    delegator: ({ headers: { origin } }, done) => {
      done(null, {
        origin: [...origins],
        credentials: origin !== undefined && corsOrigins.includes(origin),
        methods: ['GET', 'POST'],
        exposedHeaders: ['retry-after', 'x-request-id', 'x-upstream-calls'],
        maxAge: 600,
      });
    },
  });
}
