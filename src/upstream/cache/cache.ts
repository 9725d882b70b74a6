import type { Call, Scope } from '../client.ts';
import type { UpstreamErrorDetails } from '../errors.ts';
import { isNotFound, UpstreamError } from '../errors.ts';
import type { Crew, Flight } from './flights.ts';
import type { Entity, Find, Freshness, Keep, Kind, Named } from './kinds.ts';
import { createKnowledge } from './knowledge.ts';
import type { Keepsake, KnowledgeOptions } from './knowledge.ts';
import { createLoads } from './loads.ts';
import type { Run } from './loads.ts';
import type { Entry } from './memory.ts';
import { createQueues } from './queues.ts';

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
}

/** How an operation's calls are made. */
interface Calls {
  sendFor(crew: Crew): Send;
  /** A call that is waiting to be made has one more who waits for it. */
  onJoin(): void;
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

type EntryOf = (kind: Named, name: string) => Entry | undefined;

/** What the entries say of a name; undefined when they do not say enough. */
function read<Value>(
  kind: Kind<Value>,
  name: string,
  entryOf: EntryOf,
): Value | UpstreamError | undefined {
  const entry = entryOf(kind, name);
  if (entry === undefined) return undefined;
  if (isAbsent(entry.value)) {
    return new UpstreamError('notFound', 'The helpdesk does not have this.', entry.value.absent);
  }
  const find: Find = (memberKind, id) => {
    const member = entryOf(memberKind, id);
    return member === undefined ? undefined : memberKind.unpack(member.value, find);
  };
  return kind.unpack(entry.value, find);
}

/**
 * What is known of the helpdesk, by tenant. Answers are taken apart into entities, so that each is known once and as it was
 * last seen, whichever way it came. Reads under way are shared.
 */
export function createCache({ freshMs, ...options }: CacheOptions) {
  const { clock } = options;
  const known = createKnowledge(options);
  const queues = createQueues();
  const loads = createLoads<Landed>(clock);

  const lifeMsOf = (kind: Named, value: unknown): number =>
    freshMs[isAbsent(value) ? 'absent' : kind.freshness];

  const isFresh = (kind: Named, { value, at }: Omit<Entry, 'order'>): boolean =>
    clock.now() - at < lifeMsOf(kind, value);

  function forOperation(scope: Scope, { sendFor, onJoin }: Calls): OperationCache {
    const { tenant, signal, usage, isRefresh } = scope;
    const since = known.now();
    let hearing: Promise<void> | undefined;
    const prefixOf = (kind: Named): string => `${tenant}:${kind.name}:`;
    const keyOf = (kind: Named, name: string): string => prefixOf(kind) + name;

    /** The latest change of the entity that a thing is part of. */
    const changeOfWhole = (kind: Named, name: string) => {
      const whole = kind.partOf?.(name);
      return whole === undefined ? undefined : known.changeOf(keyOf(whole.kind, whole.id));
    };

    /** An entry that is fresh, or has been read for this very operation. */
    const fresh: EntryOf = (kind, name) => {
      const entry = known.get(keyOf(kind, name));
      if (entry === undefined) return undefined;
      if (entry.order < (changeOfWhole(kind, name)?.order ?? 0)) return undefined;
      return entry.order > since || (!isRefresh && isFresh(kind, entry)) ? entry : undefined;
    };

    /** The newest of what a load brought and what is known. */
    const newest =
      ({ entries }: Landed): EntryOf =>
      (kind, name) => {
        const key = keyOf(kind, name);
        const landed = entries.get(key);
        const entry = known.get(key);
        const isKnownNewer = entry !== undefined && entry.order > (landed?.order ?? 0);
        return isKnownNewer ? entry : landed;
      };

    /** What a load brought of a name. The known may be newer, but not whole any more. */
    const answerIn = <Value>(landed: Landed, kind: Kind<Value>, name: string) =>
      landed.failures.get(keyOf(kind, name)) ??
      read(kind, name, newest(landed)) ??
      read(kind, name, (memberKind, id) => landed.entries.get(keyOf(memberKind, id)));

    const recall = (kind: Named, names: readonly string[]) =>
      known.recall(
        tenant,
        isRefresh ? [] : names.map((name) => keyOf(kind, name)),
        (entry, index) =>
          isFresh(kind, entry) &&
          entry.at > (changeOfWhole(kind, names[index] ?? '')?.at ?? -Infinity),
      );

    /** Takes over what other instances know of the names, and of the entities that they stand for. */
    async function recallAll(
      kind: Kind<unknown>,
      names: readonly string[],
    ): Promise<string | undefined> {
      const { entries, generation } = await recall(kind, names);
      const members = entries.flatMap((entry) =>
        entry === undefined ? [] : (kind.members?.(entry.value) ?? []),
      );
      const [first] = members;
      if (first !== undefined) {
        const ids = new Set(members.flatMap((member) => member.ids));
        const unknown = [...ids].filter((id) => fresh(first.kind, id) === undefined);
        if (unknown.length > 0) await recall(first.kind, unknown);
      }
      return generation;
    }

    const runOf =
      <Value>(kind: Kind<Value>, load: Load<Value>, generation: string | undefined): Run<Landed> =>
      async (keys, crew, began) => {
        const order = known.begin();
        began(order);
        const at = clock.now();
        const entries = new Map<string, Entry>();
        const failures = new Map<string, UpstreamError>();
        const news: Keepsake[] = [];
        const put = (keptKind: Named, name: string, value: unknown) => {
          const key = keyOf(keptKind, name);
          const entry = { value, order, at };
          const lifeMs = lifeMsOf(keptKind, value);
          entries.set(key, entry);
          if (known.settle(key, entry) === entry && lifeMs > 0) news.push({ key, entry, lifeMs });
        };
        const keep: Keep = (memberKind, entity) => {
          put(memberKind, entity.id, memberKind.pack(entity, keep));
        };
        try {
          const names = keys.map((key) => key.slice(prefixOf(kind).length));
          const values = await load(sendFor(crew), names, keep).catch((error: unknown) => {
            if (isNotFound(error) && names.length === 1) return [error];
            throw error;
          });
          for (const [index, name] of names.entries()) {
            const value = values[index] ?? new UpstreamError('notFound', 'It is not there.');
            if (!(value instanceof UpstreamError)) put(kind, name, kind.pack(value, keep));
            else if (isNotFound(value)) put(kind, name, { absent: value.details });
            else failures.set(keyOf(kind, name), value);
          }
          known.publish(tenant, generation, news);
          return { entries, failures };
        } finally {
          known.end(order);
        }
      };

    async function many<Value>(
      kind: Kind<Value>,
      names: readonly string[],
      load: Load<Value>,
    ): Promise<(Value | UpstreamError)[]> {
      const answers = new Map<string, Value | UpstreamError>();
      const waits = new Map<Flight<Landed>, { landing: Promise<Landed>; names: string[] }>();
      // Joined at once: a load that all others leave meanwhile must not end.
      const waitFor = (flight: Flight<Landed>, awaited: readonly string[]) => {
        const wait = waits.get(flight) ?? { landing: flight.join({ ...scope }), names: [] };
        wait.names.push(...awaited);
        wait.landing.catch(() => undefined);
        waits.set(flight, wait);
      };
      /** What began before a change cannot be trusted to show it. */
      const newEnough = () => Math.max(known.latestChange(), isRefresh ? since : 0);
      /** Answers what is known and joins what is under way; gives the rest. */
      const take = (wanted: readonly string[]): string[] =>
        wanted.filter((name) => {
          const answer = read(kind, name, fresh);
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
      if (known.isShared() === true && missing.length > 0) {
        generation = await recallAll(kind, missing);
        signal.throwIfAborted();
        missing = take(missing);
      }
      usage.shared += waits.size;
      if (missing.length > 0) {
        const keys = missing.map((name) => keyOf(kind, name));
        const [name = ''] = missing;
        const gathered = kind.gathers?.(name);
        const group = gathered === undefined ? undefined : prefixOf(kind) + gathered;
        waitFor(
          loads.start({ keys, group, since: newEnough(), run: runOf(kind, load, generation) }),
          missing,
        );
      }
      await Promise.all(
        Array.from(waits.values(), async ({ landing, names: awaited }) => {
          const landed = await landing;
          for (const name of awaited) {
            const answer = answerIn(landed, kind, name);
            if (answer !== undefined) answers.set(name, answer);
          }
        }),
      );
      return names.map(
        (name) => answers.get(name) ?? new UpstreamError('malformed', 'An answer is not complete.'),
      );
    }

    return {
      many,

      isKnown: (kind, name) => read(kind, name, fresh) !== undefined,

      async one(kind, name, load) {
        const [value] = await many(kind, [name], async (send) => [await load(send)]);
        if (value === undefined) throw new Error('Every name has an answer.');
        if (value instanceof UpstreamError) throw value;
        return value;
      },

      write(kind, id, change) {
        const key = keyOf(kind, id);
        return queues.run(key, signal, () =>
          known.change(
            { tenant, key },
            () =>
              change(
                sendFor({ signal, viewer: () => scope.viewer, deadlineMs: () => scope.deadlineMs }),
              ),
            (entity) => lifeMsOf(kind, entity),
          ),
        );
      },
    };
  }

  return { forOperation, isShared: known.isShared, bytes: known.bytes, close: known.close };
}

export type Cache = ReturnType<typeof createCache>;
