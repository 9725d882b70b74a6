/** Every way the helpdesk can fail us. Closed: a new kind breaks the build until it is handled. */
export type UpstreamErrorKind =
  | 'rejected'
  | 'unauthenticated'
  | 'forbidden'
  | 'notFound'
  | 'rateLimited'
  | 'timeout'
  | 'unavailable'
  | 'malformed';

/** One entry of the helpdesk's error envelope, clipped. */
export interface UpstreamErrorEntry {
  readonly code: string;
  readonly message: string;
}

export interface UpstreamErrorDetails {
  /** The helpdesk's HTTP status, when it answered at all. */
  readonly status?: number;
  /** The helpdesk's own entries; only 4xx answers have them. */
  readonly entries?: readonly UpstreamErrorEntry[];
  readonly retryAfterMs?: number;
  /** The address itself is unknown to the helpdesk, not a thing that was asked for. */
  readonly isUnknownRoute?: true;
  /** The gateway itself kept the call back, so that nothing can have come of it. */
  readonly notSent?: true;
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
}

/** Whether a write that failed so cannot have happened: it was never sent, or the helpdesk did not count it. */
export const isDefinitelyNotApplied = (error: unknown): boolean =>
  error instanceof UpstreamError &&
  (error.kind === 'rateLimited' || error.details.notSent === true);

const unavailableKinds: ReadonlySet<UpstreamErrorKind> = new Set([
  'unavailable',
  'timeout',
  'rateLimited',
]);

/** Whether the helpdesk cannot be asked at present, whatever the question. */
export const isUnavailable = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError && unavailableKinds.has(error.kind);

/** Whether a thing that was asked for is not there. */
export const isNotFound = (error: unknown): error is UpstreamError =>
  error instanceof UpstreamError &&
  error.kind === 'notFound' &&
  error.details.isUnknownRoute === undefined;

/** The value, or null where the helpdesk does not have it: for places where being gone is no error. */
export const nullIfNotFound = <Value>(value: Value | Promise<Value>): Promise<Value | null> =>
  Promise.resolve(value).catch((error: unknown) => {
    if (isNotFound(error)) return null;
    throw error;
  });
