import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { ExportKind } from '../../src/export/options.ts';
import { exportKinds } from '../../src/export/options.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import type { WireRow } from './rest.ts';
import { restRows, shown } from './rest.ts';

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

export type AccountState = Record<ExportKind, ExportLine[]>;

const idOrNull = (id: number | null): string | null => (id === null ? null : String(id));

const referenceTo = (object: WireRow | null): ExportLine | null =>
  object && { id: String(object['id']) };

/** Converts a value of the wire format to that of an enum: `on hold` to `ON_HOLD`. */
const enumValueOf = (text: string | null): string | null =>
  text === null
    ? null
    : text
        .replaceAll(/([a-z])([A-Z])/g, '$1_$2')
        .replaceAll(/[ -]/g, '_')
        .replace('superviser', 'supervisor')
        .toUpperCase();

const without = (line: ExportLine, names: readonly string[]): ExportLine =>
  Object.fromEntries(Object.entries(line).filter(([name]) => !names.includes(name)));

const agentLine = (agent: WireRow): ExportLine => ({
  ...agent,
  id: String(agent['id']),
  role: enumValueOf(agent['role']),
});

const departmentLine = (department: WireRow): ExportLine => ({
  ...department,
  id: String(department['id']),
  agents: department['agents'].map(referenceTo),
});

const customerLine = (customer: WireRow): ExportLine => ({
  ...customer,
  id: String(customer['id']),
  firstSeen: shown(customer['firstSeen']),
  lastSeen: shown(customer['lastSeen']),
  device: customer['device'] && { ...customer['device'], id: String(customer['device'].id) },
});

const chatLine = (chat: WireRow): ExportLine => ({
  ...chat,
  id: String(chat['id']),
  status: enumValueOf(chat['status']),
  closedBy: enumValueOf(chat['closedBy']),
  closedAt: shown(chat['closedAt']),
  rating: enumValueOf(chat['rating']),
  createdAt: shown(chat['createdAt']),
  createdWith: enumValueOf(chat['createdWith']),
  lastMessageAt: shown(chat['lastMessageAt']),
  lastCustomerMessageAt: shown(chat['lastCustomerMessageAt']),
  lastMessageId: idOrNull(chat['lastMessageId']),
  lastCommunicatedAgentId: idOrNull(chat['lastCommunicatedAgentId']),
  snoozedUntil: shown(chat['snoozedUntil']),
  applicationId: idOrNull(chat['applicationId']),
  agents: chat['agents'].map(referenceTo),
  customer: referenceTo(chat['customer']),
  assignee: referenceTo(chat['assignee']),
  department: referenceTo(chat['department']),
});

const messageLine = (message: WireRow): ExportLine => ({
  ...message,
  id: String(message['id']),
  chat: { id: String(message['chat']) },
  from: enumValueOf(message['from']),
  agent: referenceTo(message['agent']),
  type: enumValueOf(message['type']),
  createdAt: shown(message['createdAt']),
  updatedAt: shown(message['updatedAt']),
  broadcastType: enumValueOf(message['broadcastType']),
});

/** What an export of the account contains, in all fields, read from the simulator. */
export async function accountState(simulator: Account): Promise<AccountState> {
  const chats = await restRows(simulator, '/chats');
  const messages: WireRow[] = [];
  for (let at = 0; at < chats.length; at += 50) {
    const read = chats
      .slice(at, at + 50)
      .map(({ id }) => restRows(simulator, `/chats/${id}/messages`));
    messages.push(...(await Promise.all(read)).flat());
  }
  return {
    agents: (await restRows(simulator, '/agents')).map(agentLine),
    departments: (await restRows(simulator, '/departments')).map(departmentLine),
    customers: (await restRows(simulator, '/customers')).map(customerLine),
    chats: chats.map(chatLine),
    messages: messages.map(messageLine),
  };
}

/** The last line of each object that is not deleted, without its time. */
export async function exportedState(directory: string): Promise<AccountState> {
  const lines = await readExport(directory);
  const kept = new Set(lastLines(lines.chats).map(({ id }) => id));
  const stateOf = (kind: ExportKind) =>
    lastLines(lines[kind]).map((line) => without(line, ['exportedAt']));
  return {
    agents: stateOf('agents'),
    departments: stateOf('departments'),
    customers: stateOf('customers'),
    chats: stateOf('chats'),
    messages: stateOf('messages').filter(({ chat }) => kept.has(chat.id)),
  };
}

const byId = (one: ExportLine, other: ExportLine) => Number(one['id']) - Number(other['id']);

export const sorted = (state: AccountState): AccountState => ({
  agents: state.agents.toSorted(byId),
  departments: state.departments.toSorted(byId),
  customers: state.customers.toSorted(byId),
  chats: state.chats.toSorted(byId),
  messages: state.messages.toSorted(byId),
});

/** Without the fields that change after a message was first read: an export that follows does not read it again. */
export const withFirstMessages = (state: AccountState): AccountState => ({
  ...state,
  messages: state.messages.map((line) => without(line, ['read', 'edited', 'updatedAt'])),
});
