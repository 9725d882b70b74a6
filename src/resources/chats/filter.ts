import type { ChatFilter, ChatOrder, ChatStatus } from '../../graphql/generated.ts';
import { badUserInputError } from '../../lib/clientError.ts';
import type { RowOrder } from '../../lib/cursors.ts';
import { encodeEnum } from '../../upstream/decode.ts';
import type { UpstreamSort } from '../../upstream/lists.ts';
import type {
  FilterBuilder,
  FilterBuilders,
  FilterCondition,
  UpstreamFilter,
} from '../../upstream/filters.ts';
import {
  allOf,
  allOfFields,
  anyOfEach,
  idEquals,
  textEquals,
  singleCondition,
  hasAllTags,
  maxConditions,
  requireLength,
  timeBetween,
} from '../../upstream/filters.ts';
import type { Chat } from './model.ts';
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

const sortKeys: Readonly<Record<ChatOrder['field'], (chat: Chat) => number | null>> = {
  CREATED_AT: ({ createdAt }) => createdAt,
  LAST_MESSAGE_AT: ({ lastMessageAt }) => lastMessageAt,
  LAST_CUSTOMER_MESSAGE_AT: ({ lastCustomerMessageAt }) => lastCustomerMessageAt,
  CLOSED_AT: ({ closedAt }) => closedAt,
};

export const chatRowOrder = ({ field, direction }: ChatOrder): RowOrder<Chat> => ({
  keyOf: sortKeys[field],
  isDescending: direction === 'DESC',
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
export function expandOnHoldSpellings(filter: UpstreamFilter, spelling: string): UpstreamFilter {
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

const statusEquals = enumEquals(statusField, chatStatuses);
const statusDiffers = enumEquals(statusField, chatStatuses, '!=');

const allStatuses = [...new Set(Object.values(chatStatuses))];

/** The status is none of the values. */
const statusIsNone: FilterBuilder<readonly ChatStatus[]> = (argument, statuses) =>
  allOf(
    argument,
    [...new Set(requireLength(argument, statuses, allStatuses.length))].map((status) =>
      statusDiffers(argument, status),
    ),
  );

/** HelpCrunch has no IN, and an OR could not be combined with other conditions: the status is none of the other values. */
const statusIsAny: FilterBuilder<readonly ChatStatus[]> = (argument, statuses) => {
  for (const status of requireLength(argument, statuses, allStatuses.length)) {
    statusEquals(argument, status);
  }
  const others = allStatuses.filter((status) => !statuses.includes(status));
  return allOf(
    argument,
    others.map((status) => statusDiffers(argument, status)),
  );
};

const conditions: FilterBuilders<ChatFilter> = {
  status: statusEquals,
  statusNot: statusDiffers,
  statusIn: statusIsAny,
  statusNotIn: statusIsNone,
  assigneeId: idEquals('chats.assignee'),
  assigneeIdNot: idEquals('chats.assignee', '!='),
  agentId: idEquals('chats.agents'),
  departmentId: idEquals('chats.department'),
  departmentIdNot: idEquals('chats.department', '!='),
  customerId: idEquals('chats.customer'),
  customerEmail: textEquals('chats.customer.email'),
  customerUserId: textEquals('chats.customer.userId'),
  customerTags: hasAllTags('chats.customer.tagsData'),
  rating: enumEquals('chats.rating', chatRatings),
  ratingNot: enumEquals('chats.rating', chatRatings, '!='),
  createdAt: timeBetween('chats.createdAt'),
  closedAt: timeBetween('chats.closedAt'),
  anyOf: (argument, alternatives) => anyOfEach(argument, alternatives, chatFilter),
};

/** The filter in the grammar of HelpCrunch; `badInput` for a filter that cannot be expressed in it. */
export function chatFilter(input: ChatFilter, argument = 'filter'): UpstreamFilter {
  return allOfFields(conditions, input, argument);
}
