import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { Clock } from '../lib/clock.ts';
import { guarded, runGuarded } from '../observability/guarded.ts';
import type { Log } from '../observability/log.ts';
import { createRedisAnomalies } from './anomalies.ts';
import {
  errorReason,
  isErrOrWrongTypeReply,
  isNoPermissionError,
  isMissingScript,
  isOutOfMemory,
  isReadOnly,
} from './errors.ts';
import { ReadFence } from './fence.ts';
import { createRedisClient, reconnect, reconnectTo, watchFailovers } from './client.ts';
import type { RedisServerSettings } from './client.ts';
import type { ChannelKind } from './keys.ts';
import { channelAccount, channelPatterns, redisKey } from './keys.ts';
import type { RedisScripts, ScriptName } from './scripts.ts';
import { createRedisScripts } from './scripts.ts';
import { isRedisCluster, RedisServerMonitor } from './serverMonitor.ts';

interface RedisConnectionOptions extends RedisServerSettings {
  /** The timeout of one command. */
  readonly timeoutMs: number;
  /** The gateway's own account, for keys that belong to no other. */
  readonly account: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly scripts?: RedisScripts | undefined;
}

/** Shares state through Redis and keeps it in the process during an outage. */
export interface RedisParticipant {
  /** Whether all data has been resent to Redis. */
  isSynced(): boolean;
  /** Sends what Redis missed; called repeatedly until the participant is synced. */
  resync(): Promise<void>;
  /** Commands fail from now on. */
  onCommandsUnavailable?(): void;
}

export interface RedisSubscriber {
  onMessage(account: string, text: string): void;
  /** Messages are received from now on. Earlier ones may have been missed. */
  onSubscribed(): void;
}

/** Why state is not shared: commands fail, messages are not received, or Redis is out of memory and stores nothing. */
type RedisProblem = 'commands' | 'subscription' | 'memory';

export type ScriptArguments = readonly (string | number)[];

/** How long commands are withheld after a failure, and the interval between attempts to recover. */
const probeIntervalMs = 1_000;
const probeTtlMs = 60_000;
/** How long commands are withheld after one that the user may not run. Without it, the state would change with every command. */
const forbiddenMs = 60_000;
const subscriptionCheckIntervalMs = 5_000;
/** The server is inspected with every sixth check. */
const checksPerInspection = 6;
/** Messages arrive within this time, or the connection is broken. */
const maxMessageDelayMs = 250;
/** The maximum time that a read waits for its fence. */
const fenceTimeoutMs = 50;

/** The two connections of this instance to Redis and their health: one for commands, one for pub/sub. No method rejects. */
export class RedisConnections {
  readonly instanceId = randomUUID();
  readonly account: string;
  /** Precedes all keys, which commands add themselves, and all channels. */
  readonly keyPrefix: string;
  readonly anomalies: ReturnType<typeof createRedisAnomalies>;
  /** For libraries that take a client; everything else uses `tryCommand` and `runScript`. */
  readonly client: Redis;
  readonly #subscription: Redis;
  readonly #patterns: ReadonlyMap<string, ChannelKind>;
  readonly #scripts: RedisScripts;
  readonly clock: Clock;
  readonly log: Log;
  readonly #server: RedisServerMonitor;
  readonly #fence: ReadFence;
  readonly #fenceChannel: string;
  readonly #participants: RedisParticipant[] = [];
  readonly #subscribers = new Map<ChannelKind, RedisSubscriber>();
  readonly #problems = new Set<RedisProblem>(['commands', 'subscription']);
  #state: 'connecting' | 'available' | 'unavailable' = 'connecting';
  #isProbing = false;
  #mustReconnect = false;
  #forbiddenUntilMs = -Infinity;
  #checks = 0;
  #isClosed = false;
  #cancelProbe: (() => void) | undefined;
  #cancelResubscribe = (): void => undefined;
  #cancelCheck = (): void => undefined;
  readonly #stopWatching: () => void;

