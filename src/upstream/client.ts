import type { Clock } from '../support/clock.ts';
import type { Budget, RateStatus } from './budget/budget.ts';
import type { Cache, OperationCache, Send } from './cache/cache.ts';
import type { Crew } from './cache/flights.ts';
import { UpstreamError } from './errors.ts';
import { failureOf } from './failure.ts';
import { withRetries } from './retry.ts';
import { maxConditions } from './search.ts';
import type { Request, Transport } from './transport.ts';

/** A call to the helpdesk. Its effect is stated, never inferred: a search is a POST that reads. */
export interface Call extends Pick<Request, 'method' | 'path' | 'body'> {
  readonly effect: 'read' | 'write';
  /** Of a write: that it does no harm when it happens twice. */
  readonly isIdempotent?: true;
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
  /** Whose cache and whose calls: one account's. */
  readonly tenant: string;
  /** Among whom the calls are shared out. */
  readonly viewer: string;
  readonly signal: AbortSignal;
  /** When the operation's time is over, by the clock. */
  readonly deadlineMs: number;
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

/** What is left of an account's calls. */
export interface Rate {
  now(): RateStatus;
  /** The same, when all instances have been heard. */
  latest(): Promise<RateStatus>;
}

export interface UpstreamClient {
  forOperation(scope: Scope): Upstream;
  rateOf(tenant: string): Rate;
  /** How many calls this process has made. */
  calls(): number;
  close(): void;
}

interface ClientParts {
  readonly transport: Transport;
  readonly budget: Budget;
  readonly cache: Cache;
  readonly clock: Clock;
  /** How often a call that may go better is tried again. */
  readonly maxRetries: number;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new UpstreamError('malformed', "The helpdesk's answer is not JSON.", { cause });
  }
}

/** The layers of a call, outermost first: cache → retry → budget → transport. Every try spends one call. */
export function createUpstreamClient(parts: ClientParts): UpstreamClient {
  const { transport, budget, cache, clock, maxRetries } = parts;
  let calls = 0;
  const batchSize: BatchSize = { limit: maxConditions };

  const trySending =
    ({ key, tenant, usage }: Scope, crew: Crew): Send =>
    async ({ effect, method, path, body }) => {
      crew.signal.throwIfAborted();
      const demand = () => ({
        viewer: crew.viewer(),
        priority: effect,
        deadlineMs: crew.deadlineMs(),
      });
      const slot = await budget.acquire(tenant, demand, crew.signal);
      usage.calls += 1;
      calls += 1;
      try {
        const answer = await transport.request({ method, path, body, key, signal: crew.signal });
        if (answer.status >= 200 && answer.status < 300) return parse(answer.body);
        if (answer.status !== 429) throw failureOf(answer, key);
        slot.refused(answer.retryAfterMs);
        throw failureOf({ retryAfterMs: budget.retryAfterMs(tenant), ...answer }, key);
      } finally {
        slot.done();
      }
    };

  const sendFor =
    (scope: Scope) =>
    (crew: Crew): Send => {
      const send = trySending(scope, crew);
      return (call) =>
        withRetries(() => send(call), {
          clock,
          maxRetries,
          isRepeatable: call.effect === 'read' || call.isIdempotent === true,
          signal: crew.signal,
          deadlineMs: crew.deadlineMs,
        });
    };

  return {
    calls: () => calls,
    forOperation: (scope) => ({
      cache: cache.forOperation(scope, {
        sendFor: sendFor(scope),
        onJoin: () => {
          budget.reconsider(scope.tenant);
        },
      }),
      batchSize,
    }),
    rateOf: (tenant) => ({
      now: () => budget.status(tenant),
      async latest() {
        await budget.refresh(tenant);
        return budget.status(tenant);
      },
    }),
    close() {
      budget.close();
      transport.close();
    },
  };
}
