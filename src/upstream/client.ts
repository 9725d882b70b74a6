import type { Clock } from '../lib/clock.ts';
import type { DependencyTracker } from '../lib/dependencyTracker.ts';
import { parseJson } from '../lib/json.ts';
import type { Log } from '../observability/log.ts';
import type { CursorCipher } from '../lib/cursorCipher.ts';
import { createCursorCipher } from '../lib/cursorCipher.ts';
import type { Span } from '../observability/tracing.ts';
import type { CircuitBreaker, BreakerOutcome, BreakerPermit } from './circuitBreaker.ts';
import { createCircuitBreakers } from './circuitBreakers.ts';
import type { RateLimiter, PermitRequest, QuotaStatus, Permit } from './rateLimit/limiter.ts';
import type { EntityCache, ScopedCache, SendCall } from './cache/entityCache.ts';
import type { RequestWaiters } from './cache/inFlight.ts';
import { UpstreamError } from './errors.ts';
import { errorFromResponse } from './errorFromResponse.ts';
import { withRetries } from './retry.ts';
import { maxConditions } from './filters.ts';
import { createKeyVerification, unverifiedAccount } from './keyVerification.ts';
import type { TransportResponse, TransportRequest, Transport } from './transport.ts';
import { createInstrumentation } from './instrumentation.ts';
import type { UpstreamObserver } from './instrumentation.ts';

/** A call to the helpdesk. Its effect is stated, never inferred: a search is a POST that reads. */
export interface UpstreamCall extends Pick<TransportRequest, 'method' | 'path' | 'body'> {
  readonly effect: 'read' | 'write';
  /** Of a write: that it does no harm when it happens twice. */
  readonly isIdempotent?: true;
}

/** What one operation has caused so far. */
export interface OperationUsage {
  /** Calls that were made for it. */
  calls: number;
  /** Entities and lists that were known already. */
  cacheHits: number;
  /** Calls of others that it waited for. */
  shared: number;
  /** The age of the oldest thing that it shows because the helpdesk could not be asked. */
  staleMs?: number;
  /** Whether the helpdesk rejected the client's own key. */
  isKeyRejected?: boolean;
}

/** The operation on whose behalf calls are made. */
export interface RequestContext {
  readonly apiKey: string;
  /** Whose cache and whose calls: one account's. */
  readonly account: string;
  /** Among whom the calls are shared out. */
  readonly viewer: string;
  /** Aborted when nobody waits for the operation any more. */
  readonly signal: () => AbortSignal;
  /** When the operation's time is over, by the monotonic clock. */
  readonly deadlineMs: number;
  readonly usage: OperationUsage;
  /** Whether the client wants to see what the helpdesk says now. */
  readonly bypassesCache: boolean;
  /** Whether it is not known that the key is one. */
  readonly isUnverified?: boolean;
  readonly span?: Span | undefined;
  /** Records what the operation reads. */
  readonly tracker: DependencyTracker;
}

/** How many ids go in one search: less than 100 once the helpdesk has refused as many. */
export interface BatchSize {
  limit: number;
}

/** The helpdesk as one operation sees it. */
export interface Upstream {
  readonly cache: ScopedCache;
  readonly batchSize: BatchSize;
  /** Made of the account's key, which all instances have. */
  seal(): CursorCipher;
}

/** What is left of an account's calls. */
export interface QuotaReader {
  cached(): QuotaStatus;
  /** The same, when all instances have been heard. */
  refresh(): Promise<QuotaStatus>;
}

export interface UpstreamClient {
  forOperation(scope: RequestContext): Upstream;
  quotaFor(account: string): QuotaReader;
  /** Whether the helpdesk has accepted the key; true for the gateway's own. */
  isAccepted(account: string): boolean;
  /** How many tenants' circuits are open. */
  openCircuitBreakers(): number;
  close(): void;
}

interface UpstreamClientOptions {
  readonly transport: Transport;
  readonly rateLimiter: RateLimiter;
  readonly cache: EntityCache;
  readonly clock: Clock;
  readonly log: Log;
  /** How often a call that may go better is tried again. */
  readonly maxRetries: number;
  /** Whether clients bring keys of their own, which may be none. */
  readonly forwardsClientKeys?: boolean;
  readonly observer: UpstreamObserver;
}

