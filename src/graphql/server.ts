import { ApolloServer } from '@apollo/server';
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
import type { AdmissionOptions } from './admission.ts';
import { createAnswerPlugin } from './answer.ts';
import type { Context } from './context.ts';
import { createFormatError } from './errors.ts';
import { createSubscriptionDoor } from './subscriptionDoor.ts';

interface GraphQLServerOptions {
  readonly schema: GraphQLSchema;
  readonly isProduction: boolean;
  readonly log: Log;
  readonly admission: AdmissionOptions;
}

/** Apollo Server without a transport. It reports nothing to anybody and leaves signals to `main.ts`. */
export const createGraphQLServer = ({
  schema,
  isProduction,
  log,
  admission,
}: GraphQLServerOptions) =>
  new ApolloServer<Context>({
    schema,
    introspection: !isProduction,
    hideSchemaDetailsFromClientErrors: isProduction,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    csrfPrevention: true,
    nodeEnv: isProduction ? 'production' : 'development',
    formatError: createFormatError(isProduction),
    plugins: [
      createAnswerPlugin(log),
      createAdmissionPlugin(admission),
      createSubscriptionDoor(),
      // The explorers are pages of our own.
      ApolloServerPluginLandingPageDisabled(),
      // It would look at every field of every answer; no-store is said once, by the route.
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
  });

export type GraphQLServer = ReturnType<typeof createGraphQLServer>;
