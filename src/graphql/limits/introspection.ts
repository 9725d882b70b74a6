import { GraphQLError, Kind } from 'graphql';
import type { FieldNode, ValidationRule } from 'graphql';

const allowedTypeFields: ReadonlySet<string> = new Set(['name', '__typename']);

/** Whether it reveals only that a type exists, as a fragment on the type does. */
const selectsNameOnly = ({ selectionSet }: FieldNode): boolean =>
  selectionSet?.selections.every(
    (selection) => selection.kind === Kind.FIELD && allowedTypeFields.has(selection.name.value),
  ) === true;

/** Rejects introspection in production. */
export const noIntrospection: ValidationRule = (context) => ({
  Field(node) {
    const { value: name } = node.name;
    if (name === '__schema' || (name === '__type' && !selectsNameOnly(node))) {
      context.reportError(new GraphQLError('Introspection is disabled.', { nodes: [node] }));
    }
  },
});
