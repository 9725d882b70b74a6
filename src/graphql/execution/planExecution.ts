import type { ExecutionResult, GraphQLError, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { getArgumentValues, isObjectType, locatedError } from 'graphql';
import type { Context } from '../context.ts';
import type { AbstractShape, FieldArguments, FieldPlan, QueryPlan, OutputShape } from './plan.ts';
import type { ResultPath, VariableValues } from './resultPath.ts';
import {
  fieldCoordinate,
  ignoreRejections,
  isIterable,
  isObjectLike,
  isPromise,
  locateError,
  readProperty,
} from './resultPath.ts';

interface PlanExecutionOptions {
  readonly schema: GraphQLSchema;
  readonly plan: QueryPlan;
  readonly context: Context;
  readonly variables: VariableValues;
  /** The event of a subscription. */
  readonly rootValue: unknown;
}

/** One execution of a plan. Values, nulls and errors are those of graphql-js. */
export class PlanExecution {
  readonly #options: PlanExecutionOptions;
  readonly #args = new Map<FieldPlan, FieldArguments>();
  readonly #data: VariableValues = {};
  readonly #errors: GraphQLError[] = [];
  /** Whether an error made `data` null. */
  #isNulled = false;
  /** The number of pending values. */
  #pending = 0;
  /** Errors in objects that have other pending fields: recorded when one of these fails as well, or all have settled. */
  readonly #deferredErrors = new Map<ResultPath | undefined, unknown>();
  #whenSettled = (): void => undefined;

  constructor(options: PlanExecutionOptions) {
    this.#options = options;
  }

  /** Synchronous if no value is a promise. */
  execute(): ExecutionResult | Promise<ExecutionResult> {
    const { isSerial, fields } = this.#options.plan;
    if (isSerial) return this.#executeSerially(fields);
    return this.#executeFields(fields)?.then(() => this.#result()) ?? this.#result();
  }

  async #executeSerially(fields: readonly FieldPlan[]): Promise<ExecutionResult> {
    for (const field of fields) {
      await this.#executeFields([field]);
      if (this.#isNulled) break;
    }
    return this.#result();
  }

  #executeFields(fields: readonly FieldPlan[]): Promise<void> | undefined {
    try {
      this.#resolveFields(this.#data, fields, this.#options.rootValue, undefined);
    } catch (error) {
      this.#recordError(error, undefined);
    }
    if (this.#pending === 0 || this.#isNulled) return undefined;
    return new Promise((resolve) => {
      this.#whenSettled = resolve;
    });
  }

  #result(): ExecutionResult {
    const data = this.#isNulled ? null : this.#data;
    return this.#errors.length === 0 ? { data } : { errors: [...this.#errors], data };
  }

  #resolveFields(
    container: VariableValues,
    fields: readonly FieldPlan[],
    source: unknown,
    path: ResultPath | undefined,
  ): void {
    const pendingBefore = this.#pending;
    try {
      for (const field of fields) {
        const value = readProperty(source, field.name);
        // Most fields take this path.
        if (field.passThroughType === typeof value) container[field.key] = value;
        else this.#resolveField(container, field, source, path);
      }
    } catch (error) {
      if (this.#pending === pendingBefore) throw error;
      this.#deferredErrors.set(path, error);
    }
  }

  #resolveField(
    container: VariableValues,
    field: FieldPlan,
    source: unknown,
    prev: ResultPath | undefined,
  ): void {
    const { key, shape } = field;
    const { isNonNull } = shape;
    const typename = field.parentType.name;
    const path = { prev, key, typename, field, container, isNonNull, isNulled: false };
    try {
      const value = this.#callResolver(source, path);
      if (isPromise(value)) {
        container[key] = undefined;
        this.#awaitValue(value, shape, path);
      } else {
        container[key] = this.#complete(value, shape, path);
      }
    } catch (error) {
      if (isNonNull) throw locateError(error, path);
      this.#recordError(error, path);
    }
  }

  #callResolver(source: unknown, path: ResultPath): unknown {
    const { field } = path;
    const { context } = this.#options;
    if (field.resolve) {
      return field.resolve(source, this.#argumentsOf(field), context, this.#resolveInfo(path));
    }
    const value = isObjectLike(source) ? source[field.name] : undefined;
    if (typeof value !== 'function') return value;
    return Reflect.apply(value, source, [
      this.#argumentsOf(field),
      context,
      this.#resolveInfo(path),
    ]);
  }

  #argumentsOf(field: FieldPlan): FieldArguments {
    const cached = field.args ?? this.#args.get(field);
    if (cached !== undefined) return cached;
    const { definition, nodes } = field;
    const values = Object.freeze(getArgumentValues(definition, nodes[0], this.#options.variables));
    this.#args.set(field, values);
    return values;
  }

  #resolveInfo(path: ResultPath) {
    const { schema, plan, variables, rootValue } = this.#options;
    const { name, nodes, definition, parentType } = path.field;
    return {
      fieldName: name,
      fieldNodes: nodes,
      returnType: definition.type,
      parentType,
      path,
      schema,
      fragments: plan.fragments,
      rootValue,
      operation: plan.operation,
      variableValues: variables,
    };
  }

  #complete(value: unknown, shape: OutputShape, path: ResultPath): unknown {
    if (value instanceof Error) throw value;
    if (value === null || value === undefined) {
      if (!shape.isNonNull) return null;
      throw new Error(`Cannot return null for non-nullable field ${fieldCoordinate(path.field)}.`);
    }
    switch (shape.kind) {
      case 'leaf': {
        const serialized = shape.serialize(value);
        if (serialized !== null && serialized !== undefined) return serialized;
        throw new Error(
          `Expected serialize() for ${fieldCoordinate(path.field)} to return a value.`,
        );
      }
      case 'list':
        return this.#completeList(value, shape.item, path);
      case 'object':
        return this.#completeObject(value, shape.selection.fields(shape.type), path);
      case 'abstract':
        return this.#completeObject(
          value,
          shape.fieldsOf(this.#resolveType(value, shape, path)),
          path,
        );
    }
  }

  #completeObject(value: unknown, fields: readonly FieldPlan[], path: ResultPath): unknown {
    const container: VariableValues = {};
    this.#resolveFields(container, fields, value, path);
    return container;
  }

  #completeList(value: unknown, shape: OutputShape, prev: ResultPath): unknown {
    const { field } = prev;
    if (!isIterable(value)) throw new Error(`Expected Iterable for ${fieldCoordinate(field)}.`);
    const items = [...value];
    const container: unknown[] = [];
    const { isNonNull } = shape;
    for (const [key, item] of items.entries()) {
      const path = { prev, key, typename: undefined, field, container, isNonNull, isNulled: false };
      try {
        if (isPromise(item)) {
          container.push(undefined);
          this.#awaitValue(item, shape, path);
        } else {
          container.push(this.#complete(item, shape, path));
        }
      } catch (error) {
        if (isNonNull) {
          ignoreRejections(items.slice(key));
          throw locateError(error, path);
        }
        this.#recordError(error, path);
      }
    }
    return container;
  }

  #resolveType(
    value: unknown,
    { type, resolveType }: AbstractShape,
    path: ResultPath,
  ): GraphQLObjectType {
    const { schema, context } = this.#options;
    const name = resolveType(value, context, this.#resolveInfo(path), type);
    const found = typeof name === 'string' ? schema.getType(name) : undefined;
    if (isObjectType(found) && schema.isSubType(type, found)) return found;
    throw new Error(`Expected an object type for a value of ${fieldCoordinate(path.field)}.`);
  }

  /** Completes a promised value and puts it in its container. */
  #awaitValue(value: PromiseLike<unknown>, shape: OutputShape, path: ResultPath): void {
    this.#pending += 1;
    value.then(
      (found) => {
        try {
          Reflect.set(path.container, path.key, this.#complete(found, shape, path));
        } catch (error) {
          this.#recordError(error, path);
        }
        this.#onValueSettled();
      },
      (error: unknown) => {
        this.#recordError(error, path);
        this.#onValueSettled();
      },
    );
  }

  #onValueSettled(): void {
    this.#pending -= 1;
    if (this.#pending > 0) return;
    for (const [path, error] of this.#deferredErrors) this.#recordError(error, path);
    this.#deferredErrors.clear();
    this.#whenSettled();
  }

  /** Makes the nearest nullable value null, unless an ancestor is null already. */
  #recordError(cause: unknown, path: ResultPath | undefined): void {
    let error = cause;
    let nulled = path;
    while (nulled?.isNonNull === true) {
      nulled = nulled.prev;
      error = this.#deferredErrors.get(nulled) ?? error;
    }
    for (let step = nulled; step !== undefined; step = step.prev) if (step.isNulled) return;
    if (this.#isNulled) return;
    // Errors are expensive to create.
    if (this.#errors.length < this.#options.context.guard.maxErrors) {
      this.#errors.push(path ? locateError(error, path) : locatedError(error, undefined));
    }
    if (nulled === undefined) {
      this.#isNulled = true;
      this.#whenSettled();
    } else {
      nulled.isNulled = true;
      Reflect.set(nulled.container, nulled.key, null);
    }
  }
}
