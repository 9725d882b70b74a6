import { randomUUID } from 'node:crypto';
import { GraphQLError } from 'graphql';
import type { PersistedDocuments } from '../graphql/operations/persistedDocuments.ts';
import type {
  OperationOutcome,
  OperationRequest,
  SubscriptionResults,
  RunOperation,
} from '../graphql/subscriptions/run.ts';
import type { AuthFailures } from './auth/authFailures.ts';
import type { ConnectionLimits } from './connectionLimits.ts';
import { rateLimitedMessage } from './errorResponse.ts';
import { clientNetwork } from './requestRate.ts';
import type { RequestRateLimiter } from './requestRate.ts';
import type { Authenticated } from './auth/credentials.ts';

/** Calls `onEnd` when there are no more results, or nobody wants them. */
const onResultsEnd = (results: SubscriptionResults, onEnd: () => void): SubscriptionResults => ({
  async next() {
    const result = await results.next();
    if (result.done === true) onEnd();
    return result;
  },
  return() {
    onEnd();
    return results.return?.() ?? Promise.resolve({ value: undefined, done: true });
  },
  [Symbol.asyncIterator]() {
    return this;
  },
});

export const errorOutcome = (message: string, code: string): OperationOutcome => ({
  kind: 'once',
  status: 400,
  result: { errors: [{ message, extensions: { code, retryable: false } }] },
});

const rateLimitedOutcome = (retryAfterMs: number): OperationOutcome => ({
  kind: 'once',
  status: 429,
  result: {
    errors: [
      {
        message: rateLimitedMessage,
        extensions: { code: 'RATE_LIMITED', retryable: true, retryAfterMs },
      },
    ],
  },
});

/** A client that may ask more than once. */
export interface ClientIdentity {
  readonly access: Authenticated;
  /** Where it asks from; its name where nothing else tells clients apart. */
  readonly address: string;
}

export const clientName = ({ access: authenticated, address }: ClientIdentity): string =>
  authenticated.clientName ?? clientNetwork(address);

/** How long a client must wait before its next operation, which is counted; undefined where it need not. */
export type ClientLimit = (party: ClientIdentity) => Promise<number | undefined>;

interface ClientLimitParts {
  readonly requestRateLimiter: RequestRateLimiter;
  readonly authFailureLimiter: AuthFailures;
}

/** Limits clients, those with a key that may be none also by how many such keys their address has tried. */
export const createClientLimit =
  ({ requestRateLimiter, authFailureLimiter }: ClientLimitParts): ClientLimit =>
  async (party) => {
    const waitMs =
      party.access.isUnverified === true
        ? await authFailureLimiter.nextWaitMs(party.address)
        : undefined;
    return waitMs ?? requestRateLimiter.consume(clientName(party));
  };

export interface ClientRequest {
  readonly operation: OperationRequest;
  readonly signal: AbortSignal;
  readonly requestId?: string;
  readonly isReadOnly?: boolean;
}

export type ExecuteForClient = (
  client: ClientIdentity,
  request: ClientRequest,
) => Promise<OperationOutcome>;

interface ExecuteForClientOptions {
  readonly run: RunOperation;
  readonly connectionLimits: ConnectionLimits;
  readonly persistedDocuments: PersistedDocuments;
  readonly limitClient: ClientLimit;
}

/** Runs operations for clients, each of whom may ask so often and have so many subscriptions and no more. */
export const createExecuteForClient =
  ({
    run,
    connectionLimits,
    persistedDocuments,
    limitClient,
  }: ExecuteForClientOptions): ExecuteForClient =>
  async (
    identity,
    { operation: original, signal, requestId = randomUUID(), isReadOnly = false },
  ) => {
    const { viewer, viewerId, apiKey, account } = identity.access;
    const quotaClient = clientName(identity);
    const waitMs = await limitClient(identity);
    if (waitMs !== undefined) return rateLimitedOutcome(waitMs);
    const text = persistedDocuments.textFor({ ...original });
    if (text instanceof GraphQLError)
      return errorOutcome(text.message, 'PERSISTED_QUERY_NOT_FOUND');
    const request = text === undefined ? original : { ...original, query: text, extensions: {} };
    const { address } = identity;
    const subscriber = { requestId, viewer, viewerId, address, quotaClient, apiKey, account };
    const outcome = await run(request, subscriber, { signal, isReadOnly });
    if (outcome.kind === 'once') return outcome;
    const release = connectionLimits.acquireSubscription(quotaClient);
    if (release !== undefined)
      return { kind: 'stream', results: onResultsEnd(outcome.results, release) };
    await outcome.results.return?.();
    return errorOutcome('You have too many subscriptions.', 'OPERATION_TOO_EXPENSIVE');
  };
