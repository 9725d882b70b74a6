import { z } from 'zod';
import { toNodeId } from '../lib/ids.ts';
import { maxOverlappedSize, maxPageSize } from '../lib/listReader.ts';
import { messagesDocument } from './documents.ts';
import { isNewMessage } from './exportIndex.ts';
import type { GraphqlError } from './failures.ts';
import { isNotFound, isTooExpensive } from './failures.ts';
import type { ExportSession } from './session.ts';
import type { PendingMessages } from './state.ts';

const messageSchema = z.looseObject({ id: z.string(), createdAt: z.string().nullable() });

const pageSchema = z.object({
  pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
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

/** Reads the messages of the pending chats, one call for each page of a chat. */
export class MessageReader {
  readonly #session: ExportSession;
  /** Halved when the gateway's limits are lower. */
  #maxChats = maxChatsPerOperation;
  #maxMessages = maxPageSize;

  constructor(session: ExportSession) {
    this.#session = session;
  }

  async readAll(): Promise<void> {
    while (this.#session.state.pending.length > 0) await this.#readNext();
  }

  /** Reads one page of each of the next chats, and commits them. */
  async #readNext(): Promise<void> {
    const { client, pauses, state } = this.#session;
    const batch = this.#nextBatch(state.pending);
    const exportedAt = this.#session.now();
    const { data, errors } = await client.executePartly({
      document: messagesDocument,
      variables: {
        ids: batch.map(({ chatId }) => toNodeId('Chat', chatId)),
        first: this.#pageSize(batch),
        after: batch[0]?.after ?? null,
      },
    });
    if (isTooExpensive(errors) && this.#reduce()) return;
    const { nodes } = resultSchema.parse(data ?? {});
    const remaining = batch.flatMap((entry, index) => {
      const page = nodes[index]?.messages;
      const ownErrors = errors.filter(isAt(index));
      if (page && ownErrors.length === 0) return this.#add(entry, page, exportedAt);
      // The chat has been deleted.
      return isNotFound(ownErrors) ? [] : [entry];
    });
    const failures = errors.filter((error) => !isNotFound([error]));
    const rest = state.pending.filter((entry) => !batch.includes(entry));
    // A chat with more pages is continued at once, so that few chats are incomplete.
    const isProgress = remaining.length < batch.length || failures.length === 0;
    if (isProgress) {
      await this.#session.commit({ pending: [...remaining, ...rest] });
      pauses.succeeded();
    }
    if (failures.length > 0) await client.pauseAfter(failures);
  }

  /** Several chats from their newest message on, or one that is continued, because the pages have one cursor argument. */
  #nextBatch(pending: readonly PendingMessages[]): readonly PendingMessages[] {
    const [first] = pending;
    if (first?.after !== null) return pending.slice(0, 1);
    return pending.filter(({ after }) => after === null).slice(0, this.#maxChats);
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

  /** Adds the new messages of a page. Returns what remains to be read of the chat. */
  #add(
    entry: PendingMessages,
    { nodes, pageInfo }: MessagePage,
    exportedAt: string,
  ): readonly PendingMessages[] {
    const { chatId, known } = entry;
    const added = nodes.filter((message) => isNewMessage(known, message));
    for (const { id, createdAt, ...fields } of added) {
      const message = { id, chat: { id: chatId }, createdAt, ...fields };
      this.#session.files.add('messages', { ...message, exportedAt });
      this.#session.index?.addMessage(message);
    }
    const { hasNextPage, endCursor } = pageInfo;
    const isComplete = !hasNextPage || endCursor === null || added.length < nodes.length;
    return isComplete ? [] : [{ ...entry, after: endCursor }];
  }
}
