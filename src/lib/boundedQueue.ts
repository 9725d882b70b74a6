import type { ItemBuffer } from './itemQueue.ts';
import { ItemQueue } from './itemQueue.ts';

interface BoundedQueueOptions<Item> {
  /** When the queue is full, its items are replaced by `overflowItem`. */
  readonly maxLength: number;
  readonly overflowItem: Item;
  readonly onEnd: () => void;
}

class OverflowingItems<Item> implements ItemBuffer<Item> {
  readonly #maxLength: number;
  readonly #overflowItem: Item;
  #items: Item[] = [];

  constructor({ maxLength, overflowItem }: BoundedQueueOptions<Item>) {
    this.#maxLength = maxLength;
    this.#overflowItem = overflowItem;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  get isDrained(): boolean {
    return this.isEmpty;
  }

  add(item: Item): void {
    if (this.#items.length >= this.#maxLength) this.#items = [this.#overflowItem];
    this.#items.push(item);
  }

  removeFirst(): Item | undefined {
    return this.#items.shift();
  }

  clear(): void {
    this.#items = [];
  }
}

export const createBoundedQueue = <Item>(options: BoundedQueueOptions<Item>): ItemQueue<Item> =>
  new ItemQueue(new OverflowingItems(options), options.onEnd);