function parse(body: string): unknown {
  try {
    return parseJson(body);
  } catch (cause) {
    throw new UpstreamError('malformed', "The helpdesk's answer is not usable JSON.", { cause });
  }
}

/** One call and those who wait for it. */
interface UpstreamRequest {
  readonly context: RequestContext;
  readonly waiters: RequestWaiters;
  readonly call: UpstreamCall;
}

/** One try of it, and whose minute it is counted in. */
interface Attempt extends UpstreamRequest {
  readonly quotaOwner: string;
}

/** A try that its operation's deadline ends speaks against the helpdesk when it had this long. */
const minCountedTimeoutMs = 1_000;

/** No call is answered sooner, so that one which leaves even later would be spent for nothing. */
const minRemainingMs = 50;

/** A 4xx is a sign of life, and so is a 429; whoever leaves has learnt nothing. */
function outcomeOf(error: unknown, signal: AbortSignal, durationMs: number): BreakerOutcome {
  if (!(error instanceof UpstreamError)) return 'unknown';
  if (signal.aborted)
    return error.kind === 'timeout' && durationMs >= minCountedTimeoutMs ? 'failed' : 'unknown';
  const isDown = error.kind === 'unavailable' || error.kind === 'timeout';
  return isDown && error.details.status !== 408 ? 'failed' : 'alive';
}

