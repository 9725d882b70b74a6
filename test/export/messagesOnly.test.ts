import { expect, test } from '@jest/globals';
import type { ExportProgress } from '../../src/index.ts';
import { exportData } from '../../src/index.ts';
import { toNodeId } from '../../src/lib/ids.ts';
import { exportFailure, respond, startOperationProxy } from '../support/exportFailures.ts';
import { createExportDirectory, readKind, repeatedIds } from '../support/exports.ts';

const createdAt = '2026-01-15T12:00:00.000Z';
const chat = (id: string, time: string | null = createdAt) => ({
  ...{ id, status: 'CLOSED', createdAt: time },
});

/** A gateway with these pages of chats, each of which has one message. */
async function startChatPages(pages: readonly (readonly { readonly id: string }[])[]) {
  const read: string[][] = [];
  const ids = new Map(pages.flat().map(({ id }) => [toNodeId('Chat', id), id]));
  const results: Readonly<Record<string, (variables: any) => unknown>> = {
    ExportViewer: () => ({ viewer: { role: 'AGENT' } }),
    ExportOrganization: () => ({ organization: { id: '1' } }),
    ExportChats({ after }) {
      const page = after === null ? 0 : Number(after);
      const pageInfo = { hasNextPage: page + 1 < pages.length, endCursor: String(page + 1) };
      return { list: { nodes: pages[page], pageInfo, totalCount: pages.flat().length } };
    },
    ExportMessages(variables) {
      const requested = variables.ids.map((id: string) => ids.get(id));
      read.push(requested);
      const pageInfo = { hasNextPage: false, endCursor: null };
      return {
        nodes: requested.map((id: string) => ({
          messages: { pageInfo, nodes: [{ id: `${id}1`, createdAt }] },
        })),
      };
    },
  };
  const proxy = await startOperationProxy('', ({ body }) => {
    const [, name = ''] = /^query (\w+)/.exec(body.query) ?? [];
    return respond(200, { data: results[name]?.(body.variables) });
  });
  return { ...proxy, read };
}

const kinds = ['messages'] as const;

test('a chat that gets its creation time between two runs is read once if only messages are exported', async () => {
  await using target = await createExportDirectory();
  await using gateway = await startChatPages([
    [chat('1', null), chat('2')],
    [chat('1'), chat('3')],
  ]);
  const options = { url: gateway.url, directory: target.directory, kinds };
  const stop = new AbortController();
  await exportFailure({
    ...options,
    signal: stop.signal,
    onProgress: ({ lines }) => lines.messages === 2 && stop.abort(),
  });

  await exportData(options);

  expect(gateway.read).toEqual([['1', '2'], ['3']]);
  const messages = await readKind(target.directory, 'messages');
  expect(messages.map(({ id }) => id)).toEqual(['11', '21', '31']);
  expect(repeatedIds(messages)).toEqual([]);
});

test('the remaining time of an export of messages only is not known before all chats have been listed', async () => {
  await using target = await createExportDirectory();
  await using gateway = await startChatPages([[chat('1')], [chat('2')]]);
  const reports: ExportProgress[] = [];
  await exportData({
    url: gateway.url,
    directory: target.directory,
    kinds,
    onProgress: (progress) => reports.push(progress),
  });

  const before = reports.slice(0, 2);
  expect(before.map(({ remainingMs }) => remainingMs)).toEqual([null, null]);
});
