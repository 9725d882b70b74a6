import type {
  FormattedExecutionResult,
  GraphQLError,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import { createSourceEventStream, getOperationAST } from 'graphql';
import type { DomainEvent, EventStream, PublishedEvent } from '../../events/bus.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import { requestIds } from '../../observability/tracing.ts';
import type { RequestIds } from '../../observability/tracing.ts';
import { asError } from '../../lib/asError.ts';
import { eventNotForSubscription } from '../../lib/eventNotForSubscription.ts';
import { logFailures, usageExtension, withRequestId } from '../plugins/response.ts';
import type { Caller, Context } from '../context.ts';
import { publicError } from '../errors.ts';
import type { createFormatError } from '../errors.ts';
import { createUnlimitedGuard } from '../execution/executionGuard.ts';
import type { ExecutableOperation, PrepareOperation } from '../execution/executor.ts';
import { isAuthorized } from './authorize.ts';
import { EventPace } from './eventPace.ts';
import type { OpenOperation } from '../operation.ts';
import type { ReportOperation } from '../operationReport.ts';
import type { EnforceResponseLimit } from '../limits/responseLimit.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';

export type SubscriptionResult = FormattedExecutionResult;

export type SubscriptionCaller = Omit<Caller, 'signal' | 'deadlineMs' | 'bypassesCache' | 'guard'>;

/** The subscribers to whom the calls of one event can be charged. */
export interface ChargeableSubscribers {
  /** The event is executed as an operation of this subscriber, to whom its calls are charged. */
  readonly chargedSubscriber: SubscriptionCaller;
  /** The calls are charged to one of these if the quota of `chargedSubscriber` is used up. */
  readonly others: readonly SubscriptionCaller[];
}

/** Limited, because the rate limiter checks each of them at every decision about a call. */
const maxOtherSubscribers = 7;

/** Of several subscriptions of one client, one counts as another subscriber. */
export function chargeable(
  chargedSubscriber: SubscriptionCaller,
  all: Iterable<{ readonly caller: SubscriptionCaller }>,
): ChargeableSubscribers {
  const others = new Map<string, SubscriptionCaller>();
  for (const { caller } of all) {
    if (others.size === maxOtherSubscribers) break;
    if (caller.quotaKey !== chargedSubscriber.quotaKey) others.set(caller.quotaKey, caller);
  }
  return { chargedSubscriber, others: [...others.values()] };
}

/** The subscribers of one subscription. */
export interface SubscriberRotation {
  /** The subscriber that subscribed first. */
  readonly opener: SubscriptionCaller;
  /** Selects the subscriber whose turn it is to be charged for the event at a position. Undefined if no subscriber receives it. */
  readonly nextCharged: (position: number) => ChargeableSubscribers | undefined;
}

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

interface EventExecutionOptions {
  readonly schema: GraphQLSchema;
  /** Executes events within the guard of their operation. */
  readonly executor: PrepareOperation;
  readonly createContext: (caller: Caller) => Context;
  readonly openOperation: OpenOperation;
  readonly formatError: ReturnType<typeof createFormatError>;
  readonly log: Log;
  /** Whether clients send their own API keys (`AUTH=forward`). */
  readonly forwardsClientKeys: boolean;
  readonly report: ReportOperation;
  readonly limitResult: EnforceResponseLimit;
  readonly clock: Clock;
  /** Upstream calls per minute of an account; 0: unlimited. */
  readonly rateLimitOf: (account: string) => number;
}

export type ExecuteSubscription = ReturnType<typeof createSubscriptionExecutor>;

/** A subscription, prepared for the execution of many events. */
interface PreparedSubscription {
  readonly operation: OperationDefinitionNode | null | undefined;
  readonly variables: ValidatedSubscription['variables'];
  readonly execute: ExecutableOperation;
}

/** Executes each event as an operation with its own deadline and loaders. */
class EventExecutor {
  readonly #options: EventExecutionOptions;

  constructor(options: EventExecutionOptions) {
    this.#options = options;
  }

  /** The result is null if the subscribers do not receive the event. */
  async execute(
    subscription: PreparedSubscription,
    { event, audience }: { event: PublishedEvent; audience: ChargeableSubscribers },
    signal: AbortSignal,
  ): Promise<{ readonly result: SubscriptionResult | null; readonly calls: number }> {
    const { openOperation, limitResult, report } = this.#options;
    const { chargedSubscriber, others: otherClients } = audience;
    const { context, disconnect, close } = openOperation({
      otherClients,
      bypassesCache: false,
      ...chargedSubscriber,
    });
    signal.addEventListener('abort', disconnect, { once: true });
    // A signal that is already aborted calls no listener.
    if (signal.aborted) disconnect();
    try {
      const executed = await this.#resultOf(subscription, event, context);
      const { calls } = context.usage;
      if (executed === null || signal.aborted) return { result: null, calls };
      const extensions = { upstream: usageExtension(context), eventId: event.eventId };
      const result = await limitResult({ ...executed, extensions }, context);
      report(context, { operation: subscription.operation, errors: result.errors });
      return { result, calls };
    } finally {
      signal.removeEventListener('abort', disconnect);
      close();
    }
  }

  formatErrors(errors: readonly GraphQLError[], ids: RequestIds) {
    const { log, formatError, forwardsClientKeys } = this.#options;
    logFailures(log, errors, { ids, forwardsClientKeys });
    return errors.map((error) => withRequestId(formatError(error.toJSON(), error), ids.requestId));
  }

  async #resultOf(
    { variables, execute }: PreparedSubscription,
    event: DomainEvent,
    context: Context,
  ): Promise<SubscriptionResult | null> {
    try {
      if (!(await isAuthorized(context, event))) return null;
    } catch (error) {
      return this.#undecidedResult(error, requestIds(context));
    }
    const { data = null, errors } = await execute(variables, context, event);
    if (errors?.some(({ originalError }) => originalError === eventNotForSubscription) === true)
      return null;
    return errors === undefined
      ? { data }
      : { data, errors: this.formatErrors(errors, requestIds(context)) };
  }

  /** Delivered if it could not be determined whether the subscriber may receive an event. */
  #undecidedResult(error: unknown, ids: RequestIds): SubscriptionResult {
    const { log, formatError, forwardsClientKeys } = this.#options;
    const cause = asError(error);
    logFailures(log, [cause], { ids, forwardsClientKeys });
    const formatted = withRequestId(formatError({ message: cause.message }, cause), ids.requestId);
    const extensions = { ...formatted.extensions, missed: true };
    return { data: null, errors: [{ ...formatted, extensions }] };
  }
}

