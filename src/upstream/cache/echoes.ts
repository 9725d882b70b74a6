import type { Clock } from '../../support/clock.ts';

/** What is on its way arrives within this time, or not at all. */
const longestMs = 50;

/** Words that an instance sends to itself, to know that it has heard all that was said before. */
export function createEchoes(clock: Clock) {
  const waiting = new Map<string, (isHeard: boolean) => void>();
  let sent = 0;
  return {
    /** Whether the word is one that was sent, however late it comes. */
    heard(word: string): boolean {
      waiting.get(word)?.(true);
      return /^[1-9][0-9]{0,15}$/.test(word) && Number(word) <= sent;
    },
    /** Whether the word came back in time. */
    async send(say: (word: string) => Promise<unknown>): Promise<boolean> {
      sent += 1;
      const word = String(sent);
      const coming = new Promise<boolean>((resolve) => {
        const cancel = clock.after(longestMs, () => settle(false));
        const settle = (isHeard: boolean) => {
          cancel();
          waiting.delete(word);
          resolve(isHeard);
        };
        waiting.set(word, settle);
      });
      await say(word);
      return coming;
    },
  };
}
