import { AbortScope } from '../../lib/abortScope.ts';
import type { AbortSignalLike } from '../../lib/abortScope.ts';
import { asError } from '../../lib/asError.ts';
import type { Clock } from '../../lib/clock.ts';
import type { DependencyTracker } from '../../lib/dependencyTracker.ts';
import { UpstreamError } from '../errors.ts';
import type { ChargeCandidate, QuotaViewer } from '../rateLimit/limiter.ts';
import { viewerSnapshot } from '../rateLimit/limiter.ts';

/** An operation that waits for a request. */
interface RequestWaiter {
  readonly viewer: QuotaViewer;
  readonly readPriority: 'read' | 'background';
  /** Further viewers for which the operation reads. */
  readonly fallbackCandidates?: readonly ChargeCandidate[] | undefined;
  readonly signal: AbortSignalLike;
  readonly deadlineMs: number;
  readonly tracker: DependencyTracker;
  /** The error of an operation whose deadline passes while the request is queued; other waiters may have later deadlines. */
  readonly queueTimeoutError: () => Error;
}

/** The waiters of a request as the layers of the pipeline see them. */
export interface RequestWaiters {
  /** Aborted when the last waiter disconnects. */
  readonly signal: AbortSignalLike;
  /** The viewers that are still connected, those of the operation that started the request first. */
  candidates(): readonly ChargeCandidate[];
  /** The latest deadline of the waiters. */
  deadlineMs(): number;
  /** Called when the request enters and when it leaves the queue of the rate limiter. */
  setQueued(isQueued: boolean): void;
  /** Called when a request was sent that HelpCrunch may have processed. */
  sent?(): void;
}

const isTimeout = ({ reason }: AbortSignalLike): boolean =>
  reason instanceof UpstreamError && reason.kind === 'timeout';

const candidateOf = ({ viewer, readPriority: priority }: RequestWaiter): ChargeCandidate => ({
  viewer: viewerSnapshot(viewer),
  priority,
});

function candidatesOf(waiter: RequestWaiter, index: number): ChargeCandidate[] {
  const isJoined = index > 0;
  const others = waiter.fallbackCandidates?.map(({ viewer, priority }) => ({
    viewer: viewerSnapshot(viewer),
    priority,
    isJoined,
  }));
  return [{ isJoined, ...candidateOf(waiter) }, ...(others ?? [])];
}

type Start<Value> = (
  waiters: RequestWaiters,
  onStart: (sequence: number) => void,
) => Promise<Value>;

/** A request that several operations wait for (single-flight). It is aborted when the last waiter disconnects. */
export class InFlightRequest<Value> {
  readonly #scope = new AbortScope();
  readonly #waiters = new Set<RequestWaiter>();
  readonly #start: Start<Value>;
  #response: Promise<Value> | undefined;
  #queuedCount = 0;
  #isSent = false;
  /** When the request started, on the logical clock; Infinity before that. */
  #sequence = Infinity;

  /** The request starts when its first waiter joins. */
  constructor(start: Start<Value>) {
    this.#start = start;
  }

  /** Resolves when the request has ended; never rejects. */
  async settled(): Promise<void> {
    await this.#response?.catch(() => undefined);
  }

  get isAborted(): boolean {
    return this.#scope.aborted;
  }

  /** Who is charged for the request, until it has been sent. */
  get chargedTo(): ChargeCandidate | undefined {
    const [starter] = this.#waiters;
    return starter === undefined || this.#isSent ? undefined : candidateOf(starter);
  }

  /** Whether the request started after `sequence` or has not started yet. */
  startsAfter(sequence: number): boolean {
    return this.#sequence > sequence;
  }

  /** The response, or the waiter's abort reason. Marks the waiter's response as uncacheable. */
  join(waiter: RequestWaiter): Promise<Value> {
    const { signal, tracker } = waiter;
    tracker.markUncacheable();
    this.#waiters.add(waiter);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        // Computed before the abort, which removes the request from the queue.
        const error = this.#abortErrorOf(waiter);
        this.#waiters.delete(waiter);
        if (this.#waiters.size === 0) this.#scope.abort(asError(signal.reason));
        reject(error);
      };
      if (signal.aborted) onAbort();
      else signal.addEventListener('abort', onAbort);
      const settle = (end: () => void) => {
        signal.removeEventListener('abort', onAbort);
        end();
      };
      this.#started().then(
        (value) => settle(() => resolve(value)),
        (error: unknown) => settle(() => reject(asError(error))),
      );
    });
  }

  #started(): Promise<Value> {
    return (this.#response ??= this.#start(
      {
        signal: this.#scope,
        candidates: () => Array.from(this.#waiters, candidatesOf).flat(),
        deadlineMs: () => Math.max(...Array.from(this.#waiters, ({ deadlineMs }) => deadlineMs)),
        setQueued: (isQueued) => {
          this.#queuedCount += isQueued ? 1 : -1;
          this.#isSent ||= !isQueued;
        },
      },
      (sequence) => {
        this.#sequence = sequence;
      },
    ));
  }

  #abortErrorOf({ signal, queueTimeoutError }: RequestWaiter): Error {
    const isQueueTimeout = this.#queuedCount > 0 && isTimeout(signal);
    return isQueueTimeout ? queueTimeoutError() : asError(signal.reason);
  }
}

