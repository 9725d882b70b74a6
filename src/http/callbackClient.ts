import type { Clock } from '../support/clock.ts';

/** How long the router may take to answer. */
const answerMs = 5_000;

const maxTries = 4;

const firstPauseMs = 200;

export interface CallbackTarget {
  readonly url: string;
  readonly id: string;
  readonly verifier: string;
}

/** What became of a message: taken, or the router wants no more, or it could not be reached. */
export type Delivery = 'taken' | 'refused' | 'failed';

/** Whether the address may be called: its scheme, host and port together must be allowed. */
export function isCallable(text: string, origins: readonly string[]): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, username, password } = new URL(text);
  return username + password === '' && origins.includes(origin);
}

export type CallbackClient = ReturnType<typeof createCallbackClient>;

/** Posts the messages of the federation's HTTP callback protocol. It follows no redirect. */
export function createCallbackClient(clock: Clock) {
  const pause = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));

  async function post({ url, ...names }: CallbackTarget, message: object): Promise<Delivery> {
    const controller = new AbortController();
    const cancel = clock.after(answerMs, () => controller.abort());
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/json', 'subscription-protocol': 'callback/1.0' },
        body: JSON.stringify({ kind: 'subscription', ...names, ...message }),
        signal: controller.signal,
      });
      await response.body?.cancel();
      if (response.ok) return 'taken';
      return response.status >= 500 ? 'failed' : 'refused';
    } catch {
      return 'failed';
    } finally {
      cancel();
    }
  }

  return {
    post,
    /** As `post`, some times over while the router cannot be reached. */
    async deliver(target: CallbackTarget, message: object): Promise<Delivery> {
      for (let tries = 1; ; tries += 1) {
        const delivery = await post(target, message);
        if (delivery !== 'failed' || tries === maxTries) return delivery;
        await pause(firstPauseMs * 2 ** (tries - 1));
      }
    },
  };
}
