import { readFile, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { exportData } from '../../src/index.ts';
import {
  exportFailure,
  hastyClock,
  respond,
  startOperationProxy,
} from '../support/exportFailures.ts';
import { createExportDirectory, readKind, repeatedIds } from '../support/exports.ts';
import { startDemo } from '../support/gateway.ts';
import { jwtAuth, token as tokenOf } from '../support/issuer.ts';

type Demo = Awaited<ReturnType<typeof startDemo>>;

let demo: Demo;

beforeAll(async () => {
  demo = await startDemo({ customers: 20, chats: 40, config: { rateLimit: 0 } });
});

afterAll(async () => {
  await demo[Symbol.asyncDispose]();
});

describe('JSON that is not of the gateway', () => {
  test.each([
    [503, { message: 'Service Unavailable' }],
    [503, { errors: [{ message: 'no healthy upstream' }] }],
    [502, {}],
    [429, { message: 'Too many requests' }],
    [500, { data: null }],
  ])('with status %s is a transient failure: %j', async (status, body) => {
    await using target = await createExportDirectory();
    let requests = 0;
    await using proxy = await startOperationProxy(demo.url, () =>
      (requests += 1) % 2 === 1 ? respond(status, body) : undefined,
    );
    const options = { url: proxy.url, directory: target.directory, kinds: ['agents'] as const };

    const { lines } = await exportData({ ...options, clock: hastyClock });

    expect(lines.agents).toBe(40);
    expect(requests).toBeGreaterThan(4);
  });

  test.each([
    [401, { message: 'Unauthorized' }, 'CREDENTIALS'],
    [403, { errors: [{ message: 'denied' }] }, 'CREDENTIALS'],
    [404, { message: 'no Route matched' }, 'REJECTED'],
    [200, { status: 'ok' }, 'REJECTED'],
    [200, { data: { viewer: {} } }, 'REJECTED'],
  ])('with status %s and %j ends the export with %s', async (status, body, code) => {
    await using target = await createExportDirectory();
    await using proxy = await startOperationProxy(demo.url, () => respond(status, body));

    const failure = await exportFailure({ url: proxy.url, directory: target.directory });

    expect(failure.code).toBe(code);
  });

  test.each([
    ['ExportChats', { list: { nodes: [{}], pageInfo: {} } }],
    ['ExportMessages', { nodes: [{ messages: { nodes: 5 } }] }],
    ['ExportAgents', { agents: 'none' }],
  ])('an unexpected result of %s ends the export', async (name, data) => {
    await using target = await createExportDirectory();
    await using proxy = await startOperationProxy(demo.url, ({ body }) =>
      body.query.includes(name) ? respond(200, { data }) : undefined,
    );

    const failure = await exportFailure({ url: proxy.url, directory: target.directory });

    expect(failure).toMatchObject({
      code: 'REJECTED',
      message: expect.stringContaining('The response has an unexpected'),
    });
  });
});

describe('a response with stale data', () => {
  const stale = { extensions: { upstream: { calls: 1, stale: { ageMs: 60_000 } } } };
  const agents = [{ id: '1' }];
  const kinds = ['agents'] as const;

  test('is not exported: the operation is repeated past the cache', async () => {
    await using target = await createExportDirectory();
    const bypasses: boolean[] = [];
    await using proxy = await startOperationProxy(demo.url, ({ body, bypassesCache }) => {
      if (!body.query.includes('ExportAgents')) return undefined;
      bypasses.push(bypassesCache);
      return bypassesCache ? undefined : respond(200, { data: { agents }, ...stale });
    });
    const options = { url: proxy.url, directory: target.directory, kinds };
    const { lines } = await exportData({ ...options, clock: hastyClock });

    expect(lines.agents).toBe(40);
    expect(bypasses).toEqual([false, true]);
  });

  test('ends the export after 12 in succession', async () => {
    await using target = await createExportDirectory();
    await using proxy = await startOperationProxy(demo.url, ({ body }) =>
      body.query.includes('ExportAgents')
        ? respond(200, { data: { agents }, ...stale })
        : undefined,
    );
    const options = { url: proxy.url, directory: target.directory, kinds };

    expect(await exportFailure({ ...options, clock: hastyClock })).toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('The gateway responded with stale data.'),
    });
  });
});

test('a start time within a second contains the objects of that second', async () => {
  await using all = await createExportDirectory();
  await using target = await createExportDirectory();
  const options = { url: demo.url, kinds: ['chats'] as const };
  await exportData({ ...options, directory: all.directory });
  const newest = (await readKind(all.directory, 'chats')).at(-1)!;
  const since = new Date(Date.parse(newest['createdAt']) + 500);

  await exportData({ ...options, directory: target.directory, since });

  const ids = (await readKind(target.directory, 'chats')).map(({ id }) => id);
  expect(ids).toContain(newest['id']);
});

