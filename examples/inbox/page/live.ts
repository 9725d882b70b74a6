import type { ApolloClient } from '@apollo/client';
import { useApolloClient } from '@apollo/client/react';
import { useEffect, useEffectEvent } from 'react';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import type {
  ChatChangesSubscription,
  ChatFilter,
  ChatRowFragment,
  MessageLineFragment,
} from './gql/graphql.ts';
import {
  ChatChangesDocument,
  ChatListDocument,
  ChatViewDocument,
  NewMessagesDocument,
} from './gql/graphql.ts';

export const isIn = ({ status, assigneeId }: ChatFilter, chat: ChatRowFragment): boolean =>
  (status == null || chat.status === status) &&
  (assigneeId == null || chat.assignee?.id === assigneeId);

/** What is known of a chat is put right by Apollo; a chat that the list has not met is put into it here. */
function admit({ cache }: ApolloClient, filter: ChatFilter, chat: ChatRowFragment): void {
  if (!isIn(filter, chat)) return;
  cache.updateQuery({ query: ChatListDocument, variables: { filter } }, (data) => {
    if (data == null || data.chats.edges.some(({ node }) => node.id === chat.id)) return undefined;
    const edge = { __typename: 'ChatEdge', cursor: '', node: chat } as const;
    const { edges, totalCount } = data.chats;
    return {
      ...data,
      chats: { ...data.chats, edges: [edge, ...edges], totalCount: totalCount + 1 },
    };
  });
}

function append({ cache }: ApolloClient, id: string, message: MessageLineFragment): void {
  cache.updateQuery({ query: ChatViewDocument, variables: { id } }, (data) => {
    if (data?.chat == null) return undefined;
    const { messages } = data.chat;
    if (messages.edges.some(({ node }) => node.id === message.id)) return undefined;
    const edge = { __typename: 'ChatMessageEdge', cursor: '', node: message } as const;
    return {
      ...data,
      chat: { ...data.chat, messages: { ...messages, edges: [edge, ...messages.edges] } },
    };
  });
}

/** Some events may be lost on the way; the gateway says so, and it is time to read again. */
function catchUp(client: ApolloClient, error: Error | undefined): void {
  if (!CombinedGraphQLErrors.is(error)) return;
  if (error.errors.some(({ extensions }) => extensions?.['missed'] === true)) {
    void client.refetchQueries({ include: 'active' });
  }
}

type Update = ChatChangesSubscription['chatUpdated'];

/** Keeps the list as it is in the helpdesk. */
export function useChatChanges(filter: ChatFilter, onChange: (update: Update) => void): void {
  const client = useApolloClient();
  const take = useEffectEvent((update: Update) => {
    admit(client, filter, update.chat);
    onChange(update);
  });
  useEffect(() => {
    const subscription = client.subscribe({ query: ChatChangesDocument }).subscribe({
      next({ data, error }) {
        catchUp(client, error);
        if (data != null) take(data.chatUpdated);
      },
    });
    return () => subscription.unsubscribe();
  }, [client]);
}

/** Keeps the messages of the chat that is open as they are in the helpdesk. */
export function useNewMessages(
  chatId: string,
  onMessage: (message: MessageLineFragment) => void,
): void {
  const client = useApolloClient();
  const take = useEffectEvent(onMessage);
  useEffect(() => {
    const subscription = client
      .subscribe({ query: NewMessagesDocument, variables: { chatId } })
      .subscribe({
        next({ data, error }) {
          catchUp(client, error);
          if (data == null) return;
          append(client, chatId, data.messageReceived);
          take(data.messageReceived);
        },
      });
    return () => subscription.unsubscribe();
  }, [client, chatId]);
}
