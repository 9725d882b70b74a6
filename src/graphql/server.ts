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
import type { Log } from '../support/log.ts';
import { createAdmissionPlugin } from './admission.ts';
import type { Admit } from './admission.ts';
import { createAnswerPlugin, isContext } from './answer.ts';
import { createBoundedTrace } from './boundedTrace.ts';
import type { Context } from './context.ts';
import type { Documents } from './documents.ts';
import { createFormatError } from './errors.ts';
import type { Execute } from './execution.ts';
import type { KnownOperations } from './knownOperations.ts';
import type { Report } from './report.ts';
import type { LimitResult } from './responseLimit.ts';
import { createSubscriptionDoor } from './subscriptionDoor.ts';
import type { OperationLimits } from './limits.ts';

interface GraphQLServerOptions {
  readonly schema: GraphQLSchema;
  readonly isProduction: boolean;
  /** Whether the helpdesk's key comes from the client. */
  readonly isKeyOfClient?: boolean;
  readonly log: Log;
  readonly admit: Admit;
  /** Executes what Apollo Server has let in. It must go through the guards of the operations. */
  readonly execute: Execute;
  /** Answers what it has seen before. */
  readonly known?: KnownOperations | undefined;
  /** Whether a router may ask how long each field takes. From then on every operation of this server and its schema pays for it. */
  readonly isTraced?: boolean;
  readonly report: Report;
  readonly limitResult: LimitResult;
  readonly limits: OperationLimits;
  readonly documents: Documents;
}

type Executor = ApolloServerOptionsWithGateway<Context>['gateway'];

/** The place where Apollo Server lets somebody else execute. */
function executedBy(schema: GraphQLSchema, execute: Execute): Executor {
  return {
    onSchemaLoadOrUpdate(tell) {
      tell({ apiSchema: schema, coreSupergraphSdl: '' });
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

/** Apollo Server writes to stderr unless it has a logger. What it says is not meant for operators, apart from its own failures. */
const loggerOf = (log: Log) => ({
  debug: () => undefined,
  info: () => undefined,
  warn: (message: unknown) => log.warn('apollo server', { reason: String(message) }),
  error: (message: unknown) => log.error('apollo server', { reason: String(message) }),
});

/** Apollo Server without a transport. It reports nothing to anybody and leaves signals to `main.ts`. */
export const createGraphQLServer = ({
  schema,
  isProduction,
  isKeyOfClient = false,
  log,
  admit,
  execute,
  known,
  report,
  limitResult,
  isTraced = false,
  limits,
  documents,
}: GraphQLServerOptions) =>
  new ApolloServer<Context>({
    gateway: executedBy(schema, known?.execute ?? execute),
    // Apollo would refuse even what a server must answer; a rule of the limits refuses the rest.
    introspection: true,
    hideSchemaDetailsFromClientErrors: isProduction,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    logger: loggerOf(log),
    csrfPrevention: true,
    nodeEnv: isProduction ? 'production' : 'development',
    formatError: createFormatError(isProduction, isKeyOfClient),
    parseOptions: limits.parseOptions,
    validationRules: limits.validationRules,
    validationOptions: limits.validationOptions,
    documentStore: documents.store,
    persistedQueries: documents.persistedQueries,
    plugins: [
      createAdmissionPlugin(admit),
      ...(known === undefined ? [] : [known.plugin]),
      createSubscriptionDoor(),
      // The explorers are pages of our own.
      ApolloServerPluginLandingPageDisabled(),
      // It would look at every field of every answer; no-store is said once, by the route.
      ApolloServerPluginCacheControlDisabled(),
      isTraced ? createBoundedTrace() : ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
      // After the trace, which is part of the response that it measures.
      createAnswerPlugin(log, { isKeyOfClient, report, limitResult }),
    ],
  });

export type GraphQLServer = ReturnType<typeof createGraphQLServer>;
