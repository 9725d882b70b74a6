import type { Chat, Customer, Message } from './entities.ts';

export type ChatChange =
  | 'chat.new'
  | 'chat.status_updated'
  | 'chat.assigned'
  | 'chat.snoozed'
  | 'chat.unsnoozed'
  | 'chat.closed'
  | 'chat.rated';

export type CustomerChange =
  | 'customer.new'
  | 'customer.email_updated'
  | 'customer.tags_changed'
  | 'customer.unsubscribed'
  | 'customer.subscribed'
  | 'customer.blocked'
  | 'customer.unblocked'
  | 'customer.deleted';

export type MessageChange =
  `message.${'chat' | 'email'}.${'customer' | 'agent'}` | 'message.private';

/** Something that happened in the account, named as the webhooks name it, with the state after it. */
export type Change =
  | { readonly event: ChatChange; readonly chat: Chat }
  | { readonly event: CustomerChange; readonly customer: Customer }
  | { readonly event: MessageChange; readonly message: Message; readonly chat: Chat };

export type ChangeListener = (change: Change) => void;

export interface Changes {
  emit(change: Change): void;
  /** The returned function stops it. */
  listen(listener: ChangeListener): () => void;
}

export function createChanges(): Changes {
  const listeners = new Set<ChangeListener>();
  return {
    emit(change) {
      for (const listener of listeners) listener(change);
    },
    listen(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
  };
}
