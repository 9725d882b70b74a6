import type { GraphQLFormattedError } from 'graphql';
import type { ErrorCode } from '../graphql/errorCodes.ts';
import { publicCodeOf } from '../graphql/errors.ts';
import { isDictionary } from '../lib/shape.ts';

interface NextStep {
  /** What an agent does next. */
  readonly text: string;
  /** A write may have happened although it failed. */
  readonly isUncertainAfterWrite?: true;
  readonly isRepeatedAfterWait?: true;
  readonly needsRequestId?: true;
}

const brokenTool: NextStep = { text: 'Tell the user that this tool is broken.' };

const nextSteps: Readonly<Record<ErrorCode, NextStep>> = {
  GRAPHQL_PARSE_FAILED: brokenTool,
  GRAPHQL_VALIDATION_FAILED: brokenTool,
  OPERATION_RESOLUTION_FAILURE: brokenTool,
  PERSISTED_QUERY_NOT_FOUND: brokenTool,
  PERSISTED_QUERY_NOT_SUPPORTED: brokenTool,
  BAD_REQUEST: { text: 'Correct the arguments by the input schema of the tool.' },
  BAD_USER_INPUT: {
    text: 'Correct the argument. Take ids and cursors from results; do not guess them.',
  },
  UNAUTHENTICATED: { text: 'Ask the user to sign in again.' },
  FORBIDDEN: { text: 'Do not repeat it; tell the user that this is not permitted.' },
  NOT_FOUND: { text: 'Do not repeat it. Get the id from a list or search tool.' },
  CONFLICT: { text: 'Read the object again before you decide.' },
  OUTCOME_UNKNOWN: {
    text: 'It may have happened. Read the object first; repeat only with the same idempotencyKey.',
  },
  OPERATION_TOO_EXPENSIVE: { text: 'Ask for less: fewer items or narrower conditions.' },
  RATE_LIMITED: { text: 'Repeat the same call later.', isRepeatedAfterWait: true },
  UPSTREAM_UNAUTHENTICATED: {
    text: 'Do not repeat it; tell the user that the gateway needs another key.',
  },
  UPSTREAM_FORBIDDEN: {
    text: 'Do not repeat it; tell the user that the key of the gateway lacks a right.',
  },
  UPSTREAM_TIMEOUT: { text: 'Repeat it once after 10 s.', isUncertainAfterWrite: true },
  UPSTREAM_UNAVAILABLE: { text: 'Repeat it once after 30 s.', isUncertainAfterWrite: true },
  UPSTREAM_INVALID_RESPONSE: {
    text: 'Do not repeat it; tell the user, with the request id.',
    needsRequestId: true,
  },
  INTERNAL_SERVER_ERROR: {
    text: 'Do not repeat it; tell the user, with the request id.',
    needsRequestId: true,
  },
};

const maxErrors = 5;
const maxMessageCharacters = 300;

/** The problems of single arguments that HelpCrunch reports. */
const fieldProblems = (fields: unknown): string =>
  Array.isArray(fields)
    ? fields
        .flatMap((field: unknown) =>
          isDictionary(field) && typeof field['path'] === 'string'
            ? [`${field['path']}: ${String(field['message']).slice(0, maxMessageCharacters)}`]
            : [],
        )
        .slice(0, maxErrors)
        .join(' ')
    : '';

function nextStepOf(code: ErrorCode, extensions: unknown, isMutation: boolean): string {
  const { text, isUncertainAfterWrite, isRepeatedAfterWait } = nextSteps[code];
  if (isMutation && isUncertainAfterWrite) return nextSteps.OUTCOME_UNKNOWN.text;
  const waitMs = isDictionary(extensions) ? extensions['retryAfterMs'] : undefined;
  return isRepeatedAfterWait && typeof waitMs === 'number'
    ? `Repeat the same call after ${Math.max(1, Math.ceil(waitMs / 1_000))} s, not before.`
    : text;
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
    ...(nextSteps[code].needsRequestId && typeof requestId === 'string'
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
