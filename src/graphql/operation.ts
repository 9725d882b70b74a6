import { AbortScope } from '../lib/abortScope.ts';
import type { Clock } from '../lib/clock.ts';
import { EventLoopTurns } from '../lib/turns.ts';
import { requestIdAttribute } from '../observability/tracing.ts';
import { UpstreamError } from '../upstream/errors.ts';
import type { Caller, Context } from './context.ts';
import { ExecutionGuard } from './execution/executionGuard.ts';
import type { RunningMutations } from './runningMutations.ts';

/** An admitted query or mutation. */
export interface OpenedOperation {
  readonly context: Context;
  /** Aborts its upstream calls because the client has disconnected. Mutations continue. */
  disconnect(): void;
  /** Must be called when the response is ready. */
  close(): void;
}

interface OpenOperationOptions {
  readonly createContext: (caller: Caller) => Context;
  readonly timeoutMs: number;
  /** How many objects a response may contain. */
  readonly maxNodes: number;
  readonly clock: Clock;
  readonly mutations: RunningMutations;
  /** Called once for each operation whose own key was rejected upstream, on every entry point. */
  readonly onRejectedKey: (
    caller: Pick<Caller, 'address' | 'isRouter' | 'requestId' | 'span'>,
  ) => void;
}

export type OpenOperation = (
  caller: Omit<Caller, 'signal' | 'deadlineMs' | 'guard'>,
) => OpenedOperation;

/** How long operations may hold the event loop, and how many response objects they may start in that time. */
const turnMs = 25;
const turnUnits = 1_000;

/** A failed call is the cause of an error for each missing field. */
const maxResponseErrors = 1_000;

/** The abort reason after the client has disconnected. It is not logged. */
export const clientDisconnectedError = new UpstreamError(
  'unavailable',
  'The client has disconnected.',
);

/** The abort reason of mutations that exceed the grace period of a shutdown. */
const shutdownError = new UpstreamError('unavailable', 'The gateway is shutting down.');

const deadlineError = new UpstreamError('timeout', 'The operation reached its deadline.');

/** The time that an operation has, and the signal that ends its upstream calls. */
class OperationLifetime {
  readonly deadlineMs: number;
  readonly #clock: Clock;
  readonly #mutations: RunningMutations;
  #scope: AbortScope | undefined;
  #cancelTimer = (): void => undefined;
  #abortReason: Error | undefined;
  #isDisconnected = false;
  #isClosed = false;
  /** Set for mutations. */
  #finishMutation: (() => void) | undefined;

  constructor({ clock, mutations, timeoutMs }: OpenOperationOptions) {
    this.#clock = clock;
    this.#mutations = mutations;
    this.deadlineMs = clock.monotonic() + timeoutMs;
  }

  /** Whether the operation ends because its client has disconnected. Mutations do not. */
  get isAbandoned(): boolean {
    return this.#isDisconnected && this.#finishMutation === undefined;
  }

  get isLate(): boolean {
    return this.#clock.monotonic() >= this.deadlineMs;
  }

  /** Created on first use: operations without upstream calls need none. */
  readonly signal = (): AbortScope => {
    if (this.#scope !== undefined) return this.#scope;
    const scope = new AbortScope();
    this.#scope = scope;
    const reason = this.isAbandoned ? clientDisconnectedError : this.#abortReason;
    if (reason !== undefined) scope.abort(reason);
    else if (!this.#isClosed) {
      const leftMs = Math.max(0, this.deadlineMs - this.#clock.monotonic());
      this.#cancelTimer = this.#clock.after(leftMs, () => scope.abort(deadlineError));
    }
    return scope;
  };

  startMutation(): void {
    this.#finishMutation ??= this.#mutations.add(() => this.abort(shutdownError));
  }

  disconnect(): void {
    this.#isDisconnected = true;
    if (this.isAbandoned) this.#scope?.abort(clientDisconnectedError);
  }

  abort(reason: Error): void {
    this.#abortReason = reason;
    this.#scope?.abort(reason);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer();
    this.#finishMutation?.();
  }
}

/** Each operation has its own deadline, after which pending upstream calls fail with `timeout`. */
export function createOpenOperation(parts: OpenOperationOptions): OpenOperation {
  const { createContext, maxNodes, clock, onRejectedKey } = parts;
  const turns = new EventLoopTurns({ now: () => clock.monotonic(), turnMs, turnUnits });
  const errors = { disconnected: clientDisconnectedError, late: deadlineError };
  return (caller) => {
    const lifetime = new OperationLifetime(parts);
    const span = caller.span?.child('work', 'graphql', {
      [requestIdAttribute]: caller.requestId,
    });
    const guard = new ExecutionGuard({
      maxNodes,
      // A router needs the error of each reference.
      maxErrors: caller.isRouter === true ? Infinity : maxResponseErrors,
      turns,
      errors,
      isDisconnected: () => lifetime.isAbandoned,
      isLate: () => lifetime.isLate,
      abort: () => lifetime.abort(clientDisconnectedError),
      onMutation: () => lifetime.startMutation(),
    });
    // Spreading `caller` takes as long as a response cache hit.
    const context = createContext({
      requestId: caller.requestId,
      viewer: caller.viewer,
      viewerId: caller.viewerId,
      address: caller.address,
      application: caller.application,
      quotaKey: caller.quotaKey,
      apiKey: caller.apiKey,
      account: caller.account,
      bypassesCache: caller.bypassesCache,
      isBackground: caller.isBackground === true,
      isRouter: caller.isRouter === true,
      otherClients: caller.otherClients,
      signal: lifetime.signal,
      deadlineMs: lifetime.deadlineMs,
      span,
      guard,
    });
    return {
      context,
      disconnect: () => lifetime.disconnect(),
      close() {
        lifetime.close();
        if (context.usage.isKeyRejected === true) onRejectedKey(caller);
        span?.end();
      },
    };
  };
}
