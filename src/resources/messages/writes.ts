import type { CreateChatInput } from '../../graphql/generated.ts';
import { badUserInputError, forbiddenError } from '../../lib/clientError.ts';
import { requireText } from '../../lib/texts.ts';
import { isLaterId } from '../../lib/ids.ts';
import type { Page } from '../../lib/paging.ts';
import { maxPageSize } from '../../lib/paging.ts';
import { UpstreamError } from '../../upstream/errors.ts';
import { idEquals } from '../../upstream/filters.ts';
import { readPage } from '../../upstream/lists.ts';
import type { Attempt } from '../../upstream/writes/idempotentRuns.ts';
import type { CreationAttempt } from '../../upstream/writes/creation.ts';
import type { WriteSession } from '../../upstream/writes/writeSession.ts';
import { chatEndpoint, chatType } from '../chats/descriptor.ts';
import type { Chat } from '../chats/model.ts';
import { chatCodec } from '../chats/model.ts';
import type { MutationContext } from '../mutation.ts';
import { readMessages } from './descriptor.ts';
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

/** A message to the other side; undefined for `agentId` makes it one of the customer. */
export const outgoingMessage = (
  chatId: string,
  { by, text, markdown }: MessageText & Pick<Author, 'by'>,
  agentId: string | undefined,
): OutgoingMessage => ({
  chatId,
  from: by,
  type: 'MESSAGE',
  text,
  markdown: markdown ?? undefined,
  agentId,
});

export interface MessageText {
  readonly text: string;
  readonly markdown?: string | null | undefined;
}

export function validateTexts({ text, markdown }: MessageText, prefix = ''): void {
  requireText(`${prefix}text`, text);
  if (typeof markdown === 'string') requireText(`${prefix}markdown`, markdown);
}

/** The agent that acts. An agent acts as itself only. */
export function actingAgentId(
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
export function authorAgentId(
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
  const author = actingAgentId(argument, agentId, context);
  if (author === undefined) throw badUserInputError(argument, 'is required with by: AGENT.');
  return author;
}

/** Without an agent, HelpCrunch attributes a message to the customer. */
const wireMessage = ({ chatId, type, text, markdown, agentId }: OutgoingMessage) => ({
  chat: Number(chatId),
  text,
  type: type === 'PRIVATE' ? 'private' : 'message',
  ...(agentId === undefined ? {} : { agent: Number(agentId) }),
  ...(markdown === undefined ? {} : { markdownText: markdown }),
});

/** By which the clock of HelpCrunch may be known late, and creation times rounded. */
const clockSkewMs = 5_000;
export const latestPageRange = { offset: 0, limit: maxPageSize };

/** One attempt to create something. */
type CreationStep = CreationAttempt & Pick<Attempt, 'serverStartedAtMs'>;

interface Dated {
  readonly createdAt: number | null;
}

/** Something without a readable creation time may be older than the call. */
const isRecent = ({ createdAt }: Dated, startedAtMs: number): boolean =>
  createdAt !== null && createdAt >= startedAtMs - clockSkewMs;

/** The matching rows of the latest page, oldest first. Fails if the result of the call may be on a later page. */
function matchesIn<Row extends Dated>(
  { rows }: Page<Row>,
  startedAtMs: number,
  isMatch: (row: Row) => boolean,
): readonly Row[] {
  const found = rows.filter((row) => isRecent(row, startedAtMs) && isMatch(row)).toReversed();
  const oldest = rows.at(-1);
  if (
    found.length > 0 ||
    oldest === undefined ||
    rows.length < latestPageRange.limit ||
    !isRecent(oldest, startedAtMs)
  )
    return found;
  throw new UpstreamError('outcomeUnknown', 'There are too many new objects for a lookup.');
}

const isSameMessage = (found: Message, sent: OutgoingMessage): boolean =>
  found.from === sent.from &&
  found.type === sent.type &&
  (found.text === sent.text || found.text === sent.markdown) &&
  (found.agent?.id ?? undefined) === sent.agentId;

/** Sends a message once. If its outcome is unknown, the latest messages of the chat are searched for it. */
export function postMessage(
  session: WriteSession,
  message: OutgoingMessage,
  step: CreationStep,
): Promise<Message> {
  const { chatId } = message;
  // After an earlier attempt, the latest known message may be newer than the one that is looked for.
  const latestId = step.isUncertain
    ? undefined
    : session.lastKnown(chatType, chatId)?.lastMessageId;
  return session.create<Message>({
    call: { method: 'POST', path: '/messages', body: wireMessage(message) },
    decode: messageCodec.fromWire,
    attempt: step,
    nameOf: ({ id }) => `message ${id}`,
    find: async () =>
      matchesIn(
        await readMessages(session.sendRead, chatId, latestPageRange),
        step.serverStartedAtMs,
        (row) =>
          isSameMessage(row, message) &&
          (typeof latestId !== 'string' || isLaterId(row.id, latestId)),
      ),
  });
}

const ofCustomer = idEquals('chats.customer');
const newestFirst = { sort: 'chats.createdAt', order: 'desc' } as const;

/** Creates a chat once. If its outcome is unknown, the newest chats of the customer are searched for it. */
export function postChat(
  session: WriteSession,
  { customerId, input }: { readonly customerId: string; readonly input: CreateChatInput },
  step: CreationStep,
): Promise<Chat> {
  const { applicationId, assigneeId, departmentId } = input;
  return session.create<Chat>({
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
    attempt: step,
    nameOf: ({ id }) => `chat ${id}`,
    find: async () =>
      matchesIn(
        await readPage(session.sendRead, chatEndpoint, {
          filter: ofCustomer('input.customerId', customerId),
          sort: newestFirst,
          range: latestPageRange,
        }),
        step.serverStartedAtMs,
        (row) =>
          row.customer?.id === customerId &&
          row.createdWith === 'PUBLIC_API' &&
          row.applicationId === applicationId,
      ),
  });
}
