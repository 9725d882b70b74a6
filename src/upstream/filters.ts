import type { VisibilityScope } from '../lib/visibility.ts';
import { badUserInputError } from '../lib/clientError.ts';
import { parseUpstreamId } from '../lib/ids.ts';

/** The helpdesk's search grammar: one flat list of conditions under one AND or one OR. */
export interface FilterCondition {
  readonly field: string;
  readonly operator: '=' | '!=' | '>' | '<' | '>=' | '<=' | '~' | '!~';
  readonly value: string | number | readonly { readonly name: string }[];
}

export interface UpstreamFilter {
  readonly comparison: 'AND' | 'OR';
  readonly filter: readonly FilterCondition[];
}

/** How many conditions one call may hold; the helpdesk does not say, and has been seen to take this many. */
export const maxConditions = 100;

const tooManyConditions = (argument: string) =>
  badUserInputError(argument, `Give at most ${maxConditions} conditions in all.`);

const maxTags = 50;

export const singleCondition = (condition: FilterCondition): UpstreamFilter => ({
  comparison: 'AND',
  filter: [condition],
});

const isDisjunction = ({ comparison, filter }: UpstreamFilter): boolean =>
  comparison === 'OR' && filter.length > 1;

function requireConditionCount(argument: string, filter: UpstreamFilter): UpstreamFilter {
  if (filter.filter.length <= maxConditions) return filter;
  throw tooManyConditions(argument);
}

/** All of `parts`; refuses an OR beside anything else. */
export function allOf(argument: string, filters: readonly UpstreamFilter[]): UpstreamFilter {
  const [first] = filters;
  if (first !== undefined && filters.length === 1) return first;
  if (filters.some(isDisjunction)) {
    throw badUserInputError(
      argument,
      'The helpdesk joins conditions by one AND or by one OR, so a choice of several cannot stand beside other conditions.',
    );
  }
  const conditions = filters.flatMap((filter) => filter.filter);
  return requireConditionCount(argument, { comparison: 'AND', filter: conditions });
}

/** What of `search` is in sight, undefined when nothing can be; refuses a choice of several, which cannot be narrowed. */
export function restrictToScope(
  scope: VisibilityScope,
  filter: UpstreamFilter,
  ownedBy: (argument: string, customerId: string) => UpstreamFilter,
): UpstreamFilter | undefined {
  if (scope.isUnrestricted) return filter;
  const { customerId } = scope;
  return customerId === null
    ? undefined
    : restrict('filter', filter, ownedBy('filter', customerId));
}

function restrict(
  argument: string,
  filter: UpstreamFilter,
  restriction: UpstreamFilter,
): UpstreamFilter {
  if (!isDisjunction(filter)) return allOf(argument, [filter, restriction]);
  throw badUserInputError(
    argument,
    'Your lists hold nothing but what is yours, and the helpdesk cannot say that beside a choice of several. ' +
      'Ask for each alternative on its own.',
  );
}

/** Any of `parts`; refuses an AND as one of several. */
export function anyOf(argument: string, filters: readonly UpstreamFilter[]): UpstreamFilter {
  if (filters.some(({ filter: conditions }) => conditions.length === 0)) {
    throw badUserInputError(argument, 'Give a condition in each alternative.');
  }
  const [first] = filters;
  if (first === undefined) throw badUserInputError(argument, 'Give at least one alternative.');
  if (filters.length === 1) return first;
  if (filters.some((filter) => filter.filter.length > 1 && !isDisjunction(filter))) {
    throw badUserInputError(
      argument,
      'The helpdesk joins conditions by one AND or by one OR, so each alternative can hold one condition only.',
    );
  }
  const conditions = filters.flatMap((filter) => filter.filter);
  return requireConditionCount(argument, { comparison: 'OR', filter: conditions });
}

/** `anyOf` of what `build` makes of each alternative; too many are rejected before any is read. */
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

/** Refuses null: the helpdesk cannot look for what is absent, and "no condition" is said by leaving it out. */
function requireNotNull<Value>(
  argument: string,
  value: Value | null | undefined,
): Value | undefined {
  if (value !== null) return value;
  throw badUserInputError(
    argument,
    'The helpdesk cannot look for what is absent. For no condition, leave this out.',
  );
}

export function requireNonEmpty(argument: string, text: unknown): string {
  if (typeof text === 'string' && text !== '') return text;
  throw badUserInputError(argument, 'Give a text that is not empty.');
}

export function requireLength<Item>(
  argument: string,
  items: readonly Item[],
  maxLength: number,
): readonly Item[] {
  if (items.length >= 1 && items.length <= maxLength) return items;
  throw badUserInputError(argument, `Give 1 to ${maxLength}.`);
}

/** Turns the value of one argument into conditions; a `badInput` for a value that makes none. */
export type FilterBuilder<Value> = (argument: string, value: Value) => UpstreamFilter;

/** The conditions of an argument that may be left out. */
export function optionalFilter<Value>(
  argument: string,
  value: Value | null | undefined,
  build: FilterBuilder<Value>,
): readonly UpstreamFilter[] {
  const condition = requireNotNull(argument, value);
  return condition === undefined ? [] : [build(argument, condition)];
}

export const idEquals =
  (field: string): FilterBuilder<string> =>
  (argument, id) =>
    singleCondition({ field, operator: '=', value: Number(parseUpstreamId(argument, id)) });

export const textEquals =
  (field: string, operator: FilterCondition['operator'] = '='): FilterBuilder<string> =>
  (argument, text) =>
    singleCondition({ field, operator, value: requireNonEmpty(argument, text) });

/** Those who have all the tags. */
export const hasAllTags =
  (field: string): FilterBuilder<readonly string[]> =>
  (argument, tags) => {
    const value = requireLength(argument, tags, maxTags).map((name) => ({
      name: requireNonEmpty(argument, name),
    }));
    return singleCondition({ field, operator: '=', value });
  };

interface DateTimeRange {
  readonly from?: Date | null;
  readonly to?: Date | null;
}

/** Both ends count. The helpdesk compares whole seconds. */
export const timeBetween =
  (field: string): FilterBuilder<DateTimeRange> =>
  (argument, { from, to }) => {
    if (from && to && from > to)
      throw badUserInputError(argument, 'Give a from that is not after to.');
    const bounds = [
      ...optionalFilter(`${argument}.from`, from, (_at, time) =>
        singleCondition({ field, operator: '>=', value: Math.ceil(time.getTime() / 1000) }),
      ),
      ...optionalFilter(`${argument}.to`, to, (_at, time) =>
        singleCondition({ field, operator: '<=', value: Math.floor(time.getTime() / 1000) }),
      ),
    ];
    if (bounds.length === 0) throw badUserInputError(argument, 'Give from, to or both.');
    return allOf(argument, bounds);
  };

interface TextFilter {
  readonly equals?: string | null;
  readonly contains?: string | null;
}

export const textMatches =
  (field: string): FilterBuilder<TextFilter> =>
  (argument, { equals, contains }) => {
    const filters = [
      ...optionalFilter(`${argument}.equals`, equals, textEquals(field)),
      ...optionalFilter(`${argument}.contains`, contains, textEquals(field, '~')),
    ];
    if (filters.length === 0) throw badUserInputError(argument, 'Give equals, contains or both.');
    return allOf(argument, filters);
  };
