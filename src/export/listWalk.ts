import { z } from 'zod';
import { maxOverlappedSize, maxPageSize } from '../lib/listReader.ts';
import {
  agentsDocument,
  chatOrder,
  chatsDocument,
  customerOrder,
  customersDocument,
  departmentsDocument,
} from './documents.ts';
import { MessageReader } from './messageReader.ts';
import type { ExportSession } from './session.ts';
import type { ExportState, ListName, PendingMessages } from './state.ts';

const rowSchema = z.looseObject({ id: z.string() });
export type ListRow = z.infer<typeof rowSchema>;

const pageSchema = z.object({
  list: z.object({
    nodes: z.array(rowSchema),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
    totalCount: z.number().nullish(),
  }),
});

const documents: Readonly<Record<ListName, { document: string; orderBy: object; key: string }>> = {
  chats: { document: chatsDocument, orderBy: chatOrder, key: 'createdAt' },
  customers: { document: customersDocument, orderBy: customerOrder, key: 'firstSeen' },
};

export const isWithoutMessages = ({ status, lastMessageId }: ListRow): boolean =>
  status === 'EMPTY' && (lastMessageId ?? null) === null;

/** Reads one page of a list: one call. The first page also contains the number of rows. */
export async function readListPage(
  { client, isStaff, state }: ExportSession,
  name: ListName,
  after: string | null,
): Promise<{
  readonly rows: readonly ListRow[];
  readonly cursor: string | null;
  readonly isEnd: boolean;
  readonly total: number | null;
}> {
  const { document, orderBy } = documents[name];
  const isFirst = after === null;
  const data = await client.execute({
    document,
    variables: {
      // More rows after a cursor take two calls.
      first: isFirst ? maxPageSize : maxOverlappedSize,
      after,
      filter: state.selection.filter[name],
      orderBy,
      isFirst,
      isStaff,
    },
  });
  const { nodes, pageInfo, totalCount = null } = pageSchema.parse(data).list;
  const { endCursor, hasNextPage } = pageInfo;
  const isEnd = !hasNextPage || endCursor === null;
  return { rows: nodes, cursor: endCursor ?? after, isEnd, total: totalCount };
}

/** Reads all lists, each step in one operation and one commit. */
export class ListWalk {
  readonly #session: ExportSession;
  readonly #messages: MessageReader;
  /** Rows without a sort key: they move within the list when they get one, and would then be read again. */
  readonly #unsorted = new Set<string>();

  constructor(session: ExportSession, messages: MessageReader) {
    this.#session = session;
    this.#messages = messages;
  }

  /** Objects are read after the objects that refer to them, so that no reference is missing. */
  async run(): Promise<void> {
    const session = this.#session;
    await this.#loadUnsorted();
    if (session.exports('chats') || session.exports('messages')) await this.#walk('chats');
    if (session.exports('customers')) await this.#walk('customers');
    await this.#readTeam('departments', departmentsDocument);
    await this.#readTeam('agents', agentsDocument);
  }

  async #loadUnsorted(): Promise<void> {
    const { files } = this.#session;
    for (const name of ['chats', 'customers'] as const) {
      if (files.state.lists[name].isDone) continue;
      for await (const line of files.read(name)) this.#isRepeated(name, rowSchema.parse(line));
    }
  }

  /** Whether a row without a sort key was read before. */
  #isRepeated(name: ListName, row: ListRow): boolean {
    const id = `${name} ${row.id}`;
    if (this.#unsorted.has(id)) return true;
    if ((row[documents[name].key] ?? null) === null) this.#unsorted.add(id);
    return false;
  }

  async #walk(name: ListName): Promise<void> {
    await this.#messages.readAll();
    while (!this.#session.state.lists[name].isDone) {
      await this.#readPage(name);
      await this.#messages.readAll();
    }
  }

  async #readPage(name: ListName): Promise<void> {
    const session = this.#session;
    const list = session.state.lists[name];
    const exportedAt = session.now();
    const page = await readListPage(session, name, list.cursor);
    const rows = page.rows.filter((row) => !this.#isRepeated(name, row));
    for (const row of rows) session.add(name, row, exportedAt);
    const walked = {
      cursor: page.cursor,
      isDone: page.isEnd,
      total: page.total ?? list.total,
    };
    const change: Partial<ExportState> = {
      lists: { ...session.state.lists, [name]: walked },
      ...(name === 'chats' && { pending: this.#pendingOf(rows) }),
    };
    await session.commit(change);
  }

  #pendingOf(rows: readonly ListRow[]): PendingMessages[] {
    if (!this.#session.exports('messages')) return [];
    return rows
      .filter((row) => !isWithoutMessages(row))
      .map(({ id }) => ({ chatId: id, after: null }));
  }

  async #readTeam(kind: 'agents' | 'departments', document: string): Promise<void> {
    const session = this.#session;
    const { doneKinds } = session.state;
    if (!session.exports(kind) || doneKinds.includes(kind)) return;
    await readTeam(session, kind, document);
    await session.commit({ doneKinds: [...doneKinds, kind] });
  }
}

/** Adds the objects of a list without pages. */
export async function readTeam(
  session: ExportSession,
  kind: 'agents' | 'departments',
  document: string,
): Promise<void> {
  const exportedAt = session.now();
  const variables = kind === 'agents' ? { isStaff: session.isStaff } : {};
  const data = await session.client.execute({ document, variables });
  for (const object of z.array(rowSchema).parse(data[kind])) session.add(kind, object, exportedAt);
}
