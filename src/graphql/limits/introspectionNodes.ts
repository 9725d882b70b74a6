import type { GraphQLSchema } from 'graphql';
import {
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from 'graphql';

/** The average number of objects of an introspection field, by `type.field`. Fractional, as most types have no enum values. */
type IntrospectionLengths = ReadonlyMap<string, number>;

/** The proportion of types that wrap another type, such as lists. */
const wrapperShare = 0.5;

const lengthsBySchema = new WeakMap<GraphQLSchema, IntrospectionLengths>();

const sum = (counts: readonly number[]): number => counts.reduce((all, count) => all + count, 0);

function measure(schema: GraphQLSchema): IntrospectionLengths {
  const types = Object.values(schema.getTypeMap());
  const directives = schema.getDirectives();
  const perType = (count: (type: (typeof types)[number]) => number) =>
    sum(types.map(count)) / types.length;
  const fields = types.flatMap((type) =>
    isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [],
  );
  const args = sum(fields.map((field) => field.args.length)) / Math.max(1, fields.length);
  const directiveArgs = sum(directives.map((directive) => directive.args.length));
  return new Map([
    ['__Schema.types', types.length],
    ['__Schema.directives', directives.length],
    ['__Type.fields', fields.length / types.length],
    [
      '__Type.inputFields',
      perType((type) => (isInputObjectType(type) ? Object.keys(type.getFields()).length : 0)),
    ],
    ['__Type.enumValues', perType((type) => (isEnumType(type) ? type.getValues().length : 0))],
    [
      '__Type.interfaces',
      perType((type) => (isObjectType(type) ? type.getInterfaces().length : 0)),
    ],
    [
      '__Type.possibleTypes',
      perType((type) => (isAbstractType(type) ? schema.getPossibleTypes(type).length : 0)),
    ],
    ['__Type.ofType', wrapperShare],
    ['__Field.args', args],
    ['__Directive.args', directiveArgs / Math.max(1, directives.length)],
  ]);
}

export function introspectionLengths(schema: GraphQLSchema): IntrospectionLengths {
  const found = lengthsBySchema.get(schema) ?? measure(schema);
  lengthsBySchema.set(schema, found);
  return found;
}
