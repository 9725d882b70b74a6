import { createJumpCheck, toWallTime } from '../../lib/clock.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Dependencies } from '../../lib/dependencyTracker.ts';
import { KeyedMutex } from '../../lib/keyedMutex.ts';
import type { UpstreamError } from '../errors.ts';
import type { UpstreamContext, UpstreamCall } from '../pipeline.ts';
import type { CacheTypeDescriptor, PutEntity, StoredCacheType, TtlClass } from './cacheTypes.ts';
import { isValidEntry, isNegativeEntry } from './cacheTypes.ts';
import type { EntityStoreOptions, OnErasure, ReplacementValue } from './entityStore.ts';
import { clockSkewMs, EntityStore } from './entityStore.ts';
import type { MayJoin, RequestWaiters } from './inFlight.ts';
import { RequestCollapser } from './inFlight.ts';
import type { WriteServices } from '../writes/services.ts';
import type { RedisCacheEntry } from './redisEntries.ts';
import type { CrossOperationCache } from './scopedCache.ts';
import { ScopedCache } from './scopedCache.ts';

export type SendCall = (call: UpstreamCall) => Promise<unknown>;

/** TTLs in milliseconds. */
type CacheTtlsMs = Readonly<Record<Exclude<TtlClass, 'inbox'> | 'absent', number>>;

/** Reading the inbox takes several calls. Webhooks and writes keep it current. */
const inboxTtlMs = 60_000;

/** Fetches the values of the names, in order; a `notFound` error for a name that HelpCrunch does not know. */
export type FetchEntities<Value> = (
  send: SendCall,
  names: readonly string[],
  put: PutEntity,
) => Promise<readonly (Value | UpstreamError)[]>;

interface EntityCacheOptions extends EntityStoreOptions {
  readonly ttlsMs: CacheTtlsMs;
  /** The maximum age of a value that is returned while HelpCrunch is unavailable; 0: never. */
  readonly staleIfErrorMs: number;
  /** Called after the cache was cleared because the wall clock moved relative to the monotonic clock. */
  readonly onClockJump?: (jumpMs: number) => void;
  /** Called once for each key that an operation of an agent requests, and for those of cached responses. */
  readonly onRequest?: ((key: string) => void) | undefined;
}

interface PatchNotice {
  readonly type: StoredCacheType;
  readonly id: string;
  /** On HelpCrunch's clock. Null if the patch has the same result in any order with reads and other changes. */
  readonly changedAt: number | null;
  /** The value after the change; the same object if it is up to date, undefined if the new value is not known. */
  patch(value: unknown): unknown;
}

/** A change reported by HelpCrunch: a patch of an entity, an invalidation of an entity, or of a whole type. */
export type CacheChange =
  | PatchNotice
  | { readonly type: CacheTypeDescriptor; readonly id: string }
  | { readonly type: CacheTypeDescriptor };

/** How the cache sends the calls of one operation. */
export interface ScopedCacheHooks {
  sendFor(waiters: RequestWaiters): SendCall;
  readonly writes: WriteServices;
  /** Called with the error of every request that the operation waits for. */
  onFailure(error: unknown): void;
  /** Whether the operation may join a request that has not been sent. */
  readonly mayJoin: MayJoin;
  /** Called when the operation joins a request, which may be queued. */
  onJoin(): void;
  /** The error when the operation's deadline passes while its request is queued. */
  queueTimeoutError(): UpstreamError;
}

/**
 * A normalized cache: responses are split into entities, each stored once per account in its latest version. Concurrent requests for the
 * same key are deduplicated.
 */
export class EntityCache {
  readonly #store: EntityStore;
  readonly #clock: Clock;
  readonly #shared: CrossOperationCache;
  /** After a jump the ages of entries are unknown. */
  readonly #checkClockJump: () => void;

