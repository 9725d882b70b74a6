import { JsonError, parseJson } from '../lib/json.ts';
import { isDictionary, isNumber, isText, objectOf, oneOf } from '../lib/shape.ts';
import type { RedisConnections, RedisParticipant, RedisSubscriber } from '../redis/connection.ts';
import type { DomainEvent, EventBus, IdentifiedEvent } from './bus.ts';
import { isDomainEvent, decodeOlderEvent } from './bus.ts';
import { derivedEventId } from './eventIds.ts';
import type { LocalEventBus } from './localBus.ts';

const maxUndelivered = 1_000;

/** More than the longest message of a chat takes; a webhook has at most a megabyte. */
const maxMessageLength = 8_388_608;

/** Longer than for reads, which have an alternative. */
const fenceTimeoutMs = 1_000;

interface Envelope {
  readonly from: string;
  readonly sequence: number;
  readonly event?: DomainEvent;
  /** Builds without event ids omit it. */
  readonly eventId?: string;
  /** An event could not be published. */
  readonly isGap?: true;
}

const isEnvelope = objectOf<Envelope>(
  {
    from: isText,
    sequence: isNumber,
    event: isDomainEvent,
    eventId: isText,
    isGap: oneOf(true),
  },
  ['from', 'sequence'],
);

const withDefaultEvent = (value: unknown): unknown =>
  isDictionary(value) && Object.hasOwn(value, 'event')
    ? { ...value, event: decodeOlderEvent(value['event']) }
    : value;

/** Undefined for a message of another form. */
function parseEnvelope(text: string): Envelope | undefined {
  if (text.length > maxMessageLength) return undefined;
  try {
    const value = withDefaultEvent(parseJson(text));
    return isEnvelope(value) && (value.event === undefined) === (value.isGap === true)
      ? value
      : undefined;
  } catch (error) {
    if (error instanceof JsonError) return undefined;
    throw error;
  }
}

const publishedEvent = (
  { from, sequence, eventId }: Envelope,
  event: DomainEvent,
): IdentifiedEvent => ({
  ...event,
  eventId: eventId ?? derivedEventId(event.atMs, `${from} ${sequence}`),
});

/**
 * The event bus of all instances. Each delivers an event to its subscribers when Redis does, so that all see the same order. Without
 * Redis an instance delivers its own events only, and all subscribers receive a gap afterwards.
 */
export class RedisEventBus implements EventBus, RedisParticipant, RedisSubscriber {
  readonly #local: LocalEventBus;
  readonly #redis: RedisConnections;
  /** Own events that Redis has not delivered yet, in the order in which they were published. */
  readonly #undelivered = new Map<number, () => void>();
  #publishedCount = 0;
  #hasLostEvents = false;

  constructor(local: LocalEventBus, redis: RedisConnections) {
    this.#local = local;
    this.#redis = redis;
    redis.register(this);
    redis.subscribe('event', this);
  }

  publish(account: string, event: DomainEvent): void {
    void this.#publish(account, event);
  }

  subscribe(...parameters: Parameters<EventBus['subscribe']>): ReturnType<EventBus['subscribe']> {
    return this.#local.subscribe(...parameters);
  }

  subscriberCount(): number {
    return this.#local.subscriberCount();
  }

  head(): number {
    return this.#local.head();
  }

  latestId(account: string): string | undefined {
    return this.#local.latestId(account);
  }

  read(...parameters: Parameters<EventBus['read']>): ReturnType<EventBus['read']> {
    return this.#local.read(...parameters);
  }

  async positionOf(account: string, eventId: string): Promise<number | undefined> {
    const known = await this.#local.positionOf(account, eventId);
    if (known !== undefined) return known;
    // Another instance may have published it a moment ago.
    await this.#redis.awaitFence(fenceTimeoutMs);
    return this.#local.positionOf(account, eventId);
  }

  erase(account: string, customerId: string): void {
    this.#local.erase(account, customerId);
  }

  close(): void {
    this.#local.close();
  }

  isReady(): boolean {
    return !this.#hasLostEvents;
  }

  async resync(): Promise<void> {
    this.#hasLostEvents = false;
    const isSent = await this.#send(this.#redis.account, { sequence: 0, isGap: true });
    if (!isSent) this.#hasLostEvents = true;
  }

  onMessage(account: string, text: string): void {
    const message = parseEnvelope(text);
    if (message === undefined) this.#redis.anomalies.report('event');
    else if (message.from === this.#redis.instanceId) this.#deliverUpTo(message.sequence);
    else if (message.event === undefined) this.#local.signalGap();
    else this.#local.deliver(account, publishedEvent(message, message.event));
  }

  onSubscribed(hasMissedMessages: boolean): void {
    if (hasMissedMessages) this.#local.signalGap();
  }

  onUnsubscribed(): void {
    this.#deliverUpTo(this.#publishedCount);
  }

  async #publish(account: string, event: DomainEvent): Promise<void> {
    this.#publishedCount += 1;
    const sequence = this.#publishedCount;
    const published = this.#local.identify(event);
    this.#undelivered.set(sequence, () => {
      this.#local.deliver(account, published);
    });
    if (this.#redis.has('subscription') || this.#undelivered.size > maxUndelivered)
      this.#deliverUpTo(sequence);
    if (!(await this.#send(account, { sequence, event, eventId: published.eventId }))) {
      this.#hasLostEvents = true;
      this.#redis.requestResync();
    } else if (this.#undelivered.has(sequence)) await this.#redis.checkSubscription();
    this.#deliverUpTo(sequence);
  }

  async #send(account: string, message: Omit<Envelope, 'from'>): Promise<boolean> {
    const text = JSON.stringify({ from: this.#redis.instanceId, ...message } satisfies Envelope);
    const receivers = await this.#redis.tryCommand((client) =>
      client.publish(this.#redis.channel(account, 'event'), text),
    );
    return receivers !== undefined;
  }

  #deliverUpTo(sequence: number): void {
    for (const [pending, deliver] of this.#undelivered) {
      if (pending > sequence) return;
      this.#undelivered.delete(pending);
      deliver();
    }
  }
}
