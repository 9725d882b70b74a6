import { NetworkStatus } from '@apollo/client';
import { useQuery } from '@apollo/client/react';
import type { KeyboardEvent } from 'react';
import { useEffect, useEffectEvent, useLayoutEffect, useMemo, useRef } from 'react';
import { Avatar } from './Avatar.tsx';
import type { ChatFilter, ChatRowFragment } from './gql/graphql.ts';
import { ChatListDocument } from './gql/graphql.ts';
import { isIn, useChatChanges } from './live.ts';
import { useMark } from './mark.ts';
import { Notice, useLasting } from './Notice.tsx';
import { placeOf } from './place.ts';
import { customerName, statuses, when } from './words.ts';

interface RowProperties {
  readonly chat: ChatRowFragment;
  readonly isOpen: boolean;
  readonly isStop: boolean;
  readonly onOpen: () => void;
}

function Row({ chat, isOpen, isStop, onOpen }: RowProperties) {
  const { id, status, customer, lastMessageAt, lastMessageText, assignee } = chat;
  const name = customerName(customer);
  const isUnread = chat.readByAgent === false;
  return (
    <li>
      <a
        href={placeOf(id)}
        data-chat={id}
        className="row"
        data-unread={isUnread}
        aria-current={isOpen ? 'page' : undefined}
        tabIndex={isStop ? 0 : -1}
        onClick={onOpen}
      >
        <Avatar name={name} seed={customer?.id ?? id} />
        <span className="name" dir="auto">
          {isUnread && <span className="unseen">Unread: </span>}
          {name}
        </span>
        {lastMessageAt !== null && (
          <time dateTime={lastMessageAt} title={new Date(lastMessageAt).toLocaleString()}>
            {when(lastMessageAt)}
          </time>
        )}
        <span className="said" dir="auto">
          {lastMessageText ?? 'No message yet'}
        </span>
        {isUnread && <span className="mark" aria-hidden="true" />}
        <span className="facts">
          <span className="status" data-status={status}>
            {statuses[status]}
          </span>
          <span dir="auto">{assignee?.name ?? 'Unassigned'}</span>
        </span>
      </a>
    </li>
  );
}

const Skeleton = () => (
  <div className="skeleton" aria-hidden="true">
    {Array.from({ length: 9 }, (_, place) => (
      <span key={place} />
    ))}
  </div>
);

const latestFirst = (a: ChatRowFragment, b: ChatRowFragment): number =>
  (b.lastMessageAt ?? '').localeCompare(a.lastMessageAt ?? '') || Number(b.id) - Number(a.id);

/** The row that a navigation key selects. */
function leadTo({ key, target, currentTarget }: KeyboardEvent<HTMLElement>): HTMLElement | null {
  const rows = [...currentTarget.querySelectorAll<HTMLElement>('.row')];
  const place = rows.findIndex((row) => row === target);
  const places: Readonly<Record<string, number>> = {
    ArrowDown: Math.min(place + 1, rows.length - 1),
    ArrowUp: Math.max(place - 1, 0),
    Home: 0,
    End: rows.length - 1,
  };
  return rows[places[key] ?? -1] ?? null;
}

interface Properties {
  readonly filter: ChatFilter;
  readonly chatId: string | undefined;
  readonly onNews: (news: string) => void;
}

export function ChatList({ filter, chatId, onNews }: Properties) {
  const {
    data,
    error: latestError,
    networkStatus,
    fetchMore,
    refetch,
  } = useQuery(ChatListDocument, { variables: { filter } });
  const error = useLasting(latestError, networkStatus < NetworkStatus.ready);
  const { mark } = useMark();
  const list = useRef<HTMLUListElement>(null);
  const end = useRef<HTMLButtonElement>(null);
  const focused = useRef<string>(undefined);

  useChatChanges(filter, ({ change, chat }) => {
    if (change === 'MESSAGE' && chat?.id !== chatId && chat?.readByAgent === false) {
      onNews(`New message from ${customerName(chat.customer)}`);
    }
  });

  const shown = data?.chats ?? undefined;
  const chats = useMemo(() => {
    const nodes = new Map(shown?.edges.map(({ node }) => [node.id, node]));
    return [...nodes.values()].filter((chat) => isIn(filter, chat)).sort(latestFirst);
  }, [shown, filter]);

  const isMore = shown?.pageInfo.hasNextPage ?? false;
  const isLoading = networkStatus === NetworkStatus.fetchMore;
  const loadMore = useEffectEvent(() => {
    if (shown === undefined || isLoading) return;
    // The query shows the error.
    fetchMore({ variables: { after: shown.pageInfo.endCursor } }).catch(() => undefined);
  });
  useEffect(() => {
    const button = end.current;
    if (button === null) return undefined;
    const watcher = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting === true) loadMore();
      },
      { rootMargin: '400px' },
    );
    watcher.observe(button);
    return () => watcher.disconnect();
    // Observed again after each page, because the end may still be visible.
  }, [isMore, chats.length]);

  // Keep the focus on the same chat when rows are reordered.
  useLayoutEffect(() => {
    if (focused.current !== undefined && document.activeElement === document.body) {
      list.current?.querySelector<HTMLElement>(`[data-chat="${focused.current}"]`)?.focus();
    }
  }, [chats]);

  const stop = chats.some(({ id }) => id === chatId) ? chatId : chats[0]?.id;
  return (
    <div className="rows" aria-busy={networkStatus < NetworkStatus.ready}>
      {error !== undefined && (
        <Notice error={error} onRetry={() => void refetch().catch(() => undefined)} />
      )}
      {shown === undefined && error === undefined && <Skeleton />}
      {shown !== undefined && chats.length === 0 && (
        <p className="empty">No chats match these filters.</p>
      )}
      <ul
        ref={list}
        onKeyDown={(event) => {
          const row = leadTo(event);
          if (row === null) return;
          event.preventDefault();
          row.focus();
        }}
        onFocus={({ target }) => (focused.current = target.dataset['chat'])}
        onBlur={({ relatedTarget }) => {
          if (relatedTarget !== null) focused.current = undefined;
        }}
      >
        {chats.map((chat) => (
          <Row
            key={chat.id}
            chat={chat}
            isOpen={chat.id === chatId}
            isStop={chat.id === stop}
            onOpen={() => {
              if (chat.readByAgent === false) mark(chat.id, true);
            }}
          />
        ))}
      </ul>
      {isMore && (
        <button ref={end} type="button" className="quiet more" onClick={() => loadMore()}>
          {isLoading ? 'Loading more …' : 'Load more'}
        </button>
      )}
      <p className="count" role="status">
        {shown?.totalCount != null &&
          `${chats.length.toLocaleString()} of ${shown.totalCount.toLocaleString()} chats`}
      </p>
    </div>
  );
}
