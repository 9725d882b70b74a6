import type { Sight } from '../support/sight.ts';
import { badUserInput } from '../support/clientError.ts';
import { helpdeskId } from '../support/ids.ts';

/** The helpdesk's search grammar: one flat list of conditions under one AND or one OR. */
export interface Condition {
  readonly field: string;
  readonly operator: '=' | '!=' | '>' | '<' | '>=' | '<=' | '~' | '!~';
  readonly value: string | number | readonly { readonly name: string }[];
}

export interface Search {
  readonly comparison: 'AND' | 'OR';
  readonly filter: readonly Condition[];
}

/** How many conditions one call may hold; the helpdesk does not say, and has been seen to take this many. */
export const maxConditions = 100;

const maxTags = 50;

export const only = (condition: Condition): Search => ({ comparison: 'AND', filter: [condition] });

const isAlternative = ({ comparison, filter }: Search): boolean =>
  comparison === 'OR' && filter.length > 1;

function counted(argument: string, search: Search): Search {
  if (search.filter.length <= maxConditions) return search;
  throw badUserInput(argument, `Give at most ${maxConditions} conditions in all.`);
}

/** All of `parts`; refuses an OR beside anything else. */
export function allOf(argument: string, parts: readonly Search[]): Search {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  if (parts.some(isAlternative)) {
    throw badUserInput(
      argument,
      'The helpdesk joins conditions by one AND or by one OR, so a choice of several cannot stand beside other conditions.',
    );
  }
  const filter = parts.flatMap((part) => part.filter);
  return counted(argument, { comparison: 'AND', filter });
}

/** What of `search` is in sight, undefined when nothing can be; refuses a choice of several, which cannot be narrowed. */
export function narrowedTo(
  sight: Sight,
  search: Search,
  isOf: (argument: string, customerId: string) => Search,
): Search | undefined {
  if (sight.isWhole) return search;
  const { customerId } = sight;
  return customerId === null ? undefined : narrowed('filter', search, isOf('filter', customerId));
}

function narrowed(argument: string, search: Search, limit: Search): Search {
  if (!isAlternative(search)) return allOf(argument, [search, limit]);
  throw badUserInput(
    argument,
    'Your lists hold nothing but what is yours, and the helpdesk cannot say that beside a choice of several. ' +
      'Ask for each alternative on its own.',
  );
}

/** Any of `parts`; refuses an AND as one of several. */
export function anyOf(argument: string, parts: readonly Search[]): Search {
  if (parts.some(({ filter }) => filter.length === 0)) {
    throw badUserInput(argument, 'Give a condition in each alternative.');
  }
  const [first] = parts;
  if (first === undefined) throw badUserInput(argument, 'Give at least one alternative.');
  if (parts.length === 1) return first;
  if (parts.some((part) => part.filter.length > 1 && !isAlternative(part))) {
    throw badUserInput(
      argument,
      'The helpdesk joins conditions by one AND or by one OR, so each alternative can hold one condition only.',
    );
  }
  const filter = parts.flatMap((part) => part.filter);
  return counted(argument, { comparison: 'OR', filter });
}

/** Refuses null: the helpdesk cannot look for what is absent, and "no condition" is said by leaving it out. */
function given<Value>(argument: string, value: Value | null | undefined): Value | undefined {
  if (value !== null) return value;
  throw badUserInput(
    argument,
    'The helpdesk cannot look for what is absent. For no condition, leave this out.',
  );
}

export function filled(argument: string, text: unknown): string {
  if (typeof text === 'string' && text !== '') return text;
  throw badUserInput(argument, 'Give a text that is not empty.');
}

export function listed<Item>(
  argument: string,
  items: readonly Item[],
  most: number,
): readonly Item[] {
  if (items.length >= 1 && items.length <= most) return items;
  throw badUserInput(argument, `Give 1 to ${most}.`);
}

/** Turns the value of one argument into conditions; a `badInput` for a value that makes none. */
export type Write<Value> = (argument: string, value: Value) => Search;

/** The conditions of an argument that may be left out. */
export function part<Value>(
  argument: string,
  value: Value | null | undefined,
  write: Write<Value>,
): readonly Search[] {
  const condition = given(argument, value);
  return condition === undefined ? [] : [write(argument, condition)];
}

export const hasId =
  (field: string): Write<string> =>
  (argument, id) =>
    only({ field, operator: '=', value: Number(helpdeskId(argument, id)) });

export const hasText =
  (field: string, operator: Condition['operator'] = '='): Write<string> =>
  (argument, text) =>
    only({ field, operator, value: filled(argument, text) });

/** Those who have all the tags. */
export const tagged =
  (field: string): Write<readonly string[]> =>
  (argument, tags) => {
    const value = listed(argument, tags, maxTags).map((name) => ({ name: filled(argument, name) }));
    return only({ field, operator: '=', value });
  };

interface TimeRange {
  readonly from?: Date | null;
  readonly to?: Date | null;
}

/** Both ends count. The helpdesk compares whole seconds. */
export const within =
  (field: string): Write<TimeRange> =>
  (argument, { from, to }) => {
    if (from && to && from > to) throw badUserInput(argument, 'Give a from that is not after to.');
    const ends = [
      ...part(`${argument}.from`, from, (_at, time) =>
        only({ field, operator: '>=', value: Math.ceil(time.getTime() / 1000) }),
      ),
      ...part(`${argument}.to`, to, (_at, time) =>
        only({ field, operator: '<=', value: Math.floor(time.getTime() / 1000) }),
      ),
    ];
    if (ends.length === 0) throw badUserInput(argument, 'Give from, to or both.');
    return allOf(argument, ends);
  };

interface TextMatch {
  readonly equals?: string | null;
  readonly contains?: string | null;
}

export const matching =
  (field: string): Write<TextMatch> =>
  (argument, { equals, contains }) => {
    const ways = [
      ...part(`${argument}.equals`, equals, hasText(field)),
      ...part(`${argument}.contains`, contains, hasText(field, '~')),
    ];
    if (ways.length === 0) throw badUserInput(argument, 'Give equals, contains or both.');
    return allOf(argument, ways);
  };
