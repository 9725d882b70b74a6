import type { FormattedExecutionResult } from 'graphql';
import type { Context } from '../context.ts';
import { publicError } from '../errors.ts';
import { whenSettled } from '../../lib/whenSettled.ts';
import { isLargerThan } from './responseBytes.ts';

type Result = FormattedExecutionResult;

/** Replaces a result that is too large with an error. Waits for a turn of the event loop before serialization. */
export type EnforceResponseLimit = (
  result: Result,
  context: Pick<Context, 'requestId' | 'guard'>,
) => Result | Promise<Result>;

/** `maxBytes` is the maximum length of a result as JSON. */
export const createResponseLimit =
  (maxBytes: number): EnforceResponseLimit =>
  (result, { requestId, guard }) =>
    // HTTP responses end with a line break.
    whenSettled(isLargerThan(maxBytes - 1, result, guard.pause), (isLarger) => {
      if (!isLarger) return whenSettled<unknown, Result>(guard.pause(), () => result);
      const error = publicError.responseTooLarge(
        `The response is longer than ${maxBytes} bytes, which is the limit. Request less data at once.`,
      );
      // Nothing else: a trace is as large as what it traces.
      const { upstream, eventId } = result.extensions ?? {};
      const extensions = eventId === undefined ? { upstream } : { upstream, eventId };
      return { errors: [error.format(requestId)], data: null, extensions };
    });
