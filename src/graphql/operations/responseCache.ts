import { LRUCache } from 'lru-cache';
import type { Dependencies } from '../../lib/dependencyTracker.ts';
import type { Context } from '../context.ts';

/** A response whose bytes are the same for every request, with what is derived from them. */
export interface ReusableResponse {
  /** Monotonic. */
  readonly expiresAtMs: number;
  /** The body in this content coding. It is stored with the response. */
  encoded(coding: string, encode: () => Promise<Buffer>): Promise<Buffer>;
  /** Computed once. */
  entityTag(compute: () => string): string;
}

interface CachedResponse {
  readonly data: string;
  readonly cacheHits: number;
  readonly dependencies: Dependencies;
  readonly encodings: Map<string, Promise<Buffer>>;
  /** Of the completed encodings. */
  encodedBytes: number;
  tag?: string;
}

interface ResponseCacheHit extends ReusableResponse {
  readonly data: string;
}

export interface ResponseCache {
  /** Identifies operation, account, viewer and variables; undefined if the variables are nested too deeply to serialize. */
  keyFor(operationId: number, variables: unknown, context: Context): string | undefined;
  /** The response if its dependencies are still valid; otherwise starts dependency tracking. */
  get(key: string, context: Context): Promise<ResponseCacheHit | undefined>;
  /** Caches the data if the tracker has recorded all of its dependencies. */
  set(key: string, data: string, context: Context): void;
  /** Removes all responses. */
  clear(): void;
  /** The number of cache hits. */
  hits(): number;
  bytes(): number;
}

interface ResponseCacheOptions {
  readonly maxBytes: number;
  readonly isValid: (dependencies: Dependencies) => Promise<boolean>;
  /** Called when a response is used for a viewer other than a customer. */
  readonly onHit: (dependencies: Dependencies) => void;
}

const bytesPerCharacter = 2;
/** For the key and the version of a dependency, or a requested key. */
const bytesPerEntry = 200;

/** Caches the data of queries as JSON, for as long as every dependency has the recorded version and is fresh. */
export function createResponseCache({
  maxBytes,
  isValid,
  onHit,
}: ResponseCacheOptions): ResponseCache | undefined {
  if (maxBytes === 0) return undefined;
  const responses = new LRUCache<string, CachedResponse>({
    maxSize: maxBytes,
    sizeCalculation: ({ data, dependencies: { versions, requestedKeys }, encodedBytes }, key) =>
      bytesPerCharacter * (data.length + key.length) +
      bytesPerEntry * (versions.size + requestedKeys.length + 1) +
      encodedBytes,
  });
  let hits = 0;

  /** Concurrent requests share one encoding. */
  function encode(
    key: string,
    response: CachedResponse,
    coding: string,
    run: () => Promise<Buffer>,
  ) {
    const known = response.encodings.get(coding);
    if (known !== undefined) return known;
    const encoding = run().then(
      (bytes) => {
        response.encodedBytes += bytes.length;
        // The size is calculated anew, unless another response has taken the place.
        if (responses.peek(key) === response) {
          responses.delete(key);
          responses.set(key, response);
        }
        return bytes;
      },
      (error: unknown) => {
        response.encodings.delete(coding);
        throw error;
      },
    );
    response.encodings.set(coding, encoding);
    return encoding;
  }

  const hitOf = (key: string, response: CachedResponse): ResponseCacheHit => ({
    data: response.data,
    expiresAtMs: response.dependencies.expiresAtMs,
    encoded: (coding, run) => encode(key, response, coding, run),
    entityTag: (compute) => (response.tag ??= compute()),
  });

  return {
    keyFor(operationId, variables, { account, viewer }) {
      try {
        return JSON.stringify([operationId, account, viewer, variables]);
      } catch {
        return undefined;
      }
    },

    async get(key, { tracker, bypassesCache, usage, viewer }) {
      if (bypassesCache) return undefined;
      const response = responses.get(key);
      if (response !== undefined && (await isValid(response.dependencies))) {
        usage.cacheHits += response.cacheHits;
        hits += 1;
        if (viewer.role !== 'CUSTOMER') onHit(response.dependencies);
        return hitOf(key, response);
      }
      tracker.start();
      return undefined;
    },

    set(key, data, { tracker, usage: { cacheHits } }) {
      const dependencies = tracker.finish();
      if (dependencies === undefined) return;
      const derived = { encodings: new Map<string, Promise<Buffer>>(), encodedBytes: 0 };
      responses.set(key, { data, cacheHits, dependencies, ...derived });
    },

    clear: () => {
      responses.clear();
    },

    hits: () => hits,
    bytes: () => responses.calculatedSize,
  };
}
