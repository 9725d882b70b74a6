import { usualBehaviour, type Behaviour } from './behaviour.ts';
import type { Changes } from './changes.ts';
import { ChatDesk } from './chatDesk.ts';
import { createCustomerDesk, type CustomerDesk } from './customerDesk.ts';
import { createStore, type Store, type StoreOptions } from './store.ts';

/** The simulated account without HTTP: its data, its operations and its change events. */
export interface Account {
  readonly store: Store;
  readonly chats: ChatDesk;
  readonly customers: CustomerDesk;
  /** Emits each change after it was applied. */
  readonly changes: Changes;
}

interface AccountOptions extends StoreOptions {
  readonly behaviour?: () => Behaviour;
}

export function createAccount(options: AccountOptions): Account {
  const { behaviour = () => usualBehaviour } = options;
  const store = createStore(options);
  return {
    store,
    chats: new ChatDesk(store, behaviour),
    customers: createCustomerDesk(store, behaviour),
    changes: store.changes,
  };
}
