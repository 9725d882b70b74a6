import { performance } from 'node:perf_hooks';
import { Redis } from 'ioredis';
import { onNextTurn } from '../../src/lib/clock.ts';

/** Turns of the event loop: more than any code of the gateway defers its work without an event. */
const quietTurns = 10;

const nextTurn = () => new Promise<void>((resolve) => onNextTurn(resolve));

/** The events that libuv has delivered: sockets and other threads, but no timers. */
const eventCount = (): number => performance.nodeTiming.uvMetricsInfo.events;

/** Tells when gateways, clients and upstream, all of this process, have no work left that does not wait for the clock. */
export class Idleness {
  /** Work of other threads and processes, which cause no event before they are done. */
  #external = 0;
  readonly #release: () => void;

  constructor() {
    const track = <Result>(work: Promise<Result>): Promise<Result> => {
      this.#external += 1;
      const end = () => {
        this.#external -= 1;
      };
      work.then(end, end);
      return work;
    };
    const { subtle } = globalThis.crypto;
    const verify = subtle.verify.bind(subtle);
    subtle.verify = (...values) => track(verify(...values));
    const { sendCommand } = Redis.prototype;
    Redis.prototype.sendCommand = function (command, stream) {
      void track(command.promise);
      return sendCommand.call(this, command, stream);
    };
    this.#release = () => {
      // The instance's own property hides the method.
      Reflect.deleteProperty(subtle, 'verify');
      Redis.prototype.sendCommand = sendCommand;
    };
  }

  /** Resolves when there was no event for some turns, and no external work is left. */
  async reached(): Promise<void> {
    let events = eventCount();
    for (let quiet = 0; quiet < quietTurns; quiet += 1) {
      await nextTurn();
      if (eventCount() !== events || this.#external > 0) quiet = 0;
      events = eventCount();
    }
  }

  end(): void {
    this.#release();
  }
}
