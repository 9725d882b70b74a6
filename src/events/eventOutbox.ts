import type { PendingEvent, SharedEventLog } from './sharedEventLog.ts';

/** Appended by one script. */
const maxEventsAtOnce = 50;
/** Of all accounts. */
const maxHeldEvents = 10_000;
const maxHeldBytes = 4_194_304;

const bytesOf = ({ event }: PendingEvent): number => JSON.stringify(event ?? null).length;

interface AccountOutbox {
  readonly events: PendingEvent[];
  sending: Promise<boolean> | undefined;
}

interface EventOutboxParts {
  readonly log: SharedEventLog;
  /** The position is 0 if Redis is full. */
  readonly onAppended: (account: string, position: number, hasMessages: boolean) => void;
}

/** Own events that are not in the log in Redis yet. Those of an account are appended in their order. */
export class EventOutbox {
  readonly #parts: EventOutboxParts;
  readonly #accounts = new Map<string, AccountOutbox>();
  #count = 0;
  #bytes = 0;

  constructor(parts: EventOutboxParts) {
    this.#parts = parts;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  get isFull(): boolean {
    return this.#count > maxHeldEvents || this.#bytes > maxHeldBytes;
  }

  hasEvents(account: string): boolean {
    return (this.#accounts.get(account)?.events.length ?? 0) > 0;
  }

  accounts(): readonly string[] {
    return [...this.#accounts.keys()];
  }

  add(account: string, event: PendingEvent): void {
    const outbox = this.#accounts.get(account) ?? { events: [], sending: undefined };
    this.#accounts.set(account, outbox);
    outbox.events.push(event);
    this.#count += 1;
    this.#bytes += bytesOf(event);
  }

  /** Sends the events of an account. False if Redis is not available: they remain. */
  flush(account: string): Promise<boolean> {
    const outbox = this.#accounts.get(account);
    if (outbox === undefined) return Promise.resolve(true);
    return (outbox.sending ??= this.#send(account, outbox));
  }

  async flushAll(): Promise<boolean> {
    const sent = await Promise.all(this.accounts().map((each) => this.flush(each)));
    return sent.every(Boolean);
  }

  /** Removes and returns all events, by account. */
  takeAll(): ReadonlyMap<string, readonly PendingEvent[]> {
    const taken = new Map(
      Array.from(this.#accounts, ([account, { events }]) => [account, events.splice(0)] as const),
    );
    this.#count = 0;
    this.#bytes = 0;
    return taken;
  }

  /** Removes what is logged of a customer's events. */
  erase(account: string, isErased: (event: PendingEvent) => boolean): void {
    const events = this.#accounts.get(account)?.events ?? [];
    for (const [index, event] of events.entries())
      if (isErased(event)) events[index] = { ...event, isErased: true };
  }

  async #send(account: string, outbox: AccountOutbox): Promise<boolean> {
    const { log, onAppended } = this.#parts;
    const { events } = outbox;
    try {
      while (events.length > 0) {
        const batch = events.slice(0, maxEventsAtOnce);
        const position = await log.append(account, batch);
        if (position === undefined) return false;
        this.#confirm(outbox, batch);
        const hasMessages = batch.every(({ isSilent }) => !isSilent);
        onAppended(account, position, hasMessages);
      }
      if (this.#accounts.get(account) === outbox) this.#accounts.delete(account);
      return true;
    } finally {
      outbox.sending = undefined;
    }
  }

  #confirm(outbox: AccountOutbox, batch: readonly PendingEvent[]): void {
    const [first] = batch;
    // Otherwise they were taken while they were sent.
    if (outbox.events[0]?.eventId !== first?.eventId) return;
    const sent = outbox.events.splice(0, batch.length);
    this.#count -= sent.length;
    for (const event of sent) this.#bytes -= bytesOf(event);
  }
}
