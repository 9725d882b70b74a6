/** What one contender took for one kind of request. */
export interface Result {
  readonly name: string;
  /** Microseconds of CPU. */
  readonly costUs: number;
  /** How many times as much the gateway took, the median of paired rounds. */
  readonly ratio: number;
  /** What `ratio` is to be at most; undefined where nothing was set. */
  readonly goal: number | undefined;
}

export interface Contest {
  readonly workload: string;
  /** The gateway comes first. */
  readonly results: readonly Result[];
}

export const isMissed = ({ ratio, goal }: Result): boolean => goal !== undefined && ratio > goal;

export const numberOf = (value: number): string =>
  value < 1_000 ? value.toFixed(0) : Math.round(value).toLocaleString('en');
