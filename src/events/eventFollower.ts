import { runGuarded } from '../observability/guarded.ts';
import type { RedisConnections } from '../redis/connection.ts';
import type { LoggedMessage } from './eventMessage.ts';
import type { LocalEventBus } from './localBus.ts';
import type { SharedEventLog, SharedLogEntry, SharedLogPart } from './sharedEventLog.ts';

/** More can be read from the log again. */
const maxBufferedMessages = 200;
/** Events that are delivered without a pause, because the buffers of subscribers are limited. */
const maxBurst = 50;
/** Of events from before the first subscriber, which are not delivered. */
const maxRestoredAtOnce = 1_000;

/** The last entry of the log that was delivered. */
interface FollowedEntry {
  readonly position: number;
  /** Undefined if the entry could not be decoded. */
  readonly id: string | undefined;
}

interface EventFollowerParts {
  readonly account: string;
  readonly local: LocalEventBus;
  readonly log: SharedEventLog;
  readonly redis: Pick<RedisConnections, 'clock' | 'log' | 'anomalies'>;
  /** Called when the log could not be read. */
  readonly onBehind: () => void;
  /** Called when the log has lost an entry that was delivered, and perhaps earlier ones. */
  readonly onLost: (eventId: string) => void;
}

/** Whether a part of the log follows an entry, rather than being of another or an older log, or beginning later. */
function follows({ position, id }: FollowedEntry, part: SharedLogPart): boolean {
  if (part.last === position) return id === undefined || part.lastId === id;
  const [next] = part.entries;
  return (
    part.last > position &&
    part.start === position &&
    (next === undefined || id === undefined || next.previousId === id)
  );
}

/**
 * Delivers the events of an account in the order of the log in Redis. Messages that are missing are read from the log; if they are not in it
 * any more, subscribers receive a gap.
 */
