import { LRUCache } from 'lru-cache';
import type { Dependencies } from '../../lib/dependencyTracker.ts';
import type { Context } from '../context.ts';

interface CachedResponse {
  readonly data: string;
  readonly cacheHits: number;
  readonly dependencies: Dependencies;
}

export interface ResponseCache {
  /** All that an answer depends on but the helpdesk; undefined for variables that are nested too deeply to be written. */
  keyFor(operationId: number, variables: unknown, context: Context): string | undefined;
  /** The data as JSON, if executing the operation would give the same; otherwise dependency tracking starts. */
  get(key: string, context: Context): Promise<string | undefined>;
  /** Keeps the data if the tracker has recorded everything that it was made from. */
  set(key: string, data: string, context: Context): void;
  /** How often one was given. */
  hits(): number;
  bytes(): number;
}

interface ResponseCacheOptions {
  readonly maxBytes: number;
  readonly isValid: (dependencies: Dependencies) => Promise<boolean>;
}

const bytesPerCharacter = 2;
/** For the name and the version of an entry. */
const bytesPerEntry = 200;

/** The data of queries as text, for as long as all that it was made of is what it was, and fresh. */
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
