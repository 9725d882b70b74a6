import { CombinedGraphQLErrors } from '@apollo/client/errors';

export interface Problem {
  readonly title: string;
  readonly hint: string;
  /** Null: a retry does not help. Undefined: the time is unknown. */
  readonly retryAfterMs: number | null | undefined;
}

const unreachable = {
  title: 'The gateway cannot be reached',
  hint: 'It may be restarting. The data shown may be outdated.',
  retryAfterMs: undefined,
};

const problems: Readonly<Record<string, Omit<Problem, 'retryAfterMs'>>> = {
  RATE_LIMITED: {
    title: 'The rate limit is reached',
    hint: 'The account has used all HelpCrunch calls of this minute.',
  },
  UPSTREAM_UNAVAILABLE: {
    title: 'HelpCrunch is not available',
    hint: 'The data shown may be outdated.',
  },
  UPSTREAM_TIMEOUT: {
    title: 'HelpCrunch did not respond in time',
    hint: 'It may be overloaded.',
  },
  NOT_FOUND: {
    title: 'Not found',
    hint: 'It may have been deleted in HelpCrunch.',
  },
  UNAUTHENTICATED: {
    title: 'You are not signed in',
    hint: 'Sign in again.',
  },
  FORBIDDEN: {
    title: 'You do not have permission to view this',
    hint: 'Contact the administrator of the account.',
  },
};

/** The title and hint that are shown for an error. */
export function problemOf(error: Error): Problem {
  if (!CombinedGraphQLErrors.is(error)) return unreachable;
  const [first] = error.errors;
  const { code, retryable, retryAfterMs, requestId } = first?.extensions ?? {};
  const known = problems[String(code)] ?? {
    title: 'Something went wrong',
    hint:
      typeof requestId === 'string' ? `Report this request id to the operator: ${requestId}.` : '',
  };
  const wait = typeof retryAfterMs === 'number' ? retryAfterMs : undefined;
  return { ...known, retryAfterMs: retryable === true ? wait : null };
}
