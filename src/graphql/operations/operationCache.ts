import { hash } from 'node:crypto';
import type { ApolloServerOptions } from '@apollo/server';
import type {
  DocumentNode,
  ExecutionResult,
  GraphQLSchema,
  OperationDefinitionNode,
} from 'graphql';
import { getOperationAST, GraphQLError, OperationTypeNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Context } from '../context.ts';
import type { AssertWithinCost, CostsByVariables } from '../cost/limiter.ts';
import type { ExecutableOperation, PrepareOperation } from '../execution/executor.ts';
import { isLargerThan } from '../limits/responseBytes.ts';
import type { ReportOperation } from '../operationReport.ts';
import { usageExtension } from '../plugins/response.ts';
import { createDocumentCompactor } from './compactDocument.ts';
import type { DocumentCompactor } from './compactDocument.ts';
import type { PersistedDocuments, RequestParams } from './persistedDocuments.ts';
import { isDictionary } from '../../lib/shape.ts';
import { persistedQueryOf } from './persistedDocuments.ts';
import type { ResponseCache, ReusableResponse } from './responseCache.ts';

type ApolloOptions = ApolloServerOptions<Context>;
type DocumentStore = NonNullable<ApolloOptions['documentStore']>;
type PersistedQueries = NonNullable<ApolloOptions['persistedQueries']>;

const maxBytes = 104 * 1_048_576;
/** Limits the entries, so that texts seen once cannot displace the others. */
const maxEntries = 20_000;
const entryBytes = 1_900;
/** A document and its plan, for each character of the text: measured by `npm run bench -- operations`. */
const bytesPerCharacter = 44;
/** Upper bound of the bytes of a response without its data. */
const extensionsBytes = 1_024;

/** A text that was valid once. Its document is cached when it occurs again. */
interface SeenText {
  /** Set if a client has registered the text by its hash. */
  readonly text: string | undefined;
}

interface CachedOperation {
  readonly name: string | null;
  /** Never reused, not even after the operation was evicted. */
  readonly id: number;
  readonly operation: OperationDefinitionNode;
  readonly execute: ExecutableOperation;
}

/** A document that has passed validation, with everything that is derived from it. */
interface CachedDocument extends SeenText {
  readonly text: string;
  readonly document: DocumentNode;
  readonly costs: CostsByVariables;
  operations: readonly CachedOperation[];
}

/** Whether an operation may run is decided when it is executed, not when its text is looked up. */
const unrestricted: Context['viewer'] = { role: 'ALL' };

const isCached = (entry: SeenText | undefined): entry is CachedDocument =>
  entry !== undefined && 'document' in entry;

/** Apollo Server puts a prefix before its keys. */
const hashIn = (key: string): string => key.slice(key.lastIndexOf(':') + 1);

interface CachedOperationRequest {
  readonly document: DocumentNode;
  readonly queryHash: string | undefined;
  readonly operationName?: string | null | undefined;
  readonly variables?: Readonly<Record<string, unknown>> | undefined;
  readonly context: Context;
}

