import { readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ExportOptions, ExportProgress } from '../../src/index.ts';
import { exportData, exportKinds } from '../../src/index.ts';
import { toNodeId } from '../../src/lib/ids.ts';
import {
  exportFailure,
  hastyClock,
  respond,
  startFailingProxy,
  startOperationProxy,
} from '../support/exportFailures.ts';
import {
  accountState,
  createExportDirectory,
  exportedState,
  readKind,
  repeatedIds,
  sorted,
} from '../support/exports.ts';
import { startDemo } from '../support/gateway.ts';
import { rest } from '../support/rest.ts';

type Demo = Awaited<ReturnType<typeof startDemo>>;

let demo: Demo;

const post = (chat: number, text: string) =>
  rest(demo.simulator, '/messages', { method: 'POST', body: { chat, text, type: 'message' } });

beforeAll(async () => {
  demo = await startDemo({ customers: 120, chats: 150, config: { rateLimit: 0 } });
  for (let index = 0; index < 210; index += 1) await post(5003, `Message ${index}`);
});

afterAll(async () => {
  await demo[Symbol.asyncDispose]();
});

const stateFile = (directory: string) => join(directory, 'state.json');

/** Stops an export after the commit of such a state. */
async function stopAt(options: ExportOptions, isReached: (state: any) => boolean) {
  const stop = new AbortController();
  const failure = await exportFailure({
    ...options,
    signal: stop.signal,
    onProgress: () =>
      isReached(JSON.parse(readFileSync(stateFile(options.directory), 'utf8'))) && stop.abort(),
  });
  expect(failure.code).toBe('INTERRUPTED');
}

async function changeState(directory: string, change: (state: any) => void) {
  const state = JSON.parse(await readFile(stateFile(directory), 'utf8'));
  change(state);
  await writeFile(stateFile(directory), JSON.stringify(state));
}

describe('a rejected cursor', () => {
  test.each(['chats', 'customers'] as const)(
    'restarts the list of %s, without loss or duplicates, also after a second interruption',
    async (name) => {
      await using target = await createExportDirectory();
      const options = { url: demo.url, directory: target.directory };
      await stopAt(options, ({ lists }) => lists[name].cursor !== null);
      await changeState(target.directory, ({ lists }) => (lists[name].cursor = 'unknown'));

      await stopAt(options, ({ lists }) => lists[name].isRestarted === true);
      await exportData(options);

      expect(sorted(await exportedState(target.directory))).toEqual(
        sorted(await accountState(demo.simulator)),
      );
      for (const kind of exportKinds)
        expect(repeatedIds(await readKind(target.directory, kind))).toEqual([]);
    },
  );

  test('restarts the list if only messages are exported', async () => {
    await using whole = await createExportDirectory();
    await using target = await createExportDirectory();
    const options = { url: demo.url, directory: target.directory, kinds: ['messages'] as const };
    await exportData({ ...options, directory: whole.directory });
    await stopAt(options, ({ lists, pending }) => lists.chats.cursor !== null && !pending.length);
    await changeState(target.directory, ({ lists }) => (lists.chats.cursor = 'unknown'));

    const { lines } = await exportData(options);

    expect(lines.messages).toBe((await readKind(whole.directory, 'messages')).length);
    expect(repeatedIds(await readKind(target.directory, 'messages'))).toEqual([]);
  });

  test('restarts the messages of a chat, without loss or duplicates', async () => {
    await using target = await createExportDirectory();
    const options = { url: demo.url, directory: target.directory };
    const isWithin = ({ pending }: any) => pending.some(({ after }: any) => after !== null);
    await stopAt(options, isWithin);
    await changeState(target.directory, ({ pending }) => {
      for (const entry of pending) if (entry.after !== null) entry.after = 'unknown';
    });

    await exportData(options);

    const messages = await readKind(target.directory, 'messages');
    const texts = messages.filter(({ chat }) => chat.id === '5003').map(({ text }) => text);
    expect(texts).toEqual(
      expect.arrayContaining(Array.from({ length: 210 }, (_each, index) => `Message ${index}`)),
    );
    expect(repeatedIds(messages)).toEqual([]);
  });
});

