import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { ExportOptions, ExportProgress } from '../../src/index.ts';
import { ExportError, exportData } from '../../src/index.ts';
import { readConfig } from '../../src/config/settings.ts';
import { createAgentWork } from '../support/agentWork.ts';
import type { AccountState, ExportLine } from '../support/exports.ts';
import {
  accountState,
  createExportDirectory,
  exportedState,
  lastLines,
  readExport,
  readKind,
  repeatedIds,
  sorted,
  withFirstMessages,
} from '../support/exports.ts';
import { startDemo } from '../support/gateway.ts';
import { useIdleness } from '../support/useIdleness.ts';
import { bearer, jwtAuth, token } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { rest, restRows } from '../support/rest.ts';
import { startTcpProxy } from '../support/tcpProxy.ts';
import { webhookSecret } from '../support/webhooks.ts';

const idleness = useIdleness();

const counts = { customers: 60, chats: 120 };

async function startAccount(options: Parameters<typeof startDemo>[0] = {}) {
  const clock = createManualClock();
  const demo = await startDemo({
    clock,
    ...counts,
    ...options,
    config: { rateLimit: 0, webhookSecret, ...options.config },
  });
  demo.simulator.sendWebhooks({ url: `${demo.url}/webhooks/helpcrunch`, secret: webhookSecret });
  return { ...demo, clock };
}

type TestAccount = Awaited<ReturnType<typeof startAccount>>;

/** Starts an export that follows. `settle` advances the clock until all changes are in the files. */
function startFollowing({ clock }: TestAccount, options: Omit<ExportOptions, 'follow' | 'signal'>) {
  const stop = new AbortController();
  let latest: ExportProgress | undefined;
  let hasEnded = false;
  const ended = exportData({
    ...options,
    clock,
    follow: true,
    signal: stop.signal,
    onProgress: (progress) => {
      latest = progress;
    },
  });
  const end = () => {
    hasEnded = true;
  };
  ended.then(end, end);
  return {
    ended,
    progress: () => latest,
    async settle() {
      // The webhooks of earlier changes arrive within this time.
      for (let second = 0; second < 5; second += 1) {
        clock.advance(1_000);
        await idleness.reached();
      }
      do {
        clock.advance(1_000);
        await idleness.reached();
      } while (latest?.isUpToDate !== true && !hasEnded);
    },
    stop() {
      stop.abort();
      return ended;
    },
  };
}

/** An export that follows until all changes are in the files. */
async function followOnce(...parameters: Parameters<typeof startFollowing>) {
  const following = startFollowing(...parameters);
  await following.settle();
  return following.stop();
}

async function expectEqual(directory: string, { simulator }: TestAccount) {
  const stateOf = (state: AccountState) => sorted(withFirstMessages(state));
  expect(stateOf(await exportedState(directory))).toEqual(stateOf(await accountState(simulator)));
  expect(repeatedIds(await readKind(directory, 'messages'))).toEqual([]);
}

