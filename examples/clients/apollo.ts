import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { ErrorLink } from '@apollo/client/link/error';
import { relayStylePagination } from '@apollo/client/utilities';
import type { GraphQLErrorExtensions } from 'graphql';
import { mergeMap, timer } from 'rxjs';

/** The user interface handles longer waits. */
const maxWaitMs = 5_000;

const waitOf = ({ code, retryAfterMs }: GraphQLErrorExtensions = {}): number =>
  code === 'RATE_LIMITED' ? Number(retryAfterMs) : Infinity;

/** Retries a rate-limited operation once, unless it has returned some of its data. The jitter keeps clients from retrying together. */
const retryLink = new ErrorLink(({ error, result, operation, forward }) => {
  const hasData = Object.values(result?.data ?? {}).some((value) => value !== null);
  if (!CombinedGraphQLErrors.is(error) || hasData) return undefined;
  const waitMs = Math.max(...error.errors.map(({ extensions }) => waitOf(extensions)));
  if (!(waitMs <= maxWaitMs)) return undefined;
  return timer(waitMs * (1 + Math.random() / 2)).pipe(mergeMap(() => forward(operation)));
});

export const createApolloClient = (url: string) =>
  new ApolloClient({
    link: ApolloLink.from([retryLink, new HttpLink({ uri: url })]),
    cache: new InMemoryCache({
      typePolicies: {
        Query: {
          fields: {
            chats: relayStylePagination(['filter', 'orderBy']),
            customers: relayStylePagination(['filter', 'orderBy']),
            // A chat that a list has loaded needs no request of its own.
            chat: {
              read: (cached: unknown, { args, toReference }): unknown =>
                cached ?? toReference({ __typename: 'Chat', id: String(args?.['id']) }),
            },
          },
        },
        Customer: { fields: { chats: relayStylePagination(['orderBy']) } },
        Agent: { fields: { chats: relayStylePagination(['orderBy']) } },
        Department: { fields: { chats: relayStylePagination(['orderBy']) } },
        Chat: { fields: { messages: relayStylePagination() } },
        // Has no id; fields of several operations are merged.
        HelpdeskViewer: { merge: true },
      },
    }),
  });
