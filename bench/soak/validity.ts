import { ApolloServerErrorCode } from '@apollo/server/errors';
import type { GraphQLOutputType, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import {
  getNamedType,
  isEnumType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
} from 'graphql';
import { errorCodes } from '../../src/graphql/errorCodes.ts';

/** All codes that an error may have. */
const codes: ReadonlySet<unknown> = new Set(Object.keys(errorCodes));

type Values = Readonly<Record<string, unknown>>;

const isValues = (value: unknown): value is Values =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isoTime = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

const leaves: Readonly<Record<string, (value: unknown) => boolean>> = {
  ID: (value) => typeof value === 'string',
  String: (value) => typeof value === 'string',
  Boolean: (value) => typeof value === 'boolean',
  Int: Number.isSafeInteger,
  DateTime: (value) => typeof value === 'string' && isoTime.test(value),
  JSONObject: isValues,
};

function isLeaf(type: GraphQLOutputType, value: unknown): boolean {
  if (isEnumType(type)) return typeof value === 'string' && type.getValue(value) !== undefined;
  return leaves[getNamedType(type).name]?.(value) ?? false;
}

type Selection = OperationDefinitionNode['selectionSet'];

/** Where `value` is not what `type` promises; undefined where all is well. Selections hold fields only. */
function faultIn(
  type: GraphQLOutputType,
  { value, selection, path }: { value: unknown; selection: Selection | undefined; path: string },
): string | undefined {
  if (isNonNullType(type)) {
    return value === null || value === undefined
      ? `${path} is missing`
      : faultIn(type.ofType, { value, selection, path });
  }
  if (value === null) return undefined;
  if (isListType(type)) {
    if (!Array.isArray(value)) return `${path} is no list`;
    return firstOf(value, (item, index) =>
      faultIn(type.ofType, { value: item, selection, path: `${path}.${index}` }),
    );
  }
  if (isLeafType(type)) return isLeaf(type, value) ? undefined : `${path} is no ${type.name}`;
  if (!isObjectType(type) || !isValues(value)) return `${path} is no ${getNamedType(type).name}`;
  return firstOf(selection?.selections ?? [], (node) => {
    if (node.kind !== Kind.FIELD) return `${path} holds a fragment`;
    const name = (node.alias ?? node.name).value;
    const field = type.getFields()[node.name.value];
    if (field === undefined) return `${path}.${name} is not in the schema`;
    const next = { value: value[name], selection: node.selectionSet, path: `${path}.${name}` };
    return value[name] === undefined ? `${next.path} is missing` : faultIn(field.type, next);
  });
}

function firstOf<Item>(
  items: readonly Item[],
  look: (item: Item, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const found = look(item, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

function faultInErrors(errors: unknown): string | undefined {
  if (!Array.isArray(errors) || errors.length === 0) return 'errors is no list of any';
  return firstOf(errors, (error: unknown) => {
    if (!isValues(error) || typeof error['message'] !== 'string') return 'an error says nothing';
    const { extensions } = error;
    if (!isValues(extensions) || !codes.has(extensions['code']))
      return 'an error has a strange code';
    if (extensions['code'] === ApolloServerErrorCode.INTERNAL_SERVER_ERROR)
      return 'an internal error';
    return typeof extensions['retryable'] === 'boolean' ? undefined : 'an error is not complete';
  });
}

/** What the codes of the answer's errors are, and what is wrong with it as an answer to the operation. */
export function judge(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode | undefined,
  answer: unknown,
): { readonly codes: readonly string[]; readonly fault: string | undefined } {
  if (!isValues(answer)) return { codes: [], fault: 'no JSON object' };
  const { data, errors } = answer;
  if (errors === undefined && !isValues(data))
    return { codes: [], fault: 'neither data nor errors' };
  const errorFault = errors === undefined ? undefined : faultInErrors(errors);
  const root = operation && schema.getRootType(operation.operation);
  const dataFault =
    data === null || data === undefined
      ? undefined
      : root
        ? faultIn(root, { value: data, selection: operation.selectionSet, path: 'data' })
        : 'data for an operation that is none';
  const found = Array.isArray(errors)
    ? errors.map((error: unknown) =>
        isValues(error) && isValues(error['extensions']) ? String(error['extensions']['code']) : '',
      )
    : [];
  return { codes: found, fault: errorFault ?? dataFault };
}
