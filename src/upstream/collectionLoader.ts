import type { GraphQLResolveInfo } from 'graphql';
import type { PartialEntity } from '../lib/selection.ts';
import { UpstreamError } from './errors.ts';
import type { PartialEntities } from './partialEntities.ts';

interface CollectionMember {
  readonly __typename: string;
  readonly id: string;
}

interface CollectionLoader<Entity extends CollectionMember> {
  all(): Promise<readonly Entity[]>;
  /** Rejects with `notFound` for an id that is not in the list. */
  load(id: string): Promise<Entity>;
  /** As `PartialEntities.resolve`. */
  resolvePartial(
    partial: PartialEntity<Entity> & Pick<Entity, 'id'>,
    info: GraphQLResolveInfo,
  ): Entity | Promise<Entity | null>;
}

/** A short list that HelpCrunch only returns as a whole: read at most once per operation, indexed by id. */
export function createCollectionLoader<Entity extends CollectionMember>(
  read: () => Promise<readonly Entity[]>,
  partials: PartialEntities<Entity>,
): CollectionLoader<Entity> {
  let membersById: Promise<ReadonlyMap<string, Entity>> | undefined;
  const loadById = () =>
    (membersById ??= read().then(
      (members) => new Map(members.map((member) => [member.id, member])),
    ));
  const load = async (id: string) => {
    const member = (await loadById()).get(id);
    if (member === undefined)
      throw new UpstreamError('notFound', `The list has no member with id ${id}.`);
    return member;
  };
  return {
    all: async () => [...(await loadById()).values()],
    load,
    resolvePartial: (partial, info) => partials.resolve(partial, info, () => load(partial.id)),
  };
}
