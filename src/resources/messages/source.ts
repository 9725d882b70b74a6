import type { Range, Rows } from '../../support/paging.ts';
import type { Upstream } from '../../upstream/client.ts';
import { page } from '../../upstream/decode.ts';
import type { Message } from './model.ts';
import { messageFromWire } from './model.ts';

export type MessageSource = ReturnType<typeof createMessageSource>;

/** The message endpoint: one chat and one page of at most 100 a call, newest first. */
export const createMessageSource = ({ send }: Upstream) => ({
  async page(chatId: string, { offset, limit }: Range): Promise<Rows<Message>> {
    const path = `/chats/${chatId}/messages?offset=${offset}&limit=${limit}`;
    const body = await send({ effect: 'read', method: 'GET', path });
    return page(body, { where: 'messages', offset, limit }, messageFromWire);
  },
});
