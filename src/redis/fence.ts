import type { Clock } from '../lib/clock.ts';

/** A read fence over pub/sub: Redis delivers to one connection in order, so a token that returns proves that all earlier messages arrived. */
export class ReadFence {
  readonly #waiting = new Map<string, (isAcknowledged: boolean) => void>();
  readonly #clock: Clock;
  #tokens = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the token was issued here, however late it arrives. */
  acknowledge(token: string): boolean {
    this.#waiting.get(token)?.(true);
    return /^[1-9][0-9]{0,15}$/.test(token) && Number(token) <= this.#tokens;
  }

  /** Whether the token returned within the time after it was published. */
  async wait(timeoutMs: number, publish: (token: string) => Promise<unknown>): Promise<boolean> {
    this.#tokens += 1;
    const token = String(this.#tokens);
    const acknowledged = new Promise<boolean>((resolve) => this.#waiting.set(token, resolve));
    let cancel = (): void => undefined;
    try {
      await publish(token);
      cancel = this.#clock.after(timeoutMs, () => this.#waiting.get(token)?.(false));
      return await acknowledged;
    } finally {
      cancel();
      this.#waiting.delete(token);
    }
  }
}
