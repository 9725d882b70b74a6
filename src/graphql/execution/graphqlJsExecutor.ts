import type { GraphQLSchema } from 'graphql';
import { execute } from 'graphql';
import { maxValidationErrors } from '../limits/documentLimits.ts';
import type { PrepareOperation } from './executor.ts';

export const createGraphqlJsExecutor =
  (schema: GraphQLSchema): PrepareOperation =>
  (document, operationName) =>
  (variableValues, contextValue, rootValue) =>
    execute({
      schema,
      document,
      operationName,
      variableValues,
      contextValue,
      rootValue,
      options: { maxCoercionErrors: maxValidationErrors },
    });
