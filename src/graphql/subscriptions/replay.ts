import type { PublishedEvent } from '../../events/bus.ts';
import type { ItemQueue } from '../../lib/itemQueue.ts';
import { onNextTurn } from '../../lib/clock.ts';
import { isRateLimitedResult } from '../errors.ts';
import type { OpenedSubscription } from './eventExecution.ts';
import { missedEventsResult } from './eventDelivery.ts';
import type { SubscriptionResult } from './eventExecutor.ts';
import type { SubscriptionCaller } from './subscribers.ts';
import { chargeable } from './subscribers.ts';

/** Executed together, so that their calls are batched. */
const maxConcurrentEvents = 20;
/** With more missed events than this, reading again is cheaper than catching up. */
const maxReplayedEvents = 1_000;

interface ReplayOptions {
  readonly queue: ItemQueue<SubscriptionResult>;
  readonly caller: SubscriptionCaller;
  /** The id of the last event that the subscriber has received. */
  readonly after: string;
  /** Called when everything up to this position has been delivered. */
  readonly join: (position: number) => void;
}

/** One execution for all subscribers that wait for it. */
interface ReplayExecution {
  readonly waiting: { readonly caller: SubscriptionCaller }[];
  /** The quota keys of those to whom its calls can be charged: those that wait when it starts. */
  readonly charged: ReadonlySet<string>;
  readonly result: Promise<SubscriptionResult | null>;
}

/** Replays events to subscribers that continue after a disconnection. Concurrent replays of one event share its execution. */
export class Replays {
  readonly #open: OpenedSubscription;
  readonly #maxBuffered: number;
  /** By position. */
  readonly #executing = new Map<number, ReplayExecution>();

  constructor(open: OpenedSubscription, maxBuffered: number) {
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

  /** Executes the event once more if its calls exceeded the quotas of others, and the caller joined too late to be charged. */
  async #execute(event: PublishedEvent, caller: SubscriptionCaller) {
    const execution = this.#join(event, caller);
    const result = await execution.result;
    const isRateLimited = result !== null && isRateLimitedResult(result);
    if (!isRateLimited || execution.charged.has(caller.quotaKey)) return result;
    return this.#join(event, caller).result;
  }

  #join(event: PublishedEvent, caller: SubscriptionCaller): ReplayExecution {
    const execution = this.#executing.get(event.position) ?? this.#start(event, caller);
    execution.waiting.push({ caller });
    return execution;
  }

  #start(event: PublishedEvent, caller: SubscriptionCaller): ReplayExecution {
    const { position } = event;
    const waiting: ReplayExecution['waiting'] = [];
    const charged = new Set<string>();
    const takeAudience = () => {
      const audience = chargeable(caller, waiting);
      for (const { quotaKey } of [caller, ...audience.others]) charged.add(quotaKey);
      return audience;
    };
    const result = this.#open
      .replay(event, takeAudience)
      .finally(() => this.#executing.delete(position));
    const execution = { waiting, charged, result };
    this.#executing.set(position, execution);
    return execution;
  }
}
