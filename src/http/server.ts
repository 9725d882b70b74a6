import { randomUUID } from 'node:crypto';
import cors from '@fastify/cors';
import fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import type { OpenOperation } from '../graphql/operation.ts';
import type { GraphQLServer } from '../graphql/server.ts';
import type { Log } from '../support/log.ts';
import { addExplorers } from './explorers.ts';
import { addGraphQLRoute } from './graphqlRoute.ts';
import { addHealthRoutes } from './healthRoutes.ts';
import { createLines } from './lines.ts';
import { addMetricsRoute } from './metricsRoute.ts';
import type { Readings } from './metricsRoute.ts';
import { answerFailure, answerUnknownRoute } from './refusals.ts';
import type { Authenticate } from './viewer.ts';

export interface HttpOptions {
  readonly apollo: GraphQLServer;
  readonly openOperation: OpenOperation;
  readonly authenticate: Authenticate;
  readonly corsOrigins: readonly string[];
  readonly isProduction: boolean;
  readonly log: Log;
  readonly readings: Readings;
}

const maxBodyBytes = 262_144;

/** How long a request may take to arrive. */
const requestTimeoutMs = 30_000;

const sane = /^[\w.:-]{1,64}$/;

/** Those who may ask from a browser's page outside production: Apollo's explorers and pages of this machine. */
const developers = [
  'https://studio.apollographql.com',
  'https://sandbox.embed.apollographql.com',
  /^https?:\/\/(localhost|127\.0\.0\.1)(:[0-9]+)?$/,
];

/** The gateway's one port. */
export async function createHttpServer(options: HttpOptions): Promise<FastifyInstance> {
  const { corsOrigins, isProduction, log } = options;
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
    origin: [...corsOrigins, ...(isProduction ? [] : developers)],
    methods: ['GET', 'POST'],
    exposedHeaders: ['retry-after', 'x-request-id', 'x-upstream-calls'],
    maxAge: 600,
  });
  const lines = createLines(server.server);
  server.addHook('preClose', (done) => {
    lines.close();
    done();
  });
  addHealthRoutes(server, options.readings);
  addMetricsRoute(server, options.readings);
  addGraphQLRoute(server, options);
  if (!isProduction) addExplorers(server);
  return server;
}
