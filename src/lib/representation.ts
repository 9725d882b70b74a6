import { getNamedType, isLeafType, isNonNullType, isObjectType } from 'graphql';
import type { GraphQLResolveInfo } from 'graphql';
import { toUpstreamId } from './ids.ts';

/** An entity as a router describes it to `_entities`. Only `__typename` has been validated. */
interface Representation<Typename extends string = string> {
  readonly __typename: Typename;
  readonly id?: unknown;
  readonly userId?: unknown;
}

/** The id of a representation; undefined if it is missing, null, empty or malformed. */
export const representedId = ({ id }: Representation): string | undefined => toUpstreamId(id);

/** As `representedId`, for the user id of a customer. */
export const representedUserId = ({ userId }: Representation): string | undefined =>
  typeof userId === 'string' && userId !== '' ? userId : undefined;

/** The leaf values of a representation, except its id and those that the schema rejects. */
function representedValues(representation: Representation, { schema }: GraphQLResolveInfo): object {
  // Most representations are a type and a key.
  if (Object.keys(representation).length <= 2) return {};
  const type = schema.getType(representation.__typename);
  const declarations = isObjectType(type) ? type.getFields() : {};
  const values: Record<string, unknown> = {};
  for (const [name, value] of Object.entries({ ...representation })) {
    if (name === 'id') continue;
    const declared = declarations[name]?.type;
    // Lists, and null for a non-null field, are ignored.
    const leaf = isNonNullType(declared) && value !== null ? getNamedType(declared) : declared;
    try {
      if (isLeafType(leaf)) values[name] = value === null ? null : leaf.parseValue(value);
    } catch {
      // The field is then read from HelpCrunch.
    }
  }
  return values;
}

/** Resolves the entity with the id of the representation; null without a usable id, because such an entity does not exist. */
export function resolveById<Typename extends string, Entity>(
  representation: Representation<Typename>,
  info: GraphQLResolveInfo,
  resolve: (part: { readonly __typename: Typename; readonly id: string }) => Entity,
): Entity | null {
  const id = representedId(representation);
  if (id === undefined) return null;
  const { __typename } = representation;
  return resolve({ ...representedValues(representation, info), __typename, id });
}

/** As `resolveById`, with the user id of a customer. */
export function resolveByUserId<Typename extends string, Entity>(
  representation: Representation<Typename>,
  info: GraphQLResolveInfo,
  resolve: (part: { readonly __typename: Typename; readonly userId: string }) => Entity,
): Entity | null {
  const userId = representedUserId(representation);
  if (userId === undefined) return null;
  const { __typename } = representation;
  return resolve({ ...representedValues(representation, info), __typename, userId });
}
