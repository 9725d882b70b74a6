import type { Clock } from '../lib/clock.ts';
import type { DomainEvent, IdentifiedEvent, LoggedEvents, LogRange } from './bus.ts';

/** How long subscribers can continue after an event. */
const eventLogTtlMs = 600_000;
/** Of all accounts together. */
const maxLoggedEvents = 10_000;
const maxLoggedBytes = 4_194_304;
/** More entries are not examined at once, to serve other requests in between. */
const maxExaminedEntries = 2_000;
/** What an entry takes besides its texts, rounded up. */
const entryOverheadBytes = 200;

interface LogEntry {
  readonly account: string;
  readonly eventId: string;
  /** Undefined if it was erased. */
  readonly event: IdentifiedEvent | undefined;
  readonly bytes: number;
  /** Monotonic. */
  readonly expiresAtMs: number;
}

/** The event without texts of customers and agents. */
const withoutTexts = (event: IdentifiedEvent): IdentifiedEvent =>
  event.kind === 'message'
    ? { ...event, message: { id: event.message.id, type: event.message.type } }
    : event;

/** Of an event without texts. */
const bytesOf = (event: IdentifiedEvent, account: string): number =>
  entryOverheadBytes + 2 * (account.length + event.eventId.length + JSON.stringify(event).length);

/** A deletion is kept, because subscribers that continue must learn of it. */
const isErased = (event: DomainEvent, customerId: string): boolean =>
  event.customerId === customerId && !(event.kind === 'customer' && event.change === 'DELETED');

/** The latest events of all accounts, limited by age, number and size. It contains ids, no texts. */
export class EventLog {
  readonly #clock: Clock;
  /** In the order of their positions, without gaps between them. Those before `#start` are removed. */
  readonly #entries: LogEntry[] = [];
  #start = 0;
  /** The position of the first element of `#entries`. */
  #firstPosition = 1;
  #bytes = 0;
  readonly #positions = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The position of the latest entry. */
  get head(): number {
    return this.#firstPosition + this.#entries.length - 1;
  }

  /** Returns the position of the event; undefined if the log contains it already. */
  append(account: string, event: IdentifiedEvent): number | undefined {
    this.#expire();
    const key = keyOf(account, event.eventId);
    if (this.#positions.has(key)) return undefined;
    const logged = withoutTexts(event);
    const bytes = bytesOf(logged, account);
    const { eventId } = event;
    const expiresAtMs = this.#clock.monotonic() + eventLogTtlMs;
    this.#positions.set(key, this.head + 1);
    this.#push({ account, eventId, event: logged, bytes, expiresAtMs });
    return this.head;
  }

  positionOf(account: string, eventId: string): number | undefined {
    this.#expire();
    return this.#positions.get(keyOf(account, eventId));
  }

  latestId(account: string): string | undefined {
    for (let position = this.head; position > this.#lastRemoved; position -= 1) {
      const entry = this.#entryAt(position);
      if (entry?.account === account) return entry.eventId;
    }
    return undefined;
  }

  read(account: string, { after, maxEvents, accepts }: LogRange): LoggedEvents | undefined {
    this.#expire();
    if (after < this.#lastRemoved) return undefined;
    const events: LoggedEvents['events'][number][] = [];
    const last = Math.min(this.head, after + maxExaminedEntries);
    let end = after;
    while (end < last && events.length < maxEvents) {
      end += 1;
      const entry = this.#entryAt(end);
      if (entry?.account !== account || entry.event === undefined) continue;
      if (accepts(entry.event)) events.push({ ...entry.event, position: end });
    }
    return { events, end };
  }

  /** Removes the content of a customer's events. Subscribers can still continue after them. */
  erase(account: string, customerId: string): void {
    for (let index = this.#start; index < this.#entries.length; index += 1) {
      const entry = this.#entries[index];
      if (entry?.account !== account || entry.event === undefined) continue;
      if (isErased(entry.event, customerId)) this.#entries[index] = { ...entry, event: undefined };
    }
  }

  /** Removes all events, because the next ones may be missing. */
  clear(): void {
    while (this.#size > 0) this.#removeFirst();
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

  #entryAt(position: number): LogEntry | undefined {
    return this.#entries[position - this.#firstPosition];
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
    const key = keyOf(entry.account, entry.eventId);
    if (this.#positions.get(key) === this.#lastRemoved + 1) this.#positions.delete(key);
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

const keyOf = (account: string, eventId: string): string => `${eventId} ${account}`;
