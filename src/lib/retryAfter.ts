import type { Clock } from './clock.ts';

/** Longer pauses are neither waited for nor returned to clients. */
export const maxRetryAfterMs = 600_000;

/** Shorter pauses, and times that have passed, count as absent. */
export const minRetryAfterMs = 1_000;

/** `Retry-After` in seconds or as a date (RFC 9110), at most ten minutes; undefined for anything else. */
export function parseRetryAfter(header: string | null, clock: Clock): number | undefined {
  const value = header?.trim() ?? '';
  // HTTP dates begin with the day's name; Date.parse alone would accept `1.5`.
  const isDate = /^[A-Z][a-z]{2},? /.test(value);
  const seconds = /^[0-9]+$/.test(value) ? Number(value) : NaN;
  const delayMs = isDate ? Math.ceil(Date.parse(value) - clock.now()) : seconds * 1000;
  if (Number.isNaN(delayMs) || delayMs <= 0) return undefined;
  return Math.min(maxRetryAfterMs, Math.max(minRetryAfterMs, delayMs));
}
