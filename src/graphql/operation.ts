import { setMaxListeners } from 'node:events';
import type { Clock } from '../lib/clock.ts';
import { Turns } from '../lib/turns.ts';
import { UpstreamError } from '../upstream/errors.ts';
import type { Caller, Context } from './context.ts';
import { ExecutionGuard } from './execution/executionGuard.ts';

/** One query or mutation, from the moment it is let in. */
export interface OpenedOperation {
  readonly context: Context;
  /** Stops its calls, because the client has left. */
  abort(): void;
  /** Must be called when the answer is ready. */
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

/** How long operations may hold the event loop, and how many objects of their responses may be begun in that time. */
const turnMs = 25;
const turnUnits = 1_000;

/** Why the calls of an operation end when nobody waits for its answer; nobody needs to hear of it. */
export const clientDisconnectedError = new UpstreamError('unavailable', 'The client has left.');

const tookTooLong = new UpstreamError('timeout', 'The operation took too long.');

/** Gives each operation a deadline of its own: whatever it still waits for then fails with `timeout`. */
export function createOpenOperation(parts: OpenOperationOptions): OpenOperation {
  const { createContext, timeoutMs, maxNodes, clock, onRejectedKey } = parts;
  const turns = new Turns({ now: () => clock.monotonic(), turnMs, turnUnits });
  const errors = { left: clientDisconnectedError, late: tookTooLong };
  return (caller) => {
    const deadlineMs = clock.monotonic() + timeoutMs;
    let controller: AbortController | undefined;
    let cancelTimer = (): void => undefined;
    let isAborted = false;
    let isClosed = false;

    /** Made when the first call listens: many operations need none. */
    function signal(): AbortSignal {
      if (controller !== undefined) return controller.signal;
      const created = new AbortController();
      controller = created;
      // Every call of the operation listens, and there may be many at once.
      setMaxListeners(0, created.signal);
      if (isAborted) created.abort(clientDisconnectedError);
      else if (!isClosed) {
        cancelTimer = clock.after(Math.max(0, deadlineMs - clock.monotonic()), () => {
          created.abort(tookTooLong);
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
      abort: abort,
    });
    // Each by its name: to spread the caller takes as long as to find a whole answer.
    const context = createContext({
      requestId: caller.requestId,
      viewer: caller.viewer,
      viewerId: caller.viewerId,
      address: caller.address,
      quotaClient: caller.quotaClient,
      apiKey: caller.apiKey,
      account: caller.account,
      bypassesCache: caller.bypassesCache,
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
