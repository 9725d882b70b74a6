import type { GraphQLFormattedError } from 'graphql';
import type { ErrorCode } from '../graphql/errorCodes.ts';
import { publicCodeOf } from '../graphql/errors.ts';
import { isObject } from './resultText.ts';

/** What an agent does next. The retry time of `RATE_LIMITED` is added. */
const nextSteps: Readonly<Record<ErrorCode, string>> = {
  GRAPHQL_PARSE_FAILED: 'Tell the user that this tool is broken.',
  GRAPHQL_VALIDATION_FAILED: 'Tell the user that this tool is broken.',
  OPERATION_RESOLUTION_FAILURE: 'Tell the user that this tool is broken.',
  PERSISTED_QUERY_NOT_FOUND: 'Tell the user that this tool is broken.',
  PERSISTED_QUERY_NOT_SUPPORTED: 'Tell the user that this tool is broken.',
  BAD_REQUEST: 'Correct the arguments by the input schema of the tool.',
  BAD_USER_INPUT: 'Correct the argument. Take ids and cursors from results; do not guess them.',
  UNAUTHENTICATED: 'Ask the user to sign in again.',
  FORBIDDEN: 'Do not repeat it; tell the user that this is not permitted.',
  NOT_FOUND: 'Do not repeat it. Get the id from a list or search tool.',
  CONFLICT: 'Read the object again before you decide.',
  OUTCOME_UNKNOWN:
    'It may have happened. Read the object first; repeat only with the same idempotencyKey.',
  OPERATION_TOO_EXPENSIVE: 'Ask for less: fewer items or narrower conditions.',
  RATE_LIMITED: '',
  UPSTREAM_UNAUTHENTICATED: 'Do not repeat it; tell the user that the gateway needs another key.',
  UPSTREAM_FORBIDDEN: 'Do not repeat it; tell the user that the key of the gateway lacks a right.',
  UPSTREAM_TIMEOUT: 'Repeat it once after 10 s.',
  UPSTREAM_UNAVAILABLE: 'Repeat it once after 30 s.',
  UPSTREAM_INVALID_RESPONSE: 'Do not repeat it; tell the user, with the request id.',
  INTERNAL_SERVER_ERROR: 'Do not repeat it; tell the user, with the request id.',
};

/** After these, a write may have happened although it failed. */
const uncertainAfterWrite: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_UNAVAILABLE',
]);

const namesRequest: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INTERNAL_SERVER_ERROR',
  'UPSTREAM_INVALID_RESPONSE',
]);

const maxErrors = 5;
const maxMessageCharacters = 300;

/** The problems of single arguments that HelpCrunch reports. */
const fieldProblems = (fields: unknown): string =>
  Array.isArray(fields)
    ? fields
        .flatMap((field: unknown) =>
          isObject(field) && typeof field['path'] === 'string'
            ? [`${field['path']}: ${String(field['message']).slice(0, maxMessageCharacters)}`]
            : [],
        )
        .slice(0, maxErrors)
        .join(' ')
    : '';

function nextStepOf(code: ErrorCode, extensions: unknown, isMutation: boolean): string {
  if (code === 'RATE_LIMITED') {
    const waitMs = isObject(extensions) ? Number(extensions['retryAfterMs'] ?? 0) : 0;
    return `Repeat the same call after ${Math.max(1, Math.ceil(waitMs / 1_000))} s, not before.`;
  }
  return isMutation && uncertainAfterWrite.has(code) ? nextSteps.OUTCOME_UNKNOWN : nextSteps[code];
}

function describe(error: GraphQLFormattedError, isMutation: boolean): string {
  const { message, path, extensions } = error;
  const code = publicCodeOf(error);
  const reason = extensions?.['reason'];
  const requestId = extensions?.['requestId'];
  const place = path === undefined ? '' : ` at ${path.join('.')}`;
  const problem = message
    .replace(/ Retry after retryAfterMs\.$/, '')
    .slice(0, maxMessageCharacters);
  const fields = fieldProblems(extensions?.['fields']);
  return [
    `${code}${typeof reason === 'string' ? ` (${reason})` : ''}${place}: ${problem}`,
    ...(problem.includes(fields) ? [] : [fields]),
    ...(namesRequest.has(code) && typeof requestId === 'string'
      ? [`Request id: ${requestId}.`]
      : []),
    nextStepOf(code, extensions, isMutation),
  ]
    .join(' ')
    .trim();
}

/** Errors as text, each with what to do next. Errors that differ in their path only are listed once. */
export function describeErrors(
  errors: readonly GraphQLFormattedError[],
  { isMutation }: { readonly isMutation: boolean },
): string {
  const texts = new Map<string, string>();
  for (const error of errors) {
    const { path, ...rest } = error;
    const key = `${publicCodeOf(rest)} ${error.message} ${String(path?.at(-1))}`;
    if (!texts.has(key)) texts.set(key, describe(error, isMutation));
  }
  const shown = [...texts.values()].slice(0, maxErrors);
  const more = texts.size - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more errors.`] : [])].join('\n');
}
