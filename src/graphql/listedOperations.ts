import { createHash } from 'node:crypto';
import { GraphQLError } from 'graphql';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import type { Manifest } from '../support/manifest.ts';
import { parseDocument, validateDocument } from './documentStructure.ts';

/** The parameters of a request, as they came. */
export type Asked = Readonly<Record<string, unknown>>;

export interface ListedOperations {
  /** Whether nothing else runs. */
  readonly isOnly: boolean;
  /** What of the list does not fit the schema, one sentence each. */
  readonly problems: readonly string[];
  /** By the SHA-256 of its text. */
  documentOf(hash: string): DocumentNode | undefined;
  /** The listed text that a request names, undefined where it brings its own, an error where it may not run. */
  textFor(asked: Asked): string | undefined | GraphQLError;
}

interface Options {
  readonly schema: GraphQLSchema;
  readonly manifest: Manifest | undefined;
  readonly isOnly: boolean;
}

/** Besides Apollo's extension: the draft for GraphQL over HTTP, and what Relay's users send. */
const idParameters = ['documentId', 'doc_id', 'id'];

const onlyListed = 'Only listed operations run here, and this is none of them.';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

export const isAsked = (value: unknown): value is Asked =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const notFound = (message: string): GraphQLError =>
  new GraphQLError(message, {
    extensions: { code: 'PERSISTED_QUERY_NOT_FOUND', http: { status: 400 } },
  });

/** How Apollo's clients ask by a hash. */
export const persistedQueryOf = ({ extensions }: Asked): unknown =>
  isAsked(extensions) ? extensions['persistedQuery'] : undefined;

function apolloIdOf(asked: Asked): unknown {
  const persisted = persistedQueryOf(asked);
  return isAsked(persisted) ? persisted['sha256Hash'] : undefined;
}

const isText = (value: unknown): value is string => typeof value === 'string';

/** Operations that are known before the first request: read and checked once, and bound by no limit on their text. */
export function createListedOperations({ schema, manifest, isOnly }: Options): ListedOperations {
  const texts = manifest ?? new Map<string, string>();
  const documents = new Map<string, DocumentNode>();
  const problems: string[] = [];
  for (const [id, text] of texts) {
    try {
      const document = parseDocument(text);
      const [error] = validateDocument(schema, document);
      if (error !== undefined) throw error;
      documents.set(hashOf(text), document);
    } catch (error) {
      problems.push(`operation ${id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const textOf = (id: string) => texts.get(id) ?? texts.get(id.replace(/^sha256:/, ''));
  return {
    isOnly,
    problems,
    documentOf: (hash) => documents.get(hash),
    textFor(asked) {
      if (texts.size === 0 && !isOnly) return undefined;
      const apolloId = apolloIdOf(asked);
      const otherId = idParameters.map((name) => asked[name]).find(isText);
      const id = isText(apolloId) ? apolloId : otherId;
      const text = id === undefined ? undefined : textOf(id);
      if (text !== undefined) return text;
      const { query } = asked;
      if (isOnly) {
        const isListed = isText(query) && documents.has(hashOf(query));
        return isListed ? query : notFound(onlyListed);
      }
      // A hash that is not listed may be one that a client has registered with Apollo Server.
      const isUnknown = !isText(query) && !isText(apolloId) && otherId !== undefined;
      return isUnknown ? notFound('No operation is listed under this id.') : undefined;
    },
  };
}
