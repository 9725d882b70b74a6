import type { AbortSignalLike } from '../lib/abortScope.ts';
import type { DependencyTracker } from '../lib/dependencyTracker.ts';
import type { Span } from '../observability/tracing.ts';
import type { RequestWaiters } from './cache/inFlight.ts';
import type { ChargeCandidate, QuotaViewer } from './rateLimit/limiter.ts';
import type { TransportRequest } from './transport.ts';

/**
 * What follows when the outcome of a write is unknown. `safe`: it is sent again. `never`: it fails. A function: it reads the current
 * state and resolves to the response of the write if it was applied; the write is sent again if it resolves to undefined.
 */
export type WriteRepetition = 'safe' | 'never' | (() => Promise<unknown>);

/** An HTTP request to HelpCrunch with its declared effect. The HTTP method does not determine it: a search is a POST that reads. */
export type UpstreamCall = Pick<TransportRequest, 'method' | 'path' | 'body'> &
  ({ readonly effect: 'read' } | { readonly effect: 'write'; readonly repeat: WriteRepetition });

/** Counters of one operation. */
export interface OperationUsage {
  /** Upstream calls sent for the operation. */
  calls: number;
  /** Entities and lists returned from the cache. */
  cacheHits: number;
  /** Requests of other operations that it joined. */
  shared: number;
  /** The age of the oldest stale value in the response. */
  staleMs?: number;
  /** Whether HelpCrunch rejected the client's own key. */
  isKeyRejected?: boolean;
}

/** The operation for which calls are made. */
export interface UpstreamContext {
  readonly apiKey: string;
  /** Owns the cache entries and the rate limit. */
  readonly account: string;
  /** To whom the rate limiter charges calls. Its key changes when the id of a customer becomes known. */
  readonly viewer: QuotaViewer;
  /** The priority of calls that read. */
  readonly readPriority: 'read' | 'background';
  /** Further viewers of the operation. A read is charged to the first of them that has quota if `viewer` has none. */
  readonly fallbackCandidates?: readonly ChargeCandidate[] | undefined;
  /** Aborted when the client disconnects or the deadline passes. */
  readonly signal: () => AbortSignalLike;
  /** On the monotonic clock. */
  readonly deadlineMs: number;
  readonly usage: OperationUsage;
  /** Entries read before this operation are ignored (`Cache-Control: no-cache`). */
  readonly bypassesCache: boolean;
  /** Whether HelpCrunch has not accepted the key yet. */
  readonly isUnverified?: boolean;
  readonly span?: Span | undefined;
  readonly tracker: DependencyTracker;
}

/** A call on its way through the layers, with the operations that wait for it. */
export type UpstreamRequest = UpstreamCall &
  RequestWaiters & {
    readonly context: UpstreamContext;
    /** The account whose rate limit and circuit breaker apply. */
    readonly quotaOwner: string;
    /** Trace headers. */
    readonly headers: Readonly<Record<string, string>>;
    readonly usesNewConnection?: boolean;
    /** Called with the status of the response. */
    readonly onStatus?: (status: number) => void;
  };

/** Resolves to the JSON of a 2xx response; rejects with an `UpstreamError` or the reason of the signal. */
export type Send = (request: UpstreamRequest) => Promise<unknown>;

export type Layer = (next: Send) => Send;

/** Composes layers, outermost first, around the function that sends the request. */
export const compose = (layers: readonly Layer[], send: Send): Send =>
  layers.reduceRight((next, layer) => layer(next), send);
