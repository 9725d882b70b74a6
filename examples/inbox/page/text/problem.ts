import { CombinedGraphQLErrors } from '@apollo/client/errors';
import { t } from './index.ts';

export interface Problem {
  readonly title: string;
  readonly hint: string;
  /** Null: a retry does not help. Undefined: the time is unknown. */
  readonly retryAfterMs: number | null | undefined;
}

/** The title and hint that are shown for an error. */
export function problemOf(error: Error): Problem {
  if (!CombinedGraphQLErrors.is(error))
    return { ...textsOf('unreachable'), retryAfterMs: undefined };
  const { code, retryable, retryAfterMs, requestId } = error.errors[0]?.extensions ?? {};
  const wait = typeof retryAfterMs === 'number' ? retryAfterMs : undefined;
  return {
    ...textsOf(String(code), requestId),
    retryAfterMs: retryable === true ? wait : null,
  };
}

function textsOf(code: string, requestId?: unknown): Omit<Problem, 'retryAfterMs'> {
  const [title, hint] = t.problem[code] ?? [
    t.somethingFailed,
    typeof requestId === 'string' ? t.reportRequest(requestId) : '',
  ];
  return { title, hint };
}
