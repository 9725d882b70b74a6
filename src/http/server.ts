import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import type { Receiver } from '../events/receiver.ts';
import type { ListedOperations } from '../graphql/listedOperations.ts';
import type { Run } from '../graphql/live.ts';
import type { OpenOperation } from '../graphql/operation.ts';
import type { KnownOperations } from '../graphql/knownOperations.ts';
import type { GraphQLServer } from '../graphql/server.ts';
import type { Clock } from '../support/clock.ts';
import { guarded } from '../support/guarded.ts';
import type { AllowedHosts } from '../support/hosts.ts';
import type { Log } from '../support/log.ts';
import type { Tracing } from '../support/tracing.ts';
import type { AuthFailures } from './authFailures.ts';
import { createCallbacks } from './callbacks.ts';
import { clientAddressOf, createIsTrustedProxy } from './clientAddress.ts';
import { createAnswerClientError } from './clientErrors.ts';
import { addDrain } from './drain.ts';
import type { Shutdown } from './drain.ts';
import { addExplorers } from './explorers.ts';
import { addGraphQLRoute } from './graphqlRoute.ts';
import { addHealthRoutes } from './healthRoutes.ts';
import { createLines } from './lines.ts';
import type { Metrics } from './metrics.ts';
import { addMetricsRoute } from './metricsRoute.ts';
import type { Readings } from './metricsRoute.ts';
import { createOccupancy } from './occupancy.ts';
import type { Occupancy, OccupancyLimits } from './occupancy.ts';
import { allowedOrigins, createPageCheck } from './origins.ts';
import { protect } from './protection.ts';
import { answerFailure, answerUnknownRoute } from './refusals.ts';
import { createRequestHeads } from './requestHead.ts';
import { requestIdOf } from './requestId.ts';
import { admitOnlyRouter, createIsFromRouter } from './router.ts';
import type { RequestRate } from './requestRate.ts';
import { limitSending } from './sending.ts';
import type { SendLimits } from './sending.ts';
import { addSocketRoute } from './socketRoute.ts';
import { addSpans } from './spans.ts';
import { addStreamRoute } from './streamRoute.ts';
import { createAsk, createClientLimit } from './subscribing.ts';
import type { Ask } from './subscribing.ts';
import { addUpgrades } from './upgrades.ts';
import type { Authenticate } from './viewer.ts';
import { addWebhookRoute } from './webhookRoute.ts';

interface LiveLimits extends OccupancyLimits {
  readonly maxPerConnection: number;
  readonly callbackHosts: readonly string[];
}

