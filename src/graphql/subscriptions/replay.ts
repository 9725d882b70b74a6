import type { PublishedEvent } from '../../events/bus.ts';
import type { BoundedQueue } from '../../lib/boundedQueue.ts';
import { onNextTurn } from '../../lib/clock.ts';
import type { OpenSubscription, SubscriptionCaller, SubscriptionResult } from './eventExecution.ts';
import { missedEventsResult } from './eventExecution.ts';

/** Executed together, so that their calls are batched. */
const maxConcurrentEvents = 20;
/** With more missed events than this, reading again is cheaper than catching up. */
const maxReplayedEvents = 1_000;

interface ReplayOptions {
  readonly queue: BoundedQueue<SubscriptionResult>;
  readonly caller: SubscriptionCaller;
  /** The id of the last event that the subscriber has received. */
  readonly after: string;
  /** Called when everything up to this position has been delivered. */
  readonly join: (position: number) => void;
}

/** Replays events to subscribers that continue after a disconnection. Concurrent replays of one event share its execution. */
export class Replays {
  readonly #open: OpenSubscription;
  readonly #maxBuffered: number;
  /** By position. */
  readonly #executing = new Map<number, Promise<SubscriptionResult | null>>();

  constructor(open: OpenSubscription, maxBuffered: number) {
    this.#open = open;
    this.#maxBuffered = maxBuffered;
  }

  /** Delivers the events after one that the subscriber has received, then lets it join. */
  async run({ queue, caller, after, join }: ReplayOptions): Promise<void> {
    const { history } = this.#open;
    const maxEvents = Math.min(maxConcurrentEvents, this.#maxBuffered);
    const reportMissed = (): number => {
      queue.push(missedEventsResult(caller.requestId, history.latestId()));
      return history.head();
    };
    let position = (await history.positionOf(after)) ?? reportMissed();
    let replayed = 0;
    while (await queue.drained()) {
      const part = history.read({ after: position, maxEvents });
      if (part === undefined || replayed + part.events.length > maxReplayedEvents) {
        position = reportMissed();
        replayed = 0;
        continue;
      }
      position = part.end;
      replayed += part.events.length;
      const results = await Promise.all(part.events.map((event) => this.#execute(event, caller)));
      for (const result of results) if (result !== null) queue.push(result);
      if (part.events.length === 0 && position === history.head()) {
        join(position);
        return;
      }
      await new Promise<void>((resolve) => onNextTurn(resolve));
    }
  }

  #execute(
    event: PublishedEvent,
    chargedSubscriber: SubscriptionCaller,
  ): Promise<SubscriptionResult | null> {
    const { position } = event;
    const executing = this.#executing.get(position);
    if (executing !== undefined) return executing;
    const execution = this.#open
      .replay(event, { chargedSubscriber, others: [] })
      .finally(() => this.#executing.delete(position));
    this.#executing.set(position, execution);
    return execution;
  }
}
