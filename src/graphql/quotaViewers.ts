import { LRUCache } from 'lru-cache';
import { lruEntryLimit } from '../lib/entryLimit.ts';
import type { Viewer } from '../lib/viewer.ts';

interface QuotaCaller {
  readonly viewer: Viewer;
  readonly account: string;
  readonly quotaKey: string;
}

const maxCustomers = 20_000;

/** Names the quota of a customer; the same for a token with its id and for one with its `userId`. */
const customerQuotaKey = (id: string): string => `customer ${id}`;

/** To whom the rate limiter charges the calls of operations. */
export class QuotaViewers {
  /** Ids of customers whose tokens have their `userId` only. */
  readonly #customerIds = new LRUCache<string, string>(lruEntryLimit(maxCustomers));

  /** The key of a customer changes when its id becomes known, so read it for every call. */
  of(caller: QuotaCaller): { readonly key: string; readonly class: 'agent' | 'customer' } {
    const { viewer, quotaKey } = caller;
    if (viewer.role !== 'CUSTOMER') return { key: quotaKey, class: 'agent' };
    if (viewer.id !== undefined) return { key: customerQuotaKey(viewer.id), class: 'customer' };
    const customerIds = this.#customerIds;
    const name = nameOf(caller);
    return {
      class: 'customer',
      get key() {
        const id = customerIds.get(name);
        return id === undefined ? quotaKey : customerQuotaKey(id);
      },
    };
  }

  identify(caller: QuotaCaller, customerId: string): void {
    this.#customerIds.set(nameOf(caller), customerId);
  }
}

/** `quotaKey` contains a digest of the `userId`. */
const nameOf = ({ account, quotaKey }: QuotaCaller): string => `${account} ${quotaKey}`;
