import type { ExecutionResult, GraphQLError, GraphQLObjectType, GraphQLSchema } from 'graphql';
import { getArgumentValues, isObjectType, locatedError } from 'graphql';
import type { Context } from './context.ts';
import type { AbstractShape, Arguments, FieldPlan, Plan, Shape } from './plan.ts';

export type Values = Record<string, unknown>;

/** Where a value goes in the answer. To resolvers it is a path. */
interface Place {
  readonly prev: Place | undefined;
  readonly key: string | number;
  readonly typename: string | undefined;
  readonly field: FieldPlan;
  /** The object or list that it is in. */
  readonly container: object;
  readonly isNonNull: boolean;
  /** Whether it is null because of an error in it: errors that still come are of no interest. */
  isDead: boolean;
}

const isObjectLike = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null;

const isPromise = (value: unknown): value is PromiseLike<unknown> =>
  isObjectLike(value) && typeof value['then'] === 'function';

const isIterable = (value: unknown): value is Iterable<unknown> =>
  isObjectLike(value) && Symbol.iterator in value;

const nameOf = ({ parentType, name }: FieldPlan): string => `${parentType.name}.${name}`;

function located(error: unknown, place: Place): GraphQLError {
  const path: (string | number)[] = [];
  for (let at: Place | undefined = place; at !== undefined; at = at.prev) path.push(at.key);
  return locatedError(error, place.field.nodes, path.reverse());
}

function forget(promises: readonly unknown[]): void {
  for (const promise of promises) if (isPromise(promise)) promise.then(null, () => undefined);
}

interface RunOptions {
  readonly schema: GraphQLSchema;
  readonly plan: Plan;
  readonly context: Context;
  readonly variables: Values;
}

/** One execution of a plan, with the same values, nulls and errors as graphql-js would give. */
export class Run {
  readonly #options: RunOptions;
  readonly #args = new Map<FieldPlan, Arguments>();
  readonly #data: Values = {};
  readonly #errors: GraphQLError[] = [];
  /** Whether an error took the whole answer with it. */
  #isDead = false;
  /** Values that have not come yet. */
  #pending = 0;
  /** Errors in objects of which other fields are still under way: told when one of these fails as well, or all have come. */
  readonly #postponed = new Map<Place | undefined, unknown>();
  #whenSettled = (): void => undefined;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /** The answer itself, where nothing has to be waited for. */
  answer(): ExecutionResult | Promise<ExecutionResult> {
    const { isSerial, fields } = this.#options.plan;
    if (isSerial) return this.#answerInTurn(fields);
    return this.#start(fields)?.then(() => this.#result()) ?? this.#result();
  }

  async #answerInTurn(fields: readonly FieldPlan[]): Promise<ExecutionResult> {
    for (const field of fields) {
      await this.#start([field]);
      if (this.#isDead) break;
    }
    return this.#result();
  }

  #start(fields: readonly FieldPlan[]): Promise<void> | undefined {
    try {
      this.#fill(this.#data, fields, undefined, undefined);
    } catch (error) {
      this.#fail(error, undefined);
    }
    if (this.#pending === 0 || this.#isDead) return undefined;
    return new Promise((resolve) => {
      this.#whenSettled = resolve;
    });
  }

