import { z } from 'zod';
import type { Clock } from '../lib/clock.ts';
import { parseJson } from '../lib/json.ts';
import type { GraphqlError } from './failures.ts';
import {
  graphqlErrorSchema,
  isTooExpensive,
  permanentFailure,
  rejectedError,
  retryAfterOf,
} from './failures.ts';
import { ExportError } from './options.ts';
import type { Pauses } from './pauses.ts';

export type TokenSource = string | (() => string | Promise<string>) | undefined;

export interface GatewayOperation {
  readonly document: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

export interface GatewayResult {
  readonly data: Readonly<Record<string, unknown>> | null;
  readonly errors: readonly GraphqlError[];
}

const responseSchema = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z.array(graphqlErrorSchema).default([]),
  extensions: z.object({ upstream: z.object({ calls: z.number() }).optional() }).optional(),
});

/** Longer than the gateway's own deadline of an operation. */
const timeoutMs = 90_000;

/** No client waits for the responses (RFC 9218). */
export const backgroundPriority = 'u=7';

export async function authorizationOf(token: TokenSource): Promise<string | undefined> {
  const value = typeof token === 'function' ? await token() : token;
  return value === undefined || value === '' ? undefined : `Bearer ${value}`;
}

/** A failure of one attempt. */
interface FailedAttempt {
  readonly reason: string;
  readonly retryAfterMs?: number;
}

type Attempt = GatewayResult | FailedAttempt;

/** Whether there is something in the result that a repetition does not improve. */
const isUsable = ({ data, errors }: GatewayResult): boolean =>
  errors.length === 0 ||
  isTooExpensive(errors) ||
  Object.values(data ?? {}).some((value) => value !== null);

/** The code of a connection error, such as `ECONNREFUSED`. */
function connectionErrorOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  if (typeof cause === 'object' && cause !== null && 'code' in cause) return String(cause.code);
  return error instanceof Error ? error.name : 'unknown error';
}

interface GatewayClientOptions {
  readonly url: string;
  readonly token: TokenSource;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly pauses: Pauses;
  /** Receives the calls to HelpCrunch of each response. */
  readonly onCalls: (calls: number) => void;
}

/** Sends operations to the gateway. Waits for the rate limiter and repeats failed attempts. */
export class GatewayClient {
  readonly #options: GatewayClientOptions;

  constructor(options: GatewayClientOptions) {
    this.#options = options;
  }

  /** A result with data, possibly with errors of some fields, or `OPERATION_TOO_EXPENSIVE`. Throws an `ExportError`. */
  async executePartly(operation: GatewayOperation): Promise<GatewayResult> {
    const { pauses } = this.#options;
    for (;;) {
      pauses.throwIfStopped();
      const attempt = await this.#attempt(operation);
      if ('errors' in attempt) {
        if (isUsable(attempt)) return attempt;
        await this.pauseAfter(attempt.errors);
      } else if (attempt.retryAfterMs === undefined) {
        await pauses.afterFailure(attempt.reason);
      } else {
        await pauses.forRateLimit(attempt.retryAfterMs);
      }
    }
  }

  /** The data of a result without errors. Throws an `ExportError`. */
  async execute(operation: GatewayOperation): Promise<Readonly<Record<string, unknown>>> {
    for (;;) {
      const { data, errors } = await this.executePartly(operation);
      if (errors.length === 0) {
        this.#options.pauses.succeeded();
        return data ?? {};
      }
      await this.pauseAfter(errors);
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
    const { url, token, clock, signal, pauses } = this.#options;
    const authorization = await authorizationOf(token);
    const timeout = new AbortController();
    const cancel = clock.after(timeoutMs, () => timeout.abort());
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          accept: 'application/graphql-response+json, application/json;q=0.9',
          'content-type': 'application/json',
          priority: backgroundPriority,
          ...(authorization !== undefined && { authorization }),
        },
        body: JSON.stringify({ query: operation.document, variables: operation.variables }),
        // The token must not be sent to another address.
        redirect: 'manual',
        signal: AbortSignal.any([signal, timeout.signal]),
      });
      return this.#read(response.status, response.headers, await response.text());
    } catch (error) {
      if (error instanceof ExportError) throw error;
      pauses.throwIfStopped();
      return { reason: `${url} cannot be reached (${connectionErrorOf(error)}).` };
    } finally {
      cancel();
    }
  }

  #read(status: number, headers: Headers, text: string): Attempt {
    const result = responseSchema.safeParse(parseJsonOrUndefined(text));
    if (result.success) {
      const { data = null, errors, extensions } = result.data;
      this.#options.onCalls(extensions?.upstream?.calls ?? 0);
      return { data, errors };
    }
    if (status === 429) return { reason: 'HTTP 429', retryAfterMs: retryAfterHeader(headers) };
    if (status === 401 || status === 403)
      throw new ExportError('CREDENTIALS', `The credentials were rejected with HTTP ${status}.`);
    if (status < 500 && status !== 408)
      throw rejectedError(
        `HTTP ${status} is not a GraphQL response. Check that the URL is the gateway's endpoint.`,
      );
    return { reason: `HTTP ${status}.` };
  }
}

const retryAfterHeader = (headers: Headers): number => {
  const seconds = Number(headers.get('retry-after') ?? '1');
  return Number.isFinite(seconds) ? seconds * 1_000 : 1_000;
};

function parseJsonOrUndefined(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