describe('the directory', () => {
  const kinds = ['customers'] as const;
  const space = Buffer.from(' ');

  test('is not used by two exports of one process', async () => {
    await using target = await createExportDirectory();
    const second = { failure: undefined as unknown };
    let requests = 0;
    await using proxy = await startOperationProxy(demo.url, () => {
      requests += 1;
      if (requests !== 2) return undefined;
      // While the first one runs.
      return async (response: ServerResponse) => {
        second.failure = await exportFailure(options);
        respond(503, {})(response);
      };
    });
    const options = { url: proxy.url, directory: target.directory, kinds };
    await exportData({ ...options, clock: hastyClock });

    expect(second.failure).toMatchObject({
      code: 'STATE',
      message: expect.stringContaining(`is in use by the process ${process.pid}`),
    });
    expect(repeatedIds(await readKind(target.directory, 'customers'))).toEqual([]);
  });

  test('an export whose lock was taken over writes nothing more and leaves the lock', async () => {
    await using target = await createExportDirectory();
    const lock = join(target.directory, 'export.lock');
    let written = '';
    await using proxy = await startOperationProxy(demo.url, ({ body }) => {
      if (!body.query.includes('ExportCustomers')) return undefined;
      return async (response: ServerResponse) => {
        await writeFile(lock, `${process.pid} another`);
        written = await readFile(join(target.directory, 'state.json'), 'utf8');
        const list = {
          nodes: [{ id: '1' }],
          pageInfo: { hasNextPage: false, endCursor: null },
        };
        respond(200, { data: { list } })(response);
      };
    });

    const failure = await exportFailure({ url: proxy.url, directory: target.directory, kinds });

    expect(failure).toMatchObject({
      code: 'STATE',
      message: expect.stringContaining('was taken over'),
    });
    expect(await readFile(join(target.directory, 'state.json'), 'utf8')).toBe(written);
    expect(await readKind(target.directory, 'customers')).toEqual([]);
    expect(await readFile(lock, 'utf8')).toBe(`${process.pid} another`);
  });

  test('the lock of an ended process with the same id is ignored, and none is left', async () => {
    await using target = await createExportDirectory();
    await writeFile(join(target.directory, 'export.lock'), `${process.pid} earlier`);

    await exportData({ url: demo.url, directory: target.directory, kinds });

    expect(await readdir(target.directory)).not.toContain('export.lock');
  });

  test('links are not followed to other files', async () => {
    await using target = await createExportDirectory();
    await using other = await createExportDirectory();
    const mine = join(other.directory, 'mine');
    await writeFile(mine, 'mine');
    const missing = join(other.directory, 'missing');
    const options = { url: demo.url, directory: target.directory, kinds };
    await symlink(missing, join(target.directory, 'customers.ndjson'));
    const failure = await exportFailure(options);
    await rm(join(target.directory, 'customers.ndjson'));
    for (const name of ['state.json.tmp', 'manifest.json.tmp', 'export.lock.tmp'])
      await symlink(mine, join(target.directory, name));

    await exportData(options);

    expect(failure.code).toBe('STATE');
    expect(await readFile(mine, 'utf8')).toBe('mine');
    expect(await readdir(other.directory)).toEqual(['mine']);
  });

  test.each([
    ['other lines', false, ({ length }: Buffer) => Buffer.alloc(length, '{"id":1}\n')],
    ['a torn last line', false, (data: Buffer) => Buffer.concat([data.subarray(0, -1), space])],
    ['zeros', false, ({ length }: Buffer) => Buffer.alloc(length)],
    ['zeros', true, ({ length }: Buffer) => Buffer.alloc(length)],
    ['uncompressed lines', true, ({ length }: Buffer) => Buffer.alloc(length, '{"id":1}\n')],
    ['a cut end', true, (data: Buffer) => Buffer.concat([data.subarray(0, -8), Buffer.alloc(8)])],
  ])(
    'damaged or missing files are reported as such: %s (gzip: %s)',
    async (_what, gzip, damage) => {
      await using target = await createExportDirectory();
      const options = { url: demo.url, directory: target.directory, kinds, gzip };
      await exportData(options);
      const path = join(target.directory, `customers.ndjson${gzip ? '.gz' : ''}`);
      const data = await readFile(path);

      await writeFile(path, damage(data));
      const damaged = await exportFailure({ ...options, follow: true });
      await rm(path);
      const missing = await exportFailure(options);

      expect(damaged).toMatchObject({
        code: 'STATE',
        message: `${path}: is damaged. Choose an empty directory.`,
      });
      expect(missing).toMatchObject({ code: 'STATE', message: `${path}: is missing.` });
    },
  );

  test.each(['state.json', 'export.lock'])('a link instead of %s is rejected', async (name) => {
    await using target = await createExportDirectory();
    await using other = await createExportDirectory();
    const mine = join(other.directory, 'mine');
    await writeFile(mine, '');
    const path = join(target.directory, name);
    await symlink(mine, path);

    expect(await exportFailure({ url: demo.url, directory: target.directory })).toMatchObject({
      code: 'STATE',
      message: `${path}: is a symbolic link, which is not followed.`,
    });
    expect(await readFile(mine, 'utf8')).toBe('');
  });

  test('that disappears does not hide why the export ended', async () => {
    await using target = await createExportDirectory();
    const directory = join(target.directory, 'out');
    await using proxy = await startOperationProxy(demo.url, ({ body }) => {
      if (!body.query.includes('ExportCustomers')) return undefined;
      return async (response: ServerResponse) => {
        await rm(directory, { recursive: true });
        await writeFile(directory, '');
        respond(401, {})(response);
      };
    });

    expect(await exportFailure({ url: proxy.url, directory, kinds })).toMatchObject({
      code: 'CREDENTIALS',
    });
  });
});

