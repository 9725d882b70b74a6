import { hash } from 'node:crypto';
import { printSchema } from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { entitiesCallLimit } from '../config/settings.ts';
import type { EventBus } from '../events/bus.ts';
import type { ChangeDeduplicator } from '../events/changeDeduplicator.ts';
import type { Context } from '../graphql/context.ts';
import { createContextFactory } from '../graphql/context.ts';
import { createCostLimiter } from '../graphql/cost/limiter.ts';
import { createFormatError } from '../graphql/errors.ts';
import { FieldUsage } from '../graphql/fieldUsage.ts';
import { withGuard, guardResolvers } from '../graphql/execution/executionGuard.ts';
import { createGraphqlJsExecutor } from '../graphql/execution/graphqlJsExecutor.ts';
import { createPlanExecutor } from '../graphql/execution/planExecutor.ts';
import { createDocumentValidation } from '../graphql/limits/documentLimits.ts';
import { createResponseLimit } from '../graphql/limits/responseLimit.ts';
import { createOpenOperation } from '../graphql/operation.ts';
import { RunningMutations } from '../graphql/runningMutations.ts';
import { createNameLimiter, createReporter } from '../graphql/operationReport.ts';
import { OperationCache } from '../graphql/operations/operationCache.ts';
import { createPersistedDocuments } from '../graphql/operations/persistedDocuments.ts';
import type { RequestParams } from '../graphql/operations/persistedDocuments.ts';
import { createResponseCache } from '../graphql/operations/responseCache.ts';
import { createSchema } from '../graphql/schema/build.ts';
import { createGraphQLServer } from '../graphql/server.ts';
import type { GraphQLServer } from '../graphql/server.ts';
import { createSubscriptionExecutor } from '../graphql/subscriptions/eventExecution.ts';
import { createRunOperation } from '../graphql/subscriptions/run.ts';
import { createSharedSubscriptions } from '../graphql/subscriptions/shared.ts';
import type { AuthFailureLimiter } from '../http/auth/authFailures.ts';
import { runGuarded } from '../observability/guarded.ts';
import { requestIds } from '../observability/tracing.ts';
import {
  createCopyFromRedis,
  createIsCached,
  createLengthOf,
  createReadLists,
  createLoaders,
  createSources,
} from '../resources/registry.ts';
import { resourceResolvers } from '../resources/resolvers.ts';
import type { UpstreamParts } from './createUpstream.ts';
import type { Foundation } from './foundation.ts';

interface GraphQLParts {
  readonly upstream: UpstreamParts;
  readonly eventBus: EventBus;
  readonly changeDeduplicator: ChangeDeduplicator;
  readonly authFailureLimiter: AuthFailureLimiter;
}

const createFullSchema = ({ config }: Foundation): GraphQLSchema =>
  guardResolvers(
    createSchema(resourceResolvers, {
      mutations: config.mutations,
      subgraph: config.subgraph ? { excludedRootFields: config.excludedRootFields } : undefined,
    }),
  );

/** Without several accounts the limit was derived from the rate limit of the only one. */
const maxReferenceCallsOf =
  ({ config, accounts }: Foundation) =>
  (account: string): number =>
    config.accounts === undefined
      ? config.maxReferenceCalls
      : entitiesCallLimit(accounts.get(account)?.rateLimit ?? 0, config.maxReferenceCalls);

const createCostLimiterFor = (schema: GraphQLSchema, foundation: Foundation) =>
  createCostLimiter(schema, {
    maxCalls: foundation.config.maxUpstreamCalls,
    maxReferenceCalls: maxReferenceCallsOf(foundation),
    maxNodes: foundation.config.maxResponseNodes,
    isCached: ({ sources, viewer }: Context) => createIsCached(sources, viewer),
    lengthOf: ({ sources }: Context) => createLengthOf(sources),
    readLists: ({ sources }: Context) => createReadLists(sources),
    hydrate: ({ sources }: Context) => createCopyFromRedis(sources),
    customerOf: ({ viewer }: Context) => (viewer.role === 'CUSTOMER' ? viewer : undefined),
  });

const createOperations = (
  { config, clock, log }: Foundation,
  { upstream, eventBus, changeDeduplicator, authFailureLimiter }: GraphQLParts,
) => {
  const createContext = createContextFactory({
    upstreamClient: upstream.client,
    eventBus,
    changeDeduplicator,
    clock,
    createSources,
    createLoaders,
  });
  const mutations = new RunningMutations();
  const openOperation = createOpenOperation({
    createContext,
    mutations,
    timeoutMs: config.operationTimeoutMs,
    maxNodes: config.maxResponseNodes,
    clock,
    onRejectedKey({ address, isRouter, ...caller }) {
      const kind = { reason: 'upstream', entryPoint: 'operation' } as const;
      const rejected = { address, isRouter, ...requestIds(caller), ...kind };
      runGuarded({ log, name: 'rejected key' }, () => authFailureLimiter.record(rejected));
    },
  });
  return { createContext, openOperation, mutations };
};

