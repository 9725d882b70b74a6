import type {
  ExecutionResult,
  FormattedExecutionResult,
  GraphQLError,
  OperationDefinitionNode,
} from 'graphql';
import type { DomainEvent, PublishedEvent } from '../../events/bus.ts';
import { asError } from '../../lib/asError.ts';
import { eventNotForSubscription } from '../../lib/eventNotForSubscription.ts';
import { whenSettled } from '../../lib/whenSettled.ts';
import type { Log } from '../../observability/log.ts';
import { requestIds } from '../../observability/tracing.ts';
import type { RequestIds } from '../../observability/tracing.ts';
import type { Context } from '../context.ts';
import type { createFormatError } from '../errors.ts';
import type { ExecutableOperation } from '../execution/executor.ts';
import type { EnforceResponseLimit } from '../limits/responseLimit.ts';
import type { OpenedOperation, OpenOperation } from '../operation.ts';
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

/** What a subscriber has sent. */
export interface SubscribedOperation extends Pick<ValidatedSubscription, 'document' | 'variables'> {
  readonly operation: OperationDefinitionNode | null | undefined;
}

interface EventExecution {
  readonly event: PublishedEvent;
  readonly audience: ChargeableSubscribers;
  /** That of the charged subscriber. */
  readonly subscribed: SubscribedOperation;
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

const isAborted = ({ signals }: EventExecution): boolean => signals.every(({ aborted }) => aborted);

/** Closes the operation at the end of its execution, and disconnects it when the execution is abandoned. */
async function untilSettled(
  executed: Promise<ExecutedEvent>,
  execution: EventExecution,
  { disconnect, close }: OpenedOperation,
): Promise<ExecutedEvent> {
  const { signals } = execution;
  const onAbort = () => {
    if (isAborted(execution)) disconnect();
  };
  for (const signal of signals) signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await executed;
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', onAbort);
    close();
  }
}

/** Executes each event as an operation with its own deadline and loaders. */
export class EventExecutor {
  readonly #options: EventExecutorOptions;

  constructor(options: EventExecutorOptions) {
    this.#options = options;
  }

  /** Synchronous if the execution waits for nothing. */
  execute(
    prepared: PreparedOperation,
    execution: EventExecution,
  ): ExecutedEvent | Promise<ExecutedEvent> {
    const { chargedSubscriber, others: otherClients } = execution.audience;
    const opened = this.#options.openOperation({
      otherClients,
      bypassesCache: false,
      ...chargedSubscriber,
    });
    if (isAborted(execution)) opened.disconnect();
    let isPending = false;
    try {
      const executed = this.#execute(prepared, execution, opened.context);
      isPending = executed instanceof Promise;
      return executed instanceof Promise ? untilSettled(executed, execution, opened) : executed;
    } finally {
      if (!isPending) opened.close();
    }
  }

  #execute(
    prepared: PreparedOperation,
    execution: EventExecution,
    context: Context,
  ): ExecutedEvent | Promise<ExecutedEvent> {
    const { limitResult, report } = this.#options;
    const { event, subscribed } = execution;
    return whenSettled(this.#resultOf(prepared, event, context), (executed) => {
      const { calls } = context.usage;
      if (executed === null || isAborted(execution)) return { result: null, calls };
      const extensions = { upstream: usageExtension(context), eventId: event.eventId };
      return whenSettled(limitResult({ ...executed, extensions }, context), (result) => {
        report(context, { ...subscribed, errors: result.errors });
        return { result, calls };
      });
    });
  }

  formatErrors(errors: readonly GraphQLError[], ids: RequestIds) {
    const { log, formatError, forwardsClientKeys } = this.#options;
    logFailures(log, errors, { ids, forwardsClientKeys });
    return errors.map((error) => withRequestId(formatError(error.toJSON(), error), ids.requestId));
  }

  #resultOf(
    { variables, execute }: PreparedOperation,
    event: DomainEvent,
    context: Context,
  ): SubscriptionResult | null | Promise<SubscriptionResult | null> {
    const executed = () =>
      whenSettled(execute(variables, context, event), (result) => this.#format(result, context));
    const isVisible = isAuthorized(context, event);
    if (!(isVisible instanceof Promise)) return isVisible ? executed() : null;
    return isVisible.then(
      (visible) => (visible ? executed() : null),
      (error: unknown) => this.#undecidedResult(error, requestIds(context)),
    );
  }

  #format({ data = null, errors }: ExecutionResult, context: Context): SubscriptionResult | null {
    if (errors === undefined) return { data };
    if (errors.some(({ originalError }) => originalError === eventNotForSubscription)) return null;
    return { data, errors: this.formatErrors(errors, requestIds(context)) };
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
