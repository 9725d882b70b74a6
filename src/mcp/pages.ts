import type { DocumentNode, FieldNode, GraphQLSchema, SelectionNode } from 'graphql';
import { Kind, parse, TypeInfo, visit, visitWithTypeInfo } from 'graphql';

/** Response keys of what is added to a list, so that its result can end after any item. */
export const cursorsKey = '_cursors';
export const pageInfoKey = '_page';

const selectionsOf = ({ definitions: [definition] }: DocumentNode): readonly SelectionNode[] =>
  definition?.kind === Kind.OPERATION_DEFINITION ? definition.selectionSet.selections : [];

const addedSelections = selectionsOf(
  parse(`{ ${cursorsKey}: edges { cursor } ${pageInfoKey}: pageInfo { hasNextPage endCursor } }`, {
    noLocation: true,
  }),
);

/** The variable that continues a list; undefined if the field has none. */
const cursorVariableOf = ({ arguments: given = [] }: FieldNode): string | undefined => {
  const after = given.find(({ name }) => name.value === 'after')?.value;
  return after?.kind === Kind.VARIABLE ? after.name.value : undefined;
};

interface PagedDocument {
  readonly document: DocumentNode;
  /** The variable that continues the list; undefined if the operation has none, or several lists. */
  readonly cursorVariable: string | undefined;
}

/** Adds cursors to the list that a variable continues. */
export function addContinuationCursors(
  schema: GraphQLSchema,
  document: DocumentNode,
): PagedDocument {
  const variables: string[] = [];
  const typeInfo = new TypeInfo(schema);
  function withCursors(node: FieldNode): FieldNode | undefined {
    const variable = cursorVariableOf(node);
    const isConnection = /^\w+Connection!?$/.test(String(typeInfo.getType()));
    if (variable === undefined || !isConnection || !node.selectionSet) return undefined;
    variables.push(variable);
    const selections = [...node.selectionSet.selections, ...addedSelections];
    return { ...node, selectionSet: { kind: Kind.SELECTION_SET, selections } };
  }
  // On the way back, so that the added fields are not visited.
  const visitor = visitWithTypeInfo(typeInfo, { Field: { leave: withCursors } });
  const paged: DocumentNode = visit(document, visitor);
  return variables.length === 1
    ? { document: paged, cursorVariable: variables[0] }
    : { document, cursorVariable: undefined };
}
