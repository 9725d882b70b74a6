import type { GraphQLResolveInfo } from 'graphql';
import type { DomainEvent } from '../../graphql/context.ts';
import type { Context } from '../../graphql/context.ts';
import type { CustomerOrder } from '../../graphql/generated.ts';
import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { parseUpstreamId, toNodeId } from '../../lib/ids.ts';
import { skipEvent } from '../../lib/skipEvent.ts';
import {
  connectionFields,
  emptyPage,
  readConnection,
  parsePageArguments,
  connectionSelection,
} from '../../lib/paging.ts';
import { representationValues } from '../../lib/selection.ts';
import { requireTotal } from '../../upstream/decode.ts';
import { requireNonEmpty, restrictToScope } from '../../upstream/filters.ts';
import { customerFilter, customerSort, customerIdEquals } from './filter.ts';
import type { Customer } from './model.ts';

const byFirstSeen: CustomerOrder = { field: 'FIRST_SEEN', direction: 'DESC' };

async function resolveUpdatedCustomer(
  { customerId: id }: Extract<DomainEvent, { readonly kind: 'customer' }>,
  _args: unknown,
  { loaders }: Context,
  info: GraphQLResolveInfo,
): Promise<Customer> {
  const customer = await loaders.customers.resolvePartial({ __typename: 'Customer', id }, info);
  if (customer === null) throw skipEvent;
  return customer;
}

export const customerResolvers: Resolvers = {
  Query: {
    customer: (_root, { id }, { loaders }) => loaders.customers.load(parseUpstreamId('id', id)),
    customerByUserId: (_root, { userId }, { loaders }) =>
      loaders.customers.loadByUserId(requireNonEmpty('userId', userId)),
    async customers(_root, { filter, orderBy, ...page }, { sources, loaders }, info) {
      const restricted = restrictToScope(
        await loaders.customers.visibility(),
        customerFilter(filter ?? {}),
        customerIdEquals,
      );
      const sort = customerSort(orderBy ?? byFirstSeen);
      const list = `customers ${JSON.stringify([restricted, sort])}`;
      const selection = connectionSelection(info, 'CustomerConnection');
      return readConnection(
        { list, parsePageArguments: parsePageArguments(page, list), selection },
        (range) =>
          restricted === undefined
            ? emptyPage
            : sources.customers.page({ filter: restricted, sort, range }),
      );
    },
  },
  Subscription: {
    customerUpdated: {
      subscribe(_root, args, { events }) {
        const id = parseUpstreamId('id', args.id);
        return events.subscribe((event) => event.kind === 'customer' && event.customerId === id);
      },
      resolve: resolveUpdatedCustomer,
    },
  },
  Chat: {
    customer: ({ customer }, _args, { loaders }, info) =>
      customer === null ? null : loaders.customers.resolvePartial(customer, info),
  },
  HelpdeskViewer: {
    customer: (_viewer, _args, { loaders }, info) => loaders.customers.viewer(info),
  },
  Customer: {
    __resolveReference(key, { loaders }, info) {
      if ('id' in key) {
        return loaders.customers.resolvePartial(
          {
            ...representationValues(key, info),
            __typename: 'Customer',
            id: parseUpstreamId('id', key.id),
          },
          info,
        );
      }
      const userId = requireNonEmpty('userId', key.userId);
      return loaders.customers.resolvePartialByUserId(
        { ...representationValues(key, info), __typename: 'Customer', userId },
        info,
      );
    },
    nodeId: ({ id }) => toNodeId('Customer', id),
  },
  CustomerConnection: { ...connectionFields, totalCount: requireTotal },
};
