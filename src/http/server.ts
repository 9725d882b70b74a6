import type { DropArgument } from 'node:net';
import fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import { guarded } from '../observability/guarded.ts';
import { checkRouterSecret, RouterAuthentication } from './auth/routerSecret.ts';
import { clientAddressOf, createIsTrustedProxy } from './clientAddress.ts';
import { createExecuteForClient, createLimitClient } from './clientOperations.ts';
import { addCompression } from './compression.ts';
import { ConnectionLimits } from './connectionLimits.ts';
import { ConnectionTracker } from './connectionTracker.ts';
import { createErrorHandler, createUnknownPathHandler } from './errorResponse.ts';
import { LoadShedder } from './loadShedder.ts';
import { createMetricsServer } from './metricsServer.ts';
import type { MetricsServer } from './metricsServer.ts';
import type { HttpServerOptions, SubscriptionTransportOptions } from './options.ts';
import { addJsonBodies } from './requestBody.ts';
import { limitPipelining } from './pipelining.ts';
import { RequestHeads, requestIdOf } from './requestHead.ts';
import { RequestRejections } from './requestRejections.ts';
import { addRequestSpans } from './requestSpans.ts';
import { SubscriptionCallbacks } from './routes/callbacks.ts';
import { addExplorers } from './routes/explorers.ts';
import { addGraphQLRoute } from './routes/graphql.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addMcpRoute } from './routes/mcp.ts';
import { addMetricsRoute, countResponses, registerScrapedMetrics } from './routes/metrics.ts';
import { addResultStreams } from './routes/streams.ts';
import { addWebhookRoute } from './routes/webhook.ts';
import { createWebSocketUpgradeHandler } from './routes/websocket.ts';
import { registerHttpSecurity, allowedOrigins, createOriginCheck } from './securityHeaders.ts';
import { ReceiveLimiter } from './receiveLimiter.ts';
import { SendLimiter } from './sendLimiter.ts';
import { addShutdown } from './shutdown.ts';
import { addUpgrades, createClientErrorHandler } from './upgrades.ts';

/** Enough for the longest token, and too little to exhaust memory. */
const maxHeaderBytes = 16_384;

/** The head of a request must arrive in this time, even if the body may take longer. */
const maxHeadersTimeoutMs = 10_000;

interface HttpServer {
  readonly server: FastifyInstance;
  readonly connections: ConnectionTracker;
}

type IsTrustedProxy = ReturnType<typeof createIsTrustedProxy>;

interface FastifyParts {
  readonly heads: RequestHeads;
  readonly trustProxy: IsTrustedProxy;
  readonly router: RouterAuthentication;
  readonly rejections: RequestRejections;
  readonly receiveLimiter: ReceiveLimiter;
}

function createFastify(
  options: HttpServerOptions,
  { heads, trustProxy, router, rejections, receiveLimiter }: FastifyParts,
): HttpServer {
  const { log, arrivalTimeoutMs, authFailureLimiter: authFailures } = options;
  const handleError = createErrorHandler({
    ...{ log, authFailures, rejections, router },
    resourceMetadataUrl: options.mcp?.metadata?.url,
  });
  const server = fastify({
    rewriteUrl: (request) => heads.route(request),
    // Unused: parameters of operations are parsed where repeated names are rejected.
    routerOptions: { querystringParser: () => ({}) },
    clientErrorHandler: (error, socket) => handleClientError(error, socket),
    // URLs that cannot be decoded fail before routing.
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply),
    requestTimeout: arrivalTimeoutMs,
    http: {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: Math.min(maxHeadersTimeoutMs, arrivalTimeoutMs),
      connectionsCheckingInterval: Math.min(1_000, arrivalTimeoutMs),
      // Node would reject requests without a body; `checkRequestHeads` sends the error.
      requireHostHeader: false,
    },
    trustProxy,
    // During shutdown `/readyz` returns 503; other requests on open connections are served.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: ({ headers }) => requestIdOf(headers),
  });
  const connections = new ConnectionTracker(server.server, log);
  const handleClientError = guarded(
    { log, name: 'client error' },
    createClientErrorHandler(connections, rejections),
  );
  addJsonBodies(server, { maxBytes: options.maxBodyBytes, receiveLimiter });
  server.setErrorHandler(handleError);
  server.setNotFoundHandler(createUnknownPathHandler(options.basePath));
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  limitPipelining(server, connections);
  addRequestSpans(server, options);
  // Node would respond without a body; `checkRequestHeads` sends the error.
  server.server.on('checkExpectation', (request, response) => {
    server.server.emit('request', request, response);
  });
  server.server.maxConnections = options.maxConnections;
  server.server.on('drop', (dropped?: DropArgument) => {
    const address = dropped?.remoteAddress ?? '';
    rejections.reportDroppedConnection({ address, entryPoint: 'http' });
  });
  server.addHook('onClose', (_instance, done) => {
    rejections.close();
    done();
  });
  return { server, connections };
}

