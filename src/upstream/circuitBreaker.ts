import type { Clock } from '../lib/clock.ts';
import { UpstreamError } from './errors.ts';

/** How a try went, as far as the helpdesk's health is concerned; `unknown` for one that says nothing of it. */
export type BreakerOutcome = 'alive' | 'failed' | 'unknown';

/** The leave to try. */
export interface BreakerPermit {
  /** Whether the circuit has opened since: whoever has not left yet should not. */
  wasTripped(): boolean;
  /** Says how the try went; must be called once, whatever happens to it. */
  recordOutcome(outcome: BreakerOutcome): void;
}

export interface CircuitBreaker {
  /** Fails with `unavailable` and the time to come back while the circuit is open. */
  acquire(): BreakerPermit;
  isOpen(): boolean;
  /** Why nothing leaves at present. */
  openError(): UpstreamError;
}

interface CircuitBreakerOptions {
  readonly clock: Clock;
  /** Told when the circuit opens and when it closes, but not of trials that fail. */
  readonly onStateChange: (isOpen: boolean) => void;
}

const bucketMs = 1_000;
const windowBuckets = 30;
const minRequests = 10;
/** With retries a helpdesk that fails every other call still answers most operations; beyond this it does not. */
const failureRate = 0.75;
const firstOpenMs = 2_000;
const maxOpenMs = 30_000;

/**
 * Stops calling a helpdesk that fails: opens when three quarters of at least ten tries of the last half minute have failed. After two
 * seconds one call tries; each time it fails the circuit stays open for twice as long, up to half a minute.
 */
export function createCircuitBreaker({
  clock,
  onStateChange,
}: CircuitBreakerOptions): CircuitBreaker {
  /** What was tried of late, by the second in which it ended; in order, as maps keep it. */
  const buckets = new Map<number, { requests: number; failures: number }>();
  /** 0 while closed. */
  let openUntil = 0;
  let openMs = firstOpenMs;
  let generation = 0;
  let isProbing = false;

  function open(): void {
    const wasOpen = openUntil > 0;
    openUntil = clock.monotonic() + openMs;
    openMs = Math.min(openMs * 2, maxOpenMs);
    generation += 1;
    buckets.clear();
    if (!wasOpen) onStateChange(true);
  }

  function close(): void {
    openUntil = 0;
    openMs = firstOpenMs;
    onStateChange(false);
  }

  function isFailing(): boolean {
    let requests = 0;
    let failures = 0;
    for (const bucket of buckets.values()) {
      requests += bucket.requests;
      failures += bucket.failures;
    }
    return requests >= minRequests && failures >= requests * failureRate;
  }

  function recordRequest(hasFailed: boolean): void {
    const now = Math.floor(clock.monotonic() / bucketMs);
    for (const second of buckets.keys()) if (second <= now - windowBuckets) buckets.delete(second);
    const bucket = buckets.get(now) ?? { requests: 0, failures: 0 };
    bucket.requests += 1;
    if (hasFailed) bucket.failures += 1;
    buckets.set(now, bucket);
    if (hasFailed && isFailing()) open();
  }

  const openError = () =>
    new UpstreamError('unavailable', 'The helpdesk has failed too often.', {
      notSent: true,
      // A trial that is under way takes its time too.
      retryAfterMs: Math.max(bucketMs, Math.ceil(openUntil - clock.monotonic())),
    });

  function startHalfOpenProbe(): BreakerPermit {
    isProbing = true;
    return {
      wasTripped: () => false,
      recordOutcome(outcome) {
        isProbing = false;
        if (outcome === 'failed') open();
        if (outcome === 'alive') close();
      },
    };
  }

  return {
    isOpen: () => openUntil > 0,
    openError,
    acquire() {
      if (openUntil > 0) {
        if (isProbing || clock.monotonic() < openUntil) throw openError();
        return startHalfOpenProbe();
      }
      const generationAtStart = generation;
      return {
        wasTripped: () => openUntil > 0,
        recordOutcome(outcome) {
          // What left before it opened has nothing to say of now.
          if (outcome !== 'unknown' && generation === generationAtStart)
            recordRequest(outcome === 'failed');
        },
      };
    },
  };
}
