import type { GraphQLField, GraphQLSchema } from 'graphql';
import { defaultFieldResolver, getNamedType, isObjectType } from 'graphql';
import { forbiddenError } from '../../lib/clientError.ts';
import { isVisible } from '../../lib/visibility.ts';
import type { VisibilityScope } from '../../lib/visibility.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import type { Context } from '../context.ts';
import type { FieldPolicy } from './policy.ts';
import { entityPolicies, policiesByField } from './policy.ts';

type ResolvableField = GraphQLField<unknown, Context>;
type Resolve = NonNullable<ResolvableField['resolve']>;

const isCustomer = ({ viewer }: Context): boolean => viewer.role === 'CUSTOMER';

/** What belongs to customers, or may. */
const customerOwnedTypes: ReadonlySet<string> = new Set([
  'Chat',
  'Customer',
  'ChatMessage',
  'Node',
  '_Entity',
]);

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Whose a thing is; undefined for what is nobody's. */
function ownerOf(entity: unknown): string | null | undefined {
  if (typeof entity !== 'object' || entity === null || !('__typename' in entity)) return undefined;
  if (entity.__typename === 'Customer') return 'id' in entity ? textOrNull(entity.id) : undefined;
  if (entity.__typename !== 'Chat') return undefined;
  const customer = 'customer' in entity ? entity.customer : null;
  return typeof customer === 'object' && customer !== null && 'id' in customer
    ? textOrNull(customer.id)
    : null;
}

/** Loaders and sources give a customer its own alone. Should one of them ever err, or the helpdesk, nothing is shown. */
async function assertVisible(value: unknown, scope: VisibilityScope): Promise<unknown> {
  const entity = await value;
  const customerId = ownerOf(entity);
  if (customerId === undefined || isVisible(scope, { customerId })) return entity;
  throw new UpstreamError('malformed', 'What was read belongs to another customer.');
}

async function restrictToOwner(value: unknown, context: Context): Promise<unknown> {
  const entities = await value;
  const scope = await context.loaders.visibility();
  return Array.isArray(entities)
    ? entities.map((entity) => assertVisible(entity, scope))
    : assertVisible(entities, scope);
}

const policyWrappers: Readonly<Record<FieldPolicy, (resolve: Resolve, field: string) => Resolve>> =
  {
    public: (resolve) => resolve,
    owner: (resolve) => (parent, args, context, info) => {
      const value: unknown = resolve(parent, args, context, info);
      return isCustomer(context) ? restrictToOwner(value, context) : value;
    },
    redacted: (resolve) => (parent, args, context, info) =>
      isCustomer(context) ? null : resolve(parent, args, context, info),
    staff: (resolve, field) => (parent, args, context, info) => {
      if (isCustomer(context)) throw forbiddenError(`${field} is for the team alone.`);
      return resolve(parent, args, context, info);
    },
  };

function applyFieldPolicy(type: string, field: ResolvableField): void {
  const coordinate = `${type}.${field.name}`;
  // What nobody has thought of is closed.
  const policy = policiesByField.get(coordinate) ?? 'staff';
  if (policy === 'public') return;
  field.resolve = policyWrappers[policy](field.resolve ?? defaultFieldResolver, coordinate);
  if (policy === 'staff' && field.subscribe)
    field.subscribe = policyWrappers.staff(field.subscribe, coordinate);
}

/** A router's references of types that only the team may ask for are nothing to a customer. */
function applyReferencePolicy(type: object, name: string): void {
  if (!('resolveReference' in type) || typeof type.resolveReference !== 'function') return;
  if ((entityPolicies[name] ?? 'staff') !== 'staff') return;
  const { resolveReference } = type;
  type.resolveReference = (...args: readonly [unknown, Context, ...unknown[]]): unknown => {
    if (isCustomer(args[1])) return null;
    const found: unknown = Reflect.apply(resolveReference, type, args);
    return found;
  };
}

/** Puts the rules into the schema itself, so that they hold however an operation comes. */
export function applyPolicies(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    applyReferencePolicy(type, type.name);
    const fields: readonly ResolvableField[] = Object.values(type.getFields());
    for (const field of fields) applyFieldPolicy(type.name, field);
  }
  return schema;
}

/** Fields without a rule, and those that may give what is somebody's although they are open. */
export function fieldsWithoutPolicy(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    if (!isObjectType(type) || type.name.startsWith('__')) return [];
    return Object.values(type.getFields()).flatMap(({ name, type: fieldType }) => {
      const policy = policiesByField.get(`${type.name}.${name}`);
      const exposesOwnedType =
        policy === 'public' && customerOwnedTypes.has(getNamedType(fieldType).name);
      return policy === undefined || exposesOwnedType ? [`${type.name}.${name}`] : [];
    });
  });
}
