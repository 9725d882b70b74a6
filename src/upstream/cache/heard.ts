import type { Clock } from '../../support/clock.ts';

/** Word of a change that has been made is on its way for less than this. */
const longestMs = 50;
const maxRemembered = 1_000;

/** The latest changes that an instance has heard of, by the generation that each began. */
export function createHeard() {
  const generations = new Set<string>();
  const waiting = new Map<string, Set<() => void>>();
  return {
    has: (generation: string): boolean => generations.has(generation),
    add(generation: string): void {
      generations.add(generation);
      if (generations.size > maxRemembered) {
        const [oldest = ''] = generations;
        generations.delete(oldest);
      }
      for (const resolve of waiting.get(generation) ?? []) resolve();
    },
    /** Whether it was heard of before long. */
    wait: (generation: string, clock: Clock): Promise<boolean> =>
      new Promise((resolve) => {
        const waiters = waiting.get(generation) ?? new Set();
        const settle = (isHeard: boolean) => {
          cancel();
          waiters.delete(hear);
          if (waiters.size === 0) waiting.delete(generation);
          resolve(isHeard);
        };
        const hear = () => settle(true);
        const cancel = clock.after(longestMs, () => settle(false));
        waiters.add(hear);
        waiting.set(generation, waiters);
      }),
  };
}