describe('an export that follows', () => {
  test('stays equal to the account for an hour of changes', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const { clock, url } = account;
    const work = createAgentWork({ gateway: account, simulator: account.simulator, ...counts });
    const following = startFollowing(account, { url, directory: target.directory });
    await following.settle();
    const before = following.progress();

    for (let minute = 0; minute < 60; minute += 1) {
      for (let step = 0; step < 6; step += 1) {
        work.step();
        await idleness.reached();
        clock.advance(10_000);
        await idleness.reached();
      }
      if (minute % 20 !== 0) continue;
      await following.settle();
      await expectEqual(target.directory, account);
    }
    expect(await work.finish()).toEqual([]);
    await following.settle();
    const { lines, calls } = await following.stop();

    await expectEqual(target.directory, account);
    expect(lines.messages).toBeGreaterThan((before?.lines.messages ?? 0) + 100);
    // At most the customer or the chat and its messages for each of 360 changes.
    expect(calls - (before?.calls ?? 0)).toBeLessThanOrEqual(2 * 360);
  });

  test('contains what changes while the lists are read', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const work = createAgentWork({ gateway: account, simulator: account.simulator, ...counts });
    const following = startFollowing(account, {
      url: account.url,
      directory: target.directory,
      token() {
        // Before each request, until the lists are read.
        if (following.progress()?.phase !== 'follow') work.step();
        return '';
      },
    });
    await following.settle();
    expect(await work.finish()).toEqual([]);
    await following.settle();
    await following.stop();

    await expectEqual(target.directory, account);
  });

  test('adds a line for each new state, and one for a deletion', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const { simulator, url } = account;
    const following = startFollowing(account, { url, directory: target.directory });
    await following.settle();
    const [chat] = await readKind(target.directory, 'chats');
    const customerId = chat?.['customer'].id;
    const chatIds = (await readKind(target.directory, 'chats')).flatMap(({ id, customer }) =>
      customer.id === customerId ? [id] : [],
    );

    await rest(simulator, '/chats/assignee', { method: 'PUT', body: { id: 5001, assignee: 17 } });
    await idleness.reached();
    await following.settle();
    await rest(simulator, `/customers/${customerId}`, { method: 'DELETE' });
    await idleness.reached();
    await following.settle();
    await following.stop();

    const chats = await readKind(target.directory, 'chats');
    const customers = await readKind(target.directory, 'customers');
    const assigned = chats.filter(({ id }) => id === '5001');
    expect(assigned.length).toBeGreaterThanOrEqual(2);
    expect(Date.parse(assigned[1]?.['exportedAt'])).toBeGreaterThan(
      Date.parse(assigned[0]?.['exportedAt']),
    );
    const deletion = { deleted: true, exportedAt: expect.any(String) };
    expect(customers.at(-1)).toEqual({ id: customerId, ...deletion });
    for (const id of chatIds) expect(chats).toContainEqual({ id, ...deletion });
    await expectEqual(target.directory, account);
  });

  test('contains the system messages of changes that leave the chat as it was', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const { simulator, url } = account;
    const following = startFollowing(account, { url, directory: target.directory });
    await following.settle();
    const before = await accountState(simulator);
    const chat = (await restRows(simulator, '/chats')).find(({ status }) => status === 'pending');

    for (const status of ['opened', 'pending'])
      await rest(simulator, '/chats/status', { method: 'PUT', body: { id: chat?.['id'], status } });
    await following.settle();
    await following.stop();

    const after = await accountState(simulator);
    expect(after.chats).toEqual(before.chats);
    expect(after.messages).toHaveLength(before.messages.length + 2);
    await expectEqual(target.directory, account);
  });

  test('contains what changed while it was not running', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const options = { url: account.url, directory: target.directory };
    await followOnce(account, options);
    const { simulator } = account;
    await rest(simulator, '/messages', {
      method: 'POST',
      body: { chat: 5003, text: 'Anyone?', type: 'message' },
    });
    await rest(simulator, '/customers', { method: 'POST', body: { name: 'Ada' } });
    await rest(simulator, '/customers/7002', { method: 'DELETE' });
    const before = simulator.calls.length;

    await followOnce(account, options);

    const used = simulator.calls.slice(before);
    await expectEqual(target.directory, account);
    expect(used.filter(({ path }) => path.includes('/messages')).length).toBeLessThan(5);
  });

  test('contains what changed while the connection was lost', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    await using proxy = await startTcpProxy(Number(new URL(account.url).port));
    const url = `http://127.0.0.1:${proxy.port}`;
    const following = startFollowing(account, { url, directory: target.directory });
    await following.settle();

    proxy.cut();
    await idleness.reached();
    await rest(account.simulator, '/messages', {
      method: 'POST',
      body: { chat: 5004, text: 'Still there?', type: 'message' },
    });
    proxy.mend();
    while (following.progress()?.isUpToDate === true) {
      account.clock.advance(1_000);
      await idleness.reached();
    }
    await following.settle();
    await following.stop();

    await expectEqual(target.directory, account);
  });

  test('contains deletions and changes of older objects during a gap with a time', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const { clock, simulator } = account;
    await using before = await createExportDirectory();
    await exportData({ url: account.url, directory: before.directory, kinds: ['chats'] });
    const all = (await readKind(before.directory, 'chats')).toSorted(
      (one, other) => Date.parse(one['createdAt']) - Date.parse(other['createdAt']),
    );
    const older = String(all[0]!['id']);
    const since = new Date(all[60]!['createdAt']);
    const options = { url: account.url, directory: target.directory, since };
    const write = (text: string) =>
      rest(simulator, '/messages', {
        method: 'POST',
        body: { chat: Number(older), text, type: 'message' },
      });
    const first = startFollowing(account, options);
    await first.settle();
    await write('Before');
    await first.settle();
    await first.stop();
    const customers = await readKind(target.directory, 'customers');
    const removed = customers.find(({ id }) => id !== all[0]!['customer'].id)?.['id'];
    await rest(simulator, `/customers/${removed}`, { method: 'DELETE' });
    await write('Meanwhile');
    clock.advance(1_000);

    await followOnce(account, options);

    const lastOf = (lines: readonly ExportLine[], id: string) =>
      lines.findLast((line) => line['id'] === id);
    const written = await readExport(target.directory);
    expect(lastOf(written.customers, removed)).toMatchObject({ deleted: true });
    expect(lastOf(written.chats, older)).toMatchObject({ lastMessageText: 'Meanwhile' });
    const texts = written.messages.filter(({ chat }) => chat.id === older).map(({ text }) => text);
    expect(texts).toEqual(expect.arrayContaining(['Before', 'Meanwhile']));
    expect(repeatedIds(written.messages)).toEqual([]);
  });

  test.each([
    { isKnown: true, found: 'at once' },
    { isKnown: false, found: 'with the next message' },
  ])(
    'finds a note that was added before a restart $found if the last event is known: $isKnown, and a move without an event in the next comparison',
    async ({ isKnown }) => {
      await using account = await startAccount();
      await using target = await createExportDirectory();
      const { simulator, url } = account;
      const options = { url, directory: target.directory };
      const write = (body: object) => rest(simulator, '/messages', { method: 'POST', body });
      const note = { chat: 5004, text: 'Call back', type: 'private', agent: 11 };
      const textsOf = async () =>
        (await readKind(target.directory, 'messages')).map(({ text }) => text);
      const departmentOf = async (id: string) =>
        lastLines(await readKind(target.directory, 'chats')).find((line) => line['id'] === id)?.[
          'department'
        ]?.id;
      const first = startFollowing(account, options);
      await first.settle();
      if (isKnown) await write({ chat: 5003, text: 'Thanks', type: 'message' });
      await first.settle();
      await first.stop();
      await write(note);

      const second = startFollowing(account, options);
      await second.settle();
      const afterRestart = await textsOf();
      await write({ chat: 5004, text: 'Still there?', type: 'message' });
      await second.settle();
      const afterMessage = await textsOf();
      const [before, other] = [await departmentOf('5006'), 4];
      await rest(simulator, '/chats/department', {
        method: 'PUT',
        body: { id: 5006, department: before === String(other) ? other + 1 : other },
      });
      await second.settle();
      const afterMove = await departmentOf('5006');
      await second.stop();
      await followOnce(account, options);

      expect(afterRestart.includes(note.text)).toBe(isKnown);
      expect(afterMessage).toEqual(expect.arrayContaining([note.text, 'Still there?']));
      expect(afterMove).toBe(before);
      expect(await departmentOf('5006')).not.toBe(before);
      await expectEqual(target.directory, account);
    },
  );

  test('can be added to a complete export, and ends with a manifest of the files', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const options = { url: account.url, directory: target.directory };
    await exportData({ ...options, clock: account.clock });
    await rest(account.simulator, '/chats/status', {
      method: 'PUT',
      body: { id: 5002, status: 'closed' },
    });
    await rest(account.simulator, '/customers/7003', { method: 'DELETE' });
    const following = startFollowing(account, options);
    await following.settle();
    await rest(account.simulator, '/customers', { method: 'POST', body: { name: 'Ada' } });
    await following.settle();
    await following.stop();

    await expectEqual(target.directory, account);
    const manifest = JSON.parse(await readFile(join(target.directory, 'manifest.json'), 'utf8'));
    for (const { file, bytes } of manifest.files)
      expect([file, (await stat(join(target.directory, file))).size]).toEqual([file, bytes]);
  });

  test('compares the lists with one call for 90 rows, and one for each object that is not in them', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const options = { url: account.url, directory: target.directory };
    await followOnce(account, options);
    const { simulator } = account;
    const deleted = ['7002', '7005', '7009'];
    const chats = (await readKind(target.directory, 'chats')).filter(({ customer }) =>
      deleted.includes(customer.id),
    );
    for (const id of deleted) await rest(simulator, `/customers/${id}`, { method: 'DELETE' });
    const before = simulator.calls.length;
    await followOnce(account, options);

    const paths = simulator.calls.slice(before).map(({ path }) => path);
    const lists = Math.ceil((counts.chats - chats.length) / 90) + 1;
    // A search for all missing customers at once is repeated for each, because it may not find a new one.
    const missing = chats.length + 1 + deleted.length;
    const [organization, team] = [1, 2];
    expect(chats.length).toBeGreaterThan(0);
    expect(paths).toHaveLength(organization + team + lists + missing);
    await expectEqual(target.directory, account);
  });

  test('contains only changes that were made through the gateway if there are no webhooks', async () => {
    const clock = createManualClock();
    await using demo = await startDemo({ clock, ...counts, config: { rateLimit: 0 } });
    await using target = await createExportDirectory();
    const account = { ...demo, clock };
    const options = { url: demo.url, directory: target.directory };
    const following = startFollowing(account, options);
    await following.settle();
    const lastAssignee = async (id: string) =>
      lastLines(await readKind(target.directory, 'chats')).find((line) => line['id'] === id)?.[
        'assignee'
      ]?.id;
    const body = { id: 5002, assignee: 17 };
    await rest(demo.simulator, '/chats/assignee', { method: 'PUT', body });
    await demo.query('mutation { assignChat(id: 5001, agentId: 17) { __typename } }');
    await following.settle();
    const [direct, throughGateway] = [await lastAssignee('5002'), await lastAssignee('5001')];
    await following.stop();

    expect(direct).not.toBe('17');
    expect(throughGateway).toBe('17');
  });

  test('stays equal to the account when the wall clock is set back', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const { clock, simulator } = account;
    const options = { url: account.url, directory: target.directory };
    const following = startFollowing(account, options);
    await following.settle();
    clock.setWallClock(-3_600_000);
    await idleness.reached();
    for (const text of ['After the clock was set', 'And again']) {
      const body = { chat: 5004, text, type: 'message' };
      await rest(simulator, '/messages', { method: 'POST', body });
      await following.settle();
    }
    await following.stop();
    await expectEqual(target.directory, account);

    clock.setWallClock(-86_400_000);
    await followOnce(account, options);
    await expectEqual(target.directory, account);
  });

  test('continues with a renewed token when that of its connection expires', async () => {
    await using account = await startAccount({ config: { auth: jwtAuth() } });
    await using target = await createExportDirectory();
    const { clock, simulator } = account;
    const startedAt = Math.floor(clock.now() / 1_000);
    const [firstExpiry, secondExpiry] = [startedAt + 120, startedAt + 3_600];
    const first = await token({ role: 'agent', agentId: 11, exp: firstExpiry });
    const second = await token({ role: 'agent', agentId: 11, exp: secondExpiry });
    const isRenewed = () => clock.now() / 1_000 > firstExpiry - 60;
    const following = startFollowing(account, {
      url: account.url,
      directory: target.directory,
      token: () => (isRenewed() ? second : first),
    });
    await following.settle();
    while (clock.now() / 1_000 < firstExpiry + 10) {
      clock.advance(5_000);
      await idleness.reached();
    }
    await rest(simulator, '/messages', {
      method: 'POST',
      body: { chat: 5004, text: 'Still there?', type: 'message' },
    });
    await following.settle();
    await following.stop();

    await expectEqual(target.directory, account);
  });

  test('ends when its token is rejected', async () => {
    await using account = await startAccount({ config: { auth: jwtAuth() } });
    await using target = await createExportDirectory();
    const following = startFollowing(account, {
      url: account.url,
      directory: target.directory,
      token: 'invalid',
    });

    await expect(following.ended).rejects.toMatchObject({ code: 'CREDENTIALS' });
  });
});

