import type { OperationDefinitionNode } from 'graphql';
import { parse } from 'graphql';
import type { EventFilter, PublishedEvent } from '../../events/bus.ts';
import { onNextTurn } from '../../lib/clock.ts';
import type { PrepareOperation } from '../execution/executor.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';
import { fieldDeclarations } from '../schema/fields.ts';
import type { EventExecutor, ExecutedEvent, PreparedOperation } from './eventExecutor.ts';
import { RootArguments } from './rootArguments.ts';
import { sharingKey } from './sharingKey.ts';
import type { SubscriberRotation, SubscriptionCaller } from './subscribers.ts';
import { chargeable } from './subscribers.ts';

/** A subscription whose events are executed. */
export interface ExecutedSubscription extends PreparedOperation {
  readonly operation: OperationDefinitionNode | null | undefined;
  readonly filter: EventFilter;
  readonly rotation: SubscriberRotation;
  readonly signal: AbortSignal;
}

/** Further executions start in the next turn of the event loop, so that the memory of most is freed early. */
const maxStartsPerTurn = 32;

/** Starts executions in the next turn of the event loop, when all subscriptions have received the event. */
class ExecutionStarts {
  #waiting: (() => void)[] = [];

  add(start: () => void): void {
    if (this.#waiting.push(start) === 1) onNextTurn(() => this.#run());
  }

  #run(): void {
    const started = this.#waiting.slice(0, maxStartsPerTurn);
    this.#waiting = this.#waiting.slice(maxStartsPerTurn);
    if (this.#waiting.length > 0) onNextTurn(() => this.#run());
    for (const start of started) start();
  }
}

/** One execution of an event, for the subscriptions that have joined before it starts. */
interface StartingExecution {
  readonly event: PublishedEvent;
  readonly subscriptions: ExecutedSubscription[];
  readonly executed: Promise<ExecutedEvent>;
}

interface ExecutionGroupOptions {
  readonly executor: Pick<EventExecutor, 'execute'>;
  readonly prepare: PrepareOperation;
}

function* subscribersOf(subscriptions: readonly ExecutedSubscription[]) {
  for (const { rotation } of subscriptions) yield* rotation.subscribers();
}

/** Subscriptions whose operations differ only in arguments that select events. */
class ExecutionGroup {
  readonly #options: ExecutionGroupOptions;
  readonly #starts: ExecutionStarts;
  readonly #prepareUnfiltered: () => PreparedOperation;
  #unfiltered: PreparedOperation | undefined;
  #starting: readonly StartingExecution[] = [];
  members = 0;

  constructor(
    options: ExecutionGroupOptions,
    starts: ExecutionStarts,
    prepareUnfiltered: () => PreparedOperation,
  ) {
    this.#options = options;
    this.#starts = starts;
    this.#prepareUnfiltered = prepareUnfiltered;
  }

  /** Executes an event once for all subscriptions whose filters it matches. */
  execute(event: PublishedEvent, subscription: ExecutedSubscription): Promise<ExecutedEvent> {
    const isMatch = subscription.filter(event) === true;
    const joined = isMatch
      ? this.#starting.find((each) => each.event.position === event.position)
      : undefined;
    if (joined !== undefined) {
      joined.subscriptions.push(subscription);
      return joined.executed;
    }
    const subscriptions = [subscription];
    const executed = new Promise<ExecutedEvent>((resolve) => {
      this.#starts.add(() => {
        this.#starting = this.#starting.filter((each) => each.subscriptions !== subscriptions);
        resolve(this.#run(event, subscriptions));
      });
    });
    if (isMatch) this.#starting = [...this.#starting, { event, subscriptions, executed }];
    return executed;
  }

  async #run(
    event: PublishedEvent,
    subscriptions: readonly ExecutedSubscription[],
  ): Promise<ExecutedEvent> {
    const turnOf = ({ rotation }: ExecutedSubscription) =>
      rotation.turn(event.position) ?? Infinity;
    const [next, ...others] = subscriptions.toSorted((a, b) => turnOf(a) - turnOf(b));
    const audience = next?.rotation.nextCharged(event.position);
    if (next === undefined || audience === undefined) return { result: null, calls: 0 };
    const execution = {
      event,
      operation: next.operation,
      signals: subscriptions.map(({ signal }) => signal),
    };
    if (others.length === 0)
      return this.#options.executor.execute(next, { ...execution, audience });
    this.#unfiltered ??= this.#prepareUnfiltered();
    return this.#options.executor.execute(this.#unfiltered, {
      ...execution,
      audience: chargeable(audience.chargedSubscriber, subscribersOf([next, ...others])),
    });
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
