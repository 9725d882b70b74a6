import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import { once } from '../../lib/lazy.ts';
import type { PartialEntity } from '../../lib/selection.ts';
import type { Schedule } from '../../lib/turns.ts';
import type { CustomerViewer, CustomerIdentity } from '../../lib/viewer.ts';
import type { VisibilityScope } from '../../lib/visibility.ts';
import { createPeekableLoader } from '../../upstream/cachedLoader.ts';
import { nullIfNotFound, UpstreamError } from '../../upstream/errors.ts';
import { partialCustomers } from './descriptor.ts';
import type { Customer, CustomerPart } from './model.ts';
import type { CustomerSource } from './source.ts';

const customerNotFoundError = () => new UpstreamError('notFound', 'There is no such customer.');

/** Reads at most once what the viewer's token does not state. */
export function createCustomerViewerIdentity(
  source: CustomerSource,
  { id, userId }: CustomerViewer,
  onViewerIdentified: (id: string) => void,
): CustomerIdentity {
  async function read(): Promise<Customer | null> {
    const [result = customerNotFoundError()] = await (id === undefined
      ? source.byUserIds([userId])
      : source.byIds([id]));
    if (id === undefined && !(result instanceof UpstreamError)) onViewerIdentified(result.id);
    return nullIfNotFound(
      result instanceof UpstreamError ? Promise.reject(result) : Promise.resolve(result),
    );
  }
  let pending: Promise<Customer | null> | undefined;
  const loadViewer = () => (pending ??= read());
  return {
    id: async () => id ?? (await loadViewer())?.id ?? null,
    hasUserId: async (requested) => requested === (userId ?? (await loadViewer())?.userId),
  };
}

const noViewer: (info: GraphQLResolveInfo) => Promise<Customer | null> = () =>
  Promise.resolve(null);

type Resolved = Customer | Promise<Customer | null>;
type PartialByUserId = PartialEntity<Customer> & { readonly userId: string };

/** Loads any customer. */
function createUnrestrictedLoaders(source: () => CustomerSource, batchScheduleFn: Schedule) {
  // Not created by an operation whose chats embed all selected fields of their customers.
  const byId = once(() =>
    createPeekableLoader(
      new DataLoader<string, Customer>(source().byIds, { batchScheduleFn }),
      source().peek,
    ),
  );
  const byUserId = once(
    () => new DataLoader<string, Customer>(source().byUserIds, { batchScheduleFn }),
  );
  const load = (id: string): Customer | Promise<Customer> => byId().peek(id) ?? byId().load(id);
  return {
    /** Fails with `notFound` for an id that HelpCrunch does not know. */
    load,
    /** Fails with `notFound` when no customer has this user id. */
    loadByUserId: (userId: string): Promise<Customer> => byUserId().load(userId),
    /** Later fields of the same operation return this customer. */
    prime: (customer: Customer): void => byId().prime(customer.id, customer),
    /** Later fields of the same operation load the customer again. */
    forget: (id: string): void => byId().forget(id),
    /** As `PartialEntities.resolve`. */
    resolvePartial: (partial: CustomerPart, info: GraphQLResolveInfo): Resolved =>
      partialCustomers.resolve(partial, info, () => load(partial.id)),
    /** As `resolvePartial`, when only the user id is known. */
    resolvePartialByUserId: (partial: PartialByUserId, info: GraphQLResolveInfo): Resolved =>
      partialCustomers.resolve(partial, info, () => byUserId().load(partial.userId)),
    visibility: (): Promise<VisibilityScope> => Promise.resolve({ isUnrestricted: true }),
    /** The viewer's own customer id; null when it is not a customer, or HelpCrunch does not know it. */
    ownId: (): Promise<string | null> => Promise.resolve(null),
    /** The viewer's own customer; null when it is not a customer, or HelpCrunch does not know it. */
    viewer: noViewer,
  };
}

type CustomerLoaders = ReturnType<typeof createUnrestrictedLoaders>;

/** Loads the viewer's own customer; any other one is `notFound`. */
function restrictToViewer(all: CustomerLoaders, identity: CustomerIdentity): CustomerLoaders {
  const isViewer = async (id: string) => id === (await identity.id());

  async function loadByUserId(userId: string): Promise<Customer> {
    const id = (await identity.hasUserId(userId)) ? await identity.id() : null;
    const customer = id === null ? undefined : await all.load(id);
    // The two ids of a token may belong to two customers.
    if (customer?.userId !== userId) throw customerNotFoundError();
    return customer;
  }

  return {
    async load(id) {
      if (!(await isViewer(id))) throw customerNotFoundError();
      return all.load(id);
    },
    loadByUserId,
    prime: all.prime,
    forget: all.forget,
    resolvePartial: async (partial, info) =>
      (await isViewer(partial.id)) ? all.resolvePartial(partial, info) : null,
    resolvePartialByUserId: ({ userId }) => nullIfNotFound(loadByUserId(userId)),
    visibility: async () => ({ isUnrestricted: false, customerId: await identity.id() }),
    ownId: identity.id,
    async viewer(info) {
      const id = await identity.id();
      return id === null ? null : all.resolvePartial({ __typename: 'Customer', id }, info);
    },
  };
}

export function createCustomerLoaders(
  source: () => CustomerSource,
  identity: CustomerIdentity | undefined,
  schedule: Schedule,
): CustomerLoaders {
  const loaders = createUnrestrictedLoaders(source, schedule);
  return identity === undefined ? loaders : restrictToViewer(loaders, identity);
}
