import type {
  ChatChange,
  MutationAddChatNoteArgs,
  MutationCreateChatArgs,
  MutationSendMessageArgs,
} from '../../graphql/generated.ts';
import { badUserInputError, forbiddenError } from '../../lib/clientError.ts';
import {
  isAppliedWrite,
  isNotFound,
  notFoundArgument,
  UpstreamError,
} from '../../upstream/errors.ts';
import type { CreatedIds } from '../../upstream/writes/idempotency.ts';
import { chatListTags, chatType, chatChangeKey } from '../chats/descriptor.ts';
import { customerType } from '../customers/descriptor.ts';
import type { Chat } from '../chats/model.ts';
import { chatCodec } from '../chats/model.ts';
import type { CacheChanges } from '../declarations.ts';
import { firstInboxPageTag, inboxChanges } from '../inbox/descriptor.ts';
import type { MutationContext, MutationDeclaration, MutationRun } from '../mutation.ts';
import { mutationFieldDeclarations } from '../mutation.ts';
import type { messageWebhooks } from './descriptor.ts';
import { messageChangeKey } from './descriptor.ts';
import type { ChatMessage, Message } from './model.ts';
import { toChatMessage } from './model.ts';
import type { MessageText, OutgoingMessage } from './writes.ts';
import {
  actingAgentId,
  authorAgentId,
  latestPageRange,
  outgoingMessage,
  postChat,
  postMessage,
  validateTexts,
} from './writes.ts';

type MessageMutation<Args> = MutationDeclaration<
  Args,
  ChatMessage,
  ChatChange,
  keyof typeof messageWebhooks
>;

interface MessageArgs extends MessageText {
  readonly chatId: string;
  readonly agentId?: string | null | undefined;
}

/** The message of an earlier attempt: from the latest messages of the chat, or rebuilt from its arguments. */
async function restoreMessage(
  { messageId = '', createdAt = '' }: CreatedIds,
  sent: OutgoingMessage,
  { sources }: MutationContext,
): Promise<Message> {
  const { rows } = await sources.messages.page(sent.chatId, latestPageRange);
  return (
    rows.find(({ id }) => id === messageId) ?? {
      __typename: 'ChatMessage',
      id: messageId,
      from: sent.from,
      agent: sent.agentId === undefined ? null : { __typename: 'Agent', id: sent.agentId },
      type: sent.type,
      text: sent.markdown ?? sent.text,
      read: null,
      edited: null,
      createdAt: createdAt === '' ? null : Number(createdAt),
      updatedAt: null,
      broadcastType: null,
    }
  );
}

/** A mutation that writes the message that `messageOf` returns. */
const messageMutation = <Args extends MessageArgs>(
  messageOf: (args: Args, context: MutationContext) => OutgoingMessage,
  declaration: Pick<MessageMutation<Args>, 'policy' | 'publishes'>,
): MessageMutation<Args> => ({
  ...declaration,
  ids: ['chatId', 'agentId'],
  validate(args, context) {
    validateTexts(args);
    messageOf(args, context);
  },
  calls: 1,
  retry: 'lookUp',
  fields: { chat: 'chatId', text: 'text', markdownText: 'markdown', agent: 'agentId' },
  invalidates: chatListTags,
  async execute({ session, args, context, attempt }) {
    const message = messageOf(args, context);
    return toChatMessage(await postMessage(session, message, attempt), args.chatId);
  },
  keyed: {
    idsOf: ({ id, createdAt }) => ({
      messageId: id,
      createdAt: createdAt === null ? '' : String(createdAt),
    }),
    restore: async (created, { args, context }) =>
      toChatMessage(await restoreMessage(created, messageOf(args, context), context), args.chatId),
  },
});

const sendMessage = messageMutation<MutationSendMessageArgs>(
  (args, context) => outgoingMessage(args.chatId, args, authorAgentId(args, context)),
  {
    policy: 'owner',
    publishes: [{ change: 'MESSAGE', repeatedBy: ['message.chat.agent', 'message.chat.customer'] }],
  },
);

const addChatNote = messageMutation<MutationAddChatNoteArgs>(
  (args, context) => ({
    ...outgoingMessage(
      args.chatId,
      { ...args, by: 'AGENT' },
      actingAgentId('agentId', args.agentId, context),
    ),
    type: 'PRIVATE',
  }),
  { policy: 'staff', publishes: [{ change: 'MESSAGE', repeatedBy: ['message.private'] }] },
);

/** The mutations that write into the chat of the argument `chatId`. Each returns the message. */
export const messageMutations = { sendMessage, addChatNote };

/** A new chat with its first message. */
export type CreatedChat = Chat & { readonly firstMessage: Message | null };

/** The customer of the new chat: a customer creates chats for itself only. */
export async function customerIdForNewChat(
  { input }: MutationCreateChatArgs,
  context: MutationContext,
): Promise<string> {
  const { viewer, loaders } = context;
  if (viewer.role !== 'CUSTOMER') return input.customerId ?? '';
  const own = await loaders.customers.ownId();
  if (own === null) throw new UpstreamError('notFound', 'There is no such customer.');
  return own;
}

/** Tells the client which chat exists, although its first message could not be sent. */
const errorWithChatId = (error: unknown, chatId: string): unknown =>
  error instanceof UpstreamError ? error.with({ chatId }) : error;