  constructor({ ttlsMs, staleIfErrorMs, onClockJump, onRequest, ...options }: EntityCacheOptions) {
    const { clock } = options;
    const ttlsByClass = { ...ttlsMs, inbox: inboxTtlMs };
    this.#clock = clock;
    this.#store = new EntityStore(options);
    this.#shared = {
      store: this.#store,
      clock,
      staleIfErrorMs,
      ttlMsOf: (type, value) => ttlsByClass[isNegativeEntry(value) ? 'absent' : type.ttlClass],
      collapser: new RequestCollapser(clock),
      writeQueues: new KeyedMutex(),
      onRequest,
      applyChanges: (account, changes) => this.applyChanges(account, changes),
    };
    this.#checkClockJump = createJumpCheck(clock, (jumpMs) => {
      this.#store.invalidateAll();
      onClockJump?.(jumpMs);
    });
  }

  forOperation(context: UpstreamContext, hooks: ScopedCacheHooks): ScopedCache {
    this.#checkClockJump();
    return new ScopedCache(this.#shared, context, hooks);
  }

  /** Applies changes reported by webhooks. Resolves when no instance will return anything older. */
  async applyChanges(account: string, notices: readonly CacheChange[]): Promise<void> {
    const pending = notices.flatMap((notice) => this.#applyChange(account, notice) ?? []);
    if (pending.length > 0) await Promise.all(pending);
  }

  /** Whether every dependency still has the recorded version and is fresh. */
  async isValid({ versions, oldestSequenceByTag, expiresAtMs }: Dependencies): Promise<boolean> {
    this.#checkClockJump();
    await this.#store.awaitFence();
    if (this.#clock.monotonic() >= expiresAtMs) return false;
    for (const [key, version] of versions) {
      if (this.#store.find(key)?.version !== version) return false;
    }
    for (const [tag, sequence] of oldestSequenceByTag) {
      if (sequence < this.#store.invalidations.sequenceOf(tag)) return false;
    }
    return true;
  }

  /** Records that an agent received a cached response. */
  recordAccess({ requestedKeys }: Dependencies): void {
    const { onRequest } = this.#shared;
    if (onRequest !== undefined) for (const key of requestedKeys) onRequest(key);
  }

  bytes(): number {
    return this.#store.bytes();
  }

  /** Calls the listener whenever cached data is erased, so that it erases copies. */
  onErasure(listener: OnErasure): void {
    this.#store.onErasure(listener);
  }

  #applyChange(account: string, notice: CacheChange): Promise<void> | undefined {
    const tag = `${account}:${notice.type.name}:`;
    if (!('id' in notice)) return this.#store.invalidate(account, tag);
    const key = tag + notice.id;
    if (!('patch' in notice)) return this.#store.invalidate(account, key);
    const accepts = isValidEntry(notice.type, notice.id);
    return this.#store.applyPatch({ account, key, tag, accepts }, (entry) =>
      this.#patchEntry(notice, entry),
    );
  }

  /** Undefined when it is uncertain whether the entry was read before or after the change. */
  #patchEntry(
    { type, changedAt, patch }: PatchNotice,
    { value, readAt, sourceUpdatedAt }: RedisCacheEntry,
  ): ReplacementValue | undefined {
    const patched = isNegativeEntry(value) ? undefined : patch(value);
    const wallReadAt = toWallTime(this.#clock, readAt);
    const updatedAt = sourceUpdatedAt ?? wallReadAt + clockSkewMs;
    const isApplicable =
      changedAt === null || (changedAt > updatedAt && changedAt < this.#clock.now() + clockSkewMs);
    if (patched === undefined || (patched !== value && !isApplicable)) return undefined;
    const ageMs = this.#clock.monotonic() - readAt;
    return {
      value: patched,
      readAt,
      sourceUpdatedAt: changedAt === null ? updatedAt : Math.max(sourceUpdatedAt ?? 0, changedAt),
      ttlMs: Math.max(1, Math.ceil(this.#shared.ttlMsOf(type, patched) - ageMs)),
    };
  }
}
