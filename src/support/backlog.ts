/** What waits for a reader who takes it at their own pace. */
export interface Backlog<Item> {
  push(item: Item): void;
  /** Nothing more comes; what waits is still read. */
  finish(): void;
  readonly items: AsyncIterableIterator<Item, undefined>;
}

interface Options<Item> {
  /** Who is further behind gets `lost` in place of all that waits. */
  readonly maxLength: number;
  readonly lost: Item;
  /** Called once, when the reader has left or has read everything. */
  readonly onEnd: () => void;
}

export function createBacklog<Item>({ maxLength, lost, onEnd }: Options<Item>): Backlog<Item> {
  type Result = IteratorResult<Item, undefined>;
  let waiting: Item[] = [];
  const readers: ((result: Result) => void)[] = [];
  let isFinished = false;
  let isOver = false;

  function end(): void {
    if (isOver) return;
    isOver = true;
    waiting = [];
    for (const reader of readers.splice(0)) reader({ value: undefined, done: true });
    onEnd();
  }

  return {
    push(item) {
      if (isFinished || isOver) return;
      const reader = readers.shift();
      if (reader !== undefined) {
        reader({ value: item });
        return;
      }
      if (waiting.length >= maxLength) waiting = [lost];
      waiting.push(item);
    },
    finish() {
      isFinished = true;
      if (waiting.length === 0) end();
    },
    items: {
      next(): Promise<Result> {
        const [item] = waiting;
        if (!isOver && item !== undefined) {
          waiting.shift();
          return Promise.resolve({ value: item });
        }
        if (isFinished) end();
        if (isOver) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve) => {
          readers.push(resolve);
        });
      },
      return(): Promise<Result> {
        end();
        return Promise.resolve({ value: undefined, done: true });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
  };
}
