/** The share of one instance during an outage of Redis. */
export interface StaticShare {
  /** How many calls that started during the outage may be in the window. */
  capacity(now: number): number;
  /** When the capacity grows by one, in order. */
  recoveryTimes(now: number): number[];
}

interface StaticShareOptions {
  /** The limit of all instances together. */
  readonly adaptiveLimit: () => number;
  readonly instanceCount: number;
  /** When the leases from before the outage are released, in order. */
  readonly heldReleaseTimes: readonly number[];
}

/**
 * An equal share for each instance. Leases held when Redis failed stay reserved until they expire; freed capacity is split evenly, so the
 * total never exceeds the limit.
 */
export function createStaticShare({
  adaptiveLimit,
  instanceCount,
  heldReleaseTimes,
}: StaticShareOptions): StaticShare {
  /** At least one once all earlier leases are released, also with more instances than permitted calls. */
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
