import { makeExecutableSchema } from '@graphql-tools/schema';
import type { IExecutableSchemaDefinition } from '@graphql-tools/schema';
import type { DocumentNode, GraphQLResolveInfo, GraphQLSchema } from 'graphql';
import { GraphQLScalarType, Kind, parse, valueFromASTUntyped } from 'graphql';
import { badUserInput } from '../support/clientError.ts';

type ResolverMaps = Extract<IExecutableSchemaDefinition['resolvers'], readonly unknown[]>;

/** What the federation spec adds to a subgraph: the directives that are imported by `@link`, and two root fields. */
const federation = /* GraphQL */ `
  scalar federation__FieldSet
  scalar link__Import
  enum link__Purpose {
    SECURITY
    EXECUTION
  }
  directive @link(
    url: String!
    as: String
    for: link__Purpose
    import: [link__Import]
  ) repeatable on SCHEMA
  directive @key(
    fields: federation__FieldSet!
    resolvable: Boolean = true
  ) repeatable on OBJECT | INTERFACE
  directive @shareable repeatable on OBJECT | FIELD_DEFINITION

  scalar _Any
  type _Service {
    sdl: String!
  }
  extend type Query {
    _service: _Service!
    _entities(representations: [_Any!]!): [_Entity]!
  }
`;

const anyScalar = new GraphQLScalarType({
  name: '_Any',
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

const badReference = () =>
  badUserInput('representations', 'Give the __typename of an entity and the fields of its key.');

/** `@graphql-tools/schema` hangs a type's `__resolveReference` on the type itself, as all subgraph libraries do. */
function resolveReference(reference: unknown, context: unknown, info: GraphQLResolveInfo): unknown {
  if (typeof reference !== 'object' || reference === null || !('__typename' in reference)) {
    throw badReference();
  }
  const type = info.schema.getType(String(reference.__typename));
  const isEntity = type?.astNode?.directives?.some(({ name }) => name.value === 'key');
  if (type === undefined || isEntity !== true) throw badReference();
  if (!('resolveReference' in type) || typeof type.resolveReference !== 'function')
    return reference;
  return Reflect.apply(type.resolveReference, type, [reference, context, info]);
}

const entities = (
  _root: unknown,
  { representations }: { readonly representations: readonly unknown[] },
  context: unknown,
  info: GraphQLResolveInfo,
) => representations.map(async (reference) => await resolveReference(reference, context, info));

/** The names of the object types that have a key. */
const entityNames = ({ definitions }: DocumentNode): string[] =>
  definitions.flatMap((definition) =>
    definition.kind === Kind.OBJECT_TYPE_DEFINITION &&
    definition.directives?.some(({ name }) => name.value === 'key') === true
      ? [definition.name.value]
      : [],
  );

/**
 * A Federation 2 subgraph: `_service` shows `sdl` as it is written; `_entities` resolves each reference on its own, in
 * order, so that one that fails takes no other with it.
 */
export function buildSubgraphSchema(sdl: string, resolvers: ResolverMaps): GraphQLSchema {
  const document = parse(sdl);
  const union = parse(`union _Entity = ${entityNames(document).join(' | ')}`);
  const root = {
    _Any: anyScalar,
    Query: { _service: () => ({ sdl }), _entities: entities },
  };
  return makeExecutableSchema({
    typeDefs: [document, parse(federation), union],
    resolvers: [root, ...resolvers],
    // Otherwise the types are made anew, without their `resolveReference`.
    updateResolversInPlace: true,
  });
}
