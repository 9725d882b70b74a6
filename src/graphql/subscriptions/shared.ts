import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createBoundedQueue } from '../../lib/boundedQueue.ts';
import type { BoundedQueue } from '../../lib/boundedQueue.ts';
import type { Log } from '../../observability/log.ts';
import type { Viewer } from '../context.ts';
import type {
  ExecuteSubscription,
  SubscriptionResult,
  SubscriptionCaller,
} from './eventExecution.ts';
import { missedEventsResult } from './eventExecution.ts';
import type { ValidatedSubscription } from '../plugins/subscriptionHandoff.ts';

export type SubscriptionResults = AsyncIterableIterator<SubscriptionResult, undefined>;

/** Subscribers with the same operation and the same audience. */
interface SharedSubscription {
  join(requestId: string): SubscriptionResults | SubscriptionResult;
  isClosed(): boolean;
}

/** Viewers with the same key receive the same events and fields. */
const audienceKey = (viewer: Viewer): unknown =>
  viewer.role === 'CUSTOMER' ? viewer : viewer.role;

function sharingKey(
  { source, operationName, variables }: ValidatedSubscription,
  subscriber: SubscriptionCaller,
): string {
  const { account, viewer } = subscriber;
  const name = [account, audienceKey(viewer), source, operationName, variables];
  return createHash('sha256').update(JSON.stringify(name)).digest('base64url');
}

interface SharedSubscriptionsOptions {
  readonly executeSubscription: ExecuteSubscription;
  readonly log: Log;
  /** A subscriber with more buffered results loses them and receives a gap result. */
  readonly maxBuffered: number;
}

export type SharedSubscriptions = ReturnType<typeof createSharedSubscriptions>;

/** Executes each event once for all subscribers with the same operation and audience (fan-out). */
export function createSharedSubscriptions({
  executeSubscription,
  log,
  maxBuffered,
}: SharedSubscriptionsOptions) {
  const groups = new Map<string, Promise<SharedSubscription>>();

  async function open(
    subscription: ValidatedSubscription,
    subscriber: SubscriptionCaller,
    onClose: () => void,
  ): Promise<SharedSubscription> {
    const queues = new Set<BoundedQueue<SubscriptionResult>>();
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    function close(): void {
      if (controller.signal.aborted) return;
      controller.abort();
      onClose();
      for (const queue of queues) queue.finish();
    }
    const results = await executeSubscription(subscription, subscriber, controller.signal);
    if (!(Symbol.asyncIterator in results)) {
      close();
      return { join: () => results, isClosed: () => false };
    }
    async function pump(source: AsyncIterable<SubscriptionResult>): Promise<void> {
      try {
        for await (const result of source) {
          for (const queue of queues) queue.push(result);
        }
      } catch (error) {
        log.error('a subscription failed', { requestId: subscriber.requestId, error });
      } finally {
        close();
      }
    }
    let pumping: Promise<void> | undefined;
    return {
      isClosed: () => controller.signal.aborted,
      join(requestId) {
        const queue = createBoundedQueue<SubscriptionResult>({
          maxLength: maxBuffered,
          overflowItem: missedEventsResult(requestId),
          onEnd() {
            queues.delete(queue);
            if (queues.size === 0) close();
          },
        });
        queues.add(queue);
        // Started by the first subscriber, as earlier results would be lost.
        pumping ??= pump(results);
        return queue.items;
      },
    };
  }

  return {
    /** The stream of results, or a single result if subscribing failed. Ending the iterator unsubscribes. */
    async join(
      subscription: ValidatedSubscription,
      subscriber: SubscriptionCaller,
    ): Promise<SubscriptionResults | SubscriptionResult> {
      const name = sharingKey(subscription, subscriber);
      for (;;) {
        let opening = groups.get(name);
        if (opening === undefined) {
          const remove = () => {
            if (groups.get(name) === opening) groups.delete(name);
          };
          opening = open(subscription, subscriber, remove);
          groups.set(name, opening);
          opening.catch(remove);
        }
        const group = await opening;
        // Its last subscriber may have left in the meantime.
        if (!group.isClosed()) return group.join(subscriber.requestId);
      }
    },
    count: () => groups.size,
  };
}
