import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createBoundedQueue } from '../../lib/boundedQueue.ts';
import type { BoundedQueue, QueueItems } from '../../lib/boundedQueue.ts';
import type { Log } from '../../observability/log.ts';
import { requestIds } from '../../observability/tracing.ts';
import type { Viewer } from '../context.ts';
import type {
  EventAudience,
  ExecuteSubscription,
  SubscriptionResult,
  SubscriptionCaller,
} from './eventExecution.ts';
import { missedEventsResult } from './eventExecution.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';

export type SubscriptionResults = QueueItems<SubscriptionResult>;

/** Viewers with the same key receive the same events and fields. */
const audienceKey = (viewer: Viewer): unknown =>
  viewer.role === 'CUSTOMER' ? viewer : viewer.role;

function sharingKey(
  { source, operationName, variables }: ValidatedSubscription,
  subscriber: SubscriptionCaller,
): string {
  const { account, viewer } = subscriber;
  const name = [account, audienceKey(viewer), source, operationName, variables];
  return createHash('sha256').update(JSON.stringify(name)).digest('base64url');
}

/** Limited, because the rate limiter checks each of them at every decision about a call. */
const maxOtherSubscribers = 7;

interface SharedSubscriptionOptions {
  readonly log: Log;
  /** A subscriber with more buffered results loses them and receives a gap result. */
  readonly maxBuffered: number;
  readonly opener: SubscriptionCaller;
  readonly onClose: () => void;
}

/** One execution of each event for all subscribers with the same operation and audience. It ends with the last of them. */
class SharedSubscription {
  readonly #options: SharedSubscriptionOptions;
  readonly #controller = new AbortController();
  /** In the order of their turns to be charged. */
  readonly #subscribers = new Map<BoundedQueue<SubscriptionResult>, SubscriptionCaller>();
  #results: AsyncIterable<SubscriptionResult> | undefined;
  #failure: SubscriptionResult | undefined;

  constructor(options: SharedSubscriptionOptions) {
    this.#options = options;
    setMaxListeners(0, this.#controller.signal);
  }

  /** Whether it accepts no further subscribers. */
  get isClosed(): boolean {
    return this.#controller.signal.aborted && this.#failure === undefined;
  }

  async open(execute: ExecuteSubscription, subscription: ValidatedSubscription): Promise<void> {
    const { opener } = this.#options;
    const { signal } = this.#controller;
    const takeTurn = () => this.#takeTurn();
    const results = await execute(subscription, { opener, takeTurn }, signal);
    if (Symbol.asyncIterator in results) {
      this.#results = results;
    } else {
      this.#failure = results;
      this.#close();
    }
  }

  /** The results for a new subscriber, or the one result of a failure. */
  join(subscriber: SubscriptionCaller): SubscriptionResults | SubscriptionResult {
    if (this.#failure !== undefined) return this.#failure;
    const queue = createBoundedQueue<SubscriptionResult>({
      maxLength: this.#options.maxBuffered,
      overflowItem: missedEventsResult(subscriber.requestId),
      onEnd: () => {
        this.#subscribers.delete(queue);
        if (this.#subscribers.size === 0) this.#close();
      },
    });
    this.#subscribers.set(queue, subscriber);
    const results = this.#results;
    this.#results = undefined;
    // Started by the first subscriber, as earlier results would be lost.
    if (results !== undefined) void this.#deliver(results);
    return queue.items;
  }

  async #deliver(results: AsyncIterable<SubscriptionResult>): Promise<void> {
    const { log, opener } = this.#options;
    try {
      for await (const result of results) {
        for (const queue of this.#subscribers.keys()) queue.push(result);
      }
    } catch (error) {
      log.error('subscription failed', { ...requestIds(opener), error });
    } finally {
      this.#close();
    }
  }

  /** Ends the turn of the first subscriber. Of several subscriptions of one client, one counts as another subscriber. */
  #takeTurn(): EventAudience {
    const [turn] = this.#subscribers;
    if (turn === undefined) return { chargedSubscriber: this.#options.opener, others: [] };
    const [queue, chargedSubscriber] = turn;
    this.#subscribers.delete(queue);
    this.#subscribers.set(queue, chargedSubscriber);
    const others = new Map<string, SubscriptionCaller>();
    for (const subscriber of this.#subscribers.values()) {
      if (others.size === maxOtherSubscribers) break;
      const { quotaClient } = subscriber;
      if (quotaClient !== chargedSubscriber.quotaClient) others.set(quotaClient, subscriber);
    }
    return { chargedSubscriber, others: [...others.values()] };
  }

  #close(): void {
    if (this.#controller.signal.aborted) return;
    this.#controller.abort();
    this.#options.onClose();
    for (const queue of this.#subscribers.keys()) queue.finish();
  }
}

interface SharedSubscriptionsOptions extends Pick<
  SharedSubscriptionOptions,
  'log' | 'maxBuffered'
> {
  readonly executeSubscription: ExecuteSubscription;
}

export type SharedSubscriptions = ReturnType<typeof createSharedSubscriptions>;

/** Executes each event once for all subscribers with the same operation and audience (fan-out). */
export function createSharedSubscriptions({
  executeSubscription,
  log,
  maxBuffered,
}: SharedSubscriptionsOptions) {
  const groups = new Map<string, Promise<SharedSubscription>>();

  async function open(
    subscription: ValidatedSubscription,
    opener: SubscriptionCaller,
    onClose: () => void,
  ): Promise<SharedSubscription> {
    const shared = new SharedSubscription({ log, maxBuffered, opener, onClose });
    await shared.open(executeSubscription, subscription);
    return shared;
  }

  return {
    /** The stream of results, or a single result if subscribing failed. Ending the iterator unsubscribes. */
    async join(
      subscription: ValidatedSubscription,
      subscriber: SubscriptionCaller,
    ): Promise<SubscriptionResults | SubscriptionResult> {
      const name = sharingKey(subscription, subscriber);
      for (;;) {
        let opening = groups.get(name);
        if (opening === undefined) {
          const remove = () => {
            if (groups.get(name) === opening) groups.delete(name);
          };
          opening = open(subscription, subscriber, remove);
          groups.set(name, opening);
          opening.catch(remove);
        }
        const group = await opening;
        // Its last subscriber may have left in the meantime.
        if (!group.isClosed) return group.join(subscriber);
      }
    },
    count: () => groups.size,
  };
}
