import type {
  ConstDirectiveNode,
  DefinitionNode,
  FieldDefinitionNode,
  NamedTypeNode,
  NameNode,
  TypeNode,
  TypeDefinitionNode,
} from 'graphql';
import { isTypeDefinitionNode, Kind, parse, print, visit } from 'graphql';

type Definitions = readonly DefinitionNode[];

/** Fields that other subgraphs are likely to have as well, and that have no meaning in a supergraph. */
const genericFields = ['Query.node', 'Query.nodes', 'Query.viewer', 'Query.rateLimit'];

const inaccessible: ConstDirectiveNode = {
  kind: Kind.DIRECTIVE,
  name: { kind: Kind.NAME, value: 'inaccessible' },
};

const markInaccessible = <
  Node extends { readonly directives?: readonly ConstDirectiveNode[] | undefined },
>(
  node: Node,
) => ({ ...node, directives: [...(node.directives ?? []), inaccessible] });

const namedTypeOf = (type: TypeNode): NamedTypeNode =>
  type.kind === Kind.NAMED_TYPE ? type : namedTypeOf(type.type);

const isRoot = ({ name }: TypeDefinitionNode): boolean =>
  /^(Query|Mutation|Subscription)$/.test(name.value);

/** The composer of Grafbase and the planner of Hive Router cannot parse a description of `schema`. */
function withoutSchemaDescription(definition: DefinitionNode): DefinitionNode {
  if (definition.kind !== Kind.SCHEMA_DEFINITION) return definition;
  const { kind, directives = [], operationTypes } = definition;
  return { kind, directives, operationTypes };
}

const isEntity = ({ directives = [] }: TypeDefinitionNode): boolean =>
  directives.some(({ name }) => name.value === 'key');

const interfacesOf = (definition: DefinitionNode) =>
  ('interfaces' in definition ? definition.interfaces : undefined) ?? [];

/** The coordinate of a root field. The type defaults to `Query`. */
export const rootFieldCoordinate = (name: string): string =>
  name.includes('.') ? name : `Query.${name}`;

/** The coordinates of all root fields. */
export const rootFieldCoordinatesOf = (sdl: string): readonly string[] =>
  parse(sdl).definitions.flatMap((type) =>
    type.kind === Kind.OBJECT_TYPE_DEFINITION && isRoot(type)
      ? (type.fields ?? []).map(({ name }) => `${type.name.value}.${name.value}`)
      : [],
  );

/** Replaces each root field. A root type without fields is removed. */
function withRootFields(
  definitions: Definitions,
  replace: (field: FieldDefinitionNode, coordinate: string) => readonly FieldDefinitionNode[],
): Definitions {
  return definitions.flatMap((definition) => {
    if (definition.kind !== Kind.OBJECT_TYPE_DEFINITION || !isRoot(definition)) return [definition];
    const fields = (definition.fields ?? []).flatMap((field) =>
      replace(field, `${definition.name.value}.${field.name.value}`),
    );
    return fields.length === 0 ? [] : [{ ...definition, fields }];
  });
}

/** The types that fields return or accept. Implemented interfaces do not count. */
function typesInUse(definitions: Definitions): ReadonlySet<string> {
  const types = definitions.filter(isTypeDefinitionNode);
  const inUse = new Set<string>();
  function markUsed(type: TypeDefinitionNode): void {
    const { value: name } = type.name;
    if (inUse.has(name)) return;
    inUse.add(name);
    const needed = new Set<string>();
    visit({ ...type, interfaces: [] }, { NamedType: (node) => void needed.add(node.name.value) });
    for (const other of types) {
      const isImplementation = interfacesOf(other).some((one) => one.name.value === name);
      if (isImplementation || needed.has(other.name.value)) markUsed(other);
    }
  }
  for (const type of types) if (isRoot(type) || isEntity(type)) markUsed(type);
  return inUse;
}

function excludeRootFields(definitions: Definitions, names: readonly string[]): Definitions {
  const remaining = withRootFields(definitions, (field, coordinate) =>
    names.includes(coordinate) ? [] : [field],
  );
  const inUse = typesInUse(remaining);
  return remaining.flatMap((definition): Definitions => {
    if (!isTypeDefinitionNode(definition)) return [definition];
    if (!inUse.has(definition.name.value)) return [];
    const interfaces = interfacesOf(definition).filter(({ name }) => inUse.has(name.value));
    return 'interfaces' in definition ? [{ ...definition, interfaces }] : [definition];
  });
}

/** Marks the fields whose type is hidden, which the composer of Grafbase requires. Only hidden types have any, beside the root types. */
const withHiddenFields = (
  definition: TypeDefinitionNode,
  isHidden: (type: NamedTypeNode) => boolean,
): TypeDefinitionNode =>
  definition.kind === Kind.OBJECT_TYPE_DEFINITION
    ? {
        ...definition,
        fields: (definition.fields ?? []).map((field) =>
          isHidden(namedTypeOf(field.type)) ? markInaccessible(field) : field,
        ),
      }
    : definition;

/**
 * The SDL that a supergraph is composed of. Generic fields of `Query`, and types that only they use, are `@inaccessible`. Excluded
 * root fields, and types that only they use, are omitted, so that another subgraph may define them.
 */
export function toSubgraphSdl(sdl: string, excludedRootFields: readonly string[] = []): string {
  const document = parse(sdl);
  const served = document.definitions.map(withoutSchemaDescription);
  const present = excludeRootFields(served, excludedRootFields.map(rootFieldCoordinate));
  const inUse = typesInUse(excludeRootFields(present, genericFields));
  const isHidden = ({ name }: { readonly name: NameNode }) => !inUse.has(name.value);
  const definitions = withRootFields(present, (field, coordinate) =>
    genericFields.includes(coordinate) ? [markInaccessible(field)] : [field],
  ).map((definition) =>
    isTypeDefinitionNode(definition) && isHidden(definition)
      ? markInaccessible(withHiddenFields(definition, isHidden))
      : definition,
  );
  return print({ ...document, definitions });
}
