/** What an instance may do on its own, after Redis has gone. */
export interface StaticShare {
  /** How many calls may count at one time, of those that left since. */
  capacity(now: number): number;
  /** When the capacity will grow, one time for each step. */
  recoveryTimes(now: number): number[];
}

interface StaticShareOptions {
  /** How many calls all instances together may have in a window. */
  readonly adaptiveLimit: () => number;
  readonly instanceCount: number;
  /** When the slots of all instances come back that were taken before; the first first. */
  readonly heldReleaseTimes: readonly number[];
}

/**
 * An equal part for each instance. What counted when Redis went still does: nobody touches it before it comes back, and then all
 * get an equal part of it, so that together they stay within the allowance whoever had used how much.
 */
export function createStaticShare({
  adaptiveLimit,
  instanceCount,
  heldReleaseTimes,
}: StaticShareOptions): StaticShare {
  /** At least one when nothing of before is left: with more instances than calls nobody could call at all. */
  const equalShare = (held: number) =>
    Math.max(held === 0 ? 1 : 0, Math.floor((adaptiveLimit() - held) / instanceCount));
  const heldAt = (now: number) => {
    const index = heldReleaseTimes.findIndex((at) => at > now);
    return index === -1 ? 0 : heldReleaseTimes.length - index;
  };
  return {
    capacity: (now) => equalShare(heldAt(now)),
    recoveryTimes(now) {
      const times: number[] = [];
      let held = heldAt(now);
      let capacity = equalShare(held);
      for (const at of heldReleaseTimes.slice(heldReleaseTimes.length - held)) {
        held -= 1;
        for (; capacity < equalShare(held); capacity += 1) times.push(at);
      }
      return times;
    },
  };
}
