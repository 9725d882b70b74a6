import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import { SampledLog } from './sampledLog.ts';

/** Why a request is rejected before its operation is executed. A closed set, because it is a metric label. */
type RequestRejectionReason =
  | 'malformed'
  | 'unauthenticated'
  | 'forbidden'
  | 'unknownPath'
  | 'method'
  | 'notAcceptable'
  | 'timeout'
  | 'tooLarge'
  | 'mediaType'
  | 'host'
  | 'upgradeRequired'
  | 'rateLimited'
  | 'tooManyConnections'
  | 'unavailable';

/** Statuses that are not listed are malformed requests. */
const reasons: Readonly<Record<number, RequestRejectionReason>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'unknownPath',
  405: 'method',
  406: 'notAcceptable',
  408: 'timeout',
  413: 'tooLarge',
  415: 'mediaType',
  421: 'host',
  426: 'upgradeRequired',
  429: 'rateLimited',
  431: 'tooLarge',
  503: 'unavailable',
};

type EntryPoint = 'http' | 'sse' | 'websocket' | 'webhook' | 'mcp';

interface RejectedRequest {
  /** The client's address. */
  readonly address: string;
  readonly entryPoint: EntryPoint;
  readonly requestId?: string | undefined;
  readonly traceId?: string | undefined;
}

export interface RejectionError {
  readonly status: number;
  readonly extensions: { readonly code?: unknown };
}

interface LoggedRejection extends RejectedRequest {
  readonly reason: RequestRejectionReason;
  readonly status?: number;
  readonly code?: unknown;
}

interface RequestRejectionsParts {
  readonly metrics: Pick<Metrics, 'requestRejected' | 'operationRejected'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Counts and logs requests that are rejected before execution. Rejected credentials are reported by `AuthFailureLimiter`. */
export class RequestRejections {
  readonly #metrics: RequestRejectionsParts['metrics'];
  readonly #log: SampledLog<LoggedRejection>;

  constructor({ metrics, clock, log }: RequestRejectionsParts) {
    this.#metrics = metrics;
    this.#log = new SampledLog({ message: 'request rejected', clock, log });
  }

  report({ status, extensions: { code } }: RejectionError, request: RejectedRequest): void {
    const reason = reasons[status] ?? 'malformed';
    this.#add({ ...request, reason, status, code });
  }

  /** A connection that was closed without a response, because there are too many. */
  reportDroppedConnection(request: RejectedRequest): void {
    this.#add({ ...request, reason: 'tooManyConnections' });
  }

  /** Counts an operation that was rejected before execution. */
  countOperation({ extensions: { code } }: Pick<RejectionError, 'extensions'>): void {
    this.#metrics.operationRejected(String(code));
  }

  close(): void {
    this.#log.close();
  }

  #add(rejection: LoggedRejection): void {
    this.#metrics.requestRejected(rejection);
    this.#log.add(rejection);
  }
}
