import type { DocumentNode, GraphQLSchema } from 'graphql';
import { getVariableValues } from 'graphql';
import type { Executor } from './graphqlJs.ts';
import { maxValidationErrors } from '../limits/documentLimits.ts';
import type { PlannedOperation, QueryPlan } from './plan.ts';
import { selectOperation, createPlan } from './plan.ts';
import { PlanExecution } from './planRun.ts';
import type { VariableValues } from './planRun.ts';

/** Of one operation, for different values of its switches. */
export const maxPlans = 2;

interface OperationPlans {
  readonly operation: PlannedOperation;
  /** By the values of its switches. */
  readonly plans: Map<string, QueryPlan | undefined>;
}

/** Executes by plans, which are kept as long as their documents. What cannot be planned is executed by `plain`. */
export function createPlanExecutor(schema: GraphQLSchema, fallback: Executor): Executor {
  const plansByDocument = new WeakMap<
    DocumentNode,
    Map<string | null, OperationPlans | undefined>
  >();

  function plansFor(
    document: DocumentNode,
    operationName: string | null,
  ): OperationPlans | undefined {
    const cached =
      plansByDocument.get(document) ?? new Map<string | null, OperationPlans | undefined>();
    plansByDocument.set(document, cached);
    if (cached.has(operationName)) return cached.get(operationName);
    const operation = selectOperation(document, operationName);
    const operationPlans = operation && {
      operation,
      plans: new Map<string, QueryPlan | undefined>(),
    };
    cached.set(operationName, operationPlans);
    return operationPlans;
  }

  function planFor(
    { operation, plans }: OperationPlans,
    variables: VariableValues,
  ): QueryPlan | undefined {
    const values = operation.conditionVariables.map((name) => variables[name]);
    if (!values.every((value) => typeof value === 'boolean')) return undefined;
    const key = values.join();
    if (plans.has(key)) return plans.get(key);
    // What else the variables hold is not kept.
    const conditionValues = Object.fromEntries(
      operation.conditionVariables.map((name) => [name, variables[name]]),
    );
    const plan = createPlan(schema, operation, conditionValues);
    if (plans.size >= maxPlans) plans.clear();
    plans.set(key, plan);
    return plan;
  }

  return (execution) => {
    const { document, operationName, variables: variableValues = {}, context } = execution;
    const operationPlans = plansFor(document, operationName ?? null);
    if (operationPlans === undefined) return fallback(execution);
    const { variableDefinitions = [] } = operationPlans.operation.operation;
    const values = getVariableValues(schema, variableDefinitions, variableValues, {
      maxErrors: maxValidationErrors,
    });
    if (values.errors !== undefined) return { errors: values.errors };
    const variables = values.coerced;
    const plan = planFor(operationPlans, variables);
    if (plan === undefined) return fallback(execution);
    return new PlanExecution({ schema, plan, context, variables }).execute();
  };
}
