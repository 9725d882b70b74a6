import { toWallTime } from '../../lib/clock.ts';
import { createJumpCheck } from '../../lib/clockJump.ts';
import type { Dependencies } from '../../lib/dependencyTracker.ts';
import type { UpstreamCall, RequestContext } from '../client.ts';
import { isUnavailable, UpstreamError } from '../errors.ts';
import type { RequestWaiters, InFlightRequest } from './inFlight.ts';
import type {
  CachedEntity,
  TtlClass,
  PutEntity,
  CacheType,
  CacheTypeDescriptor,
  Stored,
} from './cacheTypes.ts';
import { createEntityStore } from './entityStore.ts';
import type { EntityStoreOptions } from './entityStore.ts';
import type { FetchResult } from './normalizer.ts';
import { createNormalizer } from './normalizer.ts';
import { createRequestCollapser } from './requestCollapser.ts';
import type { CacheEntry } from './memoryStore.ts';
import { clockSkewMs } from './memoryStore.ts';
import { createKeyedMutex } from '../../lib/keyedMutex.ts';
import { acceptsAs, createRead, isNegativeEntry } from './denormalize.ts';
import { createCacheReader } from './cacheReader.ts';

export type SendCall = (call: UpstreamCall) => Promise<unknown>;

/** How long, in milliseconds, what was read stays good. */
export type CacheTtlsMs = Readonly<Record<TtlClass | 'absent', number>>;

/** Reads the values of the names, in their order; a `notFound` for a name that stands for nothing. */
export type FetchEntities<Value> = (
  send: SendCall,
  names: readonly string[],
  put: PutEntity,
) => Promise<readonly (Value | UpstreamError)[]>;

/** The cache as one operation sees it. */
export interface ScopedCache {
  /** The value or the failure of each name, in order, from the cache or by one load of all that are missing. */
  getOrLoadMany<Value>(
    type: CacheType<Value>,
    names: readonly string[],
    fetch: FetchEntities<Value>,
  ): Promise<(Value | UpstreamError)[]>;
  /** Whether the name can be answered without a call. */
  has(type: CacheType<unknown>, name: string): boolean;
  /** What is known under the name; a call is never made. */
  peek<Value>(type: CacheType<Value>, name: string): Value | undefined;
  /** As `peek`, and a hit; undefined as well where other instances must be heard first. */
  getSync<Value>(type: CacheType<Value>, name: string): Value | undefined;
  /** As `peek`, when every change made so far has been heard of; a hit if it is what is wanted. */
  get<Value>(
    type: CacheType<Value>,
    name: string,
    isWanted: (value: Value) => boolean,
  ): Promise<Value | undefined>;
  getOrLoad<Value>(
    type: CacheType<Value>,
    name: string,
    fetch: (send: SendCall) => Promise<Value>,
  ): Promise<Value>;
  /** Changes one entity. Changes of the same one leave in the order in which they came. */
  write<Stored extends CachedEntity>(
    type: CacheType<Stored>,
    id: string,
    applyWrite: (send: SendCall) => Promise<Stored>,
  ): Promise<Stored>;
}

interface EntityCacheOptions extends EntityStoreOptions {
  readonly ttlsMs: CacheTtlsMs;
  /** How old something may be that is shown because the helpdesk cannot be asked; 0 for never. */
  readonly staleIfErrorMs: number;
  /** Told by how much the wall clock and the monotonic clock have moved apart; everything has been forgotten by then. */
  readonly onClockJump?: (jumpMs: number) => void;
}

interface PatchNotice {
  readonly type: Stored;
  readonly id: string;
  /** By the helpdesk's clock. */
  readonly changedAt: number;
  /** The value as it is after; the very same when it says so already, undefined when that cannot be known. */
  patch(value: unknown): unknown;
}

/** What the helpdesk has told: something has changed, may be anything, or all of a kind may be anything. */
export type ChangeNotice =
  | PatchNotice
  | { readonly type: CacheTypeDescriptor; readonly id: string }
  | { readonly type: CacheTypeDescriptor };

/** How an operation's calls are made. */
interface ScopedCacheHooks {
  sendFor(waiters: RequestWaiters): SendCall;
  /** Called with the failure of a call that the operation waits for, whichever operation started it. */
  onFailure(error: unknown): void;
  /** A call that is waiting to be made has one more who waits for it. */
  onJoin(): void;
  /** What an operation is told whose time is over while its call is in line. */
  queueTimeoutError(): UpstreamError;
}

/**
 * What is known of the helpdesk, by tenant. Answers are taken apart into entities, so that each is known once and as it was
 * last seen, whichever way it came. Reads under way are shared.
 */
