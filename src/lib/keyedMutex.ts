/** Tasks of one key run one after the other, in the order in which they came; those of different keys side by side. */
export function createKeyedMutex() {
  const tails = new Map<string, Promise<unknown>>();
  return {
    /** The task's result. A task whose signal fires before its turn comes is not run, and nobody waits for its turn. */
    async run<Result>(
      key: string,
      signal: AbortSignal,
      task: () => Promise<Result>,
    ): Promise<Result> {
      const previous = tails.get(key) ?? Promise.resolve();
      const result = previous.then(() => {
        signal.throwIfAborted();
        return task();
      });
      const tail = result.catch(() => undefined);
      tails.set(key, tail);
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      let onAbort = (): void => undefined;
      const aborted = new Promise<never>((_resolve, reject) => {
        onAbort = () =>
          reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      });
      signal.addEventListener('abort', onAbort);
      try {
        return await Promise.race([result, aborted]);
      } finally {
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}
