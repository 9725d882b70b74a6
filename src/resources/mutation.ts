import type { Viewer } from '../lib/viewer.ts';
import type { CacheType, CachedEntity } from '../upstream/cache/cacheTypes.ts';
import type { ScopedCache } from '../upstream/cache/scopedCache.ts';
import { isDefinitelyNotApplied } from '../upstream/errors.ts';
import type { UpstreamCall } from '../upstream/pipeline.ts';
import type { FetchKind, FieldDeclaration, InvalidatedTags } from './declarations.ts';

/** The entity that a group of mutations writes. */
export interface WrittenEntity<Entity extends CachedEntity> {
  readonly kind: FetchKind;
  readonly cacheType: CacheType<Entity>;
  /** Reads the entity from the response of HelpCrunch. */
  readonly decode: (body: unknown) => Entity;
}

/** One write of one entity: access, `@tag`, cost, invalidation, events and the table in `docs/mutations.md` derive from it. */
export interface MutationDeclaration<Args, Change extends string, Webhook extends string> {
  /** `owner`: a customer may write its own entity, which is verified before the call. `staff`: customers get `FORBIDDEN`. */
  readonly policy: 'owner' | 'staff';
  /** Rejects arguments and viewers before any call. */
  readonly validate?: (args: Args, viewer: Viewer) => void;
  readonly call: (args: Args) => Pick<UpstreamCall, 'method' | 'path' | 'body'>;
  /** Whether the call may be repeated when it is unknown whether it was applied. */
  readonly isIdempotent: boolean;
  /** The cache tags of everything else that the write may change. `[]` states that there is nothing else. */
  readonly invalidates: InvalidatedTags;
  /** The changes that subscribers receive at once; with `when` only for some arguments. */
  readonly publishes: readonly {
    readonly change: Change;
    readonly when?: (args: Args) => boolean;
  }[];
  /** The webhook events in which HelpCrunch reports the same change. */
  readonly repeatedBy: readonly Webhook[];
}

/** Makes the call. The entity and the other tags are invalidated unless the write was certainly not applied. */
export async function writeEntity<Args, Entity extends CachedEntity>(
  { cacheType, decode }: WrittenEntity<Entity>,
  { call, isIdempotent, invalidates }: MutationDeclaration<Args, string, string>,
  { cache, id, args }: { readonly cache: ScopedCache; readonly id: string; readonly args: Args },
): Promise<Entity> {
  let isApplied = true;
  try {
    return await cache.write(cacheType, id, async (send) =>
      decode(await send({ ...call(args), effect: 'write', isIdempotent })),
    );
  } catch (error) {
    isApplied = !isDefinitelyNotApplied(error);
    throw error;
  } finally {
    if (isApplied) await cache.invalidate(invalidates);
  }
}

/** Policy and cost of the mutations of one entity. Each makes one call. */
export function mutationFields<Name extends string>(
  { kind }: { readonly kind: FetchKind },
  mutations: Readonly<Record<Name, { readonly policy: 'owner' | 'staff' }>>,
): Readonly<Record<Name, FieldDeclaration>>;
export function mutationFields(
  { kind }: { readonly kind: FetchKind },
  mutations: Readonly<Record<string, { readonly policy: 'owner' | 'staff' }>>,
): Readonly<Record<string, FieldDeclaration>> {
  return Object.fromEntries(
    Object.entries(mutations).map(([name, { policy }]) => [
      name,
      { policy, cost: { strategy: 'write', kind, calls: 1 } },
    ]),
  );
}
