import type { Clock } from '../lib/clock.ts';

/** What is on its way arrives within this time, or not at all. */
const fenceTimeoutMs = 50;

/** Words that an instance sends to itself, to know that it has heard all that was said before. */
export function createFence(clock: Clock) {
  const pendingTokens = new Map<string, (isAcknowledged: boolean) => void>();
  let tokenCount = 0;
  return {
    /** Whether the word is one that was sent, however late it comes. */
    acknowledge(token: string): boolean {
      pendingTokens.get(token)?.(true);
      return /^[1-9][0-9]{0,15}$/.test(token) && Number(token) <= tokenCount;
    },
    /** Whether the word came back in time. */
    async wait(publish: (token: string) => Promise<unknown>): Promise<boolean> {
      tokenCount += 1;
      const token = String(tokenCount);
      const acknowledged = new Promise<boolean>((resolve) => {
        const cancel = clock.after(fenceTimeoutMs, () => settle(false));
        const settle = (isAcknowledged: boolean) => {
          cancel();
          pendingTokens.delete(token);
          resolve(isAcknowledged);
        };
        pendingTokens.set(token, settle);
      });
      await publish(token);
      return acknowledged;
    },
  };
}
