/** Receives items as they arrive. */
export interface ItemConsumer<Item> {
  /** The next item is passed after `resume` was called. */
  take(item: Item, resume: () => void): void;
  /** Called once, after the last item or when the items were returned. */
  end(): void;
}

export interface QueueItems<Item> extends AsyncIterableIterator<Item, undefined> {
  /** Passes the items to a consumer instead of `next`, which needs several promises for each. */
  consume(consumer: ItemConsumer<Item>): void;
}

/** A queue between a producer and a slower consumer. */
export interface BoundedQueue<Item> {
  push(item: Item): void;
  /** Ends the iteration after the queued items. */
  finish(): void;
  /** Resolves when the consumer has taken all items. Returns whether it takes more. */
  drained(): Promise<boolean>;
  readonly items: QueueItems<Item>;
}

interface BoundedQueueOptions<Item> {
  /** When the queue is full, its items are replaced by `overflowItem`. */
  readonly maxLength: number;
  readonly overflowItem: Item;
  /** Called once, when the consumer has returned or has read everything. */
  readonly onEnd: () => void;
}

class WaitingItems<Item> {
  #items: Item[] = [];
  readonly #onEmpty: (() => void)[] = [];

  get count(): number {
    return this.#items.length;
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  take(): Item | undefined {
    const item = this.#items.shift();
    this.#reportEmpty();
    return item;
  }

  replaceAll(...items: readonly Item[]): void {
    this.#items = [...items];
    this.#reportEmpty();
  }

  async untilEmpty(): Promise<void> {
    if (this.count > 0) await new Promise<void>((resolve) => this.#onEmpty.push(resolve));
  }

  #reportEmpty(): void {
    if (this.count > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}

export function createBoundedQueue<Item>({
  maxLength,
  overflowItem,
  onEnd,
}: BoundedQueueOptions<Item>): BoundedQueue<Item> {
  type Result = IteratorResult<Item, undefined>;
  const waiting = new WaitingItems<Item>();
  const readers: ((result: Result) => void)[] = [];
  let consumer: ItemConsumer<Item> | undefined;
  /** Whether the consumer may be passed an item. */
  let isReady = false;
  let isFinished = false;
  let isClosed = false;

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    waiting.replaceAll();
    for (const reader of readers.splice(0)) reader({ value: undefined, done: true });
    consumer?.end();
    onEnd();
  }

  function pass(item: Item): void {
    isReady = false;
    consumer?.take(item, resume);
  }

  function resume(): void {
    isReady = true;
    const item = waiting.take();
    if (item !== undefined) pass(item);
    else if (isFinished) close();
  }

  return {
    push(item) {
      if (isFinished || isClosed) return;
      if (isReady) {
        pass(item);
        return;
      }
      const reader = readers.shift();
      if (reader === undefined) {
        if (waiting.count >= maxLength) waiting.replaceAll(overflowItem);
        waiting.add(item);
      } else reader({ value: item });
    },
    finish() {
      isFinished = true;
      if (waiting.count === 0 && (consumer === undefined || isReady)) close();
    },
    async drained() {
      await waiting.untilEmpty();
      return !isClosed && !isFinished;
    },
    items: {
      next(): Promise<Result> {
        const item = waiting.take();
        if (item !== undefined) return Promise.resolve({ value: item });
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
      consume(newConsumer) {
        if (isClosed) {
          newConsumer.end();
          return;
        }
        consumer = newConsumer;
        resume();
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
  };
}
