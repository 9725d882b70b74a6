type Release = () => unknown;

/** Releases in reverse order what a start acquired, as `AsyncDisposableStack` does in newer versions of Node. */
export class DisposerStack {
  readonly #releases: Release[] = [];
  #disposal: Promise<void> | undefined;

  /** Runs a start. If it fails, everything acquired is released before the error is rethrown. */
  static async use<Result>(start: (stack: DisposerStack) => Promise<Result>): Promise<Result> {
    const stack = new DisposerStack();
    try {
      return await start(stack);
    } catch (error) {
      await stack.dispose().catch(() => undefined);
      throw error;
    }
  }

  defer(release: Release): void {
    this.#releases.push(release);
  }

  /** Releases everything once, even if a release throws; then rejects with the first error. */
  dispose(): Promise<void> {
    return (this.#disposal ??= this.#run());
  }

  async #run(): Promise<void> {
    const errors: unknown[] = [];
    for (const release of this.#releases.reverse()) {
      try {
        await release();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
