import type { FormattedExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';
import { createSourceEventStream, execute, getOperationAST } from 'graphql';
import type { EventOrGap, DomainEvent } from '../../events/bus.ts';
import type { Log } from '../../observability/log.ts';
import { skipEvent } from '../../lib/skipEvent.ts';
import { logFailures, usageExtension, withRequestId } from '../plugins/response.ts';
import type { Caller, Context } from '../context.ts';
import { publicError } from '../errors.ts';
import type { createFormatError } from '../errors.ts';
import { createIdleGuard } from '../execution/executionGuard.ts';
import { canReceiveEvent } from './authorize.ts';
import type { OpenOperation } from '../operation.ts';
import type { ReportOperation } from '../operationReport.ts';
import type { LimitResult } from '../limits/responseLimit.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';

export type SubscriptionResult = FormattedExecutionResult;

export type SubscriptionCaller = Omit<Caller, 'signal' | 'deadlineMs' | 'bypassesCache' | 'guard'>;

/** Delivered in place of lost events. The subscription goes on. */
export const missedEventsResult = (requestId: string): SubscriptionResult => ({
  data: null,
  errors: [
    publicError
      .unavailable('Events may have been lost. Query the current state again.', {
        extensions: { missed: true },
      })
      .format(requestId),
  ],
});

/** Narrows the stream to the events that our resolvers return. */
const isEventStream = (source: object): source is AsyncIterable<EventOrGap> =>
  Symbol.asyncIterator in source;

export interface EventExecutionOptions {
  readonly schema: GraphQLSchema;
  readonly createContext: (caller: Caller) => Context;
  readonly openOperation: OpenOperation;
  readonly formatError: ReturnType<typeof createFormatError>;
  readonly log: Log;
  /** Whether clients send the API key. */
  readonly forwardsClientKeys: boolean;
  readonly report: ReportOperation;
  readonly limitResult: LimitResult;
}

export type ExecuteSubscription = ReturnType<typeof createSubscriptionExecutor>;

/** Executes each event as an operation with its own deadline and loaders. */
export function createSubscriptionExecutor(options: EventExecutionOptions) {
  const { schema, createContext, openOperation, formatError, log, forwardsClientKeys, report } =
    options;
  const { limitResult: limited } = options;

  function formatErrors(errors: readonly GraphQLError[], requestId: string) {
    logFailures(log, errors, { requestId, forwardsClientKeys });
    return errors.map((error) => withRequestId(formatError(error.toJSON(), error), requestId));
  }

  /** Null if this subscriber may not receive the event. */
  async function executeEvent(
    { document, operationName, variables }: ValidatedSubscription,
    { event, subscriber }: { event: DomainEvent; subscriber: SubscriptionCaller },
    signal: AbortSignal,
  ): Promise<SubscriptionResult | null> {
    const { context, disconnect, close } = openOperation({ ...subscriber, bypassesCache: false });
    signal.addEventListener('abort', disconnect, { once: true });
    // A signal that is already aborted calls no listener.
    if (signal.aborted) disconnect();
    try {
      if (!(await canReceiveEvent(context, event))) return null;
      const { data = null, errors } = await context.guard.execute(() =>
        execute({
          schema,
          document,
          rootValue: event,
          contextValue: context,
          variableValues: variables,
          operationName,
        }),
      );
      if (errors?.some(({ originalError }) => originalError === skipEvent) === true) return null;
      const formattedErrors = errors && formatErrors(errors, context.requestId);
      const result = await limited(
        {
          data,
          ...(formattedErrors === undefined ? {} : { errors: formattedErrors }),
          extensions: { upstream: usageExtension(context) },
        },
        context,
      );
      const operation = getOperationAST(document, operationName);
      report(context, { operation, errors: result.errors });
      return result;
    } finally {
      signal.removeEventListener('abort', disconnect);
      close();
    }
  }

  /** Subscribes until the signal aborts. A single result means that subscribing failed. */
  return async (
    subscription: ValidatedSubscription,
    subscriber: SubscriptionCaller,
    signal: AbortSignal,
  ): Promise<AsyncIterable<SubscriptionResult> | SubscriptionResult> => {
    const { document, operationName, variables } = subscription;
    const events = await createSourceEventStream({
      schema,
      document,
      contextValue: createContext({
        ...subscriber,
        signal: () => signal,
        deadlineMs: Infinity,
        bypassesCache: false,
        guard: createIdleGuard(),
      }),
      variableValues: variables,
      operationName,
    });
    if ('errors' in events) {
      return { errors: formatErrors(events.errors ?? [], subscriber.requestId) };
    }
    if (!isEventStream(events)) throw new Error('A subscription must return an event stream.');
    return (async function* () {
      for await (const event of events) {
        const result =
          event.kind === 'gap'
            ? missedEventsResult(subscriber.requestId)
            : await executeEvent(subscription, { event, subscriber }, signal);
        if (result !== null) yield result;
      }
    })();
  };
}
