import { ApolloClient, ApolloLink, HttpLink } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { cacheExchange, Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { OperationTypeNode } from 'graphql';
import { createClient as createEventStream } from 'graphql-sse';
import type { ClientOptions as EventStreamOptions } from 'graphql-sse';
import { createClient as createWebSocket } from 'graphql-ws';
import type { ClientOptions } from 'graphql-ws';
import { createCache } from './apolloCache.ts';
import { resumableEventStream, resumableWebSocket } from './resumable.ts';

/** By default both give up after five attempts. */
const always = { retryAttempts: Infinity, shouldRetry: () => true };

export const webSocketClient = (url: string, options: Partial<ClientOptions> = {}) =>
  resumableWebSocket(createWebSocket({ url: url.replace(/^http/, 'ws'), ...always, ...options }));

export const eventStreamClient = (url: string, options: Partial<EventStreamOptions> = {}) =>
  resumableEventStream(createEventStream({ url, retryAttempts: Infinity, ...options }));

export const apolloClient = (url: string, options: Partial<ClientOptions> = {}) =>
  new ApolloClient({
    link: ApolloLink.split(
      ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
      new GraphQLWsLink(webSocketClient(url, options)),
      new HttpLink({ uri: url }),
    ),
    cache: createCache(),
  });

export function urqlClient(url: string, options: Partial<ClientOptions> = {}) {
  const webSocket = webSocketClient(url, options);
  return new Client({
    url,
    preferGetMethod: false,
    exchanges: [
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query = '', variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: webSocket.subscribe({ query, variables }, sink as never),
          }),
        }),
      }),
    ],
  });
}
