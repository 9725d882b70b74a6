import { setMaxListeners } from 'node:events';

export interface Flight<Answer> {
  readonly order: number;
  /** The answer, or the signal's reason once the waiter has left. The last one to leave ends the call. */
  join(signal: AbortSignal): Promise<Answer>;
  readonly isAbandoned: boolean;
}

/** A call that several operations may wait for. One that leaves does not fail the others. */
export function createFlight<Answer>(
  order: number,
  start: (signal: AbortSignal) => Promise<Answer>,
): Flight<Answer> {
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const landing = start(controller.signal);
  // Nobody may be left to hear of a failure.
  landing.catch(() => undefined);
  let waiters = 0;
  return {
    order,
    get isAbandoned() {
      return controller.signal.aborted;
    },
    join: (signal) =>
      new Promise((resolve, reject) => {
        const leave = () => {
          waiters -= 1;
          if (waiters === 0) controller.abort(signal.reason);
          reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        };
        waiters += 1;
        if (signal.aborted) {
          leave();
          return;
        }
        signal.addEventListener('abort', leave, { once: true });
        const land = () => signal.removeEventListener('abort', leave);
        landing.then(
          (answer) => {
            land();
            resolve(answer);
          },
          (error: unknown) => {
            land();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      }),
  };
}
