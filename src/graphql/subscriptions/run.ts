import type { OpenOperation } from '../operation.ts';
import type { SubscriptionResult, SubscriptionCaller } from './eventExecution.ts';
import type { SharedSubscriptions, SubscriptionResults } from './shared.ts';
import type { GraphQLServer } from '../server.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';

export type { SubscriptionResult, SubscriptionResults };

/** An operation as a client writes it. */
export interface OperationRequest {
  readonly query?: string;
  readonly operationName?: string;
  readonly variables?: Record<string, unknown>;
  readonly extensions?: Record<string, unknown>;
}

export type OperationOutcome =
  | { readonly kind: 'once'; readonly status: number; readonly result: SubscriptionResult }
  | { readonly kind: 'stream'; readonly results: SubscriptionResults };

interface RunConditions {
  readonly signal: AbortSignal;
  /** Whether nothing may be changed, because the way it came is for reading. */
  readonly isReadOnly: boolean;
}

export type RunOperation = (
  request: OperationRequest,
  subscriber: SubscriptionCaller,
  circumstances: RunConditions,
) => Promise<OperationOutcome>;

interface RunOperationOptions {
  readonly apollo: Pick<GraphQLServer, 'executeOperation'>;
  readonly openOperation: OpenOperation;
  readonly sharedSubscriptions: SharedSubscriptions;
}

/** Runs whatever operation comes over a transport that can carry many answers. */
export const createRunOperation =
  ({ apollo, openOperation, sharedSubscriptions }: RunOperationOptions): RunOperation =>
  async (request, subscriber, { signal, isReadOnly }) => {
    let subscription: ValidatedSubscription | undefined;
    const { context, abort, close } = openOperation({ ...subscriber, bypassesCache: false });
    signal.addEventListener('abort', abort, { once: true });
    // A signal that is aborted already calls no listener.
    if (signal.aborted) abort();
    try {
      const onSubscription = (validated: ValidatedSubscription) => {
        subscription = validated;
      };
      const contextValue = { ...context, onSubscription, isReadOnly };
      const { body, http } = await apollo.executeOperation(request, { contextValue });
      if (body.kind !== 'single') throw new Error('No part of the schema comes in chunks.');
      if (subscription === undefined) {
        return { kind: 'once', status: http.status ?? 200, result: body.singleResult };
      }
    } finally {
      signal.removeEventListener('abort', abort);
      close();
    }
    const joined = await sharedSubscriptions.join(subscription, subscriber);
    return 'next' in joined
      ? { kind: 'stream', results: joined }
      : { kind: 'once', status: 200, result: joined };
  };
