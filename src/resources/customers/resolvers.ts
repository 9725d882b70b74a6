import type { GraphQLResolveInfo } from 'graphql';
import type { DomainEvent } from '../../graphql/context.ts';
import type { Context } from '../../graphql/context.ts';
import type { CustomerChangeKind, CustomerOrder } from '../../graphql/generated.ts';
import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { parseUpstreamId, toNodeId } from '../../lib/ids.ts';
import { eventNotForSubscription } from '../../lib/eventNotForSubscription.ts';
import {
  connectionFields,
  emptyPage,
  readConnection,
  connectionSelection,
} from '../../lib/paging.ts';
import { resolveById, resolveByUserId } from '../../lib/representation.ts';
import { requireTotal } from '../../upstream/decode.ts';
import { requireNonEmpty, restrictToScope } from '../../upstream/filters.ts';
import { customerFilter, customerIdEquals, customerRowOrder, customerSort } from './filter.ts';
import type { MutationGroup } from '../runMutation.ts';
import { batchResolver, mutationResolvers, rejectCustomer } from '../runMutation.ts';
import {
  areAllStaffFields,
  customerType,
  customerChangeKey,
  userIdAliasType,
} from './descriptor.ts';
import type { CustomerValues } from './input.ts';
import { updatesOf } from './input.ts';
import type { Customer, CustomerChange, RecordedCustomerEvent, DeletedCustomer } from './model.ts';
import {
  customerBatchMutations,
  customerDeletions,
  customerEventMutations,
  customerMutations,
} from './mutations.ts';

const byFirstSeen: CustomerOrder = { field: 'FIRST_SEEN', direction: 'DESC' };

/** Null takes the place of a default, although the generated types exclude it. */
const orderOrDefault = (orderBy: CustomerOrder | null): CustomerOrder => orderBy ?? byFirstSeen;

async function resolveUpdatedCustomer(
  { customerId: id }: Extract<DomainEvent, { readonly kind: 'customer' }>,
  _args: unknown,
  { loaders }: Context,
  info: GraphQLResolveInfo,
): Promise<Customer> {
  const customer = await loaders.customers.resolvePartial({ __typename: 'Customer', id }, info);
  if (customer === null) throw eventNotForSubscription;
  return customer;
}

interface CustomerArgs {
  readonly id?: string;
  readonly customerId?: string;
  readonly userId?: string;
  readonly input?: CustomerValues;
}

/** Creations are not queued, except those with the same userId. */
function customerQueue({ id, customerId, userId, input }: CustomerArgs) {
  const known = id ?? customerId;
  if (known !== undefined) return { type: customerType, id: known };
  const alias = userId ?? input?.userId;
  return typeof alias === 'string' ? { type: userIdAliasType, id: alias } : undefined;
}

/** Whether a webhook reports what the arguments change. */
function isReported(webhook: string, { input = {} }: CustomerArgs): boolean {
  const isReportedByInput: Readonly<Record<string, boolean>> = {
    'customer.email_updated': 'email' in input,
    'customer.unsubscribed': input.unsubscribed === true,
    'customer.subscribed': input.unsubscribed === false,
    'customer.blocked': input.blocked === true,
    'customer.unblocked': input.blocked === false,
  };
  return isReportedByInput[webhook] ?? true;
}

const customerChangeEvent = (
  customerId: string,
  { change, atMs }: { readonly change: CustomerChangeKind; readonly atMs: number },
  changedFields?: readonly string[],
) => [
  {
    kind: 'customer' as const,
    customerId,
    change,
    atMs,
    ...(change === 'UPDATED' && areAllStaffFields(changedFields)
      ? { isTeamOnly: true as const }
      : {}),
  },
];

/** Mutations without an input change tags. */
const fieldsOfInput = ({ input }: CustomerArgs): readonly string[] =>
  input === undefined ? ['tags'] : Object.keys(input);

const customerMutationGroup: MutationGroup<CustomerArgs, Customer, CustomerChangeKind> = {
  queueOf: customerQueue,
  verifyOwner: rejectCustomer,
  updateLoaders: (customer, { loaders }) => {
    loaders.customers.prime(customer);
  },
  eventsOf: ({ id }, made) => customerChangeEvent(id, made, fieldsOfInput(made.args)),
  webhookChangeKey: (webhook, customer, args) =>
    isReported(webhook, args) ? customerChangeKey(webhook, customer) : undefined,
};

