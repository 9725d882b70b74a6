/** What is known of the slots to come. */
export interface CapacityForecast {
  /** Calls for which there is room; negative when the allowance has sunk below what is under way. */
  readonly available: number;
  /** When room for one more will come, each time as early as it possibly can; in any order. */
  releaseTimes(): readonly number[];
  /** Nothing leaves before. */
  readonly resumesAt: number;
  /** When the gate may really be open; what a client is told. */
  readonly expectedResumeAt: number;
  readonly windowMs: number;
}

export interface StartEstimator {
  /** The earliest time at which the next waiting call in line can leave. */
  readonly nextStartAt: number;
  /** That call is served: on to the one behind it. */
  advance(): void;
}

/**
 * Never later than the truth, as if every call were answered at once: whoever is refused by it could not have been served.
 * A slot that is used comes back after one more window.
 */
export function createStartEstimator(forecast: CapacityForecast, now: number): StartEstimator {
  const { windowMs } = forecast;
  let frees: readonly number[] | undefined;
  const reusedReleases: number[] = [];
  let { available } = forecast;
  let startAt = Math.max(now, forecast.resumesAt);
  let releasesUsed = 0;
  let reusesUsed = 0;

  function advanceToCapacity(): void {
    while (available < 1) {
      frees ??= [...forecast.releaseTimes()].sort((one, other) => one - other);
      const first = frees[releasesUsed] ?? Infinity;
      const second = reusedReleases[reusesUsed] ?? Infinity;
      if (first <= second) releasesUsed += 1;
      else reusesUsed += 1;
      startAt = Math.max(startAt, Math.min(first, second));
      if (startAt === Infinity) return;
      available += 1;
    }
  }

  advanceToCapacity();
  return {
    get nextStartAt() {
      return startAt;
    },
    advance() {
      available -= 1;
      reusedReleases.push(startAt + windowMs);
      advanceToCapacity();
    },
  };
}
