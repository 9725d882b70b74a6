import type { Page } from '../../lib/paging.ts';
import { bisectBatches } from '../../upstream/batches.ts';
import type { FetchEntities, SendCall } from '../../upstream/cache/entityCache.ts';
import { aliasType, entityType, pageType } from '../../upstream/cache/cacheTypes.ts';
import type { Upstream } from '../../upstream/client.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import type { UpstreamListQuery } from '../../upstream/lists.ts';
import { pageCacheKey, readAll, readPage } from '../../upstream/lists.ts';
import type { FilterBuilder } from '../../upstream/filters.ts';
import { anyOf } from '../../upstream/filters.ts';
import { customerIdEquals, userIdEquals } from './filter.ts';
import type { Customer } from './model.ts';
import { customerFromWire, isCustomer as isWholeCustomer } from './model.ts';

const customerEndpoint = { path: '/customers', decodeRow: customerFromWire };

const customerType = entityType('Customer', isWholeCustomer, {
  ttlClass: 'customers',
  collapseKey: () => 'all',
});
// A list moves with every visit, so it ages as chats do.
const customerPageType = pageType(customerType, 'chats');
const userIdAliasType = aliasType('CustomerByUserId', customerType, ({ userId }) => userId);

const customerNotFoundError = () => new UpstreamError('notFound', 'There is no such customer.');

export type CustomerSource = ReturnType<typeof createCustomerSource>;

/** The customer endpoints. At most 100 ids fit in one call. */
export function createCustomerSource({ cache, batchSize }: Upstream) {
  /** One customer for each key, in order. */
  const loadByFilter = (
    send: SendCall,
    keys: readonly string[],
    {
      buildFilter,
      keyOf,
    }: { buildFilter: FilterBuilder<string>; keyOf: (customer: Customer) => string | null },
  ) =>
    bisectBatches(batchSize, keys, async (batch) => {
      const filters = batch.map((key) => buildFilter('key', key));
      const { rows } = await readAll(send, customerEndpoint, anyOf('keys', filters));
      // The helpdesk's comparison may be blind to case; ours is not.
      const found = new Map(rows.map((customer) => [keyOf(customer), customer]));
      return batch.map((key) => found.get(key) ?? customerNotFoundError());
    });

  const loadByIds: FetchEntities<Customer> = async (send, ids) => {
    const [first] = ids;
    if (first !== undefined && ids.length === 1) {
      // Alone it is asked for by its own address, whose refusal says more than an empty search.
      const path = `/customers/${first}`;
      return [customerFromWire(await send({ effect: 'read', method: 'GET', path }))];
    }
    return loadByFilter(send, ids, { buildFilter: customerIdEquals, keyOf: ({ id }) => id });
  };

  const loadByUserIds: FetchEntities<Customer> = (send, keys) =>
    loadByFilter(send, keys, { buildFilter: userIdEquals, keyOf: ({ userId }) => userId });

  return {
    has: (id: string): boolean => cache.has(customerType, id),
    hasUserId: (userId: string): boolean => cache.has(userIdAliasType, userId),
    /** What is known of it, if that can be told at once. */
    peek: (id: string): Customer | undefined => cache.getSync(customerType, id),
    cachedIdByUserId: (userId: string): string | undefined =>
      cache.peek(userIdAliasType, userId)?.id,

    page: (query: UpstreamListQuery): Promise<Page<Customer>> =>
      cache.getOrLoad(customerPageType, pageCacheKey(query), (send) =>
        readPage(send, customerEndpoint, query),
      ),

    /** A customer or a failure for each id, in order. */
    byIds: (ids: readonly string[]) => cache.getOrLoadMany(customerType, ids, loadByIds),

    /** As `byIds`, by your own ids. */
    byUserIds: (keys: readonly string[]) =>
      cache.getOrLoadMany(userIdAliasType, keys, loadByUserIds),
  };
}
