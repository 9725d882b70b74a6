import type { Clock } from '../../support/clock.ts';
import { createFlight } from './flights.ts';
import type { Crew, Flight } from './flights.ts';

/** Reads all keys; says through `began` where in the order of things the call began. */
export type Run<Landed> = (
  keys: readonly string[],
  crew: Crew,
  began: (order: number) => void,
) => Promise<Landed>;

interface Plan<Landed> {
  readonly keys: readonly string[];
  /** Set where loads of one group go one after the other, each with all that was missed during the one before. */
  readonly group: string | undefined;
  /** Only what began after this is new enough to be joined or waited for. */
  readonly since: number;
  readonly run: Run<Landed>;
}

interface Started<Landed> {
  readonly flight: Flight<Landed>;
  /** Whether the keys were added to a load of another operation that is still to begin. */
  readonly isJoined: boolean;
}

interface Load<Landed> {
  readonly flight: Flight<Landed>;
  readonly orderOf: () => number;
}

const longestGatherMs = 250;

/** The loads that are under way, so that nothing is asked for twice at once. */
export function createLoads<Landed>(clock: Clock) {
  const loads = new Map<string, Load<Landed>>();
  const busy = new Map<string, Load<Landed>>();
  const gathering = new Map<string, { readonly keys: Set<string>; readonly load: Load<Landed> }>();

  /** One load that hangs must not hold up those behind it. */
  const atMost = (before: Promise<unknown>) =>
    new Promise<void>((resolve) => {
      const cancel = clock.after(longestGatherMs, resolve);
      void before.then(() => {
        cancel();
        resolve();
      });
    });

  function launch({ keys, group, since, run }: Plan<Landed>): Flight<Landed> {
    const wanted = new Set(keys);
    const last = group === undefined ? undefined : busy.get(group);
    const before = last !== undefined && last.orderOf() > since ? last.flight.over : undefined;
    let order = Infinity;
    const flight = createFlight(async (crew) => {
      try {
        if (group !== undefined && before !== undefined) {
          await atMost(before);
          if (gathering.get(group)?.keys === wanted) gathering.delete(group);
          crew.signal.throwIfAborted();
        }
        return await run([...wanted], crew, (began) => {
          order = began;
        });
      } finally {
        for (const key of wanted) if (loads.get(key)?.flight === flight) loads.delete(key);
      }
    });
    const load = { flight, orderOf: () => order };
    for (const key of keys) loads.set(key, load);
    if (group !== undefined) {
      if (before !== undefined) gathering.set(group, { keys: wanted, load });
      busy.set(group, load);
      void flight.over.then(() => {
        if (busy.get(group) === load) busy.delete(group);
      });
    }
    return flight;
  }

  return {
    /** The load that will bring the key, if it began after `since` or is still to begin. */
    find(key: string, since: number): Flight<Landed> | undefined {
      const load = loads.get(key);
      const isGood = load !== undefined && !load.flight.isAbandoned() && load.orderOf() > since;
      return isGood ? load.flight : undefined;
    },

    start(plan: Plan<Landed>): Started<Landed> {
      const open = plan.group === undefined ? undefined : gathering.get(plan.group);
      if (open === undefined || open.load.flight.isAbandoned()) {
        return { flight: launch(plan), isJoined: false };
      }
      for (const key of plan.keys) {
        open.keys.add(key);
        loads.set(key, open.load);
      }
      return { flight: open.load.flight, isJoined: true };
    },
  };
}
