import type {
  DocumentNode,
  FieldNode,
  FragmentDefinitionNode,
  GraphQLAbstractType,
  GraphQLField,
  GraphQLObjectType,
  GraphQLOutputType,
  GraphQLSchema,
  GraphQLTypeResolver,
  OperationDefinitionNode,
} from 'graphql';
import {
  defaultTypeResolver,
  getArgumentValues,
  getNullableType,
  GraphQLBoolean,
  GraphQLID,
  GraphQLString,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  OperationTypeNode,
  TypeNameMetaFieldDef,
  visit,
} from 'graphql';
import { collectFields, collectSubfields } from 'graphql/execution/collectFields.js';

type AnyField = GraphQLField<unknown, unknown>;
export type FieldArguments = Readonly<Record<string, unknown>>;

type FieldsOf = (type: GraphQLObjectType) => readonly FieldPlan[];

export interface AbstractShape {
  readonly kind: 'abstract';
  readonly type: GraphQLAbstractType;
  readonly resolveType: GraphQLTypeResolver<unknown, unknown>;
  readonly fieldsOf: FieldsOf;
}

/** What is done with a value of a type. */
export type OutputShape = { readonly isNonNull: boolean } & (
  | { readonly kind: 'leaf'; readonly serialize: (value: unknown) => unknown }
  | { readonly kind: 'list'; readonly item: OutputShape }
  | { readonly kind: 'object'; readonly type: GraphQLObjectType; readonly fieldsOf: FieldsOf }
  | AbstractShape
);

export interface FieldPlan {
  /** Under which it is in the answer. */
  readonly key: string;
  readonly name: string;
  readonly parentType: GraphQLObjectType;
  readonly nodes: readonly [FieldNode, ...FieldNode[]];
  readonly definition: AnyField;
  /** Undefined: the value is the property of the same name. */
  readonly resolve: AnyField['resolve'];
  /** Undefined where they depend on variables. */
  readonly args: FieldArguments | undefined;
  readonly shape: OutputShape;
  /** A property of this type is the value as it is; undefined where it has to be looked at. */
  readonly passThroughType: 'string' | 'boolean' | undefined;
}

/** All that can be known of an operation before its variables, but for those that put fields in and leave them out. */
export interface QueryPlan {
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly isSerial: boolean;
  readonly fields: readonly FieldPlan[];
}

/** An operation of a document, before it is known which of its fields are asked for. */
export interface PlannedOperation {
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  /** The variables of its `@skip` and `@include`. */
  readonly conditionVariables: readonly string[];
}

/** A name that sets an object's prototype instead of one of its fields. */
const unsafeKey = '__proto__';

/** Undefined where there is no such operation, or none that can be planned. Without a name the only one is meant. */
export function selectOperation(
  document: DocumentNode,
  operationName: string | null,
): PlannedOperation | undefined {
  const fragments = new Map<string, FragmentDefinitionNode>();
  const operations: OperationDefinitionNode[] = [];
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition);
    if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition);
  }
  const [operation, ambiguous] =
    operationName === null
      ? operations
      : operations.filter(({ name }) => name?.value === operationName);
  if (operation === undefined || ambiguous !== undefined) return undefined;
  const switches = new Set<string>();
  const aliases = new Set<string>();
  visit(document, {
    Field({ alias }) {
      if (alias) aliases.add(alias.value);
    },
    Directive({ name, arguments: given = [] }) {
      if (name.value !== 'skip' && name.value !== 'include') return;
      for (const { value } of given) {
        if (value.kind === Kind.VARIABLE) switches.add(value.name.value);
      }
    },
  });
  if (aliases.has(unsafeKey)) return undefined;
  return { operation, fragments: Object.fromEntries(fragments), conditionVariables: [...switches] };
}

/** Scalars that give such a value as it is. */
const passThroughTypes: ReadonlyMap<unknown, 'string' | 'boolean'> = new Map<
  unknown,
  'string' | 'boolean'
>([
  [GraphQLString, 'string'],
  [GraphQLID, 'string'],
  [GraphQLBoolean, 'boolean'],
]);

