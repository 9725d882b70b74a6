import type { DocumentNode, GraphQLSchema, OperationDefinitionNode, TypeNode } from 'graphql';
import { Kind } from 'graphql';
import { toNodeId } from '../../lib/ids.ts';
import { maxPageSize } from '../../lib/paging.ts';
import { entitiesByType } from '../../resources/registry.ts';
import { estimateNodes } from '../limits/responseNodes.ts';
import { estimateCost } from './estimate.ts';
import type { OperationCost } from './rules.ts';

export type OperationVariables = Readonly<Record<string, unknown>>;

/** A unique value. An ID is the global id of an object of `typename`, which every ID argument accepts. */
function assumedValue(type: TypeNode, number: number, typename: string): unknown {
  if (type.kind === Kind.NON_NULL_TYPE) return assumedValue(type.type, number, typename);
  if (type.kind === Kind.LIST_TYPE) {
    return Array.from({ length: maxPageSize }, (_, index) =>
      assumedValue(type.type, number + index, typename),
    );
  }
  switch (type.name.value) {
    case 'Int':
      return maxPageSize;
    case 'ID':
      return toNodeId(typename, String(number));
    case '_Any':
      return { __typename: typename, id: String(number) };
    case 'Boolean':
      return undefined;
    default:
      return `$${number}`;
  }
}

/** The given variables, and a value for each other one without a default. Optional strings, such as cursors, stay unset. */
function assumeVariables(
  { variableDefinitions = [] }: OperationDefinitionNode,
  given: OperationVariables,
  typename: string,
): OperationVariables {
  const assumed = variableDefinitions.flatMap(({ variable, type, defaultValue }, index) => {
    const isOptionalText = type.kind === Kind.NAMED_TYPE && type.name.value === 'String';
    return defaultValue !== undefined || isOptionalText
      ? []
      : [[variable.name.value, assumedValue(type, (index + 1) * 1_000, typename)] as const];
  });
  return { ...Object.fromEntries(assumed), ...given };
}

export interface OperationEstimate extends Pick<OperationCost, 'worst' | 'typical'> {
  readonly nodes: number;
}

interface EstimateRequest {
  readonly schema: GraphQLSchema;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly given: OperationVariables;
}

/** The cost of an operation with an empty cache: the highest figures for any type of the ids that are not given. */
export function estimateWithAssumedVariables({
  schema,
  document,
  operation,
  given,
}: EstimateRequest): OperationEstimate {
  const all = Array.from(entitiesByType.keys(), (typename) => {
    const request = { schema, variables: assumeVariables(operation, given, typename) };
    return { cost: estimateCost(document, request), nodes: estimateNodes(document, request).nodes };
  });
  const { cost } = all.reduce((most, one) => (one.cost.worst > most.cost.worst ? one : most));
  const { worst, typical } = cost;
  return { worst, typical, nodes: Math.max(...all.map(({ nodes }) => nodes)) };
}
