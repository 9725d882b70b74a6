import { readdirSync, readFileSync } from 'node:fs';
import type { OperationsFile } from '../graphql/operations/operationFiles.ts';

const folder = new URL('operations/', import.meta.url);

/** In the order of an agent's work: `tools/list` keeps it. */
const order: readonly string[] = [
  'inboxSummary',
  'inbox',
  'readChat',
  'findChats',
  'findCustomers',
  'customerChats',
  'team',
  'markRead',
  'reply',
  'addNote',
  'assignChat',
  'closeChat',
];

const positionOf = (file: string): number => order.indexOf(file.replace(/\.graphql$/, ''));

/** The operations that are served unless `MCP_OPERATIONS` names others. */
export const readBundledOperations = (): readonly OperationsFile[] =>
  readdirSync(folder)
    .sort((a, b) => positionOf(a) - positionOf(b))
    .map((file) => ({ file, text: readFileSync(new URL(file, folder), 'utf8') }));