/**
 * The first trace permanently slows down the schema that it runs on, so traces have a server and a schema of their own. They are
 * created with the first trace, because few gateways are asked for one.
 */
function createTracedApollo(
  foundation: Foundation,
  options: Omit<Parameters<typeof createGraphQLServer>[0], 'schema' | 'assertWithinCost'>,
): () => Promise<GraphQLServer> {
  const start = async () => {
    const schema = createFullSchema(foundation);
    const server = createGraphQLServer({
      ...options,
      schema,
      executor: withGuard(createGraphqlJsExecutor(schema)),
      assertWithinCost: createCostLimiterFor(schema, foundation),
      isFieldTraced: true,
    });
    await server.start();
    return server;
  };
  let started: Promise<GraphQLServer> | undefined;
  foundation.disposers.defer(async () => (await started)?.stop());
  return () => (started ??= start());
}

/** Apollo Server with the operation cache and the response cache in front of it. */
function createServers(foundation: Foundation, schema: GraphQLSchema, upstream: UpstreamParts) {
  const { config, clock, log, metrics, accountLabel, forwardsClientKeys } = foundation;
  const { isProduction } = config;
  const { cache, client } = upstream;
  const persistedDocuments = createPersistedDocuments({
    schema,
    manifest: config.persistedOperations,
    persistedOnly: config.persistedOnly,
  });
  const limitName = createNameLimiter();
  const fieldUsage = new FieldUsage(schema, metrics.fieldUsed);
  metrics.beforeScrape(() => fieldUsage.flush());
  const observe = metrics.operation;
  const report = createReporter({
    ...{ clock, log, limitName, accountLabel, observe, fieldUsage },
    isKeyVerified: client.isKeyVerified,
  });
  const limitResult = createResponseLimit(config.maxResponseBytes);
  const validation = createDocumentValidation(config.limits, isProduction);
  const assertWithinCost = createCostLimiterFor(schema, foundation);
  const responseCache = createResponseCache({
    maxBytes: config.responseCacheMaxBytes,
    isValid: (dependencies) => cache.isValid(dependencies),
    onHit: (dependencies) => cache.recordAccess(dependencies),
  });
  cache.onErasure(() => responseCache?.clear());
  const graphqlJsExecutor = createGraphqlJsExecutor(schema);
  const isCacheUsed = config.operationCache === 'on';
  const planExecutor = withGuard(createPlanExecutor(schema, graphqlJsExecutor));
  const operationCache = new OperationCache({
    schema,
    executor: planExecutor,
    assertWithinCost,
    report,
    persistedDocuments,
    maxResponseBytes: config.maxResponseBytes,
    responseCache,
  });
  const shared = { isProduction, forwardsClientKeys, log, report, limitResult };
  const options = { ...shared, validation, operationCache };
  const apollo = createGraphQLServer({
    ...options,
    schema,
    assertWithinCost,
    executor: isCacheUsed ? undefined : withGuard(graphqlJsExecutor),
  });
  return {
    apollo,
    tracedApollo: config.subgraph ? createTracedApollo(foundation, options) : undefined,
    operationCache: isCacheUsed ? operationCache : undefined,
    eventExecutor: isCacheUsed ? planExecutor : withGuard(graphqlJsExecutor),
    textOf: (params: RequestParams) => operationCache.textOf(params),
    responseCache,
    persistedDocuments,
    ...shared,
  };
}

/** Everything that executes operations. */
export async function createGraphQLExecution(foundation: Foundation, parts: GraphQLParts) {
  const { config, accounts, clock, log, forwardsClientKeys, disposers } = foundation;
  const schema = createFullSchema(foundation);
  const { report, limitResult, eventExecutor, ...servers } = createServers(
    foundation,
    schema,
    parts.upstream,
  );
  const { apollo } = servers;
  await apollo.start();
  disposers.defer(() => apollo.stop());
  const { createContext, openOperation, mutations } = createOperations(foundation, parts);
  const sharedSubscriptions = createSharedSubscriptions({
    executeSubscription: createSubscriptionExecutor({
      schema,
      executor: eventExecutor,
      createContext,
      openOperation,
      formatError: createFormatError(config.isProduction, forwardsClientKeys),
      log,
      forwardsClientKeys,
      report,
      limitResult,
      clock,
      rateLimitOf: (account) => accounts.get(account)?.rateLimit ?? config.rateLimit,
    }),
    log,
    maxBuffered: config.subscriptions.maxBuffered,
  });
  const run = createRunOperation({
    apollo,
    operationCache: servers.operationCache,
    openOperation,
    sharedSubscriptions,
  });
  let version: string | undefined;
  // On first use, because it would lengthen the start by 20 ms.
  const schemaVersion = () => (version ??= hash('sha256', printSchema(schema), 'base64url'));
  return { ...servers, schema, schemaVersion, openOperation, mutations, run };
}

export type GraphQLExecution = Awaited<ReturnType<typeof createGraphQLExecution>>;
