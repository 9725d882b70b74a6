import type { Page, PageWindow } from '../../lib/paging.ts';
import { maxPageSize, unknownEndError } from '../../lib/paging.ts';
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
  /** The position of the first item of the page, and that after its last, hidden messages included. Neighbouring pages continue there. */
  readonly start: number;
  readonly end: number;
  /** Whether there are more in the direction of reading, or may be. */
  readonly hasMore: boolean;
}

interface VisibleMessagesRange extends PageWindow {
  /** Whether the client selects `pageInfo`. */
  readonly needsHasMore: boolean;
}

const noMessages = (position: number): VisibleMessages => ({
  messages: [],
  start: position,
  end: position,
  hasMore: false,
});

/**
 * Reads the messages that customers may see. Pages are read whole, so that the number of calls reveals little about the messages in
 * between. Returns fewer when the operation has used up its extra reads.
 */
class VisibleMessageReader {
  readonly #source: MessageSource;
  #remainingExtraReads = maxExtraMessageReads;

  constructor(source: MessageSource) {
    this.#source = source;
  }

  visible(chatId: string, range: VisibleMessagesRange): Promise<VisibleMessages> {
    return range.isFromEnd ? this.#readLast(chatId, range) : this.#readFirst(chatId, range);
  }

  async #readFirst(
    chatId: string,
    { start, end: limit = Infinity, count, needsHasMore }: VisibleMessagesRange,
  ): Promise<VisibleMessages> {
    if (start >= limit) return noMessages(start);
    const found: PositionedMessage[] = [];
    const needed = needsHasMore ? count + 1 : count;
    for (let from = start; ;) {
      const page = await this.#readPageAt(chatId, from);
      const { rows, total } = page;
      const end = page.offset + rows.length;
      found.push(...visibleBetween(page, from, limit));
      const messages = found.slice(0, count);
      const last = messages.at(-1)?.position ?? start;
      if (found.length >= needed) {
        return { messages, start, end: last + 1, hasMore: found.length > count };
      }
      if (rows.length < maxPageSize || end >= Math.min(total ?? Infinity, limit)) {
        return { messages, start, end, hasMore: false };
      }
      if (!this.#takeExtraRead()) {
        return { messages, start, end: messages.length < count ? end : last + 1, hasMore: true };
      }
      from = end;
    }
  }

  async #readLast(
    chatId: string,
    { start, end: limit, count, needsHasMore }: VisibleMessagesRange,
  ): Promise<VisibleMessages> {
    const end = limit ?? (await this.#countOf(chatId));
    const found: PositionedMessage[] = [];
    const needed = needsHasMore ? count + 1 : count;
    for (let to = end; to > start;) {
      const page = await this.#readPageAt(chatId, to - 1);
      found.unshift(...visibleBetween(page, start, to));
      const messages = found.slice(-count);
      const first = messages[0]?.position ?? end;
      if (found.length >= needed) {
        return { messages, start: first, end, hasMore: found.length > count };
      }
      to = page.offset;
      if (to > start && !this.#takeExtraRead()) {
        return { messages, start: messages.length < count ? to : first, end, hasMore: true };
      }
    }
    return { ...noMessages(start), messages: found, end };
  }

  /** The whole page that contains this position. */
  async #readPageAt(chatId: string, position: number) {
    const offset = position - (position % maxPageSize);
    return { ...(await this.#source.page(chatId, { offset, limit: maxPageSize })), offset };
  }

  async #countOf(chatId: string): Promise<number> {
    const { rows, total } = await this.#readPageAt(chatId, 0);
    if (total !== null) return total;
    if (rows.length < maxPageSize) return rows.length;
    throw unknownEndError();
  }

  #takeExtraRead(): boolean {
    if (this.#remainingExtraReads === 0) return false;
    this.#remainingExtraReads -= 1;
    return true;
  }
}

const visibleBetween = (
  { rows, offset }: Page<Message> & { readonly offset: number },
  start: number,
  end: number,
): readonly PositionedMessage[] =>
  rows
    .map((message, index) => ({ message, position: offset + index }))
    .filter(
      ({ message, position }) =>
        position >= start && position < end && isVisibleToCustomers(message.type),
    );

export const createVisibleMessageReader = (source: MessageSource): VisibleMessageReader =>
  new VisibleMessageReader(source);
