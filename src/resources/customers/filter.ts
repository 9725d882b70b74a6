import type { CustomerFilter, CustomerOrder } from '../../graphql/generated.ts';
import type { RowOrder } from '../../lib/cursors.ts';
import type { UpstreamSort } from '../../upstream/lists.ts';
import type { FilterBuilder, FilterBuilders, UpstreamFilter } from '../../upstream/filters.ts';
import {
  allOfFields,
  anyOf,
  anyOfEach,
  idEquals,
  textEquals,
  requireLength,
  textMatches,
  maxConditions,
  hasAllTags,
  timeBetween,
} from '../../upstream/filters.ts';
import type { Customer } from './model.ts';

const sortFields = {
  FIRST_SEEN: 'customers.firstSeen',
  LAST_SEEN: 'customers.lastSeen',
} as const;

export const customerSort = ({ field, direction }: CustomerOrder): UpstreamSort => ({
  sort: sortFields[field],
  order: direction === 'ASC' ? 'asc' : 'desc',
});

const sortKeys: Readonly<Record<CustomerOrder['field'], (customer: Customer) => number | null>> = {
  FIRST_SEEN: ({ firstSeen }) => firstSeen,
  LAST_SEEN: ({ lastSeen }) => lastSeen,
};

export const customerRowOrder = ({ field, direction }: CustomerOrder): RowOrder<Customer> => ({
  keyOf: sortKeys[field],
  isDescending: direction === 'DESC',
});

export const customerIdEquals = idEquals('customers.id');

export const userIdEquals = textEquals('customers.userId');

const anyValue =
  (build: FilterBuilder<string>): FilterBuilder<readonly string[]> =>
  (argument, values) =>
    anyOf(
      argument,
      requireLength(argument, values, maxConditions).map((value) => build(argument, value)),
    );

const conditions: FilterBuilders<CustomerFilter> = {
  name: textMatches('customers.name'),
  email: textMatches('customers.email'),
  company: textMatches('customers.company'),
  phone: textMatches('customers.phone'),
  city: textMatches('customers.city'),
  countryCode: textMatches('customers.countryCode'),
  regionCode: textMatches('customers.regionCode'),
  telegramId: textMatches('customers.telegramId'),
  facebookId: textMatches('customers.facebookId'),
  instagramId: textMatches('customers.instagramId'),
  viberId: textMatches('customers.viberId'),
  whatsappId: textMatches('customers.whatsappId'),
  userIds: anyValue(userIdEquals),
  ids: anyValue(customerIdEquals),
  tags: hasAllTags('customers.tagsData'),
  lastSeen: timeBetween('customers.lastSeen'),
  anyOf: (argument, alternatives) => anyOfEach(argument, alternatives, customerFilter),
};

/** The filter in the grammar of HelpCrunch; `badInput` for a filter that cannot be expressed in it. */
export function customerFilter(input: CustomerFilter, argument = 'filter'): UpstreamFilter {
  return allOfFields(conditions, input, argument);
}
