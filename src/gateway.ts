import type { Server } from 'node:http';
import { ConfigError, isDemo } from './config.ts';
import type { Config } from './config.ts';
import { createClaims } from './events/claims.ts';
import { createLocalFeed } from './events/localFeed.ts';
import { createReceiver } from './events/receiver.ts';
import { createSharedFeed } from './events/sharedFeed.ts';
import { createAdmission } from './graphql/admission.ts';
import { createContextFactory } from './graphql/context.ts';
import type { Context } from './graphql/context.ts';
import { createFormatError } from './graphql/errors.ts';
import { createReadEvents } from './graphql/eventResults.ts';
import { createFanOut } from './graphql/fanOut.ts';
import { createRun } from './graphql/live.ts';
import { createDocuments } from './graphql/documents.ts';
import { createLimits } from './graphql/limits.ts';
import { createListedOperations } from './graphql/listedOperations.ts';
import { createOpenOperation } from './graphql/operation.ts';
import { createSchema, unknownQueryFields } from './graphql/schema.ts';
import { createNames, createReporter } from './graphql/report.ts';
import { createGraphQLServer } from './graphql/server.ts';
import { createExecute } from './graphql/execution.ts';
import { guardedBy, guardExecution } from './graphql/executionGuard.ts';
import { createLimitResult } from './graphql/responseLimit.ts';
import { createPlannedExecute } from './graphql/plannedExecution.ts';
import { createReadyAnswers } from './graphql/readyAnswers.ts';
import { createKnownOperations } from './graphql/knownOperations.ts';
import { accountOf, createAuthenticate } from './http/authentication.ts';
import { AuthFailures } from './http/authFailures.ts';
import { addressesOf, listen } from './http/listen.ts';
import { createMetrics } from './http/metrics.ts';
import { createHttpServer } from './http/server.ts';
import { createRequestRate } from './http/requestRate.ts';
import { createLoaders, createSources, isKnownTo, resourceResolvers } from './resources/index.ts';
import type { Clock } from './support/clock.ts';
import { guardedClock, runGuarded } from './support/guarded.ts';
import type { Log } from './support/log.ts';
import type { Tracing } from './support/tracing.ts';
import { createUnexpected } from './support/unexpected.ts';
import { createUpstream, redisOf } from './createUpstream.ts';

/** The account behind the gateway and where it is found. */
export interface Helpdesk {
  readonly url: string;
  readonly key: string;
}

/** A gateway with its rooms joined and its door still shut. */
export interface ClosedGateway {
  /** Answers what it is told of, whether it listens or not. */
  readonly server: Server;
  /** Opens the door and gives the address. */
  listen(): Promise<string>;
  /** Takes no more requests and finishes those it has. */
  stop(): Promise<void>;
}

export interface Gateway extends Pick<ClosedGateway, 'stop'> {
  /** Where the gateway listens, such as `http://127.0.0.1:4000`. */
  readonly url: string;
}

interface Parts {
  readonly helpdesk: Helpdesk;
  readonly clock: Clock;
  readonly log: Log;
  readonly tracing?: Tracing | undefined;
  /** How many lines of the log could not be written so far. */
  readonly lostLogLines?: () => number;
}

