import type { FastifyRequest } from 'fastify';
import { publicError, PublicError } from '../graphql/errors.ts';
import type { PersistedDocuments } from '../graphql/operations/persistedDocuments.ts';
import type {
  OperationOutcome,
  OperationParams,
  SubscriptionResults,
  RunOperation,
} from '../graphql/subscriptions/run.ts';
import type { Span } from '../observability/tracing.ts';
import type { ClientApplication } from '../lib/clientApplication.ts';
import { clientApplicationOf } from '../lib/clientApplication.ts';
import type { AuthFailureLimiter } from './auth/authFailures.ts';
import type { Authenticated } from './auth/credentials.ts';
import { assertAllowed } from './auth/schemaAccess.ts';
import { clientNetwork } from './clientAddress.ts';
import type { ConnectionLimits } from './connectionLimits.ts';
import type { LoadShedder } from './loadShedder.ts';
import type { OperationTextOf } from './options.ts';
import { isBackgroundPriority } from './priority.ts';
import type { RequestRateLimiter } from './requestRate.ts';

/** Calls `onEnd` when the results end or the subscriber returns. */
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
  consume(consumer) {
    results.consume({
      take: (result, resume) => consumer.take(result, resume),
      end() {
        onEnd();
        consumer.end();
      },
    });
  },
  [Symbol.asyncIterator]() {
    return this;
  },
});

export interface ClientIdentity {
  readonly access: Authenticated;
  /** Identifies clients without a name. */
  readonly address: string;
  /** Whether the client has proved to be the router. */
  readonly isRouter: boolean;
  /** Whether its reads have background priority. */
  readonly isBackground: boolean;
  /** What it says it is. */
  readonly application: ClientApplication | undefined;
}

/** The client of an HTTP request. */
export const clientOf = (
  { ip: address, headers }: FastifyRequest,
  access: Authenticated,
  isRouter: boolean,
): ClientIdentity => ({
  access,
  address,
  isRouter,
  isBackground: isBackgroundPriority(headers['priority']),
  application: clientApplicationOf(headers),
});

export const quotaKeyOf = ({
  access,
  address,
}: Pick<ClientIdentity, 'access' | 'address'>): string => access.quotaKey ?? clientNetwork(address);

/** Identifies the client in limits that all accounts share. Clients of two accounts may have the same name. */
export const crossAccountLimitKeyOf = ({
  access,
  address,
}: Pick<ClientIdentity, 'access' | 'address'>): string =>
  access.quotaKey === undefined ? clientNetwork(address) : `${access.account} ${access.quotaKey}`;

/** Counts an operation of the client. Fails with `RATE_LIMITED` when the client must wait, and with 503 while the gateway is overloaded. */
export type LimitClient = (client: ClientIdentity) => Promise<void>;

interface LimitClientParts {
  readonly requestRateLimiter: RequestRateLimiter;
  readonly authFailureLimiter: AuthFailureLimiter;
  readonly loadShedder: LoadShedder;
}

/** Unverified API keys are also limited by the rejected credentials of their network. */
export const createLimitClient =
  ({ requestRateLimiter, authFailureLimiter, loadShedder }: LimitClientParts): LimitClient =>
  async (client) => {
    loadShedder.assertCapacity();
    const { access, address, isRouter } = client;
    const failuresWaitMs =
      access.isUnverified === true && !isRouter
        ? await authFailureLimiter.nextWaitMs(address)
        : undefined;
    const waitMs =
      failuresWaitMs ?? (await requestRateLimiter.consume(crossAccountLimitKeyOf(client)));
    if (waitMs !== undefined) throw publicError.rateLimited(waitMs);
  };

interface ClientRequest {
  readonly operation: OperationParams;
  readonly signal: AbortSignal;
  readonly requestId: string;
  readonly span: Span | undefined;
  readonly isReadOnly?: boolean;
  readonly accept?: string | undefined;
  readonly lastEventId?: string | undefined;
}

export type ExecuteForClient = (
  client: ClientIdentity,
  request: ClientRequest,
) => Promise<OperationOutcome>;

interface ExecuteForClientOptions {
  readonly run: RunOperation;
  readonly connectionLimits: ConnectionLimits;
  readonly persistedDocuments: PersistedDocuments;
  readonly limitClient: LimitClient;
  readonly textOf: OperationTextOf;
}

/** Runs an operation within the limits of its client. Fails with a `PublicError` if it may not run. */
export const createExecuteForClient =
  (options: ExecuteForClientOptions): ExecuteForClient =>
  async (client, { operation, requestId, span, isReadOnly = false, ...conditions }) => {
    const { run, connectionLimits, persistedDocuments, limitClient, textOf } = options;
    const { viewer, viewerId, apiKey, account } = client.access;
    const params = { ...operation };
    assertAllowed(client.access, () => ({ ...operation, text: textOf(params) }));
    await limitClient(client);
    const text = persistedDocuments.resolvePersistedText(params, viewer);
    if (text instanceof PublicError) throw text;
    const request = text === undefined ? operation : { ...operation, query: text, extensions: {} };
    const { address, isRouter, isBackground } = client;
    const subscriber = {
      application: client.application,
      ...{ requestId, span, viewer, viewerId, address, apiKey, account, isRouter, isBackground },
      // HelpCrunch may accept a forwarded key between two events of a subscription.
      get quotaKey() {
        return quotaKeyOf(client);
      },
    };
    const outcome = await run(request, subscriber, { ...conditions, isReadOnly });
    if (outcome.kind === 'once') return outcome;
    const release = connectionLimits.acquireSubscription(crossAccountLimitKeyOf(client));
    if (release !== undefined) {
      return { kind: 'stream', results: onResultsEnd(outcome.results, release) };
    }
    await outcome.results.return?.();
    throw publicError.tooExpensive('Too many subscriptions. Complete one before starting another.');
  };
