import type { ApolloServerPlugin } from '@apollo/server';
import type { DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { getOperationAST, Kind } from 'graphql';
import type { Context, CustomerViewer } from './context.ts';
import type { CostOptions } from './cost.ts';
import { costOf } from './cost.ts';
import type { Cost, IsCached } from './costRules.ts';
import type { Execution } from './execution.ts';
import { admitVariables } from './limits.ts';
import { estimateNodes } from './responseNodes.ts';
import type { NodeEstimate } from './responseNodes.ts';
import { tooExpensive } from './tooExpensive.ts';

export interface AdmissionLimits {
  /** The calls to the helpdesk that one operation may cost at worst. */
  readonly maxCalls: number;
  /** The same for an operation that only resolves a router's references. */
  readonly maxReferenceCalls?: number;
  /** The objects that a response may contain at most. */
  readonly maxNodes: number;
}

const referenceFields: ReadonlySet<string> = new Set(['_entities', '_service', '__typename']);

const mostNamed = 3;

/** As routers write it; whoever hides the field in a fragment has the usual limit. */
const isOfReferences = ({ selectionSet }: OperationDefinitionNode): boolean =>
  selectionSet.selections.every(
    (selection) => selection.kind === Kind.FIELD && referenceFields.has(selection.name.value),
  );

function overBudget({ worst, fields }: Cost, limit: number): GraphQLError {
  const [first, ...others] = fields.slice(0, mostNamed);
  const named = [first, ...others.filter(({ calls }) => calls > 1)].flatMap((field) =>
    field === undefined ? [] : `${field.path} (${field.calls})`,
  );
  const message =
    worst === Infinity
      ? 'This operation is too large to tell what it costs.'
      : `This operation could cost ${worst} calls to the helpdesk; the limit is ${limit}. ` +
        `Most of it: ${named.join(', ')}.`;
  return tooExpensive(message);
}

/** A figure that grows by the thousand is easier to read with separators. */
const readable = (count: number): string => count.toLocaleString('en');

function overNodes({ nodes, largest }: NodeEstimate, limit: number): GraphQLError {
  const message =
    nodes === Infinity
      ? 'This operation is too large to tell how many objects its response has.'
      : `The response could contain ${readable(nodes)} objects; the limit is ${limit}. ` +
        `Most of them: ${largest.path} (${readable(largest.nodes)}).`;
  return tooExpensive(message);
}

export interface AdmissionOptions extends AdmissionLimits {
  readonly isCached?: (context: Context) => IsCached;
  readonly customerOf?: (context: Context) => CustomerViewer | undefined;
}

/**
 * Rejects, before any call, an operation that could cost more calls than its limit, or whose response could contain too many objects.
 * What is cached costs no call, but its objects count.
 */
export type Admit = (execution: Execution) => void;

const isId = (value: unknown): boolean => typeof value === 'string' && /^[0-9]{1,20}$/.test(value);

/**
 * The variables with ids that stand for others. Which ones they are does not matter to the price; to ask for the same one twice
 * costs less.
 */
const withoutIds = (variables: Execution['variables'] = {}): Readonly<Record<string, unknown>> =>
  Object.values(variables).some(isId)
    ? Object.fromEntries(
        Object.entries(variables).map(([name, value], index) => [
          name,
          isId(value) ? `id ${index}` : value,
        ]),
      )
    : variables;

/** What an operation takes at most. */
interface Price {
  /** When nothing is known of the helpdesk. */
  readonly calls: number;
  readonly nodes: number;
}

/** Of one document, with different variables. */
const maxPrices = 30;
const longestKey = 200;

export function createAdmission(schema: GraphQLSchema, options: AdmissionOptions): Admit {
  const { maxCalls, maxReferenceCalls = 200, maxNodes } = options;
  const prices = new WeakMap<DocumentNode, Map<string, Price>>();

  const priceAnew = (document: DocumentNode, asked: CostOptions): Price => ({
    calls: costOf(document, asked).worst,
    nodes: estimateNodes(document, asked).nodes,
  });

  function priceOf({ document, ...asked }: CostOptions & Pick<Execution, 'document'>): Price {
    const { operationName, customer } = asked;
    const variables = withoutIds(asked.variables);
    const key = JSON.stringify([operationName, variables, customer && customer.id === undefined]);
    if (key.length > longestKey) return priceAnew(document, asked);
    const known = prices.get(document) ?? new Map<string, Price>();
    prices.set(document, known);
    const found = known.get(key);
    if (found !== undefined) return found;
    const price = priceAnew(document, { ...asked, variables });
    if (known.size >= maxPrices) known.clear();
    known.set(key, price);
    return price;
  }

  return ({ document, operationName, variables, context }) => {
    admitVariables(variables);
    const operation = getOperationAST(document, operationName);
    const limit = operation && isOfReferences(operation) ? maxReferenceCalls : maxCalls;
    const customer = options.customerOf?.(context);
    const asked = { schema, operationName, variables, customer };
    const { calls, nodes } = priceOf({ document, ...asked });
    if (calls > limit) {
      const cost = costOf(document, { ...asked, isCached: options.isCached?.(context) });
      if (cost.worst > limit) throw overBudget(cost, limit);
    }
    if (nodes > maxNodes) throw overNodes(estimateNodes(document, asked), maxNodes);
  };
}

export const createAdmissionPlugin = (admit: Admit): ApolloServerPlugin<Context> => ({
  requestDidStart: () =>
    Promise.resolve({
      didResolveOperation({ document, operationName, request, contextValue }) {
        admit({ document, operationName, variables: request.variables, context: contextValue });
        return Promise.resolve();
      },
    }),
});
