import type { FaultRule } from './faults.ts';

/** How the simulated helpdesk behaves where the real one is unknown, changing or broken. */
export interface Behaviour {
  /** How times are written: "1700000000", 1700000000 or "1700000000.250". */
  readonly times: 'seconds' | 'number' | 'milliseconds';
  readonly latencyMs: number;
  /** What a limit above 100 gets: 100 rows, or a 400. */
  readonly limitOverflow: 'clamp' | 'reject';
  /** How custom data without entries is written: `{}` or `[]`. */
  readonly emptyCustomData: 'object' | 'array';
  /** Whether a 429 says in seconds when to come back. */
  readonly retryAfter: boolean;
  /** Tried in order for every call; the first that strikes is used. */
  readonly faults: readonly FaultRule[];
}

export const usualBehaviour: Behaviour = {
  times: 'seconds',
  latencyMs: 0,
  limitOverflow: 'clamp',
  emptyCustomData: 'object',
  retryAfter: false,
  faults: [],
};
