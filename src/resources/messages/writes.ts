import type { MutationCreateChatArgs } from '../../graphql/generated.ts';
import { badUserInputError, forbiddenError } from '../../lib/clientError.ts';
import { requireText } from '../../lib/texts.ts';
import { decodePage } from '../../upstream/decode.ts';
import type { WriteSession } from '../../upstream/writes/writeSession.ts';
import type { Chat } from '../chats/model.ts';
import { chatCodec } from '../chats/model.ts';
import type { MutationContext } from '../mutation.ts';
import type { Message } from './model.ts';
import { messageCodec } from './model.ts';

export interface OutgoingMessage {
  readonly chatId: string;
  readonly from: 'AGENT' | 'CUSTOMER';
  readonly type: 'MESSAGE' | 'PRIVATE';
  readonly text: string;
  readonly markdown: string | undefined;
  /** Undefined for a message of the customer, and for a note without an author. */
  readonly agentId: string | undefined;
}

export interface MessageText {
  readonly text: string;
  readonly markdown?: string | null | undefined;
}

export function validateTexts({ text, markdown }: MessageText, prefix = ''): void {
  requireText(`${prefix}text`, text);
  if (typeof markdown === 'string') requireText(`${prefix}markdown`, markdown);
}

/** The agent that acts. An agent acts as itself only. */
export function actingAgent(
  argument: string,
  agentId: string | null | undefined,
  { viewer }: MutationContext,
): string | undefined {
  const own = viewer.role === 'AGENT' ? viewer.agentId : undefined;
  if (own !== undefined && typeof agentId === 'string' && agentId !== own)
    throw forbiddenError(`${argument}: must be ${own} for this viewer.`);
  return agentId ?? own;
}

interface Author {
  readonly by: 'AGENT' | 'CUSTOMER';
  readonly agentId?: string | null | undefined;
}

/** The agent that writes a message; undefined for the customer. */
export function authorOf(
  { by, agentId }: Author,
  context: MutationContext,
  prefix = '',
): string | undefined {
  const argument = `${prefix}agentId`;
  if (by === 'CUSTOMER') {
    if (typeof agentId !== 'string') return undefined;
    throw badUserInputError(argument, 'must be omitted with by: CUSTOMER.');
  }
  if (context.viewer.role === 'CUSTOMER')
    throw forbiddenError(`${prefix}by: must be CUSTOMER for this viewer.`);
  const author = actingAgent(argument, agentId, context);
  if (author === undefined) throw badUserInputError(argument, 'is required with by: AGENT.');
  return author;
}

/** Without an agent, HelpCrunch takes a message for the customer's. */
const wireMessage = ({ chatId, type, text, markdown, agentId }: OutgoingMessage) => ({
  chat: Number(chatId),
  text,
  type: type === 'PRIVATE' ? 'private' : 'message',
  ...(agentId === undefined ? {} : { agent: Number(agentId) }),
  ...(markdown === undefined ? {} : { markdownText: markdown }),
});

/** The clocks of HelpCrunch and of the gateway differ by less. */
const clockSkewMs = 5_000;
export const latestPage = { offset: 0, limit: 100 };

/** Something without a readable creation time may be older than the call. */
const isRecent = ({ createdAt }: Pick<Message, 'createdAt'>, startedAtMs: number): boolean =>
  createdAt !== null && createdAt >= startedAtMs - clockSkewMs;

const isSameMessage = (found: Message, sent: OutgoingMessage, startedAtMs: number): boolean =>
  found.from === sent.from &&
  found.type === sent.type &&
  (found.text === sent.text || found.text === sent.markdown) &&
  (found.agent?.id ?? undefined) === sent.agentId &&
  isRecent(found, startedAtMs);

interface Step {
  readonly startedAtMs: number;
  readonly isUncertain: boolean;
  readonly isApplied: boolean;
}

/** Sends a message once. If its outcome is unknown, the latest messages of the chat are searched for it. */
export async function postMessage(
  session: WriteSession,
  message: OutgoingMessage,
  { startedAtMs, isUncertain, isApplied }: Step,
): Promise<Message> {
  const { chatId } = message;
  const known = `messages of ${chatId}`;
  const { offset, limit } = latestPage;
  const sent = await session.create<Message>({
    call: { method: 'POST', path: '/messages', body: wireMessage(message) },
    decode: messageCodec.fromWire,
    isUncertain,
    isApplied,
    async find() {
      const body = await session.read(`/chats/${chatId}/messages?offset=${offset}&limit=${limit}`);
      const { rows } = decodePage(
        body,
        { where: 'messages', offset, limit },
        messageCodec.fromWire,
      );
      return rows.find(
        (row) =>
          isSameMessage(row, message, startedAtMs) && session.latestIds.isLater(known, row.id),
      );
    },
  });
  session.latestIds.record(known, sent.id);
  return sent;
}

const newestChat = (customerId: string) => ({
  filter: [{ field: 'chats.customer', operator: '=', value: Number(customerId) }],
  sort: 'chats.createdAt',
  order: 'desc',
  offset: 0,
  limit: 1,
});

/** Creates a chat once. If its outcome is unknown, the newest chat of the customer is read. */
export async function postChat(
  session: WriteSession,
  { input }: MutationCreateChatArgs,
  { customerId, startedAtMs, isUncertain, isApplied }: Step & { readonly customerId: string },
): Promise<Chat> {
  const { applicationId, assigneeId, departmentId } = input;
  const known = `chats of ${customerId}`;
  const chat = await session.create<Chat>({
    call: {
      method: 'POST',
      path: '/chats',
      body: {
        customer: Number(customerId),
        application: Number(applicationId),
        ...(typeof assigneeId === 'string' ? { assignee: Number(assigneeId) } : {}),
        ...(typeof departmentId === 'string' ? { department: Number(departmentId) } : {}),
      },
    },
    decode: chatCodec.fromWire,
    isUncertain,
    isApplied,
    async find() {
      const body = await session.read('/chats/search', newestChat(customerId));
      const { rows } = decodePage(
        body,
        { where: 'chats', offset: 0, limit: 1 },
        chatCodec.fromWire,
      );
      return rows.find(
        (row) =>
          row.customer?.id === customerId &&
          row.createdWith === 'PUBLIC_API' &&
          row.applicationId === applicationId &&
          isRecent(row, startedAtMs) &&
          session.latestIds.isLater(known, row.id),
      );
    },
  });
  session.latestIds.record(known, chat.id);
  return chat;
}