  constructor({ timeoutMs, account, clock, log, scripts, ...server }: RedisConnectionOptions) {
    this.account = account;
    this.keyPrefix = server.keyPrefix ?? '';
    this.#patterns = channelPatterns(this.keyPrefix);
    this.anomalies = createRedisAnomalies(clock, log);
    this.clock = clock;
    this.log = log;
    this.#scripts = scripts ?? createRedisScripts();
    this.#server = new RedisServerMonitor(log);
    this.#fence = new ReadFence(clock);
    this.#fenceChannel = this.keyPrefix + redisKey(account, 'fence', this.instanceId);
    this.client = createRedisClient(server, {
      connectionName: 'helpcrunch:commands',
      commandTimeout: timeoutMs,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
    });
    this.#subscription = createRedisClient(server, {
      connectionName: 'helpcrunch:pubsub',
      maxRetriesPerRequest: null,
      autoResubscribe: false,
    });
    this.client.on('ready', () => this.#probe());
    this.client.on('error', (error: unknown) => this.#fail('commands', error));
    this.client.on('close', () => this.#fail('commands'));
    this.#subscription.on('ready', () => void this.#subscribe());
    this.#subscription.on('error', (error: unknown) => this.#loseSubscription(error));
    this.#subscription.on('close', () => this.#loseSubscription());
    const guard = { log, name: 'redis message' };
    this.#subscription.on(
      'message',
      guarded(guard, (_channel: string, token: string) => {
        if (!this.#fence.acknowledge(token)) this.anomalies.report('echo');
      }),
    );
    this.#subscription.on(
      'pmessage',
      guarded(guard, (pattern: string, channel: string, text: string) => {
        this.#receive(pattern, channel, text);
      }),
    );
    const clients = [this.client, this.#subscription];
    this.#stopWatching = watchFailovers(server, log, (primary) => reconnectTo(primary, clients));
    this.#scheduleCheck();
  }

  /** Whether all state is shared at this moment. */
  isAvailable(): boolean {
    return this.#state === 'available';
  }

  hasProblem(problem: RedisProblem): boolean {
    return this.#problems.has(problem);
  }

  /** Whether Redis may evict keys; undefined if that is not known. */
  mayEvict(): boolean | undefined {
    return this.#server.mayEvict;
  }

  /** The channel of an account, to publish to. */
  channel(account: string, kind: ChannelKind): string {
    return this.keyPrefix + redisKey(account, kind);
  }

  /** Whether the server is a cluster; false if it cannot be reached now. To be called at once after the creation. */
  isRedisCluster(): Promise<boolean> {
    return isRedisCluster(this.client, this.clock);
  }

  register(participant: RedisParticipant): void {
    this.#participants.push(participant);
    if (!this.hasProblem('commands')) this.#probe();
  }

  subscribe(kind: ChannelKind, subscriber: RedisSubscriber): void {
    this.#subscribers.set(kind, subscriber);
  }

  /** Called by a participant that is no longer synced. */
  requestResync(): void {
    this.#setState('unavailable', 'resync');
    this.#scheduleProbe();
  }

  /** The reply; undefined when there is none, for whatever reason. */
  async tryCommand<Reply>(command: (client: Redis) => Promise<Reply>): Promise<Reply | undefined> {
    if (this.hasProblem('commands')) return undefined;
    try {
      return await command(this.client);
    } catch (error) {
      if (isOutOfMemory(error)) this.#fail('memory', error);
      else if (!isErrOrWrongTypeReply(error)) this.#fail('commands', error);
      return undefined;
    }
  }

  runScript(name: ScriptName, keys: readonly string[], args: ScriptArguments): Promise<unknown> {
    const { sha, text } = this.#scripts[name];
    return this.tryCommand(async (client) => {
      try {
        return await client.evalsha(sha, keys.length, ...keys, ...args);
      } catch (error) {
        if (!isMissingScript(error)) throw error;
        return client.eval(text, keys.length, ...keys, ...args);
      }
    });
  }

  /** A script found that Redis stores nothing. */
  reportOutOfMemory(): void {
    this.#fail('memory');
  }

  /** Whether all messages that were published before have been received; undefined without Redis. */
  awaitFence(timeoutMs = fenceTimeoutMs): Promise<boolean | undefined> {
    return this.tryCommand((client) =>
      this.#fence.wait(timeoutMs, (token) => client.publish(this.#fenceChannel, token)),
    );
  }

  /** As `awaitFence`, and reconnects when messages are not received. */
  async checkSubscription(): Promise<boolean> {
    if (this.hasProblem('subscription')) return false;
    const isAcknowledged = await this.awaitFence(maxMessageDelayMs);
    if (isAcknowledged === false) this.#subscription.disconnect(!this.#isClosed);
    return isAcknowledged === true;
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelProbe?.();
    this.#cancelCheck();
    this.#cancelResubscribe();
    this.#stopWatching();
    this.client.disconnect();
    this.#subscription.disconnect();
  }

  #setState(next: 'available' | 'unavailable', reason?: string): void {
    if (this.#state === next || this.#isClosed) return;
    this.#state = next;
    if (next === 'available') this.log.info('redis available');
    else this.log.warn('redis unavailable, degraded to local mode', { reason });
  }

  #fail(problem: RedisProblem, cause?: unknown): void {
    if (this.#isClosed) return;
    this.#problems.add(problem);
    if (isNoPermissionError(cause)) this.#forbiddenUntilMs = this.clock.monotonic() + forbiddenMs;
    // The address may belong to another server now, while connections to the demoted primary stay open.
    this.#mustReconnect ||= isReadOnly(cause);
    this.#setState('unavailable', errorReason(cause, problem));
    if (problem === 'commands')
      for (const participant of this.#participants) participant.onCommandsUnavailable?.();
    this.#scheduleProbe();
  }

  #restore(problem: RedisProblem): void {
    this.#problems.delete(problem);
    this.#updateState();
  }

  #updateState(): void {
    if (this.#problems.size === 0 && this.#participants.every((each) => each.isSynced()))
      this.#setState('available');
  }

  #scheduleProbe(): void {
    if (!this.#isClosed)
      this.#cancelProbe ??= this.clock.after(probeIntervalMs, () => this.#probe());
  }

  /** Tests whether commands succeed, and lets participants send what Redis missed. */
  #probe(): void {
    this.#cancelProbe?.();
    this.#cancelProbe = undefined;
    if (this.#isClosed || this.#isProbing || this.client.status !== 'ready') return;
    if (this.#mustReconnect) {
      this.#mustReconnect = false;
      reconnect([this.client, this.#subscription]);
      return;
    }
    this.#isProbing = true;
    runGuarded({ log: this.log, name: 'redis probe' }, async () => {
      try {
        await this.#probeCommands();
        for (const participant of this.#participants)
          if (!this.hasProblem('commands') && !participant.isSynced()) await participant.resync();
      } finally {
        this.#isProbing = false;
        this.#updateState();
        const isSynced = this.#participants.every((each) => each.isSynced());
        if (this.hasProblem('commands') || this.hasProblem('memory') || !isSynced)
          this.#scheduleProbe();
      }
    });
  }

  /** Writes a key, because a replica and a full Redis accept other commands. */
  async #probeCommands(): Promise<void> {
    if (this.clock.monotonic() < this.#forbiddenUntilMs) return;
    const key = redisKey(this.account, 'probe');
    try {
      await this.client.set(key, this.instanceId, 'PX', probeTtlMs);
      this.#restore('memory');
    } catch (error) {
      if (!isOutOfMemory(error)) {
        this.#fail('commands', error);
        return;
      }
      this.#fail('memory', error);
    }
    this.#restore('commands');
    // Not awaited: commands are available.
    if (this.#server.mayEvict === undefined) void this.#server.check(this.client);
  }

  async #subscribe(): Promise<void> {
    try {
      await Promise.all([
        this.#subscription.psubscribe(...this.#patterns.keys()),
        this.#subscription.subscribe(this.#fenceChannel),
      ]);
    } catch (error) {
      this.#loseSubscription(error);
      this.#cancelResubscribe = this.clock.after(probeIntervalMs, () =>
        this.#subscription.disconnect(!this.#isClosed),
      );
      return;
    }
    for (const each of this.#subscribers.values()) each.onSubscribed();
    this.#restore('subscription');
  }

  #loseSubscription(cause?: unknown): void {
    this.#fail('subscription', cause);
  }

  #receive(pattern: string, channel: string, text: string): void {
    const kind = this.#patterns.get(pattern);
    if (kind === undefined) return;
    const account = channelAccount(channel.slice(this.keyPrefix.length), kind);
    this.#subscribers.get(kind)?.onMessage(account, text);
  }

  #scheduleCheck(): void {
    this.#cancelCheck = this.clock.after(subscriptionCheckIntervalMs, () => {
      this.#checks += 1;
      const inspection =
        this.#checks % checksPerInspection === 0
          ? this.tryCommand((client) => this.#server.check(client))
          : undefined;
      void Promise.all([this.checkSubscription(), inspection]).then(() => {
        if (!this.#isClosed) this.#scheduleCheck();
      });
    });
  }
}
