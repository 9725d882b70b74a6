import { randomUUID } from 'node:crypto';
import fastify from 'fastify';
import type { FastifyError, FastifyInstance } from 'fastify';
import type { PublicError } from '../graphql/errors.ts';
import { publicError } from '../graphql/errors.ts';
import { defaultAllowedHosts } from '../lib/hosts.ts';
import { ListenError, listenErrorMessage } from '../lib/listenError.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { parserError, sendError, sendErrorOnSocket, toPublicError } from './errorResponse.ts';
import { checkRequestHeads, RequestHeads } from './requestHead.ts';
import { idsOf } from './requestSpans.ts';
import type { HealthOptions } from './routes/health.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addMetricsRoute } from './routes/metrics.ts';

/** Load balancers and scrapers need a few. */
const maxConnections = 100;
const requestTimeoutMs = 10_000;
const maxHeaderBytes = 16_384;

async function listenOn(server: FastifyInstance, host: string, port: number): Promise<string> {
  try {
    return await server.listen({ host, port });
  } catch (error) {
    const message = listenErrorMessage(error, { host: 'METRICS_HOST', port: 'METRICS_PORT' });
    throw message === undefined ? error : new ListenError(message, { cause: error });
  }
}

interface MetricsServerOptions {
  readonly host: string;
  /** Undefined: there is no such server. */
  readonly port: number | undefined;
  readonly health: HealthOptions;
  readonly metrics: Metrics;
  readonly log: Log;
}

/** Serves metrics and health checks on an address of its own, which proxies do not publish. */
export interface MetricsServer {
  /** Returns the URL. */
  listen(): Promise<string>;
  close(): Promise<void>;
}

export function createMetricsServer({
  host,
  port,
  health,
  metrics,
  log,
}: MetricsServerOptions): MetricsServer | undefined {
  if (port === undefined) return undefined;
  const hostAdvice = 'Use the address that METRICS_HOST names.';
  const heads = new RequestHeads(defaultAllowedHosts(host), { hostAdvice });
  const server = fastify({
    rewriteUrl: (request) => heads.route(request),
    clientErrorHandler: ({ code }, socket) =>
      sendErrorOnSocket(socket, parserError(code), randomUUID()),
    requestTimeout: requestTimeoutMs,
    http: {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: 1_000,
    },
    forceCloseConnections: true,
    return503OnClosing: false,
  });
  server.server.maxConnections = maxConnections;
  server.setErrorHandler((error: FastifyError | PublicError, request, reply) =>
    sendError(reply, toPublicError(error, log, idsOf(request))),
  );
  server.setNotFoundHandler((_request, reply) =>
    sendError(reply, publicError.badRequest('This path does not exist.', { status: 404 })),
  );
  server.addHook('onRequest', (_request, reply, done) => {
    void reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    done();
  });
  checkRequestHeads(server, heads);
  addHealthRoutes(server, health);
  addMetricsRoute(server, metrics);
  return {
    async listen() {
      const url = await listenOn(server, host, port);
      server.server.on('error', (error) => log.warn('listener failed', { address: host, error }));
      return url;
    },
    async close() {
      await server.close();
    },
  };
}
