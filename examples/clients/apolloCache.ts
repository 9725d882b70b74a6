import type { Reference } from '@apollo/client';
import { InMemoryCache } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';

/** Like `relayStylePagination`, but removes duplicates: an item can be in two pages if the list has changed between them. */
function connection(keyArgs: string[] = []): ReturnType<typeof relayStylePagination> {
  const { read, ...policy } = relayStylePagination(keyArgs);
  return {
    ...policy,
    read(existing, options) {
      const list = read?.(existing, options);
      if (!list?.edges) return list;
      const seen = new Set<string | undefined>();
      const edges = list.edges.filter((edge) => {
        const ref = options.readField<Reference>('node', edge)?.__ref;
        return !seen.has(ref) && seen.add(ref);
      });
      return { ...list, edges };
    },
  };
}

export const createCache = () =>
  new InMemoryCache({
    typePolicies: {
      Query: {
        fields: {
          chats: connection(['filter', 'orderBy']),
          customers: connection(['filter', 'orderBy']),
          inbox: connection(['view']),
          // A chat that is in the cache because of a list needs no request.
          chat: {
            read: (cached: unknown, { args, toReference }): unknown =>
              cached ?? toReference({ __typename: 'Chat', id: String(args?.['id']) }),
          },
        },
      },
      Customer: { fields: { chats: connection(['orderBy']) } },
      Agent: { fields: { chats: connection(['orderBy']) } },
      Department: { fields: { chats: connection(['orderBy']) } },
      Chat: { fields: { messages: connection() } },
      // It has no id: the fields of several operations are merged.
      HelpdeskViewer: { merge: true },
    },
  });