function hasVariables({ arguments: given = [] }: FieldNode): boolean {
  const found: string[] = [];
  for (const argument of given) {
    visit(argument, { Variable: ({ name }) => void found.push(name.value) });
  }
  return found.length > 0;
}

/** Undefined where even this cannot be said before the operation runs. */
function argumentsOf(definition: AnyField, node: FieldNode): FieldArguments | undefined {
  try {
    return Object.freeze(getArgumentValues(definition, node));
  } catch {
    return undefined;
  }
}

function memoized<Key, Value>(make: (key: Key) => Value): (key: Key) => Value {
  const values = new Map<Key, Value>();
  return (key) => {
    const cached = values.get(key);
    if (cached !== undefined) return cached;
    const value = make(key);
    values.set(key, value);
    return value;
  };
}

const introspectionFields: ReadonlySet<string> = new Set(['__schema', '__type']);

/**
 * Plans an operation that is valid. `switched` are the values of its switches. Undefined for what is left to graphql-js:
 * subscriptions, and questions about the schema.
 */
export function createPlan(
  schema: GraphQLSchema,
  { operation, fragments }: PlannedOperation,
  conditionValues: Readonly<Record<string, unknown>>,
): QueryPlan | undefined {
  function shapeOf(type: GraphQLOutputType, nodes: readonly FieldNode[]): OutputShape {
    const isNonNull = isNonNullType(type);
    const nullable = isNonNull ? type.ofType : type;
    if (isListType(nullable)) {
      return { isNonNull, kind: 'list', item: shapeOf(nullable.ofType, nodes) };
    }
    if (isLeafType(nullable)) {
      return { isNonNull, kind: 'leaf', serialize: (value) => nullable.serialize(value) };
    }
    // Planned when the first of its type comes: each field of a union would have all of its types.
    const fieldsOf = memoized((runtime: GraphQLObjectType) =>
      fieldsFrom(runtime, collectSubfields(schema, fragments, conditionValues, runtime, nodes)),
    );
    if (isObjectType(nullable)) return { isNonNull, kind: 'object', type: nullable, fieldsOf };
    const resolveType = nullable.resolveType ?? defaultTypeResolver;
    return { isNonNull, kind: 'abstract', type: nullable, resolveType, fieldsOf };
  }

  function fieldFrom(
    parentType: GraphQLObjectType,
    key: string,
    nodes: readonly [FieldNode, ...FieldNode[]],
  ): readonly FieldPlan[] {
    const name = nodes[0].name.value;
    const isTypeName = name === TypeNameMetaFieldDef.name;
    const definition = isTypeName ? TypeNameMetaFieldDef : parentType.getFields()[name];
    if (definition === undefined) return [];
    const { type } = definition;
    const resolve = isTypeName ? () => parentType.name : definition.resolve;
    const args = hasVariables(nodes[0]) ? undefined : argumentsOf(definition, nodes[0]);
    const shape = shapeOf(type, nodes);
    const passThroughType = resolve ? undefined : passThroughTypes.get(getNullableType(type));
    return [{ key, name, parentType, nodes, definition, resolve, args, shape, passThroughType }];
  }

  const fieldsFrom = (
    parentType: GraphQLObjectType,
    collected: ReturnType<typeof collectFields>,
  ): readonly FieldPlan[] =>
    Array.from(collected).flatMap(([key, [first, ...others]]) =>
      first === undefined ? [] : fieldFrom(parentType, key, [first, ...others]),
    );

  const rootType = schema.getRootType(operation.operation);
  if (!rootType || operation.operation === OperationTypeNode.SUBSCRIPTION) return undefined;
  const { selectionSet } = operation;
  const collected = collectFields(schema, fragments, conditionValues, rootType, selectionSet);
  for (const [node] of collected.values()) {
    if (node !== undefined && introspectionFields.has(node.name.value)) return undefined;
  }
  const isSerial = operation.operation === OperationTypeNode.MUTATION;
  return { operation, fragments, isSerial, fields: fieldsFrom(rootType, collected) };
}
