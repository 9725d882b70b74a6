import type { FormattedExecutionResult } from 'graphql';
import type { Context } from '../context.ts';
import { isLargerThan } from './responseBytes.ts';

type Result = FormattedExecutionResult;

/** Replaces a result that is too large with an error. Waits for a turn of the event loop before serialization. */
export type LimitResult = (
  result: Result,
  context: Pick<Context, 'requestId' | 'guard'>,
) => Promise<Result>;

/** `maxBytes` is the maximum length of a result as JSON. */
export const createLimitResult =
  (maxBytes: number): LimitResult =>
  async (result, { requestId, guard }) => {
    // HTTP responses end with a line break.
    if (!(await isLargerThan(maxBytes - 1, result, guard.pause))) {
      await guard.pause();
      return result;
    }
    const error = {
      message: `The response is longer than ${maxBytes} bytes, which is the limit. Ask for less at once.`,
      extensions: { code: 'OPERATION_TOO_EXPENSIVE', retryable: false, requestId },
    };
    // Other extensions are dropped: a trace is as large as its result.
    const upstream = result.extensions?.['upstream'];
    return { errors: [error], data: null, extensions: { upstream } };
  };
