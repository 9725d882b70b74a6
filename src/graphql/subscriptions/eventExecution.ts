import type { GraphQLSchema } from 'graphql';
import { createSourceEventStream, getOperationAST } from 'graphql';
import type { EventStream, PublishedEvent } from '../../events/bus.ts';
import type { Clock } from '../../lib/clock.ts';
import { requestIds } from '../../observability/tracing.ts';
import type { Caller, Context } from '../context.ts';
import { publicError } from '../errors.ts';
import { createUnlimitedGuard } from '../execution/executionGuard.ts';
import type { PrepareOperation } from '../execution/executor.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';
import type { EventExecutorOptions, SubscriptionResult } from './eventExecutor.ts';
import { EventExecutor } from './eventExecutor.ts';
import { EventPace } from './eventPace.ts';
import { ExecutionGroups } from './executionGroups.ts';
import type {
  ChargeableSubscribers,
  SubscriberRotation,
  SubscriptionCaller,
} from './subscribers.ts';

export type { SubscriberRotation, SubscriptionCaller, SubscriptionResult };

/** The result of an event at this position; without a position it is for all subscribers. */
export interface EventResult {
  readonly result: SubscriptionResult;
  readonly position?: number;
}

/** The log of the events that the subscription receives. */
type SubscriptionHistory = Pick<EventStream, 'head' | 'positionOf' | 'latestId' | 'read'>;

export interface OpenedSubscription {
  readonly results: AsyncIterable<EventResult>;
  readonly history: SubscriptionHistory;
  /** The result of an event from the log. Null if the subscribers do not receive it. `takeAudience` is called when the execution starts. */
  readonly replay: (
    event: PublishedEvent,
    takeAudience: () => ChargeableSubscribers,
  ) => Promise<SubscriptionResult | null>;
}

/** Delivered instead of lost events. The subscription continues, after the event with this id if one is given. */
export const missedEventsResult = (requestId: string, eventId?: string): SubscriptionResult => ({
  data: null,
  errors: [
    publicError
      .unavailable('Events may have been lost. Query the current state again.', {
        extensions: { missed: true },
      })
      .format(requestId),
  ],
  ...(eventId === undefined ? {} : { extensions: { eventId } }),
});

/** Narrows the type of the stream to that of the events that the resolvers return. */
const isEventStream = (source: object): source is EventStream =>
  Symbol.asyncIterator in source && 'positionOf' in source;

interface EventExecutionOptions extends EventExecutorOptions {
  readonly schema: GraphQLSchema;
  /** Executes events within the guard of their operation. */
  readonly executor: PrepareOperation;
  readonly createContext: (caller: Caller) => Context;
  readonly clock: Clock;
  /** Upstream calls per minute of an account; 0: unlimited. */
  readonly rateLimitOf: (account: string) => number;
}

export type ExecuteSubscription = ReturnType<typeof createSubscriptionExecutor>;

export function createSubscriptionExecutor(options: EventExecutionOptions) {
  const { schema, executor: prepare, createContext, clock, rateLimitOf } = options;
  const executor = new EventExecutor(options);
  const groups = new ExecutionGroups({ executor, prepare });

  /** Subscribes until the signal aborts. A single result means that subscribing failed. */
  return async (
    subscription: ValidatedSubscription,
    rotation: SubscriberRotation,
    signal: AbortSignal,
  ): Promise<OpenedSubscription | SubscriptionResult> => {
    const { opener } = rotation;
    const { document, operationName, variables } = subscription;
    const events = await createSourceEventStream({
      schema,
      document,
      contextValue: createContext({
        ...opener,
        signal: () => signal,
        deadlineMs: Infinity,
        bypassesCache: false,
        guard: createUnlimitedGuard(),
      }),
      variableValues: variables,
      operationName,
    });
    if ('errors' in events) {
      return { errors: executor.formatErrors(events.errors ?? [], requestIds(opener)) };
    }
    if (!isEventStream(events)) throw new Error('A subscription must return an event stream.');
    const group = groups.join(subscription, opener, signal);
    const operation = getOperationAST(document, operationName);
    const execute = prepare(document, operationName);
    const { filter } = events;
    const executed = { operation, variables, execute, filter, rotation, signal };
    const createPace = () => new EventPace({ clock, rateLimit: rateLimitOf(opener.account) });
    const livePace = createPace();
    // Otherwise subscribers that resume would delay the events of the others.
    const replayPace = createPace();
    async function* results(stream: EventStream): AsyncGenerator<EventResult> {
      for await (const event of stream) {
        if (event.kind === 'gap') {
          yield { result: missedEventsResult(opener.requestId) };
          continue;
        }
        await livePace.ready(signal);
        const { result, calls } = await group.execute(event, executed);
        livePace.spend(calls);
        if (result !== null) yield { result, position: event.position };
      }
    }
    return {
      results: results(events),
      history: events,
      async replay(event, takeAudience) {
        await replayPace.ready(signal);
        const execution = { event, operation, audience: takeAudience(), signals: [signal] };
        const { result, calls } = await executor.execute(executed, execution);
        replayPace.spend(calls);
        return result;
      },
    };
  };
}
