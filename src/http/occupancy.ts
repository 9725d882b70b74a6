export interface OccupancyLimits {
  readonly maxConnections: number;
  readonly maxConnectionsPerViewer: number;
  readonly maxPerViewer: number;
}

/** Gives back a place; more than once does no harm. */
export type Leave = () => void;

export type Occupancy = ReturnType<typeof createOccupancy>;

/** A count by name that keeps no name without a place. */
function createPlaces(maxPerName: number) {
  const taken = new Map<string, number>();
  let count = 0;

  return {
    count: () => count,
    take(name: string): Leave | undefined {
      const own = taken.get(name) ?? 0;
      if (own >= maxPerName) return undefined;
      taken.set(name, own + 1);
      count += 1;
      let isGone = false;
      return () => {
        if (isGone) return;
        isGone = true;
        count -= 1;
        const left = (taken.get(name) ?? 1) - 1;
        if (left === 0) taken.delete(name);
        else taken.set(name, left);
      };
    },
  };
}

/** Who holds how many connections and subscriptions of this process. */
export function createOccupancy(limits: OccupancyLimits) {
  const all = createPlaces(limits.maxConnections);
  const connections = createPlaces(limits.maxConnectionsPerViewer);
  const subscriptions = createPlaces(limits.maxPerViewer);
  return {
    connections: all.count,
    subscriptions: subscriptions.count,
    /** Whether no client can connect, whoever it is. */
    isFull: () => all.count() >= limits.maxConnections,
    /** A connection of this authenticated viewer: a WebSocket, an event stream or a callback subscription. Undefined where there is no place. */
    connect(viewer: string): Leave | undefined {
      const leaveAll = all.take('');
      if (leaveAll === undefined) return undefined;
      const leaveOwn = connections.take(viewer);
      if (leaveOwn === undefined) {
        leaveAll();
        return undefined;
      }
      return () => {
        leaveAll();
        leaveOwn();
      };
    },
    subscribe: subscriptions.take,
  };
}
