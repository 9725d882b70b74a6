/** Validates values written by other processes, such as entries in Redis. A shape must list every field of its model to compile. */
export type Shape<Value> = (value: unknown) => value is Value;

type Fields<Whole> = { readonly [Name in keyof Whole]-?: Shape<Whole[Name]> };

export const isText: Shape<string> = (value) => typeof value === 'string';

export const isFlag: Shape<boolean> = (value) => typeof value === 'boolean';

/** An id of HelpCrunch. */
export const isIdText: Shape<string> = (value): value is string =>
  typeof value === 'string' && /^(0|[1-9][0-9]{0,99})$/.test(value);

/** The end of the year 9999. */
const latestMs = 253_402_300_799_999;

/** Milliseconds since the epoch within the range of `DateTime`. */
export const isTime: Shape<number> = (value): value is number =>
  typeof value === 'number' && value >= 0 && value <= latestMs;

/** A non-negative `Int` of GraphQL. */
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

/** An object with any values; the nesting is bounded by `parseJson`. */
export const isDictionary: Shape<Readonly<Record<string, unknown>>> = (
  value,
): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An object whose own fields have these shapes. All fields are required unless `required` is given; other fields are ignored. */
export function objectOf<Whole extends object>(
  fields: Fields<Whole>,
  required?: readonly (keyof Whole)[],
): Shape<Whole> {
  const shapes = Object.entries<Shape<unknown>>(fields);
  const needed = new Set<PropertyKey>(required ?? Object.keys(fields));
  return (value): value is Whole =>
    isDictionary(value) &&
    shapes.every(([name, shape]) =>
      Object.hasOwn(value, name) ? shape(Reflect.get(value, name)) : !needed.has(name),
    );
}
