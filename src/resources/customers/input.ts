import type {
  CreateCustomerInput,
  CustomerUpdate,
  MutationUpdateCustomersArgs,
  TagInput,
  UpdateCustomerInput,
} from '../../graphql/generated.ts';
import { badUserInputError } from '../../lib/clientError.ts';
import { parseUpstreamId } from '../../lib/ids.ts';
import { assertTextSize, requireText } from '../../lib/texts.ts';
import type { Customer } from './model.ts';

/** The values of a customer that a client sets. */
export type CustomerValues = CreateCustomerInput & UpdateCustomerInput;

const maxTags = 50;

/** HelpCrunch has no absent value for these. */
const requiredIfGiven: ReadonlySet<string> = new Set([
  'unsubscribed',
  'blocked',
  'tags',
  'customData',
]);

const scalarTypes: ReadonlySet<string> = new Set(['string', 'number', 'boolean']);

/** Rejects values that are objects or lists. */
export function validateScalars(argument: string, values: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!/\S/.test(name)) throw badUserInputError(argument, 'must not contain a blank name.');
    if (value !== null && !scalarTypes.has(typeof value))
      throw badUserInputError(
        `${argument}.${name}`,
        'must be a text, a number, a boolean or null.',
      );
    // JSON has no infinite numbers: HelpCrunch would receive null.
    if (typeof value === 'number' && !Number.isFinite(value))
      throw badUserInputError(`${argument}.${name}`, 'must be a finite number.');
    if (typeof value === 'string') assertTextSize(`${argument}.${name}`, value);
  }
}

function validateCount(argument: string, { length }: readonly unknown[], min: number): void {
  if (length < min || length > maxTags)
    throw badUserInputError(argument, `must contain ${min} to ${maxTags} tags.`);
}

export function validateTagNames(argument: string, names: readonly string[]): void {
  validateCount(argument, names, 1);
  for (const [index, name] of names.entries()) requireText(`${argument}[${index}]`, name);
}

export function validateTags(argument: string, tags: readonly TagInput[], min = 1): void {
  validateCount(argument, tags, min);
  for (const [index, { name, color }] of tags.entries()) {
    requireText(`${argument}[${index}].name`, name);
    if (typeof color === 'string') requireText(`${argument}[${index}].color`, color);
  }
}

function validateValue(argument: string, name: string, value: unknown): void {
  const path = `${argument}.${name}`;
  if (value === null && requiredIfGiven.has(name))
    throw badUserInputError(path, 'must not be null. Omit it instead.');
  if (value instanceof Date && value.getTime() < 0)
    throw badUserInputError(path, 'must not be before 1970.');
  if (typeof value !== 'string') return;
  // An empty text removes a value; HelpCrunch would compare an empty userId with others.
  if (name === 'userId') requireText(path, value);
  else assertTextSize(path, value);
}

/** Rejects input before any call. */
export function validateCustomer(input: CustomerValues, argument: string): void {
  const values = Object.entries(input);
  if (values.length === 0) throw badUserInputError(argument, 'must contain at least one value.');
  for (const [name, value] of values) validateValue(argument, name, value);
  const { tags, customData } = input;
  if (tags) validateTags(`${argument}.tags`, tags, 0);
  if (customData) validateScalars(`${argument}.customData`, customData);
}

/** One of several updates. */
export type CustomerUpdateItem = CustomerUpdate & { readonly argument: string };

const maxUpdates = 10;

export function updatesOf({ updates }: MutationUpdateCustomersArgs): readonly CustomerUpdateItem[] {
  if (updates.length < 1 || updates.length > maxUpdates)
    throw badUserInputError('updates', `must contain 1 to ${maxUpdates} updates.`);
  const items = updates.map((update, index) => ({ ...update, argument: `updates[${index}]` }));
  const seen = new Set<string>();
  for (const { id, argument } of items) {
    parseUpstreamId(`${argument}.id`, id);
    if (seen.has(id)) throw badUserInputError(`${argument}.id`, 'must differ from those before.');
    seen.add(id);
  }
  return items;
}

