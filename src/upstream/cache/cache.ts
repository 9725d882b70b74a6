import type { Clock } from '../../support/clock.ts';
import type { Call, Scope } from '../client.ts';
import type { UpstreamErrorDetails } from '../errors.ts';
import { isNotFound, UpstreamError } from '../errors.ts';
import { createFlight } from './flights.ts';
import type { Flight } from './flights.ts';
import { createHistory } from './history.ts';
import type { Entity, Find, Freshness, Keep, Kind, Named } from './kinds.ts';
import { createMemory } from './memory.ts';
import type { Entry } from './memory.ts';
import { createQueues } from './queues.ts';
import type { OnChange, SharedMemory } from './sharedMemory.ts';

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
  one<Value>(kind: Kind<Value>, name: string, load: (send: Send) => Promise<Value>): Promise<Value>;
  /** Changes one entity. Changes of the same one leave in the order in which they came. */
  write<Whole extends Entity>(
    kind: Kind<Whole>,
    id: string,
    change: (send: Send) => Promise<Whole>,
  ): Promise<Whole>;
}

/** What a load brought: entries by key, and the failures of names. */
interface Landed {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly failures: ReadonlyMap<string, UpstreamError>;
}

/** Kept under a name that stands for nothing. */
interface Absent {
  readonly absent: UpstreamErrorDetails;
}

const isAbsent = (value: unknown): value is Absent =>
  typeof value === 'object' && value !== null && 'absent' in value;

interface CacheOptions {
  readonly maxBytes: number;
  readonly freshMs: FreshMs;
  readonly clock: Clock;
  /** What this instance shares with others, if anything. */
  readonly share?: (onChange: OnChange) => SharedMemory;
}

/**
 * What is known of the helpdesk, by tenant. Answers are taken apart into entities, so that each is known once and as it was
 * last seen, whichever way it came. Reads under way are shared.
 */