describe('an interrupted export', () => {
  const stopAfterFirstList = async (options: Parameters<typeof exportData>[0]) => {
    const stop = new AbortController();
    const failure = await exportFailure({
      ...options,
      signal: stop.signal,
      onProgress: ({ lines }) => lines.chats > 0 && stop.abort(),
    });
    expect(failure.code).toBe('INTERRUPTED');
  };

  test('is not continued with the data of another organization', async () => {
    await using target = await createExportDirectory();
    let organizationId: string | undefined;
    await using proxy = await startOperationProxy(demo.url, ({ body }) =>
      body.query.includes('ExportOrganization') && organizationId !== undefined
        ? respond(200, { data: { organization: { id: organizationId } } })
        : undefined,
    );
    const options = { url: proxy.url, directory: target.directory };
    await stopAfterFirstList(options);
    organizationId = '999';

    expect(await exportFailure(options)).toMatchObject({
      code: 'STATE',
      message: expect.stringContaining('the token is that of organization 999'),
    });
    organizationId = undefined;
    expect((await exportData(options)).lines).toMatchObject({ chats: 40 });
  });

  test.each(['pending', 'skipped'])(
    'that has followed changes is not continued with %s messages of another organization',
    async (name) => {
      await using target = await createExportDirectory();
      let organizationId = '1';
      let reads = 0;
      await using proxy = await startOperationProxy(demo.url, ({ body }) => {
        if (body.query.includes('ExportMessages')) reads += 1;
        return body.query.includes('ExportOrganization')
          ? respond(200, { data: { organization: { id: organizationId } } })
          : undefined;
      });
      const options = { url: proxy.url, directory: target.directory };
      await exportData(options);
      const path = join(target.directory, 'state.json');
      const state = JSON.parse(await readFile(path, 'utf8'));
      const entry = { chatId: '5001', after: null, code: 'UPSTREAM_FORBIDDEN', isRestarted: true };
      await writeFile(path, JSON.stringify({ ...state, [name]: [entry] }));
      organizationId = '999';
      const before = reads;

      expect(await exportFailure(options)).toMatchObject({
        code: 'STATE',
        message: expect.stringContaining('the token is that of organization 999'),
      });
      expect(reads).toBe(before);
    },
  );

  test('is not continued with the data of another customer', async () => {
    await using secured = await startDemo({
      customers: 20,
      chats: 40,
      config: { rateLimit: 0, auth: jwtAuth() },
    });
    await using target = await createExportDirectory();
    const options = { url: secured.url, directory: target.directory };
    const [one, other] = await Promise.all(
      [7001, 7002].map((customerId) => tokenOf({ role: 'customer', customerId })),
    );
    const before = secured.simulator.calls.length;
    await exportData({ ...options, kinds: ['customers'], token: one! });
    const used = secured.simulator.calls.slice(before).map(({ path }) => path);

    const failure = await exportFailure({
      ...options,
      kinds: ['customers'],
      follow: true,
      token: other!,
    });

    expect(failure).toMatchObject({
      code: 'STATE',
      message: 'The export has data of customer 7001; the token is that of customer 7002.',
    });
    expect(used.filter((path) => path.includes('organization'))).toEqual([]);
  });

  test('continues although the organization cannot be read', async () => {
    await using target = await createExportDirectory();
    await using proxy = await startOperationProxy(demo.url, ({ body }) =>
      body.query.includes('ExportOrganization')
        ? respond(400, { errors: [{ message: 'no', extensions: { code: 'UPSTREAM_FORBIDDEN' } }] })
        : undefined,
    );

    const { lines } = await exportData({ url: proxy.url, directory: target.directory });

    expect(lines).toMatchObject({ chats: 40, customers: 20 });
  });
});
