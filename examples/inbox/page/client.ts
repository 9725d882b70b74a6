import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { tap } from 'rxjs';
import { createSignal } from './signal.ts';

export interface Budget {
  readonly limit: number;
  readonly remaining: number;
}

/** Extensions of each response. */
interface Extensions {
  readonly upstream?: { readonly rateLimit?: Budget };
}

/** Remaining calls of the account, from the last response. */
export const budget = createSignal<Budget | undefined>(undefined);

/** State of the WebSocket. */
export const line = createSignal<'joining' | 'live' | 'lost'>('joining');

const url = new URL('/graphql', window.location.href);

const sockets = createClient({
  url: url.href.replace('http', 'ws'),
  // The page may stay open for days.
  retryAttempts: Infinity,
  shouldRetry: () => true,
  retryWait: (tries) =>
    new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** tries, 10_000))),
  keepAlive: 15_000,
});

const http = ApolloLink.from([
  new ApolloLink((operation, forward) =>
    forward(operation).pipe(
      tap(({ extensions }: { readonly extensions?: Extensions }) => {
        const left = extensions?.upstream?.rateLimit;
        if (left !== undefined) budget.set(left);
      }),
    ),
  ),
  new HttpLink({ uri: url.href }),
]);

export const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(sockets),
    http,
  ),
  cache: new InMemoryCache({
    typePolicies: {
      Query: { fields: { chats: relayStylePagination(['filter', 'orderBy']) } },
      Chat: { fields: { messages: relayStylePagination() } },
    },
  }),
});

let hasBeenLive = false;
sockets.on('connected', () => {
  line.set('live');
  // Events are not replayed after a reconnection.
  if (hasBeenLive) void client.refetchQueries({ include: 'active' });
  hasBeenLive = true;
});
sockets.on('closed', () => line.set('lost'));
