import { setMaxListeners } from 'node:events';
import type { Clock } from '../lib/clock.ts';
import { Turns } from '../lib/turns.ts';
import { UpstreamError } from '../upstream/errors.ts';
import type { Caller, Context } from './context.ts';
import { ExecutionGuard } from './execution/executionGuard.ts';

/** An admitted query or mutation. */
export interface OpenedOperation {
  readonly context: Context;
  /** Aborts its upstream calls because the client has disconnected. */
  abort(): void;
  /** Must be called when the response is ready. */
  close(): void;
}

interface OpenOperationOptions {
  readonly createContext: (caller: Caller) => Context;
  readonly timeoutMs: number;
  /** How many objects a response may contain. */
  readonly maxNodes: number;
  readonly clock: Clock;
  /** Called once for each operation whose own key was rejected upstream, on every entry point. */
  readonly onRejectedKey: (caller: Pick<Caller, 'address' | 'requestId'>) => void;
}

export type OpenOperation = (
  caller: Omit<Caller, 'signal' | 'deadlineMs' | 'guard'>,
) => OpenedOperation;

/** How long operations may hold the event loop, and how many response objects they may start in that time. */
const turnMs = 25;
const turnUnits = 1_000;

/** The abort reason after the client has disconnected. It is not logged. */
export const clientDisconnectedError = new UpstreamError('unavailable', 'The client has left.');

const deadlineError = new UpstreamError('timeout', 'The operation reached its deadline.');

/** Each operation has its own deadline, after which pending upstream calls fail with `timeout`. */
export function createOpenOperation(parts: OpenOperationOptions): OpenOperation {
  const { createContext, timeoutMs, maxNodes, clock, onRejectedKey } = parts;
  const turns = new Turns({ now: () => clock.monotonic(), turnMs, turnUnits });
  const errors = { left: clientDisconnectedError, late: deadlineError };
  return (caller) => {
    const deadlineMs = clock.monotonic() + timeoutMs;
    let controller: AbortController | undefined;
    let cancelTimer = (): void => undefined;
    let isAborted = false;
    let isClosed = false;

    /** Created on first use: operations without upstream calls need none. */
    function signal(): AbortSignal {
      if (controller !== undefined) return controller.signal;
      const created = new AbortController();
      controller = created;
      // Every upstream call adds a listener.
      setMaxListeners(0, created.signal);
      if (isAborted) created.abort(clientDisconnectedError);
      else if (!isClosed) {
        cancelTimer = clock.after(Math.max(0, deadlineMs - clock.monotonic()), () => {
          created.abort(deadlineError);
        });
      }
      return created.signal;
    }

    function abort(): void {
      isAborted = true;
      controller?.abort(clientDisconnectedError);
    }

    const span = caller.span?.child('work', 'graphql');
    const guard = new ExecutionGuard({
      maxNodes,
      turns,
      errors,
      hasLeft: () => isAborted,
      isLate: () => clock.monotonic() >= deadlineMs,
      abort,
    });
    // Spreading `caller` takes as long as a response cache hit.
    const context = createContext({
      requestId: caller.requestId,
      viewer: caller.viewer,
      viewerId: caller.viewerId,
      address: caller.address,
      quotaClient: caller.quotaClient,
      apiKey: caller.apiKey,
      account: caller.account,
      bypassesCache: caller.bypassesCache,
      isBackground: caller.isBackground === true,
      signal,
      deadlineMs,
      span,
      guard,
    });
    return {
      context,
      abort,
      close() {
        isClosed = true;
        cancelTimer();
        if (context.usage.isKeyRejected === true) onRejectedKey(caller);
        span?.end();
      },
    };
  };
}
