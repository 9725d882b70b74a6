import { maxPageSize } from '../../lib/paging.ts';
import { isVisibleToCustomers, maxExtraMessageReads } from '../../lib/visibility.ts';
import type { Message } from './model.ts';
import type { MessageSource } from './source.ts';

interface PositionedMessage {
  readonly message: Message;
  /** Among all messages of the chat. */
  readonly position: number;
}

/** Some of a chat's messages, as far as they are said to its customer. */
export interface VisibleMessages {
  readonly messages: readonly PositionedMessage[];
  /** Where to go on. */
  readonly end: number;
  /** Whether there is more, or may be. */
  readonly hasMore: boolean;
}

export interface VisibleMessagesRequest {
  readonly start: number;
  readonly count: number;
  /** Whether somebody wants to know that there is more. */
  readonly needsHasMore: boolean;
}

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export function createMessageLoaders(source: MessageSource) {
  let remainingExtraReads = maxExtraMessageReads;

  return {
    /**
     * As many messages as are wanted of those that are said to customers, whatever lies between them. Pages are read whole, so
     * that the calls tell little of that; when the operation has read enough, there may be fewer.
     */
    async visibleMessages(
      chatId: string,
      { start, count, needsHasMore }: VisibleMessagesRequest,
    ): Promise<VisibleMessages> {
      const found: PositionedMessage[] = [];
      const needed = needsHasMore ? count + 1 : count;
      for (let from = start; ;) {
        const offset = from - (from % maxPageSize);
        const { rows, total } = await source.page(chatId, { offset, limit: maxPageSize });
        const end = offset + rows.length;
        found.push(
          ...rows
            .map((message, index) => ({ message, position: offset + index }))
            .filter(
              ({ message, position }) => position >= from && isVisibleToCustomers(message.type),
            ),
        );
        const messages = found.slice(0, count);
        const last = messages.at(-1)?.position ?? start;
        if (found.length >= needed) {
          return { messages, end: last + 1, hasMore: found.length > count };
        }
        if (rows.length < maxPageSize || end >= (total ?? Infinity)) {
          return { messages, end, hasMore: false };
        }
        if (remainingExtraReads === 0) {
          return { messages, end: messages.length < count ? end : last + 1, hasMore: true };
        }
        remainingExtraReads -= 1;
        from = end;
      }
    },
  };
}
