import { performance } from 'node:perf_hooks';
import type { Transform } from 'node:stream';
import { createGzip } from 'node:zlib';
import { Redis } from 'ioredis';
import { onNextTurn } from '../../src/lib/clock.ts';

/** Turns of the event loop: more than any code of the gateway defers its work without an event. */
const quietTurns = 10;

const nextTurn = () => new Promise<void>((resolve) => onNextTurn(resolve));

/** The events that libuv has delivered: sockets and other threads, but no timers. */
const eventCount = (): number => performance.nodeTiming.uvMetricsInfo.events;

/** The requests of another thread that reads, writes or closes a file, which cause no event before they are done. */
const fileRequest = /^(FSReq|CloseReq)/;

const isUsingFiles = (): boolean =>
  process.getActiveResourcesInfo().some((name) => fileRequest.test(name));

/** The prototype of all compressing and decompressing streams, which functions such as `gzip` use, too. */
function findCompressionPrototype(): Transform {
  let found: Transform = createGzip();
  while (!Object.hasOwn(found, '_transform')) found = Object.getPrototypeOf(found);
  return found;
}

const compression = findCompressionPrototype();

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
    const { _transform } = compression;
    compression._transform = function (chunk, encoding, done) {
      const ended = new Promise<void>((resolve) => {
        // After an error nothing else happens.
        this.once('close', resolve);
        _transform.call(this, chunk, encoding, (...values) => {
          this.off('close', resolve);
          resolve();
          done(...values);
        });
      });
      void track(ended);
    };
    this.#release = () => {
      // The instance's own property hides the method.
      Reflect.deleteProperty(subtle, 'verify');
      Redis.prototype.sendCommand = sendCommand;
      compression._transform = _transform;
    };
  }

  /** Resolves when there was no event for some turns, and no external work is left. */
  async reached(): Promise<void> {
    let events = eventCount();
    for (let quiet = 0; quiet < quietTurns; quiet += 1) {
      await nextTurn();
      if (eventCount() !== events || this.#external > 0 || isUsingFiles()) quiet = 0;
      events = eventCount();
    }
  }

  end(): void {
    this.#release();
  }
}
