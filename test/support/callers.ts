import type { Budget, Demand, Priority, Slot } from '../../src/upstream/budget/budget.ts';
import { UpstreamError } from '../../src/upstream/errors.ts';
import type { Clock } from '../../src/support/clock.ts';

/** Lets everything happen that can happen without time going by. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

export interface Wish {
  readonly viewer?: string;
  readonly priority?: Priority;
  readonly withinMs?: number;
}

export interface Caller {
  readonly name: string;
  readonly state: () => 'waiting' | 'served' | 'refused' | 'failed';
  readonly at: () => number | undefined;
  /** Resolves when it is served or refused. */
  readonly ended: Promise<unknown>;
  readonly error: () => unknown;
  readonly slot: () => Slot;
  readonly retryAfterMs: () => number | undefined;
  readonly leave: () => void;
  readonly change: (demand: Partial<Demand>) => void;
}

/** Callers of a budget who remember when they were served or refused. */
export function createCallers(budget: Budget, clock: Clock, tenant = 'acme') {
  const served: string[] = [];
  return {
    served: served as readonly string[],
    call(
      name: string,
      { viewer = 'ada', priority = 'read', withinMs = 10_000 }: Wish = {},
    ): Caller {
      const controller = new AbortController();
      let demand: Demand = { viewer, priority, deadlineMs: clock.monotonic() + withinMs };
      let state: ReturnType<Caller['state']> = 'waiting';
      let at: number | undefined;
      let error: unknown;
      let slot: Slot | undefined;
      const ended = budget
        .acquire(tenant, () => demand, controller.signal)
        .then(
          (given) => {
            state = 'served';
            at = clock.monotonic();
            slot = given;
            served.push(name);
          },
          (reason: unknown) => {
            at = clock.monotonic();
            error = reason;
            state =
              reason instanceof UpstreamError && reason.kind === 'rateLimited'
                ? 'refused'
                : 'failed';
          },
        );
      return {
        name,
        state: () => state,
        at: () => at,
        ended,
        error: () => error,
        slot() {
          if (slot === undefined) throw new Error(`${name} was not served.`);
          return slot;
        },
        retryAfterMs: () =>
          error instanceof UpstreamError ? error.details.retryAfterMs : undefined,
        leave: () => controller.abort(new Error('The client left.')),
        change(changed) {
          demand = { ...demand, ...changed };
        },
      };
    },
  };
}
