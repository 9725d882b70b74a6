import { ApolloClient, ApolloLink, HttpLink } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import type { ClientOptions } from 'graphql-ws';
import { createClient } from 'graphql-ws';
import { retryLink } from './apollo.ts';
import { createCache } from './apolloCache.ts';

/** Node 20 needs the option `webSocketImpl`, such as the class of the package `ws`; browsers and React Native have a `WebSocket`. */
export function createWebSocketClient(url: string, options: Partial<ClientOptions> = {}) {
  const webSocket = createClient({
    url: url.replace(/^http/, 'ws'),
    // By default the client gives up after five attempts, or at the first connection error.
    retryAttempts: Infinity,
    shouldRetry: () => true,
    ...options,
  });
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(webSocket),
      ApolloLink.from([retryLink, new HttpLink({ uri: url })]),
    ),
    cache: createCache(),
  });
  // Events are not replayed.
  webSocket.on('connected', (_socket, _payload, wasRetry) => {
    if (wasRetry) void client.refetchQueries({ include: 'active' });
  });
  return { client, webSocket };
}
