/** More changed objects than this are read by a walk over the lists instead. */
const maxChanged = 10_000;

export interface ChangedBatch {
  /** Ids of chats, and whether a message may have been added. */
  readonly chats: ReadonlyMap<string, boolean>;
  readonly customers: readonly string[];
}

/** The ids of changed objects that are not exported yet. Bounded: beyond the limit they are replaced by a gap. */
export class PendingChanges {
  readonly #chats = new Map<string, boolean>();
  readonly #customers = new Set<string>();
  #hasGap = false;
  #wake: () => void = () => undefined;

  chatChanged(id: string, hasMessage: boolean): void {
    this.#chats.set(id, hasMessage || (this.#chats.get(id) ?? false));
    this.#added();
  }

  customerChanged(id: string): void {
    this.#customers.add(id);
    this.#added();
  }

  /** Changes may be unknown. */
  missed(): void {
    this.#hasGap = true;
    this.#wake();
  }

  /** Whether changes were unknown since the last call. */
  takeGap(): boolean {
    const hasGap = this.#hasGap;
    this.#hasGap = false;
    return hasGap;
  }

  get isEmpty(): boolean {
    return this.#chats.size === 0 && this.#customers.size === 0 && !this.#hasGap;
  }

  take(maxChats: number, maxCustomers: number): ChangedBatch {
    const chats = new Map([...this.#chats].slice(0, maxChats));
    const customers = [...this.#customers].slice(0, maxCustomers);
    for (const id of chats.keys()) this.#chats.delete(id);
    for (const id of customers) this.#customers.delete(id);
    return { chats, customers };
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
      this.#hasGap = true;
    }
    this.#wake();
  }
}
