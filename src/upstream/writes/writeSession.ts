import { asError } from '../../lib/asError.ts';
import type { Clock } from '../../lib/clock.ts';
import { isNotFound, isUnreadableSuccess, UpstreamError } from '../errors.ts';
import type { UpstreamContext, UpstreamCall, WriteRepetition } from '../pipeline.ts';
import { viewerSnapshot } from '../rateLimit/limiter.ts';
import type {
  CachedEntity,
  CacheType,
  CacheTypeDescriptor,
  NegativeEntry,
} from '../cache/cacheTypes.ts';
import { erasureOf } from '../cache/cacheTypes.ts';
import type { CacheChange, ScopedCacheHooks, SendCall } from '../cache/entityCache.ts';
import type { CrossOperationCache } from '../cache/scopedCache.ts';
import type { Creation, WriteCall } from './creation.ts';
import { createOnce } from './creation.ts';
import type { StepStart } from './idempotentRuns.ts';

/** Returned instead of the body if a write succeeded but its response is not JSON. */
const unreadableResponse = Symbol('unreadable');

/** How a write of one entity is sent, and how its result is read. */
interface EntityWrite<Entity extends CachedEntity> {
  readonly type: CacheType<Entity>;
  readonly id: string;
  readonly call: WriteCall;
  readonly repeat: WriteRepetition;
  readonly decode: (body: unknown) => Entity;
  /** Reads the entity when the response of the write cannot be read. */
  readonly read: () => Promise<Entity>;
}

interface EntityRemoval {
  readonly type: CacheTypeDescriptor;
  readonly id: string;
  readonly call: WriteCall;
}

interface WriteSessionOptions {
  readonly shared: CrossOperationCache;
  readonly context: UpstreamContext;
  readonly hooks: ScopedCacheHooks;
}

/** A lock expires after the deadline of its operation, at which the task ends, plus this time. */
const lockGraceMs = 1_000;
const lockPollMs = 50;

/** A response about another object must not be stored as this one. */
function requireId<Entity extends CachedEntity>(entity: Entity, id: string): Entity {
  if (entity.id === id) return entity;
  throw new UpstreamError('malformed', 'The response contains another object.');
}

const appliedError = (cause: unknown): UpstreamError =>
  new UpstreamError('malformed', 'The write was applied, but its result could not be read.', {
    cause,
    isApplied: true,
    publicMessage: 'The change was made, but its result could not be read. Refetch the object.',
  });

/** Makes the calls of one mutation. They are charged to its viewer, and all of them, also reads, have the priority of writes. */
export class WriteSession {
  readonly #options: WriteSessionOptions;
  #sentCount = 0;
  #owner: string | undefined;

  constructor(options: WriteSessionOptions) {
    this.#options = options;
  }

  /** Whether a write was sent that HelpCrunch may have applied. */
  get wasSent(): boolean {
    return this.#sentCount > 0;
  }

  /** How many writes were sent that HelpCrunch may have applied, repetitions included. */
  get sentCount(): number {
    return this.#sentCount;
  }

  /** The account to which the idempotency keys and the written objects belong. */
  get account(): string {
    return this.#options.context.account;
  }

  get clock(): Clock {
    return this.#options.shared.clock;
  }

