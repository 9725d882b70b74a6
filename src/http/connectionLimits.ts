export interface ConnectionLimitOptions {
  readonly maxConnections: number;
  readonly maxConnectionsPerViewer: number;
  readonly maxPerViewer: number;
}

/** Gives back a place; more than once does no harm. */
export type Release = () => void;

export type ConnectionLimits = ReturnType<typeof createConnectionLimits>;

/** A count by name that keeps no name without a place. */
function createNamedCounter(maxPerName: number) {
  const counts = new Map<string, number>();
  let count = 0;

  return {
    count: () => count,
    acquire(name: string): Release | undefined {
      const current = counts.get(name) ?? 0;
      if (current >= maxPerName) return undefined;
      counts.set(name, current + 1);
      count += 1;
      let isReleased = false;
      return () => {
        if (isReleased) return;
        isReleased = true;
        count -= 1;
        const remaining = (counts.get(name) ?? 1) - 1;
        if (remaining === 0) counts.delete(name);
        else counts.set(name, remaining);
      };
    },
  };
}

/** Who holds how many connections and subscriptions of this process. */
export function createConnectionLimits(limits: ConnectionLimitOptions) {
  const all = createNamedCounter(limits.maxConnections);
  const connections = createNamedCounter(limits.maxConnectionsPerViewer);
  const subscriptions = createNamedCounter(limits.maxPerViewer);
  return {
    connections: all.count,
    subscriptions: subscriptions.count,
    /** Whether no client can connect, whoever it is. */
    isFull: () => all.count() >= limits.maxConnections,
    /** A connection of this authenticated viewer: a WebSocket, an event stream or a callback subscription. Undefined where there is no place. */
    acquire(viewer: string): Release | undefined {
      const leaveAll = all.acquire('');
      if (leaveAll === undefined) return undefined;
      const leaveOwn = connections.acquire(viewer);
      if (leaveOwn === undefined) {
        leaveAll();
        return undefined;
      }
      return () => {
        leaveAll();
        leaveOwn();
      };
    },
    acquireSubscription: subscriptions.acquire,
  };
}
