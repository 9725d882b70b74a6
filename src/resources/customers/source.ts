import type { Rows } from '../../support/paging.ts';
import { inBatches } from '../../upstream/batches.ts';
import type { Load, Send } from '../../upstream/cache/cache.ts';
import { aliasKind, entityKind, pageKind } from '../../upstream/cache/kinds.ts';
import type { Upstream } from '../../upstream/client.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import type { ListQuery } from '../../upstream/lists.ts';
import { pageName, readAll, readPage } from '../../upstream/lists.ts';
import type { Write } from '../../upstream/search.ts';
import { anyOf } from '../../upstream/search.ts';
import { isCustomer, isUser } from './filter.ts';
import type { Customer } from './model.ts';
import { customerFromWire, isCustomer as isWholeCustomer } from './model.ts';

const customers = { path: '/customers', rowFromWire: customerFromWire };

const customerKind = entityKind('Customer', isWholeCustomer, {
  freshness: 'customers',
  gathers: () => 'all',
});
// A list moves with every visit, so it ages as chats do.
const customerPages = pageKind(customerKind, 'chats');
const userIds = aliasKind('CustomerByUserId', customerKind, ({ userId }) => userId);

const missing = () => new UpstreamError('notFound', 'There is no such customer.');

export type CustomerSource = ReturnType<typeof createCustomerSource>;

/** The customer endpoints. At most 100 ids fit in one call. */
export function createCustomerSource({ cache, batchSize }: Upstream) {
  /** One customer for each key, in order. */
  const searchFor = (
    send: Send,
    keys: readonly string[],
    { write, keyOf }: { write: Write<string>; keyOf: (customer: Customer) => string | null },
  ) =>
    inBatches(batchSize, keys, async (batch) => {
      const each = batch.map((key) => write('key', key));
      const { rows } = await readAll(send, customers, anyOf('keys', each));
      // The helpdesk's comparison may be blind to case; ours is not.
      const found = new Map(rows.map((customer) => [keyOf(customer), customer]));
      return batch.map((key) => found.get(key) ?? missing());
    });

  const loadByIds: Load<Customer> = async (send, ids) => {
    const [first] = ids;
    if (first !== undefined && ids.length === 1) {
      // Alone it is asked for by its own address, whose refusal says more than an empty search.
      const path = `/customers/${first}`;
      return [customerFromWire(await send({ effect: 'read', method: 'GET', path }))];
    }
    return searchFor(send, ids, { write: isCustomer, keyOf: ({ id }) => id });
  };

  const loadByUserIds: Load<Customer> = (send, keys) =>
    searchFor(send, keys, { write: isUser, keyOf: ({ userId }) => userId });

  return {
    isKnown: (id: string): boolean => cache.isKnown(customerKind, id),
    isKnownByUserId: (userId: string): boolean => cache.isKnown(userIds, userId),
    /** What is known of it, if that can be told at once. */
    known: (id: string): Customer | undefined => cache.findNow(customerKind, id),
    idOfKnownUser: (userId: string): string | undefined => cache.peek(userIds, userId)?.id,

    page: (query: ListQuery): Promise<Rows<Customer>> =>
      cache.one(customerPages, pageName(query), (send) => readPage(send, customers, query)),

    /** A customer or a failure for each id, in order. */
    byIds: (ids: readonly string[]) => cache.many(customerKind, ids, loadByIds),

    /** As `byIds`, by your own ids. */
    byUserIds: (keys: readonly string[]) => cache.many(userIds, keys, loadByUserIds),
  };
}
