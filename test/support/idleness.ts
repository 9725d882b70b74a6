import { performance } from 'node:perf_hooks';
import type { Redis } from 'ioredis';
import { onNextTurn } from '../../src/lib/clock.ts';

/** Turns of the event loop: more than any code of the gateway defers its work without an event. */
const quietTurns = 10;

const nextTurn = () => new Promise<void>((resolve) => onNextTurn(resolve));

/** The events that libuv has delivered: sockets and other threads, but no timers. */
const eventCount = (): number => performance.nodeTiming.uvMetricsInfo.events;

/** Tells when gateways, clients and upstream, all of this process, have no work left that does not wait for the clock. */
export class Idleness {
  readonly #redis: Redis | undefined;
  #verifications = 0;

  constructor(redis?: Redis) {
    this.#redis = redis;
    const { subtle } = globalThis.crypto;
    const verify = subtle.verify.bind(subtle);
    // Another thread verifies the signatures of tokens, of which the event loop knows nothing until it is done.
    subtle.verify = async (...values) => {
      this.#verifications += 1;
      try {
        return await verify(...values);
      } finally {
        this.#verifications -= 1;
      }
    };
  }

  /** Resolves when there was no event for some turns, and Redis has replied to all commands. */
  async reached(): Promise<void> {
    for (;;) {
      // Redis has written its replies to earlier commands before it reads the second one.
      await this.#redis?.ping();
      await this.#redis?.ping();
      const before = eventCount();
      for (let turn = 0; turn < quietTurns; turn += 1) await nextTurn();
      if (eventCount() === before && this.#verifications === 0) return;
    }
  }

  end(): void {
    // The instance's own property hides the method.
    Reflect.deleteProperty(globalThis.crypto.subtle, 'verify');
  }
}
