import type { ASTNode, DocumentNode, GraphQLSchema, NameNode } from 'graphql';
import { isInterfaceType, isObjectType, Kind, visit } from 'graphql';

export type DocumentCompactor = (document: DocumentNode) => DocumentNode;

const noNodes: readonly never[] = Object.freeze([]);

const exactLength = <Node>(nodes: readonly Node[] = noNodes): readonly Node[] =>
  nodes.length === 0 ? noNodes : [...nodes];

/** Errors need the position of a node. Its tokens refer to all other tokens of the text. */
const positionOf = ({ loc }: ASTNode) => loc && { start: loc.start, source: loc.source };

/** The names of a schema are shared by all documents. */
function schemaNames(schema: GraphQLSchema): ReadonlyMap<string, NameNode> {
  const names = new Map<string, NameNode>();
  const add = (value: string) => names.set(value, { kind: Kind.NAME, value });
  for (const type of Object.values(schema.getTypeMap())) {
    add(type.name);
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const { name, args } of Object.values(type.getFields())) {
      for (const named of [name, ...args.map((argument) => argument.name)]) add(named);
    }
  }
  return names;
}

/** Copies documents without what execution does not read, which is two thirds of what the parser creates. */
export function createDocumentCompactor(schema: GraphQLSchema): DocumentCompactor {
  const names = schemaNames(schema);

  function compactNode(node: ASTNode): unknown {
    const { kind } = node;
    if (kind === Kind.NAME) return names.get(node.value) ?? { kind, value: node.value };
    if (kind === Kind.SELECTION_SET) return { kind, selections: exactLength(node.selections) };
    const loc = positionOf(node);
    if (kind !== Kind.FIELD) return { ...node, loc };
    const { alias, name, selectionSet } = node;
    const fieldArguments = exactLength(node.arguments);
    const directives = exactLength(node.directives);
    return { kind, alias, name, arguments: fieldArguments, directives, selectionSet, loc };
  }

  return (document) => visit(document, { leave: compactNode });
}
