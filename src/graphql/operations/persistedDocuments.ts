import { createHash } from 'node:crypto';
import type { DocumentNode, GraphQLSchema } from 'graphql';
import { publicError } from '../errors.ts';
import type { PublicError } from '../errors.ts';
import { isDictionary, isText } from '../../lib/shape.ts';
import type { Viewer } from '../../lib/viewer.ts';
import { parseTrustedDocument, validateTrustedDocument } from '../limits/documentStructure.ts';
import { createDocumentCompactor } from './compactDocument.ts';

/** The request parameters as the client sent them. */
export type RequestParams = Readonly<Record<string, unknown>>;

/** Which clients may execute persisted documents only. */
type PersistedOnly = 'false' | 'true' | 'customers';

type OperationViewer = Pick<Viewer, 'role'>;

/** The operations of one manifest. */
interface Manifest {
  /** The validation errors of the manifest. */
  readonly problems: readonly string[];
  /** By the SHA-256 of its text. */
  documentOf(hash: string): DocumentNode | undefined;
  /** The listed text that a request names, undefined where it brings its own, an error where it may not run. */
  resolvePersistedText(
    params: RequestParams,
    viewer: OperationViewer,
  ): string | undefined | PublicError;
}

export interface PersistedDocuments extends Manifest {
  /** Whether no client may execute other documents. */
  readonly rejectsAllOthers: boolean;
  /** Replaces the manifest while the gateway runs. */
  replace(manifest: ReadonlyMap<string, string> | undefined): void;
}

interface PersistedDocumentsOptions {
  readonly schema: GraphQLSchema;
  /** Texts by id. */
  readonly manifest: ReadonlyMap<string, string> | undefined;
  readonly persistedOnly: PersistedOnly;
}

/** In addition to Apollo's extension: the GraphQL over HTTP draft, and Relay's parameters. */
const idParameters = ['documentId', 'doc_id', 'id'];

const notPersistedMessage =
  'Only persisted operations are accepted, and this operation is not one of them.';

const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Whether a viewer of the role may execute persisted documents only. */
const rejects: Readonly<Record<PersistedOnly, (role: Viewer['role']) => boolean>> = {
  false: () => false,
  true: () => true,
  customers: (role) => role === 'CUSTOMER',
};

/** The extension by which Apollo's clients send a hash. */
export const persistedQueryOf = ({ extensions }: RequestParams): unknown =>
  isDictionary(extensions) ? extensions['persistedQuery'] : undefined;

function apolloHashOf(params: RequestParams): unknown {
  const persisted = persistedQueryOf(params);
  return isDictionary(persisted) ? persisted['sha256Hash'] : undefined;
}

/** Persisted (trusted) documents: parsed and validated at start, and exempt from document limits. */
export function createPersistedDocuments(options: PersistedDocumentsOptions): PersistedDocuments {
  let current = readDocuments(options);
  return {
    rejectsAllOthers: options.persistedOnly === 'true',
    get problems() {
      return current.problems;
    },
    documentOf: (hash) => current.documentOf(hash),
    resolvePersistedText: (params, viewer) => current.resolvePersistedText(params, viewer),
    replace(manifest) {
      current = readDocuments({ ...options, manifest });
    },
  };
}

function readDocuments({ schema, manifest, persistedOnly }: PersistedDocumentsOptions): Manifest {
  const compact = createDocumentCompactor(schema);
  const texts = manifest ?? new Map<string, string>();
  const documents = new Map<string, DocumentNode>();
  const problems: string[] = [];
  for (const [id, text] of texts) {
    try {
      const document = parseTrustedDocument(text);
      const [error] = validateTrustedDocument(schema, document);
      if (error !== undefined) throw error;
      documents.set(hashOf(text), compact(document));
    } catch (error) {
      problems.push(`operation ${id}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const textOf = (id: string) => texts.get(id) ?? texts.get(id.replace(/^sha256:/, ''));
  return {
    problems,
    documentOf: (hash) => documents.get(hash),
    resolvePersistedText(params, { role }) {
      const rejectsOthers = rejects[persistedOnly](role);
      const apolloId = apolloHashOf(params);
      // Apollo Server would convert other types to strings, which may throw.
      if (apolloId !== undefined && !isText(apolloId)) {
        return publicError.badRequest('extensions.persistedQuery.sha256Hash must be a string.');
      }
      if (texts.size === 0 && !rejectsOthers) return undefined;
      const otherId = idParameters.map((name) => params[name]).find(isText);
      const id = isText(apolloId) ? apolloId : otherId;
      const text = id === undefined ? undefined : textOf(id);
      if (text !== undefined) return text;
      const { query } = params;
      if (rejectsOthers) {
        const isPersisted = isText(query) && documents.has(hashOf(query));
        return isPersisted ? query : publicError.persistedQueryNotFound(notPersistedMessage);
      }
      // An unknown hash may be an automatic persisted query.
      const isUnknown = !isText(query) && !isText(apolloId) && otherId !== undefined;
      return isUnknown
        ? publicError.persistedQueryNotFound('No persisted operation has this id.')
        : undefined;
    },
  };
}
