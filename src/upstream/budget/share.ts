/** What an instance may do on its own, after Redis has gone. */
export interface Share {
  /** How many calls may count at one time, of those that left since. */
  capacity(now: number): number;
  /** When the capacity will grow, one time for each step. */
  growthTimes(now: number): number[];
}

interface ShareOptions {
  /** How many calls all instances together may have in a window. */
  readonly allowance: () => number;
  readonly instances: number;
  /** When the slots of all instances come back that were taken before; the first first. */
  readonly before: readonly number[];
}

/**
 * An equal part for each instance. What counted when Redis went still does: nobody touches it before it comes back, and then all
 * get an equal part of it, so that together they stay within the allowance whoever had used how much.
 */
export function createShare({ allowance, instances, before }: ShareOptions): Share {
  /** At least one when nothing of before is left: with more instances than calls nobody could call at all. */
  const part = (pending: number) =>
    Math.max(pending === 0 ? 1 : 0, Math.floor((allowance() - pending) / instances));
  const pendingAt = (now: number) => {
    const index = before.findIndex((at) => at > now);
    return index === -1 ? 0 : before.length - index;
  };
  return {
    capacity: (now) => part(pendingAt(now)),
    growthTimes(now) {
      const times: number[] = [];
      let pending = pendingAt(now);
      let capacity = part(pending);
      for (const at of before.slice(before.length - pending)) {
        pending -= 1;
        for (; capacity < part(pending); capacity += 1) times.push(at);
      }
      return times;
    },
  };
}
