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
import type { GraphqlError } from './failures.ts';
import { isNotFound, isTooExpensive, retryAfterOf } from './failures.ts';
import { decode } from './gatewayClient.ts';
import type { ListPage, ListRow } from './listWalk.ts';
import { pendingOf, readListPage, addUnpagedList } from './listWalk.ts';
import type { MessageReader } from './messageReader.ts';
import type { ExportSession } from './session.ts';
import { mergeSkipped, pendingOfSkipped, SkippedObjects } from './skippedObjects.ts';
import type { ExportState, ListName, PendingMessages, SkippedChat } from './state.ts';
import { rowSchema } from './values.ts';

/** With their messages, they fit the default limits of the gateway. */
const maxChatsPerOperation = 14;

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
  readonly #skipped = {
    chats: new SkippedObjects('chats'),
    customers: new SkippedObjects('customers'),
  };

  constructor({ session, index, messages, changes }: FollowerParts) {
    this.#session = session;
    this.#index = index;
    this.#messages = messages;
    this.#changes = changes;
  }

  /** Exports all known changes. */
  async flush(): Promise<void> {
    while (!this.#changes.isEmpty) {
      const { gap } = this.#changes;
      if (gap !== undefined) {
        await this.reconcile();
        this.#changes.closeGap(gap);
        await this.#session.commit();
      }
      const batch = this.#changes.take(maxChatsPerOperation, maxPageSize);
      await this.#readCustomers(batch.customers);
      await this.#readChats(batch.chats);
    }
  }

  /** Compares the lists with the files and exports the differences: one call for 90 objects. */
  async reconcile(): Promise<void> {
    const session = this.#session;
    await this.#messages.retrySkipped();
    await session.commit({ skippedCustomers: [] });
    const order = [
      ['departments', departmentsDocument],
      ['agents', agentsDocument],
    ] as const;
    for (const [kind, document] of order) {
      if (session.exports(kind)) await addUnpagedList(session, kind, document);
    }
    for (const name of ['chats', 'customers'] as const) {
      if (session.exports(name)) await this.#reconcileList(name);
    }
  }

  async #reconcileList(name: ListName): Promise<void> {
    const session = this.#session;
    const missing = new Set(this.#index.ids(name));
    for (let cursor: string | null = null, isEnd = false; !isEnd;) {
      const exportedAt = session.now();
      const page: ListPage | undefined = await readListPage(session, name, cursor);
      if (page === undefined) {
        cursor = null;
        continue;
      }
      for (const { id } of page.rows) missing.delete(id);
      await this.#addRows(name, page.rows, exportedAt);
      ({ cursor, isEnd } = page);
    }
    // They may have moved within the list, or be older than `since`, instead of being deleted.
    const ids = [...missing];
    const size = name === 'chats' ? maxChatsPerOperation : maxPageSize;
    for (let at = 0; at < ids.length; at += size) {
      const batch = ids.slice(at, at + size);
      if (name === 'customers') await this.#readCustomers(batch);
      else await this.#readChats(new Map(batch.map((id) => [id, false])));
    }
  }

  async #addRows(name: ListName, rows: readonly ListRow[], exportedAt: string): Promise<void> {
    const changed = rows.filter((row) => this.#session.add(name, row, exportedAt));
    const chats = name === 'chats' ? changed : [];
    const pending = chats.flatMap((row) => this.#pendingOf(row));
    await this.#session.commit({
      pending,
      ...this.#withoutSkipped(
        'chats',
        chats.map(({ id }) => id),
      ),
    });
    await this.#messages.readAll();
  }

  /** The state in which these objects are not skipped, because they have been read or deleted. */
  #withoutSkipped(kind: ListName, ids: Iterable<string>): Partial<ExportState> {
    const { skipped, skippedCustomers } = this.#session.state;
    const read = new Set(ids);
    return kind === 'chats'
      ? { skipped: skipped.filter(({ chatId }) => !read.has(chatId)) }
      : { skippedCustomers: skippedCustomers.filter(({ customerId }) => !read.has(customerId)) };
  }

  #pendingOf(row: ListRow, mayHaveMessages = false): PendingMessages[] {
    if (!this.#session.exports('messages')) return [];
    const skipped = this.#skippedChat(row.id);
    if (skipped !== undefined) return [{ ...pendingOfSkipped(skipped), isStale: true }];
    const known = this.#index.knownMessages(row.id);
    // An empty chat can have private notes.
    const pending = mayHaveMessages
      ? [{ chatId: row.id, after: null, known }]
      : pendingOf(row, known);
    // The cache of the gateway may be older than a system message, which has no event.
    return pending.map((entry) => ({ ...entry, isStale: true }));
  }

  #skippedChat(id: string): SkippedChat | undefined {
    return this.#session.state.skipped.find(({ chatId }) => chatId === id);
  }

  async #readCustomers(ids: readonly string[]): Promise<void> {
    const session = this.#session;
    if (!session.exports('customers')) return;
    for (let remaining = ids; remaining.length > 0;) {
      const result = await this.#readObjects('customers', remaining);
      for (const customer of result.found.values())
        session.add('customers', customer, result.exportedAt);
      for (const id of result.missing) await this.#checkCustomer(id);
      this.#changes.markExported('customers', [...result.found.keys(), ...result.missing]);
      await session.commit(this.#withoutSkipped('customers', result.found.keys()));
      remaining = result.failed;
    }
  }

  /** A search for several ids may not find a new customer yet; the endpoint of a single one does. */
  async #checkCustomer(id: string): Promise<void> {
    const session = this.#session;
    const { found, missing, failed, exportedAt } = await this.#readObjects('customers', [id]);
    for (const customer of found.values()) session.add('customers', customer, exportedAt);
    if (failed.length > 0) await this.#checkCustomer(id);
    const isMissing = missing.includes(id);
    // HelpCrunch deletes the chats of a customer with it.
    const chatIds = isMissing ? this.#index.chatsOf(id) : [];
    if (isMissing) session.addDeletion('customers', id);
    for (const chatId of chatIds) session.addDeletion('chats', chatId);
    await session.commit({
      ...this.#withoutSkipped('customers', [...found.keys(), ...missing]),
      ...this.#withoutSkipped('chats', chatIds),
    });
  }

  async #readChats(chats: ChangedBatch['chats']): Promise<void> {
    const session = this.#session;
    if (!session.exports('chats')) return;
    for (let remaining: readonly string[] = [...chats.keys()]; remaining.length > 0;) {
      const { found, missing, failed, exportedAt } = await this.#readObjects('chats', remaining);
      const pending = Array.from(found.values()).flatMap((chat) => {
        const isChanged = session.add('chats', chat, exportedAt);
        const mayHaveMessages = chats.get(chat.id) === true;
        const isNeeded = isChanged || mayHaveMessages || this.#skippedChat(chat.id) !== undefined;
        return isNeeded ? this.#pendingOf(chat, mayHaveMessages) : [];
      });
      for (const id of missing) session.addDeletion('chats', id);
      const read = [...found.keys(), ...missing];
      this.#changes.markExported('chats', read);
      await session.commit({ pending, ...this.#withoutSkipped('chats', read) });
      await this.#messages.readAll();
      remaining = failed;
    }
  }

  /** Reads objects by their ids. If some fail, it skips them or waits until they can be read again. */
  async #readObjects(kind: ListName, ids: readonly string[]): Promise<ObjectsById> {
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
    const nodes = decode(nodesSchema, data?.['nodes'] ?? []);
    const found = new Map<string, ListRow>();
    const missing: string[] = [];
    const failures = new Map<string, readonly GraphqlError[]>();
    const shared = errors.filter(({ path }) => path?.[0] !== 'nodes');
    for (const [index, id] of ids.entries()) {
      const object = nodes[index] ?? null;
      const ownErrors = errors.filter(({ path }) => path?.[0] === 'nodes' && path[1] === index);
      if (object !== null && ownErrors.length === 0) found.set(id, object);
      else if (isNotFound(ownErrors)) missing.push(id);
      else failures.set(id, [...ownErrors, ...shared]);
    }
    if (failures.size < ids.length) {
      pauses.succeeded();
      this.#skipped[kind].succeeded();
    }
    for (const id of found.keys()) this.#skipped[kind].forget(id);
    const failed = failures.size > 0 ? await this.#afterFailures(kind, failures) : [];
    return { found, missing, failed, exportedAt };
  }

  /** Skips objects that repeatedly cannot be read although others can. Waits until the rest can be read again, and returns its ids. */
  async #afterFailures(
    kind: ListName,
    failures: ReadonlyMap<string, readonly GraphqlError[]>,
  ): Promise<readonly string[]> {
    const { client } = this.#session;
    const isRateLimited = retryAfterOf([...failures.values()].flat()) !== undefined;
    const skipped = new Map<string, string>();
    if (!isRateLimited && (await this.#session.isAvailable(kind))) {
      for (const [id, errors] of failures) {
        const code = this.#skipped[kind].recordFailure(id, errors);
        if (code !== undefined) skipped.set(id, code);
      }
    }
    if (skipped.size > 0) await this.#skip(kind, skipped);
    const remaining = [...failures].filter(([id]) => !skipped.has(id));
    if (remaining.length > 0) await client.pauseAfter(remaining.flatMap(([, errors]) => errors));
    return remaining.map(([id]) => id);
  }

  /** The next comparison of the lists reads them again. */
  async #skip(kind: ListName, codes: ReadonlyMap<string, string>): Promise<void> {
    const { state } = this.#session;
    for (const id of codes.keys()) this.#skipped[kind].forget(id);
    this.#changes.markExported(kind, codes.keys());
    const skipped = Array.from(codes, ([chatId, code]) => ({
      ...{ chatId, known: this.#index.knownMessages(chatId), code },
    }));
    const skippedCustomers = Array.from(codes, ([customerId, code]) => ({ customerId, code }));
    await this.#session.commit(
      kind === 'chats'
        ? { skipped: mergeSkipped(state.skipped, skipped) }
        : { skippedCustomers: [...state.skippedCustomers, ...skippedCustomers] },
    );
  }
}
