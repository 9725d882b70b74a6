import { LRUCache } from 'lru-cache';
import type { Grounds } from '../support/trail.ts';
import type { Context } from './context.ts';

interface ReadyAnswer {
  readonly data: string;
  readonly cacheHits: number;
  readonly grounds: Grounds;
}

export interface ReadyAnswers {
  /** All that an answer depends on but the helpdesk; undefined for variables that are nested too deeply to be written. */
  keyOf(operationId: number, variables: unknown, context: Context): string | undefined;
  /** The data as JSON, if the operation would have the same once more; otherwise it is noted from now on what it is made of. */
  find(key: string, context: Context): Promise<string | undefined>;
  /** Keeps data that was made of nothing but what is known. */
  keep(key: string, data: string, context: Context): void;
  /** How often one was given. */
  count(): number;
  bytes(): number;
}

interface Parts {
  readonly maxBytes: number;
  /** Whether an operation would now be shown the same as the one before. */
  readonly stands: (grounds: Grounds) => Promise<boolean>;
}

const bytesPerCharacter = 2;
/** For the name and the version of an entry. */
const bytesPerEntry = 200;

/** The data of queries as text, for as long as all that it was made of is what it was, and fresh. */
export function createReadyAnswers({ maxBytes, stands }: Parts): ReadyAnswers | undefined {
  if (maxBytes === 0) return undefined;
  const answers = new LRUCache<string, ReadyAnswer>({
    maxSize: maxBytes,
    sizeCalculation: ({ data, grounds: { versions } }, key) =>
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

    async find(key, { trail, usage }) {
      if (trail === undefined) return undefined;
      const answer = answers.get(key);
      if (answer !== undefined && (await stands(answer.grounds))) {
        usage.cacheHits += answer.cacheHits;
        count += 1;
        return answer.data;
      }
      trail.begin();
      return undefined;
    },

    keep(key, data, { trail, usage: { calls, shared, staleMs, cacheHits } }) {
      const grounds = trail?.end();
      if (grounds === undefined || calls + shared > 0 || staleMs !== undefined) return;
      answers.set(key, { data, cacheHits, grounds });
    },

    count: () => count,
    bytes: () => answers.calculatedSize,
  };
}
