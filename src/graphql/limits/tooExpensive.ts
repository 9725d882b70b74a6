import { GraphQLError } from 'graphql';

/** Rejects an operation before it is executed. */
export const operationTooExpensiveError = (message: string): GraphQLError =>
  new GraphQLError(message, {
    extensions: { code: 'OPERATION_TOO_EXPENSIVE', http: { status: 400 } },
  });

/** Fails an operation during its execution: the HTTP status stays 200. */
export const tooLarge = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'OPERATION_TOO_EXPENSIVE' } });
