import { parseJson } from '../lib/json.ts';
import { isDictionary, objectOf } from '../lib/shape.ts';
import { createRedactor, createUrlRedactor, withoutTokens } from '../lib/redaction.ts';
import { withoutCredentials } from '../observability/redact.ts';
import type { UpstreamErrorEntry, UpstreamErrorKind } from './errors.ts';
import { UpstreamError } from './errors.ts';
import type { TransportResponse } from './transport.ts';

const maxEntries = 10;
const maxMessageLength = 300;
/** Longer messages are cut before they are redacted. */
const maxExaminedLength = 8_192;

/** Other statuses are classified by their first digit. */
const kindsByStatus: Readonly<Record<number, UpstreamErrorKind>> = {
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'notFound',
  408: 'timeout',
  409: 'conflict',
  429: 'rateLimited',
};

const retryableKinds: ReadonlySet<UpstreamErrorKind> = new Set(['rateLimited', 'unavailable']);

function kindOf(status: number): UpstreamErrorKind {
  if (status >= 500) return 'unavailable';
  if (status >= 400) return kindsByStatus[status] ?? 'rejected';
  return 'malformed';
}

const isEnvelope = objectOf<{ readonly errors: readonly unknown[] }>({ errors: Array.isArray });

type Redact = (text: string) => string;

/** Redacts before truncating: a truncated secret would not be recognized. */
const redactAndTruncate = (value: unknown, redact: Redact): string =>
  typeof value === 'string' || typeof value === 'number'
    ? redact(String(value).slice(0, maxExaminedLength))
        .slice(0, maxMessageLength)
        // A lone high surrogate is not a character.
        .replace(/[\ud800-\udbff]$/, '')
    : '';

/** The entries of `{"errors":[{"code","message"}]}`; empty for any other body. */
function parseErrorEntries(body: string | undefined, redact: Redact): UpstreamErrorEntry[] {
  if (body === undefined) return [];
  let envelope: unknown;
  try {
    envelope = parseJson(body);
  } catch {
    return [];
  }
  if (!isEnvelope(envelope)) return [];
  return envelope.errors
    .slice(0, maxEntries)
    .filter(isDictionary)
    .map(({ code, message }) => ({
      code: redactAndTruncate(code, redact),
      message: redactAndTruncate(message, redact),
    }))
    .filter(({ code, message }) => code !== '' || message !== '');
}

/** What must not be repeated to clients. */
interface UpstreamSecrets {
  readonly apiKey: string;
  readonly baseUrl: string;
}

/** Redacts the messages of HelpCrunch, which may repeat the key, a header, or the address of a server. */
function errorFromResponse(response: TransportResponse, secrets: UpstreamSecrets): UpstreamError {
  const { status, body, retryAfterMs } = response;
  const kind = kindOf(status);
  const redactKey = createRedactor([secrets.apiKey]);
  const redactRequest = createUrlRedactor(secrets.baseUrl);
  const redact = (text: string) =>
    withoutTokens(withoutCredentials(redactRequest(redactKey(text))));
  return new UpstreamError(kind, `HelpCrunch responded with status ${status}.`, {
    status,
    ...(status >= 400 && status < 500 ? { entries: parseErrorEntries(body, redact) } : {}),
    ...(retryAfterMs === undefined || !retryableKinds.has(kind) ? {} : { retryAfterMs }),
  });
}

/** The JSON of a 2xx response; throws an `UpstreamError` for any other. */
export function readResponse(response: TransportResponse, secrets: UpstreamSecrets): unknown {
  if (response.status < 200 || response.status >= 300) throw errorFromResponse(response, secrets);
  if (response.body === undefined) {
    throw new UpstreamError('malformed', 'The response of HelpCrunch is not encoded in UTF-8.', {
      status: response.status,
    });
  }
  try {
    return parseJson(response.body);
  } catch (cause) {
    throw new UpstreamError('malformed', 'The response of HelpCrunch is not valid JSON.', {
      status: response.status,
      cause,
    });
  }
}
