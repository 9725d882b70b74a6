import type { VisibilityScope } from '../lib/visibility.ts';
import { badUserInputError, forbiddenError } from '../lib/clientError.ts';
import { parseUpstreamId } from '../lib/ids.ts';

/** One condition of HelpCrunch's search grammar. */
export interface FilterCondition {
  readonly field: string;
  readonly operator: '=' | '!=' | '>' | '<' | '>=' | '<=' | '~' | '!~';
  readonly value: string | number | readonly { readonly name: string }[];
}

/** HelpCrunch's search grammar: a flat list of conditions, joined by one AND or one OR. */
export interface UpstreamFilter {
  readonly comparison: 'AND' | 'OR';
  readonly filter: readonly FilterCondition[];
}

/** Turns the value of an argument into conditions. Throws a `ClientError` if HelpCrunch cannot express them. */
export type FilterBuilder<Value> = (argument: string, value: Value) => UpstreamFilter;

/** Conditions per call. The limit is undocumented; HelpCrunch has been observed to accept this many. */
export const maxConditions = 100;

const maxTags = 50;

const tooManyConditions = (argument: string) =>
  badUserInputError(argument, `must contain at most ${maxConditions} conditions in total.`);

export const singleCondition = (condition: FilterCondition): UpstreamFilter => ({
  comparison: 'AND',
  filter: [condition],
});

const isDisjunction = ({ comparison, filter }: UpstreamFilter): boolean =>
  comparison === 'OR' && filter.length > 1;

function join(
  argument: string,
  comparison: UpstreamFilter['comparison'],
  filters: readonly UpstreamFilter[],
): UpstreamFilter {
  const conditions = filters.flatMap(({ filter }) => filter);
  if (conditions.length > maxConditions) throw tooManyConditions(argument);
  return { comparison, filter: conditions };
}

/** The conjunction of filters. Throws if one of several is a disjunction. */
export function allOf(argument: string, filters: readonly UpstreamFilter[]): UpstreamFilter {
  const [first] = filters;
  if (first !== undefined && filters.length === 1) return first;
  if (!filters.some(isDisjunction)) return join(argument, 'AND', filters);
  throw badUserInputError(
    argument,
    'HelpCrunch joins conditions by one AND or by one OR: alternatives (anyOf, or several ids or userIds) cannot be combined with other conditions. Query each alternative separately, with all of its conditions.',
  );
}

/** The filter with one more condition; undefined if HelpCrunch cannot express it. */
export function addCondition(
  filter: UpstreamFilter,
  condition: FilterCondition,
): UpstreamFilter | undefined {
  if (isDisjunction(filter) || filter.filter.length >= maxConditions) return undefined;
  return { comparison: 'AND', filter: [...filter.filter, condition] };
}

/** A customer who may filter by its tags could find out which it has. */
const staffConditions: ReadonlySet<string> = new Set([
  'chats.customer.tagsData',
  'customers.tagsData',
]);

/** The filter restricted to what the viewer may see; undefined if that is nothing. Throws for a disjunction. */
export function restrictToScope(
  scope: VisibilityScope,
  filter: UpstreamFilter,
  ownedBy: FilterBuilder<string>,
): UpstreamFilter | undefined {
  if (scope.isUnrestricted) return filter;
  if (filter.filter.some(({ field }) => staffConditions.has(field)))
    throw forbiddenError('filter: conditions on tags are not available to customers.');
  if (scope.customerId === null) return undefined;
  if (!isDisjunction(filter)) return allOf('filter', [filter, ownedBy('filter', scope.customerId)]);
  throw badUserInputError(
    'filter',
    'HelpCrunch cannot restrict alternatives (anyOf, ids, userIds) to your own objects. Query each alternative separately.',
  );
}

/** The disjunction of filters. Throws if one of several is a conjunction. */
export function anyOf(argument: string, filters: readonly UpstreamFilter[]): UpstreamFilter {
  const [first] = filters;
  if (first === undefined)
    throw badUserInputError(argument, 'must contain at least one alternative.');
  if (filters.some(({ filter }) => filter.length === 0))
    throw badUserInputError(argument, 'must contain a condition in each alternative.');
  if (filters.length === 1) return first;
  if (!filters.some((each) => each.filter.length > 1 && !isDisjunction(each)))
    return join(argument, 'OR', filters);
  throw badUserInputError(
    argument,
    'HelpCrunch joins conditions by one AND or by one OR: each alternative can contain one condition only. Query each alternative separately.',
  );
}

