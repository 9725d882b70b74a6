import type { FormattedExecutionResult } from 'graphql';
import type { Context } from '../context.ts';
import { isLargerThan } from './responseBytes.ts';

type Result = FormattedExecutionResult;

/** A result that is too large is replaced by the error that says so. To write one that is not may take a turn of the event loop. */
export type LimitResult = (
  result: Result,
  context: Pick<Context, 'requestId' | 'guard'>,
) => Promise<Result>;

/** `maxBytes`: how long a result may be as JSON. */
export const createLimitResult =
  (maxBytes: number): LimitResult =>
  async (result, { requestId, guard }) => {
    // Over HTTP a line break follows.
    if (!(await isLargerThan(maxBytes - 1, result, guard.pause))) {
      await guard.pause();
      return result;
    }
    const error = {
      message: `The response is longer than ${maxBytes} bytes, which is the limit. Ask for less at once.`,
      extensions: { code: 'OPERATION_TOO_EXPENSIVE', retryable: false, requestId },
    };
    // Nothing else: a trace is as large as what it traces.
    const upstream = result.extensions?.['upstream'];
    return { errors: [error], data: null, extensions: { upstream } };
  };
