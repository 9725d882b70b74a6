import type { ManualClock } from './manualClock.ts';

/** Lets time pass until the work is done: so much with each millisecond of the machine, in which sockets are served. */
export async function untilDone<Result>(
  work: Promise<Result>,
  clock: Pick<ManualClock, 'advance'>,
  stepMs: number,
): Promise<Result> {
  const state = { isDone: false };
  const end = () => {
    state.isDone = true;
  };
  work.then(end, end);
  while (!state.isDone) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    clock.advance(stepMs);
  }
  return work;
}
