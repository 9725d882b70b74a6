import { createHash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createBacklog } from '../support/backlog.ts';
import type { Backlog } from '../support/backlog.ts';
import type { Log } from '../support/log.ts';
import type { Viewer } from './context.ts';
import type { ReadEvents, Result, Subscriber } from './eventResults.ts';
import { missed } from './eventResults.ts';
import type { Admitted } from './subscriptionDoor.ts';

export type Results = AsyncIterableIterator<Result, undefined>;

/** Those who have subscribed to the same and see the same. */
interface Group {
  join(requestId: string): Results | Result;
  isClosed(): boolean;
}

/** Who sees the same of an account. */
const sightOf = (viewer: Viewer): unknown => (viewer.role === 'CUSTOMER' ? viewer : viewer.role);

function nameOf({ source, operationName, variables }: Admitted, subscriber: Subscriber): string {
  const { tenant, viewer } = subscriber;
  const name = [tenant, sightOf(viewer), source, operationName, variables];
  return createHash('sha256').update(JSON.stringify(name)).digest('base64url');
}

interface Options {
  readonly readEvents: ReadEvents;
  readonly log: Log;
  /** A subscriber that is further behind loses what waits for it. */
  readonly maxBuffered: number;
}

export type FanOut = ReturnType<typeof createFanOut>;

/** Resolves each event once for all who have subscribed to the same and see the same, however many they are. */
export function createFanOut({ readEvents, log, maxBuffered }: Options) {
  const groups = new Map<string, Promise<Group>>();

  async function open(
    admitted: Admitted,
    subscriber: Subscriber,
    onClose: () => void,
  ): Promise<Group> {
    const members = new Set<Backlog<Result>>();
    const controller = new AbortController();
    setMaxListeners(0, controller.signal);
    function close(): void {
      if (controller.signal.aborted) return;
      controller.abort();
      onClose();
      for (const member of members) member.finish();
    }
    const results = await readEvents(admitted, subscriber, controller.signal);
    if (!(Symbol.asyncIterator in results)) {
      close();
      return { join: () => results, isClosed: () => false };
    }
    async function run(source: AsyncIterable<Result>): Promise<void> {
      try {
        for await (const result of source) {
          for (const member of members) member.push(result);
        }
      } catch (error) {
        log.error('a subscription failed', { requestId: subscriber.requestId, error });
      } finally {
        close();
      }
    }
    let running: Promise<void> | undefined;
    return {
      isClosed: () => controller.signal.aborted,
      join(requestId) {
        const member = createBacklog<Result>({
          maxLength: maxBuffered,
          lost: missed(requestId),
          onEnd() {
            members.delete(member);
            if (members.size === 0) close();
          },
        });
        members.add(member);
        // Not before there is somebody to tell.
        running ??= run(results);
        return member.items;
      },
    };
  }

  return {
    /** Results as they come, or why there will be none. Who leaves ends the iterator. */
    async join(admitted: Admitted, subscriber: Subscriber): Promise<Results | Result> {
      const name = nameOf(admitted, subscriber);
      for (;;) {
        let opening = groups.get(name);
        if (opening === undefined) {
          const forget = () => {
            if (groups.get(name) === opening) groups.delete(name);
          };
          opening = open(admitted, subscriber, forget);
          groups.set(name, opening);
          opening.catch(forget);
        }
        const group = await opening;
        // The last one may have left in the meantime.
        if (!group.isClosed()) return group.join(subscriber.requestId);
      }
    },
    groups: () => groups.size,
  };
}
