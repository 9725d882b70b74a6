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
import { catchUp } from './client.ts';
import {
  ChatChangesDocument,
  ChatListDocument,
  ChatViewDocument,
  NewMessagesDocument,
} from './gql/graphql.ts';

export const isIn = ({ status, assigneeId }: ChatFilter, chat: ChatRowFragment): boolean =>
  (status == null || chat.status === status) &&
  (assigneeId == null || chat.assignee?.id === assigneeId);

/** Apollo updates cached chats. A chat that is missing in the list is inserted here. */
function insert({ cache }: ApolloClient, filter: ChatFilter, chat: ChatRowFragment): void {
  if (!isIn(filter, chat)) return;
  cache.updateQuery({ query: ChatListDocument, variables: { filter } }, (data) => {
    if (data?.chats == null) return undefined;
    const { edges, totalCount } = data.chats;
    if (edges.some(({ node }) => node.id === chat.id)) return undefined;
    const edge = { __typename: 'ChatEdge', cursor: '', node: chat } as const;
    const chats = {
      ...data.chats,
      edges: [edge, ...edges],
      totalCount: totalCount === null ? null : totalCount + 1,
    };
    return { ...data, chats };
  });
}

function append({ cache }: ApolloClient, id: string, message: MessageLineFragment): void {
  cache.updateQuery({ query: ChatViewDocument, variables: { id } }, (data) => {
    if (data?.chat?.messages == null) return undefined;
    const { messages } = data.chat;
    if (messages.edges.some(({ node }) => node.id === message.id)) return undefined;
    const edge = { __typename: 'ChatMessageEdge', cursor: '', node: message } as const;
    return {
      ...data,
      chat: { ...data.chat, messages: { ...messages, edges: [edge, ...messages.edges] } },
    };
  });
}

/** Refetches when the gateway reports that events may have been missed. */
function refetchIfMissed(client: ApolloClient, error: Error | undefined): void {
  if (!CombinedGraphQLErrors.is(error)) return;
  if (error.errors.some(({ extensions }) => extensions?.['missed'] === true)) {
    void client.refetchQueries({ include: 'active' });
  }
}

type Update = ChatChangesSubscription['chatUpdated'];

/** Keeps the list up to date. */
export function useChatChanges(filter: ChatFilter, onChange: (update: Update) => void): void {
  const client = useApolloClient();
  const take = useEffectEvent((update: Update) => {
    if (update.chat !== null) insert(client, filter, update.chat);
    onChange(update);
  });
  useEffect(() => {
    const subscription = client.subscribe({ query: ChatChangesDocument }).subscribe({
      next({ data, error }) {
        refetchIfMissed(client, error);
        if (data != null) take(data.chatUpdated);
      },
    });
    void catchUp([ChatListDocument]);
    return () => subscription.unsubscribe();
  }, [client]);
}

/** Keeps the messages of the open chat up to date. */
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
          refetchIfMissed(client, error);
          if (data == null) return;
          append(client, chatId, data.messageReceived);
          take(data.messageReceived);
        },
      });
    void catchUp([ChatViewDocument]);
    return () => subscription.unsubscribe();
  }, [client, chatId]);
}
