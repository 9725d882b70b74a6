import { CombinedGraphQLErrors } from '@apollo/client/errors';

export interface Problem {
  readonly title: string;
  readonly hint: string;
  /** Null: trying again does not help. Undefined: nobody knows how long it takes. */
  readonly retryAfterMs: number | null | undefined;
}

const gone = {
  title: 'The gateway cannot be reached',
  hint: 'It may be starting anew. What you see may be out of date.',
  retryAfterMs: undefined,
};

const problems: Readonly<Record<string, Omit<Problem, 'retryAfterMs'>>> = {
  RATE_LIMITED: {
    title: 'The helpdesk needs a short break',
    hint: 'The account has used up its calls for this minute.',
  },
  UPSTREAM_UNAVAILABLE: {
    title: 'The helpdesk does not answer',
    hint: 'This is on their side. What you see may be out of date.',
  },
  UPSTREAM_TIMEOUT: {
    title: 'The helpdesk takes too long',
    hint: 'It may be busy.',
  },
  NOT_FOUND: {
    title: 'This is not there any more',
    hint: 'It may have been deleted in the helpdesk.',
  },
  UNAUTHENTICATED: {
    title: 'You are not signed in',
    hint: 'Sign in again to go on.',
  },
  FORBIDDEN: {
    title: 'You may not see this',
    hint: 'Ask whoever runs the account.',
  },
};

/** What to tell the reader of a failure. */
export function problemOf(error: Error): Problem {
  if (!CombinedGraphQLErrors.is(error)) return gone;
  const [first] = error.errors;
  const { code, retryable, retryAfterMs, requestId } = first?.extensions ?? {};
  const known = problems[String(code)] ?? {
    title: 'Something went wrong',
    hint: typeof requestId === 'string' ? `Tell the operator: ${requestId}.` : '',
  };
  const wait = typeof retryAfterMs === 'number' ? retryAfterMs : undefined;
  return { ...known, retryAfterMs: retryable === true ? wait : null };
}
