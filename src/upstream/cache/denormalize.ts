import type { Dependency, DependencyTracker } from '../../lib/dependencyTracker.ts';
import { isNumber, isText, listOf, objectOf, oneOf } from '../../lib/shape.ts';
import type { UpstreamErrorEntry, UpstreamErrorDetails } from '../errors.ts';
import { UpstreamError } from '../errors.ts';
import type { FindEntity, CacheType, CacheTypeDescriptor, Stored } from './cacheTypes.ts';
import type { CacheEntry } from './memoryStore.ts';

/** Kept under a name that stands for nothing. */
export interface NegativeEntry {
  readonly notFound: UpstreamErrorDetails;
}

export const isNegativeEntry = (value: unknown): value is NegativeEntry =>
  typeof value === 'object' && value !== null && 'notFound' in value;

const isAbsence = objectOf<NegativeEntry>({
  notFound: objectOf<UpstreamErrorDetails>(
    {
      status: isNumber,
      entries: listOf(objectOf<UpstreamErrorEntry>({ code: isText, message: isText })),
      retryAfterMs: isNumber,
      isUnknownRoute: oneOf(true),
      notSent: oneOf(true),
    },
    [],
  ),
});

/** Whether what another instance left under the name can be read as this kind. */
export const acceptsAs =
  (type: Stored, name: string) =>
  (kept: unknown): boolean =>
    isNegativeEntry(kept) ? isAbsence(kept) : type.accepts(kept, name);

/** What was found under a name, with what a response that was made from it depends on. */
export interface Lookup {
  readonly entry: CacheEntry | undefined;
  /** Undefined when such a response must not be cached. */
  readonly dependency: Dependency | undefined;
}

export type EntryLookup = (type: CacheTypeDescriptor, name: string) => Lookup;

/** What the entries say of a name; undefined when they do not say enough. */
export type Read = <Value>(
  type: CacheType<Value>,
  name: string,
  lookUp: EntryLookup,
) => Value | UpstreamError | undefined;

/** The only way from an entry to its value: no value can be read without the tracker recording what it was made from. */
export function createRead(tracker: DependencyTracker): Read {
  function tracked({ entry, dependency }: Lookup): CacheEntry | undefined {
    if (dependency === undefined) tracker.markUncacheable();
    else tracker.track(dependency);
    return entry;
  }

  return (type, name, lookUp) => {
    const entry = tracked(lookUp(type, name));
    if (entry === undefined) return undefined;
    if (isNegativeEntry(entry.value)) {
      return new UpstreamError(
        'notFound',
        'The helpdesk does not have this.',
        entry.value.notFound,
      );
    }
    const find: FindEntity = (memberType, id) => {
      const member = tracked(lookUp(memberType, id));
      return member === undefined ? undefined : memberType.deserialize(member.value, find);
    };
    return type.deserialize(entry.value, find);
  };
}