export function createCache({ maxBytes, freshMs, clock, share }: CacheOptions) {
  const memory = createMemory(maxBytes);
  const history = createHistory();
  const queues = createQueues();
  const flights = new Map<string, Flight<Landed>>();
  const shared = share?.((key) => {
    if (key === 'all') {
      history.changeAll();
      memory.clear();
    } else {
      history.change(key);
      memory.delete(key);
    }
  });

  /** Keeps an entry unless something newer is known or has happened; gives the newer of the two. */
  function settle(key: string, entry: Entry): Entry {
    const known = memory.get(key);
    if (known !== undefined && known.order > entry.order) return known;
    if (!history.hasChangedSince(entry.order, key)) memory.set(key, entry);
    return entry;
  }

  function forOperation(scope: Scope, sendWith: (signal: AbortSignal) => Send): OperationCache {
    const { tenant, signal, usage, isRefresh } = scope;
    const since = history.now();
    const keyOf = (kind: Named, name: string): string => `${tenant}:${kind.name}:${name}`;

    const lifeMsOf = (kind: Named, value: unknown): number =>
      freshMs[isAbsent(value) ? 'absent' : kind.freshness];

    /** Whether an entry is fresh, or has been read for this very operation. */
    const isGood = (kind: Named, { value, order, at }: Entry): boolean =>
      order > since || (!isRefresh && clock.now() - at < lifeMsOf(kind, value));

    /** What the entries say of a name; undefined when they do not say enough. */
    function read<Value>(
      kind: Kind<Value>,
      name: string,
      entryOf: (kind: Named, name: string) => Entry | undefined,
    ): Value | UpstreamError | undefined {
      const entry = entryOf(kind, name);
      if (entry === undefined) return undefined;
      if (isAbsent(entry.value)) {
        return new UpstreamError(
          'notFound',
          'The helpdesk does not have this.',
          entry.value.absent,
        );
      }
      const find: Find = (memberKind, id) => {
        const member = entryOf(memberKind, id);
        return member === undefined ? undefined : memberKind.unpack(member.value, find);
      };
      return kind.unpack(entry.value, find);
    }

    const fresh = (kind: Named, name: string): Entry | undefined => {
      const entry = memory.get(keyOf(kind, name));
      return entry !== undefined && isGood(kind, entry) ? entry : undefined;
    };

    const landedIn =
      ({ entries }: Landed) =>
      (kind: Named, name: string): Entry | undefined => {
        const key = keyOf(kind, name);
        const landed = entries.get(key);
        const known = memory.get(key);
        if (landed === undefined) return known;
        return known !== undefined && known.order > landed.order ? known : landed;
      };

    /** Takes over from the other instances what is fresh of these names. */
    async function recall(
      kind: Named,
      names: readonly string[],
    ): Promise<{ readonly entries: readonly (Entry | undefined)[]; readonly generation?: string }> {
      if (shared === undefined || names.length === 0) return { entries: [] };
      const keys = isRefresh ? [] : names.map((name) => keyOf(kind, name));
      const order = history.begin();
      const { entries, generation } = await shared.get(tenant, keys);
      const settled = entries.map((entry, index) => {
        const key = keys[index];
        if (entry === undefined || key === undefined) return undefined;
        const { value, at } = entry;
        if (clock.now() - at >= lifeMsOf(kind, value)) return undefined;
        return settle(key, { value, order, at });
      });
      history.end(order);
      return { entries: settled, ...(generation === undefined ? {} : { generation }) };
    }

    /** As `recall`, with the entities that lists are made of. */
    async function recallAll(
      kind: Kind<unknown>,
      names: readonly string[],
    ): Promise<string | undefined> {
      const { entries, generation } = await recall(kind, names);
      for (const entry of entries) {
        const members = entry === undefined ? undefined : kind.members?.(entry.value);
        const unknown = members?.ids.filter((id) => fresh(members.kind, id) === undefined) ?? [];
        if (members !== undefined) await recall(members.kind, unknown);
      }
      return generation;
    }

    function launch<Value>(
      kind: Kind<Value>,
      names: readonly string[],
      { load, generation }: { load: Load<Value>; generation: string | undefined },
    ): Flight<Landed> {
      const order = history.begin();
      const at = clock.now();
      const keys = names.map((name) => keyOf(kind, name));
      const flight: Flight<Landed> = createFlight(order, async (flightSignal) => {
        try {
          const entries = new Map<string, Entry>();
          const failures = new Map<string, UpstreamError>();
          const toShare: { key: string; entry: Entry; lifeMs: number }[] = [];
          const put = (keptKind: Named, name: string, value: unknown) => {
            const key = keyOf(keptKind, name);
            const entry = settle(key, { value, order, at });
            entries.set(key, entry);
            const lifeMs = lifeMsOf(keptKind, value);
            if (entry.order === order && lifeMs > 0) toShare.push({ key, entry, lifeMs });
          };
          const keep: Keep = (memberKind, entity) => {
            put(memberKind, entity.id, memberKind.pack(entity, keep));
          };
          const values = await load(sendWith(flightSignal), names, keep);
          for (const [index, name] of names.entries()) {
            const value = values[index] ?? new UpstreamError('notFound', 'It is not there.');
            if (!(value instanceof UpstreamError)) put(kind, name, kind.pack(value, keep));
            else if (isNotFound(value)) put(kind, name, { absent: value.details });
            else failures.set(keyOf(kind, name), value);
          }
          if (shared !== undefined && generation !== undefined && toShare.length > 0) {
            void shared.put(tenant, generation, toShare);
          }
          return { entries, failures };
        } finally {
          history.end(order);
          for (const key of keys) if (flights.get(key) === flight) flights.delete(key);
        }
      });
      for (const key of keys) flights.set(key, flight);
      return flight;
    }

    /** A flight that will bring what is at least as new as this operation may expect. */
    function joinable(key: string): Flight<Landed> | undefined {
      const flight = flights.get(key);
      if (flight === undefined || flight.isAbandoned) return undefined;
      if (history.hasAnyChangeSince(flight.order)) return undefined;
      return isRefresh && flight.order <= since ? undefined : flight;
    }

    async function many<Value>(
      kind: Kind<Value>,
      names: readonly string[],
      load: Load<Value>,
    ): Promise<(Value | UpstreamError)[]> {
      const answers = new Map<string, Value | UpstreamError>();
      const waits = new Map<Flight<Landed>, string[]>();
      /** Answers what is known and joins what is under way; gives the rest. */
      const take = (wanted: readonly string[]): string[] =>
        wanted.filter((name) => {
          const known = read(kind, name, fresh);
          if (known !== undefined) {
            usage.cacheHits += 1;
            answers.set(name, known);
            return false;
          }
          const flight = joinable(keyOf(kind, name));
          if (flight !== undefined) waits.set(flight, [...(waits.get(flight) ?? []), name]);
          return flight === undefined;
        });
      let missing = take([...new Set(names)]);
      let generation: string | undefined;
      if (shared !== undefined && missing.length > 0) {
        generation = await recallAll(kind, missing);
        missing = take(missing);
      }
      usage.shared += waits.size;
      if (missing.length > 0) waits.set(launch(kind, missing, { load, generation }), missing);
      await Promise.all(
        Array.from(waits, async ([flight, awaited]) => {
          const landed = await flight.join(signal);
          for (const name of awaited) {
            const failure = landed.failures.get(keyOf(kind, name));
            const value = failure ?? read(kind, name, landedIn(landed));
            if (value !== undefined) answers.set(name, value);
          }
        }),
      );
      return names.map(
        (name) => answers.get(name) ?? new UpstreamError('malformed', 'An answer is not complete.'),
      );
    }

    return {
      many,

      async one(kind, name, load) {
        const [value] = await many(kind, [name], async (send) => [await load(send)]);
        if (value === undefined) throw new Error('Every name has an answer.');
        if (value instanceof UpstreamError) throw value;
        return value;
      },

      write: (kind, id, change) =>
        queues.run(keyOf(kind, id), signal, async () => {
          const key = keyOf(kind, id);
          try {
            const entity = await change(sendWith(signal));
            const entry = { value: entity, order: history.change(key), at: clock.now() };
            memory.set(key, entry);
            await shared?.change(tenant, key, {
              ...entry,
              lifeMs: Math.max(1, lifeMsOf(kind, entity)),
            });
            return entity;
          } catch (error) {
            // It may have happened all the same.
            history.change(key);
            memory.delete(key);
            await shared?.change(tenant, key);
            throw error;
          }
        }),
    };
  }

  return {
    forOperation,
    /** Whether the cache is shared with other instances at this moment; null where it is not meant to be. */
    isShared: (): boolean | null => shared?.isUp() ?? null,
    bytes: memory.bytes,
    close: () => shared?.close(),
  };
}

export type Cache = ReturnType<typeof createCache>;
