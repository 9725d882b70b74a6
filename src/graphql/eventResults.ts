import type { FormattedExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';
import { createSourceEventStream, execute, getOperationAST } from 'graphql';
import type { Announcement, News } from '../events/feed.ts';
import type { Log } from '../support/log.ts';
import { notMeant } from '../support/notMeant.ts';
import { logFailures, usageOf, withRequestId } from './answer.ts';
import type { Caller, Context } from './context.ts';
import type { createFormatError } from './errors.ts';
import { createIdleGuard } from './executionGuard.ts';
import { isMeantFor } from './hearing.ts';
import type { OpenOperation } from './operation.ts';
import type { Report } from './report.ts';
import type { LimitResult } from './responseLimit.ts';
import type { Admitted } from './subscriptionDoor.ts';

export type Result = FormattedExecutionResult;

export type Subscriber = Omit<Caller, 'signal' | 'deadlineMs' | 'isRefresh' | 'guard'>;

/** Told in place of what was missed. It ends nothing. */
export const missed = (requestId: string): Result => ({
  data: null,
  errors: [
    {
      message: 'Events may have been missed. Read again what you show.',
      extensions: { code: 'UPSTREAM_UNAVAILABLE', retryable: true, missed: true, requestId },
    },
  ],
});

/** What our own resolvers listen to. */
const isStream = (source: object): source is AsyncIterable<Announcement> =>
  Symbol.asyncIterator in source;

export interface EventParts {
  readonly schema: GraphQLSchema;
  readonly createContext: (caller: Caller) => Context;
  readonly openOperation: OpenOperation;
  readonly formatError: ReturnType<typeof createFormatError>;
  readonly log: Log;
  /** Whether the helpdesk's key comes from the client. */
  readonly isKeyOfClient: boolean;
  readonly report: Report;
  readonly limitResult: LimitResult;
}

export type ReadEvents = ReturnType<typeof createReadEvents>;

/** What is told of each event: an operation of its own, with a deadline and loaders of its own. */
export function createReadEvents(parts: EventParts) {
  const { schema, createContext, openOperation, formatError, log, isKeyOfClient, report } = parts;
  const { limitResult: limited } = parts;

  function publicErrors(errors: readonly GraphQLError[], requestId: string) {
    logFailures(log, errors, { requestId, isKeyOfClient });
    return errors.map((error) => withRequestId(formatError(error.toJSON(), error), requestId));
  }

  /** Null when the news is not for this subscriber. */
  async function tell(
    { document, operationName, variables }: Admitted,
    { news, subscriber }: { news: News; subscriber: Subscriber },
    signal: AbortSignal,
  ): Promise<Result | null> {
    const { context, abandon, close } = openOperation({ ...subscriber, isRefresh: false });
    signal.addEventListener('abort', abandon, { once: true });
    try {
      if (!(await isMeantFor(context, news))) return null;
      const { data = null, errors } = await context.guard.execute(() =>
        execute({
          schema,
          document,
          rootValue: news,
          contextValue: context,
          variableValues: variables,
          operationName,
        }),
      );
      if (errors?.some(({ originalError }) => originalError === notMeant) === true) return null;
      const publicOnes = errors && publicErrors(errors, context.requestId);
      const result = await limited(
        {
          data,
          ...(publicOnes === undefined ? {} : { errors: publicOnes }),
          extensions: { upstream: usageOf(context) },
        },
        context,
      );
      const operation = getOperationAST(document, operationName);
      report(context, { operation, errors: result.errors });
      return result;
    } finally {
      signal.removeEventListener('abort', abandon);
      close();
    }
  }

  /** Listens until the signal aborts; or why that cannot be. */
  return async (
    admitted: Admitted,
    subscriber: Subscriber,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Result> | Result> => {
    const { document, operationName, variables } = admitted;
    const events = await createSourceEventStream({
      schema,
      document,
      contextValue: createContext({
        ...subscriber,
        signal: () => signal,
        deadlineMs: Infinity,
        isRefresh: false,
        guard: createIdleGuard(),
      }),
      variableValues: variables,
      operationName,
    });
    if ('errors' in events) {
      return { errors: publicErrors(events.errors ?? [], subscriber.requestId) };
    }
    if (!isStream(events)) throw new Error('A subscription listens.');
    return (async function* () {
      for await (const event of events) {
        const result =
          event.kind === 'gap'
            ? missed(subscriber.requestId)
            : await tell(admitted, { news: event, subscriber }, signal);
        if (result !== null) yield result;
      }
    })();
  };
}