export class EventFollower {
  readonly #parts: EventFollowerParts;
  /** Undefined until the log was read. */
  #at: FollowedEntry | undefined;
  /** Whether the log is read for the first time, or again after a gap. */
  #isRestoring = true;
  /** Since when subscribers receive events, on the monotonic clock. */
  #liveSinceMs: number;
  /** Messages that wait for earlier ones, by event id. */
  readonly #buffered = new Map<string, LoggedMessage & { readonly number: number }>();
  #receivedCount = 0;
  #mustRead = true;
  #isRunning = false;
  /** Events delivered since the last pause. */
  #burst = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(parts: EventFollowerParts) {
    this.#parts = parts;
    this.#liveSinceMs = parts.redis.clock.monotonic();
  }

  get isLoaded(): boolean {
    return !this.#isRestoring;
  }

  /** Whether the last read of the log has failed, so that it must be read again. */
  get needsCatchUp(): boolean {
    return this.#mustRead && !this.#isRunning;
  }

  /** Whether everything up to this position has been delivered. */
  hasDelivered(position: number): boolean {
    return (this.#at?.position ?? -1) >= position;
  }

  receive(message: LoggedMessage): void {
    this.#receivedCount += 1;
    if (this.#isDelivered(message)) return;
    if (!this.#isRunning && !this.#mustRead && this.#burst < maxBurst && this.#advance(message))
      return;
    this.#buffered.set(message.eventId, { ...message, number: this.#receivedCount });
    if (this.#buffered.size > maxBufferedMessages)
      for (const [oldest] of this.#buffered) {
        this.#buffered.delete(oldest);
        break;
      }
    if (!this.#mustRead) this.#start();
  }

  /** Reads the log and delivers what is missing. Resolves when that is done or has failed. */
  async catchUp(): Promise<void> {
    this.#mustRead = true;
    const isDone = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#start();
    await isDone;
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    runGuarded({ log: this.#parts.redis.log, name: 'event log' }, () => this.#run());
  }

  async #run(): Promise<void> {
    try {
      while (this.#mustRead || this.#buffered.size > 0) {
        if (this.#mustRead && !(await this.#read())) {
          this.#parts.onBehind();
          return;
        }
        this.#deliverBuffered();
        if (this.#burst >= maxBurst) {
          await this.#parts.local.waitForSubscribers(this.#parts.account);
          this.#burst = 0;
        }
      }
    } finally {
      this.#isRunning = false;
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  }

  /** False if the log cannot be read. */
  async #read(): Promise<boolean> {
    const { account, log } = this.#parts;
    const receivedCount = this.#receivedCount;
    const waiting = this.#waiting.splice(0);
    this.#mustRead = false;
    const max = this.#isRestoring ? maxRestoredAtOnce : maxBurst;
    const part = await log.read(account, this.#at?.position ?? 0, max);
    const isComplete = part !== undefined && this.#take(part);
    if (isComplete) {
      this.#dropUnknown(receivedCount);
      for (const resolve of waiting) resolve();
    } else {
      this.#mustRead = true;
      this.#waiting.push(...waiting);
    }
    return part !== undefined;
  }

  /** Removes messages that claim to be in the log and are not. */
  #dropUnknown(receivedCount: number): void {
    for (const [id, { number, position }] of this.#buffered) {
      if (number > receivedCount) return;
      this.#buffered.delete(id);
      if (!this.hasDelivered(position)) this.#parts.redis.anomalies.report('event');
    }
  }

  /** Whether it was the last part of the log. */
  #take(part: SharedLogPart): boolean {
    const { start, entries, last, lastId } = part;
    if (this.#at !== undefined && !follows(this.#at, part)) {
      this.#reportGap();
      // Subscribers that are not connected now may continue after an entry that the log still has.
      if (this.#at.id !== undefined && part.last > 0) this.#parts.onLost(this.#at.id);
      this.#at = undefined;
      this.#isRestoring = true;
      this.#liveSinceMs = this.#parts.redis.clock.monotonic();
      return false;
    }
    this.#at ??= { position: start, id: undefined };
    for (const [index, entry] of entries.entries()) {
      if (entry === undefined) this.#reportGap();
      else this.#deliver(entry);
      this.#at = { position: start + index + 1, id: entry?.eventId };
    }
    if (this.#at.position < last) return false;
    this.#at = { position: last, id: lastId };
    if (last > 0) this.#parts.local.continueAfter(this.#parts.account, lastId);
    this.#isRestoring = false;
    return true;
  }

  #deliver({ eventId, content, ageMs }: SharedLogEntry): void {
    const { account, local } = this.#parts;
    const received = this.#buffered.get(eventId);
    const restoredAgeMs = Math.max(0, ageMs);
    this.#buffered.delete(eventId);
    if (received !== undefined) this.#pass(received);
    else if (content === 'erased') local.restore(account, eventId, undefined, restoredAgeMs);
    else if (content === 'gap') this.#reportGap(ageMs);
    else if (this.#isLive(ageMs)) this.#pass({ eventId, content });
    else local.restore(account, eventId, { ...content, eventId }, restoredAgeMs);
  }

  /** Whether the entry was appended since subscribers receive events. One that is later than the time of Redis may have been delivered. */
  #isLive(ageMs: number): boolean {
    const liveMs = this.#parts.redis.clock.monotonic() - this.#liveSinceMs;
    return !this.#isRestoring || (ageMs >= 0 && ageMs <= liveMs);
  }

  /** Events may be missing from now on, or since an entry. The age of a damaged entry is unknown. */
  #reportGap(ageMs = 0): void {
    const { account, local } = this.#parts;
    if (this.#isLive(ageMs)) local.signalGap(account);
    else local.clear(account);
  }

  #pass({ eventId, content }: Pick<LoggedMessage, 'eventId' | 'content'>): void {
    const { account, local } = this.#parts;
    if (content === undefined) this.#reportGap();
    else local.deliver(account, { ...content, eventId });
    this.#burst += 1;
  }

  /** Whether it was read from the log before its message arrived. */
  #isDelivered({ position, eventId, content }: LoggedMessage): boolean {
    const { account, local } = this.#parts;
    return this.hasDelivered(position) && (content === undefined || local.has(account, eventId));
  }

  /** Delivers a message if it is the next of the log. */
  #advance(message: LoggedMessage): boolean {
    const { position, previousId, eventId } = message;
    if (this.#at?.position !== position - 1) return false;
    if (this.#at.id !== undefined && this.#at.id !== previousId) return false;
    this.#pass(message);
    this.#at = { position, id: eventId };
    return true;
  }

  /** What follows the last entry. If something is missing in between, the log must be read. */
  #deliverBuffered(): void {
    for (const message of this.#buffered.values()) {
      if (this.#mustRead || this.#burst >= maxBurst) return;
      if (this.#isDelivered(message) || this.#advance(message))
        this.#buffered.delete(message.eventId);
      else this.#mustRead = true;
    }
  }
}
