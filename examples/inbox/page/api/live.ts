import type { ApolloClient } from '@apollo/client';
import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { useApolloClient } from '@apollo/client/react';
import { useEffect, useEffectEvent } from 'react';
import type { ChatChange, ChatRowFragment, MessageLineFragment } from '../gql/graphql.ts';
import {
  ChatByIdDocument,
  ChatChangesDocument,
  ChatRowFragmentDoc,
  ChatViewDocument,
  NewMessagesDocument,
} from '../gql/graphql.ts';
import { noteStatusChange } from '../state/statusChanges.ts';
import { catchUp } from './client.ts';
import { refreshSummary } from './summary.ts';

/** Their results change with the events. The counts are read again anyway. */
const liveQueries: ReadonlySet<string> = new Set(['ChatSearch', 'ChatInbox', 'ChatView']);

const rowOf = (id: string) => ({
  from: { __typename: 'Chat', id } as const,
  fragment: ChatRowFragmentDoc,
  fragmentName: 'ChatRow',
});

/** Reads the chat again, usually from the gateway's cache. */
export async function refreshChat({ cache, query }: ApolloClient, id: string) {
  const before = cache.readFragment<ChatRowFragment>(rowOf(id));
  const { data } = await query({
    query: ChatByIdDocument,
    variables: { id },
    fetchPolicy: 'network-only',
  });
  const chat = data?.chat ?? undefined;
  if (before != null && chat !== undefined) noteStatusChange(id, before.status, chat.status);
  return chat;
}

/** Adds a message to a chat that has been read. */
export function appendMessage(
  { cache }: Pick<ApolloClient, 'cache'>,
  id: string,
  message: MessageLineFragment,
): void {
  cache.updateQuery({ query: ChatViewDocument, variables: { id } }, (data) => {
    if (data?.chat?.messages == null) return undefined;
    const { messages } = data.chat;
    if (messages.edges.some(({ node }) => node.id === message.id)) return undefined;
    const edge = { __typename: 'ChatMessageEdge', cursor: '', node: message } as const;
    const edges = [edge, ...messages.edges];
    return { ...data, chat: { ...data.chat, messages: { ...messages, edges } } };
  });
}

/** HelpCrunch rounds some times of messages to seconds. NaN if the time is not known. */
const secondOf = (time: string | null): number => Math.floor(Date.parse(time ?? '') / 1_000);

/** Updates the row of a chat from one of its messages. Returns whether the chat is in the cache. */
function updateRow({ cache }: ApolloClient, id: string, message: MessageLineFragment): boolean {
  const { from, type, text, createdAt } = message;
  const row = cache.updateFragment<ChatRowFragment>(rowOf(id), (chat) => {
    // A private note does not become the last message.
    if (chat === null || type === 'PRIVATE') return chat;
    if (secondOf(chat.lastMessageAt) > secondOf(createdAt)) return chat;
    const readByAgent = from === 'CUSTOMER' ? false : chat.readByAgent;
    return { ...chat, lastMessageText: text, lastMessageAt: createdAt, readByAgent };
  });
  return row !== null;
}

/** Refetches when the gateway reports that events may have been missed. */
function refetchIfMissed(client: ApolloClient, error: Error | undefined): void {
  if (!CombinedGraphQLErrors.is(error)) return;
  if (error.errors.some(({ extensions }) => extensions?.['missed'] === true)) {
    void client.refetchQueries({ include: 'active' }).catch(() => undefined);
  }
}

interface LiveListeners {
  /** A chat was created or changed. */
  readonly onChat: (chat: ChatRowFragment) => void;
  /** The cache contains the chat of the message. */
  readonly onMessage: (message: MessageLineFragment, chat: ChatRowFragment) => void;
}

/** Keeps the cache up to date with two subscriptions. */
export function useLiveUpdates({ onChat, onMessage }: LiveListeners): void {
  const client = useApolloClient();

  const takeChange = useEffectEvent(async (change: ChatChange, id: string) => {
    refreshSummary();
    // Reported by the message itself.
    if (change === 'MESSAGE') return;
    const chat = await refreshChat(client, id).catch(() => undefined);
    if (chat !== undefined) onChat(chat);
  });

  const takeMessage = useEffectEvent(async (message: MessageLineFragment, id: string) => {
    appendMessage(client, id, message);
    const isKnown = updateRow(client, id, message);
    if (!isKnown) await refreshChat(client, id).catch(() => undefined);
    const chat = client.cache.readFragment<ChatRowFragment>(rowOf(id));
    if (chat === null) return;
    onChat(chat);
    onMessage(message, chat);
  });

  useEffect(() => {
    const changes = client.subscribe({ query: ChatChangesDocument }).subscribe({
      next({ data, error }) {
        refetchIfMissed(client, error);
        if (data?.chatUpdated.chat == null) return;
        void takeChange(data.chatUpdated.change, data.chatUpdated.chat.id);
      },
    });
    const messages = client.subscribe({ query: NewMessagesDocument }).subscribe({
      next({ data, error }) {
        refetchIfMissed(client, error);
        if (data?.messageReceived.chat == null) return;
        void takeMessage(data.messageReceived, data.messageReceived.chat.id);
      },
    });
    void catchUp((name = '') => liveQueries.has(name));
    return () => {
      changes.unsubscribe();
      messages.unsubscribe();
    };
  }, [client]);
}
