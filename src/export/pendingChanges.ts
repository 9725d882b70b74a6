import type { ListName, LiveState } from './state.ts';

/** More changed objects than this are read by a walk over the lists instead. */
const maxChanged = 10_000;

export interface ChangedBatch {
  /** Ids of chats, and whether messages may have been added. */
  readonly chats: ReadonlyMap<string, boolean>;
  readonly customers: readonly string[];
}

/**
 * The changed objects that are not exported yet, and the last event of each subscription. With this state another run loses no change.
 * Bounded: beyond the limit the objects are replaced by a gap.
 */
export class PendingChanges {
  readonly #chats: Map<string, boolean>;
  readonly #customers: Set<string>;
  /** Objects that are being read. */
  readonly #takenChats = new Map<string, boolean>();
  readonly #takenCustomers = new Set<string>();
  readonly #lastEventIds: LiveState['lastEventIds'];
  /** The number of gaps so far, and of those that were closed. */
  #gaps = 0;
  #closedGaps = 0;
  #wake: () => void = () => undefined;

  /** With the state of an earlier run. */
  constructor({ lastEventIds, chats, customers, hasGap }: Partial<LiveState> = {}) {
    this.#lastEventIds = { ...lastEventIds };
    this.#chats = new Map(chats);
    this.#customers = new Set(customers);
    if (hasGap === true) this.#gaps = 1;
  }

  chatChanged(id: string, mayHaveMessages: boolean): void {
    this.#chats.set(id, mayHaveMessages || (this.#chats.get(id) ?? false));
    this.#added();
  }

  customerChanged(id: string): void {
    this.#customers.add(id);
    this.#added();
  }

  /** Changes may be unknown. */
  missed(): void {
    this.#gaps += 1;
    this.#wake();
  }

  /** All changes up to this event are known. */
  received(list: ListName, eventId: string): void {
    this.#lastEventIds[list] = eventId;
  }

  lastEventId(list: ListName): string | undefined {
    return this.#lastEventIds[list];
  }

  /** Undefined if no change is unknown. Otherwise compare the lists, and then pass it to `closeGap`. */
  get gap(): number | undefined {
    return this.#gaps > this.#closedGaps ? this.#gaps : undefined;
  }

  closeGap(gap: number): void {
    this.#closedGaps = gap;
  }

  get isEmpty(): boolean {
    return this.#chats.size === 0 && this.#customers.size === 0 && this.gap === undefined;
  }

  /** They remain in the state until they are released. */
  take(maxChats: number, maxCustomers: number): ChangedBatch {
    const chats = new Map([...this.#chats].slice(0, maxChats));
    const customers = [...this.#customers].slice(0, maxCustomers);
    for (const [id, mayHaveMessages] of chats) {
      this.#chats.delete(id);
      this.#takenChats.set(id, mayHaveMessages);
    }
    for (const id of customers) {
      this.#customers.delete(id);
      this.#takenCustomers.add(id);
    }
    return { chats, customers };
  }

  /** The next state that is committed contains these objects as they were read. */
  markExported(list: ListName, ids: Iterable<string>): void {
    const taken = list === 'chats' ? this.#takenChats : this.#takenCustomers;
    for (const id of ids) taken.delete(id);
  }

  /** What another run needs to continue. */
  state(): LiveState {
    const chats = new Map(this.#takenChats);
    for (const [id, mayHaveMessages] of this.#chats)
      chats.set(id, mayHaveMessages || chats.get(id) === true);
    return {
      lastEventIds: { ...this.#lastEventIds },
      chats: [...chats],
      customers: [...new Set([...this.#takenCustomers, ...this.#customers])],
      hasGap: this.gap !== undefined,
    };
  }

  /** Resolves when there is a change. */
  async wait(): Promise<void> {
    if (!this.isEmpty) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake();
  }

  #added(): void {
    if (this.#chats.size + this.#customers.size > maxChanged) {
      this.#chats.clear();
      this.#customers.clear();
      this.#gaps += 1;
    }
    this.#wake();
  }
}
