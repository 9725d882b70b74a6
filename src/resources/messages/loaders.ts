import { maxPageSize } from '../../lib/paging.ts';
import { isVisibleToCustomers, maxExtraMessageReads } from '../../lib/visibility.ts';
import type { Message } from './model.ts';
import type { MessageSource } from './source.ts';

interface PositionedMessage {
  readonly message: Message;
  /** Among all messages of the chat. */
  readonly position: number;
}

/** Messages of a chat that its customer may see. */
export interface VisibleMessages {
  readonly messages: readonly PositionedMessage[];
  /** The position at which the next page starts. */
  readonly end: number;
  /** Whether there are more, or may be. */
  readonly hasMore: boolean;
}

export interface VisibleMessagesRange {
  readonly start: number;
  readonly count: number;
  /** Whether the client selects `pageInfo`. */
  readonly needsHasMore: boolean;
}

export function createVisibleMessageReader(source: MessageSource) {
  let remainingExtraReads = maxExtraMessageReads;

  return {
    /**
     * The next messages that customers may see. Pages are read whole, so that the number of calls reveals little about the messages
     * in between. Returns fewer when the operation has used up its extra reads.
     */
    async visible(
      chatId: string,
      { start, count, needsHasMore }: VisibleMessagesRange,
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
