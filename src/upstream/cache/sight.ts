import type { Clock } from '../../support/clock.ts';
import type { Scope } from '../client.ts';
import { UpstreamError } from '../errors.ts';
import type { Kind, Named, Stored } from './kinds.ts';
import type { Knowledge } from './knowledge.ts';
import type { Entry } from './memory.ts';
import type { EntryOf, Read } from './reading.ts';
import { acceptsAs } from './reading.ts';

interface Parts {
  readonly known: Knowledge;
  readonly clock: Clock;
  readonly staleMs: number;
  readonly scope: Scope;
  /** Where in the order of things the operation began. */
  readonly since: number;
  readonly keyOf: (kind: Named, name: string) => string;
  /** What takes a thing along when it changes. */
  readonly aroundOf: (kind: Named, name: string) => string;
  readonly freshUntilMs: (kind: Named, entry: Omit<Entry, 'order'>) => number;
  readonly read: Read;
}

export interface OldAnswer<Value> {
  readonly value: Value;
  readonly ageMs: number;
}

/** Which of the things that are known an operation may be shown. */
export function createSight(parts: Parts) {
  const { known, clock, staleMs, scope, since, keyOf, aroundOf, freshUntilMs, read } = parts;
  const { tenant, isRefresh, tracker } = scope;

  function isFresh(kind: Named, entry: Entry, tag: string): boolean {
    if (entry.order < (known.changeOf(tag)?.order ?? 0)) return false;
    // What was told since was told of something that may have been read before.
    const isReadSince = entry.order > since && entry.asOf === undefined;
    return isReadSince || (!isRefresh && clock.monotonic() < freshUntilMs(kind, entry));
  }

  /** An entry that is fresh, or has been read for this very operation. */
  const fresh: EntryOf = (kind, name) => {
    const key = keyOf(kind, name);
    const tag = aroundOf(kind, name);
    const { entry, version } = known.find(key) ?? {};
    const isShown = entry !== undefined && isFresh(kind, entry, tag);
    if (!tracker.isTracking) return { entry: isShown ? entry : undefined, dependency: undefined };
    if (!isShown) {
      // Whatever comes in its place has another version.
      const never = { order: Infinity, expiresAtMs: Infinity };
      return { entry: undefined, dependency: { key, version, tag, ...never } };
    }
    const expiresAtMs = freshUntilMs(kind, entry);
    return { entry, dependency: { key, version, tag, order: entry.order, expiresAtMs } };
  };

  /** Whether nothing that the entry speaks of has changed since it was read. */
  function isUntouched(kind: Kind<unknown>, name: string, entry: Entry): boolean {
    const members = kind.members?.(entry.value);
    const keys = [
      aroundOf(kind, name),
      ...(members?.ids.flatMap((id) => [keyOf(members.kind, id), aroundOf(members.kind, id)]) ??
        []),
    ];
    return keys.every((key) => known.isUnchangedSince(key, entry));
  }

  const recall = (kind: Stored, names: readonly string[]) =>
    known.recall(
      tenant,
      isRefresh
        ? []
        : names.map((name) => ({
            key: keyOf(kind, name),
            around: aroundOf(kind, name),
            accepts: acceptsAs(kind, name),
          })),
      (entry) => clock.monotonic() < freshUntilMs(kind, entry),
    );

  return {
    fresh,

    /**
     * What was known of a name not too long ago and has not changed since, for when the helpdesk cannot be asked. Nothing while other
     * instances' changes are not heard of.
     */
    old<Value>(kind: Kind<Value>, name: string): OldAnswer<Value> | undefined {
      if (staleMs === 0 || isRefresh || known.isShared() === false) return undefined;
      const list = known.get(keyOf(kind, name));
      if (list === undefined || !isUntouched(kind, name, list)) return undefined;
      let oldest = Infinity;
      const value = read(kind, name, (entryKind, entryName) => {
        const entry = known.get(keyOf(entryKind, entryName));
        const isShown =
          entry !== undefined &&
          clock.monotonic() - entry.at <= staleMs &&
          entry.order >= (known.changeOf(aroundOf(entryKind, entryName))?.order ?? 0);
        if (isShown) oldest = Math.min(oldest, entry.at);
        return { entry: isShown ? entry : undefined, dependency: undefined };
      });
      if (value === undefined || value instanceof UpstreamError) return undefined;
      return { value, ageMs: Math.max(0, Math.round(clock.monotonic() - oldest)) };
    },

    /** Takes over what other instances know of the names, and of the entities that they stand for. */
    async recallAll(kind: Kind<unknown>, names: readonly string[]): Promise<string | undefined> {
      const { entries, generation } = await recall(kind, names);
      const members = entries.flatMap((entry) =>
        entry === undefined ? [] : (kind.members?.(entry.value) ?? []),
      );
      const [first] = members;
      if (first !== undefined) {
        const ids = new Set(members.flatMap((member) => member.ids));
        const unknown = [...ids].filter((id) => fresh(first.kind, id).entry === undefined);
        if (unknown.length > 0) await recall(first.kind, unknown);
      }
      return generation;
    },
  };
}
