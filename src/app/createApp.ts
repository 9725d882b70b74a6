import type { Server } from 'node:http';
import { isDemo } from '../config/settings.ts';
import type { Config } from '../config/settings.ts';
import { createDeliveryDeduplicator } from '../webhooks/dedupe.ts';
import { createLocalEventBus } from '../events/localBus.ts';
import { createWebhookHandler } from '../webhooks/handler.ts';
import { createCostLimiter } from '../graphql/cost/limiter.ts';
import { createContextFactory } from '../graphql/context.ts';
import type { Context } from '../graphql/context.ts';
import { createFormatError } from '../graphql/errors.ts';
import { createSubscriptionExecutor } from '../graphql/subscriptions/eventExecution.ts';
import { createSharedSubscriptions } from '../graphql/subscriptions/shared.ts';
import { createRunOperation } from '../graphql/subscriptions/run.ts';
import { createDocumentStores } from '../graphql/operations/documentStore.ts';
import { createDocumentValidation } from '../graphql/limits/documentLimits.ts';
import { createPersistedDocuments } from '../graphql/operations/persistedDocuments.ts';
import { createOpenOperation } from '../graphql/operation.ts';
import { createSchema } from '../graphql/schema/build.ts';
import { createNameLimiter, createReporter } from '../graphql/operationReport.ts';
import { createGraphQLServer } from '../graphql/server.ts';
import { createGraphqlJsExecutor } from '../graphql/execution/graphqlJs.ts';
import { guardedBy, guardExecution } from '../graphql/execution/executionGuard.ts';
import { createLimitResult } from '../graphql/limits/responseLimit.ts';
import { createPlanExecutor } from '../graphql/execution/executor.ts';
import { createResponseCache } from '../graphql/operations/responseCache.ts';
import { createOperationCache } from '../graphql/operations/operationCache.ts';
import { accountForKey, createAuthenticate } from '../http/auth/authenticate.ts';
import { AuthFailures } from '../http/auth/authFailures.ts';
import { addressesOf, listen } from '../http/listen.ts';
import { createMetrics } from '../observability/metrics.ts';
import { createHttpServer } from '../http/server.ts';
import { createRequestRateLimiter } from '../http/requestRate.ts';
import {
  createLoaders,
  createSources,
  createIsCached,
  resourceResolvers,
} from '../resources/registry.ts';
import type { Clock } from '../lib/clock.ts';
import { guardedClock, runGuarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import type { Tracing } from '../observability/tracing.ts';
import { connectRedis, createUpstream } from './createUpstream.ts';

/** The account behind the gateway and where it is found. */
export interface UpstreamEndpoint {
  readonly url: string;
  readonly key: string;
}

/** A gateway with its rooms joined and its door still shut. */
export interface App {
  /** Answers what it is told of, whether it listens or not. */
  readonly server: Server;
  /** Opens the door and gives the address. */
  listen(): Promise<string>;
  /** Takes no more requests and finishes those it has. */
  stop(): Promise<void>;
}

export interface RunningGateway extends Pick<App, 'stop'> {
  /** Where the gateway listens, such as `http://127.0.0.1:4000`. */
  readonly url: string;
}

interface AppOptions {
  readonly upstream: UpstreamEndpoint;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
  /** How many lines of the log could not be written so far. */
  readonly lostLogLines?: () => number;
}

/** Joins the rooms. */
export async function createApp(config: Config, options: AppOptions): Promise<App> {
  const { upstream, log, tracing, lostLogLines = () => 0 } = options;
  const clock = guardedClock(options.clock, log);
  const forwardsClientKeys = config.auth.mode === 'forward';
  const metrics = createMetrics();
  const account = accountForKey(upstream.key);
  const { account: accountName } = account;
  const redis = await connectRedis(config, { account: accountName, clock, log });
  const {
    cache,
    budget: rateLimiter,
    client: upstreamClient,
  } = createUpstream(config, {
    helpdesk: upstream,
    redis,
    clock,
    log,
    observer: metrics.observer,
  });
  const localEventBus = createLocalEventBus();
  const eventBus =
    redis === undefined ? localEventBus : new redis.RedisEventBus(localEventBus, redis.connection);
  const { webhookSecret } = config;
  const webhookHandler =
    webhookSecret === undefined
      ? undefined
      : createWebhookHandler({
          secret: webhookSecret,
          account: accountName,
          cache,
          eventBus,
          deduplicator: createDeliveryDeduplicator(clock, redis?.connection),
          clock,
          log,
        });
  const { isProduction, corsOrigins } = config;
  const report = createReporter({
    clock,
    log,
    limitName: createNameLimiter(),
    observe: metrics.operation,
  });
  const costLimits = {
    maxCalls: config.maxUpstreamCalls,
    maxReferenceCalls: config.maxReferenceCalls,
    maxNodes: config.maxResponseNodes,
    isCached: ({ sources, viewer }: Context) => createIsCached(sources, viewer),
    customerOf: ({ viewer }: Context) => (viewer.role === 'CUSTOMER' ? viewer : undefined),
  };
  const createFullSchema = () =>
    guardExecution(
      createSchema(resourceResolvers, {
        isSdlPublic: !isProduction,
        excludedRootFields: config.subgraph ? config.excludedRootFields : undefined,
      }),
    );
  const schema = createFullSchema();
  const persistedDocuments = createPersistedDocuments({
    schema,
    manifest: config.persistedOperations,
    rejectsOthers: config.isPersistedOnly,
  });
  const rateOf = (kind: 'requests' | 'failures', limit: number) =>
    createRequestRateLimiter({ limit, kind, redis: redis?.connection });
  const requestRateLimiter = rateOf('requests', config.requestRateLimit);
  const authFailureLimiter = new AuthFailures({
    rate: rateOf('failures', config.authFailureLimit),
    clock,
    log,
    observe: metrics.rejected,
  });
  const documentStores = createDocumentStores(persistedDocuments);
  const limitResult = createLimitResult(config.maxResponseBytes);
  const serverOptions = {
    isProduction,
    forwardsClientKeys,
    log,
    report,
    limitResult,
    validation: createDocumentValidation(config.limits, isProduction),
    documents: documentStores,
  };
  const assertWithinCost = createCostLimiter(schema, costLimits);
  const responseCache = createResponseCache({
    maxBytes: config.responseCacheMaxBytes,
    isValid: cache.isValid,
  });
  const execute = guardedBy(createGraphqlJsExecutor(schema));
  const operationCache =
    config.operationCache === 'off'
      ? undefined
      : createOperationCache({
          execute: guardedBy(createPlanExecutor(schema, createGraphqlJsExecutor(schema))),
          maxBytes: config.maxResponseBytes,
          assertWithinCost,
          report,
          documents: documentStores,
          responseCache,
        });
  const apollo = createGraphQLServer({
    ...serverOptions,
    schema,
    assertWithinCost,
    execute,
    operationCache,
  });
  // It has a schema of its own: the first trace slows its schema down for good.
  const tracedSchema = config.subgraph ? createFullSchema() : undefined;
  const tracedApollo =
    tracedSchema &&
    createGraphQLServer({
      ...serverOptions,
      schema: tracedSchema,
      execute: guardedBy(createGraphqlJsExecutor(tracedSchema)),
      assertWithinCost: createCostLimiter(tracedSchema, costLimits),
      isFieldTraced: true,
    });
  const createContext = createContextFactory({
    upstreamClient,
    eventBus,
    clock,
    createSources,
    createLoaders,
  });
  const openOperation = createOpenOperation({
    createContext,
    timeoutMs: config.operationTimeoutMs,
    maxNodes: config.maxResponseNodes,
    clock,
    onRejectedKey({ address, requestId }) {
      const rejected = { address, requestId, reason: 'upstream', entryPoint: 'operation' } as const;
      runGuarded({ log, name: 'rejected key' }, () => authFailureLimiter.record(rejected));
    },
  });
  const formatError = createFormatError(isProduction, forwardsClientKeys);
  const sharedSubscriptions = createSharedSubscriptions({
    executeSubscription: createSubscriptionExecutor({
      schema,
      createContext,
      openOperation,
      formatError,
      log,
      forwardsClientKeys,
      report,
      limitResult,
    }),
    log,
    maxBuffered: config.subscriptions.maxBuffered,
  });
  const [{ server, connections }] = await Promise.all([
    createHttpServer({
      apollo,
      tracedApollo,
      operationCache,
      openOperation,
      authenticate: await createAuthenticate({
        account,
        auth: config.auth,
        isAccepted: upstreamClient.isAccepted,
        clock,
        log,
      }),
      routerSecret: config.routerSecret,
      subscriptions: {
        ...config.subscriptions,
        run: createRunOperation({ apollo, openOperation, sharedSubscriptions }),
      },
      clock,
      persistedDocuments,
      requestRateLimiter,
      authFailureLimiter,
      corsOrigins,
      isProduction,
      maxBodyBytes: config.maxBodyBytes,
      maxConnections: config.maxConnections,
      arrivalTimeoutMs: config.requestTimeoutMs,
      trustProxy: config.trustProxy,
      allowedHosts: config.allowedHosts,
      sending: config.sending,
      log,
      shutdown: config.shutdown,
      metrics,
      tracing,
      gauges: {
        isDemo: isDemo(config),
        lostLogLines,
        isRedisAvailable: () => redis?.connection.isAvailable() ?? null,
        isRateLimitShared: rateLimiter.isShared,
        cacheBytes: cache.bytes,
        responseCache: () => ({
          bytes: responseCache?.bytes() ?? 0,
          hits: responseCache?.hits() ?? 0,
        }),
        rateLimit: () => (forwardsClientKeys ? null : rateLimiter.status(accountName)),
        queuedCalls: rateLimiter.queueLengths,
        distinctSubscriptions: eventBus.subscriberCount,
        openCircuitBreakers: upstreamClient.openCircuitBreakers,
        webhooks: () => webhookHandler?.outcomes(),
        redisAnomalies: () => redis?.connection.anomalies.counts() ?? {},
      },
      webhookHandler,
    }),
    apollo.start(),
    tracedApollo?.start(),
  ]);
  await server.ready();
  async function stop(): Promise<void> {
    await server.close();
    authFailureLimiter.close();
    await apollo.stop();
    await tracedApollo?.stop();
    eventBus.close();
    upstreamClient.close();
    redis?.connection.close();
  }
  let stopping: Promise<void> | undefined;
  return {
    server: server.server,
    async listen() {
      const addresses = await addressesOf(config.host);
      return listen(server, { connections, addresses, port: config.port, log });
    },
    stop: () => (stopping ??= stop()),
  };
}

/** Joins the rooms and opens the door. */
export async function startGateway(config: Config, options: AppOptions): Promise<RunningGateway> {
  const { listen, stop } = await createApp(config, options);
  try {
    return { url: await listen(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
