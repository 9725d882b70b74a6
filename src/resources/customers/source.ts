import type { Rows } from '../../support/paging.ts';
import type { Upstream } from '../../upstream/client.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import type { ListQuery } from '../../upstream/lists.ts';
import { readAll, readPage } from '../../upstream/lists.ts';
import { anyOf } from '../../upstream/search.ts';
import { isCustomer, isUser } from './filter.ts';
import type { Customer } from './model.ts';
import { customerFromWire } from './model.ts';

const customers = { path: '/customers', rowFromWire: customerFromWire };

export type CustomerSource = ReturnType<typeof createCustomerSource>;

/** The customer endpoints. At most 100 ids fit in one call. */
export function createCustomerSource(upstream: Upstream) {
  const byId = async (id: string): Promise<Customer> =>
    customerFromWire(
      await upstream.send({ effect: 'read', method: 'GET', path: `/customers/${id}` }),
    );

  return {
    page: (query: ListQuery): Promise<Rows<Customer>> => readPage(upstream, customers, query),

    /** A customer or a `notFound` for each id, in order. A single one is read on its own. */
    async byIds(ids: readonly string[]): Promise<(Customer | UpstreamError)[]> {
      const [first] = ids;
      if (first !== undefined && ids.length === 1) return [await byId(first)];
      const found = await readAll(
        upstream,
        customers,
        anyOf(
          'ids',
          ids.map((id) => isCustomer('id', id)),
        ),
      );
      const rows = new Map(found.map((customer) => [customer.id, customer]));
      return ids.map(
        (id) => rows.get(id) ?? new UpstreamError('notFound', `There is no customer ${id}.`),
      );
    },

    /** As `byIds`. The helpdesk's comparison may be blind to case; ours is not. */
    async byUserIds(userIds: readonly string[]): Promise<(Customer | UpstreamError)[]> {
      const found = await readAll(
        upstream,
        customers,
        anyOf(
          'userIds',
          userIds.map((id) => isUser('userId', id)),
        ),
      );
      const rows = new Map(found.map((customer) => [customer.userId, customer]));
      return userIds.map(
        (userId) =>
          rows.get(userId) ??
          new UpstreamError('notFound', 'There is no customer with this userId.'),
      );
    },
  };
}
