import type { Changes } from './changes.ts';
import { createChatDesk, type ChatDesk } from './chatDesk.ts';
import { createCustomerDesk, type CustomerDesk } from './customerDesk.ts';
import { createStore, type Store, type StoreOptions } from './store.ts';

/** The simulated account without HTTP: its data, its operations and its change events. */
export interface Account {
  readonly store: Store;
  readonly chats: ChatDesk;
  readonly customers: CustomerDesk;
  /** Tells each thing that happens, after it has; webhooks can be sent from here. */
  readonly changes: Changes;
}

export function createAccount(options: StoreOptions): Account {
  const store = createStore(options);
  return {
    store,
    chats: createChatDesk(store),
    customers: createCustomerDesk(store),
    changes: store.changes,
  };
}
