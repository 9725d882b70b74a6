import type { ApolloServerPlugin } from '@apollo/server';
import type { DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { getOperationAST, Kind, OperationTypeNode } from 'graphql';
import type { CustomerViewer } from '../../lib/viewer.ts';
import type { Context } from '../context.ts';
import { publicError } from '../errors.ts';
import type { CostOptions } from './estimate.ts';
import { estimateCost } from './estimate.ts';
import type { FetchKind, IsCached, LengthOf } from '../../resources/declarations.ts';
import type { OperationCost } from './rules.ts';
import { assertVariablesWithinLimits } from '../limits/documentLimits.ts';
import { estimateNodes } from '../limits/responseNodes.ts';
import type { NodeEstimate } from '../limits/responseNodes.ts';
import type { CopyFromRedis } from './shortage.ts';
import { assertReferencesFetchable } from './shortage.ts';

interface CostLimits {
  /** The maximum of upstream calls of one operation in the worst case. */
  readonly maxCalls: number;
  /** The same for an operation that only resolves references, if the client has proved to be the router. */
  readonly maxReferenceCalls?: (account: string) => number;
  /** The maximum of objects in a response. */
  readonly maxNodes: number;
}

/** What is cached when a client subscribes is not when an event occurs. */
const reusesCache = (operation: OperationDefinitionNode | null | undefined): boolean =>
  operation?.operation !== OperationTypeNode.SUBSCRIPTION;

const referenceFields: ReadonlySet<string> = new Set(['_entities', '_service', '__typename']);

const maxNamedFields = 3;

/** Routers select the field directly. Inside a fragment it has the limit of other operations. */
const selectsOnlyReferences = ({ selectionSet }: OperationDefinitionNode): boolean =>
  selectionSet.selections.every(
    (selection) => selection.kind === Kind.FIELD && referenceFields.has(selection.name.value),
  );

function costLimitError({ worst, fields }: OperationCost, limit: number): GraphQLError {
  const [first, ...others] = fields.slice(0, maxNamedFields);
  const named = [first, ...others.filter(({ calls }) => calls > 1)].flatMap((field) =>
    field === undefined ? [] : `${field.path} (${field.calls})`,
  );
  const message =
    worst === Infinity
      ? 'The cost of this operation cannot be estimated: it selects too many or too deeply nested fields.'
      : `This operation could cost ${worst} calls to HelpCrunch; the limit is ${limit}. ` +
        `Most expensive fields: ${named.join(', ')}.`;
  return publicError.tooExpensive(message);
}

const readable = (count: number): string => count.toLocaleString('en');

function tooManyNodesError({ nodes, largest }: NodeEstimate, limit: number): GraphQLError {
  const message =
    nodes === Infinity
      ? 'The size of the response cannot be estimated: the operation selects too many or too deeply nested fields.'
      : `The response could contain ${readable(nodes)} objects; the limit is ${limit}. ` +
        `Largest field: ${largest.path} (${readable(largest.nodes)}).`;
  return publicError.tooExpensive(message);
}

interface CostLimiterOptions extends CostLimits {
  readonly isCached?: (context: Context) => IsCached;
  readonly lengthOf?: (context: Context) => LengthOf;
  readonly hydrate?: (context: Context) => CopyFromRedis;
  /** Reads short lists into the cache. */
  readonly readLists?: (context: Context) => (kinds: readonly FetchKind[]) => Promise<void>;
  readonly customerOf?: (context: Context) => CustomerViewer | undefined;
}

/** By the variables that decide it. */
export type CostsByVariables = Map<string, Price>;

interface CostRequest {
  readonly document: DocumentNode;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly context: Context;
  /** The costs of the same document that have been estimated before. */
  readonly costs?: CostsByVariables | undefined;
}

/** The lists of unknown length that decide whether the operation is within the limit. None if it never is. */
function decisiveLists(document: DocumentNode, cost: CostOptions, limit: number): FetchKind[] {
  const unknown = new Set<FetchKind>();
  const lengthOf: LengthOf = (kind) => {
    const known = cost.lengthOf?.(kind);
    if (known === undefined) unknown.add(kind);
    return known ?? 0;
  };
  return estimateCost(document, { ...cost, lengthOf }).worst > limit ? [] : [...unknown];
}

/**
 * Rejects, before any call, an operation that could cost more calls than its limit, or whose response could contain too many objects.
 * If the length of a short list decides that, the list is read first, as the operation would read it anyway. What is cached costs no
 * call, but its objects count. References are also rejected if the rate limit certainly does not admit their
 * calls in time.
 */
export type AssertWithinCost = (request: CostRequest) => Promise<void> | undefined;

const isId = (value: unknown): boolean => typeof value === 'string' && /^[0-9]{1,20}$/.test(value);

/** Replaces ids by placeholders: only whether two of them are equal affects the cost. */
const normalizeIds = (
  variables: CostRequest['variables'] = {},
): Readonly<Record<string, unknown>> =>
  Object.values(variables).some(isId)
    ? Object.fromEntries(
        Object.entries(variables).map(([name, value], index) => [
          name,
          isId(value) ? `id ${index}` : value,
        ]),
      )
    : variables;

/** The worst case of an operation. */
interface Price {
  /** If nothing is cached. */
  readonly calls: number;
  readonly nodes: number;
}

interface ListReading {
  readonly limit: number;
  /** Undefined if no list may be read. */
  readonly readLists: ((kinds: readonly FetchKind[]) => Promise<void>) | undefined;
  /** Called before a list is read. */
  readonly assertNodes: () => void;
}

/** Of one document, with different variables. */
const maxCachedCosts = 8;
const maxKeyLength = 200;

export function createCostLimiter(
  schema: GraphQLSchema,
  options: CostLimiterOptions,
): AssertWithinCost {
  const { maxCalls, maxReferenceCalls = () => maxCalls, maxNodes } = options;
  const estimate = (document: DocumentNode, request: CostOptions): Price => ({
    calls: estimateCost(document, request).worst,
    nodes: estimateNodes(document, request).nodes,
  });

  function worstCostOf(
    document: DocumentNode,
    request: CostOptions,
    costs?: CostsByVariables,
  ): Price {
    if (costs === undefined) return estimate(document, request);
    const { operationName, customer } = request;
    const variables = normalizeIds(request.variables);
    const key = JSON.stringify([operationName, variables, customer && customer.id === undefined]);
    if (key.length > maxKeyLength) return estimate(document, request);
    const cached = costs.get(key);
    if (cached !== undefined) return cached;
    const cost = estimate(document, { ...request, variables });
    if (costs.size >= maxCachedCosts) costs.clear();
    costs.set(key, cost);
    return cost;
  }

  function assertWithLists(
    document: DocumentNode,
    cost: CostOptions,
    { limit, readLists, assertNodes }: ListReading,
  ): Promise<void> | undefined {
    const estimated = estimateCost(document, cost);
    if (estimated.worst <= limit) return undefined;
    const lists = readLists === undefined ? [] : decisiveLists(document, cost, limit);
    if (readLists === undefined || lists.length === 0) throw costLimitError(estimated, limit);
    const assertKnown = () => {
      const known = estimateCost(document, cost);
      if (known.worst > limit) throw costLimitError(known, limit);
    };
    assertNodes();
    // If a list cannot be read, its assumed length decides.
    return readLists(lists).then(assertKnown, assertKnown);
  }

  return ({ document, operationName, variables, context, costs }) => {
    assertVariablesWithinLimits(variables);
    const operation = getOperationAST(document, operationName);
    const isReferences = operation ? selectsOnlyReferences(operation) : false;
    const limit = isReferences && context.isRouter ? maxReferenceCalls(context.account) : maxCalls;
    const customer = options.customerOf?.(context);
    const request = { schema, operationName, variables, customer };
    const { calls, nodes } = worstCostOf(document, request, costs);
    const assertNodes = (): void => {
      if (nodes > maxNodes) throw tooManyNodesError(estimateNodes(document, request), maxNodes);
    };
    if (calls > limit) {
      const mayRead = reusesCache(operation) && customer === undefined;
      const cached = reusesCache(operation)
        ? { isCached: options.isCached?.(context), lengthOf: options.lengthOf?.(context) }
        : {};
      const priced = { ...request, ...cached };
      const readLists = mayRead ? options.readLists?.(context) : undefined;
      const reading = assertWithLists(document, priced, { limit, readLists, assertNodes });
      if (reading !== undefined) return reading;
    }
    assertNodes();
    // A single call is served or not, without waste.
    if (!isReferences || calls <= 1 || context.quota.shortage(calls) === undefined)
      return undefined;
    const isCached = options.isCached?.(context) ?? (() => false);
    const hydrate = options.hydrate?.(context) ?? (() => Promise.resolve());
    return assertReferencesFetchable({ document, cost: request, context, isCached, hydrate });
  };
}

export const createCostPlugin = (
  assertWithinCost: AssertWithinCost,
  costsOf: (queryHash: string) => CostsByVariables | undefined = () => undefined,
): ApolloServerPlugin<Context> => ({
  requestDidStart: () =>
    Promise.resolve({
      async didResolveOperation({ document, operationName, queryHash, request, contextValue }) {
        await assertWithinCost({
          document,
          operationName,
          variables: request.variables,
          context: contextValue,
          costs: costsOf(queryHash),
        });
      },
    }),
});
