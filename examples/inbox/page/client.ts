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

/** What the gateway says beside each answer. */
interface Extensions {
  readonly upstream?: { readonly rateLimit?: Budget };
}

/** How many calls the account has left, as the last answer said. */
export const budget = createSignal<Budget | undefined>(undefined);

/** Whether changes are heard as they happen. */
export const line = createSignal<'joining' | 'live' | 'lost'>('joining');

const url = new URL('/graphql', window.location.href);

const sockets = createClient({
  url: url.href.replace('http', 'ws'),
  // Somebody may leave the page open over night.
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
  // Nothing is told again of what happened in between.
  if (hasBeenLive) void client.refetchQueries({ include: 'active' });
  hasBeenLive = true;
});
sockets.on('closed', () => line.set('lost'));
