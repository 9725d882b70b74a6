import type { ApolloServerPlugin } from '@apollo/server';
import type { DocumentNode, GraphQLError, OperationDefinitionNode } from 'graphql';
import { getOperationAST, Kind } from 'graphql';
import type { Context, CustomerViewer } from './context.ts';
import type { CostOptions } from './cost.ts';
import { costOf } from './cost.ts';
import type { Cost, IsCached } from './costRules.ts';
import { admitVariables, tooExpensive } from './limits.ts';

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

export interface Applicant extends CostOptions {
  readonly document: DocumentNode;
}

/** Refuses, before any call, an operation that could cost more than its limit; what is cached already is free. */
export const createAdmission =
  ({ maxCalls, maxReferenceCalls = 200 }: AdmissionLimits) =>
  ({ document, isCached, ...options }: Applicant): void => {
    admitVariables(options.variables);
    const operation = getOperationAST(document, options.operationName);
    const limit = operation && isOfReferences(operation) ? maxReferenceCalls : maxCalls;
    const cold = costOf(document, options);
    if (cold.worst <= limit) return;
    const cost = isCached === undefined ? cold : costOf(document, { ...options, isCached });
    if (cost.worst > limit) throw overBudget(cost, limit);
  };

export interface AdmissionOptions extends AdmissionLimits {
  readonly isCached?: (context: Context) => IsCached;
  readonly customerOf?: (context: Context) => CustomerViewer | undefined;
}

export function createAdmissionPlugin(options: AdmissionOptions): ApolloServerPlugin<Context> {
  const admit = createAdmission(options);
  return {
    requestDidStart: () =>
      Promise.resolve({
        didResolveOperation({ schema, document, operationName, request, contextValue }) {
          const { variables } = request;
          const customer = options.customerOf?.(contextValue);
          const isCached = options.isCached?.(contextValue);
          admit({ schema, document, operationName, variables, isCached, customer });
          return Promise.resolve();
        },
      }),
  };
}
