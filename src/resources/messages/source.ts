import type { Range, Rows } from '../../support/paging.ts';
import { maxPageSize } from '../../support/paging.ts';
import { rowsKind } from '../../upstream/cache/kinds.ts';
import type { Upstream } from '../../upstream/client.ts';
import { page } from '../../upstream/decode.ts';
import type { Message } from './model.ts';
import { isMessage, messageFromWire } from './model.ts';

// Reading a chat marks its messages, so they are no older than the last change of their chat.
const messagePages = rowsKind('Message', isMessage, {
  freshness: 'chats',
  maxRows: maxPageSize,
  partOf: (name) => ({
    kind: { name: 'Chat', freshness: 'chats' },
    id: name.slice(0, name.indexOf(' ')),
  }),
});

export type MessageSource = ReturnType<typeof createMessageSource>;

/** The message endpoint: one chat and one page of at most 100 a call, newest first. */
export const createMessageSource = ({ cache, seal }: Upstream) => ({
  /** For the cursors of those who may not see all messages. */
  seal,

  page: (chatId: string, { offset, limit }: Range): Promise<Rows<Message>> =>
    cache.one(messagePages, `${chatId} ${offset} ${limit}`, async (send) => {
      const path = `/chats/${chatId}/messages?offset=${offset}&limit=${limit}`;
      const body = await send({ effect: 'read', method: 'GET', path });
      return page(body, { where: 'messages', offset, limit }, messageFromWire);
    }),
});
