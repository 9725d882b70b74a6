import type { GraphQLResolveInfo } from 'graphql';
import type { DerivedFields, PartialEntity } from '../lib/selection.ts';
import { satisfiesSelection } from '../lib/selection.ts';
import { nullIfNotFound, UpstreamError } from './errors.ts';

interface CollectionMember {
  readonly __typename: string;
  readonly id: string;
}

export interface CollectionLoader<Entity extends CollectionMember> {
  all(): Promise<readonly Entity[]>;
  /** Rejects with `notFound` for an id that is not in the list. */
  load(id: string): Promise<Entity>;
  /** The partial entity if it satisfies the selection, else the whole member; null if it no longer exists. */
  resolvePartial(
    partial: PartialEntity<Entity> & Pick<Entity, 'id'>,
    info: GraphQLResolveInfo,
  ): Entity | Promise<Entity | null>;
}

/** A short list that HelpCrunch only returns as a whole: read at most once per operation, indexed by id. */
export function createCollectionLoader<Entity extends CollectionMember>(
  read: () => Promise<readonly Entity[]>,
  derivedFields: DerivedFields,
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
    resolvePartial: (partial, info) =>
      satisfiesSelection(partial, info, derivedFields) ? partial : nullIfNotFound(load(partial.id)),
  };
}
