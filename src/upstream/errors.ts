import type { ReachedLimit } from './rateLimit/limiter.ts';

/** The ways in which a call fails. Closed: a new kind breaks the build until it is mapped to a public code. */
export type UpstreamErrorKind =
  | 'rejected'
  | 'unauthenticated'
  | 'forbidden'
  | 'notFound'
  | 'conflict'
  | 'rateLimited'
  | 'timeout'
  | 'unavailable'
  | 'malformed'
  | 'outcomeUnknown';

/** One entry of HelpCrunch's error envelope, redacted and truncated. */
export interface UpstreamErrorEntry {
  readonly code: string;
  readonly message: string;
}

/** Which argument of a mutation HelpCrunch rejected, and why. */
export interface RejectedField {
  readonly path: string;
  readonly message: string;
}

export interface UpstreamErrorDetails {
  /** The HTTP status, if there was a response. */
  readonly status?: number;
  /** The entries of a 4xx response. */
  readonly entries?: readonly UpstreamErrorEntry[];
  /** The arguments that the entries of a 400 are about. */
  readonly fields?: readonly RejectedField[];
  readonly retryAfterMs?: number;
  /** The limit that a rejected call has reached. */
  readonly reason?: ReachedLimit;
  /** Why the connection failed: an error code such as `ECONNREFUSED`. For operators only. */
  readonly connectionError?: string;
  /** The endpoint of the call, without ids, and how often it was sent, attempts that got 429 not included. For operators only. */
  readonly endpoint?: string;
  readonly attempts?: number;
  /** The connection was idle before and was lost before the first byte of the response, after or before the request was sent. */
  readonly staleConnection?: 'sent' | 'unsent';
  /** The gateway did not send the call. */
  readonly notSent?: true;
  /** Replaces the message that clients receive for the kind. */
  readonly publicMessage?: string;
  /** The chat that a mutation has created before it failed. */
  readonly chatId?: string;
  /** The write is complete. Only its result is not known. */
  readonly isApplied?: true;
}

interface UpstreamErrorChange extends UpstreamErrorDetails {
  readonly kind?: UpstreamErrorKind;
  readonly message?: string;
}

export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly kind: UpstreamErrorKind;
  readonly details: UpstreamErrorDetails;

  constructor(
    kind: UpstreamErrorKind,
    message: string,
    { cause, ...details }: UpstreamErrorDetails & { readonly cause?: unknown } = {},
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.kind = kind;
    this.details = details;
  }

  /** An error with the same details and these; this one is its cause. */
  with({ kind, message, ...details }: UpstreamErrorChange): UpstreamError {
    return new UpstreamError(kind ?? this.kind, message ?? this.message, {
      ...this.details,
      ...details,
      cause: this,
    });
  }
}

/** An upstream error as a value, where items fail independently. Throws anything else. */
export function upstreamErrorAsValue(error: unknown): UpstreamError {
  if (error instanceof UpstreamError) return error;
  throw error;
}

/** Whether a failed write may have been applied: it was sent, and HelpCrunch did not respond, or failed while it handled the write. */
export const isOutcomeUncertain = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError &&
  (error.kind === 'timeout' || error.kind === 'unavailable') &&
  error.details.notSent !== true;

/** 500 is excluded: HelpCrunch returns it for requests that always fail. */
const transientStatuses: ReadonlySet<number | undefined> = new Set([undefined, 502, 503, 504]);

/** Whether the same call may succeed when it is sent again. */
export const isTransient = (error: unknown): error is UpstreamError =>
  isOutcomeUncertain(error) && transientStatuses.has(error.details.status);

/** Whether a write succeeded although its response cannot be read. */
export const isUnreadableSuccess = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError &&
  error.kind === 'malformed' &&
  Math.floor((error.details.status ?? 0) / 100) === 2;

/** Whether a failed write is complete: only its result is not known. */
export const isAppliedWrite = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError && error.details.isApplied === true;

const unavailableKinds: ReadonlySet<UpstreamErrorKind> = new Set([
  'unavailable',
  'timeout',
  'rateLimited',
]);

/** Whether HelpCrunch is unavailable for any call, so that stale data may be served. */
export const allowsStaleIfError = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError && unavailableKinds.has(error.kind);

/** Whether a requested object does not exist. */
export const isNotFound = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError && error.kind === 'notFound';

/** Throws the first error of the results, except that an object does not exist. */
export function throwFirstExceptNotFound(results: readonly unknown[]): void {
  const isFailure = (result: unknown): result is UpstreamError =>
    result instanceof UpstreamError && !isNotFound(result);
  const failure = results.find(isFailure);
  if (failure !== undefined) throw failure;
}

const noEndpointMessage = 'HelpCrunch does not have this endpoint.';

/** For a request that names no object: a 404 then does not prove that an object does not exist. */
export function rethrowNotFoundAsMalformed(error: unknown): never {
  if (!isNotFound(error)) throw error;
  const message = noEndpointMessage;
  throw error.with({ kind: 'malformed', message, publicMessage: message });
}

/** Tells the client which arguments were rejected, and why. */
export const rejectedFields = (fields: readonly RejectedField[]) => ({
  fields,
  publicMessage: fields.map(({ path, message }) => `${path}: ${message}`).join(' '),
});

/** Names the argument whose object is missing, instead of the object that is written. */
export const notFoundArgument = (
  error: UpstreamError,
  argument: string,
  type: string,
): UpstreamError =>
  error.with({
    message: `There is no such ${type}.`,
    publicMessage: `${argument}: HelpCrunch has no ${type} with this id.`,
  });

/** Turns a `notFound` error into null, where a missing object is no error. */
export const nullIfNotFound = <Value>(value: Value | Promise<Value>): Promise<Value | null> =>
  Promise.resolve(value).catch((error: unknown) => {
    if (isNotFound(error)) return null;
    throw error;
  });
