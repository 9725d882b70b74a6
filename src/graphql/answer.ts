import type { ApolloServerPlugin, BaseContext } from '@apollo/server';
import { unwrapResolverError } from '@apollo/server/errors';
import type { FormattedExecutionResult, GraphQLFormattedError } from 'graphql';
import type { Log } from '../support/log.ts';
import type { UpstreamErrorKind } from '../upstream/errors.ts';
import { UpstreamError } from '../upstream/errors.ts';
import type { Context } from './context.ts';
import { isInternal } from './errors.ts';
import { clientLeft } from './operation.ts';
import type { Report } from './report.ts';
import type { LimitResult } from './responseLimit.ts';

const maxErrors = 100;

export const withRequestId = (
  error: GraphQLFormattedError,
  requestId: string,
): GraphQLFormattedError => ({
  ...error,
  extensions: { ...error.extensions, requestId },
});

/** The longest wait that an error of the answer asks for. */
function retryAfterMs({ errors = [] }: FormattedExecutionResult): number | undefined {
  const waits = errors.flatMap(({ extensions }) => {
    const wait = extensions?.['retryAfterMs'];
    return typeof wait === 'number' ? [wait] : [];
  });
  return waits.length === 0 ? undefined : Math.max(...waits);
}

/** What the operation has cost so far. */
export const usageOf = ({ usage, rate, viewer }: Context) => {
  const { calls, cacheHits, shared, staleMs } = usage;
  const { limit, remaining } = rate.now();
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
const isOutOfOrder: ReadonlySet<UpstreamErrorKind> = new Set([
  'unauthenticated',
  'forbidden',
  'rateLimited',
  'timeout',
  'unavailable',
  'malformed',
]);

/** Of the client, where the key is the client's: then it is no news to the operator. */
const isAboutKey: ReadonlySet<UpstreamErrorKind> = new Set(['unauthenticated', 'forbidden']);

interface FailureOptions {
  readonly requestId: string | undefined;
  readonly isKeyOfClient?: boolean;
}

/** Logs what an operator should hear of. */
export function logFailures(
  log: Log,
  errors: readonly Error[],
  { requestId, isKeyOfClient = false }: FailureOptions,
): void {
  for (const error of errors) {
    if (isInternal(error)) log.error('an operation failed', { requestId, error });
    const cause = unwrapResolverError(error);
    if (!(cause instanceof UpstreamError) || cause === clientLeft) continue;
    const { status, neverLeft = false } = cause.details;
    // What the gateway itself kept back would fill the log when it is busy.
    const isOfClient = isKeyOfClient && isAboutKey.has(cause.kind);
    if (isOutOfOrder.has(cause.kind) && !neverLeft && !isOfClient) {
      log.warn('the helpdesk failed an operation', { requestId, kind: cause.kind, status });
    }
  }
}
/** Mistakes in the operation itself, which the older content type answers with 200. */
const isMistake: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'BAD_USER_INPUT',
]);

/** Whether the client asks for `application/json` by name, and does not know the content type whose statuses say more. */
const isOldFashioned = (accept = ''): boolean =>
  accept.includes('application/json') && !accept.includes('application/graphql-response+json');

/** Whether the client's key is the reason why there is no data at all. */
function isWithoutKey({ data, errors = [] }: FormattedExecutionResult): boolean {
  return (
    errors.length > 0 &&
    Object.values(data ?? {}).every((value) => value === null) &&
    errors.every(({ extensions }) => extensions?.['code'] === 'UNAUTHENTICATED')
  );
}

interface AnswerOptions {
  readonly isKeyOfClient: boolean;
  readonly report: Report;
  readonly limitResult: LimitResult;
}

/** What every answer carries beside its data: what it cost, the id under which the log knows it, when to come back. */
export const createAnswerPlugin = (
  log: Log,
  { isKeyOfClient, report, limitResult }: AnswerOptions,
): ApolloServerPlugin => ({
  requestDidStart() {
    let hasClientLeft = false;
    return Promise.resolve({
      didEncounterErrors({ errors, contextValue }) {
        const requestId = isContext(contextValue) ? contextValue.requestId : undefined;
        logFailures(log, errors, { requestId, isKeyOfClient });
        hasClientLeft = errors.some((error) => unwrapResolverError(error) === clientLeft);
        return Promise.resolve();
      },
      async willSendResponse({ request, response, contextValue, operation, document }) {
        if (response.body.kind === 'single' && isContext(contextValue)) {
          const { singleResult } = response.body;
          singleResult.extensions = {
            ...singleResult.extensions,
            upstream: usageOf(contextValue),
          };
          if (singleResult.errors !== undefined) {
            // A long list may fail in each of its fields; the first failures tell what is wrong.
            singleResult.errors = singleResult.errors
              .slice(0, maxErrors)
              .map((error) => withRequestId(error, contextValue.requestId));
          }
          const limited = await limitResult(singleResult, contextValue);
          if (limited !== singleResult) Object.assign(singleResult, limited);
          const isWrong = singleResult.errors?.every(({ extensions }) =>
            isMistake.has(extensions?.['code']),
          );
          if (
            isWrong === true &&
            response.http.status === 400 &&
            isOldFashioned(request.http?.headers.get('accept'))
          ) {
            response.http.status = 200;
          }
          if (isWithoutKey(singleResult)) {
            response.http.status = 401;
            response.http.headers.set('www-authenticate', 'Bearer error="invalid_token"');
          }
          const waitMs = retryAfterMs(singleResult);
          if (waitMs !== undefined) {
            response.http.headers.set('retry-after', String(Math.ceil(waitMs / 1000)));
          }
          const { errors } = singleResult;
          report(contextValue, { operation, document, errors, hasClientLeft });
        }
      },
    });
  },
});
