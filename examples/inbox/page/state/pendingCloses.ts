import type { ChatStatus } from '../gql/graphql.ts';
import { createSignal } from './signal.ts';

interface PendingClose {
  readonly chatId: string;
  /** Sends it, also if the page is being left. */
  readonly send: (isLeaving: boolean) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Closings that are shown and not sent yet, the newest last. They are not in the cache, which would hide changes of the chat. */
export const pendingCloses = createSignal<readonly PendingClose[]>([]);

/** The chat whose closing was stopped by a message of the customer. */
export const stoppedClose = createSignal<string | undefined>(undefined);

const undoMs = 6_000;

/** Sends a closing when it can no longer be undone, or when the page is left. */
export function closeLater(chatId: string, send: PendingClose['send']): void {
  const others = pendingCloses.get();
  if (others.some((pending) => pending.chatId === chatId)) return;
  if (stoppedClose.get() === chatId) stoppedClose.set(undefined);
  const timer = setTimeout(() => send(false), undoMs);
  pendingCloses.set([...others, { chatId, send, timer }]);
}

/** Returns whether there was one. */
export function cancelClose(chatId: string): boolean {
  const pending = pendingCloses.get().find((other) => other.chatId === chatId);
  if (pending === undefined) return false;
  clearTimeout(pending.timer);
  pendingCloses.set(pendingCloses.get().filter((other) => other !== pending));
  return true;
}

/** The customer has written, so the chat must stay open. */
export function stopClose(chatId: string): void {
  if (cancelClose(chatId)) stoppedClose.set(chatId);
}

window.addEventListener('pagehide', () => {
  for (const { send } of pendingCloses.get()) send(true);
});

interface ShownChat {
  readonly id: string;
  readonly status: ChatStatus;
}

/** The chat as it is shown: closed before the closing is sent. */
export const withPendingClose = <Chat extends ShownChat>(
  chat: Chat,
  pending: readonly PendingClose[],
): Chat =>
  pending.some(({ chatId }) => chatId === chat.id) ? { ...chat, status: 'CLOSED' } : chat;
