import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import { clientNetwork } from '../requestRate.ts';
import type { RequestRateLimiter } from '../requestRate.ts';

/** Why credentials are rejected. A closed set, because it is a label of a metric. */
export type RejectionReason =
  'missing' | 'invalid' | 'expired' | 'claims' | 'routerSecret' | 'signature' | 'upstream';

/** `operation`: HelpCrunch rejected the client's own key while an operation ran. */
export type EntryPoint = 'http' | 'sse' | 'websocket' | 'webhook' | 'operation';

export interface RejectedCredentials {
  /** Of the client. */
  readonly address: string;
  readonly reason: RejectionReason;
  readonly entryPoint: EntryPoint;
  readonly requestId: string;
}

/** The audit log has at most one line per address in this time. */
const sampleMs = 1_000;

/** Rejections of further addresses are summed up in one line. */
const maxSampledAddresses = 1_000;

interface Sample {
  latest: RejectedCredentials;
  suppressed: number;
}

/** The summary of addresses that had no line of their own. */
interface OtherAddresses {
  readonly otherAddresses: true;
}

interface AuthFailuresParts {
  /** Counts rejections by address. */
  readonly rate: RequestRateLimiter;
  readonly clock: Clock;
  readonly log: Log;
  /** Called for each rejection. */
  readonly observe: (rejected: RejectedCredentials) => void;
}

/** Rejected credentials of all entry points: counted by client address, and written to the audit log. */
export class AuthFailures {
  readonly #parts: AuthFailuresParts;
  readonly #samples = new Map<string, Sample>();
  #otherSuppressed = 0;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: AuthFailuresParts) {
    this.#parts = parts;
  }

  /** Counts one rejection. Returns how long the client must wait when there were too many of its address. */
  record(rejected: RejectedCredentials): Promise<number | undefined> {
    const network = clientNetwork(rejected.address);
    this.#parts.observe(rejected);
    this.#sample(network, rejected);
    return this.#parts.rate.consume(network);
  }

  /** How long clients of this address must wait before they may try other credentials; counts nothing. */
  nextWaitMs(address: string): Promise<number | undefined> {
    return this.#parts.rate.nextWaitMs(clientNetwork(address));
  }

  /** Writes what was suppressed so far. Later rejections have a line each, and start no timer. */
  close(): void {
    this.#isClosed = true;
    this.#flush();
    this.#samples.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #sample(network: string, rejected: RejectedCredentials): void {
    if (this.#isClosed) {
      this.#write(rejected);
      return;
    }
    const sample = this.#samples.get(network);
    if (sample !== undefined) {
      sample.latest = rejected;
      sample.suppressed += 1;
    } else if (this.#samples.size < maxSampledAddresses) {
      this.#samples.set(network, { latest: rejected, suppressed: 0 });
      this.#write({ ...rejected });
    } else {
      this.#otherSuppressed += 1;
    }
    this.#cancelTimer ??= this.#parts.clock.after(sampleMs, () => this.#tick());
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
      // The line stands for the latest rejection, which is not suppressed by that.
      const suppressed = sample.suppressed - 1;
      this.#write({ ...sample.latest, ...(suppressed === 0 ? {} : { suppressed }) });
      sample.suppressed = 0;
    }
    if (this.#otherSuppressed > 0) {
      this.#write({ otherAddresses: true, suppressed: this.#otherSuppressed });
      this.#otherSuppressed = 0;
    }
  }

  #write(fields: (RejectedCredentials | OtherAddresses) & { readonly suppressed?: number }): void {
    this.#parts.log.warn('credentials rejected', { ...fields });
  }
}
