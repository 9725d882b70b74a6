import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import fastify from 'fastify';
import type { FastifyInstance } from 'fastify';
import type { WebhookHandler } from '../webhooks/handler.ts';
import type { PersistedDocuments } from '../graphql/operations/persistedDocuments.ts';
import type { RunOperation } from '../graphql/subscriptions/run.ts';
import type { OpenOperation } from '../graphql/operation.ts';
import type { OperationCache } from '../graphql/operations/operationCache.ts';
import type { GraphQLServer } from '../graphql/server.ts';
import type { Clock } from '../lib/clock.ts';
import { guarded } from '../observability/guarded.ts';
import type { AllowedHosts } from '../lib/hosts.ts';
import type { Log } from '../observability/log.ts';
import type { Tracing } from '../observability/tracing.ts';
import type { AuthFailures } from './auth/authFailures.ts';
import { createSubscriptionCallbacks } from './routes/callbacks.ts';
import { clientAddressOf, createIsTrustedProxy } from './clientAddress.ts';
import { createAnswerClientError } from './clientErrors.ts';
import { addShutdown } from './shutdown.ts';
import type { ShutdownOptions } from './shutdown.ts';
import { addExplorers } from './routes/explorers.ts';
import { addGraphQLRoute } from './routes/graphql.ts';
import { addHealthRoutes } from './routes/health.ts';
import { createConnectionTracker } from './connectionTracker.ts';
import type { ConnectionTracker } from './connectionTracker.ts';
import type { Metrics } from '../observability/metrics.ts';
import { addMetricsRoute } from './routes/metrics.ts';
import type { GaugeSources } from './routes/metrics.ts';
import { createConnectionLimits } from './connectionLimits.ts';
import type { ConnectionLimits, ConnectionLimitOptions } from './connectionLimits.ts';
import { allowedOrigins, createOriginCheck } from './origins.ts';
import { addSecurityHeaders } from './securityHeaders.ts';
import { createErrorHandler, sendNotFound } from './errorResponse.ts';
import { createRequestHeads } from './requestHead.ts';
import { requestIdOf } from './requestId.ts';
import { requireRouter, createRouterCheck } from './auth/routerSecret.ts';
import type { RequestRateLimiter } from './requestRate.ts';
import { limitSending } from './sending.ts';
import type { SendLimits } from './sending.ts';
import { addWebSocketRoute } from './routes/websocket.ts';
import { addRequestSpans } from './requestSpans.ts';
import { addSseRoute } from './routes/sse.ts';
import { createExecuteForClient, createClientLimit } from './clientOperations.ts';
import type { ExecuteForClient } from './clientOperations.ts';
import { addUpgrades } from './upgrades.ts';
import type { Authenticate } from './auth/credentials.ts';
import { addWebhookRoute } from './routes/webhook.ts';

interface SubscriptionLimits extends ConnectionLimitOptions {
  readonly maxPerConnection: number;
  readonly callbackHosts: readonly string[];
}

