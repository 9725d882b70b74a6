import type { AbortSignalLike } from '../lib/abortScope.ts';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../lib/clock.ts';
import { UpstreamError } from './errors.ts';
import type { Layer } from './pipeline.ts';

export type BreakerOutcome = 'success' | 'failure' | 'ignored';

/** Permission for one attempt; `recordOutcome` must be called exactly once. */
interface BreakerPermit {
  /** Whether the circuit has opened since: a queued attempt must not be sent. */
  wasTripped(): boolean;
  recordOutcome(outcome: BreakerOutcome): void;
}

/** A transition of a circuit; failed probes are not reported. */
type CircuitChange =
  | { readonly isOpen: true; readonly failureRate: number; readonly openMs: number }
  | { readonly isOpen: false };

const bucketMs = 1_000;
const windowBuckets = 30;
const minRequests = 10;
/** With retries, most operations still succeed while every other attempt fails. */
const maxFailureRate = 0.75;
const firstOpenMs = 2_000;
const maxOpenMs = 30_000;

/**
 * Opens when three quarters of at least ten attempts within 30 seconds have failed. Half-open, it admits one probe; each failed probe
 * doubles the time that it stays open, up to 30 seconds.
 */
class CircuitBreaker {
  readonly #clock: Clock;
  readonly #onChange: (change: CircuitChange) => void;
  /** Attempts of the window by the second in which they ended, oldest first. */
  readonly #buckets = new Map<number, { requests: number; failures: number }>();
  /** 0 while closed. */
  #openUntil = 0;
  #openMs = firstOpenMs;
  /** Counts how often the circuit has opened. */
  #generation = 0;
  #isProbing = false;

  constructor(clock: Clock, onChange: (change: CircuitChange) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  get isOpen(): boolean {
    return this.#openUntil > 0;
  }

  /** Throws `openError` while the circuit is open or a probe is in flight. */
  acquire(): BreakerPermit {
    if (this.isOpen) return this.#startProbe();
    const generation = this.#generation;
    return {
      wasTripped: () => this.isOpen,
      recordOutcome: (outcome) => {
        // Attempts that started before the circuit opened do not count after it.
        if (outcome !== 'ignored' && generation === this.#generation) this.#record(outcome);
      },
    };
  }

  openError(): UpstreamError {
    return new UpstreamError('unavailable', 'The circuit breaker is open.', {
      notSent: true,
      // While a probe is in flight, its result is awaited for a second.
      retryAfterMs: Math.max(bucketMs, Math.ceil(this.#openUntil - this.#clock.monotonic())),
    });
  }

  #startProbe(): BreakerPermit {
    if (this.#isProbing || this.#clock.monotonic() < this.#openUntil) throw this.openError();
    this.#isProbing = true;
    return {
      wasTripped: () => false,
      recordOutcome: (outcome) => {
        this.#isProbing = false;
        if (outcome === 'failure') this.#open();
        if (outcome === 'success') this.#close();
      },
    };
  }

  #record(outcome: 'success' | 'failure'): void {
    const now = Math.floor(this.#clock.monotonic() / bucketMs);
    for (const second of this.#buckets.keys()) {
      if (second <= now - windowBuckets) this.#buckets.delete(second);
    }
    const bucket = this.#buckets.get(now) ?? { requests: 0, failures: 0 };
    this.#buckets.set(now, bucket);
    bucket.requests += 1;
    if (outcome === 'success') return;
    bucket.failures += 1;
    const buckets = [...this.#buckets.values()];
    const requests = buckets.reduce((sum, each) => sum + each.requests, 0);
    const failureRate = buckets.reduce((sum, each) => sum + each.failures, 0) / requests;
    if (requests < minRequests || failureRate < maxFailureRate) return;
    this.#onChange({ isOpen: true, failureRate, openMs: this.#open() });
  }

  #open(): number {
    const openMs = this.#openMs;
    this.#openUntil = this.#clock.monotonic() + openMs;
    this.#openMs = Math.min(openMs * 2, maxOpenMs);
    this.#generation += 1;
    this.#buckets.clear();
    return openMs;
  }

  #close(): void {
    this.#openUntil = 0;
    this.#openMs = firstOpenMs;
    this.#onChange({ isOpen: false });
  }
}

/** An evicted circuit breaker is closed again. */
const maxAccounts = 10_000;

/** One circuit breaker per account, so that a failing account does not block others. */
export class CircuitBreakers {
  readonly #breakers = new LRUCache<string, CircuitBreaker>({ max: maxAccounts });
  readonly #clock: Clock;
  readonly #onChange: (account: string, change: CircuitChange) => void;

  constructor(clock: Clock, onChange: (account: string, change: CircuitChange) => void) {
    this.#clock = clock;
    this.#onChange = onChange;
  }

  forAccount(account: string): CircuitBreaker {
    let breaker = this.#breakers.get(account);
    if (breaker === undefined) {
      breaker = new CircuitBreaker(this.#clock, (change) => this.#onChange(account, change));
      this.#breakers.set(account, breaker);
    }
    return breaker;
  }

  isOpen(account: string): boolean {
    return this.#breakers.peek(account)?.isOpen === true;
  }

  openCount(): number {
    return [...this.#breakers.values()].filter(({ isOpen }) => isOpen).length;
  }
}

/** An attempt that is aborted at the operation's deadline counts as a failure if it was in flight for this long. */
const minCountedTimeoutMs = 1_000;

/** 4xx and 429 count as success; attempts that were not sent or whose client disconnected are ignored. */
function outcomeOf(error: unknown, signal: AbortSignalLike, durationMs: number): BreakerOutcome {
  if (!(error instanceof UpstreamError) || error.details.notSent === true) return 'ignored';
  if (signal.aborted)
    return error.kind === 'timeout' && durationMs >= minCountedTimeoutMs ? 'failure' : 'ignored';
  const isDown = error.kind === 'unavailable' || error.kind === 'timeout';
  return isDown && error.details.status !== 408 ? 'failure' : 'success';
}

/** Records attempts. When the circuit opens, queued attempts are rejected by setting their deadline to the past. */
export const circuitBreaker =
  (breakers: CircuitBreakers, clock: Clock): Layer =>
  (next) =>
  async (request) => {
    const { signal } = request;
    const breaker = breakers.forAccount(request.quotaOwner);
    const permit = breaker.acquire();
    let sentAt = Infinity;
    let outcome: BreakerOutcome = 'success';
    try {
      return await next({
        ...request,
        deadlineMs: () => (permit.wasTripped() ? -Infinity : request.deadlineMs()),
        setQueued(isQueued) {
          request.setQueued(isQueued);
          if (!isQueued) sentAt = clock.monotonic();
        },
      });
    } catch (error) {
      outcome = outcomeOf(error, signal, clock.monotonic() - sentAt);
      const isQueueError = error instanceof UpstreamError && error.details.notSent === true;
      throw isQueueError && permit.wasTripped() && !signal.aborted ? breaker.openError() : error;
    } finally {
      permit.recordOutcome(outcome);
    }
  };
