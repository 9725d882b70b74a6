import type { Clock } from '../lib/clock.ts';

/** How long the router may take to answer. */
const responseTimeoutMs = 5_000;

const maxAttempts = 4;

const baseDelayMs = 200;

export interface CallbackTarget {
  readonly url: string;
  readonly id: string;
  readonly verifier: string;
}

/** What became of a message: taken, or the router wants no more, or it could not be reached. */
export type CallbackOutcome = 'accepted' | 'rejected' | 'failed';

/** Whether the address may be called: its scheme, host and port together must be allowed. */
export function isCallbackAllowed(text: string, origins: readonly string[]): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, username, password } = new URL(text);
  return username + password === '' && origins.includes(origin);
}

export type CallbackClient = ReturnType<typeof createCallbackClient>;

/** Posts the messages of the federation's HTTP callback protocol. It follows no redirect. */
export function createCallbackClient(clock: Clock) {
  const sleep = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));

  async function post(
    { url, ...identifiers }: CallbackTarget,
    message: object,
  ): Promise<CallbackOutcome> {
    const controller = new AbortController();
    const cancel = clock.after(responseTimeoutMs, () => controller.abort());
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/json', 'subscription-protocol': 'callback/1.0' },
        body: JSON.stringify({ kind: 'subscription', ...identifiers, ...message }),
        signal: controller.signal,
      });
      await response.body?.cancel();
      if (response.ok) return 'accepted';
      return response.status >= 500 ? 'failed' : 'rejected';
    } catch {
      return 'failed';
    } finally {
      cancel();
    }
  }

  return {
    post,
    /** As `post`, some times over while the router cannot be reached. */
    async deliver(target: CallbackTarget, message: object): Promise<CallbackOutcome> {
      for (let attempts = 1; ; attempts += 1) {
        const outcome = await post(target, message);
        if (outcome !== 'failed' || attempts === maxAttempts) return outcome;
        await sleep(baseDelayMs * 2 ** (attempts - 1));
      }
    },
  };
}
