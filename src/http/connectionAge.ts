import type { Clock } from '../lib/clock.ts';

/** Connections that were opened at the same time end over this part of the maximum age. */
const jitter = 0.1;

/** Calls `end` once when a connection that is opened now has reached its maximum age; 0: never. Returns a function that cancels it. */
export function onMaxAge(maxAgeMs: number, end: () => void, clock: Clock): () => void {
  return maxAgeMs === 0
    ? () => undefined
    : clock.after(maxAgeMs * (1 - jitter * clock.random()), end);
}
