import { createRemoteJWKSet, errors } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
import type { Clock } from '../support/clock.ts';
import type { Log } from '../support/log.ts';
import { cannotTell } from './viewer.ts';

/** A key that is not in the set may have been added; that is looked up this often, whatever tokens are sent. */
const cooldownMs = 30_000;
/** As long as none is known, nobody gets in. */
const firstPauseMs = 1_000;
/** A key that was taken out of the set is trusted no longer than this, while the set can be read. */
const maxAgeMs = 600_000;
const timeoutMs = 5_000;

interface Options {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The public keys of an issuer. `jose` would forget all of them when they cannot be read again in time, and read them for every
 * unknown key while they cannot be read at all; so only it reads and holds them, and when to read is decided here.
 */
export function createKeySet({ url, clock, log }: Options): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: Infinity,
    cooldownDuration: Infinity,
    timeoutDuration: timeoutMs,
  });
  let reading: Promise<void> | undefined;
  let readAt = -Infinity;
  let isFailing = false;

  async function read(): Promise<void> {
    try {
      await remote.reload();
      readAt = clock.monotonic();
      if (isFailing) log.info('the keys of tokens can be read again');
      isFailing = false;
    } catch (error) {
      if (!isFailing) {
        const reason = error instanceof Error ? error.name : 'unknown';
        log.warn('the keys of tokens cannot be read: those that are known stay good', { reason });
      }
      isFailing = true;
    } finally {
      reading = undefined;
    }
  }

  /** A reason to read the keys, which does so at most once in a time. */
  function createReason() {
    let triedAt = -Infinity;
    return (pauseMs: number): Promise<void> => {
      if (clock.monotonic() - triedAt >= pauseMs) {
        triedAt = clock.monotonic();
        reading ??= read();
      }
      return reading ?? Promise.resolve();
    };
  }

  const firstTime = createReason();
  const tooOld = createReason();
  const unknownKey = createReason();

  void firstTime(firstPauseMs);
  return async (header, token) => {
    if (!remote.fresh) await firstTime(firstPauseMs);
    if (!remote.fresh) throw cannotTell('The keys of tokens cannot be read at the moment.');
    if (clock.monotonic() - readAt >= maxAgeMs) void tooOld(cooldownMs);
    try {
      return await remote(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await unknownKey(cooldownMs);
      return remote(header, token);
    }
  };
}
