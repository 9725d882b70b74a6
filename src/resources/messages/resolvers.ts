import type { News } from '../../events/feed.ts';
import type { Resolvers } from '../../graphql/generated.ts';
import { helpdeskId } from '../../support/ids.ts';
import type { Rows } from '../../support/paging.ts';
import { connectionFields, readConnection, spanOf, wantedOf } from '../../support/paging.ts';
import { isNotFound } from '../../upstream/errors.ts';
import type { ChatPart } from '../chats/model.ts';
import type { ChatMessage, Message } from './model.ts';

/** A chat that is known by its id alone may not be there: then nothing was said in it, and that is no error. */
const orNone =
  (chat: ChatPart) =>
  (error: unknown): Rows<Message> => {
    if (isNotFound(error) && !('status' in chat)) return { rows: [], total: 0 };
    throw error;
  };

export const messageResolvers: Resolvers = {
  Subscription: {
    messageReceived: {
      subscribe(_root, args, { feed }) {
        const chatId = typeof args.chatId === 'string' ? helpdeskId('chatId', args.chatId) : null;
        return feed.listen(
          (news) => news.kind === 'message' && (chatId === null || news.chatId === chatId),
        );
      },
      resolve: ({ message, chatId }: Extract<News, { readonly kind: 'message' }>): ChatMessage => ({
        ...message,
        chat: { __typename: 'Chat', id: chatId },
      }),
    },
  },
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
