import { HeaderMap } from '@apollo/server';
import type { ApolloServerPlugin } from '@apollo/server';
import type { DocumentNode, OperationDefinitionNode } from 'graphql';
import { OperationTypeNode } from 'graphql';
import type { Context } from '../context.ts';
import { publicError } from '../errors.ts';

/** A subscription that passed authentication, validation and all limits. */
export interface ValidatedSubscription {
  readonly document: DocumentNode;
  readonly source: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

const useSubscriptionTransport =
  'Subscribe over WebSocket at /graphql, or send "Accept: text/event-stream" or "Accept: multipart/mixed;subscriptionSpec=1.0".';

/** Apollo Server calls this even when no operation was found, contrary to its types. */
const isSubscription = (operation: OperationDefinitionNode | undefined): boolean =>
  operation?.operation === OperationTypeNode.SUBSCRIPTION;

/**
 * Lets Apollo Server parse, validate and limit subscriptions like any other operation, and hands them to `onSubscription` instead of
 * executing them.
 */
export const createSubscriptionHandoffPlugin = (): ApolloServerPlugin<Context> => ({
  requestDidStart: () =>
    Promise.resolve({
      // eslint-disable-next-line @typescript-eslint/require-await -- An exception would leave the rejections of other plugins unhandled.
      async didResolveOperation({ operation, contextValue }) {
        const kind = operation?.operation;
        if (kind === OperationTypeNode.SUBSCRIPTION && contextValue.onSubscription === undefined) {
          throw publicError.badRequest(useSubscriptionTransport);
        }
        if (kind === OperationTypeNode.MUTATION && contextValue.isReadOnly === true) {
          throw publicError.badRequest('Send mutations with POST.', { status: 405 });
        }
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
