import type { CustomerFilter, CustomerOrder } from '../../graphql/generated.ts';
import type { UpstreamSort } from '../../upstream/lists.ts';
import type { UpstreamFilter, FilterBuilder } from '../../upstream/filters.ts';
import {
  allOf,
  anyOf,
  anyOfEach,
  idEquals,
  textEquals,
  requireLength,
  textMatches,
  maxConditions,
  optionalFilter,
  hasAllTags,
  timeBetween,
} from '../../upstream/filters.ts';

const sortFields = {
  FIRST_SEEN: 'customers.firstSeen',
  LAST_SEEN: 'customers.lastSeen',
} as const;

export const customerSort = ({ field, direction }: CustomerOrder): UpstreamSort => ({
  sort: sortFields[field],
  order: direction === 'ASC' ? 'asc' : 'desc',
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

/** The filter in the grammar of HelpCrunch; `badInput` for a filter that cannot be expressed in it. */
export function customerFilter(input: CustomerFilter, argumentPath = 'filter'): UpstreamFilter {
  return allOf(argumentPath, [
    ...optionalFilter(`${argumentPath}.name`, input.name, textMatches('customers.name')),
    ...optionalFilter(`${argumentPath}.email`, input.email, textMatches('customers.email')),
    ...optionalFilter(`${argumentPath}.company`, input.company, textMatches('customers.company')),
    ...optionalFilter(`${argumentPath}.phone`, input.phone, textMatches('customers.phone')),
    ...optionalFilter(`${argumentPath}.city`, input.city, textMatches('customers.city')),
    ...optionalFilter(
      `${argumentPath}.countryCode`,
      input.countryCode,
      textMatches('customers.countryCode'),
    ),
    ...optionalFilter(`${argumentPath}.userIds`, input.userIds, anyValue(userIdEquals)),
    ...optionalFilter(`${argumentPath}.ids`, input.ids, anyValue(customerIdEquals)),
    ...optionalFilter(`${argumentPath}.tags`, input.tags, hasAllTags('customers.tagsData')),
    ...optionalFilter(
      `${argumentPath}.lastSeen`,
      input.lastSeen,
      timeBetween('customers.lastSeen'),
    ),
    ...optionalFilter(`${argumentPath}.anyOf`, input.anyOf, (argument, alternatives) =>
      anyOfEach(argument, alternatives, customerFilter),
    ),
  ]);
}
