import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ExportOptions, ExportProgress } from '../../src/index.ts';
import { ExportError, exportData } from '../../src/index.ts';
import { readConfig } from '../../src/config/settings.ts';
import { createAgentWork } from '../support/agentWork.ts';
import {
  accountState,
  createExportDirectory,
  exportedState,
  readKind,
  repeatedIds,
  sorted,
} from '../support/exports.ts';
import { startDemo } from '../support/gateway.ts';
import { Idleness } from '../support/idleness.ts';
import { bearer, jwtAuth } from '../support/issuer.ts';
import { createManualClock } from '../support/manualClock.ts';
import { rest } from '../support/rest.ts';
import { startTcpProxy } from '../support/tcpProxy.ts';
import { webhookSecret } from '../support/webhooks.ts';

let idleness: Idleness;

beforeEach(() => {
  idleness = new Idleness();
});

afterEach(() => {
  idleness.end();
});

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

async function expectEqual(directory: string, { simulator }: TestAccount) {
  expect(sorted(await exportedState(directory))).toEqual(sorted(await accountState(simulator)));
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
        // Before each request.
        work.step();
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

  test('contains what changed while it was not running', async () => {
    await using account = await startAccount();
    await using target = await createExportDirectory();
    const options = { url: account.url, directory: target.directory };
    const first = startFollowing(account, options);
    await first.settle();
    await first.stop();
    const { simulator } = account;
    await rest(simulator, '/messages', {
      method: 'POST',
      body: { chat: 5003, text: 'Anyone?', type: 'message' },
    });
    await rest(simulator, '/customers', { method: 'POST', body: { name: 'Ada' } });
    await rest(simulator, '/customers/7002', { method: 'DELETE' });
    const before = simulator.calls.length;

    const second = startFollowing(account, options);
    await second.settle();
    await second.stop();

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
  test('waits for the rate limit while the reads of the agent are admitted at once', async () => {
    const { quotas, maxUpstreamCalls } = readConfig({});
    await using account = await startAccount({
      rateLimit: 120,
      customers: 100,
      chats: 250,
      config: { auth: jwtAuth(), rateLimit: 120, quotas, maxUpstreamCalls },
    });
    await using target = await createExportDirectory();
    const { clock, url, simulator } = account;
    const token = (await bearer({ role: 'agent', agentId: 11 })).authorization.slice(7);
    const headers = await bearer({ role: 'agent', agentId: 17 });
    const outcome = { isComplete: false };
    const exported = exportData({ url, directory: target.directory, token, clock }).finally(() => {
      outcome.isComplete = true;
    });
    const waitsMs: number[] = [];
    const codes = new Set<unknown>();
    const reads: Promise<void>[] = [];

    for (let second = 0; !outcome.isComplete; second += 1) {
      if (second % 3 === 0) {
        const startedMs = clock.monotonic();
        const id = 5000 + (second % 250);
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
    await Promise.all(reads);
    const { lines } = await exported;

    expect(codes).toEqual(new Set());
    expect(Math.max(...waitsMs.slice(20))).toBeLessThanOrEqual(3_000);
    expect(lines).toMatchObject({ chats: 250, customers: 100 });
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
