import type { KeyedMutex } from '../../lib/keyedMutex.ts';
import { isNotFound, allowsStaleIfError, UpstreamError, upstreamErrorAsValue } from '../errors.ts';
import type { UpstreamContext } from '../pipeline.ts';
import { CacheReader } from './cacheReader.ts';
import type { CacheExpiry, CacheReaderOptions, FetchedEntries } from './cacheReader.ts';
import type { CacheType, CacheTypeDescriptor, PutEntity } from './cacheTypes.ts';
import { toNegativeEntry } from './cacheTypes.ts';
import type { CacheChange, FetchEntities, ScopedCacheHooks, SendCall } from './entityCache.ts';
import type { CacheEntry, SharedCacheEntry } from './entityStore.ts';
import { WriteSession } from '../writes/writeSession.ts';
import type { Fetch, InFlightRequest, RequestCollapser } from './inFlight.ts';

/** What all operations share. */
export interface CrossOperationCache extends CacheReaderOptions {
  readonly collapser: RequestCollapser<FetchedEntries>;
  /** The queues of writes, one for each entity. */
  readonly writeQueues: KeyedMutex;
  readonly applyChanges: (account: string, changes: readonly CacheChange[]) => Promise<void>;
  /** Called once for each key that an operation of an agent requests. */
  readonly onRequest: ((key: string) => void) | undefined;
}

type Fetched = FetchedEntries | UpstreamError;

/** A request of which the operation waits for some names. */
interface JoinedRequest {
  readonly response: Promise<Fetched>;
  readonly names: string[];
  /** Set when the request has ended. */
  fetched?: Fetched;
}

/** The state of one `getOrLoadMany`. */
interface Load<Value> {
  readonly type: CacheType<Value>;
  readonly results: Map<string, Value | UpstreamError>;
  readonly joined: Map<InFlightRequest<FetchedEntries>, JoinedRequest>;
}

/** The cache as one operation sees it. */
export class ScopedCache {
  readonly #shared: CrossOperationCache;
  readonly #context: UpstreamContext;
  readonly #hooks: ScopedCacheHooks;
  readonly #reader: CacheReader;
  #fence: Promise<void> | undefined;

  constructor(shared: CrossOperationCache, context: UpstreamContext, hooks: ScopedCacheHooks) {
    this.#shared = shared;
    this.#context = context;
    this.#hooks = hooks;
    this.#reader = new CacheReader(shared, context);
  }

  /** Whether a value or a `notFound` error is cached. */
  has(type: CacheType<unknown>, name: string): boolean {
    return this.#reader.getFresh(type, name) !== undefined;
  }

  /** Copies entries from Redis, so that `has` finds them. */
  async hydrate(type: CacheType<unknown>, names: readonly string[]): Promise<void> {
    await this.#awaitFence();
    const missing = names.filter((name) => !this.has(type, name));
    const isReadable = this.#shared.store.isShared() === true && !this.#context.isUnverified;
    if (missing.length > 0 && isReadable) await this.#reader.hydrate(type, missing);
  }

  /** The cached value. Neither sends a request nor counts as a hit. */
  peek<Value>(type: CacheType<Value>, name: string): Value | undefined {
    const value = this.#reader.getFresh(type, name);
    return value instanceof UpstreamError ? undefined : value;
  }

  /** As `peek`, but counts as a hit. Undefined if the cache is shared, which requires a fence first. */
  getIfLocal<Value>(type: CacheType<Value>, name: string): Value | undefined {
    const value = this.#shared.store.isShared() === null ? this.peek(type, name) : undefined;
    if (value === undefined) return undefined;
    this.#recordRequest(type, name);
    this.#context.usage.cacheHits += 1;
    return value;
  }

  /** The cached value after all earlier invalidations have arrived, if it is wanted. Counts as a hit. */
  async get<Value>(
    type: CacheType<Value>,
    name: string,
    isWanted: (value: Value) => boolean,
  ): Promise<Value | undefined> {
    await this.#awaitFence();
    const value = this.peek(type, name);
    if (value === undefined || !isWanted(value)) return undefined;
    this.#recordRequest(type, name);
    this.#context.usage.cacheHits += 1;
    return value;
  }

