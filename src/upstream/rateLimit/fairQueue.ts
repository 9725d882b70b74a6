import type { CallPriority, Permit, ChargeCandidate, PermitRequest } from './limiter.ts';
import { outranks, priorities } from './limiter.ts';

/** A call that waits for a permit. */
export interface QueueWaiter {
  readonly request: () => PermitRequest;
  grant(permit: Permit): void;
  reject(error: Error): void;
}

/** A queued call. Its candidates are those that it can be charged to: the operation that started it, and joined ones of a higher class. */
export interface QueueEntry extends PermitRequest {
  /** The viewer whose turn it is, and the priority: of the first candidate with the highest priority. */
  readonly viewer: string;
  readonly priority: CallPriority;
  readonly waiter: QueueWaiter;
}

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

const noCandidate: ChargeCandidate = {
  viewer: { key: '', class: 'customer' },
  priority: 'background',
};

function entryOf(waiter: QueueWaiter): QueueEntry {
  const { candidates: waiting, deadlineMs } = waiter.request();
  const [starter = noCandidate, ...others] = waiting;
  const mayBeCharged = (other: ChargeCandidate) =>
    other.isJoined === false || outranks(other, starter);
  const candidates = [starter, ...others.filter(mayBeCharged)];
  const [{ viewer, priority } = starter] = candidates.toSorted(
    (one, other) => priorities.indexOf(one.priority) - priorities.indexOf(other.priority),
  );
  return { candidates, deadlineMs, viewer: viewer.key, priority, waiter };
}

/** A call behind all others, whose deadline has passed: how long it would wait. */
export const hypotheticalLastEntry = (candidate: ChargeCandidate): QueueEntry =>
  entryOf({
    request: () => ({ candidates: [candidate], deadlineMs: -Infinity }),
    grant: () => undefined,
    reject: () => undefined,
  });

/** Orders queued calls: higher priorities first, then viewers in turns, then each viewer's calls as they came. */
export class FairQueue {
  readonly #waiters = new Set<QueueWaiter>();
  /** The order of the viewers' turns. A viewer that comes or was served goes to the end, so that none is overtaken indefinitely. */
  readonly #viewerOrder = byPriority(() => new Set<string>());

  get size(): number {
    return this.#waiters.size;
  }

  add(waiter: QueueWaiter): void {
    this.#waiters.add(waiter);
  }

  remove(waiter: QueueWaiter): void {
    this.#waiters.delete(waiter);
  }

  /** All queued calls, in the order in which they will be served, by what is requested now. */
  entries(): QueueEntry[] {
    const queues = byPriority(() => new Map<string, QueueEntry[]>());
    for (const waiter of this.#waiters) {
      const entry = entryOf(waiter);
      const ofViewer = queues[entry.priority].get(entry.viewer);
      if (ofViewer === undefined) queues[entry.priority].set(entry.viewer, [entry]);
      else ofViewer.push(entry);
    }
    return priorities.flatMap((priority) => this.#inTurns(priority, queues[priority]));
  }

  /** Removes a call that was granted, and ends its viewer's turn. False: it was no longer queued. */
  serve({ waiter, viewer, priority }: QueueEntry): boolean {
    if (!this.#waiters.delete(waiter)) return false;
    this.#viewerOrder[priority].delete(viewer);
    this.#viewerOrder[priority].add(viewer);
    return true;
  }

  depths(): Record<CallPriority, number> {
    const depths = byPriority(() => 0);
    for (const waiter of this.#waiters) depths[entryOf(waiter).priority] += 1;
    return depths;
  }

  rejectAll(error: Error): void {
    for (const waiter of this.#waiters) waiter.reject(error);
    this.#waiters.clear();
  }

  #inTurns(priority: CallPriority, queues: ReadonlyMap<string, QueueEntry[]>): QueueEntry[] {
    const viewers = this.#viewerOrder[priority];
    for (const viewer of viewers) if (!queues.has(viewer)) viewers.delete(viewer);
    for (const viewer of queues.keys()) viewers.add(viewer);
    return roundRobin(Array.from(viewers, (viewer) => queues.get(viewer) ?? []));
  }
}
