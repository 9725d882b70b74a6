export interface Trend {
  /** What is added over the whole time, by the straight line through all points. */
  readonly growth: number;
  /** How far `growth` may be off by chance, three standard errors. */
  readonly noise: number;
  readonly mean: number;
}

const sum = (values: readonly number[]): number =>
  values.reduce((total, value) => total + value, 0);

/** The straight line through values that were measured at even intervals. */
export function trendOf(values: readonly number[]): Trend {
  const count = values.length;
  const mean = sum(values) / count;
  const middle = (count - 1) / 2;
  const spread = sum(values.map((_, index) => (index - middle) ** 2));
  const slope = sum(values.map((value, index) => (index - middle) * (value - mean))) / spread;
  const rest = sum(values.map((value, index) => (value - mean - slope * (index - middle)) ** 2));
  const error = Math.sqrt(rest / Math.max(1, count - 2) / spread);
  return { growth: slope * (count - 1), noise: 3 * error * (count - 1), mean };
}

/** Less than this is what engines and libraries put aside while they run. */
const usualShare = 0.1;

/** Whether the values rise by more than chance explains. */
export const isRising = ({ growth, noise, mean }: Trend): boolean =>
  growth > noise && growth > usualShare * mean;
