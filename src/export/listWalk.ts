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
import { decode, nextCursorOf } from './gatewayClient.ts';
import type { MessageReader } from './messageReader.ts';
import type { ExportSession } from './session.ts';
import type { ExportState, KnownMessages, ListName, PendingMessages } from './state.ts';
import { chatReferenceSchema, pageInfoSchema, rowSchema } from './values.ts';

export type ListRow = z.infer<typeof rowSchema>;

const pageSchema = z.object({
  list: z.object({
    nodes: z.array(rowSchema),
    pageInfo: pageInfoSchema,
    totalCount: z.number().nullish(),
  }),
});

const documents: Readonly<Record<ListName, { document: string; orderBy: object; key: string }>> = {
  chats: { document: chatsDocument, orderBy: chatOrder, key: 'createdAt' },
  customers: { document: customersDocument, orderBy: customerOrder, key: 'firstSeen' },
};

const isSorted = (name: ListName, row: ListRow): boolean =>
  (row[documents[name].key] ?? null) !== null;

/** What is to be read of the messages of a chat: nothing if it has none. */
export function pendingOf(
  { id, status, lastMessageId }: ListRow,
  known?: KnownMessages,
): readonly PendingMessages[] {
  const last = typeof lastMessageId === 'string' ? lastMessageId : undefined;
  if (status === 'EMPTY' && last === undefined) return [];
  return [{ chatId: id, after: null, known, lastMessageId: last }];
}

export interface ListPage {
  readonly rows: readonly ListRow[];
  readonly cursor: string | null;
  readonly isEnd: boolean;
  readonly total: number | null;
}

/** Reads one page of a list: one call. The first page also contains the number of rows. Undefined if the list is to be read from its beginning. */
export const readListPage = (
  session: ExportSession,
  name: ListName,
  after: string | null,
): Promise<ListPage | undefined> =>
  requestListPage(session, name, after).catch((error: unknown) => session.allowRestart(error));

async function requestListPage(
  session: ExportSession,
  name: ListName,
  after: string | null,
): Promise<ListPage> {
  const { client, isStaff, state } = session;
  const { document, orderBy } = documents[name];
  const isFirst = after === null;
  const variables = { after, filter: state.selection.filter[name], orderBy, isFirst, isStaff };
  // More rows after a cursor take two calls.
  const maxRows = isFirst ? maxPageSize : maxOverlappedSize;
  const data = await client.executePage(maxRows, (first) => ({
    document,
    variables: { first, ...variables },
  }));
  const { nodes, pageInfo, totalCount = null } = decode(pageSchema, data).list;
  const isEnd = nextCursorOf(pageInfo, after) === null;
  if (isEnd) session.allowRestartsAgain();
  return { rows: nodes, cursor: pageInfo.endCursor ?? after, isEnd, total: totalCount };
}

/** Reads all lists, each step in one operation and one commit. */
export class ListWalk {
  readonly #session: ExportSession;
  readonly #messages: MessageReader;
  /**
   * Rows that may be read again: those without a sort key, which move within the list when they get one, and all of a list that is
   * restarted.
   */
  readonly #written = new Set<string>();

  constructor(session: ExportSession, messages: MessageReader) {
    this.#session = session;
    this.#messages = messages;
  }

  /** Objects are read after the objects that refer to them, so that no reference is missing. */
  async run(): Promise<void> {
    const session = this.#session;
    await this.#loadRows();
    await this.#messages.readAll();
    await this.#messages.retrySkipped();
    if (session.exports('chats') || session.exports('messages')) await this.#walk('chats');
    if (session.exports('customers')) await this.#walk('customers');
    await this.#readTeam('departments', departmentsDocument);
    await this.#readTeam('agents', agentsDocument);
  }

