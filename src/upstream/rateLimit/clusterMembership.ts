import { randomUUID } from 'node:crypto';
import { Redis, ReplyError } from 'ioredis';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import { failFastOptions } from '../../redis/clientOptions.ts';
import { redisErrorReason } from '../../redis/errorReason.ts';
import type { RedisScript } from './scripts.ts';
import { heartbeatScript } from './scripts.ts';

/** Before the first connection nothing is known; `alone` is every time in which Redis cannot be relied on. */
export type ClusterMode = 'starting' | 'distributed' | 'fallback';

/** This instance's connection with the others. Nothing here ever fails: a silent Redis makes the mode `alone`. */
export interface ClusterMembership {
  /** The name of this instance. */
  readonly instanceId: string;
  mode(): ClusterMode;
  /** How many instances were alive when last seen, with this one. */
  instanceCount(): number;
  /** The script's answer; undefined when Redis gave none. */
  runScript(
    script: RedisScript,
    keys: readonly string[],
    args: ScriptArguments,
  ): Promise<readonly unknown[] | undefined>;
  close(): void;
}

export type ScriptArguments = readonly (string | number)[];

export interface ClusterMembershipOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** How often an instance says that it lives. */
  readonly heartbeatMs: number;
}

interface ClusterEvents {
  onModeChange(): void;
  /** At each beat of a shared time. */
  onHeartbeat(): void;
  /** Tells Redis what it missed; before the time alone can end. */
  resync(): Promise<boolean>;
}

/** Raised when what is kept changes its form, so that two versions of the gateway can use one Redis. */
export const rateLimitKeyPrefix = 'helpcrunch:rate-limit:2:';

/** An instance that has not been heard of for so many beats is gone. */
const heartbeatsToExpire = 5;
/** So long all others have found Redis again too, and have told it what they did alone. */
const heartbeatsToRejoin = 3;

export function createClusterMembership(
  options: ClusterMembershipOptions,
  events: ClusterEvents,
): ClusterMembership {
  const { url, timeoutMs, clock, log, heartbeatMs } = options;
  const instanceId = randomUUID();
  let mode: ClusterMode = 'starting';
  let instanceCount = 1;
  let cooldownUntil = 0;
  let rejoinAt: number | undefined;
  let isClosed = false;

  const redis = new Redis(url, {
    ...failFastOptions(timeoutMs),
    // Shorter than settling, or an instance could come back after the others have stopped to wait for it.
    retryStrategy: (times: number) => Math.min(100 * times, 2 * heartbeatMs),
  });

  function transition(next: ClusterMode, error?: unknown): void {
    if (mode === next || isClosed) return;
    mode = next;
    if (next === 'distributed')
      log.info('Redis is there: all instances count their calls together');
    else
      log.warn('Redis is away: this instance keeps to an equal share of calls', {
        instances: instanceCount,
        ...redisErrorReason(error),
      });
    events.onModeChange();
  }

  function enterFallback(error?: unknown): void {
    rejoinAt = undefined;
    transition('fallback', error);
  }

  async function evaluate(
    { sha, text }: RedisScript,
    keys: readonly string[],
    args: ScriptArguments,
  ): Promise<unknown> {
    try {
      return await redis.evalsha(sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof ReplyError) || !String(error).includes('NOSCRIPT')) throw error;
      return redis.eval(text, keys.length, ...keys, ...args);
    }
  }

  const runScript: ClusterMembership['runScript'] = async (script, keys, args) => {
    if (redis.status === 'ready' && clock.monotonic() >= cooldownUntil) {
      try {
        const reply = await evaluate(script, keys, args);
        const replies: readonly unknown[] = Array.isArray(reply) ? reply : [reply];
        return replies;
      } catch (error) {
        cooldownUntil = clock.monotonic() + heartbeatMs;
        enterFallback(error);
        return undefined;
      }
    }
    enterFallback();
    return undefined;
  };

  let cancelHeartbeat = (): void => undefined;
  async function heartbeat(): Promise<void> {
    cancelHeartbeat();
    cancelHeartbeat = clock.after(heartbeatMs, () => void heartbeat());
    if (mode === 'starting' && redis.status !== 'ready') return;
    const reply = await runScript(
      heartbeatScript,
      [`${rateLimitKeyPrefix}alive`],
      [instanceId, heartbeatsToExpire * heartbeatMs],
    );
    if (reply === undefined || isClosed) return;
    // A Redis that has just come back knows too few.
    const aliveCount = Number(reply[0]);
    instanceCount = mode === 'fallback' ? Math.max(instanceCount, aliveCount) : aliveCount;
    if (mode === 'distributed') {
      events.onHeartbeat();
    } else if (mode === 'starting') {
      transition('distributed');
    } else if (await events.resync()) {
      rejoinAt ??= clock.monotonic() + heartbeatsToRejoin * heartbeatMs;
      if (clock.monotonic() >= rejoinAt) transition('distributed');
    }
  }

  redis.on('error', enterFallback);
  redis.on('close', () => enterFallback());
  redis.on('ready', () => void heartbeat());
  void heartbeat();

  return {
    instanceId,
    mode: () => mode,
    instanceCount: () => instanceCount,
    runScript,
    close() {
      isClosed = true;
      cancelHeartbeat();
      redis.disconnect();
    },
  };
}
