import type {
  DocumentNode,
  FieldNode,
  GraphQLField,
  GraphQLObjectType,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import {
  getNamedType,
  getNullableType,
  getOperationAST,
  isListType,
  isObjectType,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
} from 'graphql';
import { assumedLength, capCount, pageLength, toList } from '../cost/rules.ts';
import { costRuleOf } from '../schema/fields.ts';
import { createSelectionReader, defaultsOf } from '../cost/selection.ts';
import type { SelectionReader, ArgumentValues } from '../cost/selection.ts';
import { introspectionLengths } from './introspectionNodes.ts';

interface EstimateOptions {
  readonly schema: GraphQLSchema;
  readonly operationName?: string | null | undefined;
  /** As the client sent them. */
  readonly variables?: ArgumentValues | undefined;
}

/** The maximum number of objects in a response, with assumed lengths for lists without a limit. */
export interface NodeEstimate {
  /** Infinity for an operation too large to be estimated. */
  readonly nodes: number;
  /** The path with the most objects: response keys joined by dots. */
  readonly largest: { readonly path: string; readonly nodes: number };
}

/** The assumed length of lists without a cost rule, such as a customer's tags. */
const assumedListLength = 10;

/**
 * Introspection is executed in one turn of the event loop, unlike other operations of that size, so each of its objects counts
 * as several.
 */
const introspectionWeight = 3;

const metaFields: Readonly<Record<string, GraphQLField<unknown, unknown>>> = {
  [SchemaMetaFieldDef.name]: SchemaMetaFieldDef,
  [TypeMetaFieldDef.name]: TypeMetaFieldDef,
};

/** Deeper operations are not estimated. */
const maxDepth = 100;

/** Objects of one type at one response path. */
interface Nodes {
  readonly type: GraphQLObjectType;
  readonly count: number;
  /** The maximum number of items of each connection. */
  readonly pageLength?: number;
}

interface Selection {
  readonly name: string;
  readonly definition: GraphQLField<unknown, unknown>;
  readonly values: ArgumentValues;
}

/** The connection fields with one item for each item of the page. */
const itemFields: ReadonlySet<string> = new Set(['nodes', 'edges']);

const connectionRules: ReadonlySet<string> = new Set(['page', 'messages', 'ownedChats', 'inbox']);

/** The objects that a list of ids yields, by type, duplicates included. */
function namedNodes(schema: GraphQLSchema, typenames: readonly string[], count: number): Nodes[] {
  const counts = new Map<string, number>();
  for (const name of typenames) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Array.from(counts).flatMap(([name, times]) => {
    const type = schema.getType(name);
    return isObjectType(type) ? [{ type, count: capCount(count * times) }] : [];
  });
}

/** The objects that a field yields for all of its parents. */
function childrenOf(schema: GraphQLSchema, parent: Nodes, selection: Selection): readonly Nodes[] {
  const { name, definition, values } = selection;
  const { count } = parent;
  const rule = costRuleOf(`${parent.type.name}.${name}`);
  if (rule?.strategy === 'byReference') {
    const typenames = toList(values[rule.argument])
      .flatMap(rule.read)
      .map(({ type }) => type);
    return namedNodes(schema, typenames, count);
  }
  const type = getNamedType(definition.type);
  if (!isObjectType(type)) return [];
  if (type.name.startsWith('__')) {
    const weight = name in metaFields ? introspectionWeight : 1;
    const length = introspectionLengths(schema).get(`${parent.type.name}.${name}`);
    return [{ type, count: capCount(count * (length ?? weight)) }];
  }
  if (parent.pageLength !== undefined && itemFields.has(name)) {
    return [{ type, count: capCount(count * parent.pageLength) }];
  }
  if (rule !== undefined && connectionRules.has(rule.strategy)) {
    return [{ type, count, pageLength: pageLength(values) }];
  }
  if (rule?.strategy === 'collection' || rule?.strategy === 'partial') {
    return [{ type, count: capCount(count * assumedLength(rule.length, 'worst')) }];
  }
  if (rule?.strategy === 'write' && rule.items !== undefined) {
    return [{ type, count: capCount(count * toList(values[rule.items]).length) }];
  }
  const isList = isListType(getNullableType(definition.type));
  return [{ type, count: isList ? capCount(count * assumedListLength) : count }];
}

const tooManyToTell: NodeEstimate = { nodes: Infinity, largest: { path: '', nodes: Infinity } };

function createEstimate(schema: GraphQLSchema, reader: SelectionReader) {
  let nodes = 0;
  let largest = { path: '', nodes: 0 };

  /** False if the operation is too large to be estimated. */
  function walk(
    parent: Nodes,
    selected: readonly (FieldNode | OperationDefinitionNode)[],
    path: readonly string[],
  ): boolean {
    for (const [key, group] of reader.fieldsOf(parent.type, selected)) {
      if (reader.isExhausted() || path.length > maxDepth) return false;
      const [field] = group;
      const name = field?.name.value ?? '';
      const definition = parent.type.getFields()[name] ?? metaFields[name];
      if (field?.selectionSet === undefined || definition === undefined) continue;
      const at = [...path, key];
      const values = reader.argumentsOf(field);
      const selection = { name, definition, values };
      for (const child of childrenOf(schema, parent, selection)) {
        if (child.count === 0) continue;
        nodes = capCount(nodes + child.count);
        if (child.count > largest.nodes) largest = { path: at.join('.'), nodes: child.count };
        if (!walk(child, group, at)) return false;
      }
    }
    return !reader.isExhausted();
  }

  return (type: GraphQLObjectType, operation: OperationDefinitionNode): NodeEstimate =>
    walk({ type, count: 1 }, [operation], [])
      ? { nodes: Math.ceil(nodes), largest: { ...largest, nodes: Math.ceil(largest.nodes) } }
      : tooManyToTell;
}

/**
 * Estimates a response before execution. List sizes multiply along every path, whether cached or not.
 */
export function estimateNodes(
  document: DocumentNode,
  { schema, operationName, variables }: EstimateOptions,
): NodeEstimate {
  const operation = getOperationAST(document, operationName);
  const type = operation && schema.getRootType(operation.operation);
  if (!operation || !isObjectType(type)) return { nodes: 0, largest: { path: '', nodes: 0 } };
  const reader = createSelectionReader(document, schema, {
    ...defaultsOf(operation),
    ...variables,
  });
  return createEstimate(schema, reader)(type, operation);
}
