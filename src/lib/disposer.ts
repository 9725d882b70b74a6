/** Collects release functions and runs each of them once. */
export class Disposer {
  readonly #releases = new Set<() => void>();
  #isDisposed = false;

  get isDisposed(): boolean {
    return this.#isDisposed;
  }

  /** Runs `release` immediately if already disposed. */
  add(release: () => void): void {
    if (this.#isDisposed) release();
    else this.#releases.add(release);
  }

  /** As `add`. Returns a function that removes it again. */
  addRemovable(release: () => void): () => void {
    // The same function may be added twice.
    const own = () => release();
    this.add(own);
    return () => void this.#releases.delete(own);
  }

  /** Runs every function, even if one throws; then throws the first error. */
  dispose(): void {
    this.#isDisposed = true;
    const errors: unknown[] = [];
    for (const release of this.#releases) {
      try {
        release();
      } catch (error) {
        errors.push(error);
      }
    }
    this.#releases.clear();
    if (errors.length > 0) throw errors[0];
  }
}
