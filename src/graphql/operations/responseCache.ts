import { LRUCache } from 'lru-cache';
import type { Dependencies } from '../../lib/dependencyTracker.ts';
import type { Context } from '../context.ts';

interface CachedResponse {
  readonly data: string;
  readonly cacheHits: number;
  readonly dependencies: Dependencies;
}

export interface ResponseCache {
  /** Identifies operation, account, viewer and variables; undefined if the variables are nested too deeply to serialize. */
  keyFor(operationId: number, variables: unknown, context: Context): string | undefined;
  /** The data as JSON if its dependencies are still valid; otherwise starts dependency tracking. */
  get(key: string, context: Context): Promise<string | undefined>;
  /** Caches the data if the tracker has recorded all of its dependencies. */
  set(key: string, data: string, context: Context): void;
  /** The number of cache hits. */
  hits(): number;
  bytes(): number;
}

interface ResponseCacheOptions {
  readonly maxBytes: number;
  readonly isValid: (dependencies: Dependencies) => Promise<boolean>;
}

const bytesPerCharacter = 2;
/** For the key and the version of a dependency. */
const bytesPerEntry = 200;

/** Caches the data of queries as JSON, for as long as every dependency has the recorded version and is fresh. */
export function createResponseCache({
  maxBytes,
  isValid,
}: ResponseCacheOptions): ResponseCache | undefined {
  if (maxBytes === 0) return undefined;
  const responses = new LRUCache<string, CachedResponse>({
    maxSize: maxBytes,
    sizeCalculation: ({ data, dependencies: { versions } }, key) =>
      bytesPerCharacter * (data.length + key.length) + bytesPerEntry * (versions.size + 1),
  });
  let hits = 0;

  return {
    keyFor(operationId, variables, { account, viewer }) {
      try {
        return JSON.stringify([operationId, account, viewer, variables]);
      } catch {
        return undefined;
      }
    },

    async get(key, { tracker, isRefresh, usage }) {
      if (isRefresh) return undefined;
      const response = responses.get(key);
      if (response !== undefined && (await isValid(response.dependencies))) {
        usage.cacheHits += response.cacheHits;
        hits += 1;
        return response.data;
      }
      tracker.start();
      return undefined;
    },

    set(key, data, { tracker, usage: { cacheHits } }) {
      const dependencies = tracker.finish();
      if (dependencies !== undefined) responses.set(key, { data, cacheHits, dependencies });
    },

    hits: () => hits,
    bytes: () => responses.calculatedSize,
  };
}
