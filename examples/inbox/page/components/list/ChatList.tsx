import { NetworkStatus } from '@apollo/client';
import { useQuery } from '@apollo/client/react';
import { useMemo, useRef, useState } from 'react';
import { listDocuments } from '../../api/lists.ts';
import type { ChatRowFragment } from '../../gql/graphql.ts';
import type { Address, ListSource } from '../../state/address.ts';
import { belongsTo, hasFilters, hrefOf, replaceWith, sourceOf } from '../../state/address.ts';
import { pendingCloses, withPendingClose } from '../../state/pendingCloses.ts';
import { useSignal } from '../../state/signal.ts';
import { useTeam } from '../../state/team.tsx';
import { t } from '../../text/index.ts';
import { LoadMore } from '../LoadMore.tsx';
import { Notice, useLasting } from '../Notice.tsx';
import { Skeleton } from '../Skeleton.tsx';
import { MePicker } from '../TopBar.tsx';
import { Row } from './Row.tsx';
import { rowsOf, useRowKeys } from './rowFocus.ts';
import { useStableRows } from './stableRows.ts';

/** HelpCrunch sorts searches by the last message. The gateway sorts its views by creation, which new messages do not change. */
const sortKeys = { search: 'lastMessageAt', inbox: 'createdAt' } as const;

const newestFirst =
  (key: 'lastMessageAt' | 'createdAt') =>
  (a: ChatRowFragment, b: ChatRowFragment): number =>
    (b[key] ?? '').localeCompare(a[key] ?? '') || Number(b.id) - Number(a.id);

/** Whether rows must not move: the pointer or the focus is in the list, it is scrolled, or fingers may touch it. */
function useHold() {
  const [isPointed, setIsPointed] = useState(false);
  const [isFocused, setIsFocused] = useState(false);
  const [isScrolled, setIsScrolled] = useState(false);
  const isTouch = useMemo(() => window.matchMedia('(hover: none)').matches, []);
  return {
    isHeld: isTouch || isPointed || isFocused || isScrolled,
    listeners: {
      onPointerEnter: () => setIsPointed(true),
      onPointerLeave: () => setIsPointed(false),
      onFocus: () => setIsFocused(true),
      onBlur: () => setIsFocused(false),
      onScroll: ({ currentTarget }: { readonly currentTarget: HTMLElement }) =>
        setIsScrolled(currentTarget.scrollTop > 0),
    },
  };
}

interface Properties {
  readonly address: Address;
  readonly source: ListSource;
}

function useChats({ kind, variables }: ListSource) {
  const result = useQuery(listDocuments[kind], { variables, notifyOnNetworkStatusChange: true });
  const { data, networkStatus, fetchMore } = result;
  const error = useLasting(result.error, networkStatus < NetworkStatus.ready);
  const list = data?.list ?? undefined;
  const pending = useSignal(pendingCloses);
  const known = useMemo(
    () =>
      list?.edges
        .map(({ node }) => withPendingClose(node, pending))
        .sort(newestFirst(sortKeys[kind])) ?? [],
    [list, kind, pending],
  );
  return {
    list,
    known,
    error,
    isLoading: networkStatus < NetworkStatus.ready,
    retry: () => void result.refetch().catch(() => undefined),
    loadMore: () => fetchMore({ variables: { after: list?.pageInfo.endCursor } }),
  };
}

function Rows({ address, source }: Properties) {
  const { chatId } = address;
  const { list, known, error, isLoading, retry, loadMore } = useChats(source);
  const { isHeld, listeners } = useHold();
  const box = useRef<HTMLDivElement>(null);
  const chats = useMemo(
    () => (list === undefined ? undefined : known.filter((chat) => belongsTo(source, chat))),
    [list, known, source],
  );
  const { rows, newCount, release } = useStableRows({
    list: JSON.stringify(source),
    chats,
    known,
    isHeld,
  });
  useRowKeys(box, chatId);

  function showNews(): void {
    release();
    box.current?.scrollTo({ top: 0 });
    rowsOf(box.current)[0]?.focus({ preventScroll: true });
  }

  const stop = rows.some(({ id }) => id === chatId) ? chatId : rows[0]?.id;
  const left = known.length - (chats?.length ?? 0);
  return (
    <div className="rows" ref={box} aria-busy={isLoading} {...listeners}>
      <div className="news" role="status">
        {newCount > 0 && (
          <button type="button" className="primary" onClick={showNews}>
            {t.news(newCount)}
          </button>
        )}
      </div>
      {error !== undefined && <Notice error={error} onRetry={retry} />}
      {list === undefined && error === undefined && <Skeleton count={9} />}
      {list !== undefined && rows.length === 0 && <Empty address={address} />}
      <ul aria-label={t.chats}>
        {rows.map((chat) => (
          <Row
            key={chat.id}
            chat={chat}
            href={hrefOf({ ...address, chatId: chat.id })}
            isOpen={chat.id === chatId}
            isStop={chat.id === stop}
            isLeaving={!belongsTo(source, chat)}
          />
        ))}
      </ul>
      {list?.pageInfo.hasNextPage === true && (
        <LoadMore label={t.loadMore} load={loadMore} automaticKey={rows.length} />
      )}
      <p className="count" role="status">
        {list?.totalCount != null &&
          rows.length > 0 &&
          t.count(rows.length, Math.max(rows.length, list.totalCount - left))}
      </p>
    </div>
  );
}

function Empty({ address }: { readonly address: Address }) {
  const { status, agentId, departmentId, view } = address;
  const isFiltered =
    hasFilters(address) && [status, agentId, departmentId].some((value) => value !== undefined);
  return (
    <div className="empty">
      <p>{isFiltered ? t.emptyFiltered : t.emptyList}</p>
      {isFiltered && (
        <button type="button" onClick={() => replaceWith({ view, chatId: address.chatId })}>
          {t.clearFilters}
        </button>
      )}
    </div>
  );
}

export function ChatList({ address }: { readonly address: Address }) {
  const { me } = useTeam();
  const { view, status, agentId, departmentId, customerId } = address;
  const ownId = me?.id;
  const source = useMemo(
    () => sourceOf(address, ownId),
    [view, status, agentId, departmentId, customerId, ownId],
  );
  if (source !== undefined) return <Rows address={address} source={source} />;
  return (
    <div className="empty">
      <p>{t.chooseYouHint}</p>
      <MePicker />
    </div>
  );
}
