import { publicError } from '../../graphql/errors.ts';
import type { PublicError } from '../../graphql/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import { clientNetwork } from '../clientAddress.ts';
import type { RequestRateLimiter } from '../requestRate.ts';
import type { AuthenticationError, RejectionReason } from './credentials.ts';

/** `operation`: HelpCrunch rejected the client's own key during an operation. */
type EntryPoint = 'http' | 'sse' | 'websocket' | 'webhook' | 'operation';

interface RejectedCredentials {
  /** The client's address. */
  readonly address: string;
  /** Whether the router forwarded them. Its address is that of all its clients. */
  readonly isRouter?: boolean | undefined;
  readonly reason: RejectionReason;
  readonly entryPoint: EntryPoint;
  readonly requestId: string;
}

/** The audit log has at most one line per address in this period. */
const sampleMs = 1_000;

/** Rejections of further addresses are summarized in one line. */
const maxSampledAddresses = 1_000;

type LoggedRejection = Omit<RejectedCredentials, 'isRouter'>;

interface Sample {
  latest: LoggedRejection;
  suppressed: number;
}

interface AuthFailuresParts {
  /** Counts rejections by address. */
  readonly rate: RequestRateLimiter;
  readonly clock: Clock;
  readonly log: Log;
  readonly observe: (rejected: LoggedRejection) => void;
}

/** Counts rejected credentials of all entry points by client network, except those that a router forwarded, and writes them to the audit log. */
export class AuthFailureLimiter {
  readonly #parts: AuthFailuresParts;
  readonly #samples = new Map<string, Sample>();
  #otherSuppressed = 0;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: AuthFailuresParts) {
    this.#parts = parts;
  }

  /** Counts one rejection. Returns how long the client must wait if its network has too many. */
  async record({ isRouter, ...rejected }: RejectedCredentials): Promise<number | undefined> {
    const network = clientNetwork(rejected.address);
    this.#parts.observe(rejected);
    this.#sample(network, rejected);
    return isRouter ? undefined : this.#parts.rate.consume(network);
  }

  /** Counts one rejection. Returns the error for the client: `error`, or `RATE_LIMITED` if its network has too many. */
  async reject(
    error: AuthenticationError,
    request: Omit<RejectedCredentials, 'reason'>,
  ): Promise<PublicError> {
    const waitMs = await this.record({ ...request, reason: error.reason });
    return waitMs === undefined ? error : publicError.rateLimited(waitMs);
  }

  /** How long clients of this address must wait before they may try other credentials. Counts nothing. */
  nextWaitMs(address: string): Promise<number | undefined> {
    return this.#parts.rate.nextWaitMs(clientNetwork(address));
  }

  /** Logs what was suppressed so far. Later rejections are logged one by one and start no timer. */
  close(): void {
    this.#isClosed = true;
    this.#flush();
    this.#samples.clear();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #sample(network: string, rejected: LoggedRejection): void {
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
      this.#write(rejected);
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
      // The line itself reports the latest rejection.
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
    this.#parts.log.warn('credentials rejected', { ...fields });
  }
}
