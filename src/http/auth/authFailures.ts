import { publicError } from '../../graphql/errors.ts';
import type { PublicError } from '../../graphql/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import { clientNetwork } from '../clientAddress.ts';
import type { RequestRateLimiter } from '../requestRate.ts';
import { SampledLog } from '../sampledLog.ts';
import type { AuthenticationError, RejectionReason } from './credentials.ts';

/** `operation`: HelpCrunch rejected the client's own key during an operation. */
type EntryPoint = 'http' | 'sse' | 'websocket' | 'webhook' | 'mcp' | 'operation';

interface RejectedCredentials {
  /** The client's address. */
  readonly address: string;
  /** Whether the router forwarded them. Its address is that of all its clients. */
  readonly isRouter?: boolean | undefined;
  readonly reason: RejectionReason;
  readonly entryPoint: EntryPoint;
  readonly requestId: string;
  readonly traceId?: string | undefined;
}

type LoggedRejection = Omit<RejectedCredentials, 'isRouter'>;

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
  readonly #log: SampledLog<LoggedRejection>;

  constructor(parts: AuthFailuresParts) {
    this.#parts = parts;
    this.#log = new SampledLog({ ...parts, message: 'credentials rejected' });
  }

  /** Counts one rejection. Returns how long the client must wait if its network has too many. */
  async record({ isRouter, ...rejected }: RejectedCredentials): Promise<number | undefined> {
    const network = clientNetwork(rejected.address);
    this.#parts.observe(rejected);
    this.#log.add(rejected);
    return isRouter ? undefined : this.#parts.rate.consume(network);
  }

  /** Counts one rejection. Returns the error for the client: `error`, or `RATE_LIMITED` if its network has too many. */
  async reject(
    error: AuthenticationError,
    request: Omit<RejectedCredentials, 'reason'>,
  ): Promise<PublicError> {
    const waitMs = await this.record({ ...request, reason: error.reason });
    // Closes the connection of an HTTP request: requests that were sent after it are not answered.
    const headers = { connection: 'close' };
    return waitMs === undefined ? error : publicError.rateLimited(waitMs, undefined, { headers });
  }

  /** How long clients of this address must wait before they may try other credentials. Counts nothing. */
  nextWaitMs(address: string): Promise<number | undefined> {
    return this.#parts.rate.nextWaitMs(clientNetwork(address));
  }

  /** Logs what was suppressed so far. */
  close(): void {
    this.#log.close();
  }
}
