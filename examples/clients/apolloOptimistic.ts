import type { ApolloClient, TypedDocumentNode } from '@apollo/client';
import { gql } from '@apollo/client';

interface Message {
  readonly __typename: 'ChatMessage';
  readonly id: string;
  readonly from: string;
  readonly text: string | null;
  readonly createdAt: string | null;
}

interface Tag {
  readonly __typename: 'CustomerTag';
  readonly name: string;
  readonly color: string | null;
}

interface Customer {
  readonly __typename: 'Customer';
  readonly id: string;
  readonly name: string | null;
}

interface Messages {
  readonly chat: {
    readonly __typename: 'Chat';
    readonly id: string;
    readonly messages: {
      readonly edges: readonly { readonly cursor: string; readonly node: Message }[];
    } | null;
  } | null;
}

export const messagesOfChat: TypedDocumentNode<Messages, { id: string }> = gql`
  query MessagesOfChat($id: ID!) {
    chat(id: $id) {
      id
      messages(first: 20) {
        edges {
          cursor
          node {
            id
            from
            text
            createdAt
          }
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
`;

const sendMessage: TypedDocumentNode<
  { sendMessage: Message | null },
  { chatId: string; agentId: string; text: string; key: string }
> = gql`
  mutation Reply($chatId: ID!, $agentId: ID!, $text: String!, $key: String!) {
    sendMessage(chatId: $chatId, by: AGENT, agentId: $agentId, text: $text, idempotencyKey: $key) {
      id
      from
      text
      createdAt
    }
  }
`;

/** Shows the message at the top of the list. If it fails, Apollo Client removes it; repeat it with the same key. */
export const reply = (
  client: ApolloClient,
  { key, ...message }: { chatId: string; agentId: string; text: string; key: string },
) =>
  client.mutate({
    mutation: sendMessage,
    variables: { ...message, key },
    optimisticResponse: {
      sendMessage: {
        __typename: 'ChatMessage',
        id: key,
        from: 'AGENT',
        text: message.text,
        createdAt: new Date().toISOString(),
      },
    },
    // Runs for the optimistic response, and again for the real one.
    update(cache, { data }) {
      const node = data?.sendMessage;
      if (!node) return;
      cache.updateQuery(
        { query: messagesOfChat, variables: { id: message.chatId } },
        (current) =>
          current?.chat?.messages && {
            chat: {
              ...current.chat,
              messages: {
                ...current.chat.messages,
                edges: [{ cursor: '', node }, ...current.chat.messages.edges],
              },
            },
          },
      );
    },
  });

const setStatus: TypedDocumentNode<
  { setChatStatus: { __typename: 'Chat'; id: string; status: string } | null },
  { id: string }
> = gql`
  mutation Close($id: ID!) {
    setChatStatus(id: $id, status: CLOSED) {
      id
      status
    }
  }
`;

/** Shows the status at once. Lists by status are read again, because the chat has left them. */
export const closeChat = (client: ApolloClient, id: string) =>
  client.mutate({
    mutation: setStatus,
    variables: { id },
    optimisticResponse: { setChatStatus: { __typename: 'Chat', id, status: 'CLOSED' } },
    refetchQueries: ['OpenChats'],
  });

export const tagsOfCustomer: TypedDocumentNode<
  { readonly __typename: 'Customer'; readonly tags: readonly Tag[] | null },
  Record<string, never>
> = gql`
  fragment TagsOfCustomer on Customer {
    tags {
      name
      color
    }
  }
`;

const addTag: TypedDocumentNode<
  { addCustomerTags: { __typename: 'Customer'; id: string; tags: readonly Tag[] | null } | null },
  { id: string; name: string }
> = gql`
  mutation Tag($id: ID!, $name: String!) {
    addCustomerTags(customerId: $id, tags: [{ name: $name }]) {
      id
      ...TagsOfCustomer
    }
  }
  ${tagsOfCustomer}
`;

/** Adds the tag to those in the cache; if they are not there, the tag is shown when the response arrives. */
export function tagCustomer(client: ApolloClient, id: string, name: string) {
  const known = client.cache.readFragment({
    from: { __typename: 'Customer', id },
    fragment: tagsOfCustomer,
  });
  const tag = { __typename: 'CustomerTag', name, color: null } as const;
  return client.mutate({
    mutation: addTag,
    variables: { id, name },
    optimisticResponse: (_variables, { IGNORE }) =>
      known?.tags
        ? { addCustomerTags: { __typename: 'Customer' as const, id, tags: [...known.tags, tag] } }
        : IGNORE,
  });
}

export const customerByUserId: TypedDocumentNode<
  { customerByUserId: Customer | null },
  { userId: string }
> = gql`
  query CustomerByUserId($userId: String!) {
    customerByUserId(userId: $userId) {
      id
      name
    }
  }
`;

const upsert: TypedDocumentNode<
  { upsertCustomer: Customer | null },
  { userId: string; input: { name: string } }
> = gql`
  mutation Upsert($userId: String!, $input: UpdateCustomerInput!) {
    upsertCustomer(userId: $userId, input: $input) {
      id
      name
    }
  }
`;

/** A new customer has no id yet: only a known one is shown at once. */
export function upsertCustomer(client: ApolloClient, userId: string, name: string) {
  const query = { query: customerByUserId, variables: { userId } };
  const known = client.readQuery(query)?.customerByUserId;
  return client.mutate({
    mutation: upsert,
    variables: { userId, input: { name } },
    optimisticResponse: (_variables, { IGNORE }) =>
      known ? { upsertCustomer: { ...known, name } } : IGNORE,
    update(cache, { data }) {
      if (data?.upsertCustomer)
        cache.writeQuery({ ...query, data: { customerByUserId: data.upsertCustomer } });
    },
  });
}
