import type { DomainEvent, EventOrGap, PublishedEvent } from './bus.ts';

interface SubscriberQueueOptions {
  readonly accepts: (event: DomainEvent) => boolean;
  readonly maxBuffered: number;
  readonly signal: AbortSignal;
  readonly onEnd: () => void;
}

export interface SubscriberQueue {
  push(event: PublishedEvent): void;
  /** Reports that events may have been lost. */
  signalGap(): void;
  end(): void;
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

/** The index of the first event that a later one repeats; -1 if there is none. */
function firstRepeated(events: readonly DomainEvent[]): number {
  const latest = new Map(events.map((event, index) => [repeatableName(event), index]));
  return events.findIndex((event, index) => {
    const name = repeatableName(event);
    return name !== undefined && latest.get(name) !== index;
  });
}

/**
 * Buffers events for a slow subscriber. Of too many, first those go that a later one repeats; then the oldest, which is reported by a
 * `gap` before the others.
 */
export function createSubscriberQueue({
  accepts,
  maxBuffered,
  signal,
  onEnd,
}: SubscriberQueueOptions): SubscriberQueue {
  let buffered: PublishedEvent[] = [];
  const readers: ((result: QueueResult) => void)[] = [];
  let hasGap = false;
  let isEnded = false;

  function take(): QueueResult | undefined {
    if (isEnded) return doneResult;
    if (hasGap) {
      hasGap = false;
      return { value: { kind: 'gap' } };
    }
    const event = buffered.shift();
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
    buffered = [];
    signal.removeEventListener('abort', end);
    flush();
    onEnd();
  }

  signal.addEventListener('abort', end, { once: true });
  return {
    push(event) {
      if (isEnded || !accepts(event)) return;
      buffered.push(event);
      flush();
      if (buffered.length <= maxBuffered) return;
      const repeated = firstRepeated(buffered);
      buffered.splice(Math.max(0, repeated), 1);
      if (repeated < 0) hasGap = true;
    },
    signalGap() {
      hasGap = true;
      flush();
    },
    end,
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
