/**
 * Shapes of values that another process wrote, such as cache entries and messages in Redis. A shape states every field of its model, so that
 * a model with a field more does not compile until its shape has it.
 */
export type Shape<Value> = (value: unknown) => value is Value;

type Fields<Whole> = { readonly [Name in keyof Whole]-?: Shape<Whole[Name]> };

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const isText: Shape<string> = (value) => typeof value === 'string';

export const isFlag: Shape<boolean> = (value) => typeof value === 'boolean';

/** An id of HelpCrunch. */
export const isIdText: Shape<string> = (value): value is string =>
  typeof value === 'string' && /^(0|[1-9][0-9]{0,99})$/.test(value);

/** The end of the year 9999. */
const latestMs = 253_402_300_799_999;

/** Milliseconds since the epoch that a `DateTime` can show. */
export const isTime: Shape<number> = (value): value is number =>
  typeof value === 'number' && value >= 0 && value <= latestMs;

/** What fits an `Int` of GraphQL. */
export const isCount: Shape<number> = (value): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 2_147_483_647;

export const isNumber: Shape<number> = (value): value is number => Number.isFinite(value);

export const orNull =
  <Value>(shape: Shape<Value>): Shape<Value | null> =>
  (value): value is Value | null =>
    value === null || shape(value);

export const oneOf =
  <Name extends string | boolean>(...names: readonly Name[]): Shape<Name> =>
  (value): value is Name =>
    names.some((name) => name === value);

export const listOf =
  <Item>(shape: Shape<Item>, maxLength = Infinity): Shape<readonly Item[]> =>
  (value): value is readonly Item[] =>
    Array.isArray(value) && value.length <= maxLength && value.every(shape);

/** Any values by name; JSON that has been parsed is nested a bounded number of levels. */
export const isDictionary: Shape<Readonly<Record<string, unknown>>> = (
  value,
): value is Readonly<Record<string, unknown>> => isRecord(value);

/** An object whose own fields have these shapes. Without `required` all must be there; fields without a shape are ignored. */
export function objectOf<Whole extends object>(
  fields: Fields<Whole>,
  required?: readonly (keyof Whole)[],
): Shape<Whole> {
  const shapes = Object.entries<Shape<unknown>>(fields);
  const needed = new Set<PropertyKey>(required ?? Object.keys(fields));
  return (value): value is Whole =>
    isRecord(value) &&
    shapes.every(([name, shape]) =>
      Object.hasOwn(value, name) ? shape(Reflect.get(value, name)) : !needed.has(name),
    );
}