  async #loadRows(): Promise<void> {
    const { files } = this.#session;
    for (const name of ['chats', 'customers'] as const) {
      const { isDone, isRestarted = false, unsorted = [] } = files.state.lists[name];
      if (isDone) continue;
      for (const id of unsorted) this.#written.add(`${name} ${id}`);
      if (isRestarted) await this.#loadWritten(name);
      else for await (const row of files.read(name, rowSchema)) this.#isRepeated(name, row);
    }
  }

  async #loadWritten(name: ListName): Promise<void> {
    const { files } = this.#session;
    if (this.#session.exports(name))
      for await (const { id } of files.read(name, rowSchema)) this.#written.add(`${name} ${id}`);
    else
      for await (const { chat } of files.read('messages', chatReferenceSchema))
        this.#written.add(`${name} ${chat.id}`);
  }

  /** Whether the row was read before, if that can happen. */
  #isRepeated(name: ListName, row: ListRow): boolean {
    const id = `${name} ${row.id}`;
    if (this.#written.has(id)) return true;
    const isRestarted = this.#session.state.lists[name].isRestarted === true;
    if (isRestarted || !isSorted(name, row)) this.#written.add(id);
    return false;
  }

  /** The rows without a sort key are found again in the file, or in the state. */
  #unsorted(name: ListName, rows: readonly ListRow[]): Partial<ExportState['lists'][ListName]> {
    if (this.#session.exports(name)) return {};
    const { unsorted = [] } = this.#session.state.lists[name];
    const added = rows.filter((row) => !isSorted(name, row)).map(({ id }) => id);
    return { unsorted: [...unsorted, ...added] };
  }

  async #walk(name: ListName): Promise<void> {
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
    if (page === undefined) {
      await this.#restart(name);
      return;
    }
    const rows = page.rows.filter((row) => !this.#isRepeated(name, row));
    for (const row of rows) session.add(name, row, exportedAt);
    const walked = {
      ...list,
      cursor: page.cursor,
      isDone: page.isEnd,
      total: page.total ?? list.total,
      ...this.#unsorted(name, rows),
    };
    const change: Partial<ExportState> = {
      lists: { ...session.state.lists, [name]: walked },
      ...(name === 'chats' &&
        session.exports('messages') && { pending: rows.flatMap((row) => pendingOf(row)) }),
    };
    await session.commit(change);
  }

  /** Starts a list from its beginning, because the row at which it was continued cannot be found. */
  async #restart(name: ListName): Promise<void> {
    const { lists } = this.#session.state;
    await this.#loadWritten(name);
    const restarted = { ...lists[name], cursor: null, isRestarted: true };
    await this.#session.commit({ lists: { ...lists, [name]: restarted } });
  }

  async #readTeam(kind: 'agents' | 'departments', document: string): Promise<void> {
    const session = this.#session;
    const { doneKinds } = session.state;
    if (!session.exports(kind) || doneKinds.includes(kind)) return;
    await addUnpagedList(session, kind, document);
    await session.commit({ doneKinds: [...doneKinds, kind] });
  }
}

/** Adds the objects of a list without pages. With `--follow` also the deletions of exported objects that it lacks. */
export async function addUnpagedList(
  session: ExportSession,
  kind: 'agents' | 'departments',
  document: string,
): Promise<void> {
  const variables = kind === 'agents' ? { isStaff: session.isStaff } : {};
  const read = async (bypassesCache: boolean) => {
    const exportedAt = session.now();
    const data = await session.client.execute({ document, variables, bypassesCache });
    const objects = decode(z.array(rowSchema), data[kind]);
    const ids = new Set(objects.map(({ id }) => id));
    const exported = session.following?.index.ids(kind) ?? [];
    return { objects, exportedAt, missing: exported.filter((id) => !ids.has(id)) };
  };
  const first = await read(false);
  // The list that the gateway has cached may be older than an exported object.
  const { objects, exportedAt, missing } = first.missing.length > 0 ? await read(true) : first;
  for (const object of objects) session.add(kind, object, exportedAt);
  // An empty list is treated as a failure of HelpCrunch, not as the deletion of all objects.
  if (objects.length > 0) for (const id of missing) session.addDeletion(kind, id);
}
