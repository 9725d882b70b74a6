import type { Clock } from '../../lib/clock.ts';
import { createInFlightRequest } from './inFlight.ts';
import type { RequestWaiters, InFlightRequest } from './inFlight.ts';

/** Reads all keys; says through `began` where in the order of things the call began. */
export type Fetch<Result> = (
  keys: readonly string[],
  waiters: RequestWaiters,
  onStart: (sequence: number) => void,
) => Promise<Result>;

interface FetchPlan<Result> {
  readonly keys: readonly string[];
  /** Set where loads of one group go one after the other, each with all that was missed during the one before. */
  readonly collapseGroup: string | undefined;
  /** Only what began after this is new enough to be joined or waited for. */
  readonly minSequence: number;
  readonly fetch: Fetch<Result>;
}

interface Started<Result> {
  readonly flight: InFlightRequest<Result>;
  /** Whether the keys were added to a load of another operation that is still to begin. */
  readonly isJoined: boolean;
}

interface PendingFetch<Result> {
  readonly request: InFlightRequest<Result>;
  readonly sequence: () => number;
}

const maxCollapseMs = 250;

/** The loads that are under way, so that nothing is asked for twice at once. */
export function createRequestCollapser<Result>(clock: Clock) {
  const pendingByKey = new Map<string, PendingFetch<Result>>();
  const lastByGroup = new Map<string, PendingFetch<Result>>();
  const collectingByGroup = new Map<
    string,
    { readonly keys: Set<string>; readonly pending: PendingFetch<Result> }
  >();

  /** One load that hangs must not hold up those behind it. */
  const waitBriefly = (previous: Promise<unknown>) =>
    new Promise<void>((resolve) => {
      const cancel = clock.after(maxCollapseMs, resolve);
      void previous.then(() => {
        cancel();
        resolve();
      });
    });

  function startRequest({
    keys,
    collapseGroup,
    minSequence,
    fetch,
  }: FetchPlan<Result>): InFlightRequest<Result> {
    const requestedKeys = new Set(keys);
    const lastOfGroup = collapseGroup === undefined ? undefined : lastByGroup.get(collapseGroup);
    const previous =
      lastOfGroup !== undefined && lastOfGroup.sequence() > minSequence
        ? lastOfGroup.request.settled
        : undefined;
    let sequence = Infinity;
    const request = createInFlightRequest(async (waiters) => {
      try {
        if (collapseGroup !== undefined && previous !== undefined) {
          await waitBriefly(previous);
          if (collectingByGroup.get(collapseGroup)?.keys === requestedKeys)
            collectingByGroup.delete(collapseGroup);
          waiters.signal.throwIfAborted();
        }
        return await fetch([...requestedKeys], waiters, (startSequence) => {
          sequence = startSequence;
        });
      } finally {
        for (const key of requestedKeys)
          if (pendingByKey.get(key)?.request === request) pendingByKey.delete(key);
      }
    });
    const pending = { request, sequence: () => sequence };
    for (const key of keys) pendingByKey.set(key, pending);
    if (collapseGroup !== undefined) {
      if (previous !== undefined)
        collectingByGroup.set(collapseGroup, { keys: requestedKeys, pending });
      lastByGroup.set(collapseGroup, pending);
      void request.settled.then(() => {
        if (lastByGroup.get(collapseGroup) === pending) lastByGroup.delete(collapseGroup);
      });
    }
    return request;
  }

  return {
    /** The load that will bring the key, if it began after `since` or is still to begin. */
    find(key: string, minSequence: number): InFlightRequest<Result> | undefined {
      const pending = pendingByKey.get(key);
      const isUsable =
        pending !== undefined && !pending.request.isAborted() && pending.sequence() > minSequence;
      return isUsable ? pending.request : undefined;
    },

    start(plan: FetchPlan<Result>): Started<Result> {
      const collecting =
        plan.collapseGroup === undefined ? undefined : collectingByGroup.get(plan.collapseGroup);
      if (collecting === undefined || collecting.pending.request.isAborted()) {
        return { flight: startRequest(plan), isJoined: false };
      }
      for (const key of plan.keys) {
        collecting.keys.add(key);
        pendingByKey.set(key, collecting.pending);
      }
      return { flight: collecting.pending.request, isJoined: true };
    },
  };
}
