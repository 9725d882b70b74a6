import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql';
import { execute } from 'graphql';
import { maxValidationErrors } from '../limits/documentLimits.ts';
import type { Context } from '../context.ts';

/** An operation that has been let in. */
export interface ExecutionRequest {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly context: Context;
}

export type Executor = (execution: ExecutionRequest) => ExecutionResult | Promise<ExecutionResult>;

export const createGraphqlJsExecutor =
  (schema: GraphQLSchema): Executor =>
  ({ document, operationName, variables, context }) =>
    execute({
      schema,
      document,
      operationName,
      variableValues: variables,
      contextValue: context,
      options: { maxCoercionErrors: maxValidationErrors },
    });
