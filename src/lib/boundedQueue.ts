/** A queue between a producer and a slower consumer. */
export interface BoundedQueue<Item> {
  push(item: Item): void;
  /** Ends the iteration after the queued items. */
  finish(): void;
  readonly items: AsyncIterableIterator<Item, undefined>;
}

interface BoundedQueueOptions<Item> {
  /** When the queue is full, its items are replaced by `overflowItem`. */
  readonly maxLength: number;
  readonly overflowItem: Item;
  /** Called once, when the consumer has returned or has read everything. */
  readonly onEnd: () => void;
}

export function createBoundedQueue<Item>({
  maxLength,
  overflowItem,
  onEnd,
}: BoundedQueueOptions<Item>): BoundedQueue<Item> {
  type Result = IteratorResult<Item, undefined>;
  let waiting: Item[] = [];
  const readers: ((result: Result) => void)[] = [];
  let isFinished = false;
  let isClosed = false;

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    waiting = [];
    for (const reader of readers.splice(0)) reader({ value: undefined, done: true });
    onEnd();
  }

  return {
    push(item) {
      if (isFinished || isClosed) return;
      const reader = readers.shift();
      if (reader !== undefined) {
        reader({ value: item });
        return;
      }
      if (waiting.length >= maxLength) waiting = [overflowItem];
      waiting.push(item);
    },
    finish() {
      isFinished = true;
      if (waiting.length === 0) close();
    },
    items: {
      next(): Promise<Result> {
        const [item] = waiting;
        if (!isClosed && item !== undefined) {
          waiting.shift();
          return Promise.resolve({ value: item });
        }
        if (isFinished) close();
        if (isClosed) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve) => {
          readers.push(resolve);
        });
      },
      return(): Promise<Result> {
        close();
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
  };
}
