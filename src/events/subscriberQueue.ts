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

/** Buffers events for a slow subscriber: keeps the latest, and delivers a `gap` before them if any was dropped. */
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
      buffered.shift();
      hasGap = true;
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