  async getOrLoad<Value>(
    type: CacheType<Value>,
    name: string,
    fetch: (send: SendCall) => Promise<Value>,
  ): Promise<Value> {
    const [value] = await this.getOrLoadMany(type, [name], async (send) => [await fetch(send)]);
    if (value === undefined) throw new Error('Every name has a result.');
    if (value instanceof UpstreamError) throw value;
    return value;
  }

  /** The value or error of each name, in order: from the cache, from requests in flight, or from one new request. */
  async getOrLoadMany<Value>(
    type: CacheType<Value>,
    names: readonly string[],
    fetch: FetchEntities<Value>,
  ): Promise<(Value | UpstreamError)[]> {
    const results = new Map<string, Value | UpstreamError>();
    const load: Load<Value> = { type, results, joined: new Map() };
    const { usage, isUnverified, signal } = this.#context;
    const distinctNames = names.length === 1 ? names : [...new Set(names)];
    for (const name of distinctNames) this.#recordRequest(type, name);
    await this.#awaitFence();
    let missing = this.#takeAvailable(load, distinctNames);
    let epoch: string | undefined;
    // Unverified keys must not fill Redis.
    if (missing.length > 0 && this.#shared.store.isShared() === true && isUnverified !== true) {
      epoch = await this.#reader.hydrate(type, missing);
      signal().throwIfAborted();
      missing = this.#takeAvailable(load, missing);
    }
    usage.shared += load.joined.size;
    if (missing.length > 0) this.#startRequest(load, missing, this.#fetcher(type, fetch, epoch));
    await this.#collect(load);
    return names.map(
      (name) => results.get(name) ?? new UpstreamError('malformed', 'A response is incomplete.'),
    );
  }

  /** Starts the calls of one mutation. */
  openWrite(): WriteSession {
    this.#context.tracker.markUncacheable();
    return new WriteSession({ shared: this.#shared, context: this.#context, hooks: this.#hooks });
  }

  /** When the cached value expires, and the TTL of the entry that expires first. Undefined if it is not cached, or an error. */
  expiryOf(type: CacheType<unknown>, name: string): CacheExpiry | undefined {
    return this.#reader.expiryOf(type, name);
  }

  /** Copies values from Redis that other instances have read since. */
  async copyNewer(type: CacheType<unknown>, names: readonly string[]): Promise<void> {
    if (this.#shared.store.isShared() !== true) return;
    await this.#awaitFence();
    await this.#reader.hydrate(type, names, () => true);
  }

  #recordRequest(type: CacheType<unknown>, name: string): void {
    const { onRequest } = this.#shared;
    const { viewer, tracker } = this.#context;
    if (onRequest === undefined || viewer.class !== 'agent') return;
    const key = this.#reader.keyOf(type, name);
    if (tracker.recordRequestedKey(key)) onRequest(key);
  }

  #awaitFence(): Promise<void> | undefined {
    return (this.#fence ??= this.#shared.store.awaitFence());
  }

  /** Requests that started before the last invalidation, or before an operation that bypasses the cache, are too old to be joined. */
  #joinRules() {
    const { latestSequence } = this.#shared.store.invalidations;
    return {
      minSequence: Math.max(
        latestSequence,
        this.#context.bypassesCache ? this.#reader.startSequence : 0,
      ),
      mayJoin: this.#hooks.mayJoin,
    };
  }

  /** Takes results from the cache and joins requests in flight. Returns the names that need a new request. */
  #takeAvailable<Value>(load: Load<Value>, names: readonly string[]): string[] {
    const { type, results } = load;
    return names.filter((name) => {
      const result = this.#reader.getFresh(type, name);
      if (result !== undefined) {
        this.#context.usage.cacheHits += 1;
        results.set(name, result);
        return false;
      }
      const key = this.#reader.keyOf(type, name);
      const request = this.#shared.collapser.find(key, this.#joinRules());
      if (request === undefined) return true;
      this.#join(load, name, request);
      this.#hooks.onJoin();
      return false;
    });
  }

