import type { FieldNode, GraphQLObjectType, GraphQLSchema, SelectionNode } from 'graphql';
import { isAbstractType, Kind, valueFromASTUntyped } from 'graphql';
import type { DocumentNode, OperationDefinitionNode } from 'graphql';
import { fragmentsOf } from '../limits/documentStructure.ts';

export type ArgumentValues = Readonly<Record<string, unknown>>;

/** A larger operation is not estimated. */
const maxVisits = 10_000;

/** The default values of variables. */
export const defaultsOf = ({ variableDefinitions = [] }: OperationDefinitionNode): ArgumentValues =>
  Object.fromEntries(
    variableDefinitions.map(({ variable, defaultValue }) => [
      variable.name.value,
      defaultValue && valueFromASTUntyped(defaultValue),
    ]),
  );

/** Collects fields as execution does, with the values of variables as they were sent. */
export function createSelectionReader(
  document: DocumentNode,
  schema: GraphQLSchema,
  variables: ArgumentValues,
) {
  const fragments = fragmentsOf(document);
  let visits = 0;

  const isIncluded = ({ directives = [] }: SelectionNode): boolean =>
    directives.every(({ name, arguments: [condition] = [] }) => {
      const value = condition && valueFromASTUntyped(condition.value, variables);
      return name.value === 'skip' ? value !== true : name.value !== 'include' || value !== false;
    });

  const appliesTo = (type: GraphQLObjectType, condition = type.name): boolean => {
    const wanted = schema.getType(condition);
    return wanted === type || (isAbstractType(wanted) && schema.isSubType(wanted, type));
  };

  return {
    isExhausted: (): boolean => visits > maxVisits,
    argumentsOf: ({ arguments: given = [] }: FieldNode): ArgumentValues =>
      Object.fromEntries(
        given.map(({ name, value }) => [name.value, valueFromASTUntyped(value, variables)]),
      ),
    /** The fields selected on a type, by response key. */
    fieldsOf(
      type: GraphQLObjectType,
      nodes: readonly (FieldNode | OperationDefinitionNode)[],
    ): Map<string, FieldNode[]> {
      const fields = new Map<string, FieldNode[]>();
      const spread = new Set<string>();
      const collect = (selections: readonly SelectionNode[] = []): void => {
        for (const selection of selections) {
          visits += 1;
          if (visits > maxVisits || !isIncluded(selection)) continue;
          if (selection.kind === Kind.FIELD) {
            const key = selection.alias?.value ?? selection.name.value;
            const group = fields.get(key);
            if (group === undefined) fields.set(key, [selection]);
            else group.push(selection);
          } else if (selection.kind === Kind.INLINE_FRAGMENT) {
            if (appliesTo(type, selection.typeCondition?.name.value)) {
              collect(selection.selectionSet.selections);
            }
          } else if (!spread.has(selection.name.value)) {
            spread.add(selection.name.value);
            const fragment = fragments.get(selection.name.value);
            if (fragment && appliesTo(type, fragment.typeCondition.name.value)) {
              collect(fragment.selectionSet.selections);
            }
          }
        }
      };
      for (const node of nodes) collect(node.selectionSet?.selections);
      return fields;
    },
  };
}

export const fieldNames = (fields: ReadonlyMap<string, readonly FieldNode[]>): readonly string[] =>
  Array.from(fields.values()).flatMap(([field]) => field?.name.value ?? []);

export type SelectionReader = ReturnType<typeof createSelectionReader>;
