import { setMaxListeners } from 'node:events';

export interface Flight<Answer> {
  /** The answer, or the signal's reason once the waiter has left. The last one to leave ends the call. */
  join(signal: AbortSignal): Promise<Answer>;
  /** Settles, and never fails, when the call is over. */
  readonly over: Promise<unknown>;
  isAbandoned(): boolean;
}

const asError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new Error(String(reason));

/** A call that several operations may wait for. One that leaves does not fail the others. */
export function createFlight<Answer>(
  start: (signal: AbortSignal) => Promise<Answer>,
): Flight<Answer> {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const landing = start(controller.signal);
  let waiters = 0;
  return {
    over: landing.catch(() => undefined),
    isAbandoned: () => controller.signal.aborted,
    join: (signal) =>
      new Promise((resolve, reject) => {
        const leave = () => {
          waiters -= 1;
          if (waiters === 0) controller.abort(signal.reason);
          reject(asError(signal.reason));
        };
        waiters += 1;
        if (signal.aborted) {
          leave();
          return;
        }
        signal.addEventListener('abort', leave, { once: true });
        landing
          .finally(() => signal.removeEventListener('abort', leave))
          .then(resolve, (error: unknown) => reject(asError(error)));
      }),
  };
}
