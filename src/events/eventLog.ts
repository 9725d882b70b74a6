import type { Clock } from '../lib/clock.ts';
import type { DomainEvent, IdentifiedEvent, LoggedEvents, LogRange } from './bus.ts';
import { withoutTexts } from './bus.ts';

/** How long subscribers can continue after an event. */
export const eventLogTtlMs = 600_000;
/** Of one account. */
export const maxLoggedEvents = 10_000;
export const maxLoggedBytes = 4_194_304;
/** More entries are not examined at once, to serve other requests in between. */
const maxExaminedEntries = 2_000;
/** What an entry takes besides its texts, rounded up. */
const entryOverheadBytes = 200;

interface LogEntry {
  readonly eventId: string;
  /** Undefined if it was erased. */
  readonly event: IdentifiedEvent | undefined;
  readonly bytes: number;
  /** Monotonic. */
  readonly expiresAtMs: number;
}

/** Of an event without texts. */
const bytesOf = (eventId: string, event: IdentifiedEvent | undefined): number =>
  entryOverheadBytes + 2 * (eventId.length + JSON.stringify(event ?? null).length);

/** A deletion is kept, because subscribers that continue must learn of it. */
export const isErasedWith = (event: DomainEvent, customerId: string): boolean =>
  event.customerId === customerId && !(event.kind === 'customer' && event.change === 'DELETED');

/** The latest events of an account, limited by age, number and size. It contains ids, no texts. */
export class EventLog {
  readonly #clock: Clock;
  /** In the order of their positions, without gaps between them. Those before `#start` are removed. */
  readonly #entries: LogEntry[] = [];
  #start = 0;
  /** The position of the first element of `#entries`. */
  #firstPosition = 1;
  #bytes = 0;
  /** Also of an entry that has expired: a subscriber that has received it has missed nothing. */
  #latestId: string | undefined;
  readonly #positions = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The position of the latest entry. */
  get head(): number {
    return this.#firstPosition + this.#entries.length - 1;
  }

  get isEmpty(): boolean {
    this.#expire();
    return this.#size === 0;
  }

  /** Returns the position of the event; undefined if the log contains it already. */
  append(event: IdentifiedEvent): number | undefined {
    return this.restore(event.eventId, withoutTexts(event), 0);
  }

  /** As `append`, for an event of another log; undefined if it was erased there. */
  restore(eventId: string, event: IdentifiedEvent | undefined, ageMs: number): number | undefined {
    this.#expire();
    if (this.#positions.has(eventId)) return undefined;
    const bytes = bytesOf(eventId, event);
    const expiresAtMs = this.#clock.monotonic() + eventLogTtlMs - ageMs;
    this.#positions.set(eventId, this.head + 1);
    this.#latestId = eventId;
    this.#push({ eventId, event, bytes, expiresAtMs });
    return this.head;
  }

  positionOf(eventId: string): number | undefined {
    this.#expire();
    return this.#positions.get(eventId) ?? (eventId === this.#latestId ? this.head : undefined);
  }

  latestId(): string | undefined {
    return this.#latestId;
  }

  /** Continues another log, whose latest entry has expired there. */
  continueAfter(eventId: string): void {
    this.#latestId ??= eventId;
  }

  read({ after, maxEvents, accepts }: LogRange): LoggedEvents | undefined {
    this.#expire();
    if (after < this.#lastRemoved) return undefined;
    const events: LoggedEvents['events'][number][] = [];
    const last = Math.min(this.head, after + maxExaminedEntries);
    let end = after;
    while (end < last && events.length < maxEvents) {
      end += 1;
      const event = this.#entries[end - this.#firstPosition]?.event;
      if (event !== undefined && accepts(event)) events.push({ ...event, position: end });
    }
    return { events, end };
  }

  /** Removes the content of a customer's events. Subscribers can still continue after them. */
  erase(customerId: string): void {
    for (let index = this.#start; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index];
      if (entry?.event === undefined) continue;
      if (isErasedWith(entry.event, customerId))
        this.#entries[index] = { ...entry, event: undefined };
    }
  }

  /** Removes all events, because the next ones may be missing. */
  clear(): void {
    while (this.#size > 0) this.#removeFirst();
    this.#latestId = undefined;
    // Even a subscriber that has read everything so far must learn of it.
    this.#firstPosition += 1;
  }

  get #size(): number {
    return this.#entries.length - this.#start;
  }

  /** The position of the latest entry that was removed. */
  get #lastRemoved(): number {
    return this.#firstPosition + this.#start - 1;
  }

  #push(entry: LogEntry): void {
    this.#entries.push(entry);
    this.#bytes += entry.bytes;
    while (this.#size > maxLoggedEvents || this.#bytes > maxLoggedBytes) this.#removeFirst();
  }

  #expire(): void {
    const now = this.#clock.monotonic();
    while (this.#size > 0 && (this.#entries[this.#start]?.expiresAtMs ?? Infinity) <= now)
      this.#removeFirst();
  }

  #removeFirst(): void {
    const entry = this.#entries[this.#start];
    if (entry === undefined) return;
    this.#positions.delete(entry.eventId);
    this.#bytes -= entry.bytes;
    this.#start += 1;
    if (this.#start > this.#entries.length / 2) this.#compact();
  }

  #compact(): void {
    this.#entries.splice(0, this.#start);
    this.#firstPosition += this.#start;
    this.#start = 0;
  }
}
