import type { DocumentNode, ExecutionResult, GraphQLSchema } from 'graphql';
import { execute } from 'graphql';
import { maxErrors } from './limits.ts';
import type { Context } from './context.ts';

/** An operation that has been let in. */
export interface Execution {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly context: Context;
}

export type Execute = (execution: Execution) => ExecutionResult | Promise<ExecutionResult>;

export const createExecute =
  (schema: GraphQLSchema): Execute =>
  ({ document, operationName, variables, context }) =>
    execute({
      schema,
      document,
      operationName,
      variableValues: variables,
      contextValue: context,
      options: { maxCoercionErrors: maxErrors },
    });
