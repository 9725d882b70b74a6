import type { Resolvers } from '../../graphql/generated.ts';
import { connectionFields, readConnection, spanOf, wantedOf } from '../../support/paging.ts';

export const messageResolvers: Resolvers = {
  Chat: {
    messages(chat, page, { sources }, info) {
      const list = `messages of ${chat.id}`;
      const wanted = wantedOf(info, 'MessageConnection');
      return readConnection({ list, span: spanOf(page, list), wanted }, async (range) => {
        const { rows, total } = await sources.messages.page(chat.id, range);
        return { rows: rows.map((message) => ({ ...message, chat })), total };
      });
    },
  },
  MessageConnection: { ...connectionFields, totalCount: ({ total }) => total },
};