export const hasCustomData = (input: unknown): boolean =>
  typeof input === 'object' && input !== null && 'customData' in input;

/** An update of custom data reads it first. */
export const callsOfUpdate = (input: unknown): number => (hasCustomData(input) ? 2 : 1);

export const callsOfUpdates = (updates: unknown): number =>
  Array.isArray(updates)
    ? updates.reduce<number>(
        (calls, update: unknown) =>
          calls +
          callsOfUpdate(
            typeof update === 'object' && update !== null && 'input' in update
              ? update.input
              : undefined,
          ),
        0,
      )
    : 1;

interface Pair {
  readonly property: string;
  readonly value: unknown;
}

/**
 * All custom data of a customer after a change, because it is unknown whether HelpCrunch keeps what a request omits. The changed values are
 * first, in the order of the client.
 */
function mergedCustomData(
  changes: Readonly<Record<string, unknown>>,
  current: Readonly<Record<string, unknown>> = {},
): readonly Pair[] {
  const others = Object.entries(current).filter(([name]) => !Object.hasOwn(changes, name));
  return [...Object.entries(changes), ...others].map(([property, value]) => ({ property, value }));
}

export const wireTag = ({ name, color }: TagInput) => ({
  name,
  ...(typeof color === 'string' ? { color } : {}),
});

/** Times are texts of whole seconds. */
const wireValue = (value: unknown): unknown =>
  value instanceof Date ? String(Math.floor(value.getTime() / 1000)) : value;

/** The body of a request that sets these values. */
export function wireCustomer(
  { tags, customData, ...values }: CustomerValues,
  current: Readonly<Record<string, unknown>> = {},
) {
  return {
    ...Object.fromEntries(Object.entries(values).map(([name, value]) => [name, wireValue(value)])),
    ...(tags ? { tags: tags.map(wireTag) } : {}),
    ...(customData ? { customData: mergedCustomData(customData, current) } : {}),
  };
}

/** The body of a request that creates a customer: null is the same as an omitted value. */
export const wireNewCustomer = (input: CustomerValues) =>
  wireCustomer(Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null)));

const inputNames: Readonly<Record<keyof CustomerValues, true>> = {
  userId: true,
  name: true,
  email: true,
  company: true,
  phone: true,
  firstSeen: true,
  lastSeen: true,
  unsubscribed: true,
  blocked: true,
  source: true,
  referer: true,
  lastPage: true,
  locale: true,
  createdFrom: true,
  integrationId: true,
  notes: true,
  tags: true,
  customData: true,
};

/** The argument that a property of the request comes from, such as `input.customData.plan` for `customData[2].value`. */
export function customerArgument(
  property: string,
  input: CustomerValues,
  argument: string,
): string | undefined {
  const [, index] = /^customData\[(\d+)\]/.exec(property) ?? [];
  if (index !== undefined) {
    const name = Object.keys(input.customData ?? {})[Number(index)];
    return `${argument}.customData${name === undefined ? '' : `.${name}`}`;
  }
  const [root = ''] = /^\w+/.exec(property) ?? [];
  return Object.hasOwn(inputNames, root) ? `${argument}.${property}` : undefined;
}

/** Maps a property of the request's tags, such as `tags[1].name`, to the argument that contains the tags. */
export const tagArgumentMapper =
  (argument: string) =>
  (property: string): string | undefined =>
    /^tags\b/.test(property) ? property.replace('tags', argument) : undefined;

/** The names of attributes that differ from what the client has set: HelpCrunch ignores unregistered ones. */
export const missingCustomData = (
  changes: Readonly<Record<string, unknown>>,
  { customData }: Pick<Customer, 'customData'>,
): readonly string[] =>
  Object.entries(changes)
    .filter(([name, value]) => {
      const stored = Object.hasOwn(customData, name) ? customData[name] : null;
      return (value === null) !== (stored === null);
    })
    .map(([name]) => name);
