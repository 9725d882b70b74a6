import type {
  DocumentNode,
  FieldNode,
  FragmentDefinitionNode,
  GraphQLAbstractType,
  GraphQLField,
  GraphQLLeafType,
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
import { fragmentsOf } from '../limits/documentStructure.ts';

type AnyField = GraphQLField<unknown, unknown>;
export type FieldArguments = Readonly<Record<string, unknown>>;

type PlanSelection = (type: GraphQLObjectType, nodes: readonly FieldNode[]) => readonly FieldPlan[];

/** Plans the fields of an object when the first value occurs. A class, as closures take four times the memory. */
class ObjectSelection {
  readonly #plan: PlanSelection;
  readonly #nodes: readonly FieldNode[];
  #fields: readonly FieldPlan[] | undefined;

  constructor(plan: PlanSelection, nodes: readonly FieldNode[]) {
    this.#plan = plan;
    this.#nodes = nodes;
  }

  fields(type: GraphQLObjectType): readonly FieldPlan[] {
    this.#fields ??= this.#plan(type, this.#nodes);
    return this.#fields;
  }
}

type FieldsOf = (type: GraphQLObjectType) => readonly FieldPlan[];

export interface AbstractShape {
  readonly kind: 'abstract';
  readonly type: GraphQLAbstractType;
  readonly resolveType: GraphQLTypeResolver<unknown, unknown>;
  readonly fieldsOf: FieldsOf;
}

/** How the value of a field is completed. */
export type OutputShape = { readonly isNonNull: boolean } & (
  | { readonly kind: 'leaf'; readonly serialize: (value: unknown) => unknown }
  | { readonly kind: 'list'; readonly item: OutputShape }
  | {
      readonly kind: 'object';
      readonly type: GraphQLObjectType;
      readonly selection: ObjectSelection;
    }
  | AbstractShape
);

export interface FieldPlan {
  /** The key in the response: the alias or the name. */
  readonly key: string;
  readonly name: string;
  readonly parentType: GraphQLObjectType;
  readonly nodes: readonly [FieldNode, ...FieldNode[]];
  readonly definition: AnyField;
  /** Undefined: the value is the property of the same name. */
  readonly resolve: AnyField['resolve'];
  /** Undefined if they depend on variables. */
  readonly args: FieldArguments | undefined;
  readonly shape: OutputShape;
  /** A property of this type needs no serialization. */
  readonly passThroughType: 'string' | 'boolean' | undefined;
}

/** Everything about an operation that does not depend on its variables, except for those of `@skip` and `@include`. */
export interface QueryPlan {
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  readonly isSerial: boolean;
  readonly fields: readonly FieldPlan[];
}

/** An operation that can be planned once the values of its condition variables are known. */
export interface PlannableOperation {
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
  /** The variables of its `@skip` and `@include`. */
  readonly conditionVariables: readonly string[];
}

/** As a key it would set the prototype of the response object. */
const unsafeKey = '__proto__';

/** Undefined if there is no such operation, or if it cannot be planned. Without a name the document must have one operation. */
export function selectOperation(
  document: DocumentNode,
  operationName: string | null,
): PlannableOperation | undefined {
  const fragments = fragmentsOf(document);
  const operations = document.definitions.filter(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );
  const [operation, ambiguous] =
    operationName === null
      ? operations
      : operations.filter(({ name }) => name?.value === operationName);
  if (operation === undefined || ambiguous !== undefined) return undefined;
  const conditionVariables = new Set<string>();
  const aliases = new Set<string>();
  visit(document, {
    Field({ alias }) {
      if (alias) aliases.add(alias.value);
    },
    Directive({ name, arguments: given = [] }) {
      if (name.value !== 'skip' && name.value !== 'include') return;
      for (const { value } of given) {
        if (value.kind === Kind.VARIABLE) conditionVariables.add(value.name.value);
      }
    },
  });
  if (aliases.has(unsafeKey)) return undefined;
  return {
    operation,
    fragments: Object.fromEntries(fragments),
    conditionVariables: [...conditionVariables],
  };
}

/** Scalars whose `serialize` returns a value of this type unchanged. */
const passThroughTypes: ReadonlyMap<unknown, 'string' | 'boolean'> = new Map<
  unknown,
  'string' | 'boolean'
>([
  [GraphQLString, 'string'],
  [GraphQLID, 'string'],
  [GraphQLBoolean, 'boolean'],
]);

const noArguments: FieldArguments = Object.freeze({});

function hasVariables({ arguments: given = [] }: FieldNode): boolean {
  const found: string[] = [];
  for (const argument of given) {
    visit(argument, { Variable: ({ name }) => void found.push(name.value) });
  }
  return found.length > 0;
}

/** Undefined if they depend on variables or are invalid. */
function constantArguments(definition: AnyField, node: FieldNode): FieldArguments | undefined {
  if (definition.args.length === 0) return noArguments;
  if (hasVariables(node)) return undefined;
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

const isNonEmpty = (nodes: readonly FieldNode[]): nodes is FieldPlan['nodes'] => nodes.length > 0;

/** Leaf types have the same shape in every plan. */
const leafShapes = new WeakMap<GraphQLOutputType, OutputShape>();

function addLeafShape(
  type: GraphQLOutputType,
  leaf: GraphQLLeafType,
  isNonNull: boolean,
): OutputShape {
  const serialize = (value: unknown) => leaf.serialize(value);
  const shape: OutputShape = { isNonNull, kind: 'leaf', serialize };
  leafShapes.set(type, shape);
  return shape;
}

/**
 * Plans a valid operation for these values of its condition variables. Undefined for introspection, which graphql-js executes.
 */
export function createPlan(
  schema: GraphQLSchema,
  { operation, fragments }: PlannableOperation,
  conditionValues: Readonly<Record<string, unknown>>,
): QueryPlan | undefined {
  function shapeOf(type: GraphQLOutputType, nodes: readonly FieldNode[]): OutputShape {
    const shared = leafShapes.get(type);
    if (shared !== undefined) return shared;
    const isNonNull = isNonNullType(type);
    const nullable = isNonNull ? type.ofType : type;
    if (isListType(nullable)) {
      return { isNonNull, kind: 'list', item: shapeOf(nullable.ofType, nodes) };
    }
    if (isLeafType(nullable)) return addLeafShape(type, nullable, isNonNull);
    if (isObjectType(nullable)) {
      const selection = new ObjectSelection(planSelection, nodes);
      return { isNonNull, kind: 'object', type: nullable, selection };
    }
    const resolveType = nullable.resolveType ?? defaultTypeResolver;
    // Each possible type is planned when its first value occurs.
    const fieldsOf = memoized((runtime: GraphQLObjectType) => planSelection(runtime, nodes));
    return { isNonNull, kind: 'abstract', type: nullable, resolveType, fieldsOf };
  }

  function planField(
    parentType: GraphQLObjectType,
    key: string,
    nodes: FieldPlan['nodes'],
  ): FieldPlan | undefined {
    const isTypeName = nodes[0].name.value === TypeNameMetaFieldDef.name;
    const definition = isTypeName
      ? TypeNameMetaFieldDef
      : parentType.getFields()[nodes[0].name.value];
    if (definition === undefined) return undefined;
    const { name, type } = definition;
    const resolve = isTypeName ? () => parentType.name : definition.resolve;
    const args = constantArguments(definition, nodes[0]);
    const shape = shapeOf(type, nodes);
    const passThroughType = resolve ? undefined : passThroughTypes.get(getNullableType(type));
    return { key, name, parentType, nodes, definition, resolve, args, shape, passThroughType };
  }

  function planFields(
    parentType: GraphQLObjectType,
    collected: ReturnType<typeof collectFields>,
  ): readonly FieldPlan[] {
    const fields: FieldPlan[] = [];
    for (const [key, nodes] of collected) {
      const field = isNonEmpty(nodes) ? planField(parentType, key, nodes) : undefined;
      if (field !== undefined) fields.push(field);
    }
    // A copy has no spare capacity.
    return [...fields];
  }

  const planSelection: PlanSelection = (type, nodes) =>
    planFields(type, collectSubfields(schema, fragments, conditionValues, type, nodes));

  const rootType = schema.getRootType(operation.operation);
  if (!rootType) return undefined;
  const { selectionSet } = operation;
  const collected = collectFields(schema, fragments, conditionValues, rootType, selectionSet);
  for (const [node] of collected.values()) {
    if (node !== undefined && introspectionFields.has(node.name.value)) return undefined;
  }
  const isSerial = operation.operation === OperationTypeNode.MUTATION;
  return { operation, fragments, isSerial, fields: planFields(rootType, collected) };
}
