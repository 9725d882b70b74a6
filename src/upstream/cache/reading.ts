import type { Dependency, DependencyTracker } from '../../support/dependencyTracker.ts';
import { isNumber, isText, listOf, objectOf, oneOf } from '../../support/shape.ts';
import type { ErrorEntry, UpstreamErrorDetails } from '../errors.ts';
import { UpstreamError } from '../errors.ts';
import type { Find, Kind, Named, Stored } from './kinds.ts';
import type { Entry } from './memory.ts';

/** Kept under a name that stands for nothing. */
export interface Absent {
  readonly absent: UpstreamErrorDetails;
}

export const isAbsent = (value: unknown): value is Absent =>
  typeof value === 'object' && value !== null && 'absent' in value;

const isAbsence = objectOf<Absent>({
  absent: objectOf<UpstreamErrorDetails>(
    {
      status: isNumber,
      entries: listOf(objectOf<ErrorEntry>({ code: isText, message: isText })),
      retryAfterMs: isNumber,
      isAddress: oneOf(true),
      neverLeft: oneOf(true),
    },
    [],
  ),
});

/** Whether what another instance left under the name can be read as this kind. */
export const acceptsAs =
  (kind: Stored, name: string) =>
  (kept: unknown): boolean =>
    isAbsent(kept) ? isAbsence(kept) : kind.accepts(kept, name);

/** What was found under a name, with what a response that was made from it depends on. */
export interface Lookup {
  readonly entry: Entry | undefined;
  /** Undefined when such a response must not be cached. */
  readonly dependency: Dependency | undefined;
}

export type EntryOf = (kind: Named, name: string) => Lookup;

/** What the entries say of a name; undefined when they do not say enough. */
export type Read = <Value>(
  kind: Kind<Value>,
  name: string,
  entryOf: EntryOf,
) => Value | UpstreamError | undefined;

/** The only way from an entry to its value: no value can be read without the tracker recording what it was made from. */
export function createRead(tracker: DependencyTracker): Read {
  function tracked({ entry, dependency }: Lookup): Entry | undefined {
    if (dependency === undefined) tracker.markUncacheable();
    else tracker.track(dependency);
    return entry;
  }

  return (kind, name, entryOf) => {
    const entry = tracked(entryOf(kind, name));
    if (entry === undefined) return undefined;
    if (isAbsent(entry.value)) {
      return new UpstreamError('notFound', 'The helpdesk does not have this.', entry.value.absent);
    }
    const find: Find = (memberKind, id) => {
      const member = tracked(entryOf(memberKind, id));
      return member === undefined ? undefined : memberKind.unpack(member.value, find);
    };
    return kind.unpack(entry.value, find);
  };
}
