import type { AbortSignalLike } from '../lib/abortScope.ts';
import type { ItemBuffer, QueueItems } from '../lib/itemQueue.ts';
import { ItemQueue } from '../lib/itemQueue.ts';
import type { DomainEvent, EventOrGap, PublishedEvent } from './bus.ts';

interface SubscriberQueueOptions {
  readonly accepts: (event: DomainEvent) => boolean;
  readonly maxBuffered: number;
  readonly signal: AbortSignalLike;
  readonly onEnd: () => void;
}

/** Events with the same name say that the same has changed. Undefined for messages, each of which is new. */
function repeatableName(event: DomainEvent): string | undefined {
  if (event.kind === 'chat') return `chat ${event.chatId} ${event.change}`;
  if (event.kind === 'message') return undefined;
  return `customer ${event.customerId} ${event.change} ${event.isTeamOnly === true}`;
}

/** The events that wait for a subscriber. Of too many, first those are removed that a later one repeats; then the oldest, reported by a gap. */
class BufferedEvents implements ItemBuffer<EventOrGap> {
  readonly #maxLength: number;
  readonly #events = new Map<number, PublishedEvent>();
  /** The number of the latest event with a name. */
  readonly #latest = new Map<string, number>();
  readonly #repeated = new Set<number>();
  #added = 0;
  /** Whether a gap precedes the events. */
  #hasGap = false;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  get isEmpty(): boolean {
    return this.isDrained && !this.#hasGap;
  }

  get isDrained(): boolean {
    return this.#events.size === 0;
  }

  add(event: EventOrGap): void {
    if (event.kind === 'gap') this.#hasGap = true;
    else this.#addEvent(event);
  }

  removeFirst(): EventOrGap | undefined {
    if (!this.#hasGap) return this.#removeOldest();
    this.#hasGap = false;
    return { kind: 'gap' };
  }

  clear(): void {
    this.#events.clear();
    this.#latest.clear();
    this.#repeated.clear();
    this.#hasGap = false;
  }

  #addEvent(event: PublishedEvent): void {
    const number = (this.#added += 1);
    const name = repeatableName(event);
    if (name !== undefined) {
      const earlier = this.#latest.get(name);
      if (earlier !== undefined) this.#repeated.add(earlier);
      this.#latest.set(name, number);
    }
    this.#events.set(number, event);
    if (this.#events.size <= this.#maxLength) return;
    const [repeated] = this.#repeated;
    if (repeated !== undefined) this.#remove(repeated);
    else if (this.#removeOldest() !== undefined) this.#hasGap = true;
  }

  #removeOldest(): PublishedEvent | undefined {
    const [first] = this.#events;
    if (first !== undefined) this.#remove(first[0]);
    return first?.[1];
  }

  #remove(number: number): void {
    const event = this.#events.get(number);
    const name = event && repeatableName(event);
    this.#events.delete(number);
    this.#repeated.delete(number);
    if (name !== undefined && this.#latest.get(name) === number) this.#latest.delete(name);
  }
}

/** Buffers events for a slow subscriber. */
export class SubscriberQueue {
  readonly #accepts: (event: DomainEvent) => boolean;
  readonly #queue: ItemQueue<EventOrGap>;

  constructor({ accepts, maxBuffered, signal, onEnd }: SubscriberQueueOptions) {
    this.#accepts = accepts;
    this.#queue = new ItemQueue(new BufferedEvents(maxBuffered), () => {
      signal.removeEventListener('abort', this.end);
      onEnd();
    });
    signal.addEventListener('abort', this.end);
  }

  get events(): QueueItems<EventOrGap> {
    return this.#queue.items;
  }

  push(event: PublishedEvent): void {
    if (this.#accepts(event)) this.#queue.push(event);
  }

  /** Reports that events may have been lost. */
  signalGap(): void {
    this.#queue.push({ kind: 'gap' });
  }

  readonly end = (): void => this.#queue.close();

  isDrained(): boolean {
    return this.#queue.isDrained();
  }

  /** Resolves when the subscriber has taken all events. */
  async drained(): Promise<void> {
    await this.#queue.drained();
  }
}
