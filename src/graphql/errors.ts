import { ApolloServerErrorCode, unwrapResolverError } from '@apollo/server/errors';
import { GraphQLError, Kind } from 'graphql';
import type { GraphQLFormattedError } from 'graphql';
import type { ClientErrorKind } from '../lib/clientError.ts';
import { ClientError } from '../lib/clientError.ts';
import type { UpstreamErrorKind } from '../upstream/errors.ts';
import { UpstreamError } from '../upstream/errors.ts';

interface PublicError {
  readonly code: string;
  readonly retryable: boolean;
  /** Absent where the error's own message is written for clients. */
  readonly message?: string;
}

/** What a client is told, kind by kind. The meaning must survive in `code` alone: routers drop the rest. */
const upstreamErrors: Readonly<Record<UpstreamErrorKind, PublicError>> = {
  rejected: {
    code: 'BAD_USER_INPUT',
    retryable: false,
    message: 'The helpdesk did not accept this.',
  },
  unauthenticated: {
    code: 'UPSTREAM_UNAUTHENTICATED',
    retryable: false,
    message: "The helpdesk refused the gateway's key.",
  },
  forbidden: {
    code: 'UPSTREAM_FORBIDDEN',
    retryable: false,
    message: "The helpdesk does not allow this to the gateway's key.",
  },
  notFound: {
    code: 'NOT_FOUND',
    retryable: false,
    message: 'The helpdesk has nothing with this id.',
  },
  rateLimited: {
    code: 'RATE_LIMITED',
    retryable: true,
    message: 'The helpdesk takes no more calls at the moment.',
  },
  timeout: {
    code: 'UPSTREAM_TIMEOUT',
    retryable: true,
    message: 'The helpdesk did not answer in time.',
  },
  unavailable: {
    code: 'UPSTREAM_UNAVAILABLE',
    retryable: true,
    message: 'The helpdesk is not answering.',
  },
  malformed: {
    code: 'UPSTREAM_INVALID_RESPONSE',
    retryable: false,
    message: 'The helpdesk gave an answer that cannot be read.',
  },
};

/** Where clients bring keys of their own, a key that is refused is theirs. */
const clientKeyErrors: Readonly<Partial<Record<UpstreamErrorKind, PublicError>>> = {
  unauthenticated: {
    code: 'UNAUTHENTICATED',
    retryable: false,
    message: 'The helpdesk does not know this key.',
  },
  forbidden: {
    code: 'FORBIDDEN',
    retryable: false,
    message: 'The helpdesk does not allow this to your key.',
  },
};

const clientErrors: Readonly<Record<ClientErrorKind, PublicError>> = {
  badInput: { code: 'BAD_USER_INPUT', retryable: false },
  forbidden: { code: 'FORBIDDEN', retryable: false },
};

const internalError: PublicError = {
  code: ApolloServerErrorCode.INTERNAL_SERVER_ERROR,
  retryable: false,
  message: 'Something went wrong in the gateway. Its log knows more under this requestId.',
};

/** Apollo's own codes whose messages speak of nothing but the request. */
const apolloCodes: ReadonlySet<unknown> = new Set([
  ...Object.values(ApolloServerErrorCode).filter(
    (code) => code !== ApolloServerErrorCode.INTERNAL_SERVER_ERROR,
  ),
  'OPERATION_RESOLUTION_FAILURE',
  'OPERATION_TOO_EXPENSIVE',
]);

/** graphql-js stops to read where its limit is, and says so in words only. */
const tooManyTokens = /^Syntax Error: Document contains more tha[nt] (\d+) tokens/;

/** Apollo wraps what a rule of ours says, and gives it a code of its own. */
const isTooExpensive = ({ originalError }: GraphQLError): boolean =>
  originalError instanceof GraphQLError &&
  originalError.extensions['code'] === 'OPERATION_TOO_EXPENSIVE';

/** The code of an error that graphql-js or Apollo made; undefined for one that nobody foresaw. */
function knownCode(cause: unknown, path: unknown): string | undefined {
  if (!(cause instanceof GraphQLError)) return undefined;
  if (isTooExpensive(cause)) return 'OPERATION_TOO_EXPENSIVE';
  const { code } = cause.extensions;
  if (typeof code === 'string' && apolloCodes.has(code)) return code;
  if (cause.originalError !== undefined) return undefined;
  // graphql-js names the value or the operation that is at fault; where it names a field, the fault is ours.
  if (cause.nodes !== undefined) {
    const isOurs = cause.nodes.some(({ kind }) => kind === Kind.FIELD);
    return isOurs ? undefined : ApolloServerErrorCode.BAD_USER_INPUT;
  }
  return path === undefined ? ApolloServerErrorCode.BAD_REQUEST : undefined;
}

/** V8's words for a document that is nested too deeply to be parsed. */
const outOfStack = 'Maximum call stack size exceeded';

function publicError(error: unknown, forwardsClientKeys = false): PublicError {
  const cause = unwrapResolverError(error);
  if (cause instanceof UpstreamError) {
    return (
      (forwardsClientKeys ? clientKeyErrors[cause.kind] : undefined) ?? upstreamErrors[cause.kind]
    );
  }
  if (cause instanceof ClientError) return clientErrors[cause.kind];
  const [, maxTokens] =
    tooManyTokens.exec(cause instanceof GraphQLError ? cause.message : '') ?? [];
  if (maxTokens !== undefined) {
    const message = `This document has too many words and signs; the limit is ${maxTokens} tokens.`;
    return { code: 'OPERATION_TOO_EXPENSIVE', retryable: false, message };
  }
  if (cause instanceof GraphQLError && cause.message === outOfStack && cause.path === undefined) {
    const message = 'This document is nested too deeply to be parsed.';
    return { code: ApolloServerErrorCode.GRAPHQL_PARSE_FAILED, retryable: false, message };
  }
  const code = knownCode(cause, error instanceof GraphQLError ? error.path : undefined);
  return code === undefined ? internalError : { code, retryable: false };
}

/** Whether the error is a bug of ours: masked for the client, and worth a line in the log. */
export const isInternalError = (error: unknown): boolean => publicError(error) === internalError;

function upstreamExtensions(error: unknown): Record<string, unknown> {
  const cause = unwrapResolverError(error);
  if (!(cause instanceof UpstreamError)) return {};
  const { status, entries, retryAfterMs } = cause.details;
  return {
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    ...(entries === undefined ? {} : { upstream: { status, errors: entries } }),
  };
}

/** graphql-js helps with names of the schema, which Apollo hides in validation but not in variables. */
const suggestionPattern = / Did you mean [^?]*\?/;

const maxMessageLength = 500;

/** A message may repeat what the client sent, however long that was. */
const truncate = (message: string): string =>
  message.length > maxMessageLength ? `${message.slice(0, maxMessageLength - 1)}…` : message;

/** Only what is named here leaves: no address, key, header, stack or body; in production no name of the schema either. */
export const createFormatError =
  (isProduction: boolean, forwardsClientKeys = false) =>
  (formatted: GraphQLFormattedError, error: unknown): GraphQLFormattedError => {
    const { code, retryable, message = formatted.message } = publicError(error, forwardsClientKeys);
    return {
      message: truncate(isProduction ? message.replace(suggestionPattern, '') : message),
      ...(formatted.locations === undefined ? {} : { locations: formatted.locations }),
      ...(formatted.path === undefined ? {} : { path: formatted.path }),
      extensions: { code, retryable, ...upstreamExtensions(error) },
    };
  };
