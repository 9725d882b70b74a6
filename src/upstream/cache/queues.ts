/** Tasks of one key run one after the other, in the order in which they came; those of different keys side by side. */
export function createQueues() {
  const tails = new Map<string, Promise<unknown>>();
  return {
    /** The task's result. A task whose signal fires before its turn comes is not run, and nobody waits for its turn. */
    async run<Result>(
      key: string,
      signal: AbortSignal,
      task: () => Promise<Result>,
    ): Promise<Result> {
      const before = tails.get(key) ?? Promise.resolve();
      const turn = before.then(() => {
        signal.throwIfAborted();
        return task();
      });
      const tail = turn.catch(() => undefined);
      tails.set(key, tail);
      void tail.then(() => {
        if (tails.get(key) === tail) tails.delete(key);
      });
      let leave = (): void => undefined;
      const left = new Promise<never>((_resolve, reject) => {
        leave = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      });
      signal.addEventListener('abort', leave);
      try {
        return await Promise.race([turn, left]);
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
  };
}
