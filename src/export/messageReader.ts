import { z } from 'zod';
import { isLaterId, toNodeId } from '../lib/ids.ts';
import { maxOverlappedSize, maxPageSize } from '../lib/listReader.ts';
import { chatsByIdDocument, messagesDocument } from './documents.ts';
import { isNewMessage } from './exportIndex.ts';
import type { GraphqlError } from './failures.ts';
import { isCursorRejected, isNotFound, isTooExpensive, mayBeOutage } from './failures.ts';
import { decode, nextCursorOf } from './gatewayClient.ts';
import type { ExportSession } from './session.ts';
import { mergeSkipped, pendingOfSkipped, SkippedObjects } from './skippedObjects.ts';
import type { PendingMessages, SkippedChat } from './state.ts';
import { chatReferenceSchema, idSchema, pageInfoSchema, rowSchema } from './values.ts';

const messageSchema = rowSchema.extend({ createdAt: z.string().nullable() });
const writtenSchema = chatReferenceSchema.extend({ id: idSchema });

const pageSchema = z.object({
  pageInfo: pageInfoSchema,
  nodes: z.array(messageSchema),
});

type MessagePage = z.infer<typeof pageSchema>;

const resultSchema = z.object({
  nodes: z
    .array(z.object({ messages: pageSchema.nullish() }).nullable())
    .nullish()
    .transform((nodes) => nodes ?? []),
});

/** The worst case of the gateway's estimate is two calls for each chat, and its default limit is 30. */
const maxChatsPerOperation = 14;

/** Whether an error belongs to this entry of `nodes`. */
const isAt =
  (index: number) =>
  ({ path }: GraphqlError): boolean =>
    path?.[0] === 'nodes' && path[1] === index;

/** What remains of a chat after an operation. */
interface ChatOutcome {
  readonly remaining?: PendingMessages;
  readonly skipped?: SkippedChat;
  /** Errors after which the chat is read again as it is. */
  readonly failures?: readonly GraphqlError[];
}

/** Reads the messages of the pending chats, one call for each page of a chat. */
export class MessageReader {
  readonly #session: ExportSession;
  readonly #skippedChats = new SkippedObjects('chats');
  /** The ids of the written messages of chats that are read from their newest message again. */
  readonly #written = new Map<string, Set<string>>();
  /** Halved when the gateway's limits are lower. */
  #maxChats = maxChatsPerOperation;
  #maxMessages = maxPageSize;

  constructor(session: ExportSession) {
    this.#session = session;
  }