/** Joins the rooms. */
export async function joinRooms(config: Config, parts: Parts): Promise<ClosedGateway> {
  const { helpdesk, log, tracing, lostLogLines = () => 0 } = parts;
  const clock = guardedClock(parts.clock, log);
  const unknown = unknownQueryFields(config.subgraphLeftOut);
  if (unknown.length > 0) {
    throw new ConfigError([`SUBGRAPH_LEAVE_OUT: Query has no ${unknown.join(', ')}`]);
  }
  const redis = await redisOf(config);
  const isKeyOfClient = config.auth.mode === 'forward';
  const metrics = createMetrics();
  const unexpected = createUnexpected(clock, log);
  const { cache, budget, client } = createUpstream(config, {
    helpdesk,
    redis,
    unexpected,
    clock,
    log,
    observer: metrics.observer,
  });
  const link = redis?.createRedisLink({ ...redis.at, clock });
  const feed =
    link === undefined
      ? createLocalFeed()
      : createSharedFeed(createLocalFeed(), { link, clock, log, unexpected });
  const account = accountOf(helpdesk.key);
  const { tenant } = account;
  const { webhookSecret } = config;
  const receiver =
    webhookSecret === undefined
      ? undefined
      : createReceiver({
          secret: webhookSecret,
          tenant,
          cache,
          feed,
          claims: createClaims(clock, link),
          clock,
          log,
        });
  const { isProduction, corsOrigins } = config;
  const report = createReporter({
    clock,
    log,
    nameOf: createNames(),
    observe: metrics.operation,
  });
  const admission = {
    maxCalls: config.maxUpstreamCalls,
    maxReferenceCalls: config.maxReferenceCalls,
    maxNodes: config.maxResponseNodes,
    isCached: ({ sources, viewer }: Context) => isKnownTo(sources, viewer),
    customerOf: ({ viewer }: Context) => (viewer.role === 'CUSTOMER' ? viewer : undefined),
  };
  const createSchemaOfAll = () =>
    guardExecution(
      createSchema(resourceResolvers, {
        isPublic: !isProduction,
        leftOut: config.subgraph ? config.subgraphLeftOut : undefined,
      }),
    );
  const schema = createSchemaOfAll();
  const listed = createListedOperations({
    schema,
    manifest: config.persistedOperations,
    isOnly: config.isPersistedOnly,
  });
  if (listed.problems.length > 0) {
    throw new ConfigError(listed.problems.map((problem) => `PERSISTED_OPERATIONS: ${problem}`));
  }
  const counting = redis?.connectForCounting(redis.at);
  const rateOf = (counts: string, limit: number) =>
    createRequestRate({ limit, counts, redis: counting, clock });
  const requestRate = rateOf('requests', config.requestRateLimit);
  const authFailures = new AuthFailures({
    rate: rateOf('failures', config.authFailureLimit),
    clock,
    log,
    observe: metrics.rejected,
  });
  const documents = createDocuments(listed);
  const limitResult = createLimitResult(config.maxResponseBytes);
  const servers = {
    isProduction,
    isKeyOfClient,
    log,
    report,
    limitResult,
    limits: createLimits(config.limits, isProduction),
    documents,
  };
  const admit = createAdmission(schema, admission);
  const ready = createReadyAnswers({
    maxBytes: config.readyAnswersMaxBytes,
    isValid: cache.isValid,
  });
  const execute = guardedBy(createExecute(schema));
  const known =
    config.execution === 'apollo'
      ? undefined
      : createKnownOperations({
          execute: guardedBy(createPlannedExecute(schema, createExecute(schema))),
          maxBytes: config.maxResponseBytes,
          admit,
          report,
          documents,
          ready,
        });
  const apollo = createGraphQLServer({ ...servers, schema, admit, execute, known });
  // It has a schema of its own: the first trace slows its schema down for good.
  const tracedSchema = config.subgraph ? createSchemaOfAll() : undefined;
  const tracedApollo =
    tracedSchema &&
    createGraphQLServer({
      ...servers,
      schema: tracedSchema,
      execute: guardedBy(createExecute(tracedSchema)),
      admit: createAdmission(tracedSchema, admission),
      isTraced: true,
    });
  const createContext = createContextFactory({
    client,
    feed,
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
      runGuarded({ log, name: 'rejected key' }, () => authFailures.record(rejected));
    },
  });
  const formatError = createFormatError(isProduction, isKeyOfClient);
  const fanOut = createFanOut({
    readEvents: createReadEvents({
      schema,
      createContext,
      openOperation,
      formatError,
      log,
      isKeyOfClient,
      report,
      limitResult,
    }),
    log,
    maxBuffered: config.subscriptions.maxBuffered,
  });
  const [server] = await Promise.all([
    createHttpServer({
      apollo,
      tracedApollo,
      known,
      openOperation,
      authenticate: await createAuthenticate({
        account,
        auth: config.auth,
        isAccepted: client.isAccepted,
        clock,
        log,
      }),
      routerSecret: config.routerSecret,
      live: {
        ...config.subscriptions,
        run: createRun({ apollo, openOperation, fanOut }),
      },
      clock,
      listed,
      requestRate,
      authFailures,
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
      readings: {
        isDemo: isDemo(config),
        lostLogLines,
        isCacheShared: cache.isShared,
        isBudgetShared: budget.isShared,
        cacheBytes: cache.bytes,
        readyAnswers: () => ({ bytes: ready?.bytes() ?? 0, count: ready?.count() ?? 0 }),
        budget: () => (isKeyOfClient ? null : budget.status(tenant)),
        waitingCalls: budget.queueLengths,
        listeners: feed.listeners,
        openBreakers: client.openBreakers,
        webhooks: () => receiver?.outcomes(),
        unexpected: unexpected.counts,
      },
      receiver,
    }),
    apollo.start(),
    tracedApollo?.start(),
  ]);
  await server.ready();
  async function stop(): Promise<void> {
    await server.close();
    authFailures.close();
    await apollo.stop();
    await tracedApollo?.stop();
    feed.close();
    client.close();
    cache.close();
    counting?.disconnect();
  }
  let stopping: Promise<void> | undefined;
  return {
    server: server.server,
    listen: async () =>
      listen(server, { addresses: await addressesOf(config.host), port: config.port, log }),
    stop: () => (stopping ??= stop()),
  };
}

/** Joins the rooms and opens the door. */
export async function startGateway(config: Config, parts: Parts): Promise<Gateway> {
  const { listen, stop } = await joinRooms(config, parts);
  try {
    return { url: await listen(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
