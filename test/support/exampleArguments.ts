import type { GraphQLInputType } from 'graphql';
import { isEnumType, isInputObjectType, isListType, isNonNullType } from 'graphql';

const scalars: Readonly<Record<string, unknown>> = {
  ID: '5',
  String: 'text',
  Boolean: true,
  Int: 1,
  DateTime: '2100-01-01T00:00:00.000Z',
};

type Path = readonly (string | 0)[];

/** A value of the type with every field set, except JSON, which `astFromValue` does not convert. */
export function exampleValue(type: GraphQLInputType): unknown {
  if (isNonNullType(type)) return exampleValue(type.ofType);
  if (isListType(type)) return [exampleValue(type.ofType)];
  if (isEnumType(type)) return type.getValues()[0]!.name;
  if (!isInputObjectType(type)) return scalars[type.name];
  return Object.fromEntries(
    Object.values(type.getFields()).map(({ name, type: ofField }) => [name, exampleValue(ofField)]),
  );
}

/** Where a value of the type contains ids. */
export function pathsOfIds(type: GraphQLInputType): readonly Path[] {
  if (isNonNullType(type)) return pathsOfIds(type.ofType);
  if (isListType(type)) return pathsOfIds(type.ofType).map((path) => [0, ...path]);
  if (!isInputObjectType(type)) return String(type) === 'ID' ? [[]] : [];
  return Object.values(type.getFields()).flatMap(({ name, type: ofField }) =>
    pathsOfIds(ofField).map((path) => [name, ...path]),
  );
}

/** The value with another one at the path. */
export function withValueAt(value: any, [first, ...rest]: Path, replacement: unknown): unknown {
  if (first === undefined) return replacement;
  const replaced = withValueAt(value[first], rest, replacement);
  return first === 0 ? [replaced] : { ...value, [first]: replaced };
}
