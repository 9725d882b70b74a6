import type { OffsetRange, Page } from '../../lib/paging.ts';
import type { Upstream } from '../../upstream/client.ts';
import { messagePageType, readMessages } from './descriptor.ts';
import type { Message } from './model.ts';

export type MessageSource = ReturnType<typeof createMessageSource>;

/** One call reads one page of at most 100 messages of one chat, newest first. */
export const createMessageSource = ({ cache, seal }: Upstream) => ({
  /** Encrypts the cursors of customers, who may not see all messages. */
  seal,

  page: (chatId: string, range: OffsetRange): Promise<Page<Message>> =>
    cache.getOrLoad(messagePageType, `${chatId} ${range.offset} ${range.limit}`, (send) =>
      readMessages(send, chatId, range),
    ),
});
