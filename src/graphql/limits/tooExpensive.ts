import { publicError } from '../errors.ts';

/** Rejects an operation before it is executed. */
export const operationTooExpensiveError = (message: string) => publicError.tooExpensive(message);

/** Ends an operation that was executed: the HTTP status stays 200. */
export const responseTooLargeError = (message: string) =>
  publicError.tooExpensive(message, { status: 200 });
