import type { BehaviourChange, FaultRule, WebhookTarget } from '../../src/simulator/simulator.ts';

/** The commands to the simulator's process. */
export type SimulatorCommand =
  | { readonly kind: 'work'; readonly target: WebhookTarget }
  | { readonly kind: 'rest' }
  /** Results in the names of the events of customers in all requests so far. */
  | { readonly kind: 'eventNames' }
  | { readonly kind: 'behave'; readonly change: BehaviourChange }
  | { readonly kind: 'restart'; readonly downMs: number };

/** A time in which things go wrong in one way. */
export interface Phase {
  readonly name: string;
  readonly latencyMs?: number;
  readonly faults?: readonly FaultRule[];
  readonly restarts?: 'simulator' | 'redis';
}

const status = (code: number, headers: Readonly<Record<string, string>> = {}) =>
  ({ kind: 'status', status: code, headers }) as const;

/** What happens in turn; in between all is well. */
export const phases: readonly Phase[] = [
  {
    name: 'errors',
    faults: [
      { rate: 0.1, fault: status(500) },
      { rate: 0.05, fault: status(503) },
    ],
  },
  { name: 'Redis restarts', restarts: 'redis' },
  {
    name: 'broken connections',
    faults: [
      { rate: 0.1, fault: 'reset' },
      { rate: 0.05, fault: 'truncate' },
    ],
  },
  { name: 'HelpCrunch restarts', restarts: 'simulator' },
  { name: 'slow', latencyMs: 300 },
  {
    name: 'strange answers',
    faults: [
      { rate: 0.05, fault: 'html' },
      { rate: 0.05, fault: 'empty' },
      { rate: 0.02, fault: 'drip' },
    ],
  },
  {
    name: 'no answers',
    faults: [
      { rate: 0.05, fault: 'hang' },
      { rate: 0.05, fault: status(429, { 'retry-after': '1' }) },
    ],
  },
  { name: 'nothing but errors', faults: [{ fault: status(500) }] },
];
