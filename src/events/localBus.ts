import type { AbortSignalLike } from '../lib/abortScope.ts';
import type { Clock } from '../lib/clock.ts';
import type { DomainEvent, EventBus, EventHistory, IdentifiedEvent } from './bus.ts';
import { EventIds } from './eventIds.ts';
import { EventLog } from './eventLog.ts';
import { SubscriberQueue } from './subscriberQueue.ts';

/** With more missed events than this, reading again is cheaper than catching up. */
const defaultMaxBuffered = 100;
/** How long subscribers that are slower delay the others. */
const maxPauseMs = 1_000;

interface AccountChannel {
  readonly log: EventLog;
  readonly subscribers: Set<SubscriberQueue>;
}

/** The event bus within this process. Its events may come from other instances, and their loss can be reported to it. */
export class LocalEventBus implements EventBus {
  readonly #clock: Clock;
  readonly #eventIds: EventIds;
  readonly #maxBuffered: number;
  readonly #channels = new Map<string, AccountChannel>();
  readonly #slow = new WeakSet<SubscriberQueue>();
  #count = 0;

  constructor(clock: Clock, maxBuffered = defaultMaxBuffered) {
    this.#clock = clock;
    this.#eventIds = new EventIds(clock);
    this.#maxBuffered = maxBuffered;
  }

  nextId(): string {
    return this.#eventIds.next();
  }

  /** Passes an event to its subscribers, unless they have received it. */
  deliver(account: string, event: IdentifiedEvent): void {
    const { log, subscribers } = this.#channelOf(account);
    const position = log.append(event);
    if (position === undefined || subscribers.size === 0) return;
    const published = { ...event, position };
    for (const subscriber of subscribers) subscriber.push(published);
  }

  /** Adds an event to the log that was published before the subscribers subscribed. */
  restore(account: string, ...entry: Parameters<EventLog['restore']>): void {
    this.#channelOf(account).log.restore(...entry);
  }

  /** Lets subscribers continue after the latest event of an account, however old it is. */
  continueAfter(account: string, eventId: string): void {
    this.#channelOf(account).log.continueAfter(eventId);
  }

  publish(account: string, event: DomainEvent, eventId = this.nextId()): void {
    this.deliver(account, { ...event, eventId });
  }

  published(): Promise<boolean> {
    return Promise.resolve(true);
  }

  /** Reports that events of an account may have been lost, to subscribers and to those that continue after earlier events. */
  signalGap(account: string): void {
    const { log, subscribers } = this.#channelOf(account);
    log.clear();
    for (const subscriber of subscribers) subscriber.signalGap();
  }

  /** Reports that events of any account may have been lost. */
  signalGaps(): void {
    for (const account of this.#channels.keys()) this.signalGap(account);
  }

  /** Removes all events of an account from the log, because the next ones may be missing. */
  clear(account: string): void {
    this.#channelOf(account).log.clear();
  }

  /** Removes what the log has about a customer, except that it was deleted. */
  erase(account: string, customerId: string): void {
    this.#channels.get(account)?.log.erase(customerId);
  }

  subscribe(
    account: string,
    accepts: (event: DomainEvent) => boolean,
    signal: AbortSignalLike,
  ): ReturnType<EventBus['subscribe']> {
    const { subscribers } = this.#channelOf(account);
    const onEnd = () => {
      if (subscribers.delete(subscriber)) this.#count -= 1;
    };
    const maxBuffered = this.#maxBuffered;
    const subscriber = new SubscriberQueue({ accepts, maxBuffered, signal, onEnd });
    subscribers.add(subscriber);
    this.#count += 1;
    if (signal.aborted) subscriber.end();
    return subscriber.events;
  }

  subscriberCount(): number {
    return this.#count;
  }

  hasSubscribers(account: string): boolean {
    return (this.#channels.get(account)?.subscribers.size ?? 0) > 0;
  }

  /** Waits until the subscribers of an account have taken their events. One that takes long is not waited for again. */
  async waitForSubscribers(account: string): Promise<void> {
    const subscribers = this.#channels.get(account)?.subscribers ?? [];
    const busy = [...subscribers].filter((each) => !each.isDrained() && !this.#slow.has(each));
    if (busy.length === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(maxPauseMs, () => {
        for (const each of busy) if (!each.isDrained()) this.#slow.add(each);
        resolve();
      });
      void Promise.all(busy.map((each) => each.drained())).then(() => {
        cancel();
        resolve();
      });
    });
  }

  head(account: string): number {
    return this.#channelOf(account).log.head;
  }

  has(account: string, eventId: string): boolean {
    return this.#channels.get(account)?.log.positionOf(eventId) !== undefined;
  }

  positionOf(account: string, eventId: string): Promise<number | undefined> {
    return Promise.resolve(this.#channels.get(account)?.log.positionOf(eventId));
  }

  latestId(account: string): string | undefined {
    return this.#channels.get(account)?.log.latestId();
  }

  read(...[account, range]: Parameters<EventHistory['read']>): ReturnType<EventHistory['read']> {
    return this.#channelOf(account).log.read(range);
  }

  close(): Promise<void> {
    for (const { subscribers } of this.#channels.values())
      for (const subscriber of [...subscribers]) subscriber.end();
    return Promise.resolve();
  }

  #channelOf(account: string): AccountChannel {
    const known = this.#channels.get(account);
    if (known !== undefined) return known;
    for (const [name, { log, subscribers }] of this.#channels)
      if (subscribers.size === 0 && log.isEmpty) this.#channels.delete(name);
    const channel = { log: new EventLog(this.#clock), subscribers: new Set<SubscriberQueue>() };
    this.#channels.set(account, channel);
    return channel;
  }
}
