import { makeExecutableSchema } from '@graphql-tools/schema';
import type { IExecutableSchemaDefinition } from '@graphql-tools/schema';
import type {
  ConstDirectiveNode,
  DefinitionNode,
  DocumentNode,
  GraphQLResolveInfo,
  GraphQLSchema,
} from 'graphql';
import { GraphQLScalarType, isTypeDefinitionNode, Kind, parse, valueFromASTUntyped } from 'graphql';
import { badUserInputError } from '../../lib/clientError.ts';
import { resolveFederationLink } from './link.ts';
import { asError } from '../../lib/asError.ts';

type ResolverMaps = Extract<IExecutableSchemaDefinition['resolvers'], readonly unknown[]>;

const anyScalar = new GraphQLScalarType({
  name: '_Any',
  parseValue: (value) => value,
  parseLiteral: (node, variables) => valueFromASTUntyped(node, variables),
});

/** Each invalid representation is an error; ten thousand of them would block the event loop for a second. */
const maxReferences = 1_000;

const invalidReferenceError = () =>
  badUserInputError(
    'representations',
    'must contain the __typename of an entity and the fields of its key.',
  );

/** `@graphql-tools/schema` puts `__resolveReference` on the type object, as subgraph libraries do. */
function resolveReference(
  reference: unknown,
  entityNames: ReadonlySet<unknown>,
  [context, info]: readonly [unknown, GraphQLResolveInfo],
): unknown {
  if (typeof reference !== 'object' || reference === null || !('__typename' in reference)) {
    return invalidReferenceError();
  }
  const { __typename: name } = reference;
  if (typeof name !== 'string' || !entityNames.has(name)) return invalidReferenceError();
  const type = info.schema.getType(name);
  if (type === undefined || !('resolveReference' in type)) return reference;
  const { resolveReference: resolve } = type;
  if (typeof resolve !== 'function') return reference;
  try {
    const found: unknown = resolve.call(type, reference, context, info);
    return found;
  } catch (error) {
    // An Error in a list fails its item only, like a rejected promise.
    return asError(error);
  }
}

const createEntitiesResolver =
  (entityNames: ReadonlySet<unknown>) =>
  (
    _root: unknown,
    { representations }: { readonly representations: readonly unknown[] },
    context: unknown,
    info: GraphQLResolveInfo,
  ): readonly unknown[] => {
    if (representations.length > maxReferences) {
      throw badUserInputError('representations', `must have at most ${maxReferences} items.`);
    }
    return representations.map((reference) =>
      resolveReference(reference, entityNames, [context, info]),
    );
  };

const isResolvable = ({ arguments: given = [] }: ConstDirectiveNode): boolean =>
  !given.some(
    ({ name, value }) => name.value === 'resolvable' && value.kind === Kind.BOOLEAN && !value.value,
  );

/** The names of the object types with a `@key`. */
function entityNamesOf({ definitions }: DocumentNode, key: string): string[] {
  const names = definitions.flatMap((definition) =>
    (definition.kind === Kind.OBJECT_TYPE_DEFINITION ||
      definition.kind === Kind.OBJECT_TYPE_EXTENSION) &&
    definition.directives?.some(
      (directive) => `@${directive.name.value}` === key && isResolvable(directive),
    ) === true
      ? [definition.name.value]
      : [],
  );
  return [...new Set(names)];
}

/** A subgraph may extend types that only other subgraphs define: converts these extensions to definitions. */
function withDefinitions({ definitions, ...document }: DocumentNode): DocumentNode {
  const defined = new Set(definitions.filter(isTypeDefinitionNode).map(({ name }) => name.value));
  return {
    ...document,
    definitions: definitions.map((definition): DefinitionNode => {
      if (definition.kind !== Kind.OBJECT_TYPE_EXTENSION) return definition;
      if (defined.has(definition.name.value)) return definition;
      defined.add(definition.name.value);
      return { ...definition, kind: Kind.OBJECT_TYPE_DEFINITION };
    }),
  };
}

const rootFields = (entityNames: readonly string[]): string =>
  [
    'scalar _Any',
    'type _Service { sdl: String! } extend type Query { _service: _Service! }',
    entityNames.length === 0
      ? ''
      : `union _Entity = ${entityNames.join(' | ')}
         extend type Query { _entities(representations: [_Any!]!): [_Entity]! }`,
  ].join('\n');

interface SubgraphOptions {
  readonly sdl: string;
  readonly resolvers: ResolverMaps;
  /** Creates the SDL in `_service`. */
  readonly subgraphSdl: () => string;
}

/** A Federation 2 subgraph. `_entities` resolves references independently and in order: a failed one does not affect the others. */
export function buildSubgraphSchema({
  sdl,
  resolvers,
  subgraphSdl,
}: SubgraphOptions): GraphQLSchema {
  const document = withDefinitions(parse(sdl));
  const { nameOf, definitions } = resolveFederationLink(document);
  const entityNames = entityNamesOf(document, nameOf('@key'));
  const root = {
    _Any: anyScalar,
    Query: {
      _service: () => ({ sdl: subgraphSdl() }),
      ...(entityNames.length === 0
        ? {}
        : { _entities: createEntitiesResolver(new Set(entityNames)) }),
    },
  };
  return makeExecutableSchema({
    typeDefs: [document, parse(definitions), parse(rootFields(entityNames))],
    resolvers: [root, ...resolvers],
    // Otherwise the types are recreated without their `resolveReference`.
    updateResolversInPlace: true,
  });
}
