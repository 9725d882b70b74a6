import { onNextTurn } from '../lib/clock.ts';
import { runGuarded } from '../observability/guarded.ts';
import type { RedisConnections, RedisParticipant, RedisSubscriber } from '../redis/connection.ts';
import type { DomainEvent, EventBus, IdentifiedEvent } from './bus.ts';
import { derivedEventId } from './eventIds.ts';
import { EventFollower } from './eventFollower.ts';
import { isErasedWith } from './eventLog.ts';
import { parseEventMessage } from './eventMessage.ts';
import { EventOutbox } from './eventOutbox.ts';
import type { LocalEventBus } from './localBus.ts';
import type { PendingEvent } from './sharedEventLog.ts';
import { SharedEventLog } from './sharedEventLog.ts';

/** How long own events wait for Redis. Later they are delivered locally, and reported as a gap to the subscribers of other instances. */
const maxHoldMs = 10_000;
/** How long the end of the process waits for Redis. */
const maxCloseMs = 2_000;
/** Above this, accounts without subscribers are not followed any more. */
const maxFollowers = 1_000;

/**
 * The event bus of all instances. Each delivers the events of an account in the order of the log in Redis, so all subscribers see the same
 * order, and those that continue after an event find it at every instance. Own events wait for Redis during a short outage. In a longer one,
 * an instance delivers its own events only, and all subscribers receive a gap afterwards.
 */
export class RedisEventBus implements EventBus, RedisParticipant, RedisSubscriber {
  readonly #local: LocalEventBus;
  readonly #redis: RedisConnections;
  readonly #log: SharedEventLog;
  readonly #outbox: EventOutbox;
  readonly #followers = new Map<string, EventFollower>();
  /** Accounts of which events were not logged. */
  readonly #withLostEvents = new Set<string>();
  /** Ids of deleted customers that must be erased from the log, by account. */
  readonly #erasures = new Map<string, Set<string>>();
  /** The positions of appended events whose messages must arrive, by account. */
  readonly #unchecked = new Map<string, number>();
  /** Whether Redis must be resynced. */
  #isSynced = false;
  /** Whether own events are delivered without Redis. */
  #isDetached = false;
  #isClosed = false;
  #cancelHold: (() => void) | undefined;
  #onSynced: (() => void)[] = [];

