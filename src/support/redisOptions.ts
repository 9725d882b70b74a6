/** A connection whose commands fail at once while Redis is away: whoever asks goes on without it. */
export const hasty = (timeoutMs: number) => ({
  commandTimeout: timeoutMs,
  connectTimeout: 2_000,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  retryStrategy: (times: number) => Math.min(100 * times, 2_000),
});

/** A connection that listens: it must survive every reconnection, so its commands may wait. */
export const listening = {
  connectTimeout: 2_000,
  maxRetriesPerRequest: null,
  autoResubscribe: false,
  retryStrategy: (times: number) => Math.min(100 * times, 2_000),
} as const;
