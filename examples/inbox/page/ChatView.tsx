import { useQuery } from '@apollo/client/react';
import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { Conversation } from './Conversation.tsx';
import { CustomerCard } from './CustomerCard.tsx';
import { ChatViewDocument } from './gql/graphql.ts';
import type { ChatViewQuery } from './gql/graphql.ts';
import { useNewMessages } from './live.ts';
import { useMark } from './mark.ts';
import { Notice, useLasting } from './Notice.tsx';
import { problemOf } from './problem.ts';
import { customerName, labelOf, statuses } from './words.ts';

type Chat = NonNullable<ChatViewQuery['chat']>;

interface HeaderProperties {
  readonly chat: Chat;
  readonly isCardOpen: boolean;
  readonly onCard: () => void;
  readonly onMark: (read: boolean) => void;
}

function ChatHeader({ chat, isCardOpen, onCard, onMark }: HeaderProperties) {
  const { status, customer, assignee, department, rating } = chat;
  const title = useRef<HTMLHeadingElement>(null);
  // On small screens the chat replaces the list, so the focus moves to it.
  useEffect(() => {
    if (window.matchMedia('(max-width: 47.9rem)').matches) title.current?.focus();
  }, []);
  const facts = [
    assignee?.name ?? 'Unassigned',
    department?.name,
    rating === null ? undefined : `rated ${labelOf(rating).toLowerCase()}`,
  ];
  const isUnread = chat.readByAgent === false;
  return (
    <div className="chat-head">
      <a className="back" href="#" aria-label="Back to the list">
        ←
      </a>
      <div>
        <h2 ref={title} tabIndex={-1} dir="auto">
          {customerName(customer)}
        </h2>
        <p>
          <span className="status" data-status={status}>
            {statuses[status]}
          </span>
          <span>{facts.filter((fact) => fact !== undefined).join(' · ')}</span>
        </p>
      </div>
      <div className="actions">
        <button type="button" onClick={() => onMark(isUnread)}>
          {isUnread ? 'Mark read' : 'Mark unread'}
        </button>
        <button
          type="button"
          className="card-toggle"
          aria-expanded={isCardOpen}
          aria-controls="card"
          onClick={onCard}
        >
          Customer
        </button>
      </div>
    </div>
  );
}

interface Properties {
  readonly chatId: string;
  readonly onNews: (news: string) => void;
}

export function ChatView({ chatId, onNews }: Properties) {
  const {
    data,
    error: latestError,
    loading,
    fetchMore,
    refetch,
  } = useQuery(ChatViewDocument, { variables: { id: chatId } });
  const error = useLasting(latestError, loading);
  const [isCardOpen, setIsCardOpen] = useState(false);
  const { mark, error: markError, reset } = useMark();
  const chat = data?.chat ?? undefined;

  useNewMessages(chatId, ({ from, text }) => {
    if (from === 'CUSTOMER') onNews(`New message: ${text ?? ''}`);
  });

  const leave = useEffectEvent(({ key }: KeyboardEvent) => {
    if (key !== 'Escape') return;
    if (isCardOpen) {
      setIsCardOpen(false);
      return;
    }
    window.location.hash = '';
    document.querySelector<HTMLElement>(`[data-chat="${chatId}"]`)?.focus();
  });
  useEffect(() => {
    const listener = (event: KeyboardEvent) => leave(event);
    document.addEventListener('keydown', listener);
    return () => document.removeEventListener('keydown', listener);
  }, []);

  const { edges = [], pageInfo } = chat?.messages ?? {};
  const loadOlder =
    pageInfo?.hasNextPage === true
      ? () => fetchMore({ variables: { after: pageInfo.endCursor } }).catch(() => undefined)
      : undefined;
  return (
    <>
      <main className="chat" aria-busy={chat === undefined && error === undefined}>
        {chat !== undefined && (
          <ChatHeader
            chat={chat}
            isCardOpen={isCardOpen}
            onCard={() => setIsCardOpen(!isCardOpen)}
            onMark={(read) => mark(chatId, read)}
          />
        )}
        {markError !== undefined && (
          <div className="notice" role="alert">
            <div>
              <strong>The chat could not be marked.</strong>
              <p>{problemOf(markError).title}.</p>
            </div>
            <button type="button" className="quiet" onClick={reset}>
              Dismiss
            </button>
          </div>
        )}
        {error !== undefined && (
          <Notice error={error} onRetry={() => void refetch().catch(() => undefined)} />
        )}
        {chat === undefined && error === undefined && (
          <div className="skeleton talk" aria-hidden="true">
            <span />
            <span />
            <span />
            <span />
          </div>
        )}
        {chat !== undefined && (
          <Conversation
            customer={customerName(chat.customer)}
            messages={edges.map(({ node }) => node)}
            onOlder={loadOlder}
          />
        )}
      </main>
      <aside id="card" className="card" aria-label="Customer" data-open={isCardOpen}>
        {chat?.customer != null && <CustomerCard id={chat.customer.id} />}
      </aside>
    </>
  );
}
