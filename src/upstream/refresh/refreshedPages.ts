import type { CacheType } from '../cache/cacheTypes.ts';
import type { UpstreamListQuery } from '../lists.ts';
import { parsePageCacheKey } from '../lists.ts';
import type { RefreshableType } from './refreshableType.ts';
import { refreshedSingly } from './refreshableType.ts';

interface RefreshedPagesOptions {
  readonly type: CacheType<unknown>;
  /** Whether values of conditions on the field can be data of customers. Names with such conditions are not stored in Redis. */
  readonly isPersonal: (field: string) => boolean;
}

/** Pages of a list, which are named by `pageCacheKey`. */
export const refreshedPages = (
  { type, isPersonal }: RefreshedPagesOptions,
  readPage: (query: UpstreamListQuery) => Promise<unknown>,
): RefreshableType =>
  refreshedSingly(
    {
      type,
      isList: true,
      accepts: (name) => parsePageCacheKey(name) !== undefined,
      mayStoreInRedis: (name) =>
        parsePageCacheKey(name)?.filter.filter.every(({ field }) => !isPersonal(field)) === true,
    },
    async (name) => {
      const query = parsePageCacheKey(name);
      if (query !== undefined) await readPage(query);
    },
  );
