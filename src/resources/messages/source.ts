import type { OffsetRange, Page } from '../../lib/paging.ts';
import { maxPageSize } from '../../lib/paging.ts';
import { listType } from '../../upstream/cache/cacheTypes.ts';
import type { Upstream } from '../../upstream/client.ts';
import { decodePage } from '../../upstream/decode.ts';
import type { Message } from './model.ts';
import { isMessage, messageFromWire } from './model.ts';

// Reading a chat marks its messages, so they are no older than the last change of their chat.
const messagePageType = listType('ChatMessage', isMessage, {
  ttlClass: 'chats',
  maxRows: maxPageSize,
  dependsOn: (name) => ({
    type: { name: 'Chat', ttlClass: 'chats' },
    id: name.slice(0, name.indexOf(' ')),
  }),
});

export type MessageSource = ReturnType<typeof createMessageSource>;

/** The message endpoint: one chat and one page of at most 100 a call, newest first. */
export const createMessageSource = ({ cache, seal }: Upstream) => ({
  /** For the cursors of those who may not see all messages. */
  seal,

  page: (chatId: string, { offset, limit }: OffsetRange): Promise<Page<Message>> =>
    cache.getOrLoad(messagePageType, `${chatId} ${offset} ${limit}`, async (send) => {
      const path = `/chats/${chatId}/messages?offset=${offset}&limit=${limit}`;
      const body = await send({ effect: 'read', method: 'GET', path });
      return decodePage(body, { where: 'messages', offset, limit }, messageFromWire);
    }),
});