describe('an export next to an agent', () => {
  /** The account of the acceptance: EXPORT_CHATS=5000 EXPORT_CUSTOMERS=2000. */
  const size = {
    chats: Number(process.env['EXPORT_CHATS'] ?? 250),
    customers: Number(process.env['EXPORT_CUSTOMERS'] ?? 100),
  };

  test('waits for the rate limit while the reads of the agent are admitted at once', async () => {
    const { quotas, maxUpstreamCalls } = readConfig({});
    await using account = await startAccount({
      rateLimit: 120,
      ...size,
      config: { auth: jwtAuth(), rateLimit: 120, quotas, maxUpstreamCalls },
    });
    await using target = await createExportDirectory();
    const { clock, url, simulator } = account;
    const agentToken = (await bearer({ role: 'agent', agentId: 11 })).authorization.slice(7);
    const headers = await bearer({ role: 'agent', agentId: 17 });
    const waitsMs: number[] = [];
    const codes = new Set<unknown>();
    const reads: Promise<void>[] = [];
    /** A minute in which the agent reads every three seconds, or less. */
    async function passMinute(isOver: () => boolean): Promise<void> {
      for (let second = 0; second < 60 && !isOver(); second += 1) {
        if (second % 3 === 0) {
          const startedMs = clock.monotonic();
          const id = 5000 + (reads.length % size.chats);
          const read = account.query(`{ chat(id: ${id}) { status } }`, {}, headers);
          reads.push(
            read.then(({ errors }) => {
              waitsMs.push(clock.monotonic() - startedMs);
              for (const { extensions } of errors) codes.add(extensions['code']);
            }),
          );
        }
        await idleness.reached();
        clock.advance(1_000);
        await idleness.reached();
      }
    }

    // Before that, an agent has only the newcomer reserve.
    await passMinute(() => false);
    const outcome = { isComplete: false };
    const exported = exportData({
      url,
      directory: target.directory,
      token: agentToken,
      clock,
    }).finally(() => {
      outcome.isComplete = true;
    });
    while (!outcome.isComplete) await passMinute(() => outcome.isComplete);
    await Promise.all(reads);
    const { lines } = await exported;

    expect(codes).toEqual(new Set());
    expect(Math.max(...waitsMs)).toBeLessThanOrEqual(3_000);
    expect(lines).toMatchObject(size);
    expect(simulator.calls.filter(({ status }) => status === 429)).toEqual([]);
    expect(repeatedIds(await readKind(target.directory, 'messages'))).toEqual([]);
  });
});

