/** The mutations in progress. They continue when their client disconnects, so a shutdown waits for them. */
export class RunningMutations {
  readonly #aborts = new Set<() => void>();
  readonly #idleWaiters = new Set<() => void>();

  /** Adds a mutation and returns the function that removes it. */
  add(abort: () => void): () => void {
    this.#aborts.add(abort);
    return () => {
      this.#aborts.delete(abort);
      if (this.#aborts.size > 0) return;
      for (const resolve of this.#idleWaiters) resolve();
      this.#idleWaiters.clear();
    };
  }

  /** Resolves when no mutation is in progress. */
  idle(): Promise<void> {
    return this.#aborts.size === 0
      ? Promise.resolve()
      : new Promise((resolve) => void this.#idleWaiters.add(resolve));
  }

  /** Aborts the upstream calls of all mutations. */
  abortAll(): void {
    for (const abort of [...this.#aborts]) abort();
  }
}
