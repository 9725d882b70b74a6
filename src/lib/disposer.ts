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
