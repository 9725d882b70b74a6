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
import { customerFromWire } from './model.ts';

const customers = { path: '/customers', rowFromWire: customerFromWire };

const customerKind = entityKind<Customer>('Customer', 'customers');
// A list moves with every visit, so it ages as chats do.
const customerPages = pageKind(customerKind, 'chats');
const userIds = aliasKind('CustomerByUserId', 'customers');

const missing = () => new UpstreamError('notFound', 'There is no such customer.');

export type CustomerSource = ReturnType<typeof createCustomerSource>;

/** The customer endpoints. At most 100 ids fit in one call. */
export function createCustomerSource({ cache, batchSize }: Upstream) {
  /** All customers for whom one of the values holds. */
  const searchFor = (send: Send, write: Write<string>, values: readonly string[]) =>
    inBatches(batchSize, values, async (batch) => {
      const search = anyOf(
        'values',
        batch.map((value) => write('value', value)),
      );
      return (await readAll(send, customers, search)).rows;
    });

  const loadByIds: Load<Customer> = async (send, ids) => {
    const [first] = ids;
    if (first !== undefined && ids.length === 1) {
      // Alone it is asked for by its own address, whose refusal says more than an empty search.
      const path = `/customers/${first}`;
      return [customerFromWire(await send({ effect: 'read', method: 'GET', path }))];
    }
    const found = await searchFor(send, isCustomer, ids);
    const byId = new Map(found.map((customer) => [customer.id, customer]));
    return ids.map((id) => byId.get(id) ?? missing());
  };

  const loadByUserIds: Load<string> = async (send, names, keep) => {
    const found = await searchFor(send, isUser, names);
    for (const customer of found) keep(customerKind, customer);
    // The helpdesk's comparison may be blind to case; ours is not.
    const byUserId = new Map(found.map((customer) => [customer.userId, customer.id]));
    return names.map((userId) => byUserId.get(userId) ?? missing());
  };

  const byIds = (ids: readonly string[]) => cache.many(customerKind, ids, loadByIds);

  return {
    page: (query: ListQuery): Promise<Rows<Customer>> =>
      cache.one(customerPages, pageName(query), (send) => readPage(send, customers, query)),

    /** A customer or a failure for each id, in order. */
    byIds,

    /** As `byIds`, by your own ids. */
    async byUserIds(keys: readonly string[]): Promise<(Customer | UpstreamError)[]> {
      const ids = await cache.many(userIds, keys, loadByUserIds);
      const known = ids.filter((id) => typeof id === 'string');
      const found = await byIds(known);
      const byId = new Map(known.map((id, index) => [id, found[index] ?? missing()]));
      return ids.map((id) => (typeof id === 'string' ? (byId.get(id) ?? missing()) : id));
    },
  };
}
