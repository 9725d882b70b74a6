import { useApolloClient, useFragment, useQuery } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import { ChatRowFragmentDoc, ChatViewDocument } from '../../gql/graphql.ts';
import type { Address } from '../../state/address.ts';
import { goTo } from '../../state/address.ts';
import { closeWithUndo, markRead } from '../../state/chatWrites.ts';
import { pendingCloses, withPendingClose } from '../../state/pendingCloses.ts';
import { useShortcuts } from '../../state/shortcuts.ts';
import { useSignal } from '../../state/signal.ts';
import { t } from '../../text/index.ts';
import { customerName } from '../../text/names.ts';
import { CustomerCard } from '../customer/CustomerCard.tsx';
import { Failures } from '../Failures.tsx';
import { Notice, useLasting } from '../Notice.tsx';
import { focusRow } from '../list/rowFocus.ts';
import { ChatHeader } from './ChatHeader.tsx';
import { Composer } from './Composer.tsx';
import { Conversation } from './Conversation.tsx';
import { Toolbar } from './Toolbar.tsx';

interface Properties {
  readonly address: Address;
  readonly chatId: string;
}

function useChat(id: string) {
  const {
    data,
    error: latest,
    loading,
    fetchMore,
    refetch,
  } = useQuery(ChatViewDocument, {
    variables: { id },
  });
  // The list has read it before, so the header is shown at once and also if the chat cannot be loaded.
  const { data: row, complete } = useFragment({
    fragment: ChatRowFragmentDoc,
    fragmentName: 'ChatRow',
    from: { __typename: 'Chat', id },
  });
  const pending = useSignal(pendingCloses);
  const { messages, rating = null } = data?.chat ?? {};
  const { pageInfo } = messages ?? {};
  return {
    chat: complete ? withPendingClose(row, pending) : undefined,
    rating,
    messages: messages?.edges.map(({ node }) => node),
    isCurrent: !loading && latest === undefined,
    error: useLasting(latest, loading),
    retry: () => void refetch().catch(() => undefined),
    loadOlder:
      pageInfo?.hasNextPage === true
        ? () => fetchMore({ variables: { after: pageInfo.endCursor } })
        : undefined,
  };
}

export function ChatView({ address, chatId }: Properties) {
  const client = useApolloClient();
  const { chat, rating, messages, isCurrent, error, retry, loadOlder } = useChat(chatId);
  const [isCardOpen, setIsCardOpen] = useState(false);
  const [isToolbarOpen, setIsToolbarOpen] = useState(false);
  const cardToggle = useRef<HTMLButtonElement>(null);
  const card = useRef<HTMLElement>(null);
  const isClosed = chat?.status === 'CLOSED';
  const isUnread = chat?.readByAgent === false;
  // Where it covers the conversation, it is opened by a button.
  useEffect(() => {
    if (isCardOpen) card.current?.focus();
  }, [isCardOpen]);

  const close = () => {
    if (chat !== undefined && !isClosed) closeWithUndo(client, chatId);
  };
  const toggleRead = () => {
    if (chat !== undefined) void markRead(client, chatId, isUnread);
  };
  function leave(): void {
    if (isCardOpen) {
      setIsCardOpen(false);
      cardToggle.current?.focus();
      return;
    }
    goTo({ ...address, chatId: undefined });
    focusRow(chatId);
  }
  useShortcuts({ Escape: leave, e: close, u: toggleRead });

  return (
    <>
      <section
        className="chat"
        aria-label={t.chat}
        aria-busy={messages === undefined && error === undefined}
      >
        <ChatHeader
          chat={chat}
          rating={rating}
          address={address}
          isToolbarOpen={isToolbarOpen}
          onToolbar={() => setIsToolbarOpen(!isToolbarOpen)}
          isCardOpen={isCardOpen}
          onCard={() => setIsCardOpen(!isCardOpen)}
          cardToggle={cardToggle}
          onClose={close}
        />
        {chat !== undefined && <Toolbar chat={chat} isOpen={isToolbarOpen} onRead={toggleRead} />}
        <Failures subject={`chat:${chatId}`} />
        {chat?.customer != null && !isCardOpen && (
          <div className="of-hidden-card">
            <Failures subject={`customer:${chat.customer.id}`} />
          </div>
        )}
        {error !== undefined && <Notice error={error} onRetry={retry} />}
        {messages === undefined && error === undefined && (
          <div className="skeleton talk" aria-hidden="true">
            <span />
            <span />
            <span />
            <span />
          </div>
        )}
        {messages !== undefined && (
          <Conversation
            chatId={chatId}
            chat={chat}
            customer={customerName(chat?.customer ?? null)}
            messages={messages}
            isCurrent={isCurrent}
            onOlder={loadOlder}
          />
        )}
        {messages === undefined && error !== undefined && <div className="talk" />}
        {chat !== undefined && <Composer chatId={chatId} />}
      </section>
      <aside
        ref={card}
        id="card"
        className="card"
        aria-label={t.customer}
        tabIndex={-1}
        data-open={isCardOpen}
      >
        {chat?.customer === null && <p className="empty">{t.deletedCustomer}</p>}
        {chat?.customer != null && <CustomerCard id={chat.customer.id} chatId={chatId} />}
      </aside>
    </>
  );
}
