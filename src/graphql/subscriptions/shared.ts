import { setMaxListeners } from 'node:events';
import { createBoundedQueue } from '../../lib/boundedQueue.ts';
import type { ItemQueue, QueueItems } from '../../lib/itemQueue.ts';
import type { Log } from '../../observability/log.ts';
import { requestIds } from '../../observability/tracing.ts';
import type { ExecuteSubscription, OpenedSubscription } from './eventExecution.ts';
import type { SubscriptionResult } from './eventExecutor.ts';
import { missedEventsResult } from './eventDelivery.ts';
import { Replays } from './replay.ts';
import { sharingKey } from './sharingKey.ts';
import type { ChargeableSubscribers, SubscriptionCaller } from './subscribers.ts';
import { chargeable } from './subscribers.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';

export type SubscriptionResults = QueueItems<SubscriptionResult>;

interface SharedSubscriptionOptions {
  readonly log: Log;
  /** A subscriber with more buffered results loses them and receives a gap result. */
  readonly maxBuffered: number;
  readonly opener: SubscriptionCaller;
  readonly onClose: () => void;
  /** The number of the next turn, in all subscriptions. */
  readonly nextTurn: () => number;
}

interface Subscriber {
  readonly caller: SubscriptionCaller;
  /** It receives the events after this position. */
  readonly position: number;
  /** Later than those of all subscribers that subscribed or were charged before. */
  turn: number;
}

type ResultQueue = ItemQueue<SubscriptionResult>;

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
    const rotation = {
      opener,
      turn: (position: number) => this.#nextReceiver(position)?.[1].turn,
      nextCharged: (position: number) => this.#nextCharged(position),
      subscribers: () => this.#subscribers.values(),
    };
    const opened = await execute(subscription, rotation, signal);
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
    const join = (position: number) => this.#add(queue, { caller, position });
    if (after === undefined) join(opened.history.head());
    else {
      this.#replaying.add(queue);
      const joinIfOpen = (position: number) => {
        if (this.#replaying.delete(queue)) join(position);
      };
      void this.#replay(queue, () => replays.run({ queue, caller, after, join: joinIfOpen }));
    }
    // Started by the first subscriber, as earlier results would be lost.
    if (!this.#isDelivering) this.#startDelivery(opened);
    return queue.items;
  }

  #startDelivery({ deliver }: OpenedSubscription): void {
    this.#isDelivering = true;
    deliver({
      take: (result, position = Infinity) => this.#deliver(result, position),
      end: () => this.#close(),
      fail: (error) => this.#fail(error),
    });
  }

  #add(queue: ResultQueue, subscriber: Omit<Subscriber, 'turn'>): void {
    this.#subscribers.set(queue, { ...subscriber, turn: this.#options.nextTurn() });
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

  #deliver(result: SubscriptionResult, position: number): void {
    for (const [queue, subscriber] of this.#subscribers)
      if (position > subscriber.position) queue.push(result);
  }

  #fail(error: unknown): void {
    this.#report(error);
    this.#close();
  }

  #report(error: unknown): void {
    const { log, opener } = this.#options;
    log.error('subscription failed', { ...requestIds(opener), error });
  }

  /** The first subscriber that receives the event. */
  #nextReceiver(position: number): [ResultQueue, Subscriber] | undefined {
    for (const entry of this.#subscribers) if (entry[1].position < position) return entry;
    return undefined;
  }

  /** Ends the turn of the first subscriber that receives the event. */
  #nextCharged(position: number): ChargeableSubscribers | undefined {
    const next = this.#nextReceiver(position);
    if (next === undefined) return undefined;
    const [queue, subscriber] = next;
    subscriber.turn = this.#options.nextTurn();
    if (this.#subscribers.size > 1) {
      this.#subscribers.delete(queue);
      this.#subscribers.set(queue, subscriber);
    }
    return chargeable(subscriber.caller, this.#subscribers.values());
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
  const subscriptions = new Map<string, Promise<SharedSubscription>>();
  let turns = 0;
  const nextTurn = () => (turns += 1);

  async function open(
    subscription: ValidatedSubscription,
    opener: SubscriptionCaller,
    onClose: () => void,
  ): Promise<SharedSubscription> {
    const shared = new SharedSubscription({ log, maxBuffered, opener, onClose, nextTurn });
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
        let opening = subscriptions.get(name);
        if (opening === undefined) {
          const remove = () => {
            if (subscriptions.get(name) === opening) subscriptions.delete(name);
          };
          opening = open(subscription, subscriber, remove);
          subscriptions.set(name, opening);
          opening.catch(remove);
        }
        const group = await opening;
        // Its last subscriber may have left in the meantime.
        if (!group.isClosed) return group.join(subscriber, after);
      }
    },
    count: () => subscriptions.size,
  };
}
