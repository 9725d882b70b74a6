import { z } from 'zod';
import { toNodeId } from '../lib/ids.ts';
import { maxPageSize } from '../lib/listReader.ts';
import type { ChangedBatch, PendingChanges } from './pendingChanges.ts';
import {
  agentsDocument,
  chatsByIdDocument,
  customersByIdDocument,
  departmentsDocument,
} from './documents.ts';
import type { ExportIndex } from './exportIndex.ts';
import { isNotFound, isTooExpensive } from './failures.ts';
import type { ListRow } from './listWalk.ts';
import { isWithoutMessages, readListPage, readTeam } from './listWalk.ts';
import type { MessageReader } from './messageReader.ts';
import type { ExportSession } from './session.ts';
import type { PendingMessages } from './state.ts';

/** With their messages, they fit the default limits of the gateway. */
const maxChatsPerOperation = 14;

const rowSchema = z.looseObject({ id: z.string() });
const nodesSchema = z.array(rowSchema.nullable());

const byId = {
  chats: { type: 'Chat', document: chatsByIdDocument },
  customers: { type: 'Customer', document: customersByIdDocument },
} as const;

interface ObjectsById {
  readonly found: ReadonlyMap<string, ListRow>;
  readonly missing: readonly string[];
  readonly failed: readonly string[];
  /** When they were requested. */
  readonly exportedAt: string;
}

interface FollowerParts {
  readonly session: ExportSession;
  readonly index: ExportIndex;
  readonly messages: MessageReader;
  readonly changes: PendingChanges;
}

/** Adds the new state of changed objects as further lines. */
export class Follower {
  readonly #session: ExportSession;
  readonly #index: ExportIndex;
  readonly #messages: MessageReader;
  readonly #changes: PendingChanges;

  constructor({ session, index, messages, changes }: FollowerParts) {
    this.#session = session;
    this.#index = index;
    this.#messages = messages;
    this.#changes = changes;
  }

  /** Exports all known changes. */
  async flush(): Promise<void> {
    while (!this.#changes.isEmpty) {
      if (this.#changes.takeGap()) await this.reconcile();
      const batch = this.#changes.take(maxChatsPerOperation, maxPageSize);
      await this.#readCustomers(batch.customers);
      await this.#readChats(batch);
    }
  }

  /** Compares the lists with the files and exports the differences: one call for 90 objects. */
  async reconcile(): Promise<void> {
    const session = this.#session;
    const order = [
      ['departments', departmentsDocument],
      ['agents', agentsDocument],
    ] as const;
    for (const [kind, document] of order) {
      if (session.exports(kind)) await readTeam(session, kind, document);
    }
    for (const name of ['chats', 'customers'] as const) {
      if (session.exports(name)) await this.#reconcileList(name);
    }
  }

  async #reconcileList(name: 'chats' | 'customers'): Promise<void> {
    const session = this.#session;
    // Older objects than `since` are not in the list.
    const isWhole = session.state.selection.since === undefined;
    const missing = new Set(isWhole ? this.#index.ids(name) : []);
    for (let cursor: string | null = null, isEnd = false; !isEnd;) {
      const exportedAt = session.now();
      const page = await readListPage(session, name, cursor);
      for (const { id } of page.rows) missing.delete(id);
      await this.#addRows(name, page.rows, exportedAt);
      ({ cursor, isEnd } = page);
    }
    // They may have moved within the list instead.
    for (const id of missing) {
      if (name === 'chats') this.#changes.chatChanged(id, false);
      else this.#changes.customerChanged(id);
    }
  }

  async #addRows(
    name: 'chats' | 'customers',
    rows: readonly ListRow[],
    exportedAt: string,
  ): Promise<void> {
    const changed = rows.filter((row) => this.#session.add(name, row, exportedAt));
    const pending = name === 'chats' ? changed.flatMap((row) => this.#pendingOf(row)) : [];
    await this.#session.commit({ pending });
    await this.#messages.readAll();
  }

  #pendingOf(row: ListRow): PendingMessages[] {
    if (!this.#session.exports('messages') || isWithoutMessages(row)) return [];
    return [{ chatId: row.id, after: null, known: this.#index.knownMessages(row.id) }];
  }

  async #readCustomers(ids: readonly string[]): Promise<void> {
    const session = this.#session;
    if (!session.exports('customers')) return;
    for (let remaining = ids; remaining.length > 0;) {
      const result = await this.#readObjects('customers', remaining);
      for (const customer of result.found.values())
        session.add('customers', customer, result.exportedAt);
      for (const id of result.missing) await this.#checkCustomer(id);
      await session.commit();
      remaining = result.failed;
    }
  }

  /** A search for several ids may not find a new customer yet; the endpoint of a single one does. */
  async #checkCustomer(id: string): Promise<void> {
    const session = this.#session;
    const { found, missing, exportedAt } = await this.#readObjects('customers', [id]);
    for (const customer of found.values()) session.add('customers', customer, exportedAt);
    if (!missing.includes(id)) return;
    session.addDeletion('customers', id);
    // HelpCrunch deletes the chats of a customer with it.
    for (const chatId of this.#index.chatsOf(id)) session.addDeletion('chats', chatId);
  }

  async #readChats({ chats }: ChangedBatch): Promise<void> {
    const session = this.#session;
    if (!session.exports('chats')) return;
    for (let remaining: readonly string[] = [...chats.keys()]; remaining.length > 0;) {
      const { found, missing, failed, exportedAt } = await this.#readObjects('chats', remaining);
      const pending = Array.from(found.values()).flatMap((chat) => {
        const isChanged = session.add('chats', chat, exportedAt);
        return isChanged || chats.get(chat.id) === true ? this.#pendingOf(chat) : [];
      });
      for (const id of missing) session.addDeletion('chats', id);
      await session.commit({ pending });
      await this.#messages.readAll();
      remaining = failed;
    }
  }

  /** Reads objects by their ids. If some fail, it waits until they can be read again. */
  async #readObjects(kind: 'chats' | 'customers', ids: readonly string[]): Promise<ObjectsById> {
    const { client, isStaff, pauses } = this.#session;
    const { type, document } = byId[kind];
    const exportedAt = this.#session.now();
    const nodeIds = ids.map((id) => toNodeId(type, id));
    const variables = { ids: nodeIds, isStaff };
    const { data, errors } = await client.executePartly({ document, variables });
    if (isTooExpensive(errors) && ids.length > 1) {
      const half = Math.ceil(ids.length / 2);
      const first = await this.#readObjects(kind, ids.slice(0, half));
      return { ...first, failed: [...first.failed, ...ids.slice(half)] };
    }
    const nodes = nodesSchema.parse(data?.['nodes'] ?? []);
    const found = new Map<string, ListRow>();
    const missing: string[] = [];
    const failed: string[] = [];
    for (const [index, id] of ids.entries()) {
      const object = nodes[index] ?? null;
      const ownErrors = errors.filter(({ path }) => path?.[1] === index);
      if (object !== null && ownErrors.length === 0) found.set(id, object);
      else if (isNotFound(ownErrors)) missing.push(id);
      else failed.push(id);
    }
    const failures = errors.filter((error) => !isNotFound([error]));
    if (failed.length < ids.length) pauses.succeeded();
    if (failures.length > 0) await client.pauseAfter(failures);
    return { found, missing, failed, exportedAt };
  }
}
