import type { Config } from '../../src/config/settings.ts';

/** The settings of a Redis that needs none, and those that are given. */
export const redisSettings = (settings: Partial<Config['redis']> = {}): Config['redis'] => ({
  sentinelUsername: undefined,
  sentinelPassword: undefined,
  keyPrefix: undefined,
  tls: { ca: undefined, cert: undefined, key: undefined },
  ...settings,
});
