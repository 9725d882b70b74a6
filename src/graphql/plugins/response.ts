import type { ApolloServerPlugin, BaseContext, GraphQLResponse } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import type { Log } from '../../observability/log.ts';
import { requestIds } from '../../observability/tracing.ts';
import type { RequestIds } from '../../observability/tracing.ts';
import type { UpstreamErrorKind } from '../../upstream/errors.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import type { Context } from '../context.ts';
import { isInternalError, isRequestError, isUnauthenticatedResult } from '../errors.ts';
import { clientDisconnectedError } from '../operation.ts';
import type { ReportOperation } from '../operationReport.ts';
import type { EnforceResponseLimit } from '../limits/responseLimit.ts';

export const withRequestId = (
  error: GraphQLFormattedError,
  requestId: string,
): GraphQLFormattedError => ({
  ...error,
  extensions: { ...error.extensions, requestId },
});

/** The longest `retryAfterMs` of the result's errors. */
function longestRetryAfterMs({ errors = [] }: FormattedExecutionResult): number | undefined {
  const waits = errors.flatMap(({ extensions }) => {
    const wait = extensions?.['retryAfterMs'];
    return typeof wait === 'number' ? [wait] : [];
  });
  return waits.length === 0 ? undefined : Math.max(...waits);
}

/** What the operation has cost so far, in upstream calls and cache hits. */
export const usageExtension = ({ usage, quota, viewer }: Context) => {
  const { calls, cacheHits, shared, staleMs } = usage;
  // Responses from the cache stay the same. The quota of the account is not shown to customers.
  const rateLimit = calls === 0 || viewer.role === 'CUSTOMER' ? undefined : quota.cached();
  return {
    calls,
    cacheHits,
    shared,
    ...(staleMs === undefined ? {} : { stale: { ageMs: staleMs } }),
    ...(rateLimit === undefined
      ? {}
      : { rateLimit: { limit: rateLimit.limit, remaining: rateLimit.remaining } }),
  };
};

export const isContext = (value: BaseContext): value is Context => 'requestId' in value;

/** Failures that an operator can act on. The others are errors of the client's input. */
const loggedKinds: ReadonlySet<UpstreamErrorKind> = new Set([
  'unauthenticated',
  'forbidden',
  'rateLimited',
  'timeout',
  'unavailable',
  'malformed',
]);

/** Not logged where the API key is the client's. */
const apiKeyKinds: ReadonlySet<UpstreamErrorKind> = new Set(['unauthenticated', 'forbidden']);

interface LogFailuresOptions {
  /** Undefined if the request has no context. */
  readonly ids: RequestIds | undefined;
  readonly forwardsClientKeys?: boolean;
}

/** Logs bugs of the gateway and upstream failures. */
export function logFailures(
  log: Log,
  errors: readonly Error[],
  { ids, forwardsClientKeys = false }: LogFailuresOptions,
): void {
  // A failed call can be the cause of many errors, one for each missing field.
  const causes = new Map(errors.map((error) => [unwrapResolverError(error), error]));
  for (const [cause, error] of causes) {
    if (isInternalError(error)) log.error('operation failed', { ...ids, error });
    if (!(cause instanceof UpstreamError) || cause === clientDisconnectedError) continue;
    const { kind, details } = cause;
    const isClientKeyProblem = forwardsClientKeys && apiKeyKinds.has(kind);
    // Calls that the gateway itself did not send would flood the log under load.
    if (loggedKinds.has(kind) && details.notSent !== true && !isClientKeyProblem) {
      const { endpoint, attempts, status, connectionError } = details;
      log.warn('upstream call failed', {
        ...ids,
        kind,
        ...(endpoint === undefined ? {} : { endpoint, attempts }),
        status,
        ...(connectionError === undefined ? {} : { connectionError }),
      });
    }
  }
}

/** Whether the client accepts `application/json` but not the newer media type, in which errors have their own status. */
const usesLegacyMediaType = (accept = ''): boolean =>
  accept.includes('application/json') && !accept.includes('application/graphql-response+json');

interface ResponsePluginOptions {
  readonly forwardsClientKeys: boolean;
  readonly report: ReportOperation;
  readonly limitResult: EnforceResponseLimit;
}

type HttpHead = GraphQLResponse['http'];

/** Sets the status and headers that depend on the errors of the result. */
function setHttpHead(http: HttpHead, result: FormattedExecutionResult, accept?: string): void {
  if (
    http.status === 400 &&
    result.errors?.every(isRequestError) === true &&
    usesLegacyMediaType(accept)
  ) {
    http.status = 200;
  }
  if (isUnauthenticatedResult(result)) {
    http.status = 401;
    http.headers.set('www-authenticate', 'Bearer error="invalid_token"');
  }
  const retryAfterMs = longestRetryAfterMs(result);
  if (retryAfterMs !== undefined) {
    http.headers.set('retry-after', String(Math.ceil(retryAfterMs / 1000)));
  }
}

/** Adds usage and request ids to every result, limits its size, sets its HTTP head, and reports the operation. */
export const createResponsePlugin = (
  log: Log,
  { forwardsClientKeys, report, limitResult }: ResponsePluginOptions,
): ApolloServerPlugin => ({
  requestDidStart() {
    let isClientDisconnected = false;
    return Promise.resolve({
      didEncounterErrors({ errors, contextValue }) {
        const ids = isContext(contextValue) ? requestIds(contextValue) : undefined;
        logFailures(log, errors, { ids, forwardsClientKeys });
        isClientDisconnected = errors.some(
          (error) => unwrapResolverError(error) === clientDisconnectedError,
        );
        return Promise.resolve();
      },
      async willSendResponse({ request, response, contextValue, operation, document }) {
        const { body, http } = response;
        if (body.kind !== 'single' || !isContext(contextValue)) return;
        const { singleResult } = body;
        singleResult.extensions = {
          ...singleResult.extensions,
          upstream: usageExtension(contextValue),
        };
        if (singleResult.errors !== undefined) {
          singleResult.errors = singleResult.errors.map((error) =>
            withRequestId(error, contextValue.requestId),
          );
        }
        const limited = await limitResult(singleResult, contextValue);
        if (limited !== singleResult) Object.assign(singleResult, limited);
        setHttpHead(http, singleResult, request.http?.headers.get('accept'));
        const { errors } = singleResult;
        const { variables } = request;
        report(contextValue, { operation, document, variables, errors, isClientDisconnected });
      },
    });
  },
});
