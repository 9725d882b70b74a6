const connectionOptions = {
  connectTimeout: 2_000,
  retryStrategy: (times: number) => Math.min(100 * times, 2_000),
} as const;

/** A connection whose commands fail at once while Redis is away: whoever asks goes on without it. */
export const failFastOptions = (timeoutMs: number) => ({
  ...connectionOptions,
  commandTimeout: timeoutMs,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
});

/** A connection that listens: it must survive every reconnection, so its commands may wait. */
export const subscriberOptions = {
  ...connectionOptions,
  maxRetriesPerRequest: null,
  autoResubscribe: false,
} as const;
