import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observability/log.ts';
import type { CursorCipher } from '../lib/cursorCipher.ts';
import { createCursorCipher } from '../lib/cursorCipher.ts';
import { circuitBreaker, CircuitBreakers } from './circuitBreaker.ts';
import { outranks } from './rateLimit/limiter.ts';
import type { ChargeCandidate, RateLimiter, RateLimitRejection } from './rateLimit/limiter.ts';
import type { EntityCache, ScopedCacheHooks } from './cache/entityCache.ts';
import type { ScopedCache } from './cache/scopedCache.ts';
import { UpstreamError } from './errors.ts';
import { readResponse } from './response.ts';
import { retry } from './retry.ts';
import { maxConditions } from './filters.ts';
import { KeyVerification, unverifiedAccount } from './keyVerification.ts';
import { compose } from './pipeline.ts';
import type { UpstreamContext, Send, UpstreamRequest } from './pipeline.ts';
import { rateLimit } from './rateLimitLayer.ts';
import { repeatOnNewConnection } from './staleConnection.ts';
import { createQuotaReader } from './quotaReader.ts';
import type { Transport } from './transport.ts';
import { describeFailures, instrument } from './instrumentation.ts';
import type { UpstreamObserver } from './instrumentation.ts';
import type { IdempotentRuns } from './writes/idempotentRuns.ts';
import type { WriteServices } from './writes/services.ts';

/** The number of ids per search; `bisectBatches` lowers it when HelpCrunch rejects a batch for its size. */
export interface BatchSize {
  limit: number;
}

/** Access to HelpCrunch for one operation. */
export interface Upstream {
  readonly cache: ScopedCache;
  readonly batchSize: BatchSize;
  /** How a search spells the on-hold status. */
  readonly onHoldSpelling: string;
  readonly idempotentRuns: IdempotentRuns;
  /** Derived from the API key, so that cursors are valid on every instance. */
  cursorCipher(): CursorCipher;
}

interface UpstreamClientOptions {
  readonly transport: Transport;
  readonly rateLimiter: RateLimiter;
  readonly cache: EntityCache;
  readonly clock: Clock;
  readonly log: Log;
  readonly maxRetries: number;
  readonly onHoldSpelling: string;
  /** Whether clients bring their own API keys, which may be invalid. */
  readonly forwardsClientKeys?: boolean;
  /**
   * The key of the account, which may be replaced while operations run; undefined if the account was removed. Operations then end with
   * the key with which they started. Undefined if clients bring their own.
   */
  readonly currentApiKey?: ((account: string) => string | undefined) | undefined;
  readonly observer: UpstreamObserver;
  readonly writes: WriteServices;
}

/** Whether the rate limiter charges the operation for a call that another one has started. Otherwise it must not wait for the limit of that one. */
function canTakeOver(
  { viewer, readPriority: priority }: UpstreamContext,
  starter: ChargeCandidate,
) {
  const isOwn = viewer.key === starter.viewer.key && viewer.class === starter.viewer.class;
  return isOwn || outranks({ viewer, priority }, starter);
}

const queueTimeoutError = (rejection: RateLimitRejection): UpstreamError =>
  new UpstreamError('rateLimited', 'No permit was available before the deadline.', {
    notSent: true,
    ...rejection,
  });

/** The account's API key, which may have been replaced since the operation or the process started. */
const apiKeyOf = (
  { account, apiKey }: UpstreamContext,
  { currentApiKey }: UpstreamClientOptions,
): string => currentApiKey?.(account) ?? apiKey;

const createSend =
  (
    options: UpstreamClientOptions,
    onResponse: (request: UpstreamRequest, status: number) => void,
  ): Send =>
  async (request) => {
    const { transport } = options;
    const apiKey = apiKeyOf(request.context, options);
    let isThrottled = false;
    try {
      const { method, path, body, headers, usesNewConnection = false, signal } = request;
      const parts = { method, path, body, apiKey, headers, usesNewConnection, signal };
      const response = await transport.request(parts);
      isThrottled = response.status === 429;
      request.onStatus?.(response.status);
      onResponse(request, response.status);
      return readResponse(response, { apiKey, baseUrl: transport.baseUrl });
    } finally {
      // Only a 429 proves that HelpCrunch has not processed the request.
      if (!isThrottled) request.sent?.();
    }
  };

