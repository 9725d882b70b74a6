import type { ApolloServerPlugin } from '@apollo/server';
import type { DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { getOperationAST, Kind } from 'graphql';
import type { Context, CustomerViewer } from './context.ts';
import type { CostOptions } from './cost.ts';
import { costOf } from './cost.ts';
import type { Cost, IsCached } from './costRules.ts';
import type { Execution } from './execution.ts';
import { admitVariables } from './limits.ts';
import { tooExpensive } from './tooExpensive.ts';

export interface AdmissionLimits {
  /** The calls to the helpdesk that one operation may cost at worst. */
  readonly maxCalls: number;
  /** The same for an operation that only resolves a router's references. */
  readonly maxReferenceCalls?: number;
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

export interface AdmissionOptions extends AdmissionLimits {
  readonly isCached?: (context: Context) => IsCached;
  readonly customerOf?: (context: Context) => CustomerViewer | undefined;
}

/** Refuses, before any call, an operation that could cost more than its limit; what is cached already is free. */
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

/** Of one document, with different variables. */
const maxPrices = 30;
const longestKey = 200;

export function createAdmission(schema: GraphQLSchema, options: AdmissionOptions): Admit {
  const { maxCalls, maxReferenceCalls = 200 } = options;
  /** What documents cost at most when nothing is known of the helpdesk. */
  const prices = new WeakMap<DocumentNode, Map<string, number>>();

  function priceOf({ document, ...asked }: CostOptions & Pick<Execution, 'document'>): number {
    const { operationName, customer } = asked;
    const variables = withoutIds(asked.variables);
    const key = JSON.stringify([operationName, variables, customer && customer.id === undefined]);
    if (key.length > longestKey) return costOf(document, asked).worst;
    const known = prices.get(document) ?? new Map<string, number>();
    prices.set(document, known);
    const found = known.get(key);
    if (found !== undefined) return found;
    const price = costOf(document, { ...asked, variables }).worst;
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
    if (priceOf({ document, ...asked }) <= limit) return;
    const cost = costOf(document, { ...asked, isCached: options.isCached?.(context) });
    if (cost.worst > limit) throw overBudget(cost, limit);
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
