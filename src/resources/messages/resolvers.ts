import type { GraphQLResolveInfo } from 'graphql';
import type { DomainEvent } from '../../graphql/context.ts';
import type { Context } from '../../graphql/context.ts';
import type {
  ChatChange,
  ChatMessagesArgs,
  MutationCreateChatArgs,
} from '../../graphql/generated.ts';
import type { Resolvers } from '../../graphql/resolvers.generated.ts';
import { parseUpstreamId } from '../../lib/ids.ts';
import { anchorOf } from '../../lib/cursors.ts';
import type { Connection, ConnectionPageInfo, Page, PageWindow } from '../../lib/paging.ts';
import {
  connectionFields,
  connectionWithoutRows,
  readConnection,
  parsePageWindow,
  connectionSelection,
} from '../../lib/paging.ts';
import { forbiddenError } from '../../lib/clientError.ts';
import { eventNotForSubscription } from '../../lib/eventNotForSubscription.ts';
import { isVisibleToCustomers } from '../../lib/visibility.ts';
import { isNotFound, nullIfNotFound } from '../../upstream/errors.ts';
import type { Chat, ChatPart } from '../chats/model.ts';
import { chatEventFields } from '../chats/model.ts';
import { messageChangeKey } from './descriptor.ts';
import type { MutationGroup } from '../runMutation.ts';
import { mutationResolvers } from '../runMutation.ts';
import type { PositionedMessage, VisibleMessages } from './loaders.ts';
import type { ChatMessage, Message } from './model.ts';
import { isWholeMessage, messageRowOrder, toChatMessage } from './model.ts';
import type { CreatedChat } from './mutations.ts';
import {
  changesOf,
  chatCreationMutations,
  customerIdForNewChat,
  messageMutations,
  queueOf,
  creationKey,
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
  args: MessagePageArguments,
  { loaders }: Context,
  info: GraphQLResolveInfo,
): Promise<Connection<ChatMessage>> {
  return readConnection<ChatMessage>({
    list: `messages of ${chat.id}`,
    args,
    selection: connectionSelection(info, 'ChatMessageConnection'),
    order: messageRowOrder,
    searchReads: loaders.searchReads,
    async read(range) {
      const { rows, total } = await loaders.messages
        .page(chat.id, range)
        .catch(emptyIfMissing(chat));
      return { rows: rows.map((message) => ({ ...message, chat })), total };
    },
  });
}

/** A page that ends early continues where reading ended. Otherwise no further page could be reached. */
function visiblePageInfo(
  { messages, hasMore, boundary }: VisibleMessages,
  { isFromEnd, after, before }: PageWindow,
  cursorOf: (message: PositionedMessage) => string,
): ConnectionPageInfo {
  const [first, last] = [messages[0], messages.at(-1)];
  const hasMoreAfter = hasMore && !isFromEnd;
  const hasMoreBefore = hasMore && isFromEnd;
  const cursorOrNull = (message: PositionedMessage | undefined) =>
    message === undefined ? null : cursorOf(message);
  return {
    hasNextPage: hasMoreAfter || (before !== undefined && messages.length > 0),
    hasPreviousPage: hasMoreBefore || (after !== undefined && messages.length > 0),
    startCursor: cursorOrNull(hasMoreBefore ? boundary : first),
    endCursor: cursorOrNull(hasMoreAfter ? boundary : last),
  };
}

/** The messages that the customer may see. Neither counts nor cursors reveal the others. */
async function readVisibleMessages(
  chat: Chat,
  args: MessagePageArguments,
  { loaders, sources }: Context,
  info: GraphQLResolveInfo,
): Promise<Connection<ChatMessage>> {
  const cursors = sources.messages
    .cursorCipher()
    .cursorsOf(`messages of ${chat.id} to its customer`);
  const selection = connectionSelection(info, 'ChatMessageConnection');
  const window = parsePageWindow(args, cursors);
  // The total would reveal how many messages the customer may not see.
  if (!selection.rows && !selection.pageInfo) return connectionWithoutRows(null);
  const visible = await loaders.messages.visible(chat.id, {
    ...window,
    needsHasMore: selection.pageInfo,
  });
  const { messages } = visible;
  const cursorOf = ({ message, position }: PositionedMessage): string => {
    const anchor = anchorOf([message], messageRowOrder, { index: 0, rankOfFirst: 0 });
    return cursors.encode({ offset: position, ...(anchor && { anchor }) });
  };
  return {
    rows: messages.map(({ message }) => ({ ...message, chat })),
    // Encrypting it is the most expensive part of a row.
    cursorOf: (index) =>
      messages
        .slice(index, index + 1)
        .map(cursorOf)
        .join(''),
    pageInfo: () => visiblePageInfo(visible, window, cursorOf),
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
  webhookChangeKey: (_webhook, { id }) => messageChangeKey(id),
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
  queueOf: async (args, context) => queueOf.customer(await customerIdForNewChat(args, context)),
  async verifyOwner(args, context) {
    const { customerId } = args.input;
    if (
      typeof customerId === 'string' &&
      customerId !== (await customerIdForNewChat(args, context))
    )
      throw forbiddenError('input.customerId: must be the customer itself for this viewer.');
  },
  changes: async (args, context) => changesOf.creation(await customerIdForNewChat(args, context)),
  eventsOf(chat, { change, atMs }) {
    const fields = chatEventFields(chat);
    if (change === 'MESSAGE' && chat.firstMessage !== null)
      return messageEvents(chat.firstMessage, fields, atMs);
    return [{ kind: 'chat', change, atMs, ...fields }];
  },
  webhookChangeKey: creationKey,
};

/** The text of a replayed event is read again. The message may have been deleted with its customer, and the chat may have another one. */
async function toReceivedMessage(
  { message, chatId }: Extract<DomainEvent, { readonly kind: 'message' }>,
  _args: unknown,
  { viewer, loaders }: Context,
): Promise<ChatMessage> {
  if (isWholeMessage(message)) return toChatMessage(message, chatId);
  const find = async () => {
    // For a customer, the loader fails for chats of others.
    if (viewer.role === 'CUSTOMER') await loaders.chats.load(chatId);
    return loaders.messages.find(chatId, message.id);
  };
  const current = await nullIfNotFound(find());
  const isVisible =
    current !== null && (viewer.role !== 'CUSTOMER' || isVisibleToCustomers(current.type));
  if (!isVisible) throw eventNotForSubscription;
  return toChatMessage(current, chatId);
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
      resolve: toReceivedMessage,
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
  ChatMessageConnection: { ...connectionFields, totalCount: ({ total }) => total },
};
