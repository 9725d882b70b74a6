import { z } from 'zod';
import { ExportError } from './options.ts';

export const graphqlErrorSchema = z.object({
  message: z.string().default('unknown error'),
  path: z.array(z.union([z.string(), z.number()])).optional(),
  extensions: z
    .object({
      code: z.string().optional(),
      retryAfterMs: z.number().optional(),
      missed: z.boolean().optional(),
    })
    .default({}),
});

export type GraphqlError = z.infer<typeof graphqlErrorSchema>;

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

/** The error that no retry changes; undefined if there is none. */
export function permanentFailure(errors: readonly GraphqlError[]): ExportError | undefined {
  const credentials = errors.find((error) => credentialCodes.has(codeOf(error)));
  if (credentials !== undefined) return credentialsError(credentials);
  const rejected = errors.find((error) => !transientCodes.has(codeOf(error)));
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
