import { randomUUID } from 'node:crypto';
import { isText, listOf } from '../lib/shape.ts';
import type { RedisConnections } from '../redis/connection.ts';
import { redisKey } from '../redis/keys.ts';
import type { DomainEvent } from './bus.ts';
import { isLoggedEvent, withoutTexts } from './bus.ts';
import { isEventId } from './eventIds.ts';
import { eventLogTtlMs, maxLoggedBytes, maxLoggedEvents } from './eventLog.ts';
import { formatEventMessage, parseOrUndefined } from './eventMessage.ts';

/** Longer than accounts have no events: the first event after that is reported as a gap. Only numbers and an id are kept. */
const headTtlMs = 7 * 24 * 3_600_000;
/** Of a log that never had events. With `AUTH=forward` unverified clients can create many. */
const emptyLogTtlMs = eventLogTtlMs;
const gapText = 'gap';
const erasedText = 'erased';

/** An event that is published, or a gap in their place. */
export interface PendingEvent {
  readonly eventId: string;
  readonly event: DomainEvent | undefined;
  /** Only logged, because others have published it. */
  readonly isSilent: boolean;
  /** Its customer was deleted. */
  readonly isErased: boolean;
}

export interface SharedLogEntry {
  readonly eventId: string;
  readonly previousId: string;
  /** Negative if the entry is later than the time of Redis: after a failover its clock may be slower. */
  readonly ageMs: number;
  readonly content: DomainEvent | 'gap' | 'erased';
}

/** A part of the log. Entries that cannot be decoded are undefined. */
export interface SharedLogPart {
  /** The position before the first of `entries`. */
  readonly start: number;
  readonly entries: readonly (SharedLogEntry | undefined)[];
  /** The position of the last entry of the whole log. */
  readonly last: number;
  readonly lastId: string;
}

const textOf = ({ event, isErased }: PendingEvent): string => {
  if (isErased) return erasedText;
  return event === undefined ? gapText : JSON.stringify(withoutTexts(event));
};

function contentOf(text: string): SharedLogEntry['content'] | undefined {
  if (text === gapText || text === erasedText) return text;
  const event = parseOrUndefined(text);
  return isLoggedEvent(event) ? event : undefined;
}

const entryForm = /^(\d{1,15}) (\d{1,15}) (\S{36}) (\S{36}) (.*)$/s;

/** An entry at this position. */
function parseEntry(text: string, expected: number, nowMs: number): SharedLogEntry | undefined {
  const [, position, atMs, eventId, previousId, json = ''] = entryForm.exec(text) ?? [];
  if (Number(position) !== expected || !isEventId(eventId) || !isEventId(previousId))
    return undefined;
  const content = contentOf(json);
  const ageMs = nowMs - Number(atMs);
  return content && { eventId, previousId, ageMs, content };
}

const isReply = (reply: unknown): reply is readonly unknown[] => Array.isArray(reply);
const isTexts = listOf(isText);

/** The events of ten minutes in Redis, in one order for all instances. It contains ids, no texts. No method rejects. */
export class SharedEventLog {
  readonly #redis: RedisConnections;

  constructor(redis: RedisConnections) {
    this.#redis = redis;
  }

  /**
   * Appends and publishes events, unless some instance has appended them. The position of the last one; 0 if Redis is full, undefined if it
   * is not available.
   */
  async append(account: string, events: readonly PendingEvent[]): Promise<number | undefined> {
    const { instanceId } = this.#redis;
    const messages = events.flatMap((event) => [
      event.eventId,
      textOf(event),
      event.isSilent ? '' : formatEventMessage(instanceId, event.eventId, event.event),
    ]);
    const position = await this.#redis.runScript('appendEvents', keysOf(account), [
      ...[randomUUID(), headTtlMs, eventLogTtlMs, maxLoggedEvents, maxLoggedBytes],
      this.#redis.channel(account, 'event'),
      ...messages,
    ]);
    return position === undefined ? undefined : Number(position);
  }

  /** Entries after a position. */
  async read(account: string, after: number, max: number): Promise<SharedLogPart | undefined> {
    const reply = await this.#redis.runScript('readEvents', keysOf(account), [
      ...[randomUUID(), emptyLogTtlMs, headTtlMs, after, max],
    ]);
    if (!isReply(reply)) return undefined;
    const [nowMs, first, last, lastId, texts] = reply;
    if (!isTexts(texts) || !isText(lastId)) return undefined;
    const start = Math.max(after, Number(first) - 1);
    const entries = texts.map((text, index) => {
      const entry = parseEntry(text, start + index + 1, Number(nowMs));
      if (entry === undefined) this.#redis.anomalies.report('event');
      return entry;
    });
    return { start, entries, last: Number(last), lastId };
  }

  /** Removes the content of a customer's events, except that it was deleted. False if Redis is not available. */
  async erase(account: string, customerId: string): Promise<boolean> {
    const reply = await this.#redis.runScript('eraseEvents', keysOf(account), [
      ...[randomUUID(), headTtlMs, `"customerId":${JSON.stringify(customerId)}`],
      ...['"change":"DELETED"', erasedText],
    ]);
    return reply !== undefined;
  }
}

const keysOf = (account: string): readonly string[] => [
  redisKey(account, 'position'),
  redisKey(account, 'log'),
  redisKey(account, 'logged'),
];
