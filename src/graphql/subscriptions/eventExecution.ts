import type { GraphQLSchema } from 'graphql';
import { createSourceEventStream, getOperationAST } from 'graphql';
import type { EventStream, PublishedEvent } from '../../events/bus.ts';
import type { Clock } from '../../lib/clock.ts';
import { requestIds } from '../../observability/tracing.ts';
import type { Caller, Context } from '../context.ts';
import { createUnlimitedGuard } from '../execution/executionGuard.ts';
import type { PrepareOperation } from '../execution/executor.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';
import type { EventExecutorOptions, SubscriptionResult } from './eventExecutor.ts';
import { EventExecutor } from './eventExecutor.ts';
import { EventPace } from './eventPace.ts';
import { ExecutionGroups } from './executionGroups.ts';
import type { ResultConsumer } from './eventDelivery.ts';
import { EventDelivery } from './eventDelivery.ts';
import type {
  ChargeableSubscribers,
  SubscriberRotation,
  SubscriptionCaller,
} from './subscribers.ts';

export type { SubscriberRotation, SubscriptionCaller, SubscriptionResult };

/** The log of the events that the subscription receives. */
type SubscriptionHistory = Pick<EventStream, 'head' | 'positionOf' | 'latestId' | 'read'>;

export interface OpenedSubscription {
  /** Delivers the results of events from now on. Called once. */
  readonly deliver: (consumer: ResultConsumer) => void;
  readonly history: SubscriptionHistory;
  /** The result of an event from the log. Null if the subscribers do not receive it. `takeAudience` is called when the execution starts. */
  readonly replay: (
    event: PublishedEvent,
    takeAudience: () => ChargeableSubscribers,
  ) => Promise<SubscriptionResult | null>;
}

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
    const createPace = () => new EventPace({ clock, rateLimit: rateLimitOf(opener.account) });
    // Otherwise subscribers that resume would delay the events of the others.
    const [livePace, replayPace] = [createPace(), createPace()];
    const subscribed = {
      operation: getOperationAST(document, operationName),
      document,
      variables,
    };
    const execute = prepare(document, operationName);
    const prepared = { subscribed, variables, execute, filter: events.filter, rotation, signal };
    const group = groups.join(subscription, opener, signal);
    return {
      deliver(consumer) {
        events.consume(new EventDelivery({ prepared, group, pace: livePace, consumer }));
      },
      history: events,
      async replay(event, takeAudience) {
        await replayPace.ready(signal);
        const execution = { event, subscribed, audience: takeAudience(), signals: [signal] };
        const { result, calls } = await executor.execute(prepared, execution);
        replayPace.spend(calls);
        return result;
      },
    };
  };
}
