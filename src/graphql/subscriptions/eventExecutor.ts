import type { FormattedExecutionResult, GraphQLError, OperationDefinitionNode } from 'graphql';
import type { DomainEvent, PublishedEvent } from '../../events/bus.ts';
import { asError } from '../../lib/asError.ts';
import { eventNotForSubscription } from '../../lib/eventNotForSubscription.ts';
import type { Log } from '../../observability/log.ts';
import { requestIds } from '../../observability/tracing.ts';
import type { RequestIds } from '../../observability/tracing.ts';
import type { Context } from '../context.ts';
import type { createFormatError } from '../errors.ts';
import type { ExecutableOperation } from '../execution/executor.ts';
import type { EnforceResponseLimit } from '../limits/responseLimit.ts';
import type { OpenOperation } from '../operation.ts';
import type { ReportOperation } from '../operationReport.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';
import { logFailures, usageExtension, withRequestId } from '../plugins/response.ts';
import { isAuthorized } from './authorize.ts';
import type { ChargeableSubscribers } from './subscribers.ts';

export type SubscriptionResult = FormattedExecutionResult;

/** An operation, prepared for the execution of many events. */
export interface PreparedOperation {
  readonly variables: ValidatedSubscription['variables'];
  readonly execute: ExecutableOperation;
}

interface EventExecution {
  readonly event: PublishedEvent;
  readonly audience: ChargeableSubscribers;
  /** The operation of the charged subscriber. */
  readonly operation: OperationDefinitionNode | null | undefined;
  /** The execution is abandoned when all of them have aborted. */
  readonly signals: readonly AbortSignal[];
}

export interface ExecutedEvent {
  /** Null if the subscribers do not receive the event. */
  readonly result: SubscriptionResult | null;
  readonly calls: number;
}

export interface EventExecutorOptions {
  readonly openOperation: OpenOperation;
  readonly formatError: ReturnType<typeof createFormatError>;
  readonly log: Log;
  /** Whether clients send their own API keys (`AUTH=forward`). */
  readonly forwardsClientKeys: boolean;
  readonly report: ReportOperation;
  readonly limitResult: EnforceResponseLimit;
}

/** Executes each event as an operation with its own deadline and loaders. */
export class EventExecutor {
  readonly #options: EventExecutorOptions;

  constructor(options: EventExecutorOptions) {
    this.#options = options;
  }

  async execute(
    prepared: PreparedOperation,
    { event, audience, operation, signals }: EventExecution,
  ): Promise<ExecutedEvent> {
    const { openOperation, limitResult, report } = this.#options;
    const { chargedSubscriber, others: otherClients } = audience;
    const { context, disconnect, close } = openOperation({
      otherClients,
      bypassesCache: false,
      ...chargedSubscriber,
    });
    const isAborted = () => signals.every(({ aborted }) => aborted);
    const onAbort = () => {
      if (isAborted()) disconnect();
    };
    for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
    // A signal that is already aborted calls no listener.
    onAbort();
    try {
      const executed = await this.#resultOf(prepared, event, context);
      const { calls } = context.usage;
      if (executed === null || isAborted()) return { result: null, calls };
      const extensions = { upstream: usageExtension(context), eventId: event.eventId };
      const result = await limitResult({ ...executed, extensions }, context);
      report(context, { operation, errors: result.errors });
      return { result, calls };
    } finally {
      for (const signal of signals) signal.removeEventListener('abort', onAbort);
      close();
    }
  }

  formatErrors(errors: readonly GraphQLError[], ids: RequestIds) {
    const { log, formatError, forwardsClientKeys } = this.#options;
    logFailures(log, errors, { ids, forwardsClientKeys });
    return errors.map((error) => withRequestId(formatError(error.toJSON(), error), ids.requestId));
  }

  async #resultOf(
    { variables, execute }: PreparedOperation,
    event: DomainEvent,
    context: Context,
  ): Promise<SubscriptionResult | null> {
    try {
      if (!(await isAuthorized(context, event))) return null;
    } catch (error) {
      return this.#undecidedResult(error, requestIds(context));
    }
    const { data = null, errors } = await execute(variables, context, event);
    if (errors?.some(({ originalError }) => originalError === eventNotForSubscription) === true)
      return null;
    return errors === undefined
      ? { data }
      : { data, errors: this.formatErrors(errors, requestIds(context)) };
  }

  /** Delivered if it could not be determined whether the subscriber may receive an event. */
  #undecidedResult(error: unknown, ids: RequestIds): SubscriptionResult {
    const { log, formatError, forwardsClientKeys } = this.#options;
    const cause = asError(error);
    logFailures(log, [cause], { ids, forwardsClientKeys });
    const formatted = withRequestId(formatError({ message: cause.message }, cause), ids.requestId);
    const extensions = { ...formatted.extensions, missed: true };
    return { data: null, errors: [{ ...formatted, extensions }] };
  }
}