/** What the transports share that can carry many answers. */
export interface LiveOptions extends LiveLimits {
  readonly ask: Ask;
  readonly authenticate: Authenticate;
  readonly authFailures: AuthFailures;
  readonly occupancy: Occupancy;
  /** The client's address, behind the proxies that are trusted. */
  readonly addressOf: (request: IncomingMessage) => string;
  readonly isFromAllowedPage: (headers: IncomingHttpHeaders) => boolean;
  readonly isFromRouter: (headers: IncomingHttpHeaders) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export interface HttpOptions {
  readonly apollo: GraphQLServer;
  /** Answers a router that asks how long each field takes. */
  readonly tracedApollo?: GraphQLServer | undefined;
  /** Without it Apollo Server answers everything. */
  readonly known?: KnownOperations | undefined;
  readonly openOperation: OpenOperation;
  readonly authenticate: Authenticate;
  /** Given where only a router may ask. */
  readonly routerSecret?: string | undefined;
  readonly corsOrigins: readonly string[];
  readonly isProduction: boolean;
  readonly live: LiveLimits & { readonly run: Run };
  readonly clock: Clock;
  readonly log: Log;
  readonly shutdown: Shutdown;
  readonly readings: Readings;
  /** Takes in the helpdesk's webhooks; without it there is no address for them. */
  readonly receiver: Receiver | undefined;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  readonly listed: ListedOperations;
  readonly requestRate: RequestRate;
  readonly authFailures: AuthFailures;
  readonly maxBodyBytes: number;
  /** How long a request may take to arrive. */
  readonly arrivalTimeoutMs: number;
  readonly maxConnections: number;
  /** How many proxies in a row are believed, or which; none unless named. */
  readonly trustProxy: number | readonly string[];
  readonly allowedHosts: AllowedHosts;
  readonly sending: SendLimits;
}

/** Room for the longest token, and for nothing that is stored on the way. */
const maxHeaderBytes = 16_384;

/** At most so long may a request's first lines take, however long its body may. */
const maxHeadersMs = 10_000;

/** The gateway's one port. */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const { corsOrigins, isProduction, log, live, clock, authenticate } = options;
  const { arrivalTimeoutMs, routerSecret, authFailures } = options;
  const origins = allowedOrigins(corsOrigins, isProduction);
  const occupancy = createOccupancy(live);
  const isTrustedProxy = createIsTrustedProxy(options.trustProxy);
  const fail = answerFailure(log, authFailures);
  const heads = createRequestHeads(options.allowedHosts);
  const server = fastify({
    rewriteUrl: heads.route,
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
    // Addresses that cannot be decoded fail before any route does.
    frameworkErrors: (error, request, reply) => void fail(error, request, reply),
    bodyLimit: options.maxBodyBytes,
    requestTimeout: arrivalTimeoutMs,
    http: {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: Math.min(maxHeadersMs, arrivalTimeoutMs),
      // Late requests are looked for this often.
      connectionsCheckingInterval: Math.min(1_000, arrivalTimeoutMs),
      // Node would refuse without a body; the gateway looks at the header itself.
      requireHostHeader: false,
    },
    trustProxy: isTrustedProxy,
    // `/readyz` says so itself; whatever else comes on a line that is still open is answered.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: ({ headers }) => requestIdOf(headers),
  });
  const lines = createLines(server.server, log);
  const sending = limitSending(server.server, { ...options.sending, lines, clock, log });
  const answerClientError = guarded({ log, name: 'client error' }, createAnswerClientError(lines));
  server.setErrorHandler(fail);
  server.setNotFoundHandler(answerUnknownRoute);
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  server.addHook('onSend', (...[, , payload, done]) => {
    if (typeof payload === 'string' || Buffer.isBuffer(payload)) sending.added(payload.length);
    done();
  });
  await protect(server, { heads, corsOrigins, origins });
  server.server.maxConnections = options.maxConnections;
  const isFromRouter = createIsFromRouter(routerSecret);
  admitOnlyRouter(server, { isFromRouter, authFailures });
  const drain = addDrain(server, { ...options.shutdown, lines, clock });
  addHealthRoutes(server, { ...options.readings, isDraining: drain.isDraining });
  addMetricsRoute(server, { ...options, occupancy, sending });
  const limitClient = createClientLimit(options);
  const liveOptions: LiveOptions = {
    ...live,
    ask: createAsk({
      run: live.run,
      occupancy,
      listed: options.listed,
      limitClient,
    }),
    authenticate,
    authFailures,
    occupancy,
    addressOf: (request) => clientAddressOf(request, isTrustedProxy),
    isFromAllowedPage: createPageCheck(origins),
    isFromRouter,
    clock,
    log,
  };
  addGraphQLRoute(server, {
    ...options,
    limitClient,
    callbacks: createCallbacks(server, liveOptions),
    spanOf: addSpans(server, options),
  });
  const open = addSocketRoute(server, liveOptions);
  addUpgrades(server.server, { path: '/graphql', heads, open, lines, log });
  addStreamRoute(server, liveOptions);
  const { receiver } = options;
  if (receiver !== undefined) await addWebhookRoute(server, { receiver, authFailures, clock });
  if (!isProduction) addExplorers(server);
  drain.finish();
  return server;
}
