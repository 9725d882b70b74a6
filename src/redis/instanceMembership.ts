import type { Clock } from '../lib/clock.ts';
import type { RedisConnections, RedisParticipant, ScriptArguments } from './connection.ts';
import { redisKey } from './keys.ts';
import type { ScriptName } from './scripts.ts';

/** `starting` until the first heartbeat succeeds or fails; `fallback` while Redis is unavailable. */
type MembershipMode = 'starting' | 'distributed' | 'fallback';

interface MembershipOptions {
  readonly redis: RedisConnections;
  readonly clock: Clock;
  readonly heartbeatMs: number;
  readonly events: MembershipEvents;
}

interface MembershipEvents {
  onModeChange(): void;
  /** Called after each heartbeat in distributed mode. */
  onHeartbeat(): void;
  /** Sends what Redis missed; whether all of it arrived. */
  resync(): Promise<boolean>;
}

/** An instance without a heartbeat for this many intervals has stopped. */
const heartbeatsToExpire = 5;
/** Grace period after an outage, in heartbeats, in which all instances resync before they share the limit again. */
const heartbeatsToRejoin = 3;

/** Membership of this instance in the cluster that shares rate limits. No method rejects. */
export class InstanceMembership implements RedisParticipant {
  readonly #redis: RedisConnections;
  readonly #clock: Clock;
  readonly #heartbeatMs: number;
  readonly #events: MembershipEvents;
  #mode: MembershipMode = 'starting';
  #instanceCount = 1;
  #rejoinAt: number | undefined;
  #lastHeartbeatAt = -Infinity;
  /** After a loss Redis does not know all instances until this time. */
  #incompleteUntil = -Infinity;
  #isClosed = false;
  #cancelHeartbeat = (): void => undefined;

  constructor({ redis, clock, heartbeatMs, events }: MembershipOptions) {
    this.#redis = redis;
    this.#clock = clock;
    this.#heartbeatMs = heartbeatMs;
    this.#events = events;
    redis.register(this);
  }

  get instanceId(): string {
    return this.#redis.instanceId;
  }

  mode(): MembershipMode {
    return this.#mode;
  }

  /** The number of live instances, this one included, at the last heartbeat. */
  instanceCount(): number {
    return this.#instanceCount;
  }

  /** The reply; undefined when there is none, which changes the mode to `fallback`. */
  async runScript(
    name: ScriptName,
    keys: readonly string[],
    args: ScriptArguments,
  ): Promise<readonly unknown[] | undefined> {
    const reply = await this.#redis.runScript(name, keys, args);
    if (reply === undefined) this.onCommandsUnavailable();
    const replies: readonly unknown[] = Array.isArray(reply) ? reply : [reply];
    return reply === undefined ? undefined : replies;
  }

  isSynced(): boolean {
    return this.#isClosed || this.#mode === 'distributed';
  }

  onCommandsUnavailable(): void {
    if (this.#isClosed) return;
    this.#cancelHeartbeat();
    this.#rejoinAt = undefined;
    this.#transition('fallback');
    this.#redis.requestResync();
  }

  async resync(): Promise<void> {
    if (!(await this.#sendHeartbeat())) return;
    if (this.#mode === 'fallback') {
      if (!(await this.#events.resync())) return;
      this.#rejoinAt ??= this.#clock.monotonic() + heartbeatsToRejoin * this.#heartbeatMs;
      if (this.#clock.monotonic() < this.#rejoinAt) return;
    }
    this.#transition('distributed');
    this.#scheduleHeartbeat();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelHeartbeat();
  }

  #transition(next: MembershipMode): void {
    if (this.#mode === next || this.#isClosed) return;
    this.#mode = next;
    this.#events.onModeChange();
  }

  #scheduleHeartbeat(): void {
    this.#cancelHeartbeat();
    this.#cancelHeartbeat = this.#clock.after(this.#heartbeatMs, () => {
      void this.#sendHeartbeat().then((isSent) => {
        if (!isSent) return;
        this.#scheduleHeartbeat();
        this.#events.onHeartbeat();
      });
    });
  }

  async #sendHeartbeat(): Promise<boolean> {
    const key = redisKey(this.#redis.account, 'instances');
    const ttlMs = heartbeatsToExpire * this.#heartbeatMs;
    const reply = await this.runScript('heartbeat', [key], [this.instanceId, ttlMs]);
    if (reply === undefined || this.#isClosed) return false;
    const [liveCount, isNew] = reply.map(Number);
    const now = this.#clock.monotonic();
    if (isNew === 1 && now - this.#lastHeartbeatAt < ttlMs - this.#heartbeatMs)
      this.#incompleteUntil = now + ttlMs;
    this.#lastHeartbeatAt = now;
    // After an outage or a loss Redis does not know all instances yet.
    const isIncomplete = this.#mode === 'fallback' || now < this.#incompleteUntil;
    this.#instanceCount = Math.max(isIncomplete ? this.#instanceCount : 1, liveCount ?? 1);
    return true;
  }
}
