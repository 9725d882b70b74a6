import type { CustomerFilter, CustomerOrder } from '../../graphql/generated.ts';
import type { Sort } from '../../upstream/lists.ts';
import type { Search, Write } from '../../upstream/search.ts';
import {
  allOf,
  anyOf,
  hasId,
  hasText,
  listed,
  matching,
  maxConditions,
  part,
  tagged,
  within,
} from '../../upstream/search.ts';

const sortFields = {
  FIRST_SEEN: 'customers.firstSeen',
  LAST_SEEN: 'customers.lastSeen',
} as const;

export const customerSort = ({ field, direction }: CustomerOrder): Sort => ({
  sort: sortFields[field],
  order: direction === 'ASC' ? 'asc' : 'desc',
});

export const isCustomer = hasId('customers.id');

export const isUser = hasText('customers.userId');

const oneOf =
  (write: Write<string>): Write<readonly string[]> =>
  (argument, values) =>
    anyOf(
      argument,
      listed(argument, values, maxConditions).map((value) => write(argument, value)),
    );

/** The conditions of a filter in the helpdesk's words; a `badInput` for what it cannot express. */
export function customerSearch(filter: CustomerFilter, at = 'filter'): Search {
  return allOf(at, [
    ...part(`${at}.name`, filter.name, matching('customers.name')),
    ...part(`${at}.email`, filter.email, matching('customers.email')),
    ...part(`${at}.company`, filter.company, matching('customers.company')),
    ...part(`${at}.phone`, filter.phone, matching('customers.phone')),
    ...part(`${at}.city`, filter.city, matching('customers.city')),
    ...part(`${at}.countryCode`, filter.countryCode, matching('customers.countryCode')),
    ...part(`${at}.userIds`, filter.userIds, oneOf(isUser)),
    ...part(`${at}.ids`, filter.ids, oneOf(isCustomer)),
    ...part(`${at}.tags`, filter.tags, tagged('customers.tagsData')),
    ...part(`${at}.lastSeen`, filter.lastSeen, within('customers.lastSeen')),
    ...part(`${at}.anyOf`, filter.anyOf, (argument, alternatives) =>
      anyOf(
        argument,
        alternatives.map((alternative) => customerSearch(alternative, argument)),
      ),
    ),
  ]);
}