/** Undefined: all calls use the gateway's own keys. */
const verificationOf = (keys: KeyVerification | undefined) => ({
  /** Whether HelpCrunch has accepted the account's key; always true for the gateway's own. */
  isKeyVerified: (account: string): boolean => keys?.isUnverified(account) !== true,
  /** Runs `task` once when HelpCrunch accepts the account's key, which it has not accepted yet. Returns a function that cancels it. */
  onKeyVerified: (account: string, task: () => void): (() => void) =>
    keys === undefined ? () => undefined : keys.onVerified(account, task),
});

/** The entity cache calls the outermost layer on a miss; every attempt of the retry layer passes all layers below it. */
export function createUpstreamClient(options: UpstreamClientOptions) {
  const { transport, rateLimiter, cache, clock, log, maxRetries, onHoldSpelling } = options;
  const keys = options.forwardsClientKeys === true ? new KeyVerification(clock) : undefined;
  const isUnverified = (account: string) => keys?.isUnverified(account) === true;
  const quotaOwnerOf = (account: string) => (isUnverified(account) ? unverifiedAccount : account);
  const circuitBreakers = new CircuitBreakers(clock, (account, { isOpen, ...change }) => {
    if (isOpen) log.warn('circuit breaker opened', { account, ...change });
    else log.info('circuit breaker closed', { account });
    // Lets the limiter reject requests that wait for an open circuit.
    rateLimiter.reevaluate(account);
  });

  function onResponse({ context, quotaOwner, ...request }: UpstreamRequest, status: number): void {
    const { account } = context;
    keys?.recordResponse(account, status);
    if (quotaOwner === account || isUnverified(account)) return;
    // The call that verified the key is charged to its account as well.
    const charge = { candidates: request.candidates(), deadlineMs: request.deadlineMs() };
    rateLimiter
      .acquire(account, () => charge, new AbortController().signal)
      .then(
        (permit) => permit.complete(),
        () => undefined,
      );
  }

  const send = compose(
    [
      describeFailures,
      retry({ clock, maxRetries }),
      ...(keys === undefined ? [] : [keys.layer]),
      circuitBreaker(circuitBreakers, clock),
      repeatOnNewConnection,
      rateLimit(rateLimiter, options),
      instrument({ ...options, baseUrl: transport.baseUrl }),
    ],
    createSend(options, onResponse),
  );

  const hooksFor = (context: UpstreamContext): ScopedCacheHooks => ({
    sendFor: (waiters) => (call) =>
      send({ context, quotaOwner: context.account, headers: {}, ...waiters, ...call }),
    writes: options.writes,
    onFailure(error) {
      const isRejected = error instanceof UpstreamError && error.kind === 'unauthenticated';
      if (keys !== undefined && isRejected) context.usage.isKeyRejected = true;
    },
    mayJoin: (chargedTo) =>
      canTakeOver(context, chargedTo) ||
      !rateLimiter.delaysOther(quotaOwnerOf(context.account), chargedTo, {
        viewer: context.viewer,
        priority: context.readPriority,
      }),
    onJoin: () => rateLimiter.reevaluate(quotaOwnerOf(context.account)),
    queueTimeoutError() {
      const { account, viewer, readPriority } = context;
      const rejection = rateLimiter.explainWait(quotaOwnerOf(account), viewer, readPriority);
      return queueTimeoutError(rejection);
    },
  });

  const batchSize = { limit: maxConditions };
  return {
    /** The number of accounts whose circuit breaker is open. */
    openCircuitBreakers: () => circuitBreakers.openCount(),
    isCircuitOpen: (account: string) => circuitBreakers.isOpen(account),
    ...verificationOf(keys),
    forOperation(context: UpstreamContext): Upstream {
      // Deriving its keys is more expensive than encrypting a cursor: create it once.
      let cipher: CursorCipher | undefined;
      return {
        cache: cache.forOperation(
          isUnverified(context.account) ? { ...context, isUnverified: true } : context,
          hooksFor(context),
        ),
        batchSize,
        onHoldSpelling,
        idempotentRuns: options.writes.idempotentRuns,
        cursorCipher: () => (cipher ??= createCursorCipher(apiKeyOf(context, options))),
      };
    },
    quotaFor: createQuotaReader({ rateLimiter, clock, quotaOwnerOf }),
    close() {
      rateLimiter.close();
      transport.close();
    },
  };
}

export type UpstreamClient = ReturnType<typeof createUpstreamClient>;
export type QuotaReader = ReturnType<UpstreamClient['quotaFor']>;
