import { createHash } from 'node:crypto';
import type { ApolloServerPlugin } from '@apollo/server';
import type { DocumentNode, ExecutionResult, OperationDefinitionNode } from 'graphql';
import { OperationTypeNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { AssertWithinCost } from '../cost/limiter.ts';
import { usageExtension } from '../plugins/response.ts';
import { createDoorkeeper } from '../../lib/doorkeeper.ts';
import type { Context } from '../context.ts';
import { bytesPerCharacter } from './documentStore.ts';
import type { DocumentStores } from './documentStore.ts';
import type { Executor, ExecutionRequest } from '../execution/graphqlJs.ts';
import { isRecord } from './persistedDocuments.ts';
import { maxPlans } from '../execution/executor.ts';
import type { ResponseCache } from './responseCache.ts';
import type { ReportOperation } from '../operationReport.ts';
import { isLargerThan } from '../limits/responseBytes.ts';

/** What Apollo Server has found out about the text of an operation. */
interface CachedOperation {
  /** No other has it, not even one that comes after this was forgotten. */
  readonly id: number;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly contentType: string;
}

/** A request in the one form in which it may be answered here. */
interface CacheableRequest {
  readonly key: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What comes of an operation that was answered here. */
export interface FastPathResponse {
  readonly contentType: string;
  readonly body: string;
}

const maxBytes = 67_108_864;
/** More than what a response has beside its data. */
const extensionsBytes = 1_024;
const entryOverheadBytes = 500;
/** What a plan takes, by the length of the text: measured at 81. */
const planBytesPerCharacter = 85;

/** Undefined for all that is not an operation with a name and variables, which is for Apollo Server to make sense of. */
function parseCacheableRequest(
  body: unknown,
  accept: string,
  textOf: DocumentStores['queryTextOf'],
): CacheableRequest | undefined {
  if (!isRecord(body)) return undefined;
  const { operationName = null, variables } = body;
  if (operationName !== null && typeof operationName !== 'string') return undefined;
  if (variables !== undefined && variables !== null && !isRecord(variables)) return undefined;
  const text = textOf(body);
  if (text === undefined) return undefined;
  return {
    key: `${accept}\n${operationName ?? ''}\n${text}`,
    operationName,
    variables: variables ?? {},
  };
}

export interface OperationCache {
  /** Learns what Apollo Server finds out. */
  readonly plugin: ApolloServerPlugin<Context>;
  /** Notes that Apollo Server has answered a POST without an error. What it has answered twice is known. */
  record(body: unknown, accept: string, context: Context, contentType: string): void;
  /** Undefined for what Apollo Server must answer: what is new, what goes wrong, and what may be too large. It is not executed a second time for that. */
  tryExecute(
    body: unknown,
    accept: string,
    context: Context,
  ): Promise<FastPathResponse | undefined>;
  /** Executes what Apollo Server has let in, unless `answer` did. */
  readonly execute: Executor;
}

interface OperationCacheOptions {
  readonly execute: Executor;
  readonly assertWithinCost: AssertWithinCost;
  readonly report: ReportOperation;
  readonly documents: DocumentStores;
  /** How long a response may be. */
  readonly maxBytes: number;
  /** Undefined where each answer is made anew. */
  readonly responseCache?: ResponseCache | undefined;
}

/**
 * Answers the operations that Apollo Server has parsed, validated and answered before without asking it again. Everything
 * that depends on the request itself is done all the same: its variables, its price, its viewer's rights.
 */
export function createOperationCache(options: OperationCacheOptions): OperationCache {
  const { execute, assertWithinCost, report, responseCache } = options;
  const { queryTextOf } = options.documents;
  const maxDataBytes = options.maxBytes - extensionsBytes;
  const operations = new LRUCache<string, CachedOperation>({
    maxSize: maxBytes,
    sizeCalculation: (_operation, key) =>
      (2 + bytesPerCharacter + maxPlans * planBytesPerCharacter) * key.length + entryOverheadBytes,
  });
  const hasBeenSeen = createDoorkeeper();
  /** What is being answered by Apollo Server, which works on a copy of the context with the same things in it. */
  const resolvedOperations = new WeakMap<
    Context['usage'],
    Pick<CachedOperation, 'document' | 'operation'>
  >();
  let lastId = 0;
  /** What was executed, and went wrong or may be too large. */
  const failedResults = new WeakMap<Context['usage'], ExecutionResult>();

  return {
    plugin: {
      requestDidStart: () =>
        Promise.resolve({
          executionDidStart({ contextValue, document, operation }) {
            resolvedOperations.set(contextValue.usage, { document, operation });
            return Promise.resolve();
          },
        }),
    },

    record(body, accept, context, contentType) {
      const request = parseCacheableRequest(body, accept, queryTextOf);
      const cached = resolvedOperations.get(context.usage);
      if (request === undefined || cached === undefined || operations.has(request.key)) return;
      const hash = createHash('sha256').update(request.key).digest('base64');
      if (!hasBeenSeen(hash)) return;
      lastId += 1;
      operations.set(request.key, { ...cached, id: lastId, contentType });
    },

    async tryExecute(body, accept, context) {
      const request = parseCacheableRequest(body, accept, queryTextOf);
      const cached = request && operations.get(request.key);
      if (request === undefined || cached === undefined) return undefined;
      const { document, operation, contentType } = cached;
      const { operationName, variables } = request;
      const isQuery = operation.operation === OperationTypeNode.QUERY;
      const key = isQuery ? responseCache?.keyFor(cached.id, variables, context) : undefined;
      let data = key === undefined ? undefined : await responseCache?.get(key, context);
      if (data === undefined) {
        const execution: ExecutionRequest = { document, operationName, variables, context };
        try {
          assertWithinCost(execution);
        } catch {
          return undefined;
        }
        const result = await execute(execution);
        const { pause } = context.guard;
        if (result.errors !== undefined || (await isLargerThan(maxDataBytes, result.data, pause))) {
          failedResults.set(context.usage, result);
          return undefined;
        }
        await pause();
        data = JSON.stringify(result.data);
        if (key !== undefined) responseCache?.set(key, data, context);
      }
      report(context, { operation, document });
      const extensions = JSON.stringify({ upstream: usageExtension(context) });
      return { contentType, body: `{"data":${data},"extensions":${extensions}}\n` };
    },

    execute: (execution) => failedResults.get(execution.context.usage) ?? execute(execution),
  };
}
