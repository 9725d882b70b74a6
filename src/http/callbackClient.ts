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

const loopback = /^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])$/;

/**
 * Whether the address may be called. A listed host stands for https on any port unless it names one; on this machine http will do.
 * A listed origin is meant as it is written.
 */
export function isCallable(text: string, hosts: readonly string[]): boolean {
  if (!URL.canParse(text)) return false;
  const { origin, protocol, host, hostname, username, password } = new URL(text);
  if (username + password !== '') return false;
  if (hosts.includes(origin)) return true;
  const isSafe = protocol === 'https:' || (protocol === 'http:' && loopback.test(hostname));
  return isSafe && (hosts.includes(host) || hosts.includes(hostname));
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
