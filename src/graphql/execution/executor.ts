import type { DocumentNode, ExecutionResult } from 'graphql';
import type { Context } from '../context.ts';

/** Executes one operation of a document. It can run many times, with other variables each time. For a subscription, `rootValue` is an event. */
export type ExecutableOperation = (
  variables: Readonly<Record<string, unknown>> | undefined,
  context: Context,
  rootValue?: unknown,
) => ExecutionResult | Promise<ExecutionResult>;

/** Prepares an operation of a valid document. Without a name, the document must have only one operation. */
export type PrepareOperation = (
  document: DocumentNode,
  operationName?: string | null,
) => ExecutableOperation;
