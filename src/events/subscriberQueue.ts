import type { AbortSignalLike } from '../lib/abortScope.ts';
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
  readonly events: AsyncIterableIterator<EventOrGap>;
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
export function createSubscriberQueue({
  accepts,
  maxBuffered,
  signal,
  onEnd,
}: SubscriberQueueOptions): SubscriberQueue {
  const buffered = new BufferedEvents(maxBuffered);
  const readers: ((result: QueueResult) => void)[] = [];
  let onDrained: (() => void)[] = [];
  let hasGap = false;
  let isEnded = false;

  function reportDrained(): void {
    if (!buffered.isEmpty) return;
    for (const resolve of onDrained) resolve();
    onDrained = [];
  }

  function take(): QueueResult | undefined {
    if (isEnded) return doneResult;
    if (hasGap) {
      hasGap = false;
      return { value: { kind: 'gap' } };
    }
    const event = buffered.shift();
    reportDrained();
    return event === undefined ? undefined : { value: event };
  }

  function flush(): void {
    while (readers.length > 0) {
      const result = take();
      if (result === undefined) return;
      readers.shift()?.(result);
    }
  }

  function end(): void {
    if (isEnded) return;
    isEnded = true;
    buffered.clear();
    signal.removeEventListener('abort', end);
    reportDrained();
    flush();
    onEnd();
  }

  signal.addEventListener('abort', end);
  return {
    push(event) {
      if (isEnded || !accepts(event)) return;
      if (buffered.add(event)) hasGap = true;
      flush();
    },
    signalGap() {
      hasGap = true;
      flush();
    },
    end,
    isDrained: () => buffered.isEmpty,
    async drained() {
      if (!buffered.isEmpty) await new Promise<void>((resolve) => onDrained.push(resolve));
    },
    events: {
      next() {
        const result = take();
        if (result !== undefined) return Promise.resolve(result);
        return new Promise((resolve) => {
          readers.push(resolve);
        });
      },
      return() {
        end();
        return Promise.resolve(doneResult);
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
  };
}
