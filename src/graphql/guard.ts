import type { GraphQLField, GraphQLSchema } from 'graphql';
import { defaultFieldResolver, getNamedType, isObjectType } from 'graphql';
import { forbidden } from '../support/clientError.ts';
import { isInSight } from '../support/sight.ts';
import type { Sight } from '../support/sight.ts';
import { UpstreamError } from '../upstream/errors.ts';
import type { Context } from './context.ts';
import type { Rule } from './rules.ts';
import { keyRules, rulesByField } from './rules.ts';

type Field = GraphQLField<unknown, Context>;
type Resolve = NonNullable<Field['resolve']>;

const isLimited = ({ viewer }: Context): boolean => viewer.role === 'CUSTOMER';

/** What belongs to customers, or may. */
const owned: ReadonlySet<string> = new Set(['Chat', 'Customer', 'Message', 'Node', '_Entity']);

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Whose a thing is; undefined for what is nobody's. */
function ownerOf(thing: unknown): string | null | undefined {
  if (typeof thing !== 'object' || thing === null || !('__typename' in thing)) return undefined;
  if (thing.__typename === 'Customer') return 'id' in thing ? textOrNull(thing.id) : undefined;
  if (thing.__typename !== 'Chat') return undefined;
  const customer = 'customer' in thing ? thing.customer : null;
  return typeof customer === 'object' && customer !== null && 'id' in customer
    ? textOrNull(customer.id)
    : null;
}

/** Loaders and sources give a customer its own alone. Should one of them ever err, or the helpdesk, nothing is shown. */
async function checked(given: unknown, sight: Sight): Promise<unknown> {
  const thing = await given;
  const customerId = ownerOf(thing);
  if (customerId === undefined || isInSight(sight, { customerId })) return thing;
  throw new UpstreamError('malformed', 'What was read belongs to another customer.');
}

async function limited(given: unknown, context: Context): Promise<unknown> {
  const things = await given;
  const sight = await context.loaders.sight();
  return Array.isArray(things)
    ? things.map((thing) => checked(thing, sight))
    : checked(things, sight);
}

const guards: Readonly<Record<Rule, (resolve: Resolve, field: string) => Resolve>> = {
  open: (resolve) => resolve,
  own: (resolve) => (parent, args, context, info) => {
    const given: unknown = resolve(parent, args, context, info);
    return isLimited(context) ? limited(given, context) : given;
  },
  blank: (resolve) => (parent, args, context, info) =>
    isLimited(context) ? null : resolve(parent, args, context, info),
  team: (resolve, field) => (parent, args, context, info) => {
    if (isLimited(context)) throw forbidden(`${field} is for the team alone.`);
    return resolve(parent, args, context, info);
  },
};

function guardField(type: string, field: Field): void {
  const at = `${type}.${field.name}`;
  // What nobody has thought of is closed.
  const rule = rulesByField.get(at) ?? 'team';
  if (rule === 'open') return;
  field.resolve = guards[rule](field.resolve ?? defaultFieldResolver, at);
  if (rule === 'team' && field.subscribe) field.subscribe = guards.team(field.subscribe, at);
}

/** A router's references of types that only the team may ask for are nothing to a customer. */
function guardReferences(type: object, name: string): void {
  if (!('resolveReference' in type) || typeof type.resolveReference !== 'function') return;
  if ((keyRules[name] ?? 'team') !== 'team') return;
  const { resolveReference } = type;
  type.resolveReference = (...given: readonly [unknown, Context, ...unknown[]]): unknown => {
    if (isLimited(given[1])) return null;
    const found: unknown = Reflect.apply(resolveReference, type, given);
    return found;
  };
}

/** Puts the rules into the schema itself, so that they hold however an operation comes. */
export function guardSchema(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    guardReferences(type, type.name);
    const fields: readonly Field[] = Object.values(type.getFields());
    for (const field of fields) guardField(type.name, field);
  }
  return schema;
}

/** Fields without a rule, and those that may give what is somebody's although they are open. */
export function unruledFields(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap()).flatMap((type) => {
    if (!isObjectType(type) || type.name.startsWith('__')) return [];
    return Object.values(type.getFields()).flatMap(({ name, type: given }) => {
      const rule = rulesByField.get(`${type.name}.${name}`);
      const isLeak = rule === 'open' && owned.has(getNamedType(given).name);
      return rule === undefined || isLeak ? [`${type.name}.${name}`] : [];
    });
  });
}
