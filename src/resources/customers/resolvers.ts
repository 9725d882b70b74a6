import type { GraphQLResolveInfo } from 'graphql';
import type { News } from '../../events/feed.ts';
import type { Context } from '../../graphql/context.ts';
import type { CustomerOrder, Resolvers } from '../../graphql/generated.ts';
import { helpdeskId, toNodeId } from '../../support/ids.ts';
import { notMeant } from '../../support/notMeant.ts';
import {
  connectionFields,
  noRows,
  readConnection,
  spanOf,
  wantedOf,
} from '../../support/paging.ts';
import { givenOf } from '../../support/selection.ts';
import { totalOf } from '../../upstream/decode.ts';
import { filled, narrowedTo } from '../../upstream/search.ts';
import { customerSearch, customerSort, isCustomer } from './filter.ts';
import type { Customer } from './model.ts';

const byFirstSeen: CustomerOrder = { field: 'FIRST_SEEN', direction: 'DESC' };

async function toCustomer(
  { customerId: id }: Extract<News, { readonly kind: 'customer' }>,
  _args: unknown,
  { loaders }: Context,
  info: GraphQLResolveInfo,
): Promise<Customer> {
  const customer = await loaders.customer.from({ __typename: 'Customer', id }, info);
  if (customer === null) throw notMeant;
  return customer;
}

export const customerResolvers: Resolvers = {
  Query: {
    customer: (_root, { id }, { loaders }) => loaders.customer.load(helpdeskId('id', id)),
    customerByUserId: (_root, { userId }, { loaders }) =>
      loaders.customer.loadByUserId(filled('userId', userId)),
    async customers(_root, { filter, orderBy, ...page }, { sources, loaders }, info) {
      const search = narrowedTo(await loaders.sight(), customerSearch(filter ?? {}), isCustomer);
      const sort = customerSort(orderBy ?? byFirstSeen);
      const list = `customers ${JSON.stringify([search, sort])}`;
      const wanted = wantedOf(info, 'CustomerConnection');
      return readConnection({ list, span: spanOf(page, list), wanted }, (range) =>
        search === undefined ? noRows : sources.customers.page({ search, sort, range }),
      );
    },
  },
  Subscription: {
    customerUpdated: {
      subscribe(_root, args, { feed }) {
        const id = helpdeskId('id', args.id);
        return feed.listen((news) => news.kind === 'customer' && news.customerId === id);
      },
      resolve: toCustomer,
    },
  },
  Chat: {
    customer: ({ customer }, _args, { loaders }, info) =>
      customer === null ? null : loaders.customer.from(customer, info),
  },
  Viewer: { customer: (_viewer, _args, { loaders }, info) => loaders.customer.viewer(info) },
  Customer: {
    __resolveReference(key, { loaders }, info) {
      if ('id' in key) {
        return loaders.customer.from(
          { ...givenOf(key, info), __typename: 'Customer', id: helpdeskId('id', key.id) },
          info,
        );
      }
      const userId = filled('userId', key.userId);
      return loaders.customer.fromUserId(
        { ...givenOf(key, info), __typename: 'Customer', userId },
        info,
      );
    },
    nodeId: ({ id }) => toNodeId('Customer', id),
  },
  CustomerConnection: { ...connectionFields, totalCount: totalOf },
};