  #result(): ExecutionResult {
    const data = this.#isDead ? null : this.#data;
    return this.#errors.length === 0 ? { data } : { errors: [...this.#errors], data };
  }

  #fill(
    container: Values,
    fields: readonly FieldPlan[],
    source: unknown,
    place: Place | undefined,
  ): void {
    const before = this.#pending;
    try {
      for (const field of fields) {
        const value = isObjectLike(source) ? source[field.name] : undefined;
        // Most fields are of this kind, and nothing can go wrong with them.
        if (field.plainType === typeof value) container[field.key] = value;
        else this.#fillField(container, field, source, place);
      }
    } catch (error) {
      if (this.#pending === before) throw error;
      this.#postponed.set(place, error);
    }
  }

  #fillField(container: Values, field: FieldPlan, source: unknown, prev: Place | undefined): void {
    const { key, shape } = field;
    const { isNonNull } = shape;
    const typename = field.parentType.name;
    const place = { prev, key, typename, field, container, isNonNull, isDead: false };
    try {
      const value = this.#resolve(source, place);
      if (isPromise(value)) {
        container[key] = undefined;
        this.#wait(value, shape, place);
      } else {
        container[key] = this.#complete(value, shape, place);
      }
    } catch (raw) {
      const error = located(raw, place);
      if (isNonNull) throw error;
      this.#fail(error, place);
    }
  }

  #resolve(source: unknown, place: Place): unknown {
    const { field } = place;
    const { context } = this.#options;
    if (field.resolve) {
      return field.resolve(source, this.#argumentsOf(field), context, this.#infoOf(place));
    }
    const value = isObjectLike(source) ? source[field.name] : undefined;
    if (typeof value !== 'function') return value;
    return Reflect.apply(value, source, [this.#argumentsOf(field), context, this.#infoOf(place)]);
  }

  #argumentsOf(field: FieldPlan): Arguments {
    const known = field.args ?? this.#args.get(field);
    if (known !== undefined) return known;
    const { definition, nodes } = field;
    const values = Object.freeze(getArgumentValues(definition, nodes[0], this.#options.variables));
    this.#args.set(field, values);
    return values;
  }

  #infoOf(path: Place) {
    const { schema, plan, variables } = this.#options;
    const { name, nodes, definition, parentType } = path.field;
    return {
      fieldName: name,
      fieldNodes: nodes,
      returnType: definition.type,
      parentType,
      path,
      schema,
      fragments: plan.fragments,
      rootValue: undefined,
      operation: plan.operation,
      variableValues: variables,
    };
  }

  #complete(value: unknown, shape: Shape, place: Place): unknown {
    if (value instanceof Error) throw value;
    if (value === null || value === undefined) {
      if (!shape.isNonNull) return null;
      throw new Error(`Cannot return null for non-nullable field ${nameOf(place.field)}.`);
    }
    switch (shape.kind) {
      case 'leaf': {
        const serialized = shape.serialize(value);
        if (serialized !== null && serialized !== undefined) return serialized;
        throw new Error(`A value of ${nameOf(place.field)} cannot be told.`);
      }
      case 'list':
        return this.#completeList(value, shape.item, place);
      case 'object':
        return this.#completeObject(value, shape.fieldsOf(shape.type), place);
      case 'abstract':
        return this.#completeObject(
          value,
          shape.fieldsOf(this.#typeOf(value, shape, place)),
          place,
        );
    }
  }

  #completeObject(value: unknown, fields: readonly FieldPlan[], place: Place): unknown {
    const container: Values = {};
    this.#fill(container, fields, value, place);
    return container;
  }

  #completeList(value: unknown, shape: Shape, prev: Place): unknown {
    const { field } = prev;
    if (!isIterable(value)) throw new Error(`${nameOf(field)} is no list.`);
    const items = [...value];
    const container: unknown[] = [];
    const { isNonNull } = shape;
    for (const [key, item] of items.entries()) {
      const place = { prev, key, typename: undefined, field, container, isNonNull, isDead: false };
      try {
        if (isPromise(item)) {
          container.push(undefined);
          this.#wait(item, shape, place);
        } else {
          container.push(this.#complete(item, shape, place));
        }
      } catch (raw) {
        const error = located(raw, place);
        if (isNonNull) {
          forget(items.slice(key));
          throw error;
        }
        this.#fail(error, place);
      }
    }
    return container;
  }

  #typeOf(value: unknown, { type, resolveType }: AbstractShape, place: Place): GraphQLObjectType {
    const { schema, context } = this.#options;
    const name = resolveType(value, context, this.#infoOf(place), type);
    const found = typeof name === 'string' ? schema.getType(name) : undefined;
    if (isObjectType(found) && schema.isSubType(type, found)) return found;
    throw new Error(`A value of ${nameOf(place.field)} has no type.`);
  }

  /** Puts a value where it belongs once it comes. */
  #wait(value: PromiseLike<unknown>, shape: Shape, place: Place): void {
    this.#pending += 1;
    value.then(
      (found) => {
        try {
          Reflect.set(place.container, place.key, this.#complete(found, shape, place));
        } catch (error) {
          this.#fail(located(error, place), place);
        }
        this.#settle();
      },
      (error: unknown) => {
        this.#fail(located(error, place), place);
        this.#settle();
      },
    );
  }

  #settle(): void {
    this.#pending -= 1;
    if (this.#pending > 0) return;
    for (const [place, error] of this.#postponed) this.#fail(error, place);
    this.#postponed.clear();
    this.#whenSettled();
  }

  /** What may be null nearest to the error becomes null, unless that or something around it is already. */
  #fail(cause: unknown, place: Place | undefined): void {
    let error = cause;
    let nulled = place;
    while (nulled?.isNonNull === true) {
      nulled = nulled.prev;
      error = this.#postponed.get(nulled) ?? error;
    }
    for (let at = nulled; at !== undefined; at = at.prev) if (at.isDead) return;
    if (this.#isDead) return;
    this.#errors.push(locatedError(error, undefined));
    if (nulled === undefined) {
      this.#isDead = true;
      this.#whenSettled();
    } else {
      nulled.isDead = true;
      Reflect.set(nulled.container, nulled.key, null);
    }
  }
}
