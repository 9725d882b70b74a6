import type { ApolloServerOptions } from '@apollo/server';
import { GraphQLError } from 'graphql';
import type { DocumentNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import { createDoorkeeper } from '../../lib/doorkeeper.ts';
import type { Context } from '../context.ts';
import { isRecord, persistedQueryOf } from './persistedDocuments.ts';
import type { RequestParams, PersistedDocuments } from './persistedDocuments.ts';

type ApolloOptions = ApolloServerOptions<Context>;
type DocumentStore = NonNullable<ApolloOptions['documentStore']>;
type ApqCache = NonNullable<Exclude<ApolloOptions['persistedQueries'], false | undefined>['cache']>;

const maxDocumentBytes = 33_554_432;

/** What a parsed document takes, by the length of its text: measured at 145. */
export const bytesPerCharacter = 150;

const maxTextBytes = 8_388_608;

const defaultLength = 1_000;

/** Those that are listed stay for good, and so are never measured by the limits of a client's own text. */
function createDocumentStore({ documentOf }: PersistedDocuments): DocumentStore {
  const documents = new LRUCache<string, DocumentNode>({
    maxSize: maxDocumentBytes,
    sizeCalculation: ({ loc }) => (loc?.end ?? defaultLength) * bytesPerCharacter,
  });
  const hasBeenSeen = createDoorkeeper();
  return {
    get(key) {
      // Apollo puts a name of the schema before the hash of the text.
      const persisted = documentOf(key.slice(key.lastIndexOf(':') + 1));
      return Promise.resolve(persisted ?? documents.get(key));
    },
    set(key, document) {
      if (hasBeenSeen(key)) documents.set(key, document);
      return Promise.resolve();
    },
    delete: (key) => Promise.resolve(documents.delete(key)),
  };
}

/** Apollo Server puts it before the hashes. */
const hashPrefix = 'apq:';

/** The texts that clients register by their hash. Kept in this process: a client that is not understood sends its text again. */
const createRegisteredTexts = () =>
  new LRUCache<string, string>({
    maxSize: maxTextBytes,
    sizeCalculation: (text) => 2 * text.length + 100,
  });

function createTextCache(texts: ReturnType<typeof createRegisteredTexts>): ApqCache {
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
export function createDocumentStores(persistedDocuments: PersistedDocuments) {
  const texts = createRegisteredTexts();

  /** Of a hash without a text. A text beside its hash is checked, and registered, by Apollo Server. */
  function registeredText({ query }: RequestParams, persisted: unknown): string | undefined {
    if (query !== undefined || !isRecord(persisted) || persisted['version'] !== 1) return undefined;
    const { sha256Hash: hash } = persisted;
    return typeof hash === 'string' ? texts.get(`${hashPrefix}${hash}`) : undefined;
  }

  return {
    store: createDocumentStore(persistedDocuments),
    persistedQueries: persistedDocuments.rejectsOthers
      ? (false as const)
      : { cache: createTextCache(texts) },

    /** What a request asks, wherever its text is written; undefined where that is for Apollo Server to tell. */
    queryTextOf(params: RequestParams): string | undefined {
      const { query, extensions = null } = params;
      if (extensions !== null && !isRecord(extensions)) return undefined;
      const text = persistedDocuments.textFor(params);
      if (text !== undefined) return text instanceof GraphQLError ? undefined : text;
      const persisted = persistedQueryOf(params) ?? null;
      if (persisted !== null) return registeredText(params, persisted);
      return typeof query === 'string' ? query : undefined;
    },
  };
}

export type DocumentStores = ReturnType<typeof createDocumentStores>;