/** What the transports share that can carry many answers. */
export interface SubscriptionTransportOptions extends SubscriptionLimits {
  readonly execute: ExecuteForClient;
  readonly authenticate: Authenticate;
  readonly authFailures: AuthFailures;
  readonly connectionLimits: ConnectionLimits;
  /** The client's address, behind the proxies that are trusted. */
  readonly addressOf: (request: IncomingMessage) => string;
  readonly isAllowedOrigin: (headers: IncomingHttpHeaders) => boolean;
  readonly isFromRouter: (headers: IncomingHttpHeaders) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export interface HttpServerOptions {
  readonly apollo: GraphQLServer;
  /** Answers a router that asks how long each field takes. */
  readonly tracedApollo?: GraphQLServer | undefined;
  /** Without it Apollo Server answers everything. */
  readonly operationCache?: OperationCache | undefined;
  readonly openOperation: OpenOperation;
  readonly authenticate: Authenticate;
  /** Given where only a router may ask. */
  readonly routerSecret?: string | undefined;
  readonly corsOrigins: readonly string[];
  readonly isProduction: boolean;
  readonly subscriptions: SubscriptionLimits & { readonly run: RunOperation };
  readonly clock: Clock;
  readonly log: Log;
  readonly shutdown: ShutdownOptions;
  readonly gauges: GaugeSources;
  /** Takes in the helpdesk's webhooks; without it there is no address for them. */
  readonly webhookHandler: WebhookHandler | undefined;
  readonly metrics: Metrics;
  readonly tracing?: Tracing | undefined;
  readonly persistedDocuments: PersistedDocuments;
  readonly requestRateLimiter: RequestRateLimiter;
  readonly authFailureLimiter: AuthFailures;
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
const maxHeadersTimeoutMs = 10_000;

export interface HttpServer {
  readonly server: FastifyInstance;
  readonly connections: ConnectionTracker;
}

/** The gateway's one port. */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { corsOrigins, isProduction, log, subscriptions, clock, authenticate } = options;
  const { arrivalTimeoutMs, routerSecret, authFailureLimiter } = options;
  const origins = allowedOrigins(corsOrigins, isProduction);
  const connectionLimits = createConnectionLimits(subscriptions);
  const isTrustedProxy = createIsTrustedProxy(options.trustProxy);
  const handleError = createErrorHandler(log, authFailureLimiter);
  const heads = createRequestHeads(options.allowedHosts);
  const server = fastify({
    rewriteUrl: heads.route,
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
    // Addresses that cannot be decoded fail before any route does.
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply),
    bodyLimit: options.maxBodyBytes,
    requestTimeout: arrivalTimeoutMs,
    http: {
      maxHeaderSize: maxHeaderBytes,
      headersTimeout: Math.min(maxHeadersTimeoutMs, arrivalTimeoutMs),
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
  const lines = createConnectionTracker(server.server, log);
  const sending = limitSending(server.server, { ...options.sending, lines, clock, log });
  const answerClientError = guarded({ log, name: 'client error' }, createAnswerClientError(lines));
  server.setErrorHandler(handleError);
  server.setNotFoundHandler(sendNotFound);
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  server.addHook('onSend', (...[, , payload, done]) => {
    if (typeof payload === 'string' || Buffer.isBuffer(payload)) {
      sending.added(Buffer.byteLength(payload));
    }
    done();
  });
  await addSecurityHeaders(server, { heads, corsOrigins, origins });
  server.server.maxConnections = options.maxConnections;
  const isFromRouter = createRouterCheck(routerSecret);
  requireRouter(server, { isFromRouter, authFailures: authFailureLimiter });
  const shutdown = addShutdown(server, { ...options.shutdown, lines, clock });
  addHealthRoutes(server, { ...options.gauges, isDraining: shutdown.isDraining });
  addMetricsRoute(server, { ...options, connectionLimits, sending });
  const limitClient = createClientLimit(options);
  const transportOptions: SubscriptionTransportOptions = {
    ...subscriptions,
    execute: createExecuteForClient({
      run: subscriptions.run,
      connectionLimits,
      persistedDocuments: options.persistedDocuments,
      limitClient,
    }),
    authenticate,
    authFailures: authFailureLimiter,
    connectionLimits,
    addressOf: (request) => clientAddressOf(request, isTrustedProxy),
    isAllowedOrigin: createOriginCheck(origins),
    isFromRouter,
    clock,
    log,
  };
  addGraphQLRoute(server, {
    ...options,
    limitClient,
    callbacks: createSubscriptionCallbacks(server, transportOptions),
    spanOf: addRequestSpans(server, options),
  });
  const open = addWebSocketRoute(server, transportOptions);
  addUpgrades(server.server, { path: '/graphql', heads, open, lines, log });
  addSseRoute(server, transportOptions);
  const { webhookHandler } = options;
  if (webhookHandler !== undefined)
    await addWebhookRoute(server, {
      receiver: webhookHandler,
      authFailures: authFailureLimiter,
      clock,
    });
  if (!isProduction) addExplorers(server);
  shutdown.finish();
  return { server, connections: lines };
}
