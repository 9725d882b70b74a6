import type { PermitRequest, CallPriority, Permit } from './limiter.ts';

export const priorities: readonly CallPriority[] = ['write', 'read', 'background'];

/** A call that waits for its turn. */
export interface QueueWaiter {
  readonly request: () => PermitRequest;
  grant(permit: Permit): void;
  reject(error: Error): void;
}

export interface QueueEntry extends PermitRequest {
  readonly waiter: QueueWaiter;
}

export type QueueDepths = Readonly<Record<CallPriority, number>>;

export const emptyDepths: QueueDepths = { write: 0, read: 0, background: 0 };

const byPriority = <Value>(make: () => Value): Record<CallPriority, Value> => ({
  write: make(),
  read: make(),
  background: make(),
});

/** First each viewer's first call, then each one's second, and so on. */
function roundRobin(queuesByViewer: QueueEntry[][]): QueueEntry[] {
  const entries: QueueEntry[] = [];
  let remaining = queuesByViewer;
  for (let round = 0; remaining.length > 0; round += 1) {
    remaining = remaining.filter((queue) => queue.length > round);
    for (const queue of remaining) entries.push(...queue.slice(round, round + 1));
  }
  return entries;
}

/** Who is next: the more important first, viewers in turns, each viewer's calls as they came. */
export function createFairQueue() {
  const waiters = new Set<QueueWaiter>();
  /** The order of the viewers' turns. Who comes and who was served goes to the end, so nobody is overtaken for ever. */
  const viewerOrder = byPriority(() => new Set<string>());

  function entriesInOrder(
    viewers: Set<string>,
    queues: ReadonlyMap<string, QueueEntry[]>,
  ): QueueEntry[] {
    for (const viewer of viewers) if (!queues.has(viewer)) viewers.delete(viewer);
    for (const viewer of queues.keys()) viewers.add(viewer);
    return roundRobin(Array.from(viewers, (viewer) => queues.get(viewer) ?? []));
  }

  function entryOf(waiter: QueueWaiter): QueueEntry {
    const { viewer, priority, deadlineMs } = waiter.request();
    return { viewer, priority, deadlineMs, waiter };
  }

  return {
    add: (waiter: QueueWaiter): unknown => waiters.add(waiter),
    remove: (waiter: QueueWaiter): boolean => waiters.delete(waiter),
    size: (): number => waiters.size,

    /** Who waits, where there is but one. */
    single(): QueueEntry | undefined {
      const [waiter] = waiters;
      return waiter !== undefined && waiters.size === 1 ? entryOf(waiter) : undefined;
    },

    /** All who wait, in the order in which they will be served, by what they want now. */
    entries(): QueueEntry[] {
      const queuesByPriority = byPriority(() => new Map<string, QueueEntry[]>());
      for (const waiter of waiters) {
        const entry = entryOf(waiter);
        const { viewer, priority } = entry;
        const queue = queuesByPriority[priority].get(viewer);
        if (queue === undefined) queuesByPriority[priority].set(viewer, [entry]);
        else queue.push(entry);
      }
      return priorities.flatMap((priority) =>
        entriesInOrder(viewerOrder[priority], queuesByPriority[priority]),
      );
    },

    /** The viewer has had its turn. */
    markServed({ waiter, viewer, priority }: QueueEntry): void {
      waiters.delete(waiter);
      viewerOrder[priority].delete(viewer);
      viewerOrder[priority].add(viewer);
    },

    depths(): Record<CallPriority, number> {
      const depths = byPriority(() => 0);
      for (const waiter of waiters) depths[waiter.request().priority] += 1;
      return depths;
    },

    /** Sends all away. */
    rejectAll(error: Error): void {
      for (const waiter of waiters) waiter.reject(error);
      waiters.clear();
    },
  };
}
