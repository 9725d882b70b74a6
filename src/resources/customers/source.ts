import type { OffsetRange, Page } from '../../lib/paging.ts';
import { isIdText } from '../../lib/shape.ts';
import { bisectBatches } from '../../upstream/batches.ts';
import type { FetchEntities, SendCall } from '../../upstream/cache/entityCache.ts';
import type { Upstream } from '../../upstream/client.ts';
import { throwFirstExceptNotFound, UpstreamError } from '../../upstream/errors.ts';
import type { UpstreamListQuery } from '../../upstream/lists.ts';
import { filterFrom, pageCacheKey, readAll, readPage } from '../../upstream/lists.ts';
import type { FilterBuilder } from '../../upstream/filters.ts';
import { anyOf, maxConditions } from '../../upstream/filters.ts';
import type { RefreshableType } from '../../upstream/refresh/refreshableType.ts';
import { refreshedPages } from '../../upstream/refresh/refreshedPages.ts';
import { customerEndpoint, customerPageType, customerType, userIdAliasType } from './descriptor.ts';
import { customerIdEquals, userIdEquals } from './filter.ts';
import type { Customer } from './model.ts';
import { customerCodec } from './model.ts';

const customerNotFoundError = () => new UpstreamError('notFound', 'There is no such customer.');

/** Fields whose values are no data of customers. */
const sharedFields: ReadonlySet<string> = new Set(['customers.id', 'customers.lastSeen']);

export type CustomerSource = ReturnType<typeof createCustomerSource>;

/** One call reads at most 100 customers by their ids. */
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
      // HelpCrunch may compare without case; keys are case-sensitive.
      const found = new Map(rows.map((customer) => [keyOf(customer), customer]));
      return batch.map((key) => found.get(key) ?? customerNotFoundError());
    });

  const loadByIds: FetchEntities<Customer> = async (send, ids) => {
    const [first] = ids;
    if (first !== undefined && ids.length === 1) {
      // The endpoint of a single customer reports more errors than an empty search result.
      const path = `/customers/${first}`;
      return [customerCodec.fromWire(await send({ effect: 'read', method: 'GET', path }))];
    }
    return loadByFilter(send, ids, { buildFilter: customerIdEquals, keyOf: ({ id }) => id });
  };

  const loadByUserIds: FetchEntities<Customer> = (send, keys) =>
    loadByFilter(send, keys, { buildFilter: userIdEquals, keyOf: ({ userId }) => userId });

  const page = (query: UpstreamListQuery): Promise<Page<Customer>> =>
    cache.getOrLoad(customerPageType, pageCacheKey(query), (send) =>
      readPage(send, customerEndpoint, query),
    );

  const byIds = (ids: readonly string[]) => cache.getOrLoadMany(customerType, ids, loadByIds);
  const byUserIds = (keys: readonly string[]) =>
    cache.getOrLoadMany(userIdAliasType, keys, loadByUserIds);

  return {
    refreshable: (): readonly RefreshableType[] => [
      {
        type: customerType,
        isList: false,
        maxNames: maxConditions,
        accepts: isIdText,
        mayStoreInRedis: () => true,
        refresh: async (ids) => throwFirstExceptNotFound(await byIds(ids)),
      },
      {
        type: userIdAliasType,
        isList: true,
        maxNames: maxConditions,
        accepts: (name) => name !== '',
        mayStoreInRedis: () => false,
        refresh: async (keys) => throwFirstExceptNotFound(await byUserIds(keys)),
      },
      refreshedPages(
        { type: customerPageType, isPersonal: (field) => !sharedFields.has(field) },
        page,
      ),
    ],

    has: (id: string): boolean => cache.has(customerType, id),
    hasUserId: (userId: string): boolean => cache.has(userIdAliasType, userId),
    hydrate: (ids: readonly string[]) => cache.hydrate(customerType, ids),
    hydrateUserIds: (userIds: readonly string[]) => cache.hydrate(userIdAliasType, userIds),
    /** The cached customer; undefined if it is not cached, or Redis must be read first. */
    peek: (id: string): Customer | undefined => cache.getIfLocal(customerType, id),
    cachedIdByUserId: (userId: string): string | undefined =>
      cache.peek(userIdAliasType, userId)?.id,

    page,

    /** Reads a list from this time on, in its order; undefined if HelpCrunch cannot search for that. */
    pagesFrom(list: Pick<UpstreamListQuery, 'filter' | 'sort'>, timeMs: number) {
      const filter = filterFrom(list, timeMs);
      return filter && ((range: OffsetRange) => page({ ...list, filter, range }));
    },

    /** A customer or a failure for each id, in order. */
    byIds,

    /** As `byIds`, by the account's own user ids. */
    byUserIds,
  };
}
