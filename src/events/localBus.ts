import type { Clock } from '../lib/clock.ts';
import type { DomainEvent, EventBus, EventHistory, IdentifiedEvent } from './bus.ts';
import { EventIds } from './eventIds.ts';
import { EventLog } from './eventLog.ts';
import { createSubscriberQueue } from './subscriberQueue.ts';
import type { SubscriberQueue } from './subscriberQueue.ts';

/** With more missed events than this, reading again is cheaper than catching up. */
const defaultMaxBuffered = 100;

/** The event bus within this process. Its events may come from other instances, and their loss can be reported to it. */
export class LocalEventBus implements EventBus {
  readonly #eventIds: EventIds;
  readonly #log: EventLog;
  readonly #maxBuffered: number;
  readonly #subscribersByAccount = new Map<string, Set<SubscriberQueue>>();
  #count = 0;

  constructor(clock: Clock, maxBuffered = defaultMaxBuffered) {
    this.#eventIds = new EventIds(clock);
    this.#log = new EventLog(clock);
    this.#maxBuffered = maxBuffered;
  }

  /** Assigns an id to an event that is about to be published. */
  identify(event: DomainEvent): IdentifiedEvent {
    return { ...event, eventId: this.#eventIds.next() };
  }

  /** Passes an event to its subscribers, unless they have received it. */
  deliver(account: string, event: IdentifiedEvent): void {
    const position = this.#log.append(account, event);
    if (position === undefined) return;
    const published = { ...event, position };
    for (const subscriber of this.#subscribersByAccount.get(account) ?? [])
      subscriber.push(published);
  }

  publish(account: string, event: DomainEvent): void {
    this.deliver(account, this.identify(event));
  }

  /** Reports that events of any account may have been lost, to subscribers and to those that continue after earlier events. */
  signalGap(): void {
    this.#log.clear();
    for (const subscribers of this.#subscribersByAccount.values())
      for (const subscriber of subscribers) subscriber.signalGap();
  }

  /** Removes what the log has about a customer, except that it was deleted. */
  erase(account: string, customerId: string): void {
    this.#log.erase(account, customerId);
  }

  subscribe(
    account: string,
    accepts: (event: DomainEvent) => boolean,
    signal: AbortSignal,
  ): ReturnType<EventBus['subscribe']> {
    const subscribers = this.#subscribersByAccount.get(account) ?? new Set();
    const onEnd = () => {
      if (!subscribers.delete(subscriber)) return;
      this.#count -= 1;
      if (subscribers.size === 0) this.#subscribersByAccount.delete(account);
    };
    const maxBuffered = this.#maxBuffered;
    const subscriber = createSubscriberQueue({ accepts, maxBuffered, signal, onEnd });
    this.#subscribersByAccount.set(account, subscribers.add(subscriber));
    this.#count += 1;
    if (signal.aborted) subscriber.end();
    return subscriber.events;
  }

  subscriberCount(): number {
    return this.#count;
  }

  head(): number {
    return this.#log.head;
  }

  positionOf(account: string, eventId: string): Promise<number | undefined> {
    return Promise.resolve(this.#log.positionOf(account, eventId));
  }

  latestId(account: string): string | undefined {
    return this.#log.latestId(account);
  }

  read(...[account, range]: Parameters<EventHistory['read']>): ReturnType<EventHistory['read']> {
    return this.#log.read(account, range);
  }

  close(): void {
    for (const subscribers of [...this.#subscribersByAccount.values()])
      for (const subscriber of [...subscribers]) subscriber.end();
  }
}
