import type {
  ConstDirectiveNode,
  DefinitionNode,
  FieldDefinitionNode,
  TypeDefinitionNode,
} from 'graphql';
import { isTypeDefinitionNode, Kind, parse, print, visit } from 'graphql';

type Definitions = readonly DefinitionNode[];

/** Fields of `Query` that other subgraphs may well have too, and that mean nothing in a supergraph. */
const genericFields = ['node', 'nodes', 'viewer', 'rateLimit'];

const inaccessible: ConstDirectiveNode = {
  kind: Kind.DIRECTIVE,
  name: { kind: Kind.NAME, value: 'inaccessible' },
};

const markInaccessible = <
  Node extends { readonly directives?: readonly ConstDirectiveNode[] | undefined },
>(
  node: Node,
) => ({ ...node, directives: [...(node.directives ?? []), inaccessible] });

const isRoot = ({ name }: TypeDefinitionNode): boolean =>
  /^(Query|Mutation|Subscription)$/.test(name.value);

const isEntity = ({ directives = [] }: TypeDefinitionNode): boolean =>
  directives.some(({ name }) => name.value === 'key');

const interfacesOf = (definition: DefinitionNode) =>
  ('interfaces' in definition ? definition.interfaces : undefined) ?? [];

function withQueryFields(
  definitions: Definitions,
  change: (field: FieldDefinitionNode) => readonly FieldDefinitionNode[],
): Definitions {
  return definitions.map((definition) =>
    definition.kind === Kind.OBJECT_TYPE_DEFINITION && definition.name.value === 'Query'
      ? { ...definition, fields: (definition.fields ?? []).flatMap(change) }
      : definition,
  );
}

/** The types that some field gives or takes. To have an interface is not to need it. */
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

function excludeQueryFields(definitions: Definitions, names: readonly string[]): Definitions {
  const remaining = withQueryFields(definitions, (field) =>
    names.includes(field.name.value) ? [] : [field],
  );
  const inUse = typesInUse(remaining);
  return remaining.flatMap((definition): Definitions => {
    if (!isTypeDefinitionNode(definition)) return [definition];
    if (!inUse.has(definition.name.value)) return [];
    const interfaces = interfacesOf(definition).filter(({ name }) => inUse.has(name.value));
    return 'interfaces' in definition ? [{ ...definition, interfaces }] : [definition];
  });
}

/**
 * The schema as a supergraph is composed of it. The generic fields of `Query`, and types that nothing else needs, are
 * `@inaccessible`; what is named in `leftOut` is not there, so that another subgraph may have fields and types of its names.
 */
export function supergraphSdl(sdl: string, excludedQueryFields: readonly string[] = []): string {
  const document = parse(sdl);
  const present = excludeQueryFields(document.definitions, excludedQueryFields);
  const inUse = typesInUse(excludeQueryFields(present, genericFields));
  const definitions = withQueryFields(present, (field) =>
    genericFields.includes(field.name.value) ? [markInaccessible(field)] : [field],
  ).map((definition) =>
    isTypeDefinitionNode(definition) && !inUse.has(definition.name.value)
      ? markInaccessible(definition)
      : definition,
  );
  return print({ ...document, definitions });
}