  get remainingMs(): number {
    return Math.max(0, this.#options.context.deadlineMs - this.clock.monotonic());
  }

  /** The start of a step that is attempted now. */
  stepStart(): StepStart {
    const { serverClock } = this.#options.hooks.writes;
    return { startedAtMs: this.clock.monotonic(), serverStartedAtMs: serverClock.now() };
  }

  /** Runs a task after all earlier tasks in the queue of the same entity have ended. Without `queue` it runs at once. */
  async inQueue<Result>(
    queue: { readonly type: CacheTypeDescriptor; readonly id: string } | undefined,
    task: () => Promise<Result>,
  ): Promise<Result> {
    const { shared, context, hooks } = this.#options;
    try {
      if (queue === undefined) return await task();
      const { key } = this.#target(queue);
      return await shared.writeQueues.run(key, context.signal(), task);
    } catch (error) {
      hooks.onFailure(error);
      throw error;
    }
  }

  /** Runs a task under a lock: no other instance runs a task with this name at the same time. Without Redis there is no lock, only the queue. */
  async withLock<Result>(name: string, task: () => Promise<Result>): Promise<Result> {
    const { hooks, context } = this.#options;
    for (;;) {
      const ttlMs = this.remainingMs + lockGraceMs;
      const release = await hooks.writes.locks.tryAcquire(context.account, name, ttlMs);
      if (release !== undefined) return task().finally(release);
      await this.pause(lockPollMs);
    }
  }

  /** The entity in the memory of this instance, also if it has expired; undefined if it is not there. */
  lastKnown<Entity extends CachedEntity>(type: CacheType<Entity>, id: string): Entity | undefined {
    const stored = this.#options.shared.store.find(this.#target({ type, id }).key);
    return stored === undefined ? undefined : type.deserialize(stored.entry.value, () => undefined);
  }

  /** Sends a write. Resolves to `unreadableResponse` if it succeeded but the body is not JSON. */
  send(call: WriteCall, repeat: WriteRepetition): Promise<unknown> {
    return this.#request({ effect: 'write', repeat, ...call }).catch((error: unknown) => {
      if (isUnreadableSuccess(error)) return unreadableResponse;
      throw error;
    });
  }

  /** Reads an object from HelpCrunch, without the cache. */
  read(path: string): Promise<unknown> {
    return this.sendRead({ effect: 'read', method: 'GET', path });
  }

  /** Sends a call that reads, without the cache. */
  readonly sendRead: SendCall = (call) => this.#request(call);

  /** Writes one entity and replaces it in the cache of all instances. If the response cannot be read, the entity is read once. */
  update<Entity extends CachedEntity>(write: EntityWrite<Entity>): Promise<Entity> {
    const { store, ttlMsOf } = this.#options.shared;
    const { type, id, call, repeat, read } = write;
    const withId = (entity: Entity) => requireId(entity, id);
    const decode = (body: unknown) => withId(write.decode(body));
    const sentBefore = this.#sentCount;
    return store.runWrite(this.#target(write), {
      wasSent: () => this.#sentCount > sentBefore,
      ttlMsOf: (entity) => ttlMsOf(type, entity),
      write: async () =>
        this.decodeOrRead(await this.send(call, repeat), decode, async () => withId(await read())),
    });
  }

  /** Creates an object, see `createOnce`. */
  create<Value>(creation: Creation<Value>): Promise<Value> {
    return createOnce(creation, {
      send: (call, repeat) => this.#request({ effect: 'write', repeat, ...call }),
      sentCount: () => this.#sentCount,
      claim: (name, owner) => this.#claim(name, owner),
    });
  }

  /**
   * Deletes an entity, and invalidates all cached data of the account, because any entry can contain a copy. If a repetition gets 404, the
   * deletion has succeeded.
   */
  async remove({ type, id, call }: EntityRemoval): Promise<void> {
    const { store, ttlMsOf } = this.#options.shared;
    const target = this.#target({ type, id });
    const notFound: NegativeEntry = { notFound: { status: 404 } };
    const sentBefore = this.#sentCount;
    const sent = () => this.#sentCount - sentBefore;
    const stored = {
      wasSent: () => sent() > 0,
      ttlMsOf: (entry: NegativeEntry) => ttlMsOf(type, entry),
    };
    const write = async () => {
      await this.send(call, 'safe').catch((error: unknown) => {
        if (!isNotFound(error) || sent() < 2) throw error;
      });
      return notFound;
    };
    await store.runWrite(target, { ...stored, write });
    await this.invalidate([erasureOf(id)]);
    await store.runWrite(target, { ...stored, write: () => Promise.resolve(notFound) });
  }

  /** Decodes the response of a completed write. If that fails, returns the result of `read`. */
  decodeOrRead<Value>(
    body: unknown,
    decode: (body: unknown) => Value,
    read: () => Promise<Value>,
  ): Value | Promise<Value> {
    try {
      if (body !== unreadableResponse) return decode(body);
    } catch (error) {
      if (!(error instanceof UpstreamError && error.kind === 'malformed')) throw error;
    }
    return read().catch((error: unknown) => {
      throw appliedError(error);
    });
  }

  /** Resolves when no instance returns older data for the changes. */
  invalidate(changes: readonly CacheChange[]): Promise<void> {
    return this.#options.shared.applyChanges(this.#options.context.account, changes);
  }

  /** The result; rejects when the operation reaches its deadline. */
  async rejectAtDeadline<Result>(result: Promise<Result>): Promise<Result> {
    const signal = this.#options.context.signal();
    let onAbort = (): void => undefined;
    const ended = new Promise<never>((_resolve, reject) => {
      onAbort = () => reject(asError(signal.reason));
      signal.addEventListener('abort', onAbort);
    });
    if (signal.aborted) onAbort();
    return Promise.race([result, ended]).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  }

  /** Rejects when the operation reaches its deadline. */
  async pause(ms: number): Promise<void> {
    let cancel = (): void => undefined;
    const end = new Promise<void>((resolve) => {
      cancel = this.clock.after(ms, resolve);
    });
    await this.rejectAtDeadline(end).finally(cancel);
  }

  #claim(name: string, owner: string | undefined): Promise<boolean> {
    const { createdObjects } = this.#options.hooks.writes;
    this.#owner ??= owner ?? createdObjects.newOwner();
    return createdObjects.claim(this.account, name, this.#owner);
  }

  /** Where an entity is cached. */
  #target({ type, id }: Pick<EntityRemoval, 'type' | 'id'>) {
    const { account } = this;
    const tag = `${account}:${type.name}:`;
    return { account, key: tag + id, tag };
  }

  #request(call: UpstreamCall): Promise<unknown> {
    const { viewer, deadlineMs, signal } = this.#options.context;
    const send = this.#options.hooks.sendFor({
      signal: signal(),
      candidates: () => [{ viewer: viewerSnapshot(viewer), priority: 'write' }],
      deadlineMs: () => deadlineMs,
      setQueued: () => undefined,
      sent: () => {
        if (call.effect === 'write') this.#sentCount += 1;
      },
    });
    return send(call);
  }
}
