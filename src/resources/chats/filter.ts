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

/** The filter in the grammar of HelpCrunch; `badInput` for a filter that cannot be expressed in it. */
export function chatFilter(input: ChatFilter, argumentPath = 'filter'): UpstreamFilter {
  return allOf(argumentPath, [
    ...optionalFilter(
      `${argumentPath}.status`,
      input.status,
      enumEquals('chats.status', chatStatuses),
    ),
    ...optionalFilter(
      `${argumentPath}.statusNot`,
      input.statusNot,
      enumEquals('chats.status', chatStatuses, '!='),
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
