import type {
  ExecutionResult,
  GraphQLError,
  GraphQLField,
  GraphQLFieldResolver,
  GraphQLResolveInfo,
} from 'graphql';
import {
  defaultFieldResolver,
  getNamedType,
  getOperationAST,
  isCompositeType,
  isObjectType,
  locatedError,
  OperationTypeNode,
  responsePathAsArray,
} from 'graphql';
import type { GraphQLSchema } from 'graphql';
import { maxPageSize } from '../../lib/paging.ts';
import { afterPromises, EventLoopTurns } from '../../lib/turns.ts';
import type { Schedule } from '../../lib/turns.ts';
import type { Context } from '../context.ts';
import { publicError } from '../errors.ts';
import type { PrepareOperation } from './executor.ts';
import type { Pause } from '../limits/responseBytes.ts';
import { asError } from '../../lib/asError.ts';

type Resolver = GraphQLFieldResolver<unknown, Context>;
type Result = ExecutionResult | Promise<ExecutionResult>;

/**
 * The number of fields that may be resolved after the deadline. An operation that waited for an upstream call at its deadline can then
 * still return partial results, such as the result of a write.
 */
const maxLateFields = 1_000;

/** Longer lists are completed in several turns of the event loop. Only lists without `first`, such as a router's references, are longer. */
const maxItemsAtOnce = maxPageSize;

interface GuardOptions {
  /** How many objects a response may contain. */
  readonly maxNodes: number;
  /** How many errors a response may contain. */
  readonly maxErrors: number;
  readonly turns: EventLoopTurns;
  readonly isDisconnected: () => boolean;
  /** Whether the deadline has passed. */
  readonly isLate: () => boolean;
  /** The error of an operation whose client has disconnected, or whose deadline has passed. */
  readonly errors: { readonly disconnected: Error; readonly late: Error };
  /** Aborts the upstream calls of the operation. */
  readonly abort: () => void;
  /** Called before a mutation is executed. */
  readonly onMutation: () => void;
}

const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function';

const nodesIn = (value: unknown): number => {
  if (Array.isArray(value)) return value.length;
  return value === null || value === undefined ? 0 : 1;
};

/**
 * Limits the execution of one operation: the number of objects in its response, its duration, and how long it blocks the event loop. All
 * executors resolve fields that return objects through it.
 */
export class ExecutionGuard {
  readonly #options: GuardOptions;
  #nodes = 0;
  #lateFields = 0;
  #result: ExecutionResult | undefined;
  #onStop: ((result: ExecutionResult) => void) | undefined;
  /** The value of fields after a stop: a pending promise, so that the executor neither continues nor adds an error. */
  readonly #never = new Promise<never>(() => undefined);
  /** The number of tasks deferred to another turn of the event loop. */
  #deferred = 0;
  /** The number of deferred tasks that ran in this turn. */
  #resumed = 0;
  #heldBatches: (() => void)[] = [];

  constructor(options: GuardOptions) {
    this.#options = options;
  }

  get maxErrors(): number {
    return this.#options.maxErrors;
  }

