import { randomUUID } from 'node:crypto';
import { Redis, ReplyError } from 'ioredis';
import type { Clock } from '../../support/clock.ts';
import type { Log } from '../../support/log.ts';
import { hasty } from '../../support/redisOptions.ts';
import { reasonOf } from '../redisReason.ts';
import type { Script } from './scripts.ts';
import { aliveScript } from './scripts.ts';

/** Before the first connection nothing is known; `alone` is every time in which Redis cannot be relied on. */
export type Mode = 'starting' | 'shared' | 'alone';

/** This instance's connection with the others. Nothing here ever fails: a silent Redis makes the mode `alone`. */
export interface Link {
  /** The name of this instance. */
  readonly self: string;
  mode(): Mode;
  /** How many instances were alive when last seen, with this one. */
  instances(): number;
  /** The script's answer; undefined when Redis gave none. */
  run(script: Script, keys: readonly string[], args: Args): Promise<readonly unknown[] | undefined>;
  close(): void;
}

export type Args = readonly (string | number)[];

export interface LinkOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** How often an instance says that it lives. */
  readonly beatMs: number;
}

interface LinkEvents {
  onMode(): void;
  /** At each beat of a shared time. */
  onBeat(): void;
  /** Tells Redis what it missed; before the time alone can end. */
  reconcile(): Promise<boolean>;
}

/** Raised when what is kept changes its form, so that two versions of the gateway can use one Redis. */
export const prefix = 'helpcrunch:budget:1:';

/** An instance that has not been heard of for so many beats is gone. */
const beatsToLive = 5;
/** So long all others have found Redis again too, and have told it what they did alone. */
const beatsToSettle = 3;

export function createLink(options: LinkOptions, events: LinkEvents): Link {
  const { url, timeoutMs, clock, log, beatMs } = options;
  const self = randomUUID();
  let mode: Mode = 'starting';
  let instances = 1;
  let restUntil = 0;
  let settledAt: number | undefined;
  let isClosed = false;

  const redis = new Redis(url, {
    ...hasty(timeoutMs),
    // Shorter than settling, or an instance could come back after the others have stopped to wait for it.
    retryStrategy: (times: number) => Math.min(100 * times, 2 * beatMs),
  });

  function become(next: Mode, error?: unknown): void {
    if (mode === next || isClosed) return;
    mode = next;
    if (next === 'shared') log.info('Redis is there: all instances count their calls together');
    else
      log.warn('Redis is away: this instance keeps to an equal share of calls', {
        instances,
        ...reasonOf(error),
      });
    events.onMode();
  }

  function fail(error?: unknown): void {
    settledAt = undefined;
    become('alone', error);
  }

  async function evaluate(
    { sha, text }: Script,
    keys: readonly string[],
    args: Args,
  ): Promise<unknown> {
    try {
      return await redis.evalsha(sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!(error instanceof ReplyError) || !String(error).includes('NOSCRIPT')) throw error;
      return redis.eval(text, keys.length, ...keys, ...args);
    }
  }

  const run: Link['run'] = async (script, keys, args) => {
    if (redis.status === 'ready' && clock.monotonic() >= restUntil) {
      try {
        const answer = await evaluate(script, keys, args);
        const answers: readonly unknown[] = Array.isArray(answer) ? answer : [answer];
        return answers;
      } catch (error) {
        restUntil = clock.monotonic() + beatMs;
        fail(error);
        return undefined;
      }
    }
    fail();
    return undefined;
  };

  let cancelBeat = (): void => undefined;
  async function beat(): Promise<void> {
    cancelBeat();
    cancelBeat = clock.after(beatMs, () => void beat());
    if (mode === 'starting' && redis.status !== 'ready') return;
    const alive = await run(aliveScript, [`${prefix}alive`], [self, beatsToLive * beatMs]);
    if (alive === undefined || isClosed) return;
    // A Redis that has just come back knows too few.
    const known = Number(alive[0]);
    instances = mode === 'alone' ? Math.max(instances, known) : known;
    if (mode === 'shared') {
      events.onBeat();
    } else if (mode === 'starting') {
      become('shared');
    } else if (await events.reconcile()) {
      settledAt ??= clock.monotonic() + beatsToSettle * beatMs;
      if (clock.monotonic() >= settledAt) become('shared');
    }
  }

  redis.on('error', fail);
  redis.on('close', () => fail());
  redis.on('ready', () => void beat());
  void beat();

  return {
    self,
    mode: () => mode,
    instances: () => instances,
    run,
    close() {
      isClosed = true;
      cancelBeat();
      redis.disconnect();
    },
  };
}
