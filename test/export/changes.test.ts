import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ExportKind, ExportProgress } from '../../src/index.ts';
import { exportData } from '../../src/index.ts';
import { parseNodeId } from '../../src/lib/ids.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createDeferred } from '../support/deferred.ts';
import { hastyClock } from '../support/exportFailures.ts';
import { createExportDirectory, readKind } from '../support/exports.ts';
import { useIdleness } from '../support/useIdleness.ts';
import type { ExportOperation } from '../support/liveExportGateway.ts';
import {
  chatEvent,
  customerEvent,
  eventIdOf,
  startLiveExportGateway,
} from '../support/liveExportGateway.ts';
import { createManualClock } from '../support/manualClock.ts';

const idleness = useIdleness();

const idsOf = (operations: readonly ExportOperation[]): string[] =>
  operations.flatMap(({ variables }) => variables.ids.map((id: string) => parseNodeId(id)?.id));

const pageInfo = { hasNextPage: false, endCursor: null };
const createdAt = '2026-01-15T12:00:00.000Z';

function followGateway(
  url: string,
  directory: string,
  clock: Clock,
  kinds: readonly ExportKind[] = ['chats', 'messages'],
  onReport: (progress: ExportProgress) => void = () => undefined,
) {
  const stop = new AbortController();
  let isUpToDate = false;
  let isEnded = false;
  let wake = (): void => undefined;
  const ended = exportData({
    ...{ url, directory, clock, signal: stop.signal },
    ...{ follow: true, kinds },
    onProgress(progress) {
      ({ isUpToDate } = progress);
      onReport(progress);
      wake();
    },
  });
  return {
    /** Resolves when all events that were received are in the files. */
    async settle() {
      while (!isUpToDate)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    },
    ended() {
      isEnded = true;
      return ended;
    },
    stop() {
      stop.abort();
      return this.ended();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      if (!isEnded) await ended;
    },
  };
}

