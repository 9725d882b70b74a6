/** Every code that clients may receive. */
const codes: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'OPERATION_RESOLUTION_FAILURE',
  'PERSISTED_QUERY_NOT_FOUND',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'BAD_REQUEST',
  'BAD_USER_INPUT',
  'UNAUTHENTICATED',
  'FORBIDDEN',
  'NOT_FOUND',
  'CONFLICT',
  'OUTCOME_UNKNOWN',
  'OPERATION_TOO_EXPENSIVE',
  'RATE_LIMITED',
  'UPSTREAM_UNAUTHENTICATED',
  'UPSTREAM_FORBIDDEN',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_INVALID_RESPONSE',
]);

/** `MAX_RESPONSE_BYTES`, plus an allowance for errors and the envelope. */
const maxResponseBytes = 8_388_608 + 262_144;

/** A response may take as long as an operation, and the time that a busy machine adds. */
export const slowestMs = 8_000;

/** No callback of the event loop may work for longer. */
export const longestBlockMs = 250;

/** Growth after the warm-up. */
export const maxHeapGrowthBytes = 16 * 1_048_576;
export const maxRssGrowthBytes = 192 * 1_048_576;

/** What each entry point reports: the name of the class of a fault, the same for each instance of it. */
export type Fault = string;

const errorsIn = (value: unknown): readonly unknown[] =>
  typeof value === 'object' && value !== null && 'errors' in value && Array.isArray(value.errors)
    ? value.errors
    : [];

/** Faults of a GraphQL result or a refusal: a masked bug, or a code that clients do not know. */
export function faultsOfResult(result: unknown): Fault[] {
  return errorsIn(result).flatMap((error: any) => {
    if (typeof error !== 'object' || error === null) return ['an error that is no object'];
    const code = error.extensions?.code;
    if (codes.has(code)) return [];
    return [code === 'INTERNAL_SERVER_ERROR' ? `code ${code}` : `unknown code ${String(code)}`];
  });
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
  readonly elapsedMs: number;
}

/** The result, or a fault where the text is not JSON. */
export function faultsOfJson(text: string, where: string): Fault[] {
  try {
    return faultsOfResult(JSON.parse(text));
  } catch {
    return [`${where} that is not JSON`];
  }
}

export function faultsOfResponse({ status, headers, body, elapsedMs }: HttpResponse): Fault[] {
  const faults: Fault[] = [];
  if (status >= 500 && status !== 503) faults.push(`status ${status}`);
  if (body.length > maxResponseBytes) faults.push('a response over MAX_RESPONSE_BYTES');
  if (elapsedMs > slowestMs) faults.push('a response slower than the deadline');
  if (status >= 200 && String(headers['content-type']).includes('json') && body !== '') {
    faults.push(...faultsOfJson(body, 'a JSON response'));
  }
  return faults;
}

/** Sees to it that no secret leaves, whatever the form. */
export function createSecretCheck() {
  const spellings = new Set<string>();
  /** Tokens are many; those of late are enough. */
  const tokens: string[] = [];
  return {
    addToken(token: string) {
      tokens.push(token.slice(token.lastIndexOf('.') + 1));
      if (tokens.length > 100) tokens.shift();
    },
    add(secret: string) {
      for (const text of [
        secret,
        encodeURIComponent(secret),
        Buffer.from(secret).toString('base64').replace(/=+$/, ''),
        Buffer.from(secret).toString('base64url'),
      ]) {
        spellings.add(text);
      }
    },
    faultsOf: (text: string, where: string): Fault[] =>
      [...spellings, ...tokens].some((spelling) => text.includes(spelling))
        ? [`a secret in ${where}`]
        : [],
  };
}

export type SecretCheck = ReturnType<typeof createSecretCheck>;

/** Removes what differs between two instances of the same fault. */
const normalized = (text: unknown): string =>
  String(text)
    .replace(/"[^"]*"|'[^']*'/g, '…')
    .replace(/[0-9a-f-]{8,}|\d+/gi, 'N')
    .slice(0, 120);

interface LogLine {
  readonly level?: unknown;
  readonly msg?: unknown;
  readonly error?: { readonly type?: unknown; readonly message?: unknown };
}

export interface LogFaults {
  readonly faults: Fault[];
  /** What the last error line says, such as the reason of an exit; empty where there is none. */
  readonly lastError: string;
}

/** Faults in what one batch made the gateway log: lines that are not JSON, errors, and many lines that say the same. */
export function faultsOfLog(lines: readonly string[], cases: number): LogFaults {
  const faults = new Set<Fault>();
  const repeated = new Map<string, number>();
  let lastError = '';
  for (const line of lines) {
    let parsed: LogLine;
    try {
      parsed = JSON.parse(line);
    } catch {
      faults.add(`a log line that is not JSON: ${normalized(line).slice(0, 60)}`);
      lastError = normalized(line);
      continue;
    }
    const { level, msg, error } = parsed;
    if (Number(level) >= 50) {
      lastError = `${String(msg)}: ${String(error?.type)} ${normalized(error?.message)}`;
      faults.add(`an error in the log: ${String(msg)}: ${String(error?.type)}`);
    }
    if (Number(level) >= 40) repeated.set(String(msg), (repeated.get(String(msg)) ?? 0) + 1);
  }
  for (const [message, count] of repeated) {
    if (count > 20 + 4 * cases) faults.add(`a flood of the log: ${normalized(message)}`);
  }
  return { faults: [...faults], lastError };
}
