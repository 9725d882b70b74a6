import { HeaderMap } from '@apollo/server';
import { errorCodes } from '../errorCodes.ts';
import { publicCodeOf, PublicError } from '../errors.ts';
import type { OperationCache } from '../operations/operationCache.ts';
import type { OpenOperation } from '../operation.ts';
import type { SubscriptionResult, SubscriptionCaller } from './eventExecution.ts';
import { Resumptions } from './resumption.ts';
import type { SharedSubscriptions, SubscriptionResults } from './shared.ts';
import type { GraphQLServer } from '../server.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';

export type { SubscriptionResult, SubscriptionResults };

/** The operation parameters that a client sends. */
export interface OperationParams {
  readonly query?: string;
  readonly operationName?: string;
  readonly variables?: Record<string, unknown>;
  readonly extensions?: Record<string, unknown>;
}

export type OperationOutcome =
  | {
      readonly kind: 'once';
      readonly status: number;
      /** Headers of an HTTP response, by their names. */
      readonly headers?: ReadonlyMap<string, string>;
      readonly result: SubscriptionResult;
    }
  | { readonly kind: 'stream'; readonly results: SubscriptionResults };

interface RunConditions {
  readonly signal: AbortSignal;
  /** Whether mutations are rejected because the transport is for reads. */
  readonly isReadOnly: boolean;
  /** The header `Accept` of an HTTP request, on which the status of request errors depends. */
  readonly accept?: string | undefined;
  /** The header `Last-Event-ID` of a stream: a subscription continues after this event. */
  readonly lastEventId?: string | undefined;
}

export type RunOperation = (
  request: OperationParams,
  subscriber: SubscriptionCaller,
  conditions: RunConditions,
) => Promise<OperationOutcome>;

/** The status of a subscription that fails before its first event. */
const statusOf = ({ errors: [error] = [] }: SubscriptionResult): number =>
  error === undefined ? 200 : errorCodes[publicCodeOf(error)].status;

const isResult = (value: unknown): value is SubscriptionResult =>
  typeof value === 'object' && value !== null;

function parseResult(text: string): SubscriptionResult {
  const result: unknown = JSON.parse(text);
  return isResult(result) ? result : {};
}

/** The plugins of Apollo Server read the headers only. */
const httpRequestWith = (accept: string) => ({
  method: 'POST',
  headers: new HeaderMap([['accept', accept]]),
  search: '',
  body: undefined,
});

interface RunOperationOptions {
  readonly apollo: Pick<GraphQLServer, 'executeOperation'>;
  /** Undefined if every operation is executed by Apollo Server. */
  readonly operationCache: OperationCache | undefined;
  readonly openOperation: OpenOperation;
  readonly sharedSubscriptions: SharedSubscriptions;
}

/** Runs any operation of a transport that carries multiple results. */
export function createRunOperation({
  apollo,
  operationCache,
  openOperation,
  sharedSubscriptions,
}: RunOperationOptions): RunOperation {
  const resumptions = new Resumptions();
  return async (request, subscriber, { signal, isReadOnly, accept = '', lastEventId }) => {
    let subscription: ValidatedSubscription | undefined;
    const { context, disconnect, close } = openOperation({ ...subscriber, bypassesCache: false });
    signal.addEventListener('abort', disconnect, { once: true });
    // A signal that is already aborted calls no listener.
    if (signal.aborted) disconnect();
    try {
      const onSubscription = (validated: ValidatedSubscription) => {
        subscription = validated;
      };
      const cached = await operationCache?.tryExecute(request, context, { isReadOnly });
      if (cached !== undefined)
        return { kind: 'once', status: 200, result: parseResult(cached.body) };
      const contextValue = { ...context, onSubscription, isReadOnly };
      const { body, http } = await apollo.executeOperation(
        { ...request, http: httpRequestWith(accept) },
        { contextValue },
      );
      if (body.kind !== 'single') throw new Error('The schema has no incremental delivery.');
      if (subscription === undefined) {
        const { status = 200, headers } = http;
        return { kind: 'once', status, headers, result: body.singleResult };
      }
    } finally {
      signal.removeEventListener('abort', disconnect);
      close();
    }
    const resumption = resumptions.of(subscription, lastEventId);
    if (resumption instanceof PublicError) {
      const result = { errors: [resumption.format(subscriber.requestId)] };
      return { kind: 'once', status: resumption.status, result };
    }
    const joined = await sharedSubscriptions.join(
      resumption.subscription,
      subscriber,
      resumption.after,
    );
    return 'next' in joined
      ? { kind: 'stream', results: joined }
      : { kind: 'once', status: statusOf(joined), result: joined };
  };
}
