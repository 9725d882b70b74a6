export type KeyedMutex = ReturnType<typeof createKeyedMutex>;

/** Runs tasks of the same key one after the other, in order, and tasks of different keys concurrently. */
export function createKeyedMutex() {
  const tails = new Map<string, Promise<unknown>>();
  return {
    /** Resolves to the task's result. A task whose signal is aborted before its turn is not run and rejects immediately. */
    async run<Result>(
      key: string,
      signal: AbortSignal,
      task: () => Promise<Result>,
    ): Promise<Result> {
      const previous = tails.get(key) ?? Promise.resolve();
      let hasStarted = false;
      const result = previous.then(() => {
        signal.throwIfAborted();
        hasStarted = true;
        return task();
      });
      const tail = result.catch(() => undefined);
      tails.set(key, tail);
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      let onAbort = (): void => undefined;
      const aborted = new Promise<never>((_resolve, reject) => {
        onAbort = () => {
          if (hasStarted) return;
          reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        };
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
