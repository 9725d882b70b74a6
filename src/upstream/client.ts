import type { Clock } from '../support/clock.ts';
import type { Cache, OperationCache, Send } from './cache/cache.ts';
import { UpstreamError } from './errors.ts';
import { failureOf } from './failure.ts';
import type { RateWindow } from './rateWindow.ts';
import { windowMs } from './rateWindow.ts';
import { maxConditions } from './search.ts';
import type { Request, Transport } from './transport.ts';

/** A call to the helpdesk. Its effect is stated, never inferred: a search is a POST that reads. */
export interface Call extends Pick<Request, 'method' | 'path' | 'body'> {
  readonly effect: 'read' | 'write';
}

/** What one operation has caused so far. */
export interface Usage {
  /** Calls that were made for it. */
  calls: number;
  /** Entities and lists that were known already. */
  cacheHits: number;
  /** Calls of others that it waited for. */
  shared: number;
}

/** The operation on whose behalf calls are made. */
export interface Scope {
  readonly key: string;
  /** Whose cache it is: one account's. */
  readonly tenant: string;
  readonly signal: AbortSignal;
  readonly usage: Usage;
  /** Whether the client wants to see what the helpdesk says now. */
  readonly isRefresh: boolean;
}

/** How many ids go in one search: less than 100 once the helpdesk has refused as many. */
export interface BatchSize {
  limit: number;
}

/** The helpdesk as one operation sees it. */
export interface Upstream {
  readonly cache: OperationCache;
  readonly batchSize: BatchSize;
}

export interface UpstreamClient {
  forOperation(scope: Scope): Upstream;
  readonly rate: RateWindow;
  /** How many calls this process has made. */
  calls(): number;
  close(): void;
}

interface ClientParts {
  readonly transport: Transport;
  readonly rate: RateWindow;
  readonly cache: Cache;
  readonly clock: Clock;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new UpstreamError('malformed', "The helpdesk's answer is not JSON.", { cause });
  }
}

/** The layers of a call, outermost first: cache → transport. */
export function createUpstreamClient({
  transport,
  rate,
  cache,
  clock,
}: ClientParts): UpstreamClient {
  let calls = 0;
  const batchSize: BatchSize = { limit: maxConditions };

  /** Without a word from the helpdesk: when the first of our own calls will have left its window. */
  const estimateMs = () =>
    Math.max(1_000, Math.ceil((rate.roomAt() ?? clock.now() + windowMs) - clock.now()));

  const sendFor =
    ({ key, usage }: Scope) =>
    (signal: AbortSignal): Send =>
    async ({ method, path, body }) => {
      signal.throwIfAborted();
      usage.calls += 1;
      calls += 1;
      rate.spend();
      const answer = await transport.request({ method, path, body, key, signal });
      if (answer.status >= 200 && answer.status < 300) return parse(answer.body);
      throw failureOf(
        answer.status === 429 && answer.retryAfterMs === undefined
          ? { ...answer, retryAfterMs: estimateMs() }
          : answer,
        key,
      );
    };

  return {
    rate,
    calls: () => calls,
    forOperation: (scope) => ({ cache: cache.forOperation(scope, sendFor(scope)), batchSize }),
    close() {
      transport.close();
    },
  };
}