function addSendLimiter(
  { server, connections }: HttpServer,
  { sending, clock, log }: HttpServerOptions,
): SendLimiter {
  const limiter = new SendLimiter(server.server, { ...sending, connections, clock, log });
  server.addHook('onSend', (...[, , payload, done]) => {
    if (typeof payload === 'string' || Buffer.isBuffer(payload)) {
      limiter.recordResponse(Buffer.byteLength(payload));
    }
    done();
  });
  return limiter;
}

function addLoadShedder(server: FastifyInstance, options: HttpServerOptions): LoadShedder {
  const loadShedder = new LoadShedder({ ...options, maxDelayMs: options.maxEventLoopDelayMs });
  server.addHook('onClose', (_instance, done) => {
    loadShedder.close();
    done();
  });
  return loadShedder;
}

/** Health checks and metrics, here and on the separate server, which is closed with this one. */
function addHealthAndMetrics(
  server: FastifyInstance,
  options: HttpServerOptions,
  isDraining: () => boolean,
): MetricsServer | undefined {
  const { metrics, isProduction } = options;
  const health = { ...options, ...options.gauges, isDraining };
  addHealthRoutes(server, health);
  countResponses(server, metrics);
  if (!isProduction) addMetricsRoute(server, metrics);
  const metricsServer = createMetricsServer({ ...options, ...options.metricsServer, health });
  server.addHook('onClose', () => metricsServer?.close());
  return metricsServer;
}

/** The HTTP server with every endpoint. */
export async function createHttpServer(
  options: HttpServerOptions,
): Promise<HttpServer & { readonly metricsServer: MetricsServer | undefined }> {
  const { corsOrigins, isProduction, log, subscriptions, clock, webhookHandlerOf } = options;
  const { authenticate, authFailureLimiter: authFailures, persistedDocuments } = options;
  const origins = allowedOrigins(corsOrigins, isProduction);
  const connectionLimits = new ConnectionLimits(subscriptions);
  const isTrustedProxy = createIsTrustedProxy(options.trustProxy);
  const heads = new RequestHeads(options.allowedHosts, options);
  const router = new RouterAuthentication(options);
  const rejections = new RequestRejections(options);
  const receiveLimiter = new ReceiveLimiter({ maxPartialBytes: options.maxPartialBodyBytes, log });
  const parts = { heads, trustProxy: isTrustedProxy, router, rejections, receiveLimiter };
  const httpServer = createFastify(options, parts);
  const { server, connections } = httpServer;
  addCompression(server);
  const sendLimiter = addSendLimiter(httpServer, options);
  await registerHttpSecurity(server, {
    requestHeads: heads,
    credentialedOrigins: corsOrigins,
    origins,
  });
  checkRouterSecret(server, router);
  const shutdown = addShutdown(server, {
    ...options.shutdown,
    connections,
    mutations: options.mutations,
    clock,
  });
  const loadShedder = addLoadShedder(server, options);
  registerScrapedMetrics({
    ...options,
    ...{ connectionLimits, loadShedder, sendLimiter, receiveLimiter },
  });
  const metricsServer = addHealthAndMetrics(server, options, shutdown.isDraining);
  const limitClient = createLimitClient({ ...options, loadShedder });
  const { run } = subscriptions;
  const transport: SubscriptionTransportOptions = {
    ...subscriptions,
    execute: createExecuteForClient({
      ...{ run, connectionLimits, persistedDocuments, limitClient },
      textOf: options.textOf,
    }),
    authenticate,
    authFailures,
    rejections,
    connectionLimits,
    receiveLimiter,
    maxBodyBytes: options.maxBodyBytes,
    addressOf: (request) => clientAddressOf(request, isTrustedProxy),
    isAllowedOrigin: createOriginCheck(origins),
    router,
    tracing: options.tracing,
    clock,
    log,
  };
  const streams = addResultStreams(server, { ...transport, textOf: options.textOf });
  addGraphQLRoute(server, {
    ...options,
    limitClient,
    rejections,
    router,
    streams,
    callbacks: new SubscriptionCallbacks(server, transport),
  });
  if (options.mcp !== undefined) {
    const { isAllowedOrigin } = transport;
    addMcpRoute(server, { mcp: options.mcp, authenticate, limitClient, isAllowedOrigin, log });
  }
  const open = createWebSocketUpgradeHandler(server, transport);
  addUpgrades(server.server, {
    ...{ heads, open, connections, rejections, log },
    tracing: options.tracing,
    webSocketPath: '/graphql',
  });
  await addWebhookRoute(server, { ...transport, webhookHandlerOf });
  if (!isProduction) addExplorers(server, options.basePath);
  shutdown.finish();
  return { ...httpServer, metricsServer };
}
