import DataLoader from 'dataloader';
import type { GraphQLResolveInfo } from 'graphql';
import type { PartialEntity } from '../../lib/selection.ts';
import { satisfiesSelection } from '../../lib/selection.ts';
import type { VisibilityScope } from '../../lib/visibility.ts';
import type { Schedule } from '../../lib/turns.ts';
import type { CustomerViewer } from '../../lib/viewer.ts';
import { nullIfNotFound, UpstreamError } from '../../upstream/errors.ts';
import { createCachedLoader } from '../../upstream/cachedLoader.ts';
import type { Customer, CustomerPart } from './model.ts';
import type { CustomerSource } from './source.ts';

const derivedFields = { nodeId: 'id', chats: 'id' };

/** The customer that the viewer is, and to whom it is limited. */
export interface ViewerIdentity {
  /** Null when the helpdesk does not know it. */
  id(): Promise<string | null>;
  /** Whether this is the viewer's own id of yours. */
  hasUserId(userId: string): Promise<boolean>;
}

const customerNotFoundError = () => new UpstreamError('notFound', 'There is no such customer.');

/** Reads at most once what the viewer's token does not say. */
export function createViewerIdentity(
  source: CustomerSource,
  { id, userId }: CustomerViewer,
): ViewerIdentity {
  async function read(): Promise<Customer | null> {
    const [result = customerNotFoundError()] = await (id === undefined
      ? source.byUserIds([userId])
      : source.byIds([id]));
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

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export function createCustomerLoaders(
  source: CustomerSource,
  identity: ViewerIdentity | undefined,
  batchScheduleFn: Schedule,
) {
  const byId = createCachedLoader(
    new DataLoader<string, Customer>(source.byIds, { batchScheduleFn }),
    source.peek,
  );
  const byUserId = new DataLoader<string, Customer>(source.byUserIds, { batchScheduleFn });
  const isViewer = async ({ id }: { readonly id: string }, viewer: ViewerIdentity) =>
    id === (await viewer.id());

  async function loadViewer(viewer: ViewerIdentity): Promise<Customer> {
    const id = await viewer.id();
    if (id === null) throw customerNotFoundError();
    return byId.load(id);
  }

  async function loadByIdForViewer(id: string, viewer: ViewerIdentity): Promise<Customer> {
    if (!(await isViewer({ id }, viewer))) throw customerNotFoundError();
    return byId.load(id);
  }

  async function loadByUserIdForViewer(userId: string, viewer: ViewerIdentity): Promise<Customer> {
    if (!(await viewer.hasUserId(userId))) throw customerNotFoundError();
    const customer = await loadViewer(viewer);
    // A token may name two customers by its two ids.
    if (customer.userId !== userId) throw customerNotFoundError();
    return customer;
  }

  const resolvePartial = (
    partial: CustomerPart,
    info: GraphQLResolveInfo,
  ): Customer | Promise<Customer | null> =>
    satisfiesSelection(partial, info, derivedFields)
      ? partial
      : (byId.peek(partial.id) ?? nullIfNotFound(byId.load(partial.id)));

  return {
    /** What the viewer may see of what belongs to customers. */
    visibility: async (): Promise<VisibilityScope> =>
      identity === undefined
        ? { isUnrestricted: true }
        : { isUnrestricted: false, customerId: await identity.id() },
    customer: {
      /** Fails with `notFound` for an id that the helpdesk does not know. */
      load: (id: string): Customer | Promise<Customer> =>
        identity === undefined ? (byId.peek(id) ?? byId.load(id)) : loadByIdForViewer(id, identity),
      /** Fails with `notFound` when nobody has this id of yours. */
      loadByUserId: (userId: string) =>
        identity === undefined ? byUserId.load(userId) : loadByUserIdForViewer(userId, identity),
      /** The customer of whom something carries a part; null when it is gone. */
      resolvePartial(
        partial: CustomerPart,
        info: GraphQLResolveInfo,
      ): Customer | Promise<Customer | null> {
        if (identity === undefined) return resolvePartial(partial, info);
        return isViewer(partial, identity).then((isOwn) =>
          isOwn ? resolvePartial(partial, info) : null,
        );
      },
      /** As `from`, when only your own id is known. */
      resolvePartialByUserId(
        partial: PartialEntity<Customer> & { readonly userId: string },
        info: GraphQLResolveInfo,
      ): Customer | Promise<Customer | null> {
        if (identity !== undefined)
          return nullIfNotFound(loadByUserIdForViewer(partial.userId, identity));
        return satisfiesSelection(partial, info, derivedFields)
          ? partial
          : nullIfNotFound(byUserId.load(partial.userId));
      },
      /** The customer that the viewer is; null when it is none, or not known to the helpdesk. */
      async viewer(info: GraphQLResolveInfo): Promise<Customer | null> {
        const id = await identity?.id();
        return id === undefined || id === null
          ? null
          : resolvePartial({ __typename: 'Customer', id }, info);
      },
    },
  };
}
