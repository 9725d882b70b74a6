import type {
  GraphQLInputType,
  GraphQLNamedInputType,
  GraphQLSchema,
  OperationDefinitionNode,
  VariableDefinitionNode,
} from 'graphql';
import {
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  Kind,
  typeFromAST,
  valueFromASTUntyped,
} from 'graphql';
import { commentBefore } from './comments.ts';

type Json = string | number | boolean | null | Json[] | JsonObject;

/** A JSON Schema, in the type that the SDK requires. */
type JsonObject = { [name: string]: Json };

/** The arguments of a tool. */
export type ToolInputSchema = JsonObject & { type: 'object' };

function toJson(value: unknown): Json {
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, toJson(inner)]));
  }
  const isPlain =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
  return isPlain ? value : null;
}

const scalarSchemas: Readonly<Record<string, JsonObject>> = {
  ID: { type: 'string' },
  String: { type: 'string' },
  Int: { type: 'integer' },
  Float: { type: 'number' },
  Boolean: { type: 'boolean' },
  DateTime: { type: 'string', format: 'date-time' },
  JSONObject: { type: 'object' },
};

/** A value that the schema does not know cannot be searched for. */
const isKnownValue = (name: string): boolean => name !== 'UNKNOWN';

/** Collects the input objects that the arguments use, which may refer to each other. */
class SchemaWriter {
  readonly definitions: JsonObject = {};

  schemaOf(type: GraphQLInputType): JsonObject {
    const nullable = getNullableType(type);
    if (isListType(nullable)) return { type: 'array', items: this.schemaOf(nullable.ofType) };
    return this.#namedSchemaOf(nullable);
  }

  #namedSchemaOf(type: GraphQLNamedInputType): JsonObject {
    if (isEnumType(type)) {
      const names = type.getValues().map(({ name }) => name);
      return { type: 'string', enum: names.filter(isKnownValue) };
    }
    if (!isInputObjectType(type)) return scalarSchemas[type.name] ?? {};
    if (!(type.name in this.definitions)) {
      // Before its fields, which may refer to it.
      this.definitions[type.name] = {};
      const fields = Object.values(type.getFields());
      const required = fields.filter((field) => isNonNullType(field.type)).map(({ name }) => name);
      this.definitions[type.name] = {
        type: 'object',
        properties: Object.fromEntries(
          fields.map((field) => [field.name, this.schemaOf(field.type)]),
        ),
        ...(required.length === 0 ? {} : { required }),
        additionalProperties: false,
      };
    }
    return { $ref: `#/$defs/${type.name}` };
  }
}

interface InputSchemaRequest {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  /** Used where the variable has no comment. */
  readonly descriptionOf: (variable: string) => string | undefined;
}

const isRequired = ({ type, defaultValue }: VariableDefinitionNode): boolean =>
  type.kind === Kind.NON_NULL_TYPE && defaultValue === undefined;

/** The JSON Schema of the variables of a valid operation. */
export function inputSchemaOf({
  schema,
  operation,
  descriptionOf,
}: InputSchemaRequest): ToolInputSchema {
  const { variableDefinitions = [] } = operation;
  const writer = new SchemaWriter();
  const properties = variableDefinitions.flatMap((definition) => {
    const { variable, type, defaultValue } = definition;
    const inputType = typeFromAST(schema, type);
    if (!isInputType(inputType)) return [];
    const name = variable.name.value;
    const description = commentBefore(definition) ?? descriptionOf(name);
    const argument: JsonObject = {
      ...writer.schemaOf(inputType),
      ...(description === undefined ? {} : { description }),
      ...(defaultValue === undefined ? {} : { default: toJson(valueFromASTUntyped(defaultValue)) }),
    };
    return [[name, argument] as const];
  });
  const required = variableDefinitions
    .filter(isRequired)
    .map(({ variable }) => variable.name.value);
  const hasDefinitions = Object.keys(writer.definitions).length > 0;
  return {
    type: 'object',
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
    ...(hasDefinitions ? { $defs: writer.definitions } : {}),
  };
}
