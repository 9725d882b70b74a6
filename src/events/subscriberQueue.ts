import type { AbortSignalLike } from '../lib/abortScope.ts';
import type { ItemConsumer, QueueItems } from '../lib/boundedQueue.ts';
import type { DomainEvent, EventOrGap, PublishedEvent } from './bus.ts';

interface SubscriberQueueOptions {
  readonly accepts: (event: DomainEvent) => boolean;
  readonly maxBuffered: number;
  readonly signal: AbortSignalLike;
  readonly onEnd: () => void;
}

export interface SubscriberQueue {
  push(event: PublishedEvent): void;
  /** Reports that events may have been lost. */
  signalGap(): void;
  end(): void;
  isDrained(): boolean;
  /** Resolves when the subscriber has taken all events. */
  drained(): Promise<void>;
  readonly events: QueueItems<EventOrGap>;
}

type QueueResult = IteratorResult<EventOrGap, undefined>;

const doneResult: QueueResult = { value: undefined, done: true };

/** Events with the same name say that the same has changed. Undefined for messages, each of which is new. */
function repeatableName(event: DomainEvent): string | undefined {
  if (event.kind === 'chat') return `chat ${event.chatId} ${event.change}`;
  if (event.kind === 'message') return undefined;
  return `customer ${event.customerId} ${event.change} ${event.isTeamOnly === true}`;
}

/** Events in their order. Of too many, first those go that a later one repeats; then the oldest. */
class BufferedEvents {
  readonly #maxLength: number;
  readonly #events = new Map<number, PublishedEvent>();
  /** The number of the latest event with a name. */
  readonly #latest = new Map<string, number>();
  readonly #repeated = new Set<number>();
  #added = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get isEmpty(): boolean {
    return this.#events.size === 0;
  }

  /** Whether an event was removed that no later one repeats. */
  add(event: PublishedEvent): boolean {
    const number = (this.#added += 1);
    const name = repeatableName(event);
    if (name !== undefined) {
      const earlier = this.#latest.get(name);
      if (earlier !== undefined) this.#repeated.add(earlier);
      this.#latest.set(name, number);
    }
    this.#events.set(number, event);
    if (this.#events.size <= this.#maxLength) return false;
    const [repeated] = this.#repeated;
    if (repeated === undefined) return this.shift() !== undefined;
    this.#remove(repeated);
    return false;
  }

  shift(): PublishedEvent | undefined {
    const [first] = this.#events;
    if (first !== undefined) this.#remove(first[0]);
    return first?.[1];
  }

  clear(): void {
    this.#events.clear();
    this.#latest.clear();
    this.#repeated.clear();
  }

  #remove(number: number): void {
    const event = this.#events.get(number);
    const name = event && repeatableName(event);
    this.#events.delete(number);
    this.#repeated.delete(number);
    if (name !== undefined && this.#latest.get(name) === number) this.#latest.delete(name);
  }
}

/** Buffers events for a slow subscriber. Of too many, the removed ones are reported by a `gap` before the others. */
class BufferingQueue implements SubscriberQueue {
  readonly #options: SubscriberQueueOptions;
  readonly #buffered: BufferedEvents;
  readonly #readers: ((result: QueueResult) => void)[] = [];
  #onDrained: (() => void)[] = [];
  #consumer: ItemConsumer<EventOrGap> | undefined;
  /** Whether the consumer may be passed an event. */
  #isReady = false;
  #hasGap = false;
  #isEnded = false;

  constructor(options: SubscriberQueueOptions) {
    this.#options = options;
    this.#buffered = new BufferedEvents(options.maxBuffered);
    options.signal.addEventListener('abort', this.end);
  }

  push(event: PublishedEvent): void {
    if (this.#isEnded || !this.#options.accepts(event)) return;
    if (this.#isReady) {
      this.#pass(event);
      return;
    }
    if (this.#buffered.add(event)) this.#hasGap = true;
    this.#flush();
  }

  signalGap(): void {
    this.#hasGap = true;
    this.#flush();
  }

  readonly end = (): void => {
    if (this.#isEnded) return;
    const { signal, onEnd } = this.#options;
    this.#isEnded = true;
    this.#buffered.clear();
    signal.removeEventListener('abort', this.end);
    this.#reportDrained();
    this.#flush();
    this.#consumer?.end();
    onEnd();
  };

  isDrained(): boolean {
    return this.#buffered.isEmpty;
  }

  async drained(): Promise<void> {
    if (!this.#buffered.isEmpty)
      await new Promise<void>((resolve) => this.#onDrained.push(resolve));
  }

  readonly events: QueueItems<EventOrGap> = {
    next: () => {
      const result = this.#take();
      if (result !== undefined) return Promise.resolve(result);
      return new Promise((resolve) => {
        this.#readers.push(resolve);
      });
    },
    return: () => {
      this.end();
      return Promise.resolve(doneResult);
    },
    consume: (consumer) => {
      this.#consumer = consumer;
      if (this.#isEnded) consumer.end();
      else this.#resume();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };

  #reportDrained(): void {
    if (!this.#buffered.isEmpty) return;
    for (const resolve of this.#onDrained) resolve();
    this.#onDrained = [];
  }

  #take(): QueueResult | undefined {
    if (this.#isEnded) return doneResult;
    if (this.#hasGap) {
      this.#hasGap = false;
      return { value: { kind: 'gap' } };
    }
    const event = this.#buffered.shift();
    this.#reportDrained();
    return event === undefined ? undefined : { value: event };
  }

  #flush(): void {
    while (this.#readers.length > 0 || this.#isReady) {
      const result = this.#take();
      if (result === undefined) return;
      const reader = this.#readers.shift();
      if (reader !== undefined) reader(result);
      else if (result.done === true) return;
      else this.#pass(result.value);
    }
  }

  #pass(event: EventOrGap): void {
    this.#isReady = false;
    this.#consumer?.take(event, this.#resume);
  }

  readonly #resume = (): void => {
    this.#isReady = true;
    this.#flush();
  };
}

export const createSubscriberQueue = (options: SubscriberQueueOptions): SubscriberQueue =>
  new BufferingQueue(options);
