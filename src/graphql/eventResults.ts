import type { FormattedExecutionResult, GraphQLError, GraphQLSchema } from 'graphql';
import { createSourceEventStream, execute, getOperationAST } from 'graphql';
import type { Announcement, News } from '../events/feed.ts';
import type { Log } from '../support/log.ts';
import { notMeant } from '../support/notMeant.ts';
import { logFailures, usageOf, withRequestId } from './answer.ts';
import type { Caller, Context } from './context.ts';
import type { createFormatError } from './errors.ts';
import { isMeantFor } from './hearing.ts';
import type { OpenOperation } from './operation.ts';
import type { Report } from './report.ts';
import type { Admitted } from './subscriptionDoor.ts';

export type Result = FormattedExecutionResult;

export type Subscriber = Omit<Caller, 'signal' | 'deadlineMs' | 'isRefresh'>;

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
}

export type ReadEvents = ReturnType<typeof createReadEvents>;

/** What is told of each event: an operation of its own, with a deadline and loaders of its own. */
export function createReadEvents(parts: EventParts) {
  const { schema, createContext, openOperation, formatError, log, isKeyOfClient, report } = parts;

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
      const { data = null, errors } = await execute({
        schema,
        document,
        rootValue: news,
        contextValue: context,
        variableValues: variables,
        operationName,
      });
      if (errors?.some(({ originalError }) => originalError === notMeant) === true) return null;
      const publicOnes = errors && publicErrors(errors, context.requestId);
      report(context, { operation: getOperationAST(document, operationName), errors: publicOnes });
      return {
        data,
        ...(publicOnes === undefined ? {} : { errors: publicOnes }),
        extensions: { upstream: usageOf(context) },
      };
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
