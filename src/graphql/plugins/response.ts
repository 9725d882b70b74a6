import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import type { Log } from '../../observability/log.ts';
import type { UpstreamErrorKind } from '../../upstream/errors.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import type { Context } from '../context.ts';
import { isInternalError } from '../errors.ts';
import { clientDisconnectedError } from '../operation.ts';
import type { ReportOperation } from '../operationReport.ts';
import type { LimitResult } from '../limits/responseLimit.ts';

const maxResponseErrors = 100;

export const withRequestId = (
  error: GraphQLFormattedError,
  requestId: string,
): GraphQLFormattedError => ({
  ...error,
  extensions: { ...error.extensions, requestId },
});

/** The longest wait that an error of the answer asks for. */
function longestRetryAfterMs({ errors = [] }: FormattedExecutionResult): number | undefined {
  const waits = errors.flatMap(({ extensions }) => {
    const wait = extensions?.['retryAfterMs'];
    return typeof wait === 'number' ? [wait] : [];
  });
  return waits.length === 0 ? undefined : Math.max(...waits);
}

/** What the operation has cost so far. */
export const usageExtension = ({ usage, quota, viewer }: Context) => {
  const { calls, cacheHits, shared, staleMs } = usage;
  const { limit, remaining } = quota.cached();
  return {
    calls,
    cacheHits,
    shared,
    ...(staleMs === undefined ? {} : { stale: { ageMs: staleMs } }),
    // How many calls the account has left is none of a customer's business.
    ...(viewer.role === 'CUSTOMER' ? {} : { rateLimit: { limit, remaining } }),
  };
};

export const isContext = (value: BaseContext): value is Context => 'requestId' in value;

/** What an operator should hear of; the rest is between the client and its input. */
const loggedKinds: ReadonlySet<UpstreamErrorKind> = new Set([
  'unauthenticated',
  'forbidden',
  'rateLimited',
  'timeout',
  'unavailable',
  'malformed',
]);

/** Of the client, where the key is the client's: then it is no news to the operator. */
const apiKeyKinds: ReadonlySet<UpstreamErrorKind> = new Set(['unauthenticated', 'forbidden']);

interface LogFailuresOptions {
  readonly requestId: string | undefined;
  readonly forwardsClientKeys?: boolean;
}

/** Logs what an operator should hear of. */
export function logFailures(
  log: Log,
  errors: readonly Error[],
  { requestId, forwardsClientKeys = false }: LogFailuresOptions,
): void {
  for (const error of errors) {
    if (isInternalError(error)) log.error('an operation failed', { requestId, error });
    const cause = unwrapResolverError(error);
    if (!(cause instanceof UpstreamError) || cause === clientDisconnectedError) continue;
    const { status, notSent = false } = cause.details;
    // What the gateway itself kept back would fill the log when it is busy.
    const isClientKeyProblem = forwardsClientKeys && apiKeyKinds.has(cause.kind);
    if (loggedKinds.has(cause.kind) && !notSent && !isClientKeyProblem) {
      log.warn('the helpdesk failed an operation', { requestId, kind: cause.kind, status });
    }
  }
}
/** Mistakes in the operation itself, which the older content type answers with 200. */
const requestErrorCodes: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);

/** Whether the client asks for `application/json` by name, and does not know the content type whose statuses say more. */
const usesLegacyMediaType = (accept = ''): boolean =>
  accept.includes('application/json') && !accept.includes('application/graphql-response+json');

/** Whether the client's key is the reason why there is no data at all. */
function isUnauthenticatedResult({ data, errors = [] }: FormattedExecutionResult): boolean {
  return (
    errors.length > 0 &&
    Object.values(data ?? {}).every((value) => value === null) &&
    errors.every(({ extensions }) => extensions?.['code'] === 'UNAUTHENTICATED')
  );
}

interface AnswerOptions {
  readonly isKeyOfClient: boolean;
  readonly report: ReportOperation;
  readonly limitResult: LimitResult;
}

/** What every answer carries beside its data: what it cost, the id under which the log knows it, when to come back. */
export const createResponsePlugin = (
  log: Log,
  { isKeyOfClient: forwardsClientKeys, report, limitResult }: AnswerOptions,
): ApolloServerPlugin => ({
  requestDidStart() {
    let isClientDisconnected = false;
    return Promise.resolve({
      didEncounterErrors({ errors, contextValue }) {
        const requestId = isContext(contextValue) ? contextValue.requestId : undefined;
        logFailures(log, errors, { requestId, forwardsClientKeys });
        isClientDisconnected = errors.some(
          (error) => unwrapResolverError(error) === clientDisconnectedError,
        );
        return Promise.resolve();
      },
      async willSendResponse({ request, response, contextValue, operation, document }) {
        if (response.body.kind === 'single' && isContext(contextValue)) {
          const { singleResult } = response.body;
          singleResult.extensions = {
            ...singleResult.extensions,
            upstream: usageExtension(contextValue),
          };
          if (singleResult.errors !== undefined) {
            // A long list may fail in each of its fields; the first failures tell what is wrong.
            singleResult.errors = singleResult.errors
              .slice(0, maxResponseErrors)
              .map((error) => withRequestId(error, contextValue.requestId));
          }
          const limited = await limitResult(singleResult, contextValue);
          if (limited !== singleResult) Object.assign(singleResult, limited);
          const isRequestError = singleResult.errors?.every(({ extensions }) =>
            requestErrorCodes.has(extensions?.['code']),
          );
          if (
            isRequestError === true &&
            response.http.status === 400 &&
            usesLegacyMediaType(request.http?.headers.get('accept'))
          ) {
            response.http.status = 200;
          }
          if (isUnauthenticatedResult(singleResult)) {
            response.http.status = 401;
            response.http.headers.set('www-authenticate', 'Bearer error="invalid_token"');
          }
          const retryAfterMs = longestRetryAfterMs(singleResult);
          if (retryAfterMs !== undefined) {
            response.http.headers.set('retry-after', String(Math.ceil(retryAfterMs / 1000)));
          }
          const { errors } = singleResult;
          report(contextValue, { operation, document, errors, isClientDisconnected });
        }
      },
    });
  },
});
