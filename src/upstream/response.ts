import { parseJson } from '../lib/json.ts';
import { createRedactor, withoutTokens } from '../lib/redaction.ts';
import { withoutCredentials } from '../observability/redact.ts';
import type { UpstreamErrorEntry, UpstreamErrorKind } from './errors.ts';
import { UpstreamError } from './errors.ts';
import type { TransportResponse } from './transport.ts';

const maxEntries = 10;
const maxMessageLength = 300;
/** Of a longer message the rest is not examined, and not shown. */
const maxExaminedLength = 8_192;

/** Statuses with a meaning of their own; the others are told by their hundreds. */
const kindsByStatus: Readonly<Record<number, UpstreamErrorKind>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'notFound',
  408: 'timeout',
  429: 'rateLimited',
};

const retryableKinds: ReadonlySet<UpstreamErrorKind> = new Set(['rateLimited', 'unavailable']);

function kindOf(status: number): UpstreamErrorKind {
  if (status >= 500) return 'unavailable';
  if (status >= 400) return kindsByStatus[status] ?? 'rejected';
  return 'malformed';
}

type Redact = (text: string) => string;

/** Secrets are struck out first: half of one would not be recognized. */
const redactAndTruncate = (value: unknown, redact: Redact): string | null =>
  typeof value === 'string' || typeof value === 'number'
    ? redact(String(value).slice(0, maxExaminedLength))
        .slice(0, maxMessageLength)
        // Half a character is none.
        .replace(/[\ud800-\udbff]$/, '')
    : null;

/** The entries of `{"errors":[{"code","message"}]}`; none of an answer that has another shape. */
function parseErrorEntries(body: string, redact: Redact): UpstreamErrorEntry[] {
  let envelope: unknown;
  try {
    envelope = parseJson(body);
  } catch {
    return [];
  }
  if (typeof envelope !== 'object' || envelope === null || !('errors' in envelope)) return [];
  if (!Array.isArray(envelope.errors)) return [];
  const entries: UpstreamErrorEntry[] = [];
  const errors: readonly unknown[] = envelope.errors;
  for (const entry of errors.slice(0, maxEntries)) {
    if (typeof entry !== 'object' || entry === null) continue;
    const code = 'code' in entry ? redactAndTruncate(entry.code, redact) : null;
    const message = 'message' in entry ? redactAndTruncate(entry.message, redact) : null;
    if (code !== null || message !== null) {
      entries.push({ code: code ?? '', message: message ?? '' });
    }
  }
  return entries;
}

/** What an answer that is no success means. The helpdesk is not trusted to keep the key out of its messages. */
export function errorFromResponse(response: TransportResponse, apiKey: string): UpstreamError {
  const { status, body, retryAfterMs } = response;
  const kind = kindOf(status);
  const redactKey = createRedactor([apiKey]);
  const redact = (text: string) => withoutTokens(withoutCredentials(redactKey(text)));
  return new UpstreamError(kind, `The helpdesk answered with status ${status}.`, {
    status,
    ...(status >= 400 && status < 500 ? { entries: parseErrorEntries(body, redact) } : {}),
    ...(retryAfterMs === undefined || !retryableKinds.has(kind) ? {} : { retryAfterMs }),
  });
}
