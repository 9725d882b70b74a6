import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createBoundedQueue } from '../../lib/boundedQueue.ts';
import type { BoundedQueue, QueueItems } from '../../lib/boundedQueue.ts';
import type { Log } from '../../observability/log.ts';
import { requestIds } from '../../observability/tracing.ts';
import type { Viewer } from '../context.ts';
import type {
  ChargeableSubscribers,
  EventResult,
  ExecuteSubscription,
  OpenedSubscription,
  SubscriptionResult,
  SubscriptionCaller,
} from './eventExecution.ts';
import { chargeable, missedEventsResult } from './eventExecution.ts';
import { Replays } from './replay.ts';
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

interface SharedSubscriptionOptions {
  readonly log: Log;
  /** A subscriber with more buffered results loses them and receives a gap result. */
  readonly maxBuffered: number;
  readonly opener: SubscriptionCaller;
  readonly onClose: () => void;
}

interface Subscriber {
  readonly caller: SubscriptionCaller;
  /** It receives the events after this position. */
  readonly position: number;
}

type ResultQueue = BoundedQueue<SubscriptionResult>;

/** One execution of each event for all subscribers with the same operation and audience. It ends with the last of them. */
class SharedSubscription {
  readonly #options: SharedSubscriptionOptions;
  readonly #controller = new AbortController();
  /** In the order of their turns to be charged. */
  readonly #subscribers = new Map<ResultQueue, Subscriber>();
  /** Subscribers that receive earlier events first. */
  readonly #replaying = new Set<ResultQueue>();
  #open: OpenedSubscription | undefined;
  #replays: Replays | undefined;
  #isDelivering = false;
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
    const nextCharged = (position: number) => this.#nextCharged(position);
    const opened = await execute(subscription, { opener, nextCharged }, signal);
    if ('history' in opened) {
      this.#open = opened;
      this.#replays = new Replays(opened, this.#options.maxBuffered);
    } else {
      this.#failure = opened;
      this.#close();
    }
  }

  /** The results for a new subscriber, from now on or after an earlier event, or the one result of a failure. */
  join(caller: SubscriptionCaller, after?: string): SubscriptionResults | SubscriptionResult {
    const [opened, replays] = [this.#open, this.#replays];
    if (opened === undefined || replays === undefined) return this.#failure ?? {};
    const queue = createBoundedQueue<SubscriptionResult>({
      maxLength: this.#options.maxBuffered,
      overflowItem: missedEventsResult(caller.requestId),
      onEnd: () => this.#leave(queue),
    });
    const join = (position: number) => void this.#subscribers.set(queue, { caller, position });
    if (after === undefined) join(opened.history.head());
    else {
      this.#replaying.add(queue);
      const joinIfOpen = (position: number) => {
        if (this.#replaying.delete(queue)) join(position);
      };
      void this.#replay(queue, () => replays.run({ queue, caller, after, join: joinIfOpen }));
    }
    // Started by the first subscriber, as earlier results would be lost.
    if (!this.#isDelivering) void this.#deliver(opened.results);
    return queue.items;
  }

  #leave(queue: ResultQueue): void {
    this.#subscribers.delete(queue);
    this.#replaying.delete(queue);
    if (this.#subscribers.size + this.#replaying.size === 0) this.#close();
  }

  async #replay(queue: ResultQueue, run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#report(error);
      queue.finish();
    }
  }

  async #deliver(results: AsyncIterable<EventResult>): Promise<void> {
    this.#isDelivering = true;
    try {
      for await (const { result, position = Infinity } of results) {
        for (const [queue, subscriber] of this.#subscribers)
          if (position > subscriber.position) queue.push(result);
      }
    } catch (error) {
      this.#report(error);
    } finally {
      this.#close();
    }
  }

  #report(error: unknown): void {
    const { log, opener } = this.#options;
    log.error('subscription failed', { ...requestIds(opener), error });
  }

  /** Ends the turn of the first subscriber that receives the event. */
  #nextCharged(position: number): ChargeableSubscribers | undefined {
    for (const [queue, subscriber] of this.#subscribers) {
      if (subscriber.position >= position) continue;
      this.#subscribers.delete(queue);
      this.#subscribers.set(queue, subscriber);
      return chargeable(subscriber.caller, this.#subscribers.values());
    }
    return undefined;
  }

  #close(): void {
    if (this.#controller.signal.aborted) return;
    this.#controller.abort();
    this.#options.onClose();
    for (const queue of [...this.#subscribers.keys(), ...this.#replaying]) queue.finish();
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
    /**
     * The stream of results, from now on or after an earlier event, or a single result if subscribing failed. Ending the iterator
     * unsubscribes.
     */
    async join(
      subscription: ValidatedSubscription,
      subscriber: SubscriptionCaller,
      after?: string,
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
        if (!group.isClosed) return group.join(subscriber, after);
      }
    },
    count: () => groups.size,
  };
}
