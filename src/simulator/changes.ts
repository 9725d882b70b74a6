import type { ChatRow, CustomerRow, MessageRow } from './entities.ts';

type ChatEventName =
  | 'chat.new'
  | 'chat.status_updated'
  | 'chat.assigned'
  | 'chat.snoozed'
  | 'chat.unsnoozed'
  | 'chat.closed'
  | 'chat.rated';

export type CustomerEventName =
  | 'customer.new'
  | 'customer.email_updated'
  | 'customer.tags_changed'
  | 'customer.unsubscribed'
  | 'customer.subscribed'
  | 'customer.blocked'
  | 'customer.unblocked'
  | 'customer.deleted';

type MessageEventName = `message.${'chat' | 'email'}.${'customer' | 'agent'}` | 'message.private';

/** Something that happened in the account, named as the webhooks name it, with the state after it. */
export type Change =
  | { readonly event: ChatEventName; readonly chat: ChatRow }
  | { readonly event: CustomerEventName; readonly customer: CustomerRow }
  | { readonly event: MessageEventName; readonly message: MessageRow; readonly chat: ChatRow };

/** `isApiWrite`: the change was made through the REST API. */
type ChangeListener = (change: Change, isApiWrite: boolean) => void;

export interface Changes {
  emit(change: Change): void;
  /** Marks the changes that the action makes as writes of the REST API. */
  duringApiWrite<T>(action: () => T): T;
  /** The returned function stops it. */
  listen(listener: ChangeListener): () => void;
}

export function createChanges(): Changes {
  const listeners = new Set<ChangeListener>();
  let isApiWrite = false;
  return {
    emit(change) {
      for (const listener of listeners) listener(change, isApiWrite);
    },
    duringApiWrite(action) {
      isApiWrite = true;
      try {
        return action();
      } finally {
        isApiWrite = false;
      }
    },
    listen(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
