import type { GraphQLResolveInfo } from 'graphql';
import type { Context } from '../../graphql/context.ts';
import type { ChatOrder, CustomerChatsArgs, Resolvers } from '../../graphql/generated.ts';
import { helpdeskId, toNodeId } from '../../support/ids.ts';
import { connectionFields, readConnection, spanOf, wantedOf } from '../../support/paging.ts';
import { totalOf } from '../../upstream/decode.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import { chatSearch, chatSort } from './filter.ts';
import { aboutChat } from './model.ts';
import type { OwnChats } from './source.ts';

const newestFirst: ChatOrder = { field: 'CREATED_AT', direction: 'DESC' };

/** The `chats` field of a customer, an agent or a department. */
const chatsOf =
  (owner: OwnChats['owner']) =>
  (
    { id }: { readonly id: string },
    { orderBy, ...page }: Partial<CustomerChatsArgs>,
    { loaders }: Context,
    info: GraphQLResolveInfo,
  ) => {
    const sort = chatSort(orderBy ?? newestFirst);
    const list = `chats of ${owner} ${id} ${JSON.stringify(sort)}`;
    const wanted = wantedOf(info, 'ChatConnection');
    return readConnection({ list, span: spanOf(page, list), wanted }, (range) =>
      loaders.chatsOf({ owner, id, sort, range, wanted }),
    );
  };

export const chatResolvers: Resolvers = {
  Query: {
    chat: (_root, { id }, { loaders }) => loaders.chat.load(helpdeskId('id', id)),
    chats(_root, { filter, orderBy, ...page }, { sources }, info) {
      const search = chatSearch(filter ?? {});
      const sort = chatSort(orderBy ?? newestFirst);
      const list = `chats ${JSON.stringify([search, sort])}`;
      const wanted = wantedOf(info, 'ChatConnection');
      return readConnection({ list, span: spanOf(page, list), wanted }, (range) =>
        sources.chats.page({ search, sort, range }),
      );
    },
  },
  Mutation: {
    async markChatRead(_root, { id, by, read }, { sources, loaders, feed, now }) {
      const chat = await sources.chats.markRead(helpdeskId('id', id), by, read);
      loaders.chat.learn(chat);
      // The helpdesk tells nobody of it, so the gateway does.
      feed.announce({ kind: 'chat', change: 'READ', atMs: now(), ...aboutChat(chat) });
      return chat;
    },
  },
  Customer: { chats: chatsOf('customer') },
  Agent: { chats: chatsOf('assignee') },
  Department: { chats: chatsOf('department') },
  Message: {
    async chat({ chat }, _args, { loaders }, info) {
      const found = await loaders.chat.from(chat, info);
      if (found === null) throw new UpstreamError('notFound', `There is no chat ${chat.id}.`);
      return found;
    },
  },
  Chat: {
    __resolveReference: ({ id }, { loaders }, info) =>
      loaders.chat.from({ __typename: 'Chat', id: helpdeskId('id', id) }, info),
    nodeId: ({ id }) => toNodeId('Chat', id),
  },
  ChatConnection: { ...connectionFields, totalCount: totalOf },
};
