import { LRUCache } from 'lru-cache';
import { lruEntryLimit } from '../../lib/entryLimit.ts';
import type { Clock } from '../../lib/clock.ts';

interface Invalidation {
  /** Position in the logical clock. */
  readonly sequence: number;
  /** On the monotonic clock. */
  readonly at: number;
}

/** Keys with a record of their own. Once one is evicted, values read before it count as invalidated. */
const maxInvalidations = 10_000;

/** A type's tag is a key without an id. */
const isTypeTag = (key: string): boolean => key.endsWith(':');

/**
 * A logical clock that orders requests and invalidations, and the last invalidation of each key. A value is never stored or returned if
 * its key or tag was invalidated after its request started.
 */
export class Invalidations {
  readonly #clock: Clock;
  #now = 0;
  #latest = 0;
  #latestOfAll = 0;
  #lastEvicted: Invalidation | undefined;
  readonly #byKey = new LRUCache<string, Invalidation>({
    ...lruEntryLimit(maxInvalidations),
    dispose: (invalidation, _key, reason) => {
      if (reason === 'evict') this.#lastEvicted = invalidation;
    },
  });
  /** Types are few and never evicted. */
  readonly #byType = new Map<string, Invalidation>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get sequence(): number {
    return this.#now;
  }

  /** The sequence of the latest invalidation of any key. */
  get latestSequence(): number {
    return this.#latest;
  }

  /** The sequence of a request that starts now. */
  nextSequence(): number {
    this.#now += 1;
    return this.#now;
  }

  record(key: string): Invalidation {
    this.#latest = this.nextSequence();
    const invalidation = { sequence: this.#latest, at: this.#clock.monotonic() };
    (isTypeTag(key) ? this.#byType : this.#byKey).set(key, invalidation);
    return invalidation;
  }

  /** Invalidations may have been missed: no request in flight is trusted. */
  recordAll(): void {
    this.#latest = this.nextSequence();
    this.#latestOfAll = this.#latest;
  }

  /** The last invalidation of a key or tag, or a later one of an evicted key. */
  of(key: string): Invalidation | undefined {
    return isTypeTag(key) ? this.#byType.get(key) : (this.#byKey.peek(key) ?? this.#lastEvicted);
  }

  /** 0 if the key or tag was never invalidated. */
  sequenceOf(key: string): number {
    return this.of(key)?.sequence ?? 0;
  }

  isInvalidatedSince(sequence: number, key: string): boolean {
    return Math.max(this.sequenceOf(key), this.#latestOfAll) > sequence;
  }
}