describe('a chat whose messages cannot be read', () => {
  const unreadable = '5007';

  test.each([
    'UPSTREAM_INVALID_RESPONSE',
    'UPSTREAM_FORBIDDEN',
    'NOT_FOUND',
    'UPSTREAM_UNAVAILABLE',
    'UPSTREAM_TIMEOUT',
  ])('is named and skipped because of %s, and read by a later run', async (code) => {
    await using target = await createExportDirectory();
    const { directory } = target;
    let isFailing = true;
    await using proxy = await startFailingProxy(demo.url, (id) =>
      isFailing && id === toNodeId('Chat', unreadable) ? code : undefined,
    );
    const options = { url: proxy.url, directory, clock: hastyClock };
    let latest: ExportProgress | undefined;

    const failure = await exportFailure({
      ...options,
      onProgress: (progress) => {
        latest = progress;
      },
    });

    expect(failure).toMatchObject({
      code: 'INCOMPLETE',
      message: expect.stringContaining(`${unreadable} (${code})`),
    });
    expect(latest?.skippedChats).toEqual([unreadable]);
    const manifest = JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
    expect(manifest).toMatchObject({
      completedAt: null,
      skippedChats: [{ id: unreadable, code }],
    });
    const first = await readKind(directory, 'messages');
    expect(first.filter(({ chat }) => chat.id === unreadable)).toEqual([]);

    isFailing = false;
    const { lines } = await exportData(options);

    const all = await readKind(directory, 'messages');
    expect(all.filter(({ chat }) => chat.id === unreadable)).not.toEqual([]);
    expect(all.filter(({ chat }) => chat.id !== unreadable)).toEqual(first);
    expect(lines).toMatchObject({ chats: 150, customers: 120 });
    expect(repeatedIds(all)).toEqual([]);
  });

  test('is no reason to be incomplete if it has been deleted', async () => {
    await using target = await createExportDirectory();
    const isDeleted = true;
    await using proxy = await startFailingProxy(
      demo.url,
      (id) => (id === toNodeId('Chat', unreadable) ? 'NOT_FOUND' : undefined),
      isDeleted,
    );

    const { lines } = await exportData({ url: proxy.url, directory: target.directory });

    expect(lines).toMatchObject({ chats: 150, customers: 120 });
  });

  test('is not skipped during an outage, which ends the export', async () => {
    await using target = await createExportDirectory();
    const { directory } = target;
    let isAvailable = false;
    const extensions = { code: 'UPSTREAM_UNAVAILABLE' };
    await using proxy = await startOperationProxy(demo.url, ({ body }) => {
      if (isAvailable || !/Export(Messages|Availability)/.test(body.query)) return undefined;
      const { ids } = body.variables ?? {};
      if (ids === undefined)
        return respond(200, { data: { chats: null }, errors: [{ message: 'No.', extensions }] });
      const errors = ids.map((_: string, index: number) => ({
        ...{ message: 'No.', path: ['nodes', index], extensions },
      }));
      return respond(200, { data: { nodes: ids.map(() => null) }, errors });
    });
    const options = { url: proxy.url, directory, clock: hastyClock };

    const failure = await exportFailure(options);
    isAvailable = true;
    const { lines } = await exportData(options);

    expect(failure).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('The gateway failed 12 times'),
    });
    expect(lines).toMatchObject({ chats: 150, customers: 120 });
    // Those of the chat with more than 100 messages included.
    expect(lines.messages).toBeGreaterThan(210);
  });

  test('ends the export if all chats are like it', async () => {
    await using target = await createExportDirectory();
    await using proxy = await startFailingProxy(demo.url, () => 'UPSTREAM_FORBIDDEN');

    const failure = await exportFailure({ url: proxy.url, directory: target.directory });

    expect(failure.code).toBe('CREDENTIALS');
  });
});

test('the last message of a chat is exported although the gateway has cached an older page', async () => {
  const cacheTtlsMs = { chats: 60_000, customers: 60_000, account: 300_000, absent: 0 };
  await using cached = await startDemo({
    customers: 20,
    chats: 40,
    config: { rateLimit: 0, cacheTtlsMs },
  });
  await using target = await createExportDirectory();
  await cached.query(
    'query ($ids: [ID!]!) { nodes(nodeIds: $ids) { ... on Chat { messages(first: 100) { nodes { id } } } } }',
    { ids: [toNodeId('Chat', '5003')] },
  );
  const body = { chat: 5003, text: 'The last one', type: 'message' };
  await rest(cached.simulator, '/messages', { method: 'POST', body });
  const before = cached.simulator.calls.length;

  await exportData({ url: cached.url, directory: target.directory });

  expect(sorted(await exportedState(target.directory))).toEqual(
    sorted(await accountState(cached.simulator)),
  );
  const reads = cached.simulator.calls
    .slice(before)
    .filter(({ path }) => path.startsWith('/chats/5003/messages'));
  // Two with that of the comparison.
  expect(reads).toHaveLength(2);
});
