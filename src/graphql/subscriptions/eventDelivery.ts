import type { EventOrGap, PublishedEvent } from '../../events/bus.ts';
import type { ItemConsumer } from '../../lib/itemQueue.ts';
import { publicError } from '../errors.ts';
import type { ExecutedEvent, SubscriptionResult } from './eventExecutor.ts';
import type { EventPace } from './eventPace.ts';
import type { ExecutedSubscription, ExecutionGroups } from './executionGroups.ts';

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

/** Receives the results of a subscription. */
export interface ResultConsumer {
  /** The result of an event at this position; without a position it is for all subscribers. */
  take(result: SubscriptionResult, position?: number): void;
  /** Called after the last result. */
  end(): void;
  /** Called after a bug. */
  fail(error: unknown): void;
}

interface EventDeliveryOptions {
  readonly prepared: Omit<ExecutedSubscription, 'take' | 'fail'>;
  readonly group: ReturnType<ExecutionGroups['join']>;
  readonly pace: EventPace;
  readonly consumer: ResultConsumer;
}

/** Passes the events of a subscription to their execution, one after the other, and the results to its consumer. */
export class EventDelivery implements ItemConsumer<EventOrGap> {
  readonly #subscription: ExecutedSubscription;
  readonly #options: EventDeliveryOptions;
  #resume = (): void => undefined;
  #isExecuting = false;
  #isEnded = false;

  constructor(options: EventDeliveryOptions) {
    this.#options = options;
    this.#subscription = {
      ...options.prepared,
      take: (event, executed) => this.#deliver(event, executed),
      fail: (error) => options.consumer.fail(error),
    };
  }

  take(event: EventOrGap, resume: () => void): void {
    const { prepared, pace, consumer } = this.#options;
    if (event.kind === 'gap') {
      consumer.take(missedEventsResult(prepared.rotation.opener.requestId));
      resume();
      return;
    }
    this.#resume = resume;
    this.#isExecuting = true;
    if (pace.isReady) this.#execute(event);
    else void pace.ready(prepared.signal).then(() => this.#execute(event));
  }

  /** The result of the last event is delivered before. */
  end(): void {
    this.#isEnded = true;
    if (!this.#isExecuting) this.#options.consumer.end();
  }

  #execute(event: PublishedEvent): void {
    this.#options.group.execute(event, this.#subscription);
  }

  #deliver({ position }: PublishedEvent, { result, calls }: ExecutedEvent): void {
    const { pace, consumer } = this.#options;
    pace.spend(calls);
    if (result !== null) consumer.take(result, position);
    this.#isExecuting = false;
    if (this.#isEnded) consumer.end();
    else this.#resume();
  }
}
