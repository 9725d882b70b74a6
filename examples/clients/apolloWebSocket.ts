import { ApolloClient, ApolloLink, HttpLink } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import type { ClientOptions } from 'graphql-ws';
import { createClient } from 'graphql-ws';
import { retryLink } from './apollo.ts';
import { createCache } from './apolloCache.ts';

/** Returns the value of the header, such as `Bearer …`. It is called for each request and each connection, so it can renew the token. */
type Authorize = () => Promise<string>;

const authorizationLink = (authorize: Authorize) =>
  new SetContextLink(async () => ({ headers: { authorization: await authorize() } }));

/** Node 20 needs the option `webSocketImpl`, such as the class of the package `ws`; browsers and React Native have a `WebSocket`. */
export function createWebSocketClient(
  url: string,
  authorize?: Authorize,
  options: Partial<ClientOptions> = {},
) {
  const webSocket = createClient({
    url: url.replace(/^http/, 'ws'),
    ...(authorize && { connectionParams: async () => ({ authorization: await authorize() }) }),
    // By default the client gives up after five attempts, and in Node at once if the gateway cannot be reached.
    retryAttempts: Infinity,
    shouldRetry: () => true,
    ...options,
  });
  const client = new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(webSocket),
      ApolloLink.from([
        retryLink,
        ...(authorize ? [authorizationLink(authorize)] : []),
        new HttpLink({ uri: url }),
      ]),
    ),
    cache: createCache(),
  });
  // Events are not replayed. Queries that are not active need the fetch policy `cache-and-network`.
  webSocket.on('connected', (_socket, _payload, wasRetry) => {
    if (wasRetry) void client.refetchQueries({ include: 'active' });
  });
  return { client, webSocket };
}
