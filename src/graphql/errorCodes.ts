interface ErrorCodeDefinition {
  /** HTTP status of a request that fails with this code before anything is executed; an executed operation is 200. */
  readonly status: number;
  /** Whether the same operation may succeed later without a change. */
  readonly retryable: boolean;
  /** Why a client receives the code, and what it should do, for the table in `docs/errors.md`. */
  readonly cause: string;
  readonly action: string;
}

/** The closed list of public error codes. Routers may remove all other properties of an error, so clients must be able to decide by the code alone. */
export const errorCodes = {
  GRAPHQL_PARSE_FAILED: {
    status: 400,
    retryable: false,
    cause: 'The document is not valid GraphQL syntax.',
    action: 'Correct the document.',
  },
  GRAPHQL_VALIDATION_FAILED: {
    status: 400,
    retryable: false,
    cause: 'The document does not match the schema.',
    action: 'Validate operations against `schema.graphql` at build time.',
  },
  OPERATION_RESOLUTION_FAILURE: {
    status: 400,
    retryable: false,
    cause: 'The document contains no operation, or several and no matching `operationName`.',
    action: 'Send `operationName`.',
  },
  PERSISTED_QUERY_NOT_FOUND: {
    status: 400,
    retryable: false,
    cause:
      'There is no persisted operation with this id, or only persisted operations are accepted.',
    action:
      'Send the full document; the persisted-query links of Apollo and urql do this automatically.',
  },
  PERSISTED_QUERY_NOT_SUPPORTED: {
    status: 400,
    retryable: false,
    cause: 'Persisted queries are not available.',
    action: 'Send the full document.',
  },
  BAD_REQUEST: {
    status: 400,
    retryable: false,
    cause:
      'The HTTP request is malformed, or its path (404), method (405), `Accept` (406), size (413, 431), media type (415) or host (421) is not accepted.',
    action: 'Correct the request.',
  },
  BAD_USER_INPUT: {
    status: 400,
    retryable: false,
    cause: 'An id, cursor, page size, filter or other value is invalid, or HelpCrunch rejected it.',
    action: 'Correct the value, or show the message to the user.',
  },
  UNAUTHENTICATED: {
    status: 401,
    retryable: false,
    cause:
      'The credentials of the client are missing or invalid, a webhook signature included. With `AUTH=forward`: HelpCrunch rejected the API key.',
    action: 'Get new credentials and retry.',
  },
  FORBIDDEN: {
    status: 403,
    retryable: false,
    cause:
      'The viewer is not allowed to do this. With `AUTH=forward`: HelpCrunch denied it to the API key.',
    action: 'Do not offer this to the viewer.',
  },
  NOT_FOUND: {
    status: 200,
    retryable: false,
    cause: 'HelpCrunch has no object with this id, or the viewer cannot see it.',
    action: 'Show that the object does not exist.',
  },
  CONFLICT: {
    status: 200,
    retryable: false,
    cause:
      'The current state does not allow the change: the chat is already assigned or cannot be rated, a `userId` is taken, or an `idempotencyKey` was used with other arguments.',
    action: 'Refetch the object and let the user decide.',
  },
  OUTCOME_UNKNOWN: {
    status: 200,
    retryable: false,
    cause:
      'HelpCrunch did not respond to the creation of an object, or failed (5xx), and the new object was not found.',
    action: 'Repeat with the same `idempotencyKey`, or check whether the object exists.',
  },
  OPERATION_TOO_EXPENSIVE: {
    status: 400,
    retryable: false,
    cause:
      'The operation exceeds a limit: upstream calls, response nodes or bytes, depth, aliases, directives, tokens, subscriptions.',
    action: 'Request smaller pages or fewer levels.',
  },
  RATE_LIMITED: {
    status: 429,
    retryable: true,
    cause: 'A rate limit of the gateway or of HelpCrunch is reached.',
    action: 'Retry after `retryAfterMs`.',
  },
  UPSTREAM_UNAUTHENTICATED: {
    status: 200,
    retryable: false,
    cause: "HelpCrunch rejected the gateway's API key.",
    action: 'Nothing; the operator must replace the key.',
  },
  UPSTREAM_FORBIDDEN: {
    status: 200,
    retryable: false,
    cause: "HelpCrunch denied this to the gateway's API key.",
    action: 'Nothing; the operator must extend the permissions of the key.',
  },
  UPSTREAM_TIMEOUT: {
    status: 200,
    retryable: true,
    cause: 'HelpCrunch did not respond in time, or the operation reached its deadline.',
    action: 'Retry with backoff.',
  },
  UPSTREAM_UNAVAILABLE: {
    status: 503,
    retryable: true,
    cause:
      'HelpCrunch failed (5xx, connection failure, open circuit breaker), subscription events were lost, or the gateway is shutting down or cannot verify credentials.',
    action: 'Retry with backoff.',
  },
  UPSTREAM_INVALID_RESPONSE: {
    status: 200,
    retryable: false,
    cause:
      'A response of HelpCrunch could not be decoded, or it responded with 404 to a request that names no object.',
    action: 'Report it with the `requestId`.',
  },
  INTERNAL_SERVER_ERROR: {
    status: 500,
    retryable: false,
    cause: 'A bug in the gateway; the log contains the details under the `requestId`.',
    action: 'Report it with the `requestId`.',
  },
} as const satisfies Readonly<Record<string, ErrorCodeDefinition>>;

export type ErrorCode = keyof typeof errorCodes;

export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === 'string' && Object.hasOwn(errorCodes, value);
