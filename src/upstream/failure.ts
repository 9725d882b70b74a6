import { parseJson } from '../support/json.ts';
import { createRedactor, withoutTokens } from '../support/redaction.ts';
import { withoutCredentials } from '../support/secrets.ts';
import type { ErrorEntry, UpstreamErrorKind } from './errors.ts';
import { UpstreamError } from './errors.ts';
import type { Answer } from './transport.ts';

const maxEntries = 10;
const maxMessageLength = 300;
/** Of a longer message the rest is not examined, and not shown. */
const maxExaminedLength = 8_192;

/** Statuses with a meaning of their own; the others are told by their hundreds. */
const kinds: Readonly<Record<number, UpstreamErrorKind>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'notFound',
  408: 'timeout',
  429: 'rateLimited',
};

const isWorthWaiting: ReadonlySet<UpstreamErrorKind> = new Set(['rateLimited', 'unavailable']);

function kindOf(status: number): UpstreamErrorKind {
  if (status >= 500) return 'unavailable';
  if (status >= 400) return kinds[status] ?? 'rejected';
  return 'malformed';
}

type Redact = (text: string) => string;

/** Secrets are struck out first: half of one would not be recognized. */
const clip = (value: unknown, redact: Redact): string | null =>
  typeof value === 'string' || typeof value === 'number'
    ? redact(String(value).slice(0, maxExaminedLength))
        .slice(0, maxMessageLength)
        // Half a character is none.
        .replace(/[\ud800-\udbff]$/, '')
    : null;

/** The entries of `{"errors":[{"code","message"}]}`; none of an answer that has another shape. */
function entriesOf(body: string, redact: Redact): ErrorEntry[] {
  let envelope: unknown;
  try {
    envelope = parseJson(body);
  } catch {
    return [];
  }
  if (typeof envelope !== 'object' || envelope === null || !('errors' in envelope)) return [];
  if (!Array.isArray(envelope.errors)) return [];
  const entries: ErrorEntry[] = [];
  const given: readonly unknown[] = envelope.errors;
  for (const entry of given.slice(0, maxEntries)) {
    if (typeof entry !== 'object' || entry === null) continue;
    const code = 'code' in entry ? clip(entry.code, redact) : null;
    const message = 'message' in entry ? clip(entry.message, redact) : null;
    if (code !== null || message !== null) {
      entries.push({ code: code ?? '', message: message ?? '' });
    }
  }
  return entries;
}

/** What an answer that is no success means. The helpdesk is not trusted to keep the key out of its messages. */
export function failureOf(answer: Answer, key: string): UpstreamError {
  const { status, body, retryAfterMs } = answer;
  const kind = kindOf(status);
  const redactKey = createRedactor([key]);
  const redact = (text: string) => withoutTokens(withoutCredentials(redactKey(text)));
  return new UpstreamError(kind, `The helpdesk answered with status ${status}.`, {
    status,
    ...(status >= 400 && status < 500 ? { entries: entriesOf(body, redact) } : {}),
    ...(retryAfterMs === undefined || !isWorthWaiting.has(kind) ? {} : { retryAfterMs }),
  });
}
