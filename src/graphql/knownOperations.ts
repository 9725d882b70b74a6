import { createHash } from 'node:crypto';
import type { ApolloServerPlugin } from '@apollo/server';
import type { DocumentNode, ExecutionResult, OperationDefinitionNode } from 'graphql';
import { OperationTypeNode } from 'graphql';
import { LRUCache } from 'lru-cache';
import type { Admit } from './admission.ts';
import { usageOf } from './answer.ts';
import { createRepeats } from '../support/repeats.ts';
import type { Context } from './context.ts';
import { bytesPerCharacter } from './documents.ts';
import type { Documents } from './documents.ts';
import type { Execute, Execution } from './execution.ts';
import { isAsked } from './listedOperations.ts';
import { maxPlans } from './plannedExecution.ts';
import type { ReadyAnswers } from './readyAnswers.ts';
import type { Report } from './report.ts';
import { isLargerThan } from './responseBytes.ts';

/** What Apollo Server has found out about the text of an operation. */
interface Known {
  /** No other has it, not even one that comes after this was forgotten. */
  readonly id: number;
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly contentType: string;
}

/** A request in the one form in which it may be answered here. */
interface Request {
  readonly key: string;
  readonly operationName: string | null;
  readonly variables: Readonly<Record<string, unknown>>;
}

/** What comes of an operation that was answered here. */
export interface QuickAnswer {
  readonly contentType: string;
  readonly body: string;
}

const maxBytes = 67_108_864;
/** More than what a response has beside its data. */
const extensionsBytes = 1_024;
const entryBytes = 500;
/** What a plan takes, by the length of the text: measured at 81. */
const planBytesPerCharacter = 85;

/** Undefined for all that is not an operation with a name and variables, which is for Apollo Server to make sense of. */
function readRequest(
  body: unknown,
  accept: string,
  textOf: Documents['textOf'],
): Request | undefined {
  if (!isAsked(body)) return undefined;
  const { operationName = null, variables } = body;
  if (operationName !== null && typeof operationName !== 'string') return undefined;
  if (variables !== undefined && variables !== null && !isAsked(variables)) return undefined;
  const text = textOf(body);
  if (text === undefined) return undefined;
  return {
    key: `${accept}\n${operationName ?? ''}\n${text}`,
    operationName,
    variables: variables ?? {},
  };
}

export interface KnownOperations {
  /** Learns what Apollo Server finds out. */
  readonly plugin: ApolloServerPlugin<Context>;
  /** Notes that Apollo Server has answered a POST without an error. What it has answered twice is known. */
  learn(body: unknown, accept: string, context: Context, contentType: string): void;
  /** Undefined for what Apollo Server must answer: what is new, what goes wrong, and what may be too large. It is not executed a second time for that. */
  answer(body: unknown, accept: string, context: Context): Promise<QuickAnswer | undefined>;
  /** Executes what Apollo Server has let in, unless `answer` did. */
  readonly execute: Execute;
}

interface Parts {
  readonly execute: Execute;
  readonly admit: Admit;
  readonly report: Report;
  readonly documents: Documents;
  /** How long a response may be. */
  readonly maxBytes: number;
  /** Undefined where each answer is made anew. */
  readonly ready?: ReadyAnswers | undefined;
}

/**
 * Answers the operations that Apollo Server has parsed, validated and answered before without asking it again. Everything
 * that depends on the request itself is done all the same: its variables, its price, its viewer's rights.
 */
export function createKnownOperations(parts: Parts): KnownOperations {
  const { execute, admit, report, ready } = parts;
  const { textOf } = parts.documents;
  const maxDataBytes = parts.maxBytes - extensionsBytes;
  const known = new LRUCache<string, Known>({
    maxSize: maxBytes,
    sizeCalculation: (_operation, key) =>
      (2 + bytesPerCharacter + maxPlans * planBytesPerCharacter) * key.length + entryBytes,
  });
  const isRepeated = createRepeats();
  /** What is being answered by Apollo Server, which works on a copy of the context with the same things in it. */
  const resolved = new WeakMap<Context['usage'], Pick<Known, 'document' | 'operation'>>();
  let lastId = 0;
  /** What was executed, and went wrong or may be too large. */
  const executed = new WeakMap<Context['usage'], ExecutionResult>();

  return {
    plugin: {
      requestDidStart: () =>
        Promise.resolve({
          executionDidStart({ contextValue, document, operation }) {
            resolved.set(contextValue.usage, { document, operation });
            return Promise.resolve();
          },
        }),
    },

    learn(body, accept, context, contentType) {
      const request = readRequest(body, accept, textOf);
      const found = resolved.get(context.usage);
      if (request === undefined || found === undefined || known.has(request.key)) return;
      const hash = createHash('sha256').update(request.key).digest('base64');
      if (!isRepeated(hash)) return;
      lastId += 1;
      known.set(request.key, { ...found, id: lastId, contentType });
    },

    async answer(body, accept, context) {
      const request = readRequest(body, accept, textOf);
      const found = request && known.get(request.key);
      if (request === undefined || found === undefined) return undefined;
      const { document, operation, contentType } = found;
      const { operationName, variables } = request;
      const isQuery = operation.operation === OperationTypeNode.QUERY;
      const key = isQuery ? ready?.keyOf(found.id, variables, context) : undefined;
      let data = key === undefined ? undefined : await ready?.find(key, context);
      if (data === undefined) {
        const execution: Execution = { document, operationName, variables, context };
        try {
          admit(execution);
        } catch {
          return undefined;
        }
        const result = await execute(execution);
        const { pause } = context.guard;
        if (result.errors !== undefined || (await isLargerThan(maxDataBytes, result.data, pause))) {
          executed.set(context.usage, result);
          return undefined;
        }
        await pause();
        data = JSON.stringify(result.data);
        if (key !== undefined) ready?.keep(key, data, context);
      }
      report(context, { operation, document });
      const extensions = JSON.stringify({ upstream: usageOf(context) });
      return { contentType, body: `{"data":${data},"extensions":${extensions}}\n` };
    },

    execute: (execution) => executed.get(execution.context.usage) ?? execute(execution),
  };
}