export function createSubscriptionExecutor(options: EventExecutionOptions) {
  const { schema, executor: prepare, createContext, clock, rateLimitOf } = options;
  const executor = new EventExecutor(options);

  /** Subscribes until the signal aborts. A single result means that subscribing failed. */
  return async (
    subscription: ValidatedSubscription,
    { opener, nextCharged }: SubscriberRotation,
    signal: AbortSignal,
  ): Promise<OpenedSubscription | SubscriptionResult> => {
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
    const prepared = {
      operation: getOperationAST(document, operationName),
      variables,
      execute: prepare(document, operationName),
    };
    const createPace = () => new EventPace({ clock, rateLimit: rateLimitOf(opener.account) });
    const livePace = createPace();
    // Otherwise subscribers that resume would delay the events of the others.
    const replayPace = createPace();
    const resultOf = async (
      event: PublishedEvent,
      pace: EventPace,
      takeAudience: () => ChargeableSubscribers | undefined,
    ) => {
      await pace.ready(signal);
      const audience = takeAudience();
      if (audience === undefined) return null;
      const { result, calls } = await executor.execute(prepared, { event, audience }, signal);
      pace.spend(calls);
      return result;
    };
    async function* results(stream: EventStream): AsyncGenerator<EventResult> {
      for await (const event of stream) {
        if (event.kind === 'gap') {
          yield { result: missedEventsResult(opener.requestId) };
          continue;
        }
        const { position } = event;
        const result = await resultOf(event, livePace, () => nextCharged(position));
        if (result !== null) yield { result, position };
      }
    }
    return {
      results: results(events),
      history: events,
      replay: (event, takeAudience) => resultOf(event, replayPace, takeAudience),
    };
  };
}
