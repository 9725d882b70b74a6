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
import type { DocumentStores } from './operations/documentStore.ts';
import { createFormatError } from './errors.ts';
import type { Executor } from './execution/graphqlJs.ts';
import type { OperationCache } from './operations/operationCache.ts';
import type { ReportOperation } from './operationReport.ts';
import type { LimitResult } from './limits/responseLimit.ts';
import { createSubscriptionHandoffPlugin } from './plugins/subscriptionHandoff.ts';
import type { DocumentValidation } from './limits/documentLimits.ts';

interface GraphQLServerOptions {
  readonly schema: GraphQLSchema;
  readonly isProduction: boolean;
  /** Whether the helpdesk's key comes from the client. */
  readonly forwardsClientKeys?: boolean;
  readonly log: Log;
  readonly assertWithinCost: AssertWithinCost;
  /** Executes what Apollo Server has let in. It must go through the guards of the operations. */
  readonly execute: Executor;
  /** Answers what it has seen before. */
  readonly operationCache?: OperationCache | undefined;
  /** Whether a router may ask how long each field takes. From then on every operation of this server and its schema pays for it. */
  readonly isFieldTraced?: boolean;
  readonly report: ReportOperation;
  readonly limitResult: LimitResult;
  readonly validation: DocumentValidation;
  readonly documents: DocumentStores;
}

type ApolloGateway = ApolloServerOptionsWithGateway<Context>['gateway'];

/** The place where Apollo Server lets somebody else execute. */
function gatewayFor(schema: GraphQLSchema, execute: Executor): ApolloGateway {
  return {
    onSchemaLoadOrUpdate(onSchema) {
      onSchema({ apiSchema: schema, coreSupergraphSdl: '' });
      return () => undefined;
    },
    load: () =>
      Promise.resolve({
        executor: async ({ document, request: { operationName, variables }, context }) => {
          if (!isContext(context)) throw new Error('Every operation has a context.');
          return execute({ document, operationName, variables, context });
        },
      }),
    stop: () => Promise.resolve(),
  };
}

/** Apollo Server writes to stderr unless it has a logger. It reports errors as text or as they are; both are redacted as `error`. */
const loggerOf = (log: Log) => ({
  debug: () => undefined,
  info: () => undefined,
  warn: (error: unknown) => log.warn('apollo server', { error }),
  error: (error: unknown) => log.error('apollo server', { error }),
});

/** Apollo Server without a transport. It reports nothing to anybody and leaves signals to `main.ts`. */
export const createGraphQLServer = ({
  schema,
  isProduction,
  forwardsClientKeys = false,
  log,
  assertWithinCost,
  execute,
  operationCache: cached,
  report,
  limitResult,
  isFieldTraced = false,
  validation,
  documents,
}: GraphQLServerOptions) =>
  new ApolloServer<Context>({
    gateway: gatewayFor(schema, cached?.execute ?? execute),
    // Apollo would refuse even what a server must answer; a rule of the limits refuses the rest.
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
    documentStore: documents.store,
    persistedQueries: documents.persistedQueries,
    plugins: [
      createCostPlugin(assertWithinCost),
      ...(cached === undefined ? [] : [cached.plugin]),
      createSubscriptionHandoffPlugin(),
      // The explorers are pages of our own.
      ApolloServerPluginLandingPageDisabled(),
      // It would look at every field of every answer; no-store is said once, by the route.
      ApolloServerPluginCacheControlDisabled(),
      isFieldTraced ? createBoundedTrace() : ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      // After the trace, which is part of the response that it measures.
      createResponsePlugin(log, { isKeyOfClient: forwardsClientKeys, report, limitResult }),
    ],
  });

export type GraphQLServer = ReturnType<typeof createGraphQLServer>;
