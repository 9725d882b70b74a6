import type { GraphQLSchema } from 'graphql';
import { getVariableValues } from 'graphql';
import { maxValidationErrors } from '../limits/documentLimits.ts';
import type { PrepareOperation } from './executor.ts';
import type { PlannableOperation, QueryPlan } from './plan.ts';
import { createPlan, selectOperation } from './plan.ts';
import { PlanExecution } from './planExecution.ts';
import type { VariableValues } from './resultPath.ts';

/** Of one operation, for different values of its condition variables. */
const maxPlans = 2;

/** The plans of one operation, by the values of the variables in its `@skip` and `@include`. */
class OperationPlans {
  readonly #schema: GraphQLSchema;
  readonly #operation: PlannableOperation;
  readonly #plans = new Map<string, QueryPlan | undefined>();

  constructor(schema: GraphQLSchema, operation: PlannableOperation) {
    this.#schema = schema;
    this.#operation = operation;
  }

  get(variables: VariableValues): QueryPlan | undefined {
    const names = this.#operation.conditionVariables;
    const values = names.map((name) => variables[name]);
    if (!values.every((value) => typeof value === 'boolean')) return undefined;
    const key = values.join();
    const cached = this.#plans.get(key);
    if (cached !== undefined || this.#plans.has(key)) return cached;
    // A plan must not retain the other variables.
    const conditionValues = Object.fromEntries(names.map((name) => [name, variables[name]]));
    const plan = createPlan(this.#schema, this.#operation, conditionValues);
    if (this.#plans.size >= maxPlans) this.#plans.clear();
    this.#plans.set(key, plan);
    return plan;
  }
}

/** Executes operations by plans, and those that cannot be planned by `fallback`. */
export const createPlanExecutor =
  (schema: GraphQLSchema, fallback: PrepareOperation): PrepareOperation =>
  (document, operationName = null) => {
    const operation = selectOperation(document, operationName);
    const executeUnplanned = fallback(document, operationName);
    if (operation === undefined) return executeUnplanned;
    const { variableDefinitions = [] } = operation.operation;
    const plans = new OperationPlans(schema, operation);
    // One object, by which the selections of an operation without variables are cached.
    const noVariables = { coerced: Object.freeze({}), errors: undefined };
    return (given, context, rootValue) => {
      const { errors, coerced: variables } =
        variableDefinitions.length === 0
          ? noVariables
          : getVariableValues(schema, variableDefinitions, given ?? {}, {
              maxErrors: maxValidationErrors,
            });
      if (errors !== undefined) return { errors };
      const plan = plans.get(variables);
      if (plan === undefined) return executeUnplanned(given, context, rootValue);
      return new PlanExecution({ schema, plan, context, variables, rootValue }).execute();
    };
  };
