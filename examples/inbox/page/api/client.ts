import type { ObservableQuery } from '@apollo/client';
import { ApolloClient, ApolloLink, HttpLink } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import { of, switchMap, tap } from 'rxjs';
import type { Observable } from 'rxjs';
import { resumableWebSocket } from '../../../clients/resumable.ts';
import { createSignal } from '../state/signal.ts';
import { cache } from './cache.ts';

export interface Budget {
  readonly limit: number;
  readonly remaining: number;
}

/** Extensions of the results. */
interface Extensions {
  readonly upstream?: { readonly rateLimit?: Budget };
  readonly eventId?: string;
}

/** Remaining calls of the account, from the last response. */
export const budget = createSignal<Budget | undefined>(undefined);

/** State of the WebSocket. */
export const connection = createSignal<'connecting' | 'live' | 'lost'>('connecting');

const url = new URL('/graphql', window.location.href);

const sockets = resumableWebSocket(
  createClient({
    url: url.href.replace('http', 'ws'),
    // The page may stay open for days.
    retryAttempts: Infinity,
    shouldRetry: () => true,
    retryWait: (tries) =>
      new Promise((resolve) => setTimeout(resolve, Math.min(500 * 2 ** tries, 10_000))),
    keepAlive: 15_000,
  }),
);

const observeBudget = new ApolloLink((operation, forward) =>
  forward(operation).pipe(
    tap(({ extensions }: { readonly extensions?: Extensions }) => {
      const left = extensions?.upstream?.rateLimit;
      if (left !== undefined) budget.set(left);
    }),
  ),
);

/** The number of events so far. */
let eventCount = 0;

/** Subscriptions that have not received an event: they cannot continue after it when the client reconnects. */
const withoutEvent = new Set<string>();

const countEvents = new ApolloLink((operation, forward) => {
  const name = operation.operationName ?? '';
  withoutEvent.add(name);
  return forward(operation).pipe(
    tap(({ extensions }: { readonly extensions?: Extensions }) => {
      eventCount += 1;
      if (extensions?.eventId !== undefined) withoutEvent.delete(name);
    }),
  );
});

const maxRepeatedReads = 5;

/** A response may be older than an event that arrived before it. It would replace newer data, so the query is repeated. */
const repeatOutdatedReads = new ApolloLink((operation, forward) => {
  const read = (repetitions: number): Observable<ApolloLink.Result> => {
    const countBefore = eventCount;
    const isOutdated = () => eventCount !== countBefore && repetitions < maxRepeatedReads;
    return forward(operation).pipe(
      switchMap((result) => (isOutdated() ? read(repetitions + 1) : of(result))),
    );
  };
  return operation.operationType === OperationTypeNode.QUERY ? read(0) : forward(operation);
});

export const client = new ApolloClient({
  link: ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    ApolloLink.from([countEvents, new GraphQLWsLink(sockets)]),
    ApolloLink.from([repeatOutdatedReads, observeBudget, new HttpLink({ uri: url.href })]),
  ),
  // A refetch must not share the response of a request that was sent before a subscription started.
  queryDeduplication: false,
  // Events keep only what is shown up to date, so what is shown again is read again.
  defaultOptions: { watchQuery: { fetchPolicy: 'cache-and-network' } },
  cache,
});

/** Resolves when the gateway has started the subscriptions sent before. It starts the operations of a connection in order. */
const subscriptionsStarted = () =>
  new Promise<void>((resolve) => {
    const end = () => resolve();
    sockets.subscribe({ query: '{ __typename }' }, { next: end, error: end, complete: end });
  });

/** Refetches the queries that the subscriptions keep up to date, because events before their start are not replayed. */
export async function catchUp(isKeptUpToDate: (queryName?: string) => boolean) {
  await subscriptionsStarted();
  const onQueryUpdated = ({ queryName }: ObservableQuery) => isKeptUpToDate(queryName);
  // The queries show their errors.
  await client.refetchQueries({ include: 'active', onQueryUpdated }).catch(() => undefined);
}

let hasBeenLive = false;
sockets.on('connected', () => {
  connection.set('live');
  // The others continue after their last event.
  if (hasBeenLive && withoutEvent.size > 0) void catchUp(() => true);
  hasBeenLive = true;
});
sockets.on('closed', () => connection.set('lost'));