/** `anyOf` of the filters of the alternatives, whose number is checked before any of them is built. */
export function anyOfEach<Alternative>(
  argument: string,
  alternatives: readonly Alternative[],
  build: (alternative: Alternative, argument: string) => UpstreamFilter,
): UpstreamFilter {
  if (alternatives.length > maxConditions) throw tooManyConditions(argument);
  return anyOf(
    argument,
    alternatives.map((alternative) => build(alternative, argument)),
  );
}

export function requireNonEmpty(argument: string, text: unknown): string {
  if (typeof text === 'string' && text !== '') return text;
  throw badUserInputError(argument, 'must not be empty.');
}

export function requireLength<Item>(
  argument: string,
  items: readonly Item[],
  maxLength: number,
): readonly Item[] {
  if (items.length >= 1 && items.length <= maxLength) return items;
  throw badUserInputError(argument, `must contain 1 to ${maxLength} items.`);
}

/** The conditions of an optional argument. Null is rejected: a variable that was forgotten must not widen a list. */
function optionalFilter<Value>(
  argument: string,
  value: Value | null | undefined,
  build: FilterBuilder<Value>,
): readonly UpstreamFilter[] {
  if (value !== null) return value === undefined ? [] : [build(argument, value)];
  throw badUserInputError(
    argument,
    'must not be null, because HelpCrunch cannot search for absent values. Omit it for no condition.',
  );
}

/** One builder for each field of a filter input. */
export type FilterBuilders<Input> = {
  readonly [Name in keyof Input]-?: FilterBuilder<NonNullable<Input[Name]>>;
};

/** The conjunction of the fields of a filter input, in the order of the builders. */
export function allOfFields<Input extends object>(
  builders: FilterBuilders<Input>,
  input: Input,
  argument: string,
): UpstreamFilter;
export function allOfFields(
  builders: FilterBuilders<Readonly<Record<string, unknown>>>,
  input: Readonly<Record<string, unknown>>,
  argument: string,
): UpstreamFilter {
  return allOf(
    argument,
    Object.entries(builders).flatMap(([name, build]) =>
      optionalFilter(`${argument}.${name}`, input[name], build),
    ),
  );
}

export const idEquals =
  (field: string, operator: FilterCondition['operator'] = '='): FilterBuilder<string> =>
  (argument, id) =>
    singleCondition({ field, operator, value: Number(parseUpstreamId(argument, id)) });

export const textEquals =
  (field: string, operator: FilterCondition['operator'] = '='): FilterBuilder<string> =>
  (argument, text) =>
    singleCondition({ field, operator, value: requireNonEmpty(argument, text) });

export const hasAllTags =
  (field: string): FilterBuilder<readonly string[]> =>
  (argument, tags) => {
    const value = requireLength(argument, tags, maxTags).map((name) => ({
      name: requireNonEmpty(argument, name),
    }));
    return singleCondition({ field, operator: '=', value });
  };

function allOfTwo(
  argument: string,
  names: string,
  filters: readonly UpstreamFilter[],
): UpstreamFilter {
  if (filters.length > 0) return allOf(argument, filters);
  throw badUserInputError(argument, `must contain ${names} or both.`);
}

interface TimeRange {
  readonly from?: Date | null;
  readonly to?: Date | null;
}

/** Both ends are inclusive. HelpCrunch compares whole seconds. */
export const timeBetween =
  (field: string): FilterBuilder<TimeRange> =>
  (argument, { from, to }) => {
    if (from && to && from > to) throw badUserInputError(argument, 'from must not be after to.');
    return allOfTwo(argument, 'from, to', [
      ...optionalFilter(`${argument}.from`, from, (_argument, time) =>
        singleCondition({ field, operator: '>=', value: Math.ceil(time.getTime() / 1000) }),
      ),
      ...optionalFilter(`${argument}.to`, to, (_argument, time) =>
        singleCondition({ field, operator: '<=', value: Math.floor(time.getTime() / 1000) }),
      ),
    ]);
  };

interface TextFilter {
  readonly equals?: string | null;
  readonly contains?: string | null;
}

export const textMatches =
  (field: string): FilterBuilder<TextFilter> =>
  (argument, { equals, contains }) =>
    allOfTwo(argument, 'equals, contains', [
      ...optionalFilter(`${argument}.equals`, equals, textEquals(field)),
      ...optionalFilter(`${argument}.contains`, contains, textEquals(field, '~')),
    ]);
