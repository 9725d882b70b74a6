import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { ExportIndex, isNewMessage } from '../../src/export/exportIndex.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../support/fillExportIndex.ts', import.meta.url));

test('messages without a time stay known when newer ones with a time are added', () => {
  const index = new ExportIndex();
  const chat = { id: '5000' };
  const untimed = { id: '1', createdAt: null };
  const first = { id: '2', createdAt: '2026-01-31T10:00:00Z' };
  const second = { id: '3', createdAt: '2026-01-31T10:00:01Z' };
  for (const message of [untimed, first, second]) index.addMessage({ ...message, chat });
  const known = index.knownMessages(chat.id);

  for (const message of [untimed, first, second])
    expect([message.id, isNewMessage(known, message)]).toEqual([message.id, false]);
  expect(isNewMessage(known, { ...untimed, id: '4' })).toBe(true);
  expect(isNewMessage(known, { ...second, id: '5' })).toBe(true);
});

test.each([
  [{ chats: 100_000, customers: 0 }, 450],
  [{ chats: 0, customers: 100_000 }, 300],
])('an export that follows %j needs at most %i bytes for each', async (counts, maxBytes) => {
  const { stdout } = await run(process.execPath, [
    ...['--expose-gc', '--import', 'tsx', script],
    ...[String(counts.chats), String(counts.customers)],
  ]);

  expect(JSON.parse(stdout).bytesPerObject).toBeLessThan(maxBytes);
});
