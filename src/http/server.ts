import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import cors from '@fastify/cors';
import fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import type { Receiver } from '../events/receiver.ts';
import type { Run } from '../graphql/live.ts';
import type { OpenOperation } from '../graphql/operation.ts';
import type { GraphQLServer } from '../graphql/server.ts';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import type { Tracing } from '../support/tracing.ts';
import { createCallbacks } from './callbacks.ts';
import { addDrain } from './drain.ts';
import type { Shutdown } from './drain.ts';
import { addExplorers } from './explorers.ts';
import { addGraphQLRoute } from './graphqlRoute.ts';
import { addHealthRoutes } from './healthRoutes.ts';
import type { Metrics } from './metrics.ts';
import { addMetricsRoute } from './metricsRoute.ts';
import type { Readings } from './metricsRoute.ts';
import { createOccupancy } from './occupancy.ts';
import type { Occupancy, OccupancyLimits } from './occupancy.ts';
import { allowedOrigins, createPageCheck } from './origins.ts';
import { answerFailure, answerUnknownRoute } from './refusals.ts';
import { admitOnlyRouter, createIsFromRouter } from './router.ts';
import { addSocketRoute } from './socketRoute.ts';
import { addSpans } from './spans.ts';
import { addStreamRoute } from './streamRoute.ts';
import { createAsk } from './subscribing.ts';
import type { Ask } from './subscribing.ts';
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
  readonly occupancy: Occupancy;
  readonly isFromAllowedPage: (headers: IncomingHttpHeaders) => boolean;
  readonly isFromRouter: (headers: IncomingHttpHeaders) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export interface HttpOptions {
  readonly apollo: GraphQLServer;
  /** Answers a router that asks how long each field takes. */
  readonly tracedApollo?: GraphQLServer | undefined;
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
}

const maxBodyBytes = 262_144;

/** How long a request may take to arrive. */
const requestTimeoutMs = 30_000;

const sane = /^[\w.:-]{1,64}$/;

/** The gateway's one port. */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const { corsOrigins, isProduction, log, live, clock, authenticate, routerSecret } = options;
  const origins = allowedOrigins(corsOrigins, isProduction);
  const occupancy = createOccupancy(live);
  const fail = answerFailure(log);
  const server = fastify({
    // Addresses that cannot be decoded fail before any route does.
    frameworkErrors: fail,
    bodyLimit: maxBodyBytes,
    requestTimeout: requestTimeoutMs,
    // `/readyz` says so itself; whatever else comes on a line that is still open is answered.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId({ headers }) {
      const given = headers['x-request-id'];
      return typeof given === 'string' && sane.test(given) ? given : randomUUID();
    },
  });
  server.setErrorHandler(fail);
  server.setNotFoundHandler(answerUnknownRoute);
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  await server.register(cors, {
    origin: origins,
    methods: ['GET', 'POST'],
    exposedHeaders: ['retry-after', 'x-request-id', 'x-upstream-calls'],
    maxAge: 600,
  });
  const isFromRouter = createIsFromRouter(routerSecret);
  admitOnlyRouter(server, isFromRouter);
  const drain = addDrain(server, { ...options.shutdown, clock });
  addHealthRoutes(server, { ...options.readings, isDraining: drain.isDraining });
  addMetricsRoute(server, { ...options, occupancy });
  const liveOptions: LiveOptions = {
    ...live,
    ask: createAsk(live.run, occupancy),
    authenticate,
    occupancy,
    isFromAllowedPage: createPageCheck(origins),
    isFromRouter,
    clock,
    log,
  };
  addGraphQLRoute(server, {
    ...options,
    callbacks: createCallbacks(server, liveOptions),
    spanOf: addSpans(server, options.tracing),
  });
  addSocketRoute(server, liveOptions);
  addStreamRoute(server, liveOptions);
  if (options.receiver !== undefined) await addWebhookRoute(server, options.receiver);
  if (!isProduction) addExplorers(server);
  drain.finish();
  return server;
}
