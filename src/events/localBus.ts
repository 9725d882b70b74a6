import type { DomainEvent, EventBus, PublishedEvent } from './bus.ts';
import type { EventIds } from './eventIds.ts';
import { createSubscriberQueue } from './subscriberQueue.ts';
import type { SubscriberQueue } from './subscriberQueue.ts';

/** An event bus whose events may come from other instances, and to which their loss can be reported. */
export interface LocalEventBus extends EventBus {
  /** Assigns an id to an event that is about to be published. */
  identify(event: DomainEvent): PublishedEvent;
  /** Passes an event to its subscribers. */
  deliver(account: string, event: PublishedEvent): void;
  signalGap(): void;
}

/** With more missed events than this, reading again is cheaper than catching up. */
const defaultMaxBuffered = 100;

/** The event bus within this process. */
export function createLocalEventBus(
  eventIds: EventIds,
  maxBuffered = defaultMaxBuffered,
): LocalEventBus {
  const subscribersByAccount = new Map<string, Set<SubscriberQueue>>();
  let count = 0;

  const allSubscribers = () =>
    [...subscribersByAccount.values()].flatMap((subscribers) => [...subscribers]);

  const identify: LocalEventBus['identify'] = (event) => ({ ...event, eventId: eventIds.next() });

  const deliver: LocalEventBus['deliver'] = (account, event) => {
    for (const subscriber of subscribersByAccount.get(account) ?? []) subscriber.push(event);
  };

  return {
    identify,
    deliver,
    publish(account, event) {
      if (subscribersByAccount.has(account)) deliver(account, identify(event));
    },
    signalGap() {
      for (const subscriber of allSubscribers()) subscriber.signalGap();
    },
    subscribe(account, accepts, signal) {
      const subscribers = subscribersByAccount.get(account) ?? new Set();
      const onEnd = () => {
        if (!subscribers.delete(subscriber)) return;
        count -= 1;
        if (subscribers.size === 0) subscribersByAccount.delete(account);
      };
      const subscriber = createSubscriberQueue({ accepts, maxBuffered, signal, onEnd });
      subscribersByAccount.set(account, subscribers.add(subscriber));
      count += 1;
      if (signal.aborted) subscriber.end();
      return subscriber.events;
    },
    subscriberCount: () => count,
    close() {
      for (const subscriber of allSubscribers()) subscriber.end();
    },
  };
}
