import type { ChatFilter, ChatOrder, ChatRating, ChatStatus } from '../../graphql/generated.ts';
import { badUserInputError } from '../../lib/clientError.ts';
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

const statuses: Readonly<Record<ChatStatus, string | null>> = {
  NEW: 'new',
  OPENED: 'opened',
  PENDING: 'pending',
  ON_HOLD: 'on hold',
  NO_COMMUNICATION: 'no communication',
  CLOSED: 'closed',
  EMPTY: 'empty',
  UNKNOWN: null,
};

const ratings: Readonly<Record<ChatRating, string | null>> = {
  PERFECT: 'perfect',
  GREAT: 'great',
  AVERAGE: 'average',
  POOR: 'poor',
  VERY_POOR: 'very poor',
  UNKNOWN: null,
};

function spellingEquals<Name extends string>(
  field: string,
  spelling: Readonly<Record<Name, string | null>>,
  operator: FilterCondition['operator'] = '=',
): FilterBuilder<Name> {
  return (argument, name) => {
    const value = spelling[name];
    if (value === null) throw badUserInputError(argument, 'The helpdesk cannot look for UNKNOWN.');
    return singleCondition({ field, operator, value });
  };
}

/** The conditions of a filter in the helpdesk's words; a `badInput` for what it cannot express. */
export function chatFilter(input: ChatFilter, argumentPath = 'filter'): UpstreamFilter {
  return allOf(argumentPath, [
    ...optionalFilter(
      `${argumentPath}.status`,
      input.status,
      spellingEquals('chats.status', statuses),
    ),
    ...optionalFilter(
      `${argumentPath}.statusNot`,
      input.statusNot,
      spellingEquals('chats.status', statuses, '!='),
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
      spellingEquals('chats.rating', ratings),
    ),
    ...optionalFilter(`${argumentPath}.createdAt`, input.createdAt, timeBetween('chats.createdAt')),
    ...optionalFilter(`${argumentPath}.closedAt`, input.closedAt, timeBetween('chats.closedAt')),
    ...optionalFilter(`${argumentPath}.anyOf`, input.anyOf, (argument, alternatives) =>
      anyOfEach(argument, alternatives, chatFilter),
    ),
  ]);
}