/** The layers of a call, outermost first: cache → retry → breaker → budget → transport. Every try spends one call. */
export function createUpstreamClient(options: UpstreamClientOptions): UpstreamClient {
  const {
    transport,
    rateLimiter,
    cache,
    clock,
    log,
    maxRetries,
    forwardsClientKeys = false,
  } = options;
  const keyVerification = forwardsClientKeys ? createKeyVerification(clock) : undefined;
  const quotaOwnerOf = (account: string) =>
    keyVerification?.isUnverified(account) === true ? unverifiedAccount : account;
  const instrumentation = createInstrumentation(options);
  const batchSize: BatchSize = { limit: maxConditions };
  const circuitBreakers = createCircuitBreakers({
    clock,
    onStateChange(account, isOpen) {
      if (isOpen) log.warn('the helpdesk fails too often: it is left alone for a while');
      else log.info('the helpdesk answers again');
      // Those who wait for room are told at once.
      rateLimiter.reevaluate(account);
    },
  });

  /** The first call with a key turns out to be its account's. */
  function chargeRetroactively(account: string, request: PermitRequest): void {
    const acquired = rateLimiter.acquire(account, () => request, new AbortController().signal);
    acquired.then(
      (permit) => permit.release(),
      () => undefined,
    );
  }

  /** A refusal with 429 is the only answer after which nothing can have happened. */
  async function send(
    waiters: RequestWaiters,
    request: TransportRequest,
  ): Promise<TransportResponse> {
    let isRefused = false;
    try {
      const answer = await transport.request(request);
      isRefused = answer.status === 429;
      return answer;
    } finally {
      if (!isRefused) waiters.sent?.();
    }
  }

  async function sendOnce(
    { context, waiters, call, quotaOwner }: Attempt,
    permit: Permit,
  ): Promise<unknown> {
    const { apiKey, account, usage, span } = context;
    const { method, path, body } = call;
    const { signal } = waiters;
    try {
      signal.throwIfAborted();
      usage.calls += 1;
      return await instrumentation.instrumentRequest(
        { method, path, signal, span },
        async (headers) => {
          const response = await send(waiters, { method, path, body, apiKey, headers, signal });
          keyVerification?.recordResponse(account, response.status);
          if (quotaOwner !== account && quotaOwnerOf(account) === account) {
            const { effect: priority } = call;
            chargeRetroactively(account, {
              viewer: waiters.viewer(),
              priority,
              deadlineMs: waiters.deadlineMs(),
            });
          }
          if (response.status >= 200 && response.status < 300) return parse(response.body);
          if (response.status !== 429) throw errorFromResponse(response, apiKey);
          permit.throttled(response.retryAfterMs);
          // Our limiter decides when the next call may leave, whatever the header says.
          throw errorFromResponse(
            { ...response, retryAfterMs: rateLimiter.retryAfterMs(quotaOwner) },
            apiKey,
          );
        },
      );
    } finally {
      permit.release();
    }
  }

  /** Room in the account's minute; the breaker's refusal as soon as the circuit opens. */
  async function acquirePermit(
    { waiters, call, quotaOwner }: Attempt,
    circuitBreaker: CircuitBreaker,
    breakerPermit: BreakerPermit,
  ): Promise<Permit> {
    const permitRequest = () => ({
      viewer: waiters.viewer(),
      priority: call.effect,
      deadlineMs: breakerPermit.wasTripped() ? -Infinity : waiters.deadlineMs() - minRemainingMs,
    });
    waiters.setQueued(true);
    try {
      return await instrumentation.instrumentQueue(call.effect, waiters.signal, () =>
        rateLimiter.acquire(quotaOwner, permitRequest, waiters.signal),
      );
    } catch (error) {
      throw breakerPermit.wasTripped() && !waiters.signal.aborted
        ? circuitBreaker.openError()
        : error;
    } finally {
      waiters.setQueued(false);
    }
  }

  async function runAttempt(request: UpstreamRequest): Promise<unknown> {
    const { signal } = request.waiters;
    signal.throwIfAborted();
    keyVerification?.assertNotRecentlyRejected(request.context.account);
    const quotaOwner = quotaOwnerOf(request.context.account);
    const circuitBreaker = circuitBreakers.forAccount(quotaOwner);
    const breakerPermit = circuitBreaker.acquire();
    let outcome: BreakerOutcome = 'unknown';
    try {
      const permit = await acquirePermit({ ...request, quotaOwner }, circuitBreaker, breakerPermit);
      const sentAt = clock.monotonic();
      try {
        const response = await sendOnce({ ...request, quotaOwner }, permit);
        outcome = 'alive';
        return response;
      } catch (error) {
        outcome = outcomeOf(error, signal, clock.monotonic() - sentAt);
        throw error;
      }
    } finally {
      breakerPermit.recordOutcome(outcome);
    }
  }

  /** A call that the helpdesk refuses to count has not happened, so that it may wait and go again, whatever its effect. */
  async function retryWhenThrottled(request: UpstreamRequest): Promise<unknown> {
    let throttledError: UpstreamError | undefined;
    for (;;) {
      try {
        return await runAttempt(request);
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.kind !== 'rateLimited') throw error;
        // What the helpdesk said of its refusal says more than that there is no time for another try.
        if (error.details.notSent === true) throw throttledError ?? error;
        throttledError = error;
      }
    }
  }

  /** HelpCrunch rejected the key now or a moment ago. In the other modes the key is not the client's. */
  function recordRejectedKey({ usage }: RequestContext, error: unknown): void {
    const isRejected = error instanceof UpstreamError && error.kind === 'unauthenticated';
    if (forwardsClientKeys && isRejected) usage.isKeyRejected = true;
  }

  const sendFor =
    (context: RequestContext) =>
    (waiters: RequestWaiters): SendCall =>
    async (call) => {
      try {
        return await withRetries(() => retryWhenThrottled({ context, waiters, call }), {
          clock,
          maxRetries,
          isRepeatable: call.effect === 'read' || call.isIdempotent === true,
          signal: waiters.signal,
          deadlineMs: waiters.deadlineMs,
        });
      } catch (error) {
        recordRejectedKey(context, error);
        throw error;
      }
    };

  return {
    openCircuitBreakers: circuitBreakers.openCount,
    isAccepted: (account) => keyVerification?.isUnverified(account) !== true,
    forOperation(context) {
      // To derive its keys takes longer than to seal a cursor.
      let seal: CursorCipher | undefined;
      return {
        cache: cache.forOperation(
          { ...context, isUnverified: quotaOwnerOf(context.account) === unverifiedAccount },
          {
            sendFor: sendFor(context),
            onFailure: (error) => recordRejectedKey(context, error),
            onJoin: () => {
              rateLimiter.reevaluate(quotaOwnerOf(context.account));
            },
            queueTimeoutError: () =>
              new UpstreamError('rateLimited', 'There was no room for the call in time.', {
                notSent: true,
                retryAfterMs: rateLimiter.retryAfterMs(quotaOwnerOf(context.account)),
              }),
          },
        ),
        batchSize,
        seal: () => (seal ??= createCursorCipher(context.apiKey)),
      };
    },
    quotaFor: (account) => ({
      cached: () => rateLimiter.status(account),
      async refresh() {
        await rateLimiter.refresh(account);
        return rateLimiter.status(account);
      },
    }),
    close() {
      rateLimiter.close();
      transport.close();
    },
  };
}
