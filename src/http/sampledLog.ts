import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import { clientNetwork } from './clientAddress.ts';

/** There is at most one line per client network in this period. */
const sampleMs = 1_000;

/** Events of further networks are summarized in one line. */
const maxNetworks = 1_000;

interface LoggedEvent {
  /** The client's address. */
  readonly address: string;
}

interface Sample<Event> {
  latest: Event;
  suppressed: number;
}

interface SampledLogParts {
  readonly message: string;
  readonly clock: Clock;
  readonly log: Log;
}

/** Logs events that clients can cause at any rate: one line per second and client network, which counts the suppressed ones. */
export class SampledLog<Event extends LoggedEvent> {
  readonly #parts: SampledLogParts;
  readonly #samples = new Map<string, Sample<Event>>();
  #otherSuppressed = 0;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: SampledLogParts) {
    this.#parts = parts;
  }

  add(event: Event): void {
    if (this.#isClosed) {
      this.#write(event);
      return;
    }
    const network = clientNetwork(event.address);
    const sample = this.#samples.get(network);
    if (sample !== undefined) {
      sample.latest = event;
      sample.suppressed += 1;
    } else if (this.#samples.size < maxNetworks) {
      this.#samples.set(network, { latest: event, suppressed: 0 });
      this.#write(event);
    } else {
      this.#otherSuppressed += 1;
    }
    this.#cancelTimer ??= this.#parts.clock.after(sampleMs, () => this.#tick());
  }

  /** Logs what was suppressed so far. Later events are logged one by one and start no timer. */
  close(): void {
    this.#isClosed = true;
    this.#flush();
    this.#samples.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #tick(): void {
    this.#cancelTimer = undefined;
    this.#flush();
    if (this.#samples.size > 0) {
      this.#cancelTimer = this.#parts.clock.after(sampleMs, () => this.#tick());
    }
  }

  #flush(): void {
    for (const [network, sample] of this.#samples) {
      if (sample.suppressed === 0) {
        this.#samples.delete(network);
        continue;
      }
      // The line itself reports the latest event.
      const suppressed = sample.suppressed - 1;
      this.#write({ ...sample.latest, ...(suppressed === 0 ? {} : { suppressed }) });
      sample.suppressed = 0;
    }
    if (this.#otherSuppressed > 0) {
      this.#write({ otherAddresses: true, suppressed: this.#otherSuppressed });
      this.#otherSuppressed = 0;
    }
  }

  #write(fields: object): void {
    const { log, message } = this.#parts;
    log.warn(message, { ...fields });
  }
}
