import type { GraphQLResolveInfo } from 'graphql';
import type { DomainEvent } from '../../graphql/context.ts';
import type { Context } from '../../graphql/context.ts';
import type { ChatMessagesArgs } from '../../graphql/generated.ts';
import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { parseUpstreamId } from '../../lib/ids.ts';
import type { Page } from '../../lib/paging.ts';
import {
  connectionFields,
  defaultPageSize,
  validatePageSize,
  readConnection,
  parsePageArguments,
  connectionSelection,
} from '../../lib/paging.ts';
import { isNotFound } from '../../upstream/errors.ts';
import type { Chat, ChatPart } from '../chats/model.ts';
import type { ChatMessage, CustomerMessagePage, Message } from './model.ts';

/** A chat of which only the id is known may not exist: it has no messages, which is not an error. */
const emptyIfMissing =
  (chat: ChatPart) =>
  (error: unknown): Page<Message> => {
    if (isNotFound(error) && !Object.hasOwn(chat, 'status')) return { rows: [], total: 0 };
    throw error;
  };

type MessagePageArguments = Partial<ChatMessagesArgs>;

function readMessages(
  chat: Chat,
  page: MessagePageArguments,
  { sources }: Context,
  info: GraphQLResolveInfo,
) {
  const list = `messages of ${chat.id}`;
  const selection = connectionSelection(info, 'ChatMessageConnection');
  return readConnection(
    { list, parsePageArguments: parsePageArguments(page, list), selection },
    async (range) => {
      const { rows, total } = await sources.messages
        .page(chat.id, range)
        .catch(emptyIfMissing(chat));
      return { rows: rows.map((message) => ({ ...message, chat })), total };
    },
  );
}

const emptyMessagePage: CustomerMessagePage = {
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

/** The messages that the customer may see. Neither counts nor cursors reveal the others. */
async function readVisibleMessages(
  chat: Chat,
  { first, after }: MessagePageArguments,
  { loaders, sources }: Context,
  info: GraphQLResolveInfo,
): Promise<CustomerMessagePage> {
  const { toCursor, fromCursor } = sources.messages.seal();
  const list = `messages of ${chat.id} to its customer`;
  const selection = connectionSelection(info, 'ChatMessageConnection');
  const count = validatePageSize('first', first ?? defaultPageSize);
  const start = typeof after === 'string' ? fromCursor('after', after, list) + 1 : 0;
  if (!selection.rows && !selection.pageInfo) return emptyMessagePage;
  const visible = await loaders.messages.visible(chat.id, {
    start,
    count,
    needsHasMore: selection.pageInfo,
  });
  const { messages, hasMore, end } = visible;
  const cursorOf = (index: number): string => toCursor(list, messages[index]?.position ?? 0);
  return {
    rows: messages.map(({ message }) => ({ ...message, chat })),
    cursorOf,
    pageInfo() {
      const lastCursor = () => (messages.length === 0 ? null : cursorOf(messages.length - 1));
      return {
        hasNextPage: hasMore,
        hasPreviousPage: start > 0 && messages.length > 0,
        startCursor: messages.length === 0 ? null : cursorOf(0),
        // A page that ends early continues where reading ended. Otherwise no later page could be reached.
        endCursor: hasMore ? toCursor(list, end - 1) : lastCursor(),
      };
    },
    total: null,
  };
}

export const messageResolvers: Resolvers = {
  Subscription: {
    messageReceived: {
      subscribe(_root, args, { events }) {
        const chatId =
          typeof args.chatId === 'string' ? parseUpstreamId('chatId', args.chatId) : null;
        return events.subscribe(
          (event) => event.kind === 'message' && (chatId === null || event.chatId === chatId),
        );
      },
      resolve: ({
        message,
        chatId,
      }: Extract<DomainEvent, { readonly kind: 'message' }>): ChatMessage => ({
        ...message,
        chat: { __typename: 'Chat', id: chatId },
      }),
    },
  },
  Chat: {
    messages: (chat, page, context, info) =>
      context.viewer.role === 'CUSTOMER'
        ? readVisibleMessages(chat, page, context, info)
        : readMessages(chat, page, context, info),
  },
  ChatMessageConnection: {
    nodes: ({ rows }) => rows,
    edges: (page) =>
      'cursorOf' in page
        ? page.rows.map((node, index) => ({ node, cursor: page.cursorOf(index) }))
        : connectionFields.edges(page),
    pageInfo: (page) => ('pageInfo' in page ? page.pageInfo() : connectionFields.pageInfo(page)),
    totalCount: ({ total }) => total,
  },
};
