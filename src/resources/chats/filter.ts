import type { ChatFilter, ChatOrder } from '../../graphql/generated.ts';
import { badUserInputError } from '../../lib/clientError.ts';
import { encodeEnum } from '../../upstream/decode.ts';
import type { UpstreamSort } from '../../upstream/lists.ts';
import type { FilterCondition, UpstreamFilter, FilterBuilder } from '../../upstream/filters.ts';
import {
  allOf,
  anyOfEach,
  idEquals,
  textEquals,
  singleCondition,
  optionalFilter,
  hasAllTags,
  maxConditions,
  timeBetween,
} from '../../upstream/filters.ts';
import { chatRatings, chatStatuses } from './model.ts';

const sortFields = {
  CREATED_AT: 'chats.createdAt',
  LAST_MESSAGE_AT: 'chats.lastMessageAt',
  LAST_CUSTOMER_MESSAGE_AT: 'chats.lastCustomerMessageAt',
  CLOSED_AT: 'chats.closedAt',
} as const;

export const chatSort = ({ field, direction }: ChatOrder): UpstreamSort => ({
  sort: sortFields[field],
  order: direction === 'ASC' ? 'asc' : 'desc',
});

function enumEquals<Name extends string>(
  field: string,
  valuesBySpelling: Readonly<Record<string, Name>>,
  operator: FilterCondition['operator'] = '=',
): FilterBuilder<Name | 'UNKNOWN'> {
  return (argument, name) => {
    const value = encodeEnum(valuesBySpelling, name);
    if (value === undefined) {
      throw badUserInputError(argument, 'UNKNOWN cannot be searched for.');
    }
    return singleCondition({ field, operator, value });
  };
}

const statusField = 'chats.status';
const onHoldSpellings = Object.entries(chatStatuses).flatMap(([spelling, status]) =>
  status === 'ON_HOLD' ? [spelling] : [],
);

const isOnHold = ({ field, value }: FilterCondition): boolean =>
  field === statusField && value === onHoldSpellings[0];

/**
 * Which spelling HelpCrunch's search accepts for on-hold is unknown, and a wrong one finds nothing. Where the grammar allows it, the
 * filter has all of them: `=` joined by OR, `!=` joined by AND. Otherwise it has the given one.
 */
export function spellOnHold(filter: UpstreamFilter, spelling: string): UpstreamFilter {
  if (!filter.filter.some(isOnHold)) return filter;
  const [first] = filter.filter;
  // A single condition may be joined by either.
  const isSingle = filter.filter.length === 1;
  const comparison = isSingle ? (first?.operator === '=' ? 'OR' : 'AND') : filter.comparison;
  const operator = comparison === 'OR' ? '=' : '!=';
  const spelledBy = (spellings: readonly string[]) =>
    filter.filter.flatMap((condition) => {
      if (!isOnHold(condition)) return [condition];
      const values = condition.operator === operator ? spellings : [spelling];
      return values.map((value) => ({ ...condition, value }));
    });
  const conditions = spelledBy(onHoldSpellings);
  const isTooLong = conditions.length > maxConditions;
  return { comparison, filter: isTooLong ? spelledBy([spelling]) : conditions };
}

/** The filter in the grammar of HelpCrunch; `badInput` for a filter that cannot be expressed in it. */
export function chatFilter(input: ChatFilter, argumentPath = 'filter'): UpstreamFilter {
  return allOf(argumentPath, [
    ...optionalFilter(
      `${argumentPath}.status`,
      input.status,
      enumEquals(statusField, chatStatuses),
    ),
    ...optionalFilter(
      `${argumentPath}.statusNot`,
      input.statusNot,
      enumEquals(statusField, chatStatuses, '!='),
    ),
    ...optionalFilter(`${argumentPath}.assigneeId`, input.assigneeId, idEquals('chats.assignee')),
    ...optionalFilter(`${argumentPath}.agentId`, input.agentId, idEquals('chats.agents')),
    ...optionalFilter(
      `${argumentPath}.departmentId`,
      input.departmentId,
      idEquals('chats.department'),
    ),
    ...optionalFilter(`${argumentPath}.customerId`, input.customerId, idEquals('chats.customer')),
    ...optionalFilter(
      `${argumentPath}.customerEmail`,
      input.customerEmail,
      textEquals('chats.customer.email'),
    ),
    ...optionalFilter(
      `${argumentPath}.customerUserId`,
      input.customerUserId,
      textEquals('chats.customer.userId'),
    ),
    ...optionalFilter(
      `${argumentPath}.customerTags`,
      input.customerTags,
      hasAllTags('chats.customer.tagsData'),
    ),
    ...optionalFilter(
      `${argumentPath}.rating`,
      input.rating,
      enumEquals('chats.rating', chatRatings),
    ),
    ...optionalFilter(`${argumentPath}.createdAt`, input.createdAt, timeBetween('chats.createdAt')),
    ...optionalFilter(`${argumentPath}.closedAt`, input.closedAt, timeBetween('chats.closedAt')),
    ...optionalFilter(`${argumentPath}.anyOf`, input.anyOf, (argument, alternatives) =>
      anyOfEach(argument, alternatives, chatFilter),
    ),
  ]);
}
