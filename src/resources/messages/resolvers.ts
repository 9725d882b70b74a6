import type { Resolvers } from '../../graphql/generated.ts';
import type { Rows } from '../../support/paging.ts';
import { connectionFields, readConnection, spanOf, wantedOf } from '../../support/paging.ts';
import { isNotFound } from '../../upstream/errors.ts';
import type { ChatPart } from '../chats/model.ts';
import type { Message } from './model.ts';

/** A chat that is known by its id alone may not be there: then nothing was said in it, and that is no error. */
const orNone =
  (chat: ChatPart) =>
  (error: unknown): Rows<Message> => {
    if (isNotFound(error) && !('status' in chat)) return { rows: [], total: 0 };
    throw error;
  };

export const messageResolvers: Resolvers = {
  Chat: {
    messages(chat, page, { sources }, info) {
      const list = `messages of ${chat.id}`;
      const wanted = wantedOf(info, 'MessageConnection');
      return readConnection({ list, span: spanOf(page, list), wanted }, async (range) => {
        const { rows, total } = await sources.messages.page(chat.id, range).catch(orNone(chat));
        return { rows: rows.map((message) => ({ ...message, chat })), total };
      });
    },
  },
  MessageConnection: { ...connectionFields, totalCount: ({ total }) => total },
};
