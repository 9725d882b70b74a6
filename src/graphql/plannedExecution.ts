import type { DocumentNode, GraphQLSchema } from 'graphql';
import { getVariableValues } from 'graphql';
import type { Execute } from './execution.ts';
import { maxErrors } from './limits.ts';
import type { Outline, Plan } from './plan.ts';
import { outlineOf, planOf } from './plan.ts';
import { Run } from './planRun.ts';
import type { Values } from './planRun.ts';

/** Of one operation, for different values of its switches. */
export const maxPlans = 2;

interface Sketch {
  readonly outline: Outline;
  /** By the values of its switches. */
  readonly plans: Map<string, Plan | undefined>;
}

/** Executes by plans, which are kept as long as their documents. What cannot be planned is executed by `plain`. */
export function createPlannedExecute(schema: GraphQLSchema, plain: Execute): Execute {
  const sketches = new WeakMap<DocumentNode, Map<string | null, Sketch | undefined>>();

  function sketchOf(document: DocumentNode, operationName: string | null): Sketch | undefined {
    const known = sketches.get(document) ?? new Map<string | null, Sketch | undefined>();
    sketches.set(document, known);
    if (known.has(operationName)) return known.get(operationName);
    const outline = outlineOf(document, operationName);
    const sketch = outline && { outline, plans: new Map<string, Plan | undefined>() };
    known.set(operationName, sketch);
    return sketch;
  }

  function planFor({ outline, plans }: Sketch, variables: Values): Plan | undefined {
    const values = outline.switches.map((name) => variables[name]);
    if (!values.every((value) => typeof value === 'boolean')) return undefined;
    const key = values.join();
    if (plans.has(key)) return plans.get(key);
    // What else the variables hold is not kept.
    const switched = Object.fromEntries(outline.switches.map((name) => [name, variables[name]]));
    const plan = planOf(schema, outline, switched);
    if (plans.size >= maxPlans) plans.clear();
    plans.set(key, plan);
    return plan;
  }

  return (execution) => {
    const { document, operationName, variables: given = {}, context } = execution;
    const sketch = sketchOf(document, operationName ?? null);
    if (sketch === undefined) return plain(execution);
    const { variableDefinitions = [] } = sketch.outline.operation;
    const values = getVariableValues(schema, variableDefinitions, given, { maxErrors });
    if (values.errors !== undefined) return { errors: values.errors };
    const variables = values.coerced;
    const plan = planFor(sketch, variables);
    if (plan === undefined) return plain(execution);
    return new Run({ schema, plan, context, variables }).answer();
  };
}
