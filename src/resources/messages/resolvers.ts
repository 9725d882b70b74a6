import type { GraphQLResolveInfo } from 'graphql';
import type { News } from '../../events/feed.ts';
import type { Context } from '../../graphql/context.ts';
import type { ChatMessagesArgs, Resolvers } from '../../graphql/generated.ts';
import { helpdeskId } from '../../support/ids.ts';
import type { Rows } from '../../support/paging.ts';
import {
  connectionFields,
  defaultPageSize,
  pageSize,
  readConnection,
  spanOf,
  wantedOf,
} from '../../support/paging.ts';
import { isNotFound } from '../../upstream/errors.ts';
import type { Chat, ChatPart } from '../chats/model.ts';
import type { ChatMessage, CustomerPage, Message } from './model.ts';

/** A chat that is known by its id alone may not be there: then nothing was said in it, and that is no error. */
const orNone =
  (chat: ChatPart) =>
  (error: unknown): Rows<Message> => {
    if (isNotFound(error) && !('status' in chat)) return { rows: [], total: 0 };
    throw error;
  };

type Page = Partial<ChatMessagesArgs>;

function readAll(chat: Chat, page: Page, { sources }: Context, info: GraphQLResolveInfo) {
  const list = `messages of ${chat.id}`;
  const wanted = wantedOf(info, 'MessageConnection');
  return readConnection({ list, span: spanOf(page, list), wanted }, async (range) => {
    const { rows, total } = await sources.messages.page(chat.id, range).catch(orNone(chat));
    return { rows: rows.map((message) => ({ ...message, chat })), total };
  });
}

const noPage: CustomerPage = {
  rows: [],
  cursorOf: () => '',
  pageInfo: () => ({
    hasNextPage: false,
    hasPreviousPage: false,
    startCursor: null,
    endCursor: null,
  }),
  total: null,
};

/** What was said to the customer. Neither numbers nor cursors tell what else there is. */
async function readSaid(
  chat: Chat,
  { first, after }: Page,
  { loaders, sources }: Context,
  info: GraphQLResolveInfo,
): Promise<CustomerPage> {
  const { toCursor, fromCursor } = sources.messages.seal();
  const list = `messages of ${chat.id} to its customer`;
  const wanted = wantedOf(info, 'MessageConnection');
  const count = pageSize('first', first ?? defaultPageSize);
  const start = typeof after === 'string' ? fromCursor('after', after, list) + 1 : 0;
  if (!wanted.rows && !wanted.pageInfo) return noPage;
  const said = await loaders.said(chat.id, { start, count, looksOn: wanted.pageInfo });
  const { messages, hasMore, end } = said;
  const cursorOf = (index: number): string => toCursor(list, messages[index]?.place ?? 0);
  return {
    rows: messages.map(({ message }) => ({ ...message, chat })),
    cursorOf,
    pageInfo() {
      const lastCursor = () => (messages.length === 0 ? null : cursorOf(messages.length - 1));
      return {
        hasNextPage: hasMore,
        hasPreviousPage: start > 0 && messages.length > 0,
        startCursor: messages.length === 0 ? null : cursorOf(0),
        // A page that ends early goes on where reading ended, or else it would never get there.
        endCursor: hasMore ? toCursor(list, end - 1) : lastCursor(),
      };
    },
    total: null,
  };
}

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
    messages: (chat, page, context, info) =>
      context.viewer.role === 'CUSTOMER'
        ? readSaid(chat, page, context, info)
        : readAll(chat, page, context, info),
  },
  MessageConnection: {
    nodes: ({ rows }) => rows,
    edges: (page) =>
      'cursorOf' in page
        ? page.rows.map((node, index) => ({ node, cursor: page.cursorOf(index) }))
        : connectionFields.edges(page),
    pageInfo: (page) => ('pageInfo' in page ? page.pageInfo() : connectionFields.pageInfo(page)),
    totalCount: ({ total }) => total,
  },
};
