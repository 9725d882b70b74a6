import { useMemo, useSyncExternalStore } from 'react';
import type { ChatFilter, ChatRowFragment, ChatStatus, InboxView } from '../gql/graphql.ts';

export const views = ['mine', 'unassigned', 'unread', 'open', 'snoozed', 'closed'] as const;

export type View = (typeof views)[number];

export const openStatuses = ['NEW', 'OPENED', 'PENDING', 'ON_HOLD'] as const satisfies ChatStatus[];

type OpenStatus = (typeof openStatuses)[number];

/** What the page shows. It is in the URL, so that links, reload and the back button work. */
export interface Address {
  readonly view: View;
  readonly chatId: string | undefined;
  readonly status: OpenStatus | undefined;
  readonly agentId: string | undefined;
  readonly departmentId: string | undefined;
  /** The chats of one customer instead of the view. */
  readonly customerId: string | undefined;
  /** Text of the customer search. */
  readonly search: string | undefined;
  /** Whether the URL is none that this page creates. */
  readonly isInvalid: boolean;
}

const idPattern = /^\d+$/;

function parse(hash: string): Address {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const [name = '', chatId = '', ...rest] = path.split('/');
  const parameters = new URLSearchParams(query);
  const idOf = (key: string) => {
    const value = parameters.get(key) ?? '';
    return idPattern.test(value) ? value : undefined;
  };
  const view = views.find((known) => known === name);
  const isChat = idPattern.test(chatId);
  return {
    view: view ?? 'open',
    chatId: isChat ? chatId : undefined,
    status: openStatuses.find((status) => status === parameters.get('status')),
    agentId: idOf('agent'),
    departmentId: idOf('department'),
    customerId: idOf('customer'),
    search: parameters.get('search') ?? undefined,
    isInvalid: rest.length > 0 || (name !== '' && view === undefined) || (chatId !== '' && !isChat),
  };
}

/** The URL that shows this. */
export function hrefOf(address: Partial<Address>): string {
  const { view = 'open', chatId, status, agentId, departmentId, customerId, search } = address;
  const parameters = Object.entries({
    status,
    agent: agentId,
    department: departmentId,
    customer: customerId,
    search,
  }).flatMap(([key, value]) => (value === undefined || value === '' ? [] : [[key, value]]));
  const query = new URLSearchParams(parameters).toString();
  const path = chatId === undefined ? view : `${view}/${chatId}`;
  return `#/${path}${query === '' ? '' : `?${query}`}`;
}

function listen(listener: () => void): () => void {
  window.addEventListener('hashchange', listener);
  return () => window.removeEventListener('hashchange', listener);
}

export function useAddress(): Address {
  const hash = useSyncExternalStore(listen, () => window.location.hash);
  return useMemo(() => parse(hash), [hash]);
}

export function goTo(address: Partial<Address>): void {
  window.location.hash = hrefOf(address);
}

/** Changes the URL without an entry in the history. */
export function replaceWith(address: Partial<Address>): void {
  window.history.replaceState(null, '', hrefOf(address));
  window.dispatchEvent(new HashChangeEvent('hashchange'));
}

type OneOf<T> = {
  readonly [K in keyof T]: { readonly kind: K; readonly variables: T[K] };
}[keyof T];

/** The query of a list: a search of HelpCrunch, or a view of the open chats that the gateway reads. */
export type ListSource = OneOf<{
  search: { readonly filter: ChatFilter };
  inbox: { readonly view: InboxView };
}>;

const inboxViews: Partial<Record<View, InboxView>> = {
  unassigned: 'UNASSIGNED',
  unread: 'UNREAD',
  snoozed: 'SNOOZED',
};

/** Filters apply to lists that HelpCrunch searches. */
export const hasFilters = ({ view, customerId }: Address): boolean =>
  customerId === undefined && inboxViews[view] === undefined;

/** Undefined: the list needs an agent, who is not known. */
export function sourceOf(address: Address, ownId: string | undefined): ListSource | undefined {
  const { view, status, departmentId, customerId } = address;
  if (customerId !== undefined) return { kind: 'search', variables: { filter: { customerId } } };
  const inboxView = inboxViews[view];
  if (inboxView !== undefined) return { kind: 'inbox', variables: { view: inboxView } };
  if (view === 'mine' && ownId === undefined) return undefined;
  const assigneeId = view === 'mine' ? ownId : address.agentId;
  const isOpenView = view !== 'closed';
  // The gateway rejects null in filters, so unset conditions are omitted.
  const filter = {
    ...(!isOpenView && { status: 'CLOSED' as const }),
    ...(isOpenView && status !== undefined && { status }),
    ...(isOpenView && status === undefined && { statusIn: [...openStatuses] }),
    ...(assigneeId !== undefined && { assigneeId }),
    ...(departmentId !== undefined && { departmentId }),
  };
  return { kind: 'search', variables: { filter } };
}

const isOpen = ({ status }: ChatRowFragment): boolean =>
  openStatuses.some((open) => open === status);

export const isSnoozed = ({ snoozedUntil }: Pick<ChatRowFragment, 'snoozedUntil'>): boolean =>
  snoozedUntil !== null && Date.parse(snoozedUntil) > Date.now();

const isInView: Readonly<Record<InboxView, (chat: ChatRowFragment) => boolean>> = {
  UNASSIGNED: (chat) => isOpen(chat) && chat.assignee === null,
  UNREAD: (chat) => isOpen(chat) && chat.readByAgent === false,
  SNOOZED: (chat) => isOpen(chat) && isSnoozed(chat),
  WAITING: isOpen,
};

/** Whether a chat that has changed still belongs to the list. */
export function belongsTo({ kind, variables }: ListSource, chat: ChatRowFragment): boolean {
  if (kind === 'inbox') return isInView[variables.view](chat);
  const { status, statusIn, assigneeId, departmentId, customerId } = variables.filter;
  return (
    (status == null || chat.status === status) &&
    (statusIn == null || statusIn.includes(chat.status)) &&
    (assigneeId == null || chat.assignee?.id === assigneeId) &&
    (departmentId == null || chat.department?.id === departmentId) &&
    (customerId == null || chat.customer?.id === customerId)
  );
}
