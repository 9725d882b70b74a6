import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { CustomerViewer } from '../../graphql/context.ts';
import type { Part } from '../../support/selection.ts';
import { answers } from '../../support/selection.ts';
import type { Sight } from '../../support/sight.ts';
import type { Schedule } from '../../support/turns.ts';
import { orNull, UpstreamError } from '../../upstream/errors.ts';
import { createKnownFirst } from '../../upstream/knownFirst.ts';
import type { Customer, CustomerPart } from './model.ts';
import type { CustomerSource } from './source.ts';

const madeFrom = { nodeId: 'id', chats: 'id' };

/** The customer that the viewer is, and to whom it is limited. */
export interface Self {
  /** Null when the helpdesk does not know it. */
  id(): Promise<string | null>;
  /** Whether this is the viewer's own id of yours. */
  hasUserId(userId: string): Promise<boolean>;
}

const nobody = () => new UpstreamError('notFound', 'There is no such customer.');

/** Reads at most once what the viewer's token does not say. */
export function createSelf(source: CustomerSource, { id, userId }: CustomerViewer): Self {
  async function read(): Promise<Customer | null> {
    const [found = nobody()] = await (id === undefined
      ? source.byUserIds([userId])
      : source.byIds([id]));
    return orNull(found instanceof UpstreamError ? Promise.reject(found) : Promise.resolve(found));
  }
  let reading: Promise<Customer | null> | undefined;
  const self = () => (reading ??= read());
  return {
    id: async () => id ?? (await self())?.id ?? null,
    hasUserId: async (asked) => asked === (userId ?? (await self())?.userId),
  };
}

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export function createCustomerLoaders(
  source: CustomerSource,
  self: Self | undefined,
  batchScheduleFn: Schedule,
) {
  const byId = createKnownFirst(
    new DataLoader<string, Customer>(source.byIds, { batchScheduleFn }),
    source.known,
  );
  const byUserId = new DataLoader<string, Customer>(source.byUserIds, { batchScheduleFn });
  const isSelf = async ({ id }: { readonly id: string }, own: Self) => id === (await own.id());

  async function loadSelf(own: Self): Promise<Customer> {
    const id = await own.id();
    if (id === null) throw nobody();
    return byId.load(id);
  }

  async function loadOwnId(id: string, own: Self): Promise<Customer> {
    if (!(await isSelf({ id }, own))) throw nobody();
    return byId.load(id);
  }

  async function loadOwnUserId(userId: string, own: Self): Promise<Customer> {
    if (!(await own.hasUserId(userId))) throw nobody();
    const customer = await loadSelf(own);
    // A token may name two customers by its two ids.
    if (customer.userId !== userId) throw nobody();
    return customer;
  }

  const from = (
    part: CustomerPart,
    info: GraphQLResolveInfo,
  ): Customer | Promise<Customer | null> =>
    answers(part, info, madeFrom) ? part : (byId.now(part.id) ?? orNull(byId.load(part.id)));

  return {
    /** What the viewer may see of what belongs to customers. */
    sight: async (): Promise<Sight> =>
      self === undefined ? { isWhole: true } : { isWhole: false, customerId: await self.id() },
    customer: {
      /** Fails with `notFound` for an id that the helpdesk does not know. */
      load: (id: string): Customer | Promise<Customer> =>
        self === undefined ? (byId.now(id) ?? byId.load(id)) : loadOwnId(id, self),
      /** Fails with `notFound` when nobody has this id of yours. */
      loadByUserId: (userId: string) =>
        self === undefined ? byUserId.load(userId) : loadOwnUserId(userId, self),
      /** The customer of whom something carries a part; null when it is gone. */
      from(part: CustomerPart, info: GraphQLResolveInfo): Customer | Promise<Customer | null> {
        if (self === undefined) return from(part, info);
        return isSelf(part, self).then((isOwn) => (isOwn ? from(part, info) : null));
      },
      /** As `from`, when only your own id is known. */
      fromUserId(
        part: Part<Customer> & { readonly userId: string },
        info: GraphQLResolveInfo,
      ): Customer | Promise<Customer | null> {
        if (self !== undefined) return orNull(loadOwnUserId(part.userId, self));
        return answers(part, info, madeFrom) ? part : orNull(byUserId.load(part.userId));
      },
      /** The customer that the viewer is; null when it is none, or not known to the helpdesk. */
      async viewer(info: GraphQLResolveInfo): Promise<Customer | null> {
        const id = await self?.id();
        return id === undefined || id === null ? null : from({ __typename: 'Customer', id }, info);
      },
    },
  };
}