/** Fetches the keys. Calls `onStart` with the logical time at which the request starts. */
export type Fetch<Result> = (
  keys: readonly string[],
  waiters: RequestWaiters,
  onStart: (sequence: number) => void,
) => Promise<Result>;

/** Whether an operation may wait for a request that is charged to another viewer. */
export type MayJoin = (chargedTo: ChargeCandidate) => boolean;

interface FetchPlan<Result> {
  readonly keys: readonly string[];
  /** Requests of one group are sent one after the other; keys that are missed meanwhile are collapsed into the next. */
  readonly collapseGroup: string | undefined;
  /** Requests that started before are too old to be joined or waited for. */
  readonly minSequence: number;
  readonly mayJoin: MayJoin;
  readonly fetch: Fetch<Result>;
}

const isShareable = ({ chargedTo }: InFlightRequest<unknown>, mayJoin: MayJoin): boolean =>
  chargedTo === undefined || mayJoin(chargedTo);

/** The latest request of a group. */
interface Batch<Result> {
  readonly keys: Set<string>;
  readonly request: InFlightRequest<Result>;
  /** Whether it waits for the request before it, and accepts further keys. */
  isOpen: boolean;
}

/** The maximum time that a batch waits for the previous request of its group. */
const maxCollapseMs = 250;

/** The requests in flight: deduplicates keys, and collapses keys of one group into batches. */
export class RequestCollapser<Result> {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, InFlightRequest<Result>>();
  readonly #lastByGroup = new Map<string, Batch<Result>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The request that will return the key. */
  find(
    key: string,
    { minSequence, mayJoin }: Pick<FetchPlan<Result>, 'minSequence' | 'mayJoin'>,
  ): InFlightRequest<Result> | undefined {
    const request = this.#byKey.get(key);
    const isUsable =
      request !== undefined && !request.isAborted && request.startsAfter(minSequence);
    return isUsable && isShareable(request, mayJoin) ? request : undefined;
  }

  /** Adds the keys to the open batch of their group (`isJoined`) or starts a request. */
  start(plan: FetchPlan<Result>): { request: InFlightRequest<Result>; isJoined: boolean } {
    const { keys, collapseGroup: group } = plan;
    const batch = group === undefined ? undefined : this.#lastByGroup.get(group);
    if (
      batch?.isOpen !== true ||
      batch.request.isAborted ||
      !isShareable(batch.request, plan.mayJoin)
    ) {
      return { request: this.#startRequest(plan, batch), isJoined: false };
    }
    for (const key of keys) {
      batch.keys.add(key);
      this.#byKey.set(key, batch.request);
    }
    return { request: batch.request, isJoined: true };
  }

  #startRequest(
    { keys, collapseGroup: group, minSequence, fetch }: FetchPlan<Result>,
    last: Batch<Result> | undefined,
  ): InFlightRequest<Result> {
    const previous = last?.request.startsAfter(minSequence) === true ? last.request : undefined;
    const batchKeys = new Set(keys);
    const request = new InFlightRequest<Result>(async (waiters, onStart) => {
      try {
        if (previous !== undefined) {
          await this.#waitBriefly(previous);
          batch.isOpen = false;
          waiters.signal.throwIfAborted();
        }
        return await fetch([...batchKeys], waiters, onStart);
      } finally {
        for (const key of batchKeys) if (this.#byKey.get(key) === request) this.#byKey.delete(key);
        if (group !== undefined && this.#lastByGroup.get(group) === batch)
          this.#lastByGroup.delete(group);
      }
    });
    const batch = { keys: batchKeys, request, isOpen: previous !== undefined };
    for (const key of keys) this.#byKey.set(key, request);
    if (group !== undefined) this.#lastByGroup.set(group, batch);
    return request;
  }

  #waitBriefly(previous: InFlightRequest<Result>): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(maxCollapseMs, resolve);
      void previous.settled().then(() => {
        cancel();
        resolve();
      });
    });
  }
}
