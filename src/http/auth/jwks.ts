import { createRemoteJWKSet, errors } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';
import { authenticationUnavailable } from './credentials.ts';

/** A key that is not in the set may have been added; that is looked up this often, whatever tokens are sent. */
const cooldownMs = 30_000;
/** As long as none is known, nobody gets in. */
const initialRetryMs = 1_000;
/** A key that was taken out of the set is trusted no longer than this, while the set can be read. */
const maxAgeMs = 600_000;
const timeoutMs = 5_000;

interface JwksOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * The public keys of an issuer. `jose` would forget all of them when they cannot be read again in time, and read them for every
 * unknown key while they cannot be read at all; so only it reads and holds them, and when to read is decided here.
 */
export function createJwks({ url, clock, log }: JwksOptions): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: Infinity,
    cooldownDuration: Infinity,
    timeoutDuration: timeoutMs,
  });
  let pendingReload: Promise<void> | undefined;
  let loadedAt = -Infinity;
  let isFailing = false;

  async function reload(): Promise<void> {
    try {
      await remote.reload();
      loadedAt = clock.monotonic();
      if (isFailing) log.info('the keys of tokens can be read again');
      isFailing = false;
    } catch (error) {
      if (!isFailing) {
        const reason = error instanceof Error ? error.name : 'unknown';
        log.warn('the keys of tokens cannot be read: those that are known stay good', { reason });
      }
      isFailing = true;
    } finally {
      pendingReload = undefined;
    }
  }

  /** A reason to read the keys, which does so at most once in a time. */
  function createThrottledReload() {
    let attemptedAt = -Infinity;
    return (intervalMs: number): Promise<void> => {
      if (clock.monotonic() - attemptedAt >= intervalMs) {
        attemptedAt = clock.monotonic();
        pendingReload ??= reload();
      }
      return pendingReload ?? Promise.resolve();
    };
  }

  const reloadInitially = createThrottledReload();
  const reloadExpired = createThrottledReload();
  const reloadForUnknownKey = createThrottledReload();

  void reloadInitially(initialRetryMs);
  return async (header, token) => {
    if (!remote.fresh) await reloadInitially(initialRetryMs);
    if (!remote.fresh)
      throw authenticationUnavailable('The keys of tokens cannot be read at the moment.');
    if (clock.monotonic() - loadedAt >= maxAgeMs) void reloadExpired(cooldownMs);
    try {
      return await remote(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await reloadForUnknownKey(cooldownMs);
      return remote(header, token);
    }
  };
}