const customerDeletionGroup: MutationGroup<
  { readonly id: string },
  DeletedCustomer,
  CustomerChangeKind
> = {
  queueOf: customerQueue,
  verifyOwner: rejectCustomer,
  updateLoaders: ({ id }, { loaders }) => {
    loaders.customers.forget(id);
  },
  eventsOf: ({ id }, made) => customerChangeEvent(id, made),
  webhookChangeKey: customerChangeKey,
};

const customerEventGroup: MutationGroup<
  { readonly customerId: string },
  RecordedCustomerEvent,
  CustomerChangeKind
> = {
  queueOf: customerQueue,
  verifyOwner: rejectCustomer,
  eventsOf: () => [],
  webhookChangeKey: () => undefined,
};

export const customerResolvers: Resolvers = {
  Mutation: {
    ...mutationResolvers(customerMutationGroup, customerMutations),
    ...mutationResolvers(customerDeletionGroup, customerDeletions),
    ...mutationResolvers(customerEventGroup, customerEventMutations),
    updateCustomers: batchResolver({
      name: 'updateCustomers',
      group: customerMutationGroup,
      mutation: customerBatchMutations.updateCustomers,
      itemsOf: updatesOf,
    }),
  },
  Query: {
    customer: (_root, { id }, { loaders }) => loaders.customers.load(parseUpstreamId('id', id)),
    customerByUserId: (_root, { userId }, { loaders }) =>
      loaders.customers.loadByUserId(requireNonEmpty('userId', userId)),
    async customers(_root, { filter, orderBy, ...args }, { sources, loaders }, info) {
      const restricted = restrictToScope(
        await loaders.customers.visibility(),
        customerFilter(filter ?? {}),
        customerIdEquals,
      );
      const order = orderOrDefault(orderBy);
      const sort = customerSort(order);
      return readConnection({
        list: `customers ${JSON.stringify([restricted, sort])}`,
        args,
        selection: connectionSelection(info, 'CustomerConnection'),
        order: customerRowOrder(order),
        searchReads: loaders.searchReads,
        read: (range) =>
          restricted === undefined
            ? emptyPage
            : sources.customers.page({ filter: restricted, sort, range }),
        readFrom: (timeMs) =>
          restricted && sources.customers.pagesFrom({ filter: restricted, sort }, timeMs),
      });
    },
  },
  Subscription: {
    customerChanged: {
      subscribe(_root, args, { events }) {
        const id = typeof args.id === 'string' ? parseUpstreamId('id', args.id) : undefined;
        return events.subscribe(
          (event) => event.kind === 'customer' && (id === undefined || event.customerId === id),
        );
      },
      resolve: ({
        change,
        customerId,
      }: Extract<DomainEvent, { readonly kind: 'customer' }>): CustomerChange => ({
        change,
        customerId,
      }),
    },
    customerUpdated: {
      subscribe(_root, args, { events }) {
        const id = parseUpstreamId('id', args.id);
        return events.subscribe((event) => event.kind === 'customer' && event.customerId === id);
      },
      resolve: resolveUpdatedCustomer,
    },
  },
  CustomerChange: {
    customer: ({ change, customerId: id }, _args, { loaders }, info) =>
      change === 'DELETED'
        ? null
        : loaders.customers.resolvePartial({ __typename: 'Customer', id }, info),
  },
  CustomerEvent: {
    customer: ({ customer }, _args, { loaders }, info) =>
      loaders.customers.resolvePartial(customer, info),
  },
  Chat: {
    customer: ({ customer }, _args, { loaders }, info) =>
      customer === null ? null : loaders.customers.resolvePartial(customer, info),
  },
  HelpdeskViewer: {
    customer: (_viewer, _args, { loaders }, info) => loaders.customers.viewer(info),
  },
  Customer: {
    // A router that knows both keys may send one of them as null.
    __resolveReference: (reference, { loaders: { customers } }, info) =>
      resolveById(reference, info, (part) => customers.resolvePartial(part, info)) ??
      resolveByUserId(reference, info, (part) => customers.resolvePartialByUserId(part, info)),
    nodeId: ({ id }) => toNodeId('Customer', id),
  },
  CustomerConnection: { ...connectionFields, totalCount: requireTotal },
};
