import { parseJson } from '../support/json.ts';
import type { ErrorEntry, UpstreamErrorKind } from './errors.ts';
import { UpstreamError } from './errors.ts';
import type { Answer } from './transport.ts';

const maxEntries = 10;
const maxMessageLength = 300;

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

const clip = (value: unknown, secret: string): string | null =>
  typeof value === 'string' || typeof value === 'number'
    ? String(value)
        .replaceAll(secret, '***')
        .slice(0, maxMessageLength)
        // Half a character is none.
        .replace(/[\ud800-\udbff]$/, '')
    : null;

/** The entries of `{"errors":[{"code","message"}]}`; none of an answer that has another shape. */
function entriesOf(body: string, secret: string): ErrorEntry[] {
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
    const code = 'code' in entry ? clip(entry.code, secret) : null;
    const message = 'message' in entry ? clip(entry.message, secret) : null;
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
  return new UpstreamError(kind, `The helpdesk answered with status ${status}.`, {
    status,
    ...(status >= 400 && status < 500 ? { entries: entriesOf(body, key) } : {}),
    ...(retryAfterMs === undefined || !isWorthWaiting.has(kind) ? {} : { retryAfterMs }),
  });
}
