import { z } from 'zod';
import type { Credentials } from './credentials.ts';
import { ExportError } from './options.ts';

/** The errors of a response. */
export function createErrorSchema(credentials: Credentials) {
  const printable = z.string().transform((text) => credentials.printable(text));
  return z.object({
    message: printable.default('unknown error'),
    path: z.array(z.union([z.string(), z.number()])).optional(),
    extensions: z
      .object({
        code: printable.optional(),
        retryAfterMs: z.number().optional(),
        missed: z.boolean().optional(),
      })
      .default({}),
  });
}

export type GraphqlError = z.infer<ReturnType<typeof createErrorSchema>>;

const credentialCodes: ReadonlySet<string> = new Set([
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'UPSTREAM_UNAUTHENTICATED',
  'UPSTREAM_FORBIDDEN',
]);

const transientCodes: ReadonlySet<string> = new Set([
  'RATE_LIMITED',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_INVALID_RESPONSE',
  'INTERNAL_SERVER_ERROR',
]);

const codeOf = ({ extensions }: GraphqlError): string => extensions.code ?? '';

const hasCode = (errors: readonly GraphqlError[], code: string): boolean =>
  errors.some((error) => codeOf(error) === code);

export const isTooExpensive = (errors: readonly GraphqlError[]): boolean =>
  hasCode(errors, 'OPERATION_TOO_EXPENSIVE');

export const isNotFound = (errors: readonly GraphqlError[]): boolean =>
  hasCode(errors, 'NOT_FOUND');

/** The list has changed too much since the cursor was issued, or it was encrypted with another key. */
export const isCursorRejected = (errors: readonly GraphqlError[]): boolean =>
  errors.some((error) => codeOf(error) === 'BAD_USER_INPUT' && error.message.startsWith('after: '));

/** How often an object, or the messages of a chat, are requested until it is skipped, by the code of the error. */
const attemptsByCode: Readonly<Record<string, number>> = {
  NOT_FOUND: 1,
  FORBIDDEN: 1,
  UPSTREAM_FORBIDDEN: 1,
  UPSTREAM_INVALID_RESPONSE: 4,
  INTERNAL_SERVER_ERROR: 4,
  UPSTREAM_UNAVAILABLE: 5,
  UPSTREAM_TIMEOUT: 5,
};
const maxRejectedCursors = 4;

const outageCodes: ReadonlySet<string> = new Set(['UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT']);

/** Whether the errors can be those of an outage, which concerns no single object. */
export const mayBeOutage = (errors: readonly GraphqlError[]): boolean =>
  errors.some((error) => outageCodes.has(codeOf(error)));

/** Why an object or the messages of a chat cannot be read; without errors there is no such object. Undefined for errors that do not concern one object. */
export function readFailureOf(
  errors: readonly GraphqlError[],
): { readonly code: string; readonly maxAttempts: number } | undefined {
  if (isCursorRejected(errors)) return { code: 'BAD_USER_INPUT', maxAttempts: maxRejectedCursors };
  const [first] = errors;
  const code = first === undefined ? 'NOT_FOUND' : codeOf(first);
  const maxAttempts = attemptsByCode[code];
  return maxAttempts === undefined ? undefined : { code, maxAttempts };
}

export class CursorRejectedError extends ExportError {}

/** The error that no retry changes; undefined if there is none. */
export function permanentFailure(errors: readonly GraphqlError[]): ExportError | undefined {
  const credentials = errors.find((error) => credentialCodes.has(codeOf(error)));
  if (credentials !== undefined) return credentialsError(credentials);
  const rejected = errors.find((error) => !transientCodes.has(codeOf(error)));
  if (isCursorRejected(errors))
    return new CursorRejectedError('REJECTED', `The gateway rejected a cursor again and again.`);
  return rejected && rejectedError(`${rejected.message} (${codeOf(rejected)})`);
}

export const rejectedError = (reason: string) =>
  new ExportError('REJECTED', `The gateway rejected the request: ${reason}`);

export const credentialsError = (error: GraphqlError) =>
  new ExportError(
    'CREDENTIALS',
    `The credentials were rejected: ${error.message} (${codeOf(error)}) Renew the token and run the export again; it continues.`,
  );

/** The shortest wait that admits a call: the waits of several calls of one operation differ. */
export function retryAfterOf(errors: readonly GraphqlError[]): number | undefined {
  const waits = errors.flatMap((error) =>
    codeOf(error) === 'RATE_LIMITED' ? [error.extensions.retryAfterMs ?? 1_000] : [],
  );
  return waits.length === 0 ? undefined : Math.min(...waits);
}
