/** A cache lookup that a response was made from: the entry that was found, or that there was none. */
export interface Dependency {
  readonly key: string;
  /** Undefined when nothing is cached under the key. */
  readonly version: number | undefined;
  /** A change of what has this key invalidates the entry, if the entry's sequence is lower than the change's. */
  readonly tag: string;
  readonly sequence: number;
  readonly expiresAtMs: number;
}

/** Everything that a response was made from. */
export interface Dependencies {
  /** Of entries, by key. */
  readonly versions: ReadonlyMap<string, number | undefined>;
  /** The lowest sequence of the entries that a tag invalidates. */
  readonly oldestSequenceByTag: ReadonlyMap<string, number>;
  /** When the first of the entries expires. */
  readonly expiresAtMs: number;
  /** The keys that were requested, without those of entries that these refer to. */
  readonly requestedKeys: readonly string[];
}

/**
 * Records what the response of one operation is made from. It fails safe: the response is cacheable only if tracking began before
 * the first read and every read since then was of a cache entry, which expires.
 */
export class DependencyTracker {
  #state: 'idle' | 'tracking' | 'uncacheable' = 'idle';
  readonly #versions = new Map<string, number | undefined>();
  readonly #oldestByTag = new Map<string, number>();
  #expiresAtMs = Infinity;
  #requestedKeys: Set<string> | undefined;

  get isTracking(): boolean {
    return this.#state === 'tracking';
  }

  /** Has no effect once something was read. */
  start(): void {
    if (this.#state === 'idle') this.#state = 'tracking';
  }

  /** Records a read. Two versions of one entry make the response uncacheable, as does a read before `start`. */
  track({ key, version, tag, sequence, expiresAtMs }: Dependency): void {
    if (this.#state === 'uncacheable') return;
    const isOtherVersion = this.#versions.has(key) && this.#versions.get(key) !== version;
    if (this.#state === 'idle' || isOtherVersion) {
      this.markUncacheable();
      return;
    }
    this.#versions.set(key, version);
    this.#oldestByTag.set(tag, Math.min(this.#oldestByTag.get(tag) ?? Infinity, sequence));
    this.#expiresAtMs = Math.min(this.#expiresAtMs, expiresAtMs);
  }

  /** Records a key that the operation requests. Returns whether it is the first time. */
  recordRequestedKey(key: string): boolean {
    this.#requestedKeys ??= new Set();
    if (this.#requestedKeys.has(key)) return false;
    this.#requestedKeys.add(key);
    return true;
  }

  /** The operation has obtained something that is not a cache entry, such as a response of the upstream or the time. */
  markUncacheable(): void {
    this.#state = 'uncacheable';
  }

  /** Undefined when the response must not be cached. Later reads are not part of the response, and are not recorded. */
  finish(): Dependencies | undefined {
    const isCacheable = this.isTracking && this.#expiresAtMs < Infinity;
    this.markUncacheable();
    if (!isCacheable) return undefined;
    return {
      versions: this.#versions,
      oldestSequenceByTag: this.#oldestByTag,
      expiresAtMs: this.#expiresAtMs,
      requestedKeys: [...(this.#requestedKeys ?? [])],
    };
  }
}
