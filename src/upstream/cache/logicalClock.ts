/**
 * The order in which calls began and things changed, so that an older answer never takes the place of a newer one. Changes are
 * remembered as long as a call is under way that began before them.
 */
export function createLogicalClock() {
  let latest = 0;
  let latestInvalidation = 0;
  let latestFullInvalidation = 0;
  const invalidations = new Map<string, number>();
  /** In order of beginning, as sets keep it. */
  const inFlight = new Set<number>();

  function prune(): void {
    const [oldest = Infinity] = inFlight;
    for (const [key, sequence] of invalidations) {
      if (sequence > oldest) break;
      invalidations.delete(key);
    }
  }

  return {
    now: (): number => latest,
    /** A call begins; `end` must be told when it has been answered. */
    startRequest(): number {
      latest += 1;
      inFlight.add(latest);
      return latest;
    },
    endRequest(sequence: number): void {
      inFlight.delete(sequence);
      prune();
    },
    /** What is under the key is no longer what a call under way may still bring. */
    invalidate(key: string): number {
      latest += 1;
      latestInvalidation = latest;
      invalidations.delete(key);
      if (inFlight.size > 0) invalidations.set(key, latest);
      return latest;
    },
    /** Changes may have been missed: no call under way can be trusted any more. */
    invalidateAll(): void {
      latest += 1;
      latestInvalidation = latest;
      latestFullInvalidation = latest;
    },
    invalidatedSince: (sequence: number, key: string): boolean =>
      Math.max(invalidations.get(key) ?? 0, latestFullInvalidation) > sequence,
    /** When anything at all last changed. */
    latestInvalidation: (): number => latestInvalidation,
  };
}
