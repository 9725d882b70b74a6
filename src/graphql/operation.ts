import { setMaxListeners } from 'node:events';
import type { Clock } from '../support/clock.ts';
import { Turns } from '../support/turns.ts';
import { UpstreamError } from '../upstream/errors.ts';
import type { Caller, Context } from './context.ts';
import { ExecutionGuard } from './executionGuard.ts';

/** One query or mutation, from the moment it is let in. */
export interface Operation {
  readonly context: Context;
  /** Stops its calls, because the client has left. */
  abandon(): void;
  /** Must be called when the answer is ready. */
  close(): void;
}

interface Parts {
  readonly createContext: (caller: Caller) => Context;
  readonly timeoutMs: number;
  /** How many objects a response may contain. */
  readonly maxNodes: number;
  readonly clock: Clock;
  /** Called once for each operation whose own key was rejected upstream, on every entry point. */
  readonly onRejectedKey: (caller: Pick<Caller, 'address' | 'requestId'>) => void;
}

export type OpenOperation = (caller: Omit<Caller, 'signal' | 'deadlineMs' | 'guard'>) => Operation;

/** How long operations may hold the event loop, and how many objects of their responses may be begun in that time. */
const turnMs = 25;
const turnUnits = 1_000;

/** Why the calls of an operation end when nobody waits for its answer; nobody needs to hear of it. */
export const clientLeft = new UpstreamError('unavailable', 'The client has left.');

const tookTooLong = new UpstreamError('timeout', 'The operation took too long.');

/** Gives each operation a deadline of its own: whatever it still waits for then fails with `timeout`. */
export function createOpenOperation(parts: Parts): OpenOperation {
  const { createContext, timeoutMs, maxNodes, clock, onRejectedKey } = parts;
  const turns = new Turns({ now: () => clock.monotonic(), turnMs, turnUnits });
  const errors = { left: clientLeft, late: tookTooLong };
  return (caller) => {
    const deadlineMs = clock.monotonic() + timeoutMs;
    let controller: AbortController | undefined;
    let cancelTimer = (): void => undefined;
    let hasLeft = false;
    let isOver = false;

    /** Made when the first call listens: many operations need none. */
    function signal(): AbortSignal {
      if (controller !== undefined) return controller.signal;
      const made = new AbortController();
      controller = made;
      // Every call of the operation listens, and there may be many at once.
      setMaxListeners(0, made.signal);
      if (hasLeft) made.abort(clientLeft);
      else if (!isOver) {
        cancelTimer = clock.after(Math.max(0, deadlineMs - clock.monotonic()), () => {
          made.abort(tookTooLong);
        });
      }
      return made.signal;
    }

    function abandon(): void {
      hasLeft = true;
      controller?.abort(clientLeft);
    }

    const span = caller.span?.child('work', 'graphql');
    const guard = new ExecutionGuard({
      maxNodes,
      turns,
      errors,
      hasLeft: () => hasLeft,
      isLate: () => clock.monotonic() >= deadlineMs,
      abort: abandon,
    });
    // Each by its name: to spread the caller takes as long as to find a whole answer.
    const context = createContext({
      requestId: caller.requestId,
      viewer: caller.viewer,
      viewerId: caller.viewerId,
      address: caller.address,
      client: caller.client,
      key: caller.key,
      tenant: caller.tenant,
      isRefresh: caller.isRefresh,
      signal,
      deadlineMs,
      span,
      guard,
    });
    return {
      context,
      abandon,
      close() {
        isOver = true;
        cancelTimer();
        if (context.usage.isKeyRejected === true) onRejectedKey(caller);
        span?.end();
      },
    };
  };
}
