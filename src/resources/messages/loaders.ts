import type { Place } from '../../lib/listReader.ts';
import { countInWindow, listChangedError, maxPageSize } from '../../lib/listReader.ts';
import type { OffsetRange, Page, PageWindow } from '../../lib/paging.ts';
import { unknownEndError } from '../../lib/paging.ts';
import { isVisibleToCustomers, maxExtraMessageReads } from '../../lib/visibility.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import type { Message } from './model.ts';
import { messageRowOrder } from './model.ts';
import type { MessageSource } from './source.ts';

/** A message with its position among all messages of the chat. */
export interface PositionedMessage {
  readonly message: Message;
  readonly position: number;
}

/** Messages of a chat that its customer may see. */
export interface VisibleMessages {
  readonly messages: readonly PositionedMessage[];
  /** Whether there are more in the direction of reading, or may be. */
  readonly hasMore: boolean;
  /** Where the neighbouring page continues if there are more: the last message that was read. It may be hidden. */
  readonly boundary: PositionedMessage | undefined;
}

interface VisibleMessagesRange extends PageWindow {
  /** Whether the client selects `pageInfo`. */
  readonly needsHasMore: boolean;
}

interface PositionedRange extends Pick<VisibleMessagesRange, 'count' | 'needsHasMore'> {
  readonly start: number;
  readonly end: number | undefined;
}

type MessageWindow = Page<Message> & { readonly offset: number };

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

  async visible(
    chatId: string,
    { after, before, isFromEnd, ...range }: VisibleMessagesRange,
  ): Promise<VisibleMessages> {
    const positionOf = (place: Place) => this.#positionOf(chatId, place);
    const start = after && (await positionOf({ position: after, side: 'after' }));
    const end = before && (await positionOf({ position: before, side: 'before' }));
    const positioned = { ...range, start: start ?? 0, end };
    return isFromEnd ? this.#readLast(chatId, positioned) : this.#readFirst(chatId, positioned);
  }

  async #readFirst(
    chatId: string,
    { start, end: limit = Infinity, count, needsHasMore }: PositionedRange,
  ): Promise<VisibleMessages> {
    const none = { messages: [], hasMore: false, boundary: undefined };
    if (start >= limit) return none;
    const found: PositionedMessage[] = [];
    const needed = needsHasMore ? count + 1 : count;
    for (let from = start; ;) {
      const page = await this.#readPageAt(chatId, from);
      const { rows, total } = page;
      const end = page.offset + rows.length;
      found.push(...visibleBetween(page, from, limit));
      const messages = found.slice(0, count);
      const boundary = messages.at(-1);
      if (found.length >= needed) return { messages, boundary, hasMore: found.length > count };
      if (rows.length < maxPageSize || end >= Math.min(total ?? Infinity, limit))
        return { ...none, messages };
      if (!this.#takeExtraRead()) {
        const isShort = messages.length < count;
        return { messages, boundary: isShort ? lastOf(page) : boundary, hasMore: true };
      }
      from = end;
    }
  }

  async #readLast(
    chatId: string,
    { start, end: limit, count, needsHasMore }: PositionedRange,
  ): Promise<VisibleMessages> {
    const end = limit ?? (await this.#countOf(chatId));
    const found: PositionedMessage[] = [];
    const needed = needsHasMore ? count + 1 : count;
    for (let to = end; to > start;) {
      const page = await this.#readPageAt(chatId, to - 1);
      found.unshift(...visibleBetween(page, start, to));
      const messages = found.slice(-count);
      const [boundary] = messages;
      if (found.length >= needed) return { messages, boundary, hasMore: found.length > count };
      to = page.offset;
      if (to > start && !this.#takeExtraRead()) {
        const isShort = messages.length < count;
        return { messages, boundary: isShort ? firstOf(page) : boundary, hasMore: true };
      }
    }
    return { messages: found, hasMore: false, boundary: undefined };
  }

  /** The number of messages up to a place, from which messages that have arrived meanwhile have moved it. */
  async #positionOf(chatId: string, place: Place): Promise<number> {
    const { position, side } = place;
    const expected = side === 'after' ? position.offset + 1 : position.offset;
    if (position.anchor === undefined) return expected;
    let [low, high] = [0, Infinity];
    for (let at = expected; ;) {
      const page = await this.#readPageAt(chatId, at);
      const count = countInWindow(page, messageRowOrder, place);
      const found = page.offset + count;
      if (count > 0) low = Math.max(low, found);
      if (count < page.rows.length || page.rows.length < maxPageSize) high = Math.min(high, found);
      // HelpCrunch cannot delete messages, so none is missing before the page where the place was.
      if (low >= high || (count === 0 && found === expected)) return found;
      if (!this.#takeExtraRead()) throw listChangedError(place);
      at = high === Infinity ? page.offset + maxPageSize : page.offset - 1;
    }
  }

  /** The whole page that contains this position. */
  async #readPageAt(chatId: string, position: number): Promise<MessageWindow> {
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

const positioned = ({ rows, offset }: MessageWindow): readonly PositionedMessage[] =>
  rows.map((message, index) => ({ message, position: offset + index }));

const firstOf = (page: MessageWindow): PositionedMessage | undefined => positioned(page)[0];

const lastOf = (page: MessageWindow): PositionedMessage | undefined => positioned(page).at(-1);

const visibleBetween = (
  page: MessageWindow,
  start: number,
  end: number,
): readonly PositionedMessage[] =>
  positioned(page).filter(
    ({ message, position }) =>
      position >= start && position < end && isVisibleToCustomers(message.type),
  );

/** Far more than a chat receives while its events are in the log. */
const maxSearchedMessages = 1_000;

const rangeKey = (chatId: string, { offset, limit }: OffsetRange): string =>
  `${chatId} ${offset} ${limit}`;

export function createMessageLoaders(source: MessageSource) {
  const reader = new VisibleMessageReader(source);
  /** Pages that were read before their field is resolved. Each is returned once, so that it hides no later state. */
  const preloaded = new Map<string, Promise<Page<Message>>>();
  return {
    visible: (chatId: string, range: VisibleMessagesRange) => reader.visible(chatId, range),

    /** Starts to read a page that `page` will return. */
    preload(chatId: string, range: OffsetRange): Promise<Page<Message>> {
      const page = source.page(chatId, range);
      preloaded.set(rangeKey(chatId, range), page);
      return page;
    },

    /** Null if the chat has no such message. The latest messages are read first. */
    async find(chatId: string, id: string): Promise<Message | null> {
      for (let offset = 0; offset < maxSearchedMessages; offset += maxPageSize) {
        const { rows } = await source.page(chatId, { offset, limit: maxPageSize });
        const found = rows.find((message) => message.id === id);
        if (found !== undefined) return found;
        if (rows.length < maxPageSize) return null;
      }
      throw new UpstreamError('notFound', `Message ${id} is not among the latest of its chat.`);
    },

    page(chatId: string, range: OffsetRange): Promise<Page<Message>> {
      const key = rangeKey(chatId, range);
      const page = preloaded.get(key);
      preloaded.delete(key);
      return page ?? source.page(chatId, range);
    },
  };
}
