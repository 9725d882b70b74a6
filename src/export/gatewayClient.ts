import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { minRetryAfterMs, parseRetryAfter } from '../lib/retryAfter.ts';
import { parseJson } from '../lib/json.ts';
import type { Credentials } from './credentials.ts';
import type { GraphqlError } from './failures.ts';
import {
  createErrorSchema,
  isCursorRejected,
  isTooExpensive,
  permanentFailure,
  rejectedError,
  retryAfterOf,
} from './failures.ts';
import { ExportError } from './options.ts';
import type { Pauses } from './pauses.ts';
import type { pageInfoSchema } from './values.ts';

interface GatewayOperation {
  readonly document: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  /** Whether what the gateway has cached is ignored. */
  readonly bypassesCache?: boolean;
}

interface GatewayResult {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly GraphqlError[];
}

const createResponseSchema = (credentials: Credentials) =>
  z.object({
    data: z.record(z.string(), z.unknown()).nullish(),
    errors: z.array(createErrorSchema(credentials)).default([]),
    extensions: z
      .object({
        upstream: z.object({ calls: z.number(), stale: z.unknown().optional() }).optional(),
      })
      .optional(),
  });

type GatewayResponse = z.infer<ReturnType<typeof createResponseSchema>>;

/** Proxies also answer with JSON: then the HTTP status says what happened. */
const isGraphqlResponse = ({ data, errors }: GatewayResponse, status: number): boolean =>
  Boolean(data) ||
  errors.some(({ extensions }) => extensions.code !== undefined) ||
  (errors.length > 0 && status === 200);

/** The part of the data that the export reads. Throws an `ExportError`. */
export function decode<Output>(schema: z.ZodType<Output>, data: unknown): Output {
  const result = schema.safeParse(data);
  if (result.success) return result.data;
  const path = result.error.issues[0]?.path ?? [];
  throw rejectedError(`The response has an unexpected ${path.map(String).join('.') || 'form'}.`);
}

/** Longer than the gateway's own deadline of an operation. */
const timeoutMs = 90_000;

/** The cursor of the next page; null after the last one. Throws an `ExportError` if that would be the same page again, or is missing. */
export function nextCursorOf(
  { hasNextPage, endCursor }: z.infer<typeof pageInfoSchema>,
  after: string | null,
): string | null {
  if (!hasNextPage) return null;
  if (endCursor === null)
    throw rejectedError('A page has no cursor, although another one follows.');
  if (endCursor === after)
    throw rejectedError('A list does not end: a page has the cursor of the one before.');
  return endCursor;
}

/** The largest value of the gateway's `MAX_RESPONSE_BYTES`. */
const maxResponseBytes = 268_435_456;

async function readText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const received: AsyncIterable<Uint8Array> | readonly Uint8Array[] = body ?? [];
  for await (const chunk of received) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > maxResponseBytes)
      throw rejectedError(`The response is larger than ${maxResponseBytes} bytes.`);
  }
  return Buffer.concat(chunks).toString();
}

/** No client waits for the responses (RFC 9218). */
export const backgroundPriority = 'u=7';

/** A failure of one attempt. */
interface FailedAttempt {
  readonly reason: string;
  readonly retryAfterMs?: number;
  /** Whether the cache of the gateway must be bypassed, which then returns the error instead of stale data. */
  readonly isStale?: boolean;
}

type Attempt = GatewayResult | FailedAttempt;

/** Whether there is something in the result that a repetition does not improve. */
const isUsable = ({ data, errors }: GatewayResult): boolean =>
  errors.length === 0 ||
  isTooExpensive(errors) ||
  isCursorRejected(errors) ||
  Object.values(data ?? {}).some((value) => value !== null);

/** The code of a connection error, such as `ECONNREFUSED`. */
function connectionErrorOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code);
  return error instanceof Error ? error.name : 'unknown error';
}

interface GatewayClientOptions {
  readonly url: string;
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly pauses: Pauses;
  /** Receives the calls to HelpCrunch of each response. */
  readonly onCalls: (calls: number) => void;
}

/** Sends operations to the gateway. Waits for the rate limiter and repeats failed attempts. */
export class GatewayClient {
  readonly #options: GatewayClientOptions;
  readonly #responseSchema: ReturnType<typeof createResponseSchema>;
  #maxRows = Infinity;

  constructor(options: GatewayClientOptions) {
    this.#options = options;
    this.#responseSchema = createResponseSchema(options.credentials);
  }

