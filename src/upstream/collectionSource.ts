import type { Page } from '../lib/paging.ts';
import type { CacheType } from './cache/cacheTypes.ts';
import type { SendCall } from './cache/entityCache.ts';
import type { Upstream } from './client.ts';
import { refreshedSingly } from './refresh/refreshableType.ts';

/** A list without an endpoint for a single member: it is read and cached as a whole. */
export const createCollectionSource = <Row extends { readonly id: string }>(
  { cache }: Upstream,
  type: CacheType<Page<Row>>,
  read: (send: SendCall) => Promise<Page<Row>>,
) => {
  const load = () => cache.getOrLoad(type, 'all', read);
  return {
    has: (): boolean => cache.has(type, 'all'),
    cachedLength: (): number | undefined => cache.peek(type, 'all')?.rows.length,

    /** Whether the cached list lacks this id. */
    isKnownMissing: (id: string): boolean =>
      cache.peek(type, 'all')?.rows.every((member) => member.id !== id) ?? false,

    all: async (): Promise<readonly Row[]> => (await load()).rows,

    refreshable: () => [
      refreshedSingly({ type, accepts: (name) => name === 'all', isList: true }, load),
    ],
  };
};
