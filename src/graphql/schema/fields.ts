import type { GraphQLSchema } from 'graphql';
import { getNamedType, isObjectType } from 'graphql';
import type { GraphQLScalarType } from 'graphql';
import type { CostRule, FieldDeclaration, FieldPolicy } from '../../resources/declarations.ts';
import { publicField, staffField } from '../../resources/declarations.ts';
import { descriptors, entitiesByType } from '../../resources/registry.ts';
import { referenceFromNodeId, referenceFromRepresentation } from '../cost/references.ts';
import type { Resolvers } from '../resolvers.generated.ts';

/** The fields that belong to no resource. */
const otherFields = {
  Query: {
    viewer: publicField,
    rateLimit: staffField,
    node: {
      policy: 'owner',
      cost: {
        strategy: 'byReference',
        argument: 'nodeId',
        read: referenceFromNodeId,
        isKeyKnown: false,
      },
    },
    nodes: {
      policy: 'owner',
      cost: {
        strategy: 'byReference',
        argument: 'nodeIds',
        read: referenceFromNodeId,
        isKeyKnown: false,
      },
    },
    _entities: {
      policy: 'owner',
      cost: {
        strategy: 'byReference',
        argument: 'representations',
        read: referenceFromRepresentation,
        isKeyKnown: true,
      },
    },
    _service: staffField,
  },
  _Service: { sdl: staffField },
  HelpdeskViewer: {
    role: publicField,
    agent: { policy: 'public', cost: { strategy: 'partial', embeds: [] } },
  },
  PageInfo: {
    hasNextPage: publicField,
    hasPreviousPage: publicField,
    startCursor: publicField,
    endCursor: publicField,
  },
  HelpdeskRateLimit: {
    limit: staffField,
    remaining: staffField,
    viewerRemaining: staffField,
    resetAt: staffField,
  },
} as const;

type ObjectTypeName = {
  [Type in keyof Resolvers]-?: NonNullable<Resolvers[Type]> extends GraphQLScalarType
    ? never
    : Type;
}[keyof Resolvers];

type FieldName<Type extends ObjectTypeName> = Exclude<
  keyof NonNullable<Resolvers[Type]>,
  `__${string}`
>;

/** A declaration for every field of the schema. */
type SchemaFields = {
  readonly [Type in Exclude<ObjectTypeName, 'Node'>]: Readonly<
    Record<FieldName<Type>, FieldDeclaration>
  >;
};

type Intersection<Union> = (Union extends unknown ? (member: Union) => void : never) extends (
  member: infer Whole,
) => void
  ? Whole
  : never;

/** The fields of all parts. A type may be declared in several, such as `Query`. */
function mergeFields<Fields extends object>(parts: readonly Fields[]): Intersection<Fields>;
function mergeFields(parts: readonly Readonly<Record<string, object>>[]): object {
  const merged: Record<string, object> = {};
  for (const part of parts) {
    for (const [type, fields] of Object.entries(part)) {
      merged[type] = { ...merged[type], ...fields };
    }
  }
  return merged;
}

// Does not compile while a field of the schema has no declaration.
const declaredFields: SchemaFields = mergeFields([
  ...Object.values(descriptors).map(({ fields }) => fields),
  otherFields,
]);

/** The declaration of each field by its coordinate, such as `Chat.id`. */
export const fieldDeclarations: ReadonlyMap<string, FieldDeclaration> = new Map(
  Object.entries<Readonly<Record<string, FieldDeclaration>>>(declaredFields).flatMap(
    ([type, fields]) =>
      Object.entries(fields).map(([name, declaration]) => [`${type}.${name}`, declaration]),
  ),
);

/** What the field costs; undefined where it is part of its parent. */
export function costRuleOf(coordinate: string): CostRule | undefined {
  const cost = fieldDeclarations.get(coordinate)?.cost;
  return cost === 'none' ? undefined : cost;
}

export const policyOf = (coordinate: string): FieldPolicy =>
  fieldDeclarations.get(coordinate)?.policy ?? 'staff';

/** Types that belong to a customer, or may. */
const customerOwnedTypes: ReadonlySet<string> = new Set([
  'Chat',
  'Customer',
  'ChatMessage',
  'Node',
  '_Entity',
]);

/** Whether the items of the type are part of the page that was read. */
const isPartOfPage = (type: string): boolean => /(Connection|Edge)$/.test(type);

function problemOf(type: string, name: string, resultType: string): string | undefined {
  const declaration = fieldDeclarations.get(`${type}.${name}`);
  if (declaration === undefined) return 'has no declaration';
  if (declaration.policy === 'public' && customerOwnedTypes.has(resultType)) {
    return 'is public but returns data of customers';
  }
  const isFetched = entitiesByType.has(resultType) || resultType.endsWith('Connection');
  return isFetched && declaration.cost === 'none' && !isPartOfPage(type)
    ? `costs nothing but returns ${resultType}`
    : undefined;
}

/** The fields of the schema whose declaration is missing or contradicts their type, with the reason. */
export const fieldDeclarationProblems = (schema: GraphQLSchema): readonly string[] =>
  Object.values(schema.getTypeMap()).flatMap((type) =>
    isObjectType(type) && !type.name.startsWith('__')
      ? Object.values(type.getFields()).flatMap((field) => {
          const problem = problemOf(type.name, field.name, getNamedType(field.type).name);
          return problem === undefined ? [] : [`${type.name}.${field.name} ${problem}`];
        })
      : [],
  );