  /** Executes the operation. After a stop, the result is the reason, even if fields are pending. */
  execute(execution: () => Result, type?: OperationTypeNode): Result {
    if (type === OperationTypeNode.MUTATION) this.#options.onMutation();
    const result = execution();
    if (this.#result !== undefined) return this.#result;
    if (!isPromise(result)) return this.#withLimitedErrors(result);
    return new Promise((resolve, reject) => {
      this.#onStop = resolve;
      result.then((settled) => resolve(this.#withLimitedErrors(settled)), reject);
    });
  }

  /** Every field of a long list may fail; the first errors are enough to find the cause. */
  #withLimitedErrors(result: ExecutionResult): ExecutionResult {
    const { maxErrors } = this.#options;
    return result.errors === undefined || result.errors.length <= maxErrors
      ? result
      : { ...result, errors: result.errors.slice(0, maxErrors) };
  }

  /** Resolves a field that returns objects, with the parameters of its resolver. */
  resolve(resolver: Resolver, ...parameters: Parameters<Resolver>): unknown {
    const info = parameters[3];
    if (this.#isStopped(info)) return this.#never;
    if (!this.#options.turns.isSpent()) return this.#admit(resolver(...parameters), info);
    return this.#later(() =>
      this.#isStopped(info) ? this.#never : this.#admit(resolver(...parameters), info),
    );
  }

  /** Runs a batch of loads when all fields that may add to it have been resolved, including deferred ones. */
  readonly schedule: Schedule = (batch) => {
    afterPromises(() => {
      if (this.#deferred > 0) this.#heldBatches.push(batch);
      else if (this.#result === undefined) batch();
    });
  };

  /** Waits for another turn of the event loop if the time of this one is used up. */
  readonly pause: Pause = () => {
    const { turns } = this.#options;
    return turns.isSpent() ? new Promise((resolve) => turns.defer(resolve)) : undefined;
  };

  #admit(value: unknown, info: GraphQLResolveInfo): unknown {
    if (!isPromise(value)) return this.#count(value, info);
    return value.then((found) => {
      const counted = this.#count(found, info);
      // Yields to other operations before the executor completes the value.
      return this.#result === undefined && this.#options.turns.isSpent()
        ? this.#later(() => counted)
        : counted;
    });
  }

  #count(value: unknown, info: GraphQLResolveInfo): unknown {
    const { maxNodes, turns } = this.#options;
    const nodes = nodesIn(value);
    turns.addUnits(Math.min(nodes, maxItemsAtOnce));
    this.#nodes += nodes;
    if (this.#nodes > maxNodes) {
      this.#stop(
        publicError.responseTooLarge(
          `The response has more than ${maxNodes} objects, which is the limit.`,
        ),
        info,
      );
    }
    if (this.#result !== undefined) return this.#never;
    return Array.isArray(value) && value.length > maxItemsAtOnce ? this.#divided(value) : value;
  }

  /** Splits a long list: later items resolve in other turns of the event loop. */
  #divided(items: readonly unknown[]): readonly unknown[] {
    const { turns } = this.#options;
    return items.map((item, index) => {
      if (index < maxItemsAtOnce) return item;
      // The promise may reject before the executor awaits it.
      if (isPromise(item)) item.catch(() => undefined);
      return this.#later(() => {
        turns.addUnits(1);
        return this.#result === undefined ? item : this.#never;
      });
    });
  }

  #isStopped(info: GraphQLResolveInfo): boolean {
    if (this.#result !== undefined) return true;
    const reason = this.#reasonToStop();
    if (reason !== undefined) this.#stop(reason, info);
    return reason !== undefined;
  }

  #reasonToStop(): Error | undefined {
    const { isDisconnected, isLate, errors } = this.#options;
    if (isDisconnected()) return errors.disconnected;
    if (!isLate()) return undefined;
    this.#lateFields += 1;
    return this.#lateFields > maxLateFields ? errors.late : undefined;
  }

  #stop(reason: Error, { fieldNodes, path }: GraphQLResolveInfo): void {
    if (this.#result !== undefined) return;
    const error: GraphQLError = locatedError(reason, fieldNodes, responsePathAsArray(path));
    this.#result = { data: null, errors: [error] };
    this.#heldBatches = [];
    this.#options.abort();
    this.#onStop?.(this.#result);
  }

  #later(work: () => unknown): Promise<unknown> {
    this.#deferred += 1;
    return new Promise((resolve, reject) => {
      this.#options.turns.defer(() => {
        try {
          resolve(work());
        } catch (error) {
          reject(asError(error));
        }
        this.#resumed += 1;
        if (this.#resumed === 1) afterPromises(() => this.#endTurn());
      });
    });
  }

  #endTurn(): void {
    this.#deferred -= this.#resumed;
    this.#resumed = 0;
    if (this.#deferred > 0) return;
    const batches = this.#heldBatches;
    this.#heldBatches = [];
    for (const batch of batches) batch();
  }
}

/** A guard without limits, for contexts that execute nothing, such as an event subscription. */
export const createUnlimitedGuard = (): ExecutionGuard =>
  new ExecutionGuard({
    maxNodes: Infinity,
    maxErrors: Infinity,
    turns: new EventLoopTurns({ now: () => 0, turnMs: Infinity, turnUnits: Infinity }),
    isDisconnected: () => false,
    isLate: () => false,
    errors: {
      disconnected: new Error('There is no client.'),
      late: new Error('There is no deadline.'),
    },
    abort: () => undefined,
    onMutation: () => undefined,
  });

/** Resolves every field that returns objects through the guard of its operation. */
export function guardResolvers(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    const fields: readonly GraphQLField<unknown, Context>[] = Object.values(type.getFields());
    for (const field of fields) {
      if (!isCompositeType(getNamedType(field.type))) continue;
      const { resolve = defaultFieldResolver } = field;
      field.resolve = (parent, args, context, info) =>
        context.guard.resolve(resolve, parent, args, context, info);
    }
  }
  return schema;
}

/** Runs every operation in its guard. */
export const withGuard =
  (executor: PrepareOperation): PrepareOperation =>
  (document, operationName) => {
    const execute = executor(document, operationName);
    const type = getOperationAST(document, operationName)?.operation;
    return (variables, context, rootValue) =>
      context.guard.execute(() => execute(variables, context, rootValue), type);
  };
