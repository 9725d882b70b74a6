import type { OffsetRange, Page } from '../../lib/paging.ts';
import type { Upstream } from '../../upstream/client.ts';
import { decodePage } from '../../upstream/decode.ts';
import { messagePageType } from './descriptor.ts';
import type { Message } from './model.ts';
import { messageCodec } from './model.ts';

export type MessageSource = ReturnType<typeof createMessageSource>;

/** One call reads one page of at most 100 messages of one chat, newest first. */
export const createMessageSource = ({ cache, seal }: Upstream) => ({
  /** Encrypts the cursors of customers, who may not see all messages. */
  seal,

  page: (chatId: string, { offset, limit }: OffsetRange): Promise<Page<Message>> =>
    cache.getOrLoad(messagePageType, `${chatId} ${offset} ${limit}`, async (send) => {
      const path = `/chats/${chatId}/messages?offset=${offset}&limit=${limit}`;
      const body = await send({ effect: 'read', method: 'GET', path });
      return decodePage(body, { where: 'messages', offset, limit }, messageCodec.fromWire);
    }),
});