async function executeCreateChat(run: MutationRun<MutationCreateChatArgs>): Promise<CreatedChat> {
  const { session, args, context, attempt } = run;
  const { message } = args.input;
  const customerId = await customerIdForNewChat(args, context);
  const { chatId: createdId } = attempt.created;
  const created =
    createdId === undefined
      ? await postChat(session, { customerId, input: args.input }, attempt)
      : undefined;
  const chatId = created?.id ?? createdId ?? '';
  if (created !== undefined) await attempt.record({ chatId });
  const read = async () => chatCodec.fromWire(await session.read(`/chats/${chatId}`));
  if (!message) return { ...(created ?? (await read())), firstMessage: null };
  const { owner } = attempt;
  const step =
    created === undefined
      ? attempt
      : { ...session.stepStart(), isUncertain: false, isApplied: false, owner };
  const sent = outgoingMessage(chatId, message, authorAgentId(message, context, 'input.message.'));
  const firstMessage = await postMessage(session, sent, step).catch((error: unknown) => {
    if (isAppliedWrite(error)) return null;
    throw errorWithChatId(error, chatId);
  });
  // The message has changed the chat. A chat without these changes is better than the error of a write that was made.
  const chat = await read().catch((error: unknown) => {
    if (created === undefined) throw errorWithChatId(error, chatId);
    return created;
  });
  return { ...chat, firstMessage };
}

const createChat: MutationDeclaration<
  MutationCreateChatArgs,
  CreatedChat,
  ChatChange,
  'chat.new' | keyof typeof messageWebhooks
> = {
  policy: 'owner',
  ids: [
    'input.customerId',
    'input.applicationId',
    'input.assigneeId',
    'input.departmentId',
    'input.message.agentId',
  ],
  validate({ input }, context) {
    const { customerId, message } = input;
    const { viewer } = context;
    if (viewer.role === 'CUSTOMER') {
      for (const name of ['assigneeId', 'departmentId'] as const) {
        if (typeof input[name] === 'string')
          throw forbiddenError(`input.${name}: is not available to customers.`);
      }
    } else if (typeof customerId !== 'string') {
      throw badUserInputError('input.customerId', 'is required.');
    }
    if (!message) return;
    validateTexts(message, 'input.message.');
    authorAgentId(message, context, 'input.message.');
  },
  calls: {
    text: '1; 3 with `message`',
    of: ({ input }) =>
      typeof input === 'object' && input !== null && 'message' in input && Boolean(input.message)
        ? 3
        : 1,
  },
  retry: 'lookUp',
  fields: {
    customer: 'input.customerId',
    application: 'input.applicationId',
    assignee: 'input.assigneeId',
    department: 'input.departmentId',
    text: 'input.message.text',
    markdownText: 'input.message.markdown',
    agent: 'input.message.agentId',
  },
  invalidates: chatListTags,
  publishes: [
    { change: 'CREATED', repeatedBy: ['chat.new'] },
    {
      change: 'MESSAGE',
      when: ({ input }) => Boolean(input.message),
      repeatedBy: ['message.chat.agent', 'message.chat.customer'],
    },
  ],
  async execute(run) {
    const { session, args, context } = run;
    try {
      const chat = await executeCreateChat(run);
      await session.invalidate([{ type: chatType, id: chat.id }]);
      return chat;
    } catch (error) {
      const isMissing = context.sources.applications.isKnownMissing(args.input.applicationId);
      throw isNotFound(error) && isMissing
        ? notFoundArgument(error, 'input.applicationId', 'application')
        : error;
    }
  },
  keyed: {
    idsOf: ({ id, customer }) => ({
      chatId: id,
      ...(customer === null ? {} : { customerId: customer.id }),
    }),
    restore: async ({ chatId = '' }, { context }) => ({
      ...(await context.loaders.chats.load(chatId)),
      firstMessage: null,
    }),
  },
};

/** In which order writes are made: those of one chat, and those that create something for one customer. */
export const queueOf = {
  chat: (id: string) => ({ type: chatType, id }),
  customer: (id: string) => ({ type: customerType, id }),
};

/** What writes change besides the lists of chats. */
export const changesOf = {
  // The messages of a chat are invalidated with it.
  message: ({ chatId }: { readonly chatId: string }): CacheChanges => [
    queueOf.chat(chatId),
    ...inboxChanges(chatId),
  ],
  // Rules for new chats may change the tags of the customer.
  creation: (customerId: string): CacheChanges => [queueOf.customer(customerId), firstInboxPageTag],
};

/** The name of what has been created, by which the webhook that repeats it is recognized. */
export const creationKey = (webhook: string, chat: CreatedChat): string =>
  webhook === 'chat.new' || chat.firstMessage === null
    ? chatChangeKey(webhook, chat.id, chat)
    : messageChangeKey(chat.firstMessage.id);

/** The mutations that create a chat. */
export const chatCreationMutations = { createChat };

export const messageMutationFields = {
  ...mutationFieldDeclarations({ kind: 'chat', argument: 'chatId' }, messageMutations),
  ...mutationFieldDeclarations({ kind: 'chat' }, chatCreationMutations),
};
