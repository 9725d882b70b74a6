import { toWallTime } from '../../support/clock.ts';
import { createJumpCheck } from '../../support/clockJump.ts';
import type { Dependencies } from '../../support/dependencyTracker.ts';
import type { Call, Scope } from '../client.ts';
import { isOutage, UpstreamError } from '../errors.ts';
import type { Crew, Flight } from './flights.ts';
import type { Entity, Freshness, Keep, Kind, Named, Stored } from './kinds.ts';
import { createKnowledge } from './knowledge.ts';
import type { KnowledgeOptions } from './knowledge.ts';
import type { Landed } from './landings.ts';
import { createLandings } from './landings.ts';
import { createLoads } from './loads.ts';
import type { Entry } from './memory.ts';
import { clockSkewMs } from './memory.ts';
import { createQueues } from './queues.ts';
import { acceptsAs, createRead, isAbsent } from './reading.ts';
import { createSight } from './sight.ts';

export type Send = (call: Call) => Promise<unknown>;

/** How long, in milliseconds, what was read stays good. */
export type FreshMs = Readonly<Record<Freshness | 'absent', number>>;

/** Reads the values of the names, in their order; a `notFound` for a name that stands for nothing. */
export type Load<Value> = (
  send: Send,
  names: readonly string[],
  keep: Keep,
) => Promise<readonly (Value | UpstreamError)[]>;

/** The cache as one operation sees it. */
export interface OperationCache {
  /** The value or the failure of each name, in order, from the cache or by one load of all that are missing. */
  many<Value>(
    kind: Kind<Value>,
    names: readonly string[],
    load: Load<Value>,
  ): Promise<(Value | UpstreamError)[]>;
  /** Whether the name can be answered without a call. */
  isKnown(kind: Kind<unknown>, name: string): boolean;
  /** What is known under the name; a call is never made. */
  peek<Value>(kind: Kind<Value>, name: string): Value | undefined;
  /** As `peek`, and a hit; undefined as well where other instances must be heard first. */
  findNow<Value>(kind: Kind<Value>, name: string): Value | undefined;
  /** As `peek`, when every change made so far has been heard of; a hit if it is what is wanted. */
  find<Value>(
    kind: Kind<Value>,
    name: string,
    isWanted: (value: Value) => boolean,
  ): Promise<Value | undefined>;
  one<Value>(kind: Kind<Value>, name: string, load: (send: Send) => Promise<Value>): Promise<Value>;
  /** Changes one entity. Changes of the same one leave in the order in which they came. */
  write<Whole extends Entity>(
    kind: Kind<Whole>,
    id: string,
    change: (send: Send) => Promise<Whole>,
  ): Promise<Whole>;
}

interface CacheOptions extends KnowledgeOptions {
  readonly freshMs: FreshMs;
  /** How old something may be that is shown because the helpdesk cannot be asked; 0 for never. */
  readonly staleMs: number;
  /** Told by how much the wall clock and the monotonic clock have moved apart; everything has been forgotten by then. */
  readonly onClockJump?: (jumpMs: number) => void;
}

interface ToldChange {
  readonly kind: Stored;
  readonly id: string;
  /** By the helpdesk's clock. */
  readonly at: number;
  /** The value as it is after; the very same when it says so already, undefined when that cannot be known. */
  revise(value: unknown): unknown;
}

/** What the helpdesk has told: something has changed, may be anything, or all of a kind may be anything. */
export type Told =
  ToldChange | { readonly kind: Named; readonly id: string } | { readonly kind: Named };

/** How an operation's calls are made. */
interface Calls {
  sendFor(crew: Crew): Send;
  /** A call that is waiting to be made has one more who waits for it. */
  onJoin(): void;
  /** What an operation is told whose time is over while its call is in line. */
  noRoom(): UpstreamError;
}

/**
 * What is known of the helpdesk, by tenant. Answers are taken apart into entities, so that each is known once and as it was
 * last seen, whichever way it came. Reads under way are shared.
 */