  /** Joins at once: a request whose other waiters disconnect meanwhile must not be aborted. */
  #join<Value>(
    { joined }: Load<Value>,
    name: string,
    request: InFlightRequest<FetchedEntries>,
  ): void {
    const known = joined.get(request);
    if (known !== undefined) {
      known.names.push(name);
      return;
    }
    const { queueTimeoutError } = this.#hooks;
    const waiter = { ...this.#context, signal: this.#context.signal(), queueTimeoutError };
    const response = request.join(waiter).catch((error: unknown) => {
      this.#hooks.onFailure(error);
      return upstreamErrorAsValue(error);
    });
    // Awaited later, by `#collect`.
    response.catch(() => undefined);
    joined.set(request, { response, names: [name] });
  }

  #startRequest<Value>(
    load: Load<Value>,
    names: readonly string[],
    fetch: Fetch<FetchedEntries>,
  ): void {
    const { type, joined } = load;
    const collapseKey = type.collapseKey?.(names[0] ?? '');
    const { request, isJoined } = this.#shared.collapser.start({
      keys: names.map((name) => this.#reader.keyOf(type, name)),
      collapseGroup:
        collapseKey === undefined ? undefined : this.#reader.prefixOf(type) + collapseKey,
      ...this.#joinRules(),
      fetch,
    });
    if (isJoined && !joined.has(request)) this.#context.usage.shared += 1;
    for (const name of names) this.#join(load, name, request);
  }

  /** Takes the results of the requests; while HelpCrunch is unavailable, stale values (stale-if-error). */
  async #collect<Value>({ type, results, joined }: Load<Value>): Promise<void> {
    for (const request of joined.values()) request.fetched = await request.response;
    for (const { names, fetched } of joined.values()) {
      if (fetched === undefined) continue;
      for (const name of names) {
        const result =
          fetched instanceof UpstreamError ? fetched : this.#reader.getFetched(fetched, type, name);
        if (result === undefined) continue;
        results.set(name, allowsStaleIfError(result) ? this.#staleOr(result, type, name) : result);
      }
    }
  }

  #staleOr<Value>(error: UpstreamError, type: CacheType<Value>, name: string) {
    const stale = this.#reader.getStale(type, name);
    if (stale === null) return error;
    const { usage } = this.#context;
    usage.staleMs = Math.max(usage.staleMs ?? 0, stale.ageMs);
    return stale.value;
  }

  /** Fetches values, normalizes them into entries, and stores these here and in Redis. */
  #fetcher<Value>(
    type: CacheType<Value>,
    fetch: FetchEntities<Value>,
    epoch: string | undefined,
  ): Fetch<FetchedEntries> {
    const { store, clock, ttlMsOf } = this.#shared;
    const prefix = this.#reader.prefixOf(type);
    return async (keys, waiters, onStart) => {
      const sequence = store.invalidations.nextSequence();
      onStart(sequence);
      const readAt = clock.monotonic();
      const entries = new Map<string, CacheEntry>();
      const errors = new Map<string, UpstreamError>();
      const shareable: SharedCacheEntry[] = [];
      const put = (entryType: CacheTypeDescriptor, name: string, value: unknown) => {
        const key = this.#reader.keyOf(entryType, name);
        const entry = { value, sequence, readAt };
        const ttlMs = ttlMsOf(entryType, value);
        entries.set(key, entry);
        if (store.putIfNewer(key, entry) === entry && ttlMs > 0) {
          shareable.push({ key, tag: this.#reader.tagOf(entryType, name), entry, ttlMs });
        }
      };
      const putEntity: PutEntity = (entryType, entity) => {
        put(entryType, entity.id, entryType.serialize(entity, putEntity));
      };
      const names = keys.map((key) => key.slice(prefix.length));
      const send = this.#hooks.sendFor(waiters);
      const values = await fetch(send, names, putEntity).catch((error: unknown) => {
        if (isNotFound(error) && names.length === 1) return [error];
        throw error;
      });
      for (const [index, name] of names.entries()) {
        const value = values[index] ?? new UpstreamError('notFound', 'The id is unknown.');
        if (!(value instanceof UpstreamError)) put(type, name, type.serialize(value, putEntity));
        else if (isNotFound(value)) put(type, name, toNegativeEntry(value));
        else errors.set(prefix + name, value);
      }
      store.storeInRedis(this.#context.account, epoch, shareable);
      return { entries, errors };
    };
  }
}