  /** A result with data, possibly with errors of some fields, `OPERATION_TOO_EXPENSIVE`, or a rejected cursor. Throws an `ExportError`. */
  async executePartly(operation: GatewayOperation): Promise<GatewayResult> {
    const { pauses } = this.#options;
    let bypassesCache = operation.bypassesCache === true;
    for (;;) {
      pauses.throwIfStopped();
      const attempt = await this.#attempt({ ...operation, bypassesCache });
      if ('errors' in attempt) {
        if (isUsable(attempt)) return attempt;
        await this.pauseAfter(attempt.errors);
      } else if (attempt.retryAfterMs === undefined) {
        bypassesCache ||= attempt.isStale === true;
        await pauses.afterFailure(attempt.reason);
      } else {
        await pauses.forRateLimit(attempt.retryAfterMs);
      }
    }
  }

  /** Whether the operation succeeds at once, apart from waits for the rate limiter. */
  async succeeds(operation: GatewayOperation): Promise<boolean> {
    for (;;) {
      const attempt = await this.#attempt(operation);
      const isResult = 'errors' in attempt;
      const retryAfterMs = isResult ? retryAfterOf(attempt.errors) : attempt.retryAfterMs;
      if (retryAfterMs === undefined) return isResult && attempt.errors.length === 0;
      await this.#options.pauses.forRateLimit(retryAfterMs);
    }
  }

  /** The data of a result without errors. Throws an `ExportError`. */
  execute(operation: GatewayOperation): Promise<Readonly<Record<string, unknown>>> {
    return this.executePage(1, () => operation);
  }

  /** As `execute`, with fewer rows if the limits of the gateway require it. */
  async executePage(
    maxRows: number,
    operationOf: (rows: number) => GatewayOperation,
  ): Promise<Readonly<Record<string, unknown>>> {
    for (;;) {
      const rows = Math.min(maxRows, this.#maxRows);
      const { data, errors } = await this.executePartly(operationOf(rows));
      if (errors.length === 0) {
        this.#options.pauses.succeeded();
        return data ?? {};
      }
      if (isTooExpensive(errors) && rows > 1) this.#maxRows = Math.ceil(rows / 2);
      else await this.pauseAfter(errors);
    }
  }

  /** Waits until the operation can be repeated. Throws if no retry changes the result. */
  async pauseAfter(errors: readonly GraphqlError[]): Promise<void> {
    const failure = permanentFailure(errors);
    if (failure !== undefined) throw failure;
    const { pauses } = this.#options;
    const retryAfterMs = retryAfterOf(errors);
    if (retryAfterMs !== undefined) await pauses.forRateLimit(retryAfterMs);
    else await pauses.afterFailure(errors[0]?.message ?? '');
  }

  async #attempt(operation: GatewayOperation): Promise<Attempt> {
    const { url, credentials, clock, signal, pauses } = this.#options;
    const authorization = await credentials.authorization();
    const timeout = new AbortController();
    const cancel = clock.after(timeoutMs, () => timeout.abort());
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          accept: 'application/graphql-response+json, application/json;q=0.9',
          'content-type': 'application/json',
          priority: backgroundPriority,
          ...(operation.bypassesCache === true && { 'cache-control': 'no-cache' }),
          ...(authorization !== undefined && { authorization }),
        },
        body: JSON.stringify({ query: operation.document, variables: operation.variables }),
        // The token must not be sent to another address.
        redirect: 'manual',
        signal: AbortSignal.any([signal, timeout.signal]),
      });
      return this.#read(response.status, response.headers, await readText(response));
    } catch (error) {
      if (error instanceof ExportError) throw error;
      pauses.throwIfStopped();
      if (timeout.signal.aborted)
        return { reason: `${url} did not respond within ${timeoutMs / 1_000} seconds.` };
      return { reason: `${url} cannot be reached (${connectionErrorOf(error)}).` };
    } finally {
      cancel();
    }
  }

  #read(status: number, headers: Headers, text: string): Attempt {
    const result = this.#responseSchema.safeParse(parseJsonOrUndefined(text));
    if (result.success && isGraphqlResponse(result.data, status)) {
      const { data = null, errors, extensions } = result.data;
      this.#options.onCalls(extensions?.upstream?.calls ?? 0);
      if (extensions?.upstream?.stale !== undefined)
        return { reason: 'The gateway responded with stale data.', isStale: true };
      return { data, errors };
    }
    if (status === 429) {
      const retryAfterMs = parseRetryAfter(headers.get('retry-after'), this.#options.clock);
      return { reason: 'HTTP 429', retryAfterMs: retryAfterMs ?? minRetryAfterMs };
    }
    if (status === 401 || status === 403)
      throw new ExportError('CREDENTIALS', `The credentials were rejected with HTTP ${status}.`);
    if (status < 500 && status !== 408)
      throw rejectedError(
        `HTTP ${status} is not a GraphQL response. Check that the URL is the gateway's endpoint.`,
      );
    return { reason: `HTTP ${status}.` };
  }
}

function parseJsonOrUndefined(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
