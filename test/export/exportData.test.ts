import { appendFile, cp, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { buildSchema, isObjectType } from 'graphql';
import type { ExportProgress } from '../../src/index.ts';
import { exportData, exportKinds } from '../../src/index.ts';
import { exportFailure, startOperationProxy } from '../support/exportFailures.ts';
import { startDemo } from '../support/gateway.ts';
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
import { bearer, jwtAuth } from '../support/issuer.ts';

type Demo = Awaited<ReturnType<typeof startDemo>>;

let demo: Demo;

beforeAll(async () => {
  demo = await startDemo({ customers: 150, chats: 300, config: { rateLimit: 0 } });
});

afterAll(async () => {
  await demo[Symbol.asyncDispose]();
});

describe('a complete export', () => {
  test('contains every object once, in at most one percent more calls than pages of 100 need', async () => {
    await using target = await createExportDirectory();
    const before = demo.simulator.calls.length;

    const { lines, calls } = await exportData({ url: demo.url, directory: target.directory });

    const used = demo.simulator.calls.slice(before);
    const expected = await accountState(demo.simulator);
    expect(sorted(await exportedState(target.directory))).toEqual(sorted(expected));
    expect(calls).toBe(used.length);
    const withMessages = new Set(expected.messages.map(({ chat }) => chat.id)).size;
    const minimum = 3 + withMessages + 2 + 2;
    expect(used.length).toBeLessThanOrEqual(Math.ceil(minimum * 1.01));
    expect(lines).toMatchObject({ chats: 300, customers: 150, agents: 40, departments: 6 });
    for (const kind of exportKinds) {
      expect(repeatedIds(await readKind(target.directory, kind))).toEqual([]);
    }
  });

  test('reads with background priority and without counting again', async () => {
    await using target = await createExportDirectory();
    const requests: { readonly priority: unknown; readonly body: any }[] = [];
    await using proxy = await startOperationProxy(demo.url, (request) => requests.push(request));

    await exportData({ url: proxy.url, directory: target.directory });

    expect(new Set(requests.map(({ priority }) => priority))).toEqual(new Set(['u=7']));
    const counting = requests.filter(({ body }) => body.variables?.isFirst === true);
    expect(counting).toHaveLength(2);
  });

  test('contains every field of the schema that costs no further call', async () => {
    await using target = await createExportDirectory();
    await exportData({ url: demo.url, directory: target.directory });
    const schema = buildSchema(await readFile('schema.graphql', 'utf8'), { assumeValid: true });
    // Derived from others, or lists of other kinds.
    const omitted = new Set(['nodeId', 'url', 'application', 'lastCommunicatedAgent', 'chats']);
    omitted.add('messages');

    for (const [type, kind] of [
      ['Chat', 'chats'],
      ['Customer', 'customers'],
      ['Agent', 'agents'],
      ['Department', 'departments'],
      ['ChatMessage', 'messages'],
    ] as const) {
      const definition = schema.getType(type);
      const fields = isObjectType(definition) ? Object.keys(definition.getFields()) : [];
      const [line = {}] = await readKind(target.directory, kind);
      expect(Object.keys(line).toSorted()).toEqual(
        [...fields.filter((name) => !omitted.has(name)), 'exportedAt'].toSorted(),
      );
    }
  });

  test('has a manifest with the sizes of the files, which only their owner can read', async () => {
    await using target = await createExportDirectory();
    await exportData({ url: demo.url, directory: target.directory, kinds: ['chats', 'agents'] });

    const manifest = JSON.parse(await readFile(join(target.directory, 'manifest.json'), 'utf8'));

    expect((await readdir(target.directory)).toSorted()).toEqual(
      ['agents.ndjson', 'chats.ndjson', 'manifest.json', 'state.json'].toSorted(),
    );
    expect(manifest).toMatchObject({ version: 1, url: `${demo.url}/graphql`, gzip: false });
    expect(Date.parse(manifest.completedAt)).toBeGreaterThanOrEqual(Date.parse(manifest.startedAt));
    for (const { kind, file, bytes, lines } of manifest.files) {
      const { size, mode } = await stat(join(target.directory, file));
      expect({ size, mode: mode & 0o777 }).toEqual({ size: bytes, mode: 0o600 });
      expect(await readKind(target.directory, kind)).toHaveLength(lines);
    }
  });

  test('is not repeated by a second run', async () => {
    await using target = await createExportDirectory();
    const options = { url: demo.url, directory: target.directory };
    const first = await exportData(options);
    const before = demo.simulator.calls.length;

    const second = await exportData(options);

    expect(second).toEqual(first);
    expect(demo.simulator.calls).toHaveLength(before);
  });

  test('reports progress with calls, rate and remaining time', async () => {
    await using target = await createExportDirectory();
    const reports: ExportProgress[] = [];

    await exportData({
      url: demo.url,
      directory: target.directory,
      onProgress: (progress) => reports.push(progress),
    });

    const middle = reports[Math.floor(reports.length / 2)];
    expect(middle).toMatchObject({ phase: 'list', isUpToDate: false });
    expect(middle?.remainingMs).toBeGreaterThan(0);
    expect(middle?.callsPerMinute).toBeGreaterThan(0);
    expect(reports.at(-1)?.lines.chats).toBe(300);
  });
});

describe('an export without messages', () => {
  const [chats, customers] = [5_000, 2_000];
  let account: Demo;

  beforeAll(async () => {
    account = await startDemo({ customers, chats, config: { rateLimit: 0 } });
  });

  afterAll(async () => {
    await account[Symbol.asyncDispose]();
  });

  // The figures of docs/export.md: pages of 100 rows are the minimum, and one call is for the organization.
  test.each([
    { kinds: ['chats'], minimum: 50, expected: 57 },
    { kinds: ['customers'], minimum: 20, expected: 24 },
    { kinds: ['customers', 'chats'], minimum: 70, expected: 80 },
    { kinds: ['agents', 'departments'], minimum: 2, expected: 3 },
  ] as const)(
    'of $kinds makes $expected calls where pages of 100 rows need $minimum',
    async ({ kinds, minimum, expected }) => {
      await using target = await createExportDirectory();
      const before = account.simulator.calls.length;

      const { lines, calls } = await exportData({
        ...{ url: account.url, directory: target.directory, kinds },
      });

      const used = account.simulator.calls.length - before;
      expect({ calls, used }).toEqual({ calls: expected, used: expected });
      const pages = kinds.map((kind) => Math.ceil(lines[kind] / 100));
      expect(pages.reduce((sum, count) => sum + count)).toBe(minimum);
    },
  );
});

describe('a selection', () => {
  test('exports only the chats of the filter, with their messages', async () => {
    await using target = await createExportDirectory();
    const filter = { chats: { status: 'CLOSED' }, customers: { tags: ['VIP'] } };
    await exportData({ url: demo.url, directory: target.directory, filter });

    const { chats, messages, customers } = await readExport(target.directory);

    expect(chats.length).toBeGreaterThan(0);
    expect(new Set(chats.map(({ status }) => status))).toEqual(new Set(['CLOSED']));
    expect(new Set(messages.map(({ chat }) => chat.id))).toEqual(new Set(idsOf(chats)));
    for (const { tags } of customers)
      expect(tags).toContainEqual(expect.objectContaining({ name: 'VIP' }));
  });

  test('exports only chats created and customers seen since a time', async () => {
    await using target = await createExportDirectory();
    const since = new Date(Date.now() - 10 * 86_400_000);
    await exportData({ url: demo.url, directory: target.directory, since });

    const { chats, customers } = await readExport(target.directory);
    const all = await accountState(demo.simulator);

    expect(chats.length).toBeGreaterThan(0);
    expect(chats.length).toBeLessThan(all.chats.length);
    for (const { createdAt } of chats)
      expect(Date.parse(createdAt)).toBeGreaterThanOrEqual(+since - 1000);
    for (const { lastSeen } of customers)
      expect(Date.parse(lastSeen)).toBeGreaterThanOrEqual(+since - 1000);
  });

  test('compresses each commit as a member of its own', async () => {
    await using plain = await createExportDirectory();
    await using compressed = await createExportDirectory();
    const kinds = ['chats', 'messages'] as const;
    await exportData({ url: demo.url, directory: plain.directory, kinds });
    await exportData({ url: demo.url, directory: compressed.directory, kinds, gzip: true });

    const file = await readFile(join(compressed.directory, 'chats.ndjson.gz'));
    const withoutTime = (text: string) => text.replaceAll(/"exportedAt":"[^"]*"/g, '');
    expect(withoutTime(gunzipSync(file).toString())).toBe(
      withoutTime(await readFile(join(plain.directory, 'chats.ndjson'), 'utf8')),
    );
    expect(file.length).toBeLessThan((await stat(join(plain.directory, 'chats.ndjson'))).size / 3);
  });

  test.each([
    [{ url: 'ftp://a' }, 'url: must be an http or https URL'],
    [{ url: 'http://user:secret@a/' }, 'url: must not contain credentials'],
    [{ url: 'http://a/graphql?key=secret' }, 'url: must not contain a query'],
    [{ directory: '' }, 'directory: must not be empty'],
    [{ kinds: [] }, 'is not a kind'],
    [{ filter: { agents: {} } as never }, 'filter: must be an object such as'],
    [{ filter: { chats: [] } as never }, 'filter.chats: must be an object'],
    [{ since: new Date(NaN) }, 'since: must be a time'],
    [{ since: new Date(0), filter: { chats: { createdAt: {} } } }, 'cannot be combined'],
    [{ follow: true, filter: { chats: { status: 'NEW' } } }, 'follow: cannot be combined'],
    [{ follow: true, kinds: ['messages'] }, 'follow: the kind messages needs'],
    [{ follow: true, kinds: ['agents'] }, 'follow: needs the kind chats or customers'],
    [{ follow: true, kinds: ['departments'] }, 'follow: needs the kind chats or customers'],
    [
      { follow: true, kinds: ['agents', 'departments'] },
      'follow: needs the kind chats or customers',
    ],
    [{ follow: true, kinds: ['color' as never] }, 'is not a kind'],
  ] as const)('%j is rejected before anything is written', async (options, message) => {
    await using target = await createExportDirectory();
    const failure = await exportFailure({ url: demo.url, directory: target.directory, ...options });

    expect(failure.code).toBe('INVALID_OPTIONS');
    expect(failure.message).toContain(message);
    expect(failure.message).not.toContain('secret');
    expect(await readdir(target.directory)).toEqual([]);
  });

  test('an invalid filter is rejected by the gateway', async () => {
    await using target = await createExportDirectory();
    const filter = { chats: { color: 'red' } };
    const failure = await exportFailure({ url: demo.url, directory: target.directory, filter });

    expect(failure.code).toBe('REJECTED');
    expect(failure.message).toContain('color');
  });
});

describe('an interrupted export', () => {
  test.each([false, true])(
    'continues from the state after each commit, whatever was written after it (gzip: %s)',
    async (gzip) => {
      await using target = await createExportDirectory();
      await using copies = await createExportDirectory();
      const selection = { url: demo.url, gzip, since: new Date(Date.now() - 10 * 86_400_000) };
      let count = 0;
      await exportData({
        ...selection,
        directory: target.directory,
        onProgress: () => (count += 1),
      });
      const expected = sorted(await exportedState(target.directory));
      const extension = gzip ? 'ndjson.gz' : 'ndjson';

      for (let stopAt = 1; stopAt < count - 1; stopAt += 1) {
        const directory = join(copies.directory, String(stopAt));
        const stop = new AbortController();
        let commits = 0;
        const stopped = await exportFailure({
          ...selection,
          directory,
          signal: stop.signal,
          onProgress: () => (commits += 1) === stopAt && stop.abort(),
        });
        expect(stopped.code).toBe('INTERRUPTED');
        // What a killed process may leave: a part of the next commit, and a new state that was not renamed.
        await appendFile(join(directory, `chats.${extension}`), '{"id":"5');
        await appendFile(join(directory, `messages.${extension}`), Buffer.from([0x1f, 0x8b, 8, 0]));
        await writeFile(join(directory, 'state.json.tmp'), '{"version"');
        await writeFile(join(directory, 'export.lock'), '2147483646');

        await exportData({ ...selection, directory });

        expect(sorted(await exportedState(directory))).toEqual(expected);
        for (const kind of exportKinds)
          expect(repeatedIds(await readKind(directory, kind))).toEqual([]);
      }
      expect(count).toBeGreaterThan(5);
    },
  );

  test('costs no calls for what was committed', async () => {
    await using target = await createExportDirectory();
    const options = { url: demo.url, directory: target.directory };
    const stop = new AbortController();
    const before = demo.simulator.calls.length;
    await exportFailure({
      ...options,
      signal: stop.signal,
      onProgress: ({ lines }) => lines.messages > 1_000 && stop.abort(),
    });
    const { calls } = await exportData(options);

    expect(demo.simulator.calls.length - before).toBeLessThanOrEqual(310);
    expect(calls).toBe(demo.simulator.calls.length - before);
  });

  test.each([
    ['another URL', { url: 'http://127.0.0.1:9/graphql' }, 'was written with url'],
    ['other kinds', { kinds: ['agents'] }, 'was written with kinds'],
    ['another filter', { filter: { chats: { status: 'NEW' } } }, 'was written with filter'],
    ['another time', { since: new Date(1) }, 'was written with filter'],
    ['compression', { gzip: true }, 'was written with gzip'],
  ] as const)('does not continue with %s', async (_what, other, message) => {
    await using target = await createExportDirectory();
    await exportData({ url: demo.url, directory: target.directory, kinds: ['departments'] });
    const files = await readdir(target.directory);

    const failure = await exportFailure({
      url: demo.url,
      directory: target.directory,
      kinds: ['departments'],
      ...other,
    });

    expect(failure.code).toBe('STATE');
    expect(failure.message).toContain(message);
    expect(await readdir(target.directory)).toEqual(files);
  });

  test.each([
    ['is not JSON', '{"version":1', 'cannot be read by this version'],
    ['has another version', '{"version":2}', 'cannot be read by this version (version)'],
    ['is empty', '', 'cannot be read by this version'],
    ['is cut', [/.{40}$/s, ''], 'cannot be read by this version (JSON)'],
    ['has bytes that are not text', '\u0000\ufffd', 'cannot be read by this version (JSON)'],
    ['has a negative size', [/"bytes":\d+/, '"bytes":-1'], 'version (files.'],
    ['has an infinite size', [/"bytes":\d+/, '"bytes":1e999'], 'version (files.'],
    [
      'has more bytes than its files',
      [/"bytes":[1-9]\d*/, '"bytes":9007199254740991'],
      'has lost data',
    ],
    [
      'names a chat that cannot exist',
      [/"pending":\[\]/, '"pending":[{"chatId":"../1","after":null}]'],
      'version (pending.0.chatId)',
    ],
    [
      'names an event that cannot exist',
      [
        /"files"/,
        '"live":{"lastEventIds":{"chats":"no id"},"chats":[],"customers":[],"hasGap":false},"files"',
      ],
      'version (live.lastEventIds.chats)',
    ],
    ['has another role', [/"role":"\w+"/, '"role":"\\u001b[2J"'], 'version (role)'],
  ] as const)('does not continue if the state %s', async (_what, change, message) => {
    await using target = await createExportDirectory();
    const options = { url: demo.url, directory: target.directory, kinds: ['chats'] as const };
    await exportData(options);
    const path = join(target.directory, 'state.json');
    const state = await readFile(path, 'utf8');
    const damaged = typeof change === 'string' ? change : state.replace(change[0], change[1]);
    expect(damaged).not.toBe(state);
    await writeFile(path, damaged);

    const failure = await exportFailure(options);

    expect(failure).toMatchObject({ code: 'STATE', message: expect.stringContaining(message) });
  });

  test('does not read a state above 256 MiB', async () => {
    await using target = await createExportDirectory();
    const path = join(target.directory, 'state.json');
    await writeFile(path, '');
    // No space is used for it.
    await truncate(path, 3_000_000_000);

    expect(await exportFailure({ url: demo.url, directory: target.directory })).toMatchObject({
      code: 'STATE',
      message: expect.stringContaining('is larger than any file'),
    });
  });

  test('does not continue files that have lost data', async () => {
    await using target = await createExportDirectory();
    const options = { url: demo.url, directory: target.directory, kinds: ['chats'] as const };
    await exportData(options);
    await truncate(join(target.directory, 'chats.ndjson'), 10);

    expect(await exportFailure(options)).toMatchObject({ code: 'STATE' });
  });

  test('does not overwrite files without a state, nor those of a running export', async () => {
    await using target = await createExportDirectory();
    const options = { url: demo.url, directory: target.directory };
    await writeFile(join(target.directory, 'chats.ndjson.gz'), 'mine');
    const foreign = await exportFailure(options);
    await rm(join(target.directory, 'chats.ndjson.gz'));
    await writeFile(join(target.directory, 'export.lock'), '1');
    const locked = await exportFailure(options);

    expect(foreign).toMatchObject({
      code: 'STATE',
      message: expect.stringContaining('exists without'),
    });
    expect(locked).toMatchObject({ code: 'STATE', message: expect.stringContaining('process 1') });
  });

  test('reports a directory that cannot be created', async () => {
    expect(await exportFailure({ url: demo.url, directory: '/dev/null/export' })).toMatchObject({
      code: 'OUTPUT',
    });
  });

  test('can be copied and continued elsewhere', async () => {
    await using target = await createExportDirectory();
    await using copy = await createExportDirectory();
    const stop = new AbortController();
    await exportFailure({
      url: demo.url,
      directory: target.directory,
      signal: stop.signal,
      onProgress: ({ lines }) => lines.messages > 500 && stop.abort(),
    });
    await cp(target.directory, copy.directory, { recursive: true });

    const { lines } = await exportData({ url: demo.url, directory: copy.directory });

    expect(lines.chats).toBe(300);
  });
});

describe('credentials and limits', () => {
  let secured: Demo;

  beforeAll(async () => {
    secured = await startDemo({
      customers: 30,
      chats: 60,
      config: { rateLimit: 0, auth: jwtAuth(), maxUpstreamCalls: 8 },
    });
  });

  afterAll(async () => {
    await secured[Symbol.asyncDispose]();
  });

  const tokenOf = async (claims: Record<string, unknown>) =>
    (await bearer(claims)).authorization.slice('Bearer '.length);

  test('rejected credentials are reported without the token', async () => {
    await using target = await createExportDirectory();
    const options = { url: secured.url, directory: target.directory };
    const missing = await exportFailure(options);
    const wrong = await exportFailure({ ...options, token: 'not-a-token' });

    expect([missing.code, wrong.code]).toEqual(['CREDENTIALS', 'CREDENTIALS']);
    expect(wrong.message).not.toContain('not-a-token');
  });

  test.each(['first\nsecond', 'tök€n', 'zero\u0000'])(
    'a token that no header can contain ends the export before a request: %j',
    async (token) => {
      await using target = await createExportDirectory();
      const requests: unknown[] = [];
      await using proxy = await startOperationProxy(secured.url, (each) => requests.push(each));
      const { directory } = target;

      const failure = await exportFailure({ url: proxy.url, directory, token });

      expect(failure.code).toBe('CREDENTIALS');
      expect(failure.message).not.toContain(token);
      expect(requests).toEqual([]);
    },
  );

  test('a renewed token is used by the next request', async () => {
    await using target = await createExportDirectory();
    const valid = await tokenOf({ role: 'agent', agentId: 11 });
    let requests = 0;
    const token = () => ((requests += 1) > 3 ? 'expired' : valid);
    const options = { url: secured.url, directory: target.directory };
    const failure = await exportFailure({ ...options, token });

    const { lines } = await exportData({ ...options, token: () => Promise.resolve(valid) });

    expect(failure.code).toBe('CREDENTIALS');
    expect(lines).toMatchObject({ chats: 60, customers: 30 });
  });

  test('lower limits of the gateway only make the operations smaller', async () => {
    await using target = await createExportDirectory();
    const token = await tokenOf({ role: 'agent', agentId: 11 });
    await exportData({ url: secured.url, directory: target.directory, token });

    expect(sorted(await exportedState(target.directory))).toEqual(
      sorted(await accountState(secured.simulator)),
    );
  });

  test('a customer exports what it may read', async () => {
    await using target = await createExportDirectory();
    const [chat] = (await accountState(secured.simulator)).chats;
    const customerId = chat?.['customer'].id;
    const token = await tokenOf({ role: 'customer', customerId });
    await exportData({ url: secured.url, directory: target.directory, token });

    const customers = await readKind(target.directory, 'customers');
    const chats = await readKind(target.directory, 'chats');
    const messages = await readKind(target.directory, 'messages');

    expect(idsOf(customers)).toEqual([customerId]);
    expect(customers[0]).not.toHaveProperty('notes');
    expect(idsOf(chats)).toContain(chat?.['id']);
    expect(messages.map(({ type }) => type)).not.toContain('TECH');
    expect(await readdir(target.directory)).not.toContain('departments.ndjson');
  });

  test('an export is not continued as another role', async () => {
    await using target = await createExportDirectory();
    const options = { url: secured.url, directory: target.directory, kinds: ['agents'] as const };
    await exportData({ ...options, token: await tokenOf({ role: 'agent', agentId: 11 }) });
    const token = await tokenOf({ role: 'customer', customerId: 7001 });

    expect(await exportFailure({ ...options, token })).toMatchObject({ code: 'STATE' });
  });
});