describe('a gateway that fails', () => {
  test('is called again with backoff, and the export continues', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    await using proxy = await startTcpProxy(Number(new URL(account.url).port));
    const { clock } = account;
    const outcome = { hasEnded: false };
    const exported = exportData({
      url: `http://127.0.0.1:${proxy.port}`,
      directory: target.directory,
      clock,
      onProgress({ lines }) {
        if (lines.messages > 200 && lines.messages < 500) proxy.cut();
      },
    }).finally(() => {
      outcome.hasEnded = true;
    });
    for (let second = 0; !outcome.hasEnded; second += 1) {
      await idleness.reached();
      if (second % 10 === 9) proxy.mend();
      clock.advance(1_000);
    }

    expect(await exported).toMatchObject({ lines: { chats: 120, customers: 60 } });
    await expectEqual(target.directory, account);
  });

  test('ends the export after several minutes', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const { clock } = account;
    let failure: unknown;
    const { port } = await startTcpProxy(1).then(async (proxy) => {
      await proxy[Symbol.asyncDispose]();
      return proxy;
    });
    const url = `http://127.0.0.1:${port}`;
    const startedMs = clock.monotonic();
    void exportData({ url, directory: target.directory, clock }).catch((error: unknown) => {
      failure = error;
    });
    while (failure === undefined) {
      await idleness.reached();
      clock.advance(1_000);
    }

    expect(failure).toBeInstanceOf(ExportError);
    expect(failure).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining(`${url}/graphql cannot be reached`),
    });
    expect(clock.monotonic() - startedMs).toBeGreaterThan(120_000);
  });
});
