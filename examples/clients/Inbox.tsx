import type { TypedDocumentNode } from '@apollo/client';
import { gql } from '@apollo/client';
import { useMutation, useQuery, useSubscription } from '@apollo/client/react';

interface Chat {
  readonly __typename: 'Chat';
  readonly id: string;
  readonly lastMessageText: string | null;
  readonly readByAgent: boolean | null;
}

interface OpenChats {
  readonly chats: {
    readonly edges: readonly { readonly node: Chat }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  } | null;
}

export const openChats: TypedDocumentNode<OpenChats, { after?: string | null }> = gql`
  query OpenChats($after: String) {
    chats(first: 10, after: $after, filter: { status: OPENED }) {
      edges {
        cursor
        node {
          id
          lastMessageText
          readByAgent
        }
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`;

const markChatRead: TypedDocumentNode<
  { markChatRead: Pick<Chat, '__typename' | 'id' | 'readByAgent'> | null },
  { id: string }
> = gql`
  mutation MarkChatRead($id: ID!) {
    markChatRead(id: $id, by: AGENT, read: true) {
      id
      readByAgent
    }
  }
`;

const changes = gql`
  subscription Changes {
    chatUpdated {
      chat {
        id
        lastMessageText
        readByAgent
      }
    }
  }
`;

export function Inbox() {
  // With `all` the chats are shown although one of their fields has failed.
  const { data, error, fetchMore } = useQuery(openChats, { errorPolicy: 'all' });
  const [markRead, marking] = useMutation(markChatRead, {
    optimisticResponse: ({ id }) => ({
      markChatRead: { __typename: 'Chat' as const, id, readByAgent: true },
    }),
    // The state of the mutation shows the error. Without this function the event handler would have to catch it.
    onError: () => undefined,
  });
  // Events update the chats in the cache.
  useSubscription(changes, { ignoreResults: true });
  const { edges = [], pageInfo } = data?.chats ?? {};
  const failure = error ?? marking.error;
  return (
    <main>
      {failure && <p role="alert">{failure.message}</p>}
      <ul>
        {edges.map(({ node: { id, lastMessageText, readByAgent } }) => (
          <li key={id}>
            {lastMessageText}
            {readByAgent === false && (
              <button onClick={() => void markRead({ variables: { id } })}>Mark as read</button>
            )}
          </li>
        ))}
      </ul>
      {pageInfo?.hasNextPage && (
        <button onClick={() => void fetchMore({ variables: { after: pageInfo.endCursor } })}>
          More
        </button>
      )}
    </main>
  );
}
