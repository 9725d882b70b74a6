import { createRemoteJWKSet, errors } from 'jose';
import type { JWTVerifyGetKey } from 'jose';
import { publicError } from '../../graphql/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Log } from '../../observability/log.ts';

/** How often the key set is reloaded for tokens signed by unknown keys, and after it expired. */
const cooldownMs = 30_000;
/** How often loading is retried until the key set was loaded once. */
const initialRetryMs = 1_000;
/** How long a key that was removed from the set stays trusted. */
const maxAgeMs = 600_000;
const timeoutMs = 5_000;

interface JwksOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  /** The account whose keys they are, if it is not those of all accounts. */
  readonly name?: string;
}

export interface Jwks {
  readonly keyOf: JWTVerifyGetKey;
  /** Whether the key set was loaded once. */
  isLoaded(): boolean;
  /** Whether the last attempt to load it succeeded. */
  isReachable(): boolean;
}

/**
 * The key set of a token issuer. When a reload fails, the loaded keys stay trusted (stale-if-error), and reloads are throttled. `jose`
 * itself would drop the keys, and reload them for every token with an unknown key.
 */
export function createJwks({ url, clock, log, name }: JwksOptions): Jwks {
  const account = name === undefined ? {} : { account: name };
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
      if (isFailing) log.info('JWKS refreshed', account);
      isFailing = false;
    } catch (error) {
      if (!isFailing) {
        const reason = error instanceof Error ? error.name : 'unknown';
        const message = remote.fresh
          ? 'JWKS refresh failed, using cached keys'
          : 'JWKS cannot be loaded, tokens are rejected';
        log.warn(message, { ...account, reason });
      }
      isFailing = true;
    } finally {
      pendingReload = undefined;
    }
  }

  /** One per reason for a reload: a reload for one reason does not delay that for another. */
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
  const keyOf: JWTVerifyGetKey = async (header, token) => {
    if (!remote.fresh) await reloadInitially(initialRetryMs);
    if (!remote.fresh)
      throw publicError.unavailable('Tokens cannot be verified at present. Retry later.');
    if (clock.monotonic() - loadedAt >= maxAgeMs) void reloadExpired(cooldownMs);
    try {
      return await remote(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await reloadForUnknownKey(cooldownMs);
      return remote(header, token);
    }
  };
  return {
    keyOf,
    isLoaded() {
      // Nothing else retries before the first token arrives, and none does while the gateway is not ready.
      if (!remote.fresh) void reloadInitially(initialRetryMs);
      return remote.fresh;
    },
    isReachable: () => remote.fresh && !isFailing,
  };
}
