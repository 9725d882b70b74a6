import type { OpenOperation } from './operation.ts';
import type { Result, Subscriber } from './eventResults.ts';
import type { FanOut, Results } from './fanOut.ts';
import type { GraphQLServer } from './server.ts';
import type { Admitted } from './subscriptionDoor.ts';

export type { Result, Results };

/** An operation as a client writes it. */
export interface Request {
  readonly query?: string;
  readonly operationName?: string;
  readonly variables?: Record<string, unknown>;
  readonly extensions?: Record<string, unknown>;
}

export type Answer =
  | { readonly kind: 'once'; readonly status: number; readonly result: Result }
  | { readonly kind: 'stream'; readonly results: Results };

interface Circumstances {
  readonly signal: AbortSignal;
  /** Whether nothing may be changed, because the way it came is for reading. */
  readonly isReadOnly: boolean;
}

export type Run = (
  request: Request,
  subscriber: Subscriber,
  circumstances: Circumstances,
) => Promise<Answer>;

interface Parts {
  readonly apollo: Pick<GraphQLServer, 'executeOperation'>;
  readonly openOperation: OpenOperation;
  readonly fanOut: FanOut;
}

/** Runs whatever operation comes over a transport that can carry many answers. */
export const createRun =
  ({ apollo, openOperation, fanOut }: Parts): Run =>
  async (request, subscriber, { signal, isReadOnly }) => {
    let admitted: Admitted | undefined;
    const { context, abandon, close } = openOperation({ ...subscriber, isRefresh: false });
    signal.addEventListener('abort', abandon, { once: true });
    try {
      const onSubscription = (subscription: Admitted) => {
        admitted = subscription;
      };
      const contextValue = { ...context, onSubscription, isReadOnly };
      const { body, http } = await apollo.executeOperation(request, { contextValue });
      if (body.kind !== 'single') throw new Error('No part of the schema comes in chunks.');
      if (admitted === undefined) {
        return { kind: 'once', status: http.status ?? 200, result: body.singleResult };
      }
    } finally {
      signal.removeEventListener('abort', abandon);
      close();
    }
    const joined = await fanOut.join(admitted, subscriber);
    return 'next' in joined
      ? { kind: 'stream', results: joined }
      : { kind: 'once', status: 200, result: joined };
  };
