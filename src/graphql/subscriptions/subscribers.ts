import type { Caller } from '../context.ts';

export type SubscriptionCaller = Omit<Caller, 'signal' | 'deadlineMs' | 'bypassesCache' | 'guard'>;

/** The subscribers to whom the calls of one event can be charged. */
export interface ChargeableSubscribers {
  /** The event is executed as an operation of this subscriber, to whom its calls are charged. */
  readonly chargedSubscriber: SubscriptionCaller;
  /** The calls are charged to one of these if the quota of `chargedSubscriber` is used up. */
  readonly others: readonly SubscriptionCaller[];
}

interface Subscriber {
  readonly caller: SubscriptionCaller;
}

/** The subscribers of one subscription. */
export interface SubscriberRotation {
  /** The subscriber that subscribed first. */
  readonly opener: SubscriptionCaller;
  /** Of several subscriptions, the one with the lowest turn is next. Undefined if no subscriber receives the event at a position. */
  readonly turn: (position: number) => number | undefined;
  /** Selects the subscriber whose turn it is to be charged for the event at a position. Undefined if no subscriber receives it. */
  readonly nextCharged: (position: number) => ChargeableSubscribers | undefined;
  readonly subscribers: () => Iterable<Subscriber>;
}

/** Limited, because the rate limiter checks each of them at every decision about a call. */
const maxOtherSubscribers = 7;

/** Of several subscriptions of one client, one counts as another subscriber. */
export function chargeable(
  chargedSubscriber: SubscriptionCaller,
  subscribers: Iterable<Subscriber>,
): ChargeableSubscribers {
  const others = new Map<string, SubscriptionCaller>();
  for (const { caller } of subscribers) {
    if (others.size === maxOtherSubscribers) break;
    if (caller.quotaKey !== chargedSubscriber.quotaKey) others.set(caller.quotaKey, caller);
  }
  return { chargedSubscriber, others: [...others.values()] };
}
