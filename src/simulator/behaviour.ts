import type { FaultRule } from './faults.ts';

/** Delivery of webhooks. Probabilities are from 0 to 1. */
export interface WebhookBehaviour {
  readonly lost: number;
  readonly doubled: number;
  /** Held back for `lateMs`, so that later ones come first. */
  readonly late: number;
  readonly lateMs: number;
  /** Whether what happened is written as an object or as JSON in a text. */
  readonly eventData: 'object' | 'text';
  readonly ids: 'number' | 'text';
  /** Delays before the retries of a webhook that got no 2xx response. */
  readonly retriesMs: readonly number[];
}

/** Behaviour of the simulator where that of HelpCrunch is unknown, may change or is faulty. */
export interface Behaviour {
  /** How times are written: "1700000000", 1700000000 or "1700000000.250". */
  readonly times: 'seconds' | 'number' | 'milliseconds';
  readonly latencyMs: number;
  /** What a limit above 100 gets: 100 rows, or a 400. */
  readonly limitOverflow: 'clamp' | 'reject';
  /** How custom data without entries is written: `{}` or `[]`. */
  readonly emptyCustomData: 'object' | 'array';
  /** Whether a 429 has `Retry-After` in seconds. */
  readonly retryAfter: boolean;
  /** Tried in order for every call; the first that strikes is used. */
  readonly faults: readonly FaultRule[];
  readonly webhooks: WebhookBehaviour;
}

export const usualBehaviour: Behaviour = {
  times: 'seconds',
  latencyMs: 0,
  limitOverflow: 'clamp',
  emptyCustomData: 'object',
  retryAfter: false,
  faults: [],
  webhooks: {
    lost: 0,
    doubled: 0,
    late: 0,
    lateMs: 3_000,
    eventData: 'object',
    ids: 'number',
    retriesMs: [1_000, 10_000, 60_000, 600_000],
  },
};