/** A request for which Apollo Server only has to validate the document. */
interface FastPathRequest {
  readonly hash: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface FastPathResponse {
  readonly body: string;
  /** The part of the body that does not depend on how it was loaded, as JSON. */
  readonly data: string;
  /** Set if the body is the same for every request. */
  readonly reusable?: ReusableResponse | undefined;
}

type FastPathData = Pick<FastPathResponse, 'data' | 'reusable'>;

interface OperationCacheOptions {
  readonly schema: GraphQLSchema;
  readonly executor: PrepareOperation;
  readonly assertWithinCost: AssertWithinCost;
  readonly report: ReportOperation;
  readonly persistedDocuments: PersistedDocuments;
  readonly maxResponseBytes: number;
  readonly responseCache?: ResponseCache | undefined;
}

/**
 * Caches what is derived from the text of an operation: document, validation, costs and plan, by the SHA-256 of the text. Apollo
 * Server keeps its documents and automatic persisted queries here. Requests for cached operations bypass Apollo Server; everything
 * that depends on the request is still checked: variables, cost, and the rights of the viewer.
 */
export class OperationCache {
  readonly #options: OperationCacheOptions;
  readonly #compact: DocumentCompactor;
  readonly #entries = new LRUCache<string, SeenText | CachedDocument>({
    max: maxEntries,
    maxSize: maxBytes,
    sizeCalculation: (entry) =>
      isCached(entry)
        ? entryBytes + bytesPerCharacter * entry.text.length
        : entryBytes / 10 + 2 * (entry.text?.length ?? 0),
  });
  /** Results of the fast path that have errors or may be too large. */
  readonly #failedResults = new WeakMap<Context['usage'], ExecutionResult>();
  #lastId = 0;

  readonly documentStore: DocumentStore = {
    get: (key) => Promise.resolve(this.#find(hashIn(key))?.document),
    set: (key, document) => {
      this.#addDocument(hashIn(key), document);
      return Promise.resolve();
    },
    delete: (key) => Promise.resolve(this.#entries.delete(hashIn(key))),
  };

  readonly persistedQueries: PersistedQueries | false;

  constructor(options: OperationCacheOptions) {
    this.#options = options;
    this.#compact = createDocumentCompactor(options.schema);
    this.persistedQueries = !options.persistedDocuments.rejectsAllOthers && {
      cache: {
        get: (key) => Promise.resolve(this.#entries.get(hashIn(key))?.text),
        set: (key, text) => {
          const hash = hashIn(key);
          if (!isCached(this.#entries.get(hash))) this.#entries.set(hash, { text });
          return Promise.resolve();
        },
        delete: (key) => Promise.resolve(this.#entries.delete(hashIn(key))),
      },
    };
  }

  /** The text of an operation, which its hash or id names if the request has none; undefined if it is unknown. */
  textOf(params: RequestParams): string | undefined {
    const { query } = params;
    const listed = this.#options.persistedDocuments.resolvePersistedText(params, unrestricted);
    if (typeof listed === 'string') return listed;
    if (typeof query === 'string') return query;
    const hash = this.#hashOf(params, unrestricted);
    return hash === undefined ? undefined : this.#entries.get(hash)?.text;
  }

  costsOf(hash: string | undefined): CostsByVariables | undefined {
    return hash === undefined ? undefined : this.#find(hash)?.costs;
  }

  /**
   * Undefined if Apollo Server must execute: the operation is not cached, a mutation is rejected, or the result
   * has errors or may be too large. Such a result is reused by `execute`, so that no operation is executed twice.
   */
  async tryExecute(
    params: unknown,
    context: Context,
    { isReadOnly = false }: { readonly isReadOnly?: boolean } = {},
  ): Promise<FastPathResponse | undefined> {
    const request = this.#parse(params, context.viewer);
    if (request === undefined) return undefined;
    const cached = this.#find(request.hash);
    if (cached === undefined) return undefined;
    const operation = this.#operation(cached, request.operationName);
    if (operation === undefined) return undefined;
    const isMutation = operation.operation.operation === OperationTypeNode.MUTATION;
    if (isMutation && isReadOnly) return undefined;
    const result = await this.#dataFor(cached, operation, request, context);
    if (result === undefined) return undefined;
    const { variables } = request;
    const { document } = cached;
    this.#options.report(context, { operation: operation.operation, document, variables });
    const extensions = JSON.stringify({ upstream: usageExtension(context) });
    const { data, reusable } = result;
    return { body: `{"data":${data},"extensions":${extensions}}`, data, reusable };
  }

  /** Executes an operation that Apollo Server has admitted. */
  execute(request: CachedOperationRequest): ReturnType<ExecutableOperation> {
    const { document, queryHash, operationName, variables, context } = request;
    const failed = this.#failedResults.get(context.usage);
    if (failed !== undefined) return failed;
    const cached = queryHash === undefined ? undefined : this.#find(queryHash);
    const operation = cached && this.#operation(cached, operationName ?? null);
    const execute = operation?.execute ?? this.#options.executor(document, operationName);
    return execute(variables, context);
  }

  /** The data as JSON, from the response cache if it is there. */
  async #dataFor(
    { document, costs }: CachedDocument,
    { id, operation, execute }: CachedOperation,
    { operationName, variables }: FastPathRequest,
    context: Context,
  ): Promise<FastPathData | undefined> {
    const { assertWithinCost, maxResponseBytes, responseCache } = this.#options;
    const isQuery = operation.operation === OperationTypeNode.QUERY;
    const key = isQuery ? responseCache?.keyFor(id, variables, context) : undefined;
    const cached = key === undefined ? undefined : await responseCache?.get(key, context);
    if (cached !== undefined) return { data: cached.data, reusable: cached };
    try {
      await assertWithinCost({ document, operationName, variables, context, costs });
    } catch {
      return undefined;
    }
    const result = await execute(variables, context);
    const { pause } = context.guard;
    const maxDataBytes = maxResponseBytes - extensionsBytes;
    if (result.errors !== undefined || (await isLargerThan(maxDataBytes, result.data, pause))) {
      this.#failedResults.set(context.usage, result);
      return undefined;
    }
    await pause();
    const data = JSON.stringify(result.data);
    if (key !== undefined) responseCache?.set(key, data, context);
    return { data };
  }

  #find(hash: string): CachedDocument | undefined {
    const entry = this.#entries.get(hash);
    if (isCached(entry)) return entry;
    const persisted = this.#options.persistedDocuments.documentOf(hash);
    return persisted && this.#cache(hash, persisted);
  }

  #addDocument(hash: string, document: DocumentNode): void {
    const entry = this.#entries.get(hash);
    if (entry === undefined) this.#entries.set(hash, { text: undefined });
    else if (!isCached(entry)) this.#cache(hash, this.#compact(document));
  }

  #cache(hash: string, document: DocumentNode): CachedDocument {
    const text = document.loc?.source.body ?? '';
    const cached = { text, document, costs: new Map(), operations: [] };
    this.#entries.set(hash, cached);
    return cached;
  }

  /** Undefined for subscriptions, and for names that the document does not have. */
  #operation(cached: CachedDocument, operationName: string | null): CachedOperation | undefined {
    const known = cached.operations.find(({ name }) => name === operationName);
    if (known !== undefined) return known;
    const { document } = cached;
    const operation = getOperationAST(document, operationName);
    if (!operation || operation.operation === OperationTypeNode.SUBSCRIPTION) return undefined;
    this.#lastId += 1;
    const execute = this.#options.executor(document, operationName);
    const added = { name: operationName, id: this.#lastId, operation, execute };
    // A copy, because `push` reserves spare capacity.
    cached.operations = [...cached.operations, added];
    return added;
  }

  /** Undefined for everything that Apollo Server has to reject, register or convert. */
  #parse(params: unknown, viewer: Context['viewer']): FastPathRequest | undefined {
    if (!isDictionary(params)) return undefined;
    const { operationName = null, variables } = params;
    if (operationName !== null && typeof operationName !== 'string') return undefined;
    if (variables !== undefined && variables !== null && !isDictionary(variables)) return undefined;
    const hash = this.#hashOf(params, viewer);
    return hash === undefined ? undefined : { hash, operationName, variables: variables ?? {} };
  }

  #hashOf(params: RequestParams, viewer: Context['viewer']): string | undefined {
    const { query, extensions = null } = params;
    if (extensions !== null && !isDictionary(extensions)) return undefined;
    const listed = this.#options.persistedDocuments.resolvePersistedText(params, viewer);
    if (listed instanceof GraphQLError) return undefined;
    const persisted = listed === undefined ? (persistedQueryOf(params) ?? null) : null;
    if (persisted !== null) {
      if (!isDictionary(persisted) || persisted['version'] !== 1) return undefined;
      const { sha256Hash } = persisted;
      if (typeof sha256Hash !== 'string') return undefined;
      // Apollo Server checks, and registers, a text that is sent with its hash for the first time.
      const isKnown = query === undefined || query === this.#entries.get(sha256Hash)?.text;
      return isKnown ? sha256Hash : undefined;
    }
    const text = listed ?? query;
    return typeof text === 'string' ? hash('sha256', text) : undefined;
  }
}