/** Follows a gateway with one chat, whose text and messages can be changed. */
async function followOneChat(
  directory: string,
  {
    clock = hastyClock,
    onFirstList,
    onRead,
  }: {
    readonly clock?: Clock;
    readonly onFirstList?: () => unknown;
    readonly onRead?: (ids: readonly string[]) => unknown;
  } = {},
) {
  const operations: ExportOperation[] = [];
  const account = {
    chat: { id: '1', status: 'CLOSED', createdAt, lastMessageText: 'First' },
    messages: [{ id: '11', createdAt, text: 'First' }],
  };
  const gateway = await startLiveExportGateway(async (operation) => {
    const { name, variables } = operation;
    const isFirst = !operations.some((each) => each.name === name);
    operations.push(operation);
    if (name === 'ExportChats') {
      if (isFirst) await onFirstList?.();
      return { data: { list: { nodes: [account.chat], pageInfo, totalCount: 1 } } };
    }
    if (name === 'ExportMessages')
      return { data: { nodes: [{ messages: { nodes: account.messages, pageInfo } }] } };
    if (name !== 'ExportChatsById') return undefined;
    await onRead?.(idsOf([operation]));
    const errors = variables.ids.flatMap((id: string, index: number) =>
      parseNodeId(id)?.id === '1'
        ? []
        : [{ message: 'No.', path: ['nodes', index], extensions: { code: 'NOT_FOUND' } }],
    );
    const nodes = variables.ids.map((id: string) =>
      parseNodeId(id)?.id === '1' ? account.chat : null,
    );
    return { data: { nodes }, ...(errors.length > 0 && { errors }) };
  });
  const following = followGateway(gateway.url, directory, clock);
  return {
    ...{ account, gateway },
    named: (name: string) => operations.filter((each) => each.name === name),
    settle: following.settle,
    async [Symbol.asyncDispose]() {
      await following[Symbol.asyncDispose]();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

describe('an event', () => {
  test('is followed by a read one second later, and by a line only if the chat has changed', async () => {
    await using target = await createExportDirectory();
    const clock = createManualClock();
    await using following = await followOneChat(target.directory, { clock });
    await following.settle();
    const { account, gateway } = following;

    await gateway.send([chatEvent('1')]);
    await idleness.reached();
    clock.advance(999);
    await idleness.reached();
    const early = following.named('ExportChatsById').length;
    clock.advance(1);
    await following.settle();
    const unchanged = await readKind(target.directory, 'chats');
    account.chat.lastMessageText = 'Second';
    await gateway.send([chatEvent('1'), chatEvent('1')]);
    await idleness.reached();
    clock.advance(1_000);
    await following.settle();

    expect(early).toBe(0);
    expect(following.named('ExportChatsById')).toHaveLength(2);
    expect(unchanged).toHaveLength(1);
    const texts = (await readKind(target.directory, 'chats')).map(
      (line) => line['lastMessageText'],
    );
    expect(texts).toEqual(['First', 'Second']);
  });

  test('of a message adds new messages only, and none that was edited', async () => {
    await using target = await createExportDirectory();
    await using following = await followOneChat(target.directory);
    await following.settle();
    const { account, gateway } = following;
    account.messages = [
      { id: '12', createdAt, text: 'Second' },
      { id: '11', createdAt, text: 'Edited' },
    ];
    await gateway.send([chatEvent('1', 'MESSAGE')]);
    await following.settle();

    const lines = await readKind(target.directory, 'messages');
    expect(lines.map(({ id, text }) => [id, text])).toEqual([
      ['11', 'First'],
      ['12', 'Second'],
    ]);
  });

  test('of a note in an empty chat adds the note', async () => {
    await using target = await createExportDirectory();
    await using following = await followOneChat(target.directory);
    await following.settle();
    const { account, gateway } = following;
    account.chat.status = 'EMPTY';
    account.messages = [{ id: '12', createdAt, text: 'Note' }];
    await gateway.send([chatEvent('1', 'MESSAGE')]);
    await following.settle();

    const texts = (await readKind(target.directory, 'messages')).map(({ text }) => text);
    expect(texts).toEqual(['First', 'Note']);
  });

  test('that is not exported when the process ends is exported by the next run, which continues after the last one', async () => {
    await using target = await createExportDirectory();
    await using copy = await createExportDirectory();
    const isReading = createDeferred();
    const held = createDeferred();
    let reads = 0;
    const onRead = async (ids: readonly string[]) => {
      if (!ids.includes('15') || (reads += 1) > 1) return;
      isReading.resolve();
      await held.promise;
    };
    await using following = await followOneChat(target.directory, { onRead });
    const { gateway, named } = following;
    await following.settle();
    await gateway.send(Array.from({ length: 15 }, (_, index) => chatEvent(String(index + 1))));
    await isReading.promise;
    const isLock = (path: string) => path.endsWith('export.lock');
    const recursive = true;
    await cp(target.directory, copy.directory, { recursive, filter: (path) => !isLock(path) });

    await using next = followGateway(gateway.url, copy.directory, hastyClock);
    await next.settle();
    held.resolve();

    expect(gateway.after.slice(1)).toEqual([eventIdOf('15')]);
    expect(
      named('ExportChatsById')
        .slice(1)
        .map((read) => idsOf([read])),
    ).toEqual([['15'], ['15']]);
  });

  test('that reports missed events is followed by a comparison of the lists', async () => {
    await using target = await createExportDirectory();
    await using following = await followOneChat(target.directory);
    await following.settle();
    const { account, gateway } = following;
    account.chat.lastMessageText = 'Second';
    await gateway.send([{ errors: [{ message: 'Missed.', extensions: { missed: true } }] }]);
    await following.settle();

    expect(following.named('ExportChats')).toHaveLength(2);
    expect(await readKind(target.directory, 'chats')).toHaveLength(2);
  });
});

test.each([
  [10_000, { byId: 10_000, lists: 1 }],
  [10_001, { byId: 0, lists: 2 }],
])('%i changes at once are read with %j', async (count, expected) => {
  await using target = await createExportDirectory();
  const events = Array.from({ length: count }, (_, index) => chatEvent(String(index + 1)));
  await using following = await followOneChat(target.directory, {
    onFirstList: () => following.gateway.send(events),
  });
  await following.settle();

  expect({
    byId: new Set(idsOf(following.named('ExportChatsById'))).size,
    lists: following.named('ExportChats').length,
  }).toEqual(expected);
});

test('10,001 exported chats that are missing from the list are compared and read once', async () => {
  await using target = await createExportDirectory();
  const rows = Array.from({ length: 10_001 }, (_, index) => ({
    ...{ id: String(index + 1), status: 'EMPTY', createdAt },
  }));
  let lists = 0;
  const read: string[] = [];
  await using gateway = await startLiveExportGateway((operation) => {
    if (operation.name === 'ExportChats') {
      lists += 1;
      const nodes = lists === 2 ? [] : rows;
      return { data: { list: { nodes, pageInfo, totalCount: nodes.length } } };
    }
    if (operation.name !== 'ExportChatsById') return undefined;
    read.push(...idsOf([operation]));
    const nodes = operation.variables.ids.map(() => null);
    const errors = nodes.map((_: null, index: number) => ({
      ...{ message: 'No.', path: ['nodes', index], extensions: { code: 'NOT_FOUND' } },
    }));
    return { data: { nodes }, errors };
  });
  await using following = followGateway(gateway.url, target.directory, hastyClock);
  await following.settle();
  await gateway.send([{ errors: [{ message: 'Missed.', extensions: { missed: true } }] }]);
  await following.settle();

  expect(lists).toBe(2);
  expect(read.toSorted()).toEqual(rows.map(({ id }) => id).toSorted());
});

test('a changed chat is not skipped during an outage, which ends the export', async () => {
  await using target = await createExportDirectory();
  const errors = [{ message: 'No.', extensions: { code: 'UPSTREAM_UNAVAILABLE' } }];
  await using gateway = await startLiveExportGateway(({ name }) => {
    if (name === 'ExportAvailability') return { data: { chats: null }, errors };
    if (name !== 'ExportChatsById') return undefined;
    return { data: { nodes: [null] }, errors };
  });
  await using following = followGateway(gateway.url, target.directory, hastyClock);
  await following.settle();
  await gateway.send([chatEvent('1')]);

  const failure = following.ended().catch((error: unknown) => error);
  expect(await Promise.race([failure, following.settle()])).toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('The gateway failed 12 times'),
  });
});

/** Follows twice an account whose lists of agents and departments a test determines for each run. */
async function followTeam(
  directory: string,
  teamOf: (run: number, isCached: boolean) => readonly string[],
) {
  let run = 1;
  const reads: string[] = [];
  await using gateway = await startLiveExportGateway(({ name, bypassesCache }) => {
    if (name !== 'ExportAgents' && name !== 'ExportDepartments') return undefined;
    reads.push(`${run} ${name}${bypassesCache ? ' uncached' : ''}`);
    const objects = teamOf(run, !bypassesCache).map((id) => ({ id, name: `Name ${id}` }));
    return { data: { [name === 'ExportAgents' ? 'agents' : 'departments']: objects } };
  });
  for (; run <= 2; run += 1) {
    await using following = followGateway(gateway.url, directory, hastyClock, [
      ...(['agents', 'departments', 'chats'] as const),
    ]);
    await following.settle();
    await following.stop();
  }
  const linesOf = async (kind: ExportKind) =>
    (await readKind(directory, kind)).map(({ id, deleted = false }) => ({ id, deleted }));
  return { reads, agents: await linesOf('agents'), departments: await linesOf('departments') };
}

describe('an agent or department that is missing from its list', () => {
  const exported = [
    { id: '1', deleted: false },
    { id: '2', deleted: false },
  ];

  test('gets a line for its deletion', async () => {
    await using target = await createExportDirectory();
    const { agents, departments } = await followTeam(target.directory, (run) =>
      run === 1 ? ['1', '2'] : ['1', '3'],
    );

    const changed = [...exported, { id: '3', deleted: false }, { id: '2', deleted: true }];
    expect(agents).toEqual(changed);
    expect(departments).toEqual(changed);
  });

  test('is not deleted if only the list that the gateway has cached lacks it', async () => {
    await using target = await createExportDirectory();
    const { reads, agents, departments } = await followTeam(target.directory, (run, isCached) =>
      run === 2 && isCached ? ['1'] : ['1', '2'],
    );

    expect(agents).toEqual(exported);
    expect(departments).toEqual(exported);
    expect(reads).toEqual([
      ...['1 ExportDepartments', '1 ExportAgents'],
      ...['2 ExportDepartments', '2 ExportDepartments uncached'],
      ...['2 ExportAgents', '2 ExportAgents uncached'],
    ]);
  });

  test('is not deleted if the list is empty', async () => {
    await using target = await createExportDirectory();
    const { agents, departments } = await followTeam(target.directory, (run) =>
      run === 1 ? ['1', '2'] : [],
    );

    expect(agents).toEqual(exported);
    expect(departments).toEqual(exported);
  });
});

test.each(['chats', 'customers'] as const)(
  'one of the changed %s that cannot be read is named, does not delay others, and is read by the next run',
  async (list) => {
    await using target = await createExportDirectory();
    let name = 'First';
    let isFailing = true;
    const rowOf = (id: string) => ({ id, status: 'EMPTY', createdAt, firstSeen: createdAt, name });
    await using gateway = await startLiveExportGateway((operation) => {
      if (operation.name === 'ExportAvailability') return { data: { [list]: { nodes: [] } } };
      if (['ExportChats', 'ExportCustomers'].includes(operation.name))
        return { data: { list: { nodes: ['1', '2'].map(rowOf), pageInfo, totalCount: 2 } } };
      if (!operation.name.endsWith('ById')) return undefined;
      const ids = idsOf([operation]);
      const failed = isFailing ? ids.indexOf('2') : -1;
      const nodes = ids.map((id, index) => (index === failed ? null : rowOf(id)));
      const extensions = { code: 'UPSTREAM_UNAVAILABLE' };
      const errors = [{ message: 'No.', path: ['nodes', failed], extensions }];
      return { data: { nodes }, ...(failed !== -1 && { errors }) };
    });
    const changeOf = (id: string) => (list === 'chats' ? chatEvent(id) : customerEvent(id));
    const namesOf = async (id: string) =>
      (await readKind(target.directory, list)).flatMap((line) =>
        line['id'] === id ? [line['name']] : [],
      );
    await using following = followGateway(gateway.url, target.directory, hastyClock, [list]);
    await following.settle();
    name = 'Second';
    await gateway.send([changeOf('2'), changeOf('1')]);
    await following.settle();
    const failure = following.stop();

    await expect(failure).rejects.toMatchObject({
      code: 'INCOMPLETE',
      message: expect.stringContaining('2 (UPSTREAM_UNAVAILABLE)'),
    });
    const path = join(target.directory, 'manifest.json');
    expect(JSON.parse(await readFile(path, 'utf8'))).toMatchObject({
      [list === 'chats' ? 'skippedChats' : 'skippedCustomers']: [
        { id: '2', code: 'UPSTREAM_UNAVAILABLE' },
      ],
    });
    expect([await namesOf('1'), await namesOf('2')]).toEqual([['First', 'Second'], ['First']]);

    isFailing = false;
    await using next = followGateway(gateway.url, target.directory, hastyClock, [list]);
    await next.settle();
    await next.stop();

    expect(await namesOf('2')).toEqual(['First', 'Second']);
  },
);

type Reachability = 'readable' | 'unreadable' | 'deleted';

/** Follows an account with chat 1 of customer 7. A test determines whether they and the older one of its two pages of messages can be read. */
async function followUnreadable(directory: string, olderMessages: Reachability = 'readable') {
  const codes = { unreadable: 'UPSTREAM_FORBIDDEN', deleted: 'NOT_FOUND' } as const;
  const chat = { id: '1', status: 'CLOSED', createdAt, customer: { id: '7' } };
  const reachability: Record<'chat' | 'customer' | 'olderMessages', Reachability> = {
    chat: 'readable',
    customer: 'readable',
    olderMessages,
  };
  const pages = { newest: [{ id: '12', createdAt }], older: [{ id: '11', createdAt }] };
  const list = (rows: readonly unknown[]) => ({
    data: { list: { nodes: rows, pageInfo, totalCount: rows.length } },
  });
  const node = (name: keyof typeof reachability, value: unknown) => {
    const state = reachability[name];
    if (state === 'readable') return { data: { nodes: [value] } };
    const error = { message: 'No.', path: ['nodes', 0], extensions: { code: codes[state] } };
    return { data: { nodes: [null] }, errors: [error] };
  };
  const gateway = await startLiveExportGateway(({ name, variables }) => {
    if (name === 'ExportAvailability') return { data: { chats: { nodes: [] } } };
    if (name === 'ExportChats') return list([chat]);
    if (name === 'ExportCustomers') return list([{ id: '7', firstSeen: createdAt }]);
    if (name === 'ExportChatsById') return node('chat', chat);
    if (name === 'ExportCustomersById') return node('customer', { id: '7', firstSeen: createdAt });
    if (name !== 'ExportMessages') return undefined;
    const messagePage = (nodes: unknown, hasNextPage: boolean) => ({
      messages: { nodes, pageInfo: { hasNextPage, endCursor: hasNextPage ? 'older' : null } },
    });
    return variables.after === null
      ? { data: { nodes: [messagePage(pages.newest, true)] } }
      : node('olderMessages', messagePage(pages.older, false));
  });
  const kinds = ['chats', 'messages', 'customers'] as const;
  let latest: ExportProgress | undefined;
  const onProgress = (progress: ExportProgress) => {
    latest = progress;
  };
  const following = followGateway(gateway.url, directory, hastyClock, kinds, onProgress);
  await following.settle();
  return {
    ...{ gateway, reachability, pages, stop: () => following.stop() },
    skippedChats: () => latest?.skippedChats,
    /** Sends events, and waits until they are exported. */
    async receive(events: readonly unknown[]) {
      await gateway.send(events);
      await following.settle();
    },
    async manifest() {
      return JSON.parse(await readFile(join(directory, 'manifest.json'), 'utf8'));
    },
    async [Symbol.asyncDispose]() {
      await following[Symbol.asyncDispose]();
      await gateway[Symbol.asyncDispose]();
    },
  };
}

describe('a chat that was skipped', () => {
  const complete = { completedAt: expect.any(String), skippedChats: [], skippedCustomers: [] };

  test('is complete when a later event finds it readable', async () => {
    await using target = await createExportDirectory();
    await using following = await followUnreadable(target.directory);
    following.reachability.chat = 'unreadable';
    await following.receive([chatEvent('1')]);
    const skipped = following.skippedChats();
    following.reachability.chat = 'readable';
    await following.receive([chatEvent('1', 'READ')]);
    const afterwards = following.skippedChats();
    await following.stop();

    expect(skipped).toEqual(['1']);
    expect(afterwards).toEqual([]);
    expect(await following.manifest()).toMatchObject(complete);
  });

  test('is exported with its older messages, each of them once', async () => {
    await using target = await createExportDirectory();
    await using following = await followUnreadable(target.directory, 'unreadable');
    const { pages, reachability } = following;
    const skipped = following.skippedChats();
    pages.newest = [{ id: '13', createdAt: '2026-01-15T12:00:05.000Z' }, ...pages.newest];
    await following.receive([chatEvent('1', 'MESSAGE')]);
    const skippedAgain = following.skippedChats();
    reachability.olderMessages = 'readable';
    pages.newest = [{ id: '14', createdAt: '2026-01-15T12:00:09.000Z' }, ...pages.newest];
    await following.receive([chatEvent('1', 'MESSAGE')]);
    await following.stop();

    expect([skipped, skippedAgain]).toEqual([['1'], ['1']]);
    const ids = (await readKind(target.directory, 'messages')).map(({ id }) => id);
    expect(ids).toEqual(['12', '13', '14', '11']);
    expect(await following.manifest()).toMatchObject(complete);
  });

  test('does not make the export incomplete after it has been deleted', async () => {
    await using target = await createExportDirectory();
    await using following = await followUnreadable(target.directory);
    following.reachability.chat = 'unreadable';
    await following.receive([chatEvent('1')]);
    following.reachability.chat = 'deleted';
    await following.receive([chatEvent('1')]);
    await following.stop();

    expect(await following.manifest()).toMatchObject(complete);
  });

  test('does not make the export incomplete after its customer, which was skipped too, has been deleted', async () => {
    await using target = await createExportDirectory();
    await using following = await followUnreadable(target.directory);
    following.reachability.chat = 'unreadable';
    following.reachability.customer = 'unreadable';
    await following.receive([chatEvent('1'), customerEvent('7')]);
    const skipped = following.skippedChats();
    following.reachability.customer = 'deleted';
    await following.receive([customerEvent('7')]);
    await following.stop();

    expect(skipped).toEqual(['1']);
    expect(await following.manifest()).toMatchObject(complete);
    const [customer, chat] = [
      (await readKind(target.directory, 'customers')).at(-1),
      (await readKind(target.directory, 'chats')).at(-1),
    ];
    expect(customer).toMatchObject({ id: '7', deleted: true });
    expect(chat).toMatchObject({ id: '1', deleted: true });
  });
});

test('comparisons that begin again because of a rejected cursor do not end the export, however many', async () => {
  await using target = await createExportDirectory();
  const rowOf = (id: string) => ({ id, status: 'EMPTY', createdAt });
  const rejected = {
    errors: [{ message: 'after: is invalid.', extensions: { code: 'BAD_USER_INPUT' } }],
  };
  let continued = 0;
  await using gateway = await startLiveExportGateway(({ name, variables }) => {
    if (name !== 'ExportChats') return undefined;
    const isFirst = variables.after === null;
    // The first list has no restart, each comparison has one.
    if (!isFirst && (continued += 1) % 2 === 0) return rejected;
    const info = isFirst ? { hasNextPage: true, endCursor: '1' } : pageInfo;
    return { data: { list: { nodes: [rowOf(isFirst ? '1' : '2')], pageInfo: info } } };
  });
  await using following = followGateway(gateway.url, target.directory, hastyClock);
  await following.settle();
  const ended = following.ended().catch((error: unknown) => error);
  for (let comparison = 0; comparison < 12; comparison += 1) {
    await gateway.send([{ errors: [{ message: 'Missed.', extensions: { missed: true } }] }]);
    expect(await Promise.race([ended, following.settle()])).toBeUndefined();
  }

  expect(continued).toBe(1 + 12 * 2);
});
