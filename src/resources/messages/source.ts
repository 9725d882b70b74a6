import type { OffsetRange, Page } from '../../lib/paging.ts';
import type { Upstream } from '../../upstream/client.ts';
import { refreshedSingly } from '../../upstream/refresh/refreshableType.ts';
import { messagePageType, readMessages } from './descriptor.ts';
import type { Message } from './model.ts';

const pageName = (chatId: string, { offset, limit }: OffsetRange): string =>
  `${chatId} ${offset} ${limit}`;

const pageNamePattern = /^[1-9][0-9]{0,15} [0-9]{1,9} [0-9]{1,3}$/;

export type MessageSource = ReturnType<typeof createMessageSource>;

/** One call reads one page of at most 100 messages of one chat, newest first. */
export function createMessageSource({ cache, cursorCipher }: Upstream) {
  const page = (chatId: string, range: OffsetRange): Promise<Page<Message>> =>
    cache.getOrLoad(messagePageType, pageName(chatId, range), (send) =>
      readMessages(send, chatId, range),
    );

  return {
    /** Encrypts the cursors of customers, who may not see all messages. */
    cursorCipher,
    page,
    refreshable: () => [
      refreshedSingly(
        { type: messagePageType, isList: true, accepts: (name) => pageNamePattern.test(name) },
        (name) => {
          const [chatId = '', offset, limit] = name.split(' ');
          return page(chatId, { offset: Number(offset), limit: Number(limit) });
        },
      ),
    ],
  };
}
