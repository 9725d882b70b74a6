import type { GraphQLField, GraphQLSchema } from 'graphql';
import { defaultFieldResolver, isObjectType } from 'graphql';
import { forbiddenError } from '../../lib/clientError.ts';
import { isVisible } from '../../lib/visibility.ts';
import type { VisibilityScope } from '../../lib/visibility.ts';
import type { FieldPolicy } from '../../resources/declarations.ts';
import { entitiesByType } from '../../resources/registry.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import type { Context } from '../context.ts';
import { fieldDeclarations, policyOf } from '../schema/fields.ts';

type ResolvableField = GraphQLField<unknown, Context>;
type Resolve = NonNullable<ResolvableField['resolve']>;

const isCustomerViewer = ({ viewer }: Context): boolean => viewer.role === 'CUSTOMER';

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** The id of the customer that owns the entity; undefined for entities without an owner. */
function ownerOf(entity: unknown): string | null | undefined {
  if (typeof entity !== 'object' || entity === null || !('__typename' in entity)) return undefined;
  if (entity.__typename === 'Customer') return 'id' in entity ? textOrNull(entity.id) : undefined;
  if (entity.__typename !== 'Chat') return undefined;
  const customer = 'customer' in entity ? entity.customer : null;
  return typeof customer === 'object' && customer !== null && 'id' in customer
    ? textOrNull(customer.id)
    : null;
}

/** Defence in depth: loaders and sources already return only what the customer owns. */
async function assertVisible(value: unknown, scope: VisibilityScope): Promise<unknown> {
  const entity = await value;
  const customerId = ownerOf(entity);
  if (customerId === undefined || isVisible(scope, { customerId })) return entity;
  throw new UpstreamError('malformed', 'The response belongs to another customer.');
}

async function restrictToOwner(value: unknown, context: Context): Promise<unknown> {
  const entities = await value;
  const scope = await context.loaders.customers.visibility();
  return Array.isArray(entities)
    ? entities.map((entity) => assertVisible(entity, scope))
    : assertVisible(entities, scope);
}

const policyWrappers: Readonly<Record<FieldPolicy, (resolve: Resolve, field: string) => Resolve>> =
  {
    public: (resolve) => resolve,
    owner: (resolve) => (parent, args, context, info) => {
      const value: unknown = resolve(parent, args, context, info);
      return isCustomerViewer(context) ? restrictToOwner(value, context) : value;
    },
    redacted: (resolve) => (parent, args, context, info) =>
      isCustomerViewer(context) ? null : resolve(parent, args, context, info),
    staff: (resolve, field) => (parent, args, context, info) => {
      if (isCustomerViewer(context))
        throw forbiddenError(`${field} is not available to customers.`);
      return resolve(parent, args, context, info);
    },
  };

function applyFieldPolicy(type: string, field: ResolvableField): void {
  const coordinate = `${type}.${field.name}`;
  const policy = policyOf(coordinate);
  if (policy === 'public') return;
  field.resolve = policyWrappers[policy](field.resolve ?? defaultFieldResolver, coordinate);
  if (policy === 'staff' && field.subscribe)
    field.subscribe = policyWrappers.staff(field.subscribe, coordinate);
}

/** The mutations that the operator allows. */
export type AllowedMutations = 'all' | 'none' | readonly string[];

export function isMutationAllowed(name: string, allowed: AllowedMutations | undefined): boolean {
  if (typeof allowed === 'object') return allowed.includes(name);
  return (
    allowed === 'all' ||
    (allowed === undefined && fieldDeclarations.get(`Mutation.${name}`)?.isOptIn !== true)
  );
}

/** A mutation that is not allowed fails before its arguments are looked at. */
function applyAllowedMutations(schema: GraphQLSchema, allowed: AllowedMutations | undefined): void {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    if (isMutationAllowed(field.name, allowed)) continue;
    field.resolve = () => {
      throw forbiddenError(
        `${field.name}: is not allowed on this gateway. Its operator can allow it with the setting MUTATIONS.`,
      );
    };
  }
}

/** For a customer, a router's reference of a staff type is null. */
function applyReferencePolicy(type: object, name: string): void {
  if (!('resolveReference' in type) || typeof type.resolveReference !== 'function') return;
  if ((entitiesByType.get(name)?.policy ?? 'staff') !== 'staff') return;
  const { resolveReference } = type;
  type.resolveReference = (...args: readonly [unknown, Context, ...unknown[]]): unknown => {
    if (isCustomerViewer(args[1])) return null;
    const found: unknown = Reflect.apply(resolveReference, type, args);
    return found;
  };
}

/** Wraps the resolvers of the schema itself, so that the policy holds for every endpoint. */
export function enforcePolicies(
  schema: GraphQLSchema,
  allowedMutations: AllowedMutations | undefined,
): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    applyReferencePolicy(type, type.name);
    const fields: readonly ResolvableField[] = Object.values(type.getFields());
    for (const field of fields) applyFieldPolicy(type.name, field);
  }
  applyAllowedMutations(schema, allowedMutations);
}