  constructor(local: LocalEventBus, redis: RedisConnections) {
    this.#local = local;
    this.#redis = redis;
    this.#log = new SharedEventLog(redis);
    this.#outbox = new EventOutbox({
      log: this.#log,
      onAppended: (...appended) => this.#onAppended(...appended),
    });
    this.#hold();
    redis.register(this);
    redis.subscribe('event', this);
  }

  publish(account: string, event: DomainEvent, eventId = this.#local.nextId()): void {
    if (this.#isDetached) {
      this.#withLostEvents.add(account);
      this.#deliverUnlogged(account, { ...event, eventId });
    } else this.#append(account, { eventId, event, isSilent: false, isErased: false });
  }

  async published(account: string): Promise<boolean> {
    while (this.#outbox.hasEvents(account) && !this.#isDetached) {
      // Before, other instances would receive the events before the invalidations of the outage.
      await this.#synced();
      if (this.#isSynced) await this.#flush(account);
    }
    return !this.#isClosed || !this.#outbox.hasEvents(account);
  }

  subscribe(...parameters: Parameters<EventBus['subscribe']>): ReturnType<EventBus['subscribe']> {
    const subscription = this.#local.subscribe(...parameters);
    this.#follow(parameters[0]);
    return subscription;
  }

  subscriberCount(): number {
    return this.#local.subscriberCount();
  }

  head(account: string): number {
    return this.#local.head(account);
  }

  latestId(account: string): string | undefined {
    return this.#local.latestId(account);
  }

  read(...parameters: Parameters<EventBus['read']>): ReturnType<EventBus['read']> {
    return this.#local.read(...parameters);
  }

  async positionOf(account: string, eventId: string): Promise<number | undefined> {
    const follower = this.#follow(account);
    const known = await this.#local.positionOf(account, eventId);
    // While the log is loaded, the events after it may be missing.
    if (known !== undefined && follower.isLoaded) return known;
    // Another instance may have published it a moment ago, or during an outage.
    do {
      await this.#synced();
      await follower.catchUp();
    } while (follower.needsCatchUp && !this.#isDetached);
    return this.#local.positionOf(account, eventId);
  }

  erase(account: string, customerId: string): void {
    this.#local.erase(account, customerId);
    this.#outbox.erase(
      account,
      ({ event }) => event !== undefined && isErasedWith(event, customerId),
    );
    const ids = this.#erasures.get(account) ?? new Set();
    this.#erasures.set(account, ids.add(customerId));
    this.#run(() => this.#sendErasures());
  }

  async close(): Promise<void> {
    if (!this.#outbox.isEmpty) {
      let cancel = (): void => undefined;
      await Promise.race([
        this.#outbox.flushAll().then((isSent) => (isSent ? undefined : this.#synced())),
        new Promise<void>((resolve) => (cancel = this.#redis.clock.after(maxCloseMs, resolve))),
      ]);
      cancel();
    }
    this.#cancelHold?.();
    this.#isDetached = true;
    this.#isClosed = true;
    this.#reportSynced();
    await this.#local.close();
  }

  isSynced(): boolean {
    return this.#isSynced;
  }

  onCommandsUnavailable(): void {
    this.#hold();
  }

  async resync(): Promise<void> {
    if (!(await this.#sync())) return;
    this.#isSynced = true;
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    this.#reportSynced();
    for (const account of this.#outbox.accounts()) this.#run(() => this.#flush(account));
  }

  onMessage(account: string, text: string): void {
    const message = parseEventMessage(text);
    if (message === undefined) {
      this.#redis.anomalies.report('event');
      return;
    }
    const { kind, eventId, content: event } = message;
    if (kind === 'logged') this.#followers.get(account)?.receive(message);
    else if (event === undefined) this.#local.signalGaps();
    else if (kind === 'unlogged') this.#deliverUnlogged(account, { ...event, eventId });
    else if (this.#followers.has(account))
      this.#append(account, { eventId, event, isSilent: true, isErased: false });
  }

  onSubscribed(): void {
    for (const follower of this.#followers.values()) this.#run(() => follower.catchUp());
  }

  #follow(account: string): EventFollower {
    const known = this.#followers.get(account);
    if (known !== undefined) return known;
    if (this.#followers.size >= maxFollowers)
      for (const each of this.#followers.keys()) {
        if (this.#local.hasSubscribers(each)) continue;
        this.#followers.delete(each);
        // The next events of the account may have left the log in Redis when it is followed again.
        this.#local.signalGap(each);
      }
    const follower = new EventFollower({
      account,
      local: this.#local,
      log: this.#log,
      redis: this.#redis,
      onBehind: () => this.#hold(),
      // All instances that have delivered the event derive the same id, so one gap is appended.
      onLost: (id) =>
        this.#append(account, { ...gap, eventId: derivedEventId(0, `lost ${id}`), isSilent: true }),
    });
    this.#followers.set(account, follower);
    this.#run(() => follower.catchUp());
    return follower;
  }

  /** Only where events of the account are followed: others would be missing after it, without a gap. */
  #deliverUnlogged(account: string, event: IdentifiedEvent): void {
    if (this.#followers.has(account)) this.#local.deliver(account, event);
  }

  #append(account: string, event: PendingEvent): void {
    this.#outbox.add(account, event);
    if (this.#outbox.isFull) this.#detach();
    // Otherwise other instances would receive it before the invalidations of the outage.
    if (this.#isSynced) this.#run(() => this.#flush(account));
  }

  async #flush(account: string): Promise<void> {
    if (!(await this.#outbox.flush(account))) this.#hold();
  }

  /** Delivers appended events also if their messages do not arrive. */
  #onAppended(account: string, position: number, hasMessages: boolean): void {
    if (position === 0) this.#redis.reportOutOfMemory();
    const follower = this.#followers.get(account);
    if (follower === undefined) return;
    if (!hasMessages) this.#run(() => follower.catchUp());
    const isChecking = this.#unchecked.has(account);
    this.#unchecked.set(account, position);
    if (!isChecking) this.#run(() => this.#checkDelivery(account, follower));
  }

  async #checkDelivery(account: string, follower: EventFollower): Promise<void> {
    for (;;) {
      const position = this.#unchecked.get(account) ?? 0;
      // Messages arrive over another connection.
      await new Promise<void>((resolve) => onNextTurn(resolve));
      if (!follower.hasDelivered(position) && !(await this.#redis.checkSubscription()))
        await follower.catchUp();
      if (this.#unchecked.get(account) === position) break;
    }
    this.#unchecked.delete(account);
  }

  /** Sends held events and reads what was missed. False if Redis is not available. */
  async #sync(): Promise<boolean> {
    const wasDetached = this.#isDetached;
    this.#isDetached = false;
    this.#hold();
    for (const account of this.#withLostEvents)
      this.#outbox.add(account, { ...gap, eventId: this.#local.nextId() });
    this.#withLostEvents.clear();
    const isSent = (await this.#outbox.flushAll()) && (await this.#sendErasures());
    if (!isSent && wasDetached) this.#detach();
    if (!isSent || this.#cancelHold === undefined) return false;
    const loads: Promise<void>[] = [];
    for (const follower of this.#followers.values())
      if (follower.isLoaded) this.#run(() => follower.catchUp());
      else loads.push(follower.catchUp());
    await Promise.all(loads);
    const isBehind = [...this.#followers.values()].some((each) => each.needsCatchUp);
    return !isBehind && !this.#isDetached;
  }

  async #sendErasures(): Promise<boolean> {
    for (const [account, ids] of this.#erasures) {
      for (const id of ids) {
        if (!(await this.#log.erase(account, id))) {
          this.#hold();
          return false;
        }
        ids.delete(id);
      }
      if (ids.size === 0) this.#erasures.delete(account);
    }
    return true;
  }

  /** Events wait for Redis from now on. */
  #hold(): void {
    if (this.#isSynced && !this.#redis.hasProblem('commands')) this.#redis.requestResync();
    this.#isSynced = false;
    if (!this.#isDetached)
      this.#cancelHold ??= this.#redis.clock.after(maxHoldMs, () => this.#detach());
  }

  /** Delivers own events without Redis from now on. */
  #detach(): void {
    this.#cancelHold?.();
    this.#cancelHold = undefined;
    this.#isDetached = true;
    if (this.#isSynced) this.#hold();
    for (const [account, events] of this.#outbox.takeAll()) {
      this.#withLostEvents.add(account);
      for (const { eventId, event } of events)
        if (event !== undefined) this.#deliverUnlogged(account, { ...event, eventId });
    }
    this.#reportSynced();
  }

  /** Resolves when everything that was published is delivered and appended, or not waited for any more. */
  async #synced(): Promise<void> {
    if (this.#isSynced || this.#isDetached) return;
    await new Promise<void>((resolve) => this.#onSynced.push(resolve));
  }

  #reportSynced(): void {
    for (const resolve of this.#onSynced) resolve();
    this.#onSynced = [];
  }

  #run(task: () => Promise<unknown>): void {
    runGuarded({ log: this.#redis.log, name: 'event bus' }, task);
  }
}

const gap = { event: undefined, isSilent: false, isErased: false };
