import type { ApolloServerOptions } from '@apollo/server';
import { GraphQLError } from 'graphql';
import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import { createRepeats } from '../support/repeats.ts';
import type { Context } from './context.ts';
import { isAsked, persistedQueryOf } from './listedOperations.ts';
import type { Asked, ListedOperations } from './listedOperations.ts';

type Options = ApolloServerOptions<Context>;
type DocumentStore = NonNullable<Options['documentStore']>;
type ApqCache = NonNullable<Exclude<Options['persistedQueries'], false | undefined>['cache']>;

const maxDocumentBytes = 33_554_432;

/** What a parsed document takes, by the length of its text: measured at 145. */
export const bytesPerCharacter = 150;

const maxTextBytes = 8_388_608;

const usualLength = 1_000;

/** Those that are listed stay for good, and so are never measured by the limits of a client's own text. */
function createDocumentStore({ documentOf }: ListedOperations): DocumentStore {
  const documents = new LRUCache<string, DocumentNode>({
    maxSize: maxDocumentBytes,
    sizeCalculation: ({ loc }) => (loc?.end ?? usualLength) * bytesPerCharacter,
  });
  const isRepeated = createRepeats();
  return {
    get(key) {
      // Apollo puts a name of the schema before the hash of the text.
      const listed = documentOf(key.slice(key.lastIndexOf(':') + 1));
      return Promise.resolve(listed ?? documents.get(key));
    },
    set(key, document) {
      if (isRepeated(key)) documents.set(key, document);
      return Promise.resolve();
    },
    delete: (key) => Promise.resolve(documents.delete(key)),
  };
}

/** Apollo Server puts it before the hashes. */
const hashPrefix = 'apq:';

/** The texts that clients register by their hash. Kept in this process: a client that is not understood sends its text again. */
const createTexts = () =>
  new LRUCache<string, string>({
    maxSize: maxTextBytes,
    sizeCalculation: (text) => 2 * text.length + 100,
  });

function createTextCache(texts: ReturnType<typeof createTexts>): ApqCache {
  return {
    get: (key) => Promise.resolve(texts.get(key)),
    set(key, text) {
      texts.set(key, text);
      return Promise.resolve();
    },
    delete: (key) => Promise.resolve(texts.delete(key)),
  };
}

/** What Apollo Server remembers of the operations it has seen. */
export function createDocuments(listed: ListedOperations) {
  const texts = createTexts();

  /** Of a hash without a text. A text beside its hash is checked, and registered, by Apollo Server. */
  function registeredText({ query }: Asked, persisted: unknown): string | undefined {
    if (query !== undefined || !isAsked(persisted) || persisted['version'] !== 1) return undefined;
    return texts.get(`${hashPrefix}${String(persisted['sha256Hash'])}`);
  }

  return {
    store: createDocumentStore(listed),
    persistedQueries: listed.isOnly ? (false as const) : { cache: createTextCache(texts) },

    /** What a request asks, wherever its text is written; undefined where that is for Apollo Server to tell. */
    textOf(asked: Asked): string | undefined {
      const { query, extensions = null } = asked;
      if (extensions !== null && !isAsked(extensions)) return undefined;
      const text = listed.textFor(asked);
      if (text !== undefined) return text instanceof GraphQLError ? undefined : text;
      const persisted = persistedQueryOf(asked) ?? null;
      if (persisted !== null) return registeredText(asked, persisted);
      return typeof query === 'string' ? query : undefined;
    },
  };
}

export type Documents = ReturnType<typeof createDocuments>;
