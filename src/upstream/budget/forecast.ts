/** What is known of the slots to come. */
export interface Picture {
  /** Calls for which there is room; negative when the allowance has sunk below what is under way. */
  readonly free: number;
  /** When room for one more will come, each time as early as it possibly can; in any order. */
  frees(): readonly number[];
  /** Nothing leaves before. */
  readonly opensAt: number;
  /** When the gate may really be open; what a client is told. */
  readonly likelyOpenAt: number;
  readonly windowMs: number;
}

export interface Forecast {
  /** The earliest time at which the next waiting call in line can leave. */
  readonly next: number;
  /** That call is served: on to the one behind it. */
  advance(): void;
}

/**
 * Never later than the truth, as if every call were answered at once: whoever is refused by it could not have been served.
 * A slot that is used comes back after one more window.
 */
export function createForecast(picture: Picture, now: number): Forecast {
  const { windowMs } = picture;
  let frees: readonly number[] | undefined;
  const again: number[] = [];
  let { free } = picture;
  let at = Math.max(now, picture.opensAt);
  let freed = 0;
  let reused = 0;

  function makeRoom(): void {
    while (free < 1) {
      frees ??= [...picture.frees()].sort((one, other) => one - other);
      const first = frees[freed] ?? Infinity;
      const second = again[reused] ?? Infinity;
      if (first <= second) freed += 1;
      else reused += 1;
      at = Math.max(at, Math.min(first, second));
      if (at === Infinity) return;
      free += 1;
    }
  }

  makeRoom();
  return {
    get next() {
      return at;
    },
    advance() {
      free -= 1;
      again.push(at + windowMs);
      makeRoom();
    },
  };
}