export function createEntityCache({
  ttlsMs,
  staleIfErrorMs,
  onClockJump,
  ...options
}: EntityCacheOptions) {
  const { clock } = options;
  const store = createEntityStore(options);
  const writeMutex = createKeyedMutex();
  const collapser = createRequestCollapser<FetchResult>(clock);
  const expireAfterJump = createJumpCheck(clock, (jumpMs) => {
    store.forgetAll();
    onClockJump?.(jumpMs);
  });

  const ttlMsOf = (type: CacheTypeDescriptor, value: unknown): number =>
    ttlsMs[isNegativeEntry(value) ? 'absent' : type.ttlClass];

  const expiresAtMs = (
    type: CacheTypeDescriptor,
    { value, at }: Omit<CacheEntry, 'sequence'>,
  ): number => at + ttlMsOf(type, value);

  function forOperation(
    context: RequestContext,
    { sendFor, onFailure, onJoin, queueTimeoutError }: ScopedCacheHooks,
  ): ScopedCache {
    const { account, usage, bypassesCache, tracker } = context;
    const read = createRead(tracker);
    expireAfterJump();
    const startSequence = store.currentSequence();
    let fenced: Promise<void> | undefined;
    const prefixOf = (type: CacheTypeDescriptor): string => `${account}:${type.name}:`;
    const keyOf = (type: CacheTypeDescriptor, name: string): string => prefixOf(type) + name;
    /** What takes a thing along when it changes: what the thing is part of, or else all of its kind. */
    const tagOf = (type: CacheTypeDescriptor, name: string): string => {
      const owner = type.dependsOn?.(name);
      return owner === undefined ? prefixOf(type) : keyOf(owner.type, owner.id);
    };
    const reader = createCacheReader({
      store,
      clock,
      staleIfErrorMs,
      context,
      startSequence,
      keyOf,
      tagOf,
      expiresAtMs,
      read,
    });
    const normalizer = createNormalizer({
      store,
      clock,
      account,
      sendFor,
      prefixOf,
      tagOf,
      ttlMsOf,
      read,
    });

    /** What a load brought, or that it could not be made. */
    const resultOrUnavailable = (
      fetching: Promise<FetchResult>,
    ): Promise<FetchResult | UpstreamError> =>
      fetching.catch((error: unknown) => {
        if (isUnavailable(error)) return error;
        throw error;
      });

    const joinRequest = (request: InFlightRequest<FetchResult>): Promise<FetchResult> =>
      request
        .join({ ...context, signal: context.signal(), queueTimeoutError })
        .catch((error: unknown) => {
          onFailure(error);
          throw error;
        });

    /** What was known before, where the helpdesk cannot be asked; else the failure. */
    function staleOr<Value>(error: UpstreamError, type: CacheType<Value>, name: string) {
      const stale = reader.getStale(type, name);
      if (stale === undefined) return error;
      usage.staleMs = Math.max(usage.staleMs ?? 0, stale.ageMs);
      return stale.value;
    }

    async function getOrLoadMany<Value>(
      type: CacheType<Value>,
      names: readonly string[],
      fetch: FetchEntities<Value>,
    ): Promise<(Value | UpstreamError)[]> {
      const results = new Map<string, Value | UpstreamError>();
      const waits = new Map<
        InFlightRequest<FetchResult>,
        { fetching: Promise<FetchResult>; names: string[] }
      >();
      // Joined at once: a load that all others leave meanwhile must not end.
      const waitFor = (
        request: InFlightRequest<FetchResult>,
        requestedNames: readonly string[],
      ) => {
        const pending = waits.get(request) ?? { fetching: joinRequest(request), names: [] };
        pending.names.push(...requestedNames);
        pending.fetching.catch(() => undefined);
        waits.set(request, pending);
      };
      /** What began before a change cannot be trusted to show it. */
      const minSequence = () =>
        Math.max(store.latestInvalidation(), bypassesCache ? startSequence : 0);
      /** Answers what is known and joins what is under way; gives the rest. */
      const takeKnown = (wanted: readonly string[]): string[] =>
        wanted.filter((name) => {
          const result = read(type, name, reader.getFresh);
          if (result !== undefined) {
            usage.cacheHits += 1;
            results.set(name, result);
            return false;
          }
          const request = collapser.find(keyOf(type, name), minSequence());
          if (request !== undefined) {
            waitFor(request, [name]);
            onJoin();
          }
          return request === undefined;
        });
      await (fenced ??= store.awaitFence());
      let missing = takeKnown([...new Set(names)]);
      let epoch: string | undefined;
      // What a key that may be none could leave in Redis, it does not.
      if (store.isShared() === true && missing.length > 0 && context.isUnverified !== true) {
        epoch = await reader.hydrateFromRedis(type, missing);
        context.signal().throwIfAborted();
        missing = takeKnown(missing);
      }
      usage.shared += waits.size;
      if (missing.length > 0) {
        const keys = missing.map((name) => keyOf(type, name));
        const [name = ''] = missing;
        const collapseKey = type.collapseKey?.(name);
        const collapseGroup = collapseKey === undefined ? undefined : prefixOf(type) + collapseKey;
        const { flight: request, isJoined } = collapser.start({
          keys,
          collapseGroup,
          minSequence: minSequence(),
          fetch: normalizer.createFetcher(type, fetch, epoch),
        });
        if (isJoined && !waits.has(request)) usage.shared += 1;
        waitFor(request, missing);
      }
      await Promise.all(
        Array.from(waits.values(), async ({ fetching, names: requestedNames }) => {
          const fetched = await resultOrUnavailable(fetching);
          for (const name of requestedNames) {
            const result =
              fetched instanceof UpstreamError
                ? staleOr(fetched, type, name)
                : normalizer.readResult(fetched, type, name);
            if (result !== undefined) results.set(name, result);
          }
        }),
      );
      return names.map(
        (name) => results.get(name) ?? new UpstreamError('malformed', 'An answer is not complete.'),
      );
    }

    function peek<Value>(type: CacheType<Value>, name: string): Value | undefined {
      const result = read(type, name, reader.getFresh);
      return result instanceof UpstreamError ? undefined : result;
    }

    return {
      getOrLoadMany,
      peek,

      has: (type, name) => read(type, name, reader.getFresh) !== undefined,

      getSync(type, name) {
        const value = store.isShared() === null ? peek(type, name) : undefined;
        if (value !== undefined) usage.cacheHits += 1;
        return value;
      },

      async get(type, name, isWanted) {
        await (fenced ??= store.awaitFence());
        const value = peek(type, name);
        if (value === undefined || !isWanted(value)) return undefined;
        usage.cacheHits += 1;
        return value;
      },

      async getOrLoad(type, name, fetch) {
        const [value] = await getOrLoadMany(type, [name], async (send) => [await fetch(send)]);
        if (value === undefined) throw new Error('Every name has an answer.');
        if (value instanceof UpstreamError) throw value;
        return value;
      },

      write(type, id, applyWrite) {
        tracker.markUncacheable();
        const key = keyOf(type, id);
        const signal = context.signal();
        return writeMutex.run(key, signal, () =>
          store.runWrite(
            { account, key, tag: prefixOf(type) },
            (sent) =>
              applyWrite(
                sendFor({
                  signal,
                  viewer: () => context.viewer,
                  deadlineMs: () => context.deadlineMs,
                  setQueued: () => undefined,
                  sent,
                }),
              ),
            (entity) => ttlMsOf(type, entity),
          ),
        );
      },
    };
  }

  /** What is left of a told thing; undefined when it is not certain how it is now. */
  function patchEntry(
    { type, changedAt: changedAt, patch: patch }: PatchNotice,
    entry: Omit<CacheEntry, 'sequence'>,
  ) {
    const { value, at, sourceUpdatedAt } = entry;
    const changed = isNegativeEntry(value) ? undefined : patch(value);
    const readAt = toWallTime(clock, at);
    const isLater =
      changedAt > (sourceUpdatedAt ?? readAt + clockSkewMs) &&
      changedAt < clock.now() + clockSkewMs;
    if (changed === undefined || (changed !== value && !isLater)) return undefined;
    const ttlMs = Math.max(1, Math.ceil(ttlMsOf(type, changed) - (clock.monotonic() - at)));
    return {
      value: changed,
      at,
      sourceUpdatedAt: Math.max(sourceUpdatedAt ?? 0, changedAt),
      ttlMs,
    };
  }

  /** Takes in what the helpdesk has told of its own accord, and is done when no instance will show anything older. */
  async function applyChanges(account: string, notices: readonly ChangeNotice[]): Promise<void> {
    await Promise.all(
      notices.map((notice) => {
        const typeTag = `${account}:${notice.type.name}:`;
        if (!('id' in notice)) return store.invalidate(account, typeTag);
        const key = typeTag + notice.id;
        if (!('patch' in notice)) return store.invalidate(account, key);
        const accepts = acceptsAs(notice.type, notice.id);
        return store.applyPatch({ account, key, tag: typeTag, accepts }, (entry) =>
          patchEntry(notice, entry),
        );
      }),
    );
  }

  return {
    forOperation,
    applyChanges,
    /** Whether every dependency still has the recorded version and is fresh. */
    async isValid({ versions, oldestByTag, expiresAtMs }: Dependencies): Promise<boolean> {
      expireAfterJump();
      await store.awaitFence();
      if (clock.monotonic() >= expiresAtMs) return false;
      for (const [key, version] of versions) if (store.versionOf(key) !== version) return false;
      for (const [tag, sequence] of oldestByTag) {
        if (sequence < (store.invalidationOf(tag)?.sequence ?? 0)) return false;
      }
      return true;
    },
    bytes: store.bytes,
  };
}

export type EntityCache = ReturnType<typeof createEntityCache>;
