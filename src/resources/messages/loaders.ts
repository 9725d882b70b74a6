import { maxPageSize } from '../../support/paging.ts';
import { isSaidToCustomers, maxMoreMessageReads } from '../../support/sight.ts';
import type { Message } from './model.ts';
import type { MessageSource } from './source.ts';

interface Placed {
  readonly message: Message;
  /** Among all messages of the chat. */
  readonly place: number;
}

/** Some of a chat's messages, as far as they are said to its customer. */
export interface Said {
  readonly messages: readonly Placed[];
  /** Where to go on. */
  readonly end: number;
  /** Whether there is more, or may be. */
  readonly hasMore: boolean;
}

export interface Wanted {
  readonly start: number;
  readonly count: number;
  /** Whether somebody wants to know that there is more. */
  readonly looksOn: boolean;
}

/** Made anew for every operation, so nothing one viewer loads is ever seen by another. */
export function createMessageLoaders(source: MessageSource) {
  let moreReads = maxMoreMessageReads;

  return {
    /**
     * As many messages as are wanted of those that are said to customers, whatever lies between them. Pages are read whole, so
     * that the calls tell little of that; when the operation has read enough, there may be fewer.
     */
    async said(chatId: string, { start, count, looksOn }: Wanted): Promise<Said> {
      const found: Placed[] = [];
      const enough = looksOn ? count + 1 : count;
      for (let from = start; ;) {
        const offset = from - (from % maxPageSize);
        const { rows, total } = await source.page(chatId, { offset, limit: maxPageSize });
        const end = offset + rows.length;
        found.push(
          ...rows
            .map((message, index) => ({ message, place: offset + index }))
            .filter(({ message, place }) => place >= from && isSaidToCustomers(message.type)),
        );
        const messages = found.slice(0, count);
        const last = messages.at(-1)?.place ?? start;
        if (found.length >= enough) {
          return { messages, end: last + 1, hasMore: found.length > count };
        }
        if (rows.length < maxPageSize || end >= (total ?? Infinity)) {
          return { messages, end, hasMore: false };
        }
        if (moreReads === 0) {
          return { messages, end: messages.length < count ? end : last + 1, hasMore: true };
        }
        moreReads -= 1;
        from = end;
      }
    },
  };
}
