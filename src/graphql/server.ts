import { ApolloServer } from '@apollo/server';
import type { ApolloServerOptionsWithGateway } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { GraphQLSchema } from 'graphql';
import type { Log } from '../observability/log.ts';
import { createCostPlugin } from './cost/limiter.ts';
import type { AssertWithinCost } from './cost/limiter.ts';
import { createResponsePlugin, isContext } from './plugins/response.ts';
import { createBoundedTrace } from './plugins/boundedTrace.ts';
import type { Context } from './context.ts';
import { createFormatError } from './errors.ts';
import type { PrepareOperation } from './execution/executor.ts';
import type { OperationCache } from './operations/operationCache.ts';
import type { ReportOperation } from './operationReport.ts';
import type { EnforceResponseLimit } from './limits/responseLimit.ts';
import { createSubscriptionHandoffPlugin } from './plugins/subscriptionHandoff.ts';
import type { DocumentValidation } from './limits/documentLimits.ts';

interface GraphQLServerOptions {
  readonly schema: GraphQLSchema;
  readonly isProduction: boolean;
  /** Whether clients send the API key. */
  readonly forwardsClientKeys?: boolean;
  readonly log: Log;
  readonly assertWithinCost: AssertWithinCost;
  readonly operationCache: OperationCache;
  /** Executes instead of the operation cache. It must run operations in their guards. */
  readonly executor?: PrepareOperation | undefined;
  /** Whether a router may request traces. The first trace slows down every later operation of this server and its schema. */
  readonly isFieldTraced?: boolean;
  readonly report: ReportOperation;
  readonly limitResult: EnforceResponseLimit;
  readonly validation: DocumentValidation;
}

type ApolloGateway = ApolloServerOptionsWithGateway<Context>['gateway'];

/** Apollo Server accepts an executor of our own only as a gateway: see docs/decisions/0074-pass-the-executor-to-apollo-server-as-a-gateway.md. */
function gatewayFor({ schema, operationCache, executor }: GraphQLServerOptions): ApolloGateway {
  return {
    onSchemaLoadOrUpdate(onSchema) {
      onSchema({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => undefined;
    },
    load: () =>
      Promise.resolve({
        executor: async ({ document, queryHash, request, context }) => {
          if (!isContext(context)) throw new Error('Every operation has a context.');
          const { operationName, variables } = request;
          return executor
            ? executor(document, operationName)(variables, context)
            : operationCache.execute({ document, queryHash, operationName, variables, context });
        },
      }),
    stop: () => Promise.resolve(),
  };
}

/** Without a logger Apollo Server writes to stderr. It passes errors as text or as objects; the log redacts both. */
const loggerOf = (log: Log) => ({
  debug: () => undefined,
  info: () => undefined,
  warn: (error: unknown) => log.warn('apollo server', { error }),
  error: (error: unknown) => log.error('apollo server', { error }),
});

/** Apollo Server without a transport, usage reporting and signal handlers. */
export function createGraphQLServer(options: GraphQLServerOptions) {
  const { isProduction, forwardsClientKeys = false, log, assertWithinCost } = options;
  const { operationCache, report, limitResult, isFieldTraced = false, validation } = options;
  return new ApolloServer<Context>({
    gateway: gatewayFor(options),
    // Apollo would reject introspection that must work; a validation rule of ours rejects the rest.
    introspection: true,
    hideSchemaDetailsFromClientErrors: isProduction,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    logger: loggerOf(log),
    csrfPrevention: true,
    nodeEnv: isProduction ? 'production' : 'development',
    formatError: createFormatError(isProduction, forwardsClientKeys),
    parseOptions: validation.parseOptions,
    validationRules: validation.validationRules,
    validationOptions: validation.validationOptions,
    documentStore: operationCache.documentStore,
    persistedQueries: operationCache.persistedQueries,
    plugins: [
      // First, because no cost is low enough for an operation that the transport does not serve.
      createSubscriptionHandoffPlugin(),
      createCostPlugin(assertWithinCost, (hash) => operationCache.costsOf(hash)),
      // The explorers replace it.
      ApolloServerPluginLandingPageDisabled(),
      // It would inspect every field of every response; the route sends `no-store`.
      ApolloServerPluginCacheControlDisabled(),
      isFieldTraced ? createBoundedTrace() : ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      // Last, because it measures the response with the trace.
      createResponsePlugin(log, { forwardsClientKeys, report, limitResult }),
    ],
  });
}

export type GraphQLServer = ReturnType<typeof createGraphQLServer>;
