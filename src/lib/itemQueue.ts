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

/** The items that wait for the consumer. It decides which ones remain when there are too many. */
export interface ItemBuffer<Item> {
  readonly isEmpty: boolean;
  /** Whether nothing takes up space. */
  readonly isDrained: boolean;
  add(item: Item): void;
  removeFirst(): Item | undefined;
  clear(): void;
}

type ItemResult<Item> = IteratorResult<Item, undefined>;

const doneResult = { value: undefined, done: true } as const;

/** A queue between a producer and a slower consumer. */
export class ItemQueue<Item> {
  readonly #buffer: ItemBuffer<Item>;
  readonly #onEnd: () => void;
  readonly #readers: ((result: ItemResult<Item>) => void)[] = [];
  readonly #onDrained: (() => void)[] = [];
  #consumer: ItemConsumer<Item> | undefined;
  /** Whether the consumer may be passed an item. */
  #isReady = false;
  #isFinished = false;
  #isClosed = false;

  /** `onEnd` is called once: when the consumer has returned, when it has taken everything after `finish`, or at `close`. */
  constructor(buffer: ItemBuffer<Item>, onEnd: () => void) {
    this.#buffer = buffer;
    this.#onEnd = onEnd;
  }

  push(item: Item): void {
    if (this.#isFinished || this.#isClosed) return;
    if (this.#isReady) {
      this.#pass(item);
      return;
    }
    this.#buffer.add(item);
    this.#flush();
  }

  /** Ends the iteration after the queued items. */
  finish(): void {
    this.#isFinished = true;
    if (this.#buffer.isEmpty && (this.#consumer === undefined || this.#isReady)) this.close();
  }

  /** Ends the iteration now. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#buffer.clear();
    this.#reportDrained();
    for (const reader of this.#readers.splice(0)) reader(doneResult);
    this.#consumer?.end();
    this.#onEnd();
  }

  isDrained(): boolean {
    return this.#buffer.isDrained;
  }

  /** Resolves when no items take up space. Returns whether the consumer takes more. */
  async drained(): Promise<boolean> {
    if (!this.#buffer.isDrained)
      await new Promise<void>((resolve) => this.#onDrained.push(resolve));
    return !this.#isClosed && !this.#isFinished;
  }

  readonly items: QueueItems<Item> = {
    next: () => {
      const item = this.#take();
      if (item !== undefined) return Promise.resolve({ value: item });
      if (this.#isFinished) this.close();
      if (this.#isClosed) return Promise.resolve(doneResult);
      return new Promise((resolve) => {
        this.#readers.push(resolve);
      });
    },
    return: () => {
      this.close();
      return Promise.resolve(doneResult);
    },
    consume: (consumer) => {
      this.#consumer = consumer;
      if (this.#isClosed) consumer.end();
      else this.#resume();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };

  #take(): Item | undefined {
    const item = this.#buffer.removeFirst();
    if (item !== undefined) this.#reportDrained();
    return item;
  }

  #reportDrained(): void {
    if (!this.#buffer.isDrained) return;
    for (const resolve of this.#onDrained.splice(0)) resolve();
  }

  #flush(): void {
    while (this.#readers.length > 0 || this.#isReady) {
      const item = this.#take();
      if (item === undefined) return;
      const reader = this.#readers.shift();
      if (reader === undefined) this.#pass(item);
      else reader({ value: item });
    }
  }

  #pass(item: Item): void {
    this.#isReady = false;
    this.#consumer?.take(item, this.#resume);
  }

  readonly #resume = (): void => {
    if (this.#isClosed) return;
    if (this.#isFinished && this.#buffer.isEmpty) {
      this.close();
      return;
    }
    this.#isReady = true;
    this.#flush();
  };
}
