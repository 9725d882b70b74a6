import { unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, Kind } from 'graphql';
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import type { ClientErrorKind } from '../lib/clientError.ts';
import { ClientError } from '../lib/clientError.ts';
import type { UpstreamErrorKind } from '../upstream/errors.ts';
import { UpstreamError } from '../upstream/errors.ts';
import { errorCodes, isErrorCode } from './errorCodes.ts';
import type { ErrorCode } from './errorCodes.ts';

interface PublicErrorOptions {
  /** Replaces the status of the code. */
  readonly status?: number;
  readonly retryAfterMs?: number;
  /** Headers of the HTTP response. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** An error whose message is written for clients. Apollo Server takes the HTTP status from its extensions. */
export class PublicError extends GraphQLError {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly #publicExtensions: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: PublicErrorOptions = {}) {
    const { status = errorCodes[code].status, retryAfterMs, headers = {}, extensions } = options;
    const publicExtensions = {
      code,
      retryable: errorCodes[code].retryable,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...extensions,
    };
    super(message, {
      extensions: { ...publicExtensions, ...(status === 200 ? {} : { http: { status } }) },
    });
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.headers = headers;
    this.#publicExtensions = publicExtensions;
  }

  /** The error as clients receive it. */
  format(requestId: string): GraphQLFormattedError {
    return { message: this.message, extensions: { ...this.#publicExtensions, requestId } };
  }
}

const withCode =
  (code: ErrorCode) =>
  (message: string, options?: PublicErrorOptions): PublicError =>
    new PublicError(code, message, options);

export const unauthenticatedCode = 'UNAUTHENTICATED' satisfies ErrorCode;
export const forbiddenCode = 'FORBIDDEN' satisfies ErrorCode;

/** Creates every error that does not come from a resolver, from Apollo Server or from HelpCrunch. */
export const publicError = {
  badRequest: withCode('BAD_REQUEST'),
  unauthenticated: withCode(unauthenticatedCode),
  badUserInput: withCode('BAD_USER_INPUT'),
  forbidden: withCode(forbiddenCode),
  persistedQueryNotFound: withCode('PERSISTED_QUERY_NOT_FOUND'),
  tooExpensive: withCode('OPERATION_TOO_EXPENSIVE'),
  /** Ends an operation that was executed: the HTTP status stays 200. */
  responseTooLarge: (message: string) =>
    new PublicError('OPERATION_TOO_EXPENSIVE', message, { status: 200 }),
  unavailable: withCode('UPSTREAM_UNAVAILABLE'),
  internal: withCode('INTERNAL_SERVER_ERROR'),
  rateLimited: (
    retryAfterMs: number,
    message = 'Too many requests. Retry after retryAfterMs.',
    options?: PublicErrorOptions,
  ) => new PublicError('RATE_LIMITED', message, { ...options, retryAfterMs }),
};

interface Classification {
  readonly code: ErrorCode;
  /** Absent if the message of the error itself is suitable for clients. */
  readonly message?: string;
}

const upstreamErrors: Readonly<Record<UpstreamErrorKind, Classification>> = {
  rejected: { code: 'BAD_USER_INPUT', message: 'HelpCrunch rejected a value of this request.' },
  unauthenticated: {
    code: 'UPSTREAM_UNAUTHENTICATED',
    message: "HelpCrunch rejected the gateway's API key.",
  },
  forbidden: {
    code: 'UPSTREAM_FORBIDDEN',
    message: "HelpCrunch does not allow this for the gateway's API key.",
  },
  notFound: { code: 'NOT_FOUND', message: 'HelpCrunch has no object with this id.' },
  conflict: {
    code: 'CONFLICT',
    message: 'The current state of the object does not allow this change.',
  },
  rateLimited: {
    code: 'RATE_LIMITED',
    message: 'The rate limit of HelpCrunch is reached. Retry after retryAfterMs.',
  },
  timeout: { code: 'UPSTREAM_TIMEOUT', message: 'HelpCrunch did not respond in time.' },
  unavailable: { code: 'UPSTREAM_UNAVAILABLE', message: 'HelpCrunch is unavailable.' },
  malformed: {
    code: 'UPSTREAM_INVALID_RESPONSE',
    message: 'The response of HelpCrunch could not be decoded.',
  },
  outcomeUnknown: {
    code: 'OUTCOME_UNKNOWN',
    message:
      'HelpCrunch did not confirm the creation, and the new object was not found. Check whether it exists before sending it again.',
  },
};

/** With `AUTH=forward` the client sends the API key, so a rejected key is an error of the client. */
const clientKeyErrors: Readonly<Partial<Record<UpstreamErrorKind, Classification>>> = {
  unauthenticated: { code: unauthenticatedCode, message: 'HelpCrunch rejected this API key.' },
  forbidden: { code: forbiddenCode, message: 'HelpCrunch does not allow this for your API key.' },
};

/** The messages of limits other than that of the account. */
const quotaMessages: Readonly<Partial<Record<string, string>>> = {
  VIEWER_LIMIT: 'Your share of the rate limit is used up. Retry after retryAfterMs.',
  CUSTOMER_LIMIT: "The customers' share of the rate limit is used up. Retry after retryAfterMs.",
};

const clientErrors: Readonly<Record<ClientErrorKind, Classification>> = {
  badInput: { code: 'BAD_USER_INPUT' },
  forbidden: { code: forbiddenCode },
  conflict: { code: 'CONFLICT' },
};

export const internalErrorMessage = 'Internal gateway error. Report it with this requestId.';

const internalError: Classification = {
  code: 'INTERNAL_SERVER_ERROR',
  message: internalErrorMessage,
};

/** graphql-js reports its token limit only in the message. */
const tooManyTokens = /^Syntax Error: Document contains more tha[nt] (\d+) tokens/;

/** V8's message for a document that is nested too deeply for the parser. */
const outOfStack = 'Maximum call stack size exceeded';

function classifyDocumentError({ message, path }: GraphQLError): Classification | undefined {
  const [, maxTokens] = tooManyTokens.exec(message) ?? [];
  if (maxTokens !== undefined) {
    return {
      code: 'OPERATION_TOO_EXPENSIVE',
      message: `The document is too long; the limit is ${maxTokens} tokens.`,
    };
  }
  return message === outOfStack && path === undefined
    ? { code: 'GRAPHQL_PARSE_FAILED', message: 'The document is nested too deeply to be parsed.' }
    : undefined;
}

/** The code of an error that graphql-js, Apollo Server or this gateway created; undefined for an unexpected one. */
function codeOf(cause: GraphQLError, path: unknown): ErrorCode | undefined {
  // Apollo Server wraps errors of validation rules and gives them its own code.
  if (cause.originalError instanceof PublicError) return codeOf(cause.originalError, path);
  const { code } = cause.extensions;
  if (isErrorCode(code) && code !== internalError.code) return code;
  // graphql-js wraps the error of a scalar that rejects a variable.
  if (cause.originalError !== undefined && !(cause.originalError instanceof GraphQLError))
    return undefined;
  // graphql-js attaches the node of the invalid value or operation; a field node means a fault of the gateway.
  if (cause.nodes !== undefined) {
    return cause.nodes.some(({ kind }) => kind === Kind.FIELD) ? undefined : 'BAD_USER_INPUT';
  }
  return path === undefined ? 'BAD_REQUEST' : undefined;
}

function classify(error: unknown, forwardsClientKeys = false): Classification {
  const cause = unwrapResolverError(error);
  if (cause instanceof UpstreamError) {
    const { code, message = '' } =
      (forwardsClientKeys ? clientKeyErrors[cause.kind] : undefined) ?? upstreamErrors[cause.kind];
    const { reason = '', publicMessage } = cause.details;
    return { code, message: publicMessage ?? quotaMessages[reason] ?? message };
  }
  if (cause instanceof ClientError) return clientErrors[cause.kind];
  if (!(cause instanceof GraphQLError)) return internalError;
  const documentError = classifyDocumentError(cause);
  if (documentError !== undefined) return documentError;
  const code = codeOf(cause, error instanceof GraphQLError ? error.path : undefined);
  return code === undefined ? internalError : { code };
}

/** Whether the error is a bug of the gateway: masked for clients and logged. */
export const isInternalError = (error: unknown): boolean => classify(error) === internalError;

/** The code of an error that clients receive. */
export function publicCodeOf({ extensions }: Pick<GraphQLFormattedError, 'extensions'>): ErrorCode {
  const code = extensions?.['code'];
  return isErrorCode(code) ? code : internalError.code;
}

const requestErrorCodes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);

/** Whether the operation itself is wrong, which GraphQL over HTTP reports with 200 in its legacy media type. */
export const isRequestError = (error: GraphQLFormattedError): boolean =>
  requestErrorCodes.has(publicCodeOf(error));

/** Whether there is no data because the client's credentials were rejected. */
export const isUnauthenticatedResult = ({ data, errors = [] }: FormattedExecutionResult): boolean =>
  errors.length > 0 &&
  Object.values(data ?? {}).every((value) => value === null) &&
  errors.every((error) => publicCodeOf(error) === unauthenticatedCode);

/** Whether a field lacks calls of the rate limit. */
export const isRateLimitedResult = ({ errors = [] }: FormattedExecutionResult): boolean =>
  errors.some((error) => publicCodeOf(error) === 'RATE_LIMITED');

function detailsOf(error: unknown): Record<string, unknown> {
  const cause = unwrapResolverError(error);
  if (cause instanceof PublicError) {
    const { retryAfterMs, reason } = cause.extensions;
    return {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      ...(reason === undefined ? {} : { reason }),
    };
  }
  if (!(cause instanceof UpstreamError)) return {};
  const { status, entries, fields, retryAfterMs, reason, chatId } = cause.details;
  return {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(reason === undefined ? {} : { reason }),
    ...(fields === undefined ? {} : { fields }),
    ...(chatId === undefined ? {} : { chatId }),
    ...(entries === undefined ? {} : { upstream: { status, errors: entries } }),
  };
}

/** graphql-js suggests names of the schema; Apollo Server hides them in validation errors but not in variables. */
const suggestionPattern = / Did you mean [^?]*\?/;

const maxMessageLength = 500;

/** A message may repeat input of the client of any length. */
const truncate = (message: string): string =>
  message.length > maxMessageLength ? `${message.slice(0, maxMessageLength - 1)}…` : message;

/** Only the properties named here reach clients: no URL, key, header, stack or body; in production no name of the schema. */
export const createFormatError =
  (isProduction: boolean, forwardsClientKeys = false) =>
  (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const { code, message = formatted.message } = classify(error, forwardsClientKeys);
    const { retryable } = errorCodes[code];
    return {
      message: truncate(isProduction ? message.replace(suggestionPattern, '') : message),
      ...(formatted.locations === undefined ? {} : { locations: formatted.locations }),
      ...(formatted.path === undefined ? {} : { path: formatted.path }),
      extensions: { code, retryable, ...detailsOf(error) },
    };
  };