export function createCache({ freshMs, staleMs, onClockJump, ...options }: CacheOptions) {
  const { clock } = options;
  const known = createKnowledge(options);
  const queues = createQueues();
  const loads = createLoads<Landed>(clock);
  const expireAfterJump = createJumpCheck(clock, (jumpMs) => {
    known.forgetAll();
    onClockJump?.(jumpMs);
  });

  const lifeMsOf = (kind: Named, value: unknown): number =>
    freshMs[isAbsent(value) ? 'absent' : kind.freshness];

  const freshUntilMs = (kind: Named, { value, at }: Omit<Entry, 'order'>): number =>
    at + lifeMsOf(kind, value);

  function forOperation(scope: Scope, { sendFor, onJoin, noRoom }: Calls): OperationCache {
    const { tenant, usage, isRefresh, tracker } = scope;
    const read = createRead(tracker);
    expireAfterJump();
    const since = known.now();
    let hearing: Promise<void> | undefined;
    const prefixOf = (kind: Named): string => `${tenant}:${kind.name}:`;
    const keyOf = (kind: Named, name: string): string => prefixOf(kind) + name;
    /** What takes a thing along when it changes: what the thing is part of, or else all of its kind. */
    const aroundOf = (kind: Named, name: string): string => {
      const whole = kind.partOf?.(name);
      return whole === undefined ? prefixOf(kind) : keyOf(whole.kind, whole.id);
    };
    const sight = createSight({
      known,
      clock,
      staleMs,
      scope,
      since,
      keyOf,
      aroundOf,
      freshUntilMs,
      read,
    });
    const landings = createLandings({
      known,
      clock,
      tenant,
      sendFor,
      prefixOf,
      aroundOf,
      lifeMsOf,
      read,
    });

    /** What a load brought, or that it could not be made. */
    const outcomeOf = (landing: Promise<Landed>): Promise<Landed | UpstreamError> =>
      landing.catch((error: unknown) => {
        if (isOutage(error)) return error;
        throw error;
      });

    const joined = (flight: Flight<Landed>): Promise<Landed> =>
      flight.join({ ...scope, signal: scope.signal(), noRoom });

    /** What was known before, where the helpdesk cannot be asked; else the failure. */
    function inPlaceOf<Value>(failure: UpstreamError, kind: Kind<Value>, name: string) {
      const old = sight.old(kind, name);
      if (old === undefined) return failure;
      usage.staleMs = Math.max(usage.staleMs ?? 0, old.ageMs);
      return old.value;
    }

    async function many<Value>(
      kind: Kind<Value>,
      names: readonly string[],
      load: Load<Value>,
    ): Promise<(Value | UpstreamError)[]> {
      const answers = new Map<string, Value | UpstreamError>();
      const waits = new Map<Flight<Landed>, { landing: Promise<Landed>; names: string[] }>();
      // Joined at once: a load that all others leave meanwhile must not end.
      const waitFor = (flight: Flight<Landed>, awaited: readonly string[]) => {
        const wait = waits.get(flight) ?? { landing: joined(flight), names: [] };
        wait.names.push(...awaited);
        wait.landing.catch(() => undefined);
        waits.set(flight, wait);
      };
      /** What began before a change cannot be trusted to show it. */
      const newEnough = () => Math.max(known.latestChange(), isRefresh ? since : 0);
      /** Answers what is known and joins what is under way; gives the rest. */
      const take = (wanted: readonly string[]): string[] =>
        wanted.filter((name) => {
          const answer = read(kind, name, sight.fresh);
          if (answer !== undefined) {
            usage.cacheHits += 1;
            answers.set(name, answer);
            return false;
          }
          const flight = loads.find(keyOf(kind, name), newEnough());
          if (flight !== undefined) {
            waitFor(flight, [name]);
            onJoin();
          }
          return flight === undefined;
        });
      await (hearing ??= known.hearAll());
      let missing = take([...new Set(names)]);
      let generation: string | undefined;
      // What a key that may be none could leave in Redis, it does not.
      if (known.isShared() === true && missing.length > 0 && scope.isStranger !== true) {
        generation = await sight.recallAll(kind, missing);
        scope.signal().throwIfAborted();
        missing = take(missing);
      }
      usage.shared += waits.size;
      if (missing.length > 0) {
        const keys = missing.map((name) => keyOf(kind, name));
        const [name = ''] = missing;
        const gathered = kind.gathers?.(name);
        const group = gathered === undefined ? undefined : prefixOf(kind) + gathered;
        const { flight, isJoined } = loads.start({
          keys,
          group,
          since: newEnough(),
          run: landings.runOf(kind, load, generation),
        });
        if (isJoined && !waits.has(flight)) usage.shared += 1;
        waitFor(flight, missing);
      }
      await Promise.all(
        Array.from(waits.values(), async ({ landing, names: awaited }) => {
          const landed = await outcomeOf(landing);
          for (const name of awaited) {
            const answer =
              landed instanceof UpstreamError
                ? inPlaceOf(landed, kind, name)
                : landings.answerIn(landed, kind, name);
            if (answer !== undefined) answers.set(name, answer);
          }
        }),
      );
      return names.map(
        (name) => answers.get(name) ?? new UpstreamError('malformed', 'An answer is not complete.'),
      );
    }

    function peek<Value>(kind: Kind<Value>, name: string): Value | undefined {
      const answer = read(kind, name, sight.fresh);
      return answer instanceof UpstreamError ? undefined : answer;
    }

    return {
      many,
      peek,

      isKnown: (kind, name) => read(kind, name, sight.fresh) !== undefined,

      findNow(kind, name) {
        const value = known.isShared() === null ? peek(kind, name) : undefined;
        if (value !== undefined) usage.cacheHits += 1;
        return value;
      },

      async find(kind, name, isWanted) {
        await (hearing ??= known.hearAll());
        const value = peek(kind, name);
        if (value === undefined || !isWanted(value)) return undefined;
        usage.cacheHits += 1;
        return value;
      },

      async one(kind, name, load) {
        const [value] = await many(kind, [name], async (send) => [await load(send)]);
        if (value === undefined) throw new Error('Every name has an answer.');
        if (value instanceof UpstreamError) throw value;
        return value;
      },

      write(kind, id, change) {
        tracker.markUncacheable();
        const key = keyOf(kind, id);
        const signal = scope.signal();
        return queues.run(key, signal, () =>
          known.change(
            { tenant, key, around: prefixOf(kind) },
            (sent) =>
              change(
                sendFor({
                  signal,
                  viewer: () => scope.viewer,
                  deadlineMs: () => scope.deadlineMs,
                  stand: () => undefined,
                  sent,
                }),
              ),
            (entity) => lifeMsOf(kind, entity),
          ),
        );
      },
    };
  }

  /** What is left of a told thing; undefined when it is not certain how it is now. */
  function revise({ kind, at: toldAt, revise: change }: ToldChange, entry: Omit<Entry, 'order'>) {
    const { value, at, asOf } = entry;
    const changed = isAbsent(value) ? undefined : change(value);
    const readAt = toWallTime(clock, at);
    const isLater = toldAt > (asOf ?? readAt + clockSkewMs) && toldAt < clock.now() + clockSkewMs;
    if (changed === undefined || (changed !== value && !isLater)) return undefined;
    const lifeMs = Math.max(1, Math.ceil(lifeMsOf(kind, changed) - (clock.monotonic() - at)));
    return { value: changed, at, asOf: Math.max(asOf ?? 0, toldAt), lifeMs };
  }

  /** Takes in what the helpdesk has told of its own accord, and is done when no instance will show anything older. */
  async function learn(tenant: string, told: readonly Told[]): Promise<void> {
    await Promise.all(
      told.map((change) => {
        const around = `${tenant}:${change.kind.name}:`;
        if (!('id' in change)) return known.forget(tenant, around);
        const key = around + change.id;
        if (!('revise' in change)) return known.forget(tenant, key);
        const accepts = acceptsAs(change.kind, change.id);
        return known.learn({ tenant, key, around, accepts }, (entry) => revise(change, entry));
      }),
    );
  }

  return {
    forOperation,
    learn,
    /** Whether every dependency still has the recorded version and is fresh. */
    async isValid({ versions, oldestByTag, expiresAtMs }: Dependencies): Promise<boolean> {
      expireAfterJump();
      await known.hearAll();
      if (clock.monotonic() >= expiresAtMs) return false;
      for (const [key, version] of versions) if (known.versionOf(key) !== version) return false;
      for (const [tag, order] of oldestByTag) {
        if (order < (known.changeOf(tag)?.order ?? 0)) return false;
      }
      return true;
    },
    isShared: known.isShared,
    bytes: known.bytes,
    close: known.close,
  };
}

export type Cache = ReturnType<typeof createCache>;
