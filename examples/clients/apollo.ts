import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { ErrorLink } from '@apollo/client/link/error';
import { relayStylePagination } from '@apollo/client/utilities';
import { mergeMap, timer } from 'rxjs';

/** Retries rate-limited operations once, after `retryAfterMs`. */
const retryLink = new ErrorLink(({ error, operation, forward }) => {
  const [first] = CombinedGraphQLErrors.is(error) ? error.errors : [];
  const { code, retryAfterMs } = first?.extensions ?? {};
  if (code !== 'RATE_LIMITED' || typeof retryAfterMs !== 'number') return undefined;
  return timer(retryAfterMs).pipe(mergeMap(() => forward(operation)));
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
