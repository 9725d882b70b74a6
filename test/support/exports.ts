import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ExportKind } from '../../src/export/options.ts';
import { exportKinds } from '../../src/export/options.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { rest, restRows, shown } from './rest.ts';

export type ExportLine = Readonly<Record<string, any>>;

/** A directory that is removed with everything in it. */
export async function createExportDirectory() {
  const directory = await mkdtemp(join(tmpdir(), 'helpcrunch-export-'));
  return {
    directory,
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true }),
  };
}

export async function readKind(directory: string, kind: ExportKind): Promise<ExportLine[]> {
  const plain = join(directory, `${kind}.ndjson`);
  const text = await readFile(plain, 'utf8').catch(async (error: unknown) => {
    const compressed = await readFile(`${plain}.gz`).catch(() => undefined);
    if (compressed === undefined) throw error;
    return compressed.length === 0 ? '' : gunzipSync(compressed).toString();
  });
  const lines = text.split('\n');
  // Every line is complete.
  if (lines.pop() !== '') throw new Error(`${kind}: the last line is incomplete.`);
  return lines.map((line) => JSON.parse(line) as ExportLine);
}

/** All lines of all kinds. */
export async function readExport(directory: string): Promise<Record<ExportKind, ExportLine[]>> {
  const read = await Promise.all(
    exportKinds.map(async (kind) => [kind, await readKind(directory, kind)] as const),
  );
  return Object.fromEntries(read) as Record<ExportKind, ExportLine[]>;
}

/** The last line of each id, without those of deleted objects. */
export const lastLines = (lines: readonly ExportLine[]): ExportLine[] =>
  [...new Map(lines.map((line) => [line['id'], line])).values()].filter(
    ({ deleted }) => deleted !== true,
  );

export const idsOf = (lines: readonly ExportLine[]): string[] =>
  lines.map(({ id }) => String(id)).toSorted();

/** Ids that occur more than once. */
export const repeatedIds = (lines: readonly ExportLine[]): string[] => {
  const seen = new Set<string>();
  return idsOf(lines).filter((id) => seen.size === seen.add(id).size);
};

type Account = Pick<Simulator, 'url' | 'key'>;

export type AccountState = Record<'chats' | 'messages' | 'customers', ExportLine[]>;

/** The state of the account in the fields that agents and customers change, read from the simulator. */
export async function accountState(simulator: Account): Promise<AccountState> {
  const chats = await restRows(simulator, '/chats');
  const customers = await restRows(simulator, '/customers');
  const messages: ExportLine[] = [];
  for (let at = 0; at < chats.length; at += 50) {
    const read = chats.slice(at, at + 50).map(async ({ id }) => {
      const { data } = await rest(simulator, `/chats/${id}/messages?offset=0&limit=100`);
      return data.map((message: any) => ({
        id: String(message.id),
        chat: { id: String(id) },
        text: message.text,
      }));
    });
    messages.push(...(await Promise.all(read)).flat());
  }
  return {
    messages,
    chats: chats.map((chat) => ({
      id: String(chat['id']),
      lastMessageId: chat['lastMessageId'] === null ? null : String(chat['lastMessageId']),
      closedAt: shown(chat['closedAt']),
      snoozedUntil: shown(chat['snoozedUntil']),
      assignee: chat['assignee'] && { id: String(chat['assignee'].id) },
      customer: chat['customer'] && { id: String(chat['customer'].id) },
    })),
    customers: customers.map((customer) => ({
      id: String(customer['id']),
      name: customer['name'],
      email: customer['email'],
      blocked: customer['blocked'],
      unsubscribed: customer['unsubscribed'],
      tags: customer['tags'].map(({ name }: any) => ({ name })),
    })),
  };
}

const byId = (one: ExportLine, other: ExportLine) => Number(one['id']) - Number(other['id']);

/** The last lines, in the fields that `accountState` has. */
export async function exportedState(directory: string): Promise<AccountState> {
  const { chats, messages, customers } = await readExport(directory);
  const kept = new Set(lastLines(chats).map(({ id }) => id));
  return {
    chats: lastLines(chats).map(
      ({ id, lastMessageId, closedAt, snoozedUntil, assignee, customer }) => ({
        id,
        lastMessageId,
        closedAt,
        snoozedUntil,
        assignee,
        customer,
      }),
    ),
    messages: messages
      .filter(({ chat }) => kept.has(chat.id))
      .map(({ id, chat, text }) => ({ id, chat, text })),
    customers: lastLines(customers).map(({ id, name, email, blocked, unsubscribed, tags }) => ({
      id,
      name,
      email,
      blocked,
      unsubscribed,
      tags: tags.map(({ name: tag }: any) => ({ name: tag })),
    })),
  };
}

export const sorted = (state: AccountState): AccountState => ({
  chats: state.chats.toSorted(byId),
  messages: state.messages.toSorted(byId),
  customers: state.customers.toSorted(byId),
});
