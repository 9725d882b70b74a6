import type { AbortSignalLike } from './abortScope.ts';
import { asError } from './asError.ts';

/** Runs tasks of the same key one after the other, in order, and tasks of different keys concurrently. */
export class KeyedMutex {
  /** The keys whose task is running, each with those that wait for their turn. */
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Resolves to the task's result. A task whose signal is aborted before its turn is not run and rejects immediately. */
  async run<Result>(
    key: string,
    signal: AbortSignalLike,
    task: () => Promise<Result>,
  ): Promise<Result> {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, new Set());
    // A task that need not wait does not start within the call either.
    await (waiting && this.#turn(waiting, signal));
    try {
      signal.throwIfAborted();
      return await task();
    } finally {
      this.#startNext(key);
    }
  }

  #turn(waiting: Set<() => void>, signal: AbortSignalLike): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        waiting.delete(start);
        reject(asError(signal.reason));
      };
      const start = () => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      };
      waiting.add(start);
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort);
    });
  }

  #startNext(key: string): void {
    const waiting = this.#waiting.get(key);
    const [start] = waiting ?? [];
    if (start === undefined) {
      this.#waiting.delete(key);
      return;
    }
    waiting?.delete(start);
    start();
  }
}
