import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { exportData } from '../../src/index.ts';
import { readConfig } from '../../src/config/settings.ts';
import { createRandom } from '../../src/simulator/random.ts';
import {
  exportFailure,
  exportWithTime,
  hastyClock,
  respond,
  startFailingProxy,
  startOperationProxy,
} from '../support/exportFailures.ts';
import {
  accountState,
  createExportDirectory,
  exportedState,
  idsOf,
  readExport,
  readKind,
  repeatedIds,
  sorted,
} from '../support/exports.ts';
import { startDemo } from '../support/gateway.ts';
import { useIdleness } from '../support/useIdleness.ts';
import { createManualClock } from '../support/manualClock.ts';
import { rest } from '../support/rest.ts';

type DemoOptions = Parameters<typeof startDemo>[0];

const startSmallDemo = (options: DemoOptions = {}) =>
  startDemo({ customers: 20, chats: 40, ...options, config: { rateLimit: 0, ...options.config } });

const nameOf = ({ query }: { readonly query: string }): string => /^query (\w+)/.exec(query)![1]!;

describe('the requests of an export', () => {
  test('read objects after those that refer to them, with what is created meanwhile', async () => {
    await using demo = await startSmallDemo();
    await using target = await createExportDirectory();
    const names: string[] = [];
    let created: Promise<any> | undefined;
    const create = async () => {
      const customer = await rest(demo.simulator, '/customers', {
        method: 'POST',
        body: { name: 'Ada' },
      });
      const body = { customer: customer.id, application: 1 };
      return rest(demo.simulator, '/chats', { method: 'POST', body });
    };
    await using proxy = await startOperationProxy(demo.url, ({ body }) => {
      names.push(nameOf(body));
      if (names.at(-1) === 'ExportOrganization') created = create();
      return undefined;
    });
    await exportData({ url: proxy.url, directory: target.directory });
    const { id } = await created;

    expect([...new Set(names)]).toEqual([
      ...['ExportViewer', 'ExportOrganization', 'ExportChats', 'ExportMessages'],
      ...['ExportCustomers', 'ExportDepartments', 'ExportAgents'],
    ]);
    const { chats, messages, customers, agents, departments } = await readExport(target.directory);
    expect(idsOf(chats)).toContain(String(id));
    const known = {
      chat: new Set(idsOf(chats)),
      customer: new Set(idsOf(customers)),
      agent: new Set(idsOf(agents)),
      assignee: new Set(idsOf(agents)),
      department: new Set(idsOf(departments)),
    };
    for (const line of [...chats, ...messages]) {
      for (const [name, ids] of Object.entries(known))
        expect(line[name] ? ids.has(line[name].id) : true).toBe(true);
    }
  });

  test('exportedAt is the time of the request, not that of the response', async () => {
    const clock = createManualClock();
    await using demo = await startSmallDemo({ clock });
    await using target = await createExportDirectory();
    const requestedAt = new Map<string, string>();
    await using proxy = await startOperationProxy(demo.url, ({ body }) => {
      requestedAt.set(nameOf(body), new Date(clock.now()).toISOString());
      clock.advance(5_000);
      return undefined;
    });
    await exportData({ url: proxy.url, directory: target.directory, clock });

    const { chats, customers, agents } = await readExport(target.directory);
    const timesOf = (lines: typeof chats) => [...new Set(lines.map((line) => line['exportedAt']))];
    expect(timesOf(chats)).toEqual([requestedAt.get('ExportChats')]);
    expect(timesOf(customers)).toEqual([requestedAt.get('ExportCustomers')]);
    expect(timesOf(agents)).toEqual([requestedAt.get('ExportAgents')]);
  });

  test('cost one call for up to 100 messages of a chat, and one for 90 further ones', async () => {
    await using demo = await startSmallDemo();
    await using target = await createExportDirectory();
    for (let index = 0; index < 250; index += 1) {
      const body = { chat: 5003, text: String(index), type: 'message' };
      await rest(demo.simulator, '/messages', { method: 'POST', body });
    }
    const before = demo.simulator.calls.length;
    await exportData({ url: demo.url, directory: target.directory });

    const paths = demo.simulator.calls.slice(before).map(({ path }) => path);
    const reads = paths.filter((path) => path.startsWith('/chats/5003/messages'));
    const messages = await readKind(target.directory, 'messages');
    const own = messages.filter(({ chat }) => chat.id === '5003');
    const furtherPages = Math.ceil((own.length - 100) / 90);
    expect(own.length).toBeGreaterThan(250);
    expect(reads).toHaveLength(1 + furtherPages);
  });

  test('are not sent to the target of a redirect', async () => {
    await using target = await createExportDirectory();
    const received: unknown[] = [];
    await using other = await startOperationProxy('', (request) => {
      received.push(request);
      return respond(200, {});
    });
    const server = createServer((_request, response) => {
      response.writeHead(307, { location: `${other.url}/graphql` }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const failure = await exportFailure({ url, directory: target.directory, token: 'secret' });
    server.close();

    expect(failure).toMatchObject({
      code: 'REJECTED',
      message: expect.stringContaining('HTTP 307 is not a GraphQL response'),
    });
    expect(received).toEqual([]);
  });

  test('are rejected by a gateway that accepts only persisted operations', async () => {
    await using manifests = await createExportDirectory();
    const manifest = join(manifests.directory, 'operations.json');
    const query = '{ __typename }';
    const hash = createHash('sha256').update(query).digest('hex');
    await writeFile(manifest, JSON.stringify({ [hash]: query }));
    const { persistedOperations, persistedOnly } = readConfig({
      PERSISTED_ONLY: 'true',
      PERSISTED_OPERATIONS: manifest,
    });
    await using demo = await startSmallDemo({ config: { persistedOperations, persistedOnly } });
    await using target = await createExportDirectory();

    expect(await exportFailure({ url: demo.url, directory: target.directory })).toMatchObject({
      code: 'REJECTED',
    });
  });

  test.each([{ maxResponseNodes: 1_500 }, { maxResponseBytes: 20_000 }, { maxUpstreamCalls: 4 }])(
    'are smaller if the gateway has lower limits: %j',
    async (config) => {
      await using demo = await startSmallDemo({ config });
      await using target = await createExportDirectory();
      let smaller = 0;
      await using proxy = await startOperationProxy(demo.url, ({ body }) => {
        if (nameOf(body) === 'ExportMessages' && body.variables.ids.length < 14) smaller += 1;
        return undefined;
      });
      await exportData({ url: proxy.url, directory: target.directory, clock: hastyClock });

      expect(smaller).toBeGreaterThan(3);
      expect(sorted(await exportedState(target.directory))).toEqual(
        sorted(await accountState(demo.simulator)),
      );
    },
  );
});

describe('a customer without firstSeen', () => {
  /** Exports an account with 110 such customers, one of which gets a time before the given page of the list is read. */
  async function exportWith(pageNumber: number) {
    await using demo = await startSmallDemo();
    await using target = await createExportDirectory();
    const created: string[] = [];
    for (let index = 0; index < 110; index += 1) {
      const body = { name: `Customer ${index}` };
      const { id } = await rest(demo.simulator, '/customers', { method: 'POST', body });
      created.push(String(id));
    }
    const last = created.at(-1)!;
    let pages = 0;
    const isPage = ({ query }: { readonly query: string }) =>
      nameOf({ query }) === 'ExportCustomers' && (pages += 1) === pageNumber;
    await using gate = await startOperationProxy(demo.url, ({ body }) => {
      if (!isPage(body)) return undefined;
      return async (response: ServerResponse) => {
        const firstSeen = Math.floor(Date.now() / 1_000);
        await rest(demo.simulator, `/customers/${last}`, { method: 'PATCH', body: { firstSeen } });
        const passed = await fetch(`${demo.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
        respond(200, await passed.json())(response);
      };
    });
    await exportData({ url: gate.url, directory: target.directory, kinds: ['customers'] });
    const customers = await readKind(target.directory, 'customers');
    const exported = new Set(idsOf(customers));
    const all = idsOf((await accountState(demo.simulator)).customers);
    return {
      last,
      missing: all.filter((id) => !exported.has(id)),
      repeated: repeatedIds(customers),
    };
  }

  test('is contained once if it gets a time before those without one are read', async () => {
    expect(await exportWith(1)).toMatchObject({ missing: [], repeated: [] });
  });

  test('is missing if it gets a time while those without one are read, and no other one is', async () => {
    const { last, missing, repeated } = await exportWith(2);

    expect({ missing, repeated }).toEqual({ missing: [last], repeated: [] });
  });
});

describe('failures', () => {
  const idleness = useIdleness();

  test('are repeated 12 times with at most 30 seconds between them', async () => {
    await using target = await createExportDirectory();
    const clock = createManualClock();
    const requestedAtMs: number[] = [];
    await using proxy = await startOperationProxy('', () => {
      requestedAtMs.push(clock.monotonic());
      return respond(500, {});
    });
    const outcome = await exportWithTime(
      { url: proxy.url, directory: target.directory },
      { idleness, clock, stepMs: 500 },
    );

    expect(outcome).toMatchObject({
      code: 'UNAVAILABLE',
      message: 'The gateway failed 12 times: HTTP 500. Run the export again; it continues.',
    });
    expect(requestedAtMs).toHaveLength(12);
    // Half a second, doubled to 30 seconds, of which the clock of the test takes three quarters.
    const backoffMs = [0.5, 1, 2, 4, 8, 16, 30, 30, 30, 30, 30].map((seconds) => seconds * 750);
    for (const [index, expectedMs] of backoffMs.entries()) {
      const waitedMs = requestedAtMs[index + 1]! - requestedAtMs[index]!;
      expect(waitedMs).toBeGreaterThanOrEqual(expectedMs);
      expect(waitedMs).toBeLessThan(expectedMs + 1_500);
    }
  });

  test('are not counted while the rate limit admits no call', async () => {
    await using demo = await startSmallDemo();
    await using target = await createExportDirectory();
    let limited = 0;
    const rateLimited = { code: 'RATE_LIMITED', retryAfterMs: 20_000 };
    await using proxy = await startOperationProxy(demo.url, () => {
      if (limited === 100) return undefined;
      limited += 1;
      return limited % 2 === 0
        ? respond(429, {})
        : respond(200, { errors: [{ message: 'Wait.', extensions: rateLimited }] });
    });
    const outcome = await exportWithTime(
      { url: proxy.url, directory: target.directory },
      { idleness, clock: createManualClock(), stepMs: 500 },
    );

    expect(outcome).toMatchObject({ lines: { chats: 40, customers: 20 } });
  });

  test('of all kinds in random bursts neither lose nor repeat objects', async () => {
    await using demo = await startSmallDemo();
    await using target = await createExportDirectory();
    const random = createRandom(7, 7);
    const error = (code: string) => ({ errors: [{ message: 'No.', extensions: { code } }] });
    const kinds = [
      respond(429, {}),
      respond(500, { data: null }),
      respond(502, '<html>'),
      respond(503, error('UPSTREAM_UNAVAILABLE')),
      respond(200, { data: null, ...error('INTERNAL_SERVER_ERROR') }),
      respond(200, error('RATE_LIMITED')),
      respond(200, error('UPSTREAM_TIMEOUT')),
    ];
    let left = 0;
    let failures = 0;
    await using proxy = await startOperationProxy(demo.url, () => {
      if (left === 0) {
        left = random.integer(0, 3);
        return undefined;
      }
      left -= 1;
      failures += 1;
      return random.pick(kinds);
    });
    await exportData({ url: proxy.url, directory: target.directory, clock: hastyClock });

    expect(failures).toBeGreaterThan(10);
    expect(sorted(await exportedState(target.directory))).toEqual(
      sorted(await accountState(demo.simulator)),
    );
    expect(repeatedIds(await readKind(target.directory, 'messages'))).toEqual([]);
  });

  test('of 100 chats in succession end the export', async () => {
    await using demo = await startDemo({ customers: 20, chats: 150, config: { rateLimit: 0 } });
    await using target = await createExportDirectory();
    const failed = new Set<string>();
    await using proxy = await startFailingProxy(demo.url, (id) => {
      failed.add(id);
      return 'UPSTREAM_INVALID_RESPONSE';
    });
    const options = { url: proxy.url, directory: target.directory, clock: hastyClock };
    const failure = await exportFailure(options);

    expect(failure).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('of 100 chats in succession cannot be read'),
    });
    // Of the last operation, which reads 14 chats, all are requested.
    expect(failed.size).toBeGreaterThanOrEqual(100);
    expect(failed.size).toBeLessThan(100 + 14);
  });

  test('are shown without control characters and cut', async () => {
    await using target = await createExportDirectory();
    const message = `\u001b]0;title\u0007${'x'.repeat(10_000)}\n    at stack (file.js:1:1)`;
    await using proxy = await startOperationProxy('', () =>
      respond(400, { errors: [{ message, extensions: { code: 'BAD\u001b[2J' } }] }),
    );
    const failure = await exportFailure({ url: proxy.url, directory: target.directory });

    expect(failure.code).toBe('REJECTED');
    expect(failure.message).toContain('xxx');
    expect(failure.message).not.toMatch(/\p{Cc}|stack/u);
    expect(failure.message.length).toBeLessThan(700);
  });
});
