import type { Clock } from '../../support/clock.ts';
import { isNotFound, UpstreamError } from '../errors.ts';
import type { Load, Send } from './cache.ts';
import type { Crew } from './flights.ts';
import type { Keep, Kind, Named } from './kinds.ts';
import type { Keepsake, Knowledge } from './knowledge.ts';
import type { Run } from './loads.ts';
import type { Entry } from './memory.ts';
import type { EntryOf, Lookup, Read } from './reading.ts';

/** What a load brought: entries by key, and the failures of names. */
export interface Landed {
  readonly entries: ReadonlyMap<string, Entry>;
  readonly failures: ReadonlyMap<string, UpstreamError>;
}

interface Parts {
  readonly known: Knowledge;
  readonly clock: Clock;
  readonly tenant: string;
  readonly sendFor: (crew: Crew) => Send;
  readonly prefixOf: (kind: Named) => string;
  readonly aroundOf: (kind: Named, name: string) => string;
  readonly lifeMsOf: (kind: Named, value: unknown) => number;
  readonly read: Read;
}

/** The operation has waited for a call, so that its response is not cacheable whatever else it shows. */
const uncacheable = (entry: Entry | undefined): Lookup => ({ entry, dependency: undefined });

/** How an operation's loads take answers apart and put them together again. */
export function createLandings(parts: Parts) {
  const { known, clock, tenant, sendFor, prefixOf, aroundOf, lifeMsOf, read } = parts;
  const keyOf = (kind: Named, name: string): string => prefixOf(kind) + name;

  /** A webhook patch has a later order than its data: the rest of a patched entry is as old as its read. */
  const isCurrent = (kind: Named, entry: Entry): boolean =>
    entry.asOf === undefined || clock.monotonic() < entry.at + lifeMsOf(kind, entry.value);

  /** The newest of what a load brought and what is known. */
  const newest =
    ({ entries }: Landed): EntryOf =>
    (kind, name) => {
      const key = keyOf(kind, name);
      const landed = entries.get(key);
      const entry = known.get(key);
      const isKnownNewer =
        entry !== undefined && entry.order > (landed?.order ?? 0) && isCurrent(kind, entry);
      return uncacheable(isKnownNewer ? entry : landed);
    };

  return {
    /** What a load brought of a name. The known may be newer, but not whole any more. */
    answerIn: <Value>(landed: Landed, kind: Kind<Value>, name: string) =>
      landed.failures.get(keyOf(kind, name)) ??
      read(kind, name, newest(landed)) ??
      read(kind, name, (memberKind, id) => uncacheable(landed.entries.get(keyOf(memberKind, id)))),

    runOf:
      <Value>(kind: Kind<Value>, load: Load<Value>, generation: string | undefined): Run<Landed> =>
      async (keys, crew, began) => {
        const order = known.begin();
        began(order);
        const at = clock.monotonic();
        const entries = new Map<string, Entry>();
        const failures = new Map<string, UpstreamError>();
        const news: Keepsake[] = [];
        const put = (keptKind: Named, name: string, value: unknown) => {
          const key = keyOf(keptKind, name);
          const entry = { value, order, at };
          const lifeMs = lifeMsOf(keptKind, value);
          entries.set(key, entry);
          if (known.settle(key, entry) === entry && lifeMs > 0) {
            news.push({ key, around: aroundOf(keptKind, name), entry, lifeMs });
          }
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
      },
  };
}
