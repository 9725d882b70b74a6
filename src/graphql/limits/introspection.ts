import { GraphQLError, Kind } from 'graphql';
import type { FieldNode, ValidationRule } from 'graphql';

const allowedTypeFields: ReadonlySet<string> = new Set(['name', '__typename']);

/** Whether it asks no more than if a type is there, which a fragment on that type tells as well. */
const selectsNameOnly = ({ selectionSet }: FieldNode): boolean =>
  selectionSet?.selections.every(
    (selection) => selection.kind === Kind.FIELD && allowedTypeFields.has(selection.name.value),
  ) === true;

/** For production: nobody is shown the schema. */
export const noIntrospection: ValidationRule = (context) => ({
  Field(node) {
    const { value: name } = node.name;
    if (name === '__schema' || (name === '__type' && !selectsNameOnly(node))) {
      context.reportError(
        new GraphQLError('The schema cannot be asked for here.', { nodes: [node] }),
      );
    }
  },
});
