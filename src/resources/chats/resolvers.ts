import type { GraphQLResolveInfo } from 'graphql';
import type { News } from '../../events/feed.ts';
import type { Context, Viewer } from '../../graphql/context.ts';
import type {
  ChatChange,
  ChatOrder,
  CustomerChatsArgs,
  ReadBy,
  Resolvers,
  SubscriptionChatUpdatedArgs,
} from '../../graphql/generated.ts';
import { forbidden } from '../../support/clientError.ts';
import { helpdeskId, toNodeId } from '../../support/ids.ts';
import { notMeant } from '../../support/notMeant.ts';
import {
  connectionFields,
  noRows,
  readConnection,
  spanOf,
  wantedOf,
} from '../../support/paging.ts';
import { givenOf } from '../../support/selection.ts';
import { totalOf } from '../../upstream/decode.ts';
import { orNull, UpstreamError } from '../../upstream/errors.ts';
import type { Sort } from '../../upstream/lists.ts';
import { hasId, narrowedTo } from '../../upstream/search.ts';
import { chatSearch, chatSort } from './filter.ts';
import type { Chat, ChatPart, ChatUpdate } from './model.ts';
import { aboutChat } from './model.ts';
import type { OwnChats } from './source.ts';

const newestFirst: ChatOrder = { field: 'CREATED_AT', direction: 'DESC' };

/** An order by what the viewer may not see would tell of it. */
function sortFor(orderBy: ChatOrder | null | undefined, { viewer }: Context): Sort {
  if (viewer.role === 'CUSTOMER' && orderBy?.field === 'LAST_MESSAGE_AT') {
    throw forbidden(
      'orderBy: LAST_MESSAGE_AT is for the team alone. Try LAST_CUSTOMER_MESSAGE_AT.',
    );
  }
  return chatSort(orderBy ?? newestFirst);
}

const isWithCustomer = hasId('chats.customer');

/** A customer speaks for itself, an agent for the team. */
function refuseOtherSide(by: ReadBy, { role }: Viewer): void {
  if (role !== 'ALL' && role !== by) throw forbidden(`by: You may only say ${role}.`);
}

/** The `chats` field of a customer, an agent or a department. */
const chatsOf =
  (owner: OwnChats['owner']) =>
  (
    { id }: { readonly id: string },
    { orderBy, ...page }: Partial<CustomerChatsArgs>,
    context: Context,
    info: GraphQLResolveInfo,
  ) => {
    const sort = sortFor(orderBy, context);
    const list = `chats of ${owner} ${id} ${JSON.stringify(sort)}`;
    const wanted = wantedOf(info, 'ChatConnection');
    return readConnection({ list, span: spanOf(page, list), wanted }, (range) =>
      context.loaders.chatsOf({ owner, id, sort, range, wanted }),
    );
  };

/** The chat that something is about. */
async function knownChat(part: ChatPart, { chat }: Context['loaders'], info: GraphQLResolveInfo) {
  const found = await chat.from(part, info);
  if (found === null) throw new UpstreamError('notFound', `There is no chat ${part.id}.`);
  return found;
}

type ChatNews = Extract<News, { readonly chatId: string }>;

/** What happened to a chat. Of a note that a customer may not see, it may not even hear that there was something: it goes by messages. */
function changeOf(news: News, { viewer }: Context): ChatChange | undefined {
  const isByMessages = viewer.role === 'CUSTOMER';
  if (news.kind === 'message') return isByMessages ? 'MESSAGE' : undefined;
  if (news.kind !== 'chat' || (isByMessages && news.change === 'MESSAGE')) return undefined;
  return news.change;
}

interface Owners {
  readonly customerId: string | null;
  readonly assigneeId?: string | null;
  readonly departmentId?: string | null;
}

const owners = ['customerId', 'assigneeId', 'departmentId'] as const;

/** Whether the chat is of those whom the arguments name; undefined when the news does not say enough. */
function isOf(args: SubscriptionChatUpdatedArgs, known: Owners): boolean | undefined {
  const named = owners.filter((owner) => typeof args[owner] === 'string');
  const unknown = named.filter((owner) => typeof known[owner] !== 'string');
  if (named.some((owner) => !unknown.includes(owner) && known[owner] !== args[owner])) return false;
  return unknown.length === 0 ? true : undefined;
}

const ownersOf = (chat: Chat | null): Owners => ({
  customerId: chat?.customer?.id ?? null,
  assigneeId: chat?.assignee?.id ?? null,
  departmentId: chat?.department?.id ?? null,
});

async function toUpdate(
  news: ChatNews,
  args: SubscriptionChatUpdatedArgs,
  context: Context,
): Promise<ChatUpdate> {
  const { chatId: id, atMs: at } = news;
  const change = changeOf(news, context);
  const isMeant =
    isOf(args, news) ?? isOf(args, ownersOf(await orNull(context.loaders.chat.load(id))));
  if (change === undefined || isMeant !== true) throw notMeant;
  return { chat: { __typename: 'Chat', id }, change, at };
}

export const chatResolvers: Resolvers = {
  Subscription: {
    chatUpdated: {
      subscribe(_root, args, context) {
        for (const name of ['id', ...owners] as const) {
          if (typeof args[name] === 'string') helpdeskId(name, args[name]);
        }
        const { id } = args;
        return context.feed.listen(
          (news) =>
            changeOf(news, context) !== undefined &&
            'chatId' in news &&
            (typeof id !== 'string' || id === news.chatId) &&
            isOf(args, news) !== false,
        );
      },
      resolve: toUpdate,
    },
  },
  ChatUpdate: { chat: ({ chat }, _args, { loaders }, info) => knownChat(chat, loaders, info) },
  Query: {
    chat: (_root, { id }, { loaders }) => loaders.chat.load(helpdeskId('id', id)),
    async chats(_root, { filter, orderBy, ...page }, context, info) {
      const sort = sortFor(orderBy, context);
      const search = narrowedTo(
        await context.loaders.sight(),
        chatSearch(filter ?? {}),
        isWithCustomer,
      );
      const list = `chats ${JSON.stringify([search, sort])}`;
      const wanted = wantedOf(info, 'ChatConnection');
      return readConnection({ list, span: spanOf(page, list), wanted }, (range) =>
        search === undefined ? noRows : context.sources.chats.page({ search, sort, range }),
      );
    },
  },
  Mutation: {
    async markChatRead(_root, { id, by, read }, { sources, loaders, viewer, feed, now }) {
      const chatId = helpdeskId('id', id);
      refuseOtherSide(by, viewer);
      // Nothing is changed before it is known to be the customer's own.
      if (viewer.role === 'CUSTOMER') await loaders.chat.load(chatId);
      const chat = await sources.chats.markRead(chatId, by, read);
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
    chat: ({ chat }, _args, { loaders }, info) => knownChat(chat, loaders, info),
  },
  Chat: {
    __resolveReference: (reference, { loaders }, info) =>
      loaders.chat.from(
        {
          ...givenOf(reference, info),
          __typename: 'Chat',
          id: helpdeskId('id', reference.id),
        },
        info,
      ),
    nodeId: ({ id }) => toNodeId('Chat', id),
  },
  ChatConnection: { ...connectionFields, totalCount: totalOf },
};
