import { LRUCache } from 'lru-cache';
import type { Dependencies } from '../support/dependencyTracker.ts';
import type { Context } from './context.ts';

interface ReadyAnswer {
  readonly data: string;
  readonly cacheHits: number;
  readonly dependencies: Dependencies;
}

export interface ReadyAnswers {
  /** All that an answer depends on but the helpdesk; undefined for variables that are nested too deeply to be written. */
  keyOf(operationId: number, variables: unknown, context: Context): string | undefined;
  /** The data as JSON, if executing the operation would give the same; otherwise dependency tracking starts. */
  find(key: string, context: Context): Promise<string | undefined>;
  /** Keeps the data if the tracker has recorded everything that it was made from. */
  keep(key: string, data: string, context: Context): void;
  /** How often one was given. */
  count(): number;
  bytes(): number;
}

interface Parts {
  readonly maxBytes: number;
  readonly isValid: (dependencies: Dependencies) => Promise<boolean>;
}

const bytesPerCharacter = 2;
/** For the name and the version of an entry. */
const bytesPerEntry = 200;

/** The data of queries as text, for as long as all that it was made of is what it was, and fresh. */
export function createReadyAnswers({ maxBytes, isValid }: Parts): ReadyAnswers | undefined {
  if (maxBytes === 0) return undefined;
  const answers = new LRUCache<string, ReadyAnswer>({
    maxSize: maxBytes,
    sizeCalculation: ({ data, dependencies: { versions } }, key) =>
      bytesPerCharacter * (data.length + key.length) + bytesPerEntry * (versions.size + 1),
  });
  let count = 0;

  return {
    keyOf(operationId, variables, { tenant, viewer }) {
      try {
        return JSON.stringify([operationId, tenant, viewer, variables]);
      } catch {
        return undefined;
      }
    },

    async find(key, { tracker, isRefresh, usage }) {
      if (isRefresh) return undefined;
      const answer = answers.get(key);
      if (answer !== undefined && (await isValid(answer.dependencies))) {
        usage.cacheHits += answer.cacheHits;
        count += 1;
        return answer.data;
      }
      tracker.start();
      return undefined;
    },

    keep(key, data, { tracker, usage: { cacheHits } }) {
      const dependencies = tracker.finish();
      if (dependencies !== undefined) answers.set(key, { data, cacheHits, dependencies });
    },

    count: () => count,
    bytes: () => answers.calculatedSize,
  };
}
