import { parse } from 'graphql';
import type { EventFilter, PublishedEvent } from '../../events/bus.ts';
import type { PrepareOperation } from '../execution/executor.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';
import { fieldDeclarations } from '../schema/fields.ts';
import type {
  EventExecutor,
  ExecutedEvent,
  PreparedOperation,
  SubscribedOperation,
} from './eventExecutor.ts';
import { RootArguments } from './rootArguments.ts';
import { sharingKey } from './sharingKey.ts';
import type { SubscriberRotation, SubscriptionCaller } from './subscribers.ts';
import { chargeable } from './subscribers.ts';

/** A subscription whose events are executed. */
export interface ExecutedSubscription extends PreparedOperation {
  readonly subscribed: SubscribedOperation;
  readonly filter: EventFilter;
  readonly rotation: SubscriberRotation;
  readonly signal: AbortSignal;
  /** Receives an event that was executed for it. */
  take(event: PublishedEvent, executed: ExecutedEvent): void;
  /** Ends the subscription because of a bug. */
  fail(error: unknown): void;
}

/**
 * Starts executions when all subscriptions have received the event, but in the same turn of the event loop: with one turn for each event, a
 * flood of events would let the buffers of subscriptions overflow.
 */
class ExecutionStarts {
  #waiting: SharedExecution[] = [];

  add(execution: SharedExecution): void {
    this.#waiting.push(execution);
    if (this.#waiting.length === 1) process.nextTick(this.#run);
  }

  readonly #run = (): void => {
    const started = this.#waiting;
    this.#waiting = [];
    for (const execution of started) execution.start();
  };
}

function* subscribersOf(subscriptions: readonly ExecutedSubscription[]) {
  for (const { rotation } of subscriptions) yield* rotation.subscribers();
}

/** One execution of an event for the subscriptions that have joined before it starts. */
class SharedExecution {
  readonly event: PublishedEvent;
  readonly #group: ExecutionGroup;
  readonly #subscriptions: ExecutedSubscription[];

  constructor(event: PublishedEvent, group: ExecutionGroup, subscription: ExecutedSubscription) {
    this.event = event;
    this.#group = group;
    this.#subscriptions = [subscription];
  }

  join(subscription: ExecutedSubscription): void {
    this.#subscriptions.push(subscription);
  }

  start(): void {
    this.#group.remove(this);
    try {
      const executed = this.#execute();
      if (executed instanceof Promise)
        executed.then(
          (settled) => this.#take(settled),
          (error: unknown) => this.#fail(error),
        );
      else this.#take(executed);
    } catch (error) {
      this.#fail(error);
    }
  }

  #execute(): ExecutedEvent | Promise<ExecutedEvent> {
    const { event } = this;
    const subscriptions = this.#subscriptions;
    const next = this.#nextCharged();
    const audience = next?.rotation.nextCharged(event.position);
    if (next === undefined || audience === undefined) return { result: null, calls: 0 };
    const { executor } = this.#group.options;
    const { subscribed } = next;
    const signals = subscriptions.map(({ signal }) => signal);
    const execution = { event, audience, subscribed, signals };
    if (subscriptions.length === 1) return executor.execute(next, execution);
    return executor.execute(this.#group.unfiltered, {
      ...execution,
      audience: chargeable(audience.chargedSubscriber, subscribersOf(subscriptions)),
    });
  }

  /** The subscription of the subscriber whose turn it is to be charged. */
  #nextCharged(): ExecutedSubscription | undefined {
    let next: ExecutedSubscription | undefined;
    let lowest = Infinity;
    for (const subscription of this.#subscriptions) {
      const turn = subscription.rotation.turn(this.event.position);
      if (turn === undefined || turn >= lowest) continue;
      next = subscription;
      lowest = turn;
    }
    return next;
  }

  #take(executed: ExecutedEvent): void {
    for (const subscription of this.#subscriptions) {
      try {
        subscription.take(this.event, executed);
      } catch (error) {
        subscription.fail(error);
      }
    }
  }

  #fail(error: unknown): void {
    for (const subscription of this.#subscriptions) subscription.fail(error);
  }
}

interface ExecutionGroupOptions {
  readonly executor: Pick<EventExecutor, 'execute'>;
  readonly prepare: PrepareOperation;
}

/** Subscriptions whose operations differ only in arguments that select events. */
class ExecutionGroup {
  readonly options: ExecutionGroupOptions;
  readonly #starts: ExecutionStarts;
  readonly #prepareUnfiltered: () => PreparedOperation;
  #unfiltered: PreparedOperation | undefined;
  #starting: readonly SharedExecution[] = [];
  members = 0;

  constructor(
    options: ExecutionGroupOptions,
    starts: ExecutionStarts,
    prepareUnfiltered: () => PreparedOperation,
  ) {
    this.options = options;
    this.#starts = starts;
    this.#prepareUnfiltered = prepareUnfiltered;
  }

  /** The operation without the arguments that select events. */
  get unfiltered(): PreparedOperation {
    this.#unfiltered ??= this.#prepareUnfiltered();
    return this.#unfiltered;
  }

  /** Executes an event once for all subscriptions whose filters it matches. */
  execute(event: PublishedEvent, subscription: ExecutedSubscription): void {
    const isShared = this.members > 1 && subscription.filter(event) === true;
    const joined = isShared
      ? this.#starting.find((each) => each.event.position === event.position)
      : undefined;
    if (joined !== undefined) {
      joined.join(subscription);
      return;
    }
    const execution = new SharedExecution(event, this, subscription);
    if (isShared) this.#starting = [...this.#starting, execution];
    this.#starts.add(execution);
  }

  /** Further subscriptions cannot join the execution. */
  remove(execution: SharedExecution): void {
    if (this.#starting.length > 0)
      this.#starting = this.#starting.filter((each) => each !== execution);
  }
}

const isEventFilter = (field: string, argument: string): boolean =>
  fieldDeclarations.get(`Subscription.${field}`)?.eventFilters?.includes(argument) === true;

/** Subscriptions share the execution of an event if their operations are equal without the arguments that select events. */
export class ExecutionGroups {
  readonly #options: ExecutionGroupOptions;
  readonly #starts = new ExecutionStarts();
  readonly #filters = new RootArguments(isEventFilter);
  readonly #groups = new Map<string, ExecutionGroup>();

  constructor(options: ExecutionGroupOptions) {
    this.#options = options;
  }

  /** The group of a subscription until it ends. */
  join(
    { document, operationName, variables: given }: ValidatedSubscription,
    subscriber: SubscriptionCaller,
    signal: AbortSignal,
  ): ExecutionGroup {
    const reduced = this.#filters.removeFrom({ document, operationName });
    const { source } = reduced;
    const variables = reduced.variables(given);
    const key = sharingKey({ source, operationName, variables }, subscriber);
    // Without locations, which differ in the documents of the subscribers.
    const prepare = () => ({
      variables,
      execute: this.#options.prepare(parse(source, { noLocation: true }), operationName),
    });
    const group = this.#groups.get(key) ?? new ExecutionGroup(this.#options, this.#starts, prepare);
    this.#groups.set(key, group);
    group.members += 1;
    signal.addEventListener('abort', () => {
      group.members -= 1;
      if (group.members === 0) this.#groups.delete(key);
    });
    return group;
  }
}
