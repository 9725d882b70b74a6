import { HeaderMap } from '@apollo/server';
import type { ApolloServerPlugin } from '@apollo/server';
import type { DocumentNode, OperationDefinitionNode } from 'graphql';
import { GraphQLError, OperationTypeNode } from 'graphql';
import type { Context } from '../context.ts';

/** A subscription that has passed validation and all limits. */
export interface ValidatedSubscription {
  readonly document: DocumentNode;
  readonly source: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

const useSubscriptionTransport =
  'Subscribe over WebSocket at /graphql or with server-sent events at /graphql/stream.';

const badRequestError = (message: string, status: number): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'BAD_REQUEST', http: { status } } });

/** Apollo Server calls the hook without an operation too, contrary to its types. */
const isSubscription = (operation: OperationDefinitionNode | undefined): boolean =>
  operation?.operation === OperationTypeNode.SUBSCRIPTION;

/**
 * Apollo Server validates subscriptions like other operations, so the same limits apply; then they are handed over instead of
 * executed.
 */
export const createSubscriptionHandoffPlugin = (): ApolloServerPlugin<Context> => ({
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation({ operation, contextValue }) {
        const kind = operation?.operation;
        if (kind === OperationTypeNode.SUBSCRIPTION && contextValue.onSubscription === undefined) {
          throw badRequestError(useSubscriptionTransport, 400);
        }
        if (kind === OperationTypeNode.MUTATION && contextValue.isReadOnly === true) {
          throw badRequestError('A mutation is sent with POST.', 405);
        }
        return Promise.resolve();
      },
      responseForOperation({ operation, contextValue, document, request, source, operationName }) {
        if (!isSubscription(operation)) return Promise.resolve(null);
        const { variables = {} } = request;
        contextValue.onSubscription?.({ document, source, operationName, variables });
        return Promise.resolve({
          http: { headers: new HeaderMap() },
          body: { kind: 'single', singleResult: { data: null } },
        });
      },
    }),
});
