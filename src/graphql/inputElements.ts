import type { GraphQLInputType, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isScalarType,
  typeFromAST,
} from 'graphql';
import { isDictionary } from '../lib/shape.ts';

/** A variable whose value consists of input fields or enum values. */
interface InputVariable {
  readonly name: string;
  readonly type: GraphQLInputType;
}

interface TypedValue {
  readonly value: unknown;
  readonly type: GraphQLInputType;
}

/** More than any operation within its limits has. Variables of rejected operations can have as many as their request is long. */
const maxValues = 10_000;

const hasElements = (type: GraphQLInputType): boolean => !isScalarType(getNamedType(type));

/** The variables of an operation that contain elements of the schema: most operations have none. */
export const inputVariablesOf = (
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
): readonly InputVariable[] =>
  variableDefinitions.flatMap(({ variable, type: node }) => {
    const type = typeFromAST(schema, node);
    return isInputType(type) && hasElements(type) ? [{ name: variable.name.value, type }] : [];
  });

/** The values in a value, if they can contain elements. Adds the elements of the value itself. */
function innerValues({ value, type }: TypedValue, elements: Set<string>): readonly TypedValue[] {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    // A single value is coerced to a list.
    const items: readonly unknown[] = Array.isArray(value) ? value.slice(0, maxValues) : [value];
    return items.map((item) => ({ value: item, type: nullable.ofType }));
  }
  if (isEnumType(nullable)) {
    if (typeof value === 'string' && nullable.getValue(value))
      elements.add(`${nullable.name}.${value}`);
    return [];
  }
  if (!isInputObjectType(nullable) || !isDictionary(value)) return [];
  const fields = nullable.getFields();
  return Object.entries(value).flatMap(([name, inner]) => {
    const field = fields[name];
    if (field === undefined) return [];
    elements.add(`${nullable.name}.${name}`);
    return hasElements(field.type) ? [{ value: inner, type: field.type }] : [];
  });
}

/**
 * The input fields and enum values in the variables as the client has sent them, as `Input.field` and `Enum.VALUE`. Coerced variables would
 * also contain defaults. Iterative, as the nesting may exceed the limit.
 */
export function elementsInVariables(
  inputVariables: readonly InputVariable[],
  variables: Readonly<Record<string, unknown>>,
): ReadonlySet<string> {
  const elements = new Set<string>();
  const pending: TypedValue[] = inputVariables.flatMap(({ name, type }) =>
    Object.hasOwn(variables, name) ? [{ value: variables[name], type }] : [],
  );
  for (let count = 0; count < maxValues; count += 1) {
    const next = pending.pop();
    if (next === undefined) break;
    pending.push(...innerValues(next, elements));
  }
  return elements;
}
