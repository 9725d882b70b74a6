import type { Demand, Priority, Slot } from './budget.ts';

export const priorities: readonly Priority[] = ['write', 'read', 'background'];

/** A call that waits for its turn. */
export interface Waiter {
  readonly demand: () => Demand;
  serve(slot: Slot): void;
  fail(error: Error): void;
}

export interface Place extends Demand {
  readonly waiter: Waiter;
}

export type Wants = Readonly<Record<Priority, number>>;

export const noWants: Wants = { write: 0, read: 0, background: 0 };

const each = <Value>(make: () => Value): Record<Priority, Value> => ({
  write: make(),
  read: make(),
  background: make(),
});

/** First each viewer's first call, then each one's second, and so on. */
function inTurns(queues: Place[][]): Place[] {
  const places: Place[] = [];
  let left = queues;
  for (let round = 0; left.length > 0; round += 1) {
    left = left.filter((queue) => queue.length > round);
    for (const queue of left) places.push(...queue.slice(round, round + 1));
  }
  return places;
}

/** Who is next: the more important first, viewers in turns, each viewer's calls as they came. */
export function createLine() {
  const waiters = new Set<Waiter>();
  /** The order of the viewers' turns. Who comes and who was served goes to the end, so nobody is overtaken for ever. */
  const turns = each(() => new Set<string>());

  function placesOf(ring: Set<string>, queues: ReadonlyMap<string, Place[]>): Place[] {
    for (const viewer of ring) if (!queues.has(viewer)) ring.delete(viewer);
    for (const viewer of queues.keys()) ring.add(viewer);
    return inTurns(Array.from(ring, (viewer) => queues.get(viewer) ?? []));
  }

  function placeOf(waiter: Waiter): Place {
    const { viewer, priority, deadlineMs } = waiter.demand();
    return { viewer, priority, deadlineMs, waiter };
  }

  return {
    add: (waiter: Waiter): unknown => waiters.add(waiter),
    remove: (waiter: Waiter): boolean => waiters.delete(waiter),
    size: (): number => waiters.size,

    /** Who waits, where there is but one. */
    only(): Place | undefined {
      const [waiter] = waiters;
      return waiter !== undefined && waiters.size === 1 ? placeOf(waiter) : undefined;
    },

    /** All who wait, in the order in which they will be served, by what they want now. */
    places(): Place[] {
      const classes = each(() => new Map<string, Place[]>());
      for (const waiter of waiters) {
        const place = placeOf(waiter);
        const { viewer, priority } = place;
        const queue = classes[priority].get(viewer);
        if (queue === undefined) classes[priority].set(viewer, [place]);
        else queue.push(place);
      }
      return priorities.flatMap((priority) => placesOf(turns[priority], classes[priority]));
    },

    /** The viewer has had its turn. */
    serve({ waiter, viewer, priority }: Place): void {
      waiters.delete(waiter);
      turns[priority].delete(viewer);
      turns[priority].add(viewer);
    },

    lengths(): Record<Priority, number> {
      const lengths = each(() => 0);
      for (const waiter of waiters) lengths[waiter.demand().priority] += 1;
      return lengths;
    },

    /** Sends all away. */
    empty(error: Error): void {
      for (const waiter of waiters) waiter.fail(error);
      waiters.clear();
    },
  };
}
