import type { GraphQLResolveInfo } from 'graphql';
import type { DomainEvent } from '../../graphql/context.ts';
import type { Context } from '../../graphql/context.ts';
import type {
  ChatChange,
  ChatMessagesArgs,
  MutationCreateChatArgs,
  PageInfo,
} from '../../graphql/generated.ts';
import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { parseUpstreamId } from '../../lib/ids.ts';
import type { Page, PageWindow } from '../../lib/paging.ts';
import {
  connectionFields,
  readConnection,
  parsePageArguments,
  parsePageWindow,
  connectionSelection,
} from '../../lib/paging.ts';
import { forbiddenError } from '../../lib/clientError.ts';
import { isNotFound } from '../../upstream/errors.ts';
import type { Chat, ChatPart } from '../chats/model.ts';
import { chatEventFields } from '../chats/model.ts';
import { reportedMessage } from './descriptor.ts';
import type { MutationGroup } from '../runMutation.ts';
import { mutationResolvers } from '../runMutation.ts';
import type { VisibleMessages } from './loaders.ts';
import type { ChatMessage, CustomerMessagePage, Message } from './model.ts';
import { toChatMessage } from './model.ts';
import type { CreatedChat } from './mutations.ts';
import {
  changesOf,
  chatCreationMutations,
  customerOf,
  messageMutations,
  queueOf,
  reportedCreation,
} from './mutations.ts';

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

/** A page that ends early continues where reading ended. Otherwise no further page could be reached. */
function visiblePageInfo(
  { messages, hasMore, start, end }: VisibleMessages,
  window: PageWindow,
  toCursor: (position: number) => string,
): PageInfo {
  const [first, last] = [messages[0], messages.at(-1)];
  const hasMoreAfter = hasMore && !window.isFromEnd;
  const hasMoreBefore = hasMore && window.isFromEnd;
  const cursorOf = (message: { position: number } | undefined) =>
    message === undefined ? null : toCursor(message.position);
  return {
    hasNextPage: hasMoreAfter || (window.end !== undefined && messages.length > 0),
    hasPreviousPage: hasMoreBefore || (window.start > 0 && messages.length > 0),
    startCursor: hasMoreBefore ? toCursor(start) : cursorOf(first),
    endCursor: hasMoreAfter ? toCursor(end - 1) : cursorOf(last),
  };
}

/** The messages that the customer may see. Neither counts nor cursors reveal the others. */
async function readVisibleMessages(
  chat: Chat,
  page: MessagePageArguments,
  { loaders, sources }: Context,
  info: GraphQLResolveInfo,
): Promise<CustomerMessagePage> {
  const { toCursor, fromCursor } = sources.messages.seal();
  const list = `messages of ${chat.id} to its customer`;
  const selection = connectionSelection(info, 'ChatMessageConnection');
  const window = parsePageWindow(page, list, fromCursor);
  if (!selection.rows && !selection.pageInfo) return emptyMessagePage;
  const visible = await loaders.messages.visible(chat.id, {
    ...window,
    needsHasMore: selection.pageInfo,
  });
  const { messages } = visible;
  const cursorOf = (index: number): string => toCursor(list, messages[index]?.position ?? 0);
  return {
    rows: messages.map(({ message }) => ({ ...message, chat })),
    cursorOf,
    pageInfo: () => visiblePageInfo(visible, window, (position) => toCursor(list, position)),
    total: null,
  };
}

/** Mutations that write into the chat of the argument `chatId`. */
const messageMutationGroup: MutationGroup<{ readonly chatId: string }, ChatMessage, ChatChange> = {
  queueOf: ({ chatId }) => queueOf.chat(chatId),
  verifyOwner: async ({ chatId }, { loaders }) => {
    await loaders.chats.load(chatId);
  },
  changes: changesOf.message,
  eventsOf: (message, { atMs, args: { chatId } }) =>
    messageEvents(
      message,
      { chatId, customerId: null, assigneeId: null, departmentId: null },
      atMs,
    ),
  reportedChange: (_webhook, { id }) => reportedMessage(id),
};

/** `messageReceived` and the change of the chat. */
const messageEvents = (
  message: Message,
  chat: ReturnType<typeof chatEventFields>,
  atMs: number,
) => [
  { kind: 'message' as const, chatId: chat.chatId, customerId: chat.customerId, message, atMs },
  { kind: 'chat' as const, change: 'MESSAGE' as const, atMs, ...chat },
];

/** Mutations that create a chat of a customer. */
const chatCreationGroup: MutationGroup<MutationCreateChatArgs, CreatedChat, ChatChange> = {
  queueOf: async (args, context) => queueOf.customer(await customerOf(args, context)),
  async verifyOwner(args, context) {
    const { customerId } = args.input;
    if (typeof customerId === 'string' && customerId !== (await customerOf(args, context)))
      throw forbiddenError('input.customerId: must be the customer itself for this viewer.');
  },
  changes: async (args, context) => changesOf.creation(await customerOf(args, context)),
  eventsOf(chat, { change, atMs }) {
    const fields = chatEventFields(chat);
    if (change === 'MESSAGE' && chat.firstMessage !== null)
      return messageEvents(chat.firstMessage, fields, atMs);
    return [{ kind: 'chat', change, atMs, ...fields }];
  },
  reportedChange: reportedCreation,
};

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
      }: Extract<DomainEvent, { readonly kind: 'message' }>): ChatMessage =>
        toChatMessage(message, chatId),
    },
  },
  Mutation: {
    ...mutationResolvers(messageMutationGroup, messageMutations),
    ...mutationResolvers(chatCreationGroup, chatCreationMutations),
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
