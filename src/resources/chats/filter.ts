import type { ChatFilter, ChatOrder, ChatRating, ChatStatus } from '../../graphql/generated.ts';
import { badUserInput } from '../../support/clientError.ts';
import type { Sort } from '../../upstream/lists.ts';
import type { Condition, Search, Write } from '../../upstream/search.ts';
import { allOf, anyOf, hasId, hasText, only, part, tagged, within } from '../../upstream/search.ts';

const sortFields = {
  CREATED_AT: 'chats.createdAt',
  LAST_MESSAGE_AT: 'chats.lastMessageAt',
  LAST_CUSTOMER_MESSAGE_AT: 'chats.lastCustomerMessageAt',
  CLOSED_AT: 'chats.closedAt',
} as const;

export const chatSort = ({ field, direction }: ChatOrder): Sort => ({
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

function spelt<Name extends string>(
  field: string,
  spelling: Readonly<Record<Name, string | null>>,
  operator: Condition['operator'] = '=',
): Write<Name> {
  return (argument, name) => {
    const value = spelling[name];
    if (value === null) throw badUserInput(argument, 'The helpdesk cannot look for UNKNOWN.');
    return only({ field, operator, value });
  };
}

/** The conditions of a filter in the helpdesk's words; a `badInput` for what it cannot express. */
export function chatSearch(filter: ChatFilter, at = 'filter'): Search {
  return allOf(at, [
    ...part(`${at}.status`, filter.status, spelt('chats.status', statuses)),
    ...part(`${at}.statusNot`, filter.statusNot, spelt('chats.status', statuses, '!=')),
    ...part(`${at}.assigneeId`, filter.assigneeId, hasId('chats.assignee')),
    ...part(`${at}.agentId`, filter.agentId, hasId('chats.agents')),
    ...part(`${at}.departmentId`, filter.departmentId, hasId('chats.department')),
    ...part(`${at}.customerId`, filter.customerId, hasId('chats.customer')),
    ...part(`${at}.customerEmail`, filter.customerEmail, hasText('chats.customer.email')),
    ...part(`${at}.customerUserId`, filter.customerUserId, hasText('chats.customer.userId')),
    ...part(`${at}.customerTags`, filter.customerTags, tagged('chats.customer.tagsData')),
    ...part(`${at}.rating`, filter.rating, spelt('chats.rating', ratings)),
    ...part(`${at}.createdAt`, filter.createdAt, within('chats.createdAt')),
    ...part(`${at}.closedAt`, filter.closedAt, within('chats.closedAt')),
    ...part(`${at}.anyOf`, filter.anyOf, (argument, alternatives) =>
      anyOf(
        argument,
        alternatives.map((alternative) => chatSearch(alternative, argument)),
      ),
    ),
  ]);
}