  async readAll(): Promise<void> {
    while (this.#session.state.pending.length > 0) await this.#readNext();
  }

  /** Reads the chats again whose messages could not be read before. */
  async retrySkipped(): Promise<void> {
    const { pending, skipped } = this.#session.state;
    if (skipped.length === 0) return;
    // The chats themselves are read with their list.
    const added = this.#session.exports('messages') ? skipped.map(pendingOfSkipped) : [];
    await this.#session.commit({ pending: [...pending, ...added], skipped: [] });
    await this.readAll();
  }

  /** Reads one page of each of the next chats, and commits them. */
  async #readNext(): Promise<void> {
    const { client, pauses, state } = this.#session;
    const batch = this.#nextBatch(state.pending);
    await this.#loadWritten(batch);
    const exportedAt = this.#session.now();
    const { data, errors } = await client.executePartly({
      document: messagesDocument,
      variables: {
        ids: batch.map(({ chatId }) => toNodeId('Chat', chatId)),
        first: this.#pageSize(batch),
        after: batch[0]?.after ?? null,
      },
      bypassesCache: batch[0]?.isStale === true,
    });
    if (isTooExpensive(errors) && this.#reduce()) return;
    const { nodes } = decode(resultSchema, data ?? {});
    const shared = errors.filter(({ path }) => path?.[0] !== 'nodes');
    const isOutage = mayBeOutage(errors) && !(await this.#session.isAvailable('chats'));
    const outcomes: ChatOutcome[] = [];
    for (const [index, entry] of batch.entries()) {
      const page = nodes[index]?.messages;
      const ownErrors = errors.filter(isAt(index));
      outcomes.push(
        page && ownErrors.length === 0
          ? this.#add(entry, page, exportedAt)
          : await this.#afterFailure(entry, [...ownErrors, ...shared], isOutage),
      );
    }
    // A chat with more pages is continued at once, so that few chats are incomplete.
    const remaining = outcomes.flatMap((outcome) => outcome.remaining ?? []);
    const skipped = outcomes.flatMap((outcome) => outcome.skipped ?? []);
    const rest = state.pending.filter((entry) => !batch.includes(entry));
    if (remaining.length < batch.length || remaining.some((entry) => !batch.includes(entry))) {
      const change = mergeSkipped(state.skipped, skipped);
      await this.#session.commit({ pending: [...remaining, ...rest], skipped: change });
      pauses.succeeded();
    }
    const failures = outcomes.flatMap((outcome) => outcome.failures ?? []);
    if (failures.length > 0) await client.pauseAfter(failures);
  }

  /** Several chats from their newest message on, or one that is continued, because the pages have one cursor argument. */
  #nextBatch(pending: readonly PendingMessages[]): readonly PendingMessages[] {
    const [first] = pending;
    if (first?.after !== null) return pending.slice(0, 1);
    return pending
      .filter(({ after, isStale }) => after === null && isStale === first.isStale)
      .slice(0, this.#maxChats);
  }

  #pageSize([first]: readonly PendingMessages[]): number {
    // More messages after a cursor take two calls.
    const limit = first?.after === null ? maxPageSize : maxOverlappedSize;
    return Math.min(limit, this.#maxMessages);
  }

  /** Whether smaller operations are possible. */
  #reduce(): boolean {
    if (this.#maxChats > 1) this.#maxChats = Math.floor(this.#maxChats / 2);
    else if (this.#maxMessages > 1) this.#maxMessages = Math.floor(this.#maxMessages / 2);
    else return false;
    return true;
  }

  async #loadWritten(batch: readonly PendingMessages[]): Promise<void> {
    const chats = batch.filter(
      ({ chatId, isRestarted }) => isRestarted === true && !this.#written.has(chatId),
    );
    if (chats.length === 0) return;
    for (const { chatId } of chats) this.#written.set(chatId, new Set());
    for await (const { id, chat } of this.#session.files.read('messages', writtenSchema))
      this.#written.get(chat.id)?.add(id);
  }

  async #afterFailure(
    entry: PendingMessages,
    errors: readonly GraphqlError[],
    isOutage: boolean,
  ): Promise<ChatOutcome> {
    if (isOutage && mayBeOutage(errors)) return { remaining: entry, failures: errors };
    const { chatId, known } = entry;
    const isMissing = errors.length === 0 || isNotFound(errors);
    if (isMissing && !(await this.#exists(chatId))) return this.#forget(chatId, {});
    const code = this.#skippedChats.recordFailure(chatId, errors);
    if (code !== undefined) return this.#forget(chatId, { skipped: { chatId, known, code } });
    if (isCursorRejected(errors))
      return { remaining: { ...entry, after: null, isRestarted: true } };
    return { remaining: entry, failures: errors };
  }

  /** Whether HelpCrunch has the chat now. */
  async #exists(chatId: string): Promise<boolean> {
    const { client, isStaff } = this.#session;
    const variables = { ids: [toNodeId('Chat', chatId)], isStaff };
    for (;;) {
      const operation = { document: chatsByIdDocument, variables, bypassesCache: true };
      const { data, errors } = await client.executePartly(operation);
      if (isNotFound(errors)) return false;
      if (errors.length === 0)
        return decode(z.array(z.unknown()), data?.['nodes']).some((node) => node !== null);
      await client.pauseAfter(errors);
    }
  }

  #forget(chatId: string, outcome: ChatOutcome): ChatOutcome {
    this.#written.delete(chatId);
    this.#skippedChats.forget(chatId);
    return outcome;
  }

  /** Whether the page was cached before the last message of the chat. Some messages are hidden from customers. */
  #isStale({ after, isStale, lastMessageId }: PendingMessages, { nodes }: MessagePage): boolean {
    if (after !== null || isStale === true || lastMessageId === undefined) return false;
    const isCovering = ({ id }: { readonly id: string }) => !isLaterId(lastMessageId, id);
    return this.#session.isStaff && !nodes.some(isCovering);
  }

  /** Adds the new messages of a page. */
  #add(entry: PendingMessages, page: MessagePage, exportedAt: string): ChatOutcome {
    // The messages that HelpCrunch has now may still lack the last one: it is not read a third time.
    if (this.#isStale(entry, page)) return { remaining: { ...entry, isStale: true } };
    const { chatId, known } = entry;
    const { nodes, pageInfo } = page;
    const written = this.#written.get(chatId);
    const added = nodes.filter((message) => isNewMessage(known, message));
    for (const { id, createdAt, ...fields } of added) {
      if (written?.has(id) === true) continue;
      const message = { id, chat: { id: chatId }, createdAt, ...fields };
      this.#session.files.add('messages', { ...message, exportedAt });
      this.#session.following?.index.addMessage(message);
      written?.add(id);
    }
    this.#skippedChats.succeeded();
    const after = nextCursorOf(pageInfo, entry.after);
    const isComplete = after === null || added.length < nodes.length;
    return isComplete ? this.#forget(chatId, {}) : { remaining: { ...entry, after } };
  }
}
